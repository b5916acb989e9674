//! The thread's errno.

use std::io;

/// Runs something and leaves errno as it was.
pub(crate) fn keep<R>(act: impl FnOnce() -> R) -> R {
    let before = get();
    let result = act();
    set(before);
    result
}

/// The thread's errno.
pub(crate) fn get() -> i32 {
    // SAFETY: takes no argument, and the thread's errno lives as long as the thread.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: the pointer is to this thread's own errno.
    unsafe { place.read() }
}

/// Sets it.
pub(crate) fn set(errno: i32) {
    // SAFETY: takes no argument, and the thread's errno lives as long as the thread.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: the pointer is to this thread's own errno.
    unsafe { place.write(errno) };
}

/// An error as C has it: -1, and errno says which.
pub(crate) fn fail(error: &io::Error) -> i32 {
    set(error.raw_os_error().unwrap_or(libc::EIO));
    -1
}
