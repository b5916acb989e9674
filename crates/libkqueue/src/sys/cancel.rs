//! pthread_cancel(3): only the wait of a call is a cancellation point, and it leaves nothing
//! behind.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;

// Both Linux C libraries have these, at these names; the libc crate has not.
unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
    fn _pthread_cleanup_push(
        entry: *mut Entry,
        routine: unsafe extern "C" fn(*mut c_void),
        argument: *mut c_void,
    );
    fn _pthread_cleanup_pop(entry: *mut Entry, execute: c_int);
}

unsafe extern "C-unwind" {
    fn pthread_testcancel();
}

const PTHREAD_CANCEL_DISABLE: c_int = 1;

/// What the C library notes about a cleanup: four words with glibc, three with musl.
#[repr(C)]
pub(crate) struct Entry([usize; 4]);

/// Whether the thread could be cancelled, to be put back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before(c_int);

/// The thread is not cancelled from now on.
#[inline]
pub(crate) fn disable() -> Before {
    let mut before = 0;
    // SAFETY: `before` is valid for the call.
    unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &raw mut before) };
    Before(before)
}

/// The thread is cancelled as before.
#[inline]
pub(crate) fn restore(before: Before) {
    // SAFETY: the state was given by the call itself; nobody asks for the old one.
    unsafe { pthread_setcancelstate(before.0, ptr::null_mut()) };
}

/// Ends the thread here if it was cancelled. Unwinds its caller, which must hold nothing.
#[inline]
pub(crate) fn test() {
    // SAFETY: takes no argument, and may unwind: it is declared so.
    unsafe { pthread_testcancel() };
}

/// From here to [`pop`] a cancelled thread calls `routine(argument)`.
///
/// # Safety
/// `entry` and `argument` stay valid until `pop(entry)`, which is called from the same function.
#[inline]
pub(crate) unsafe fn push(
    entry: &mut MaybeUninit<Entry>,
    routine: unsafe extern "C" fn(*mut c_void),
    argument: *mut c_void,
) {
    // SAFETY: the caller's promise; the entry is as large as either C library's.
    unsafe { _pthread_cleanup_push(entry.as_mut_ptr(), routine, argument) };
}

/// Ends what [`push`] began; the routine is not called.
///
/// # Safety
/// The entry was pushed, by the same function, and nothing after it is.
#[inline]
pub(crate) unsafe fn pop(entry: &mut MaybeUninit<Entry>) {
    // SAFETY: the caller's promise.
    unsafe { _pthread_cleanup_pop(entry.as_mut_ptr(), 0) };
}
