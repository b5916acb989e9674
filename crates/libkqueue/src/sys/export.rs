//! The functions of `<sys/event.h>`.

use std::ffi::{c_int, c_uint};
use std::fmt;
use std::io;
use std::os::fd::RawFd;
use std::panic::catch_unwind;

use super::{cancel, errno};
use crate::abi::{FreebsdKevent, PortableKevent};
use crate::{create, seat, trace};

/// kqueue(2): a new queue, always close-on-exec.
///
/// Returns its descriptor number, or -1 and errno: `EMFILE`, `ENFILE`, `ENOMEM`.
#[unsafe(no_mangle)]
pub extern "C" fn kqueue() -> c_int {
    made(format_args!("kqueue()"), || create::queue(false))
}

/// kqueue1(2) of NetBSD; also `EINVAL` for an unknown flag.
#[unsafe(no_mangle)]
pub extern "C" fn kqueue1(flags: c_int) -> c_int {
    let names = trace::kqueue1_flags(flags);
    made(format_args!("kqueue1({names})"), || create::queue1(flags))
}

/// kqueuex(2) of FreeBSD; also `EINVAL` for an unknown flag and for `KQUEUE_CPONFORK`.
#[unsafe(no_mangle)]
pub extern "C" fn kqueuex(flags: c_uint) -> c_int {
    let names = trace::kqueuex_flags(flags);
    made(format_args!("kqueuex({names})"), || create::queuex(flags))
}

fn made(
    call: fmt::Arguments<'_>,
    make: impl FnOnce() -> io::Result<RawFd> + std::panic::UnwindSafe,
) -> c_int {
    let before = cancel::disable();
    let result = catch_unwind(make)
        .unwrap_or_else(|_| Err(io::Error::from_raw_os_error(libc::ENOTRECOVERABLE)));
    if trace::is_on() {
        trace::made(call, &result);
    }
    cancel::restore(before);
    result.unwrap_or_else(|error| errno::fail(&error))
}

/// kevent(2) with the 32-byte structure and the numbers of the other library of this name.
///
/// # Safety
/// As kevent(2): the arrays are as long as said, and the pointers are valid or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn kevent(
    kq: c_int,
    changelist: *const PortableKevent,
    nchanges: c_int,
    eventlist: *mut PortableKevent,
    nevents: c_int,
    timeout: *const libc::timespec,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { super::kevent::kevent(kq, changelist, nchanges, eventlist, nevents, timeout) }
}

/// kevent(2) with FreeBSD's 64-byte structure and numbers: what `kevent` is in a program compiled
/// with `KEVENT_FREEBSD`.
///
/// # Safety
/// As kevent(2): the arrays are as long as said, and the pointers are valid or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn kevent_freebsd(
    kq: c_int,
    changelist: *const FreebsdKevent,
    nchanges: c_int,
    eventlist: *mut FreebsdKevent,
    nevents: c_int,
    timeout: *const libc::timespec,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { super::kevent::kevent(kq, changelist, nchanges, eventlist, nevents, timeout) }
}

/// Returns once every closed queue is reclaimed: nobody is inside one any more.
///
/// Not from a thread that is itself inside kevent() (a signal handler).
#[unsafe(no_mangle)]
pub extern "C" fn libkqueue_drain_pending_close() {
    while seat::is_any_closing() {
        std::thread::yield_now();
    }
}
