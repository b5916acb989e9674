//! timerfd(2).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::check;
use super::clock::{Clock, timespec};

/// timerfd_create(2), close-on-exec and non-blocking.
pub(crate) fn create(clock: Clock) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointer.
    let fd =
        check(unsafe { libc::timerfd_create(clock.id(), libc::TFD_CLOEXEC | libc::TFD_NONBLOCK) })?;
    // SAFETY: the call has just made this descriptor; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// timerfd_settime(2): readable once its clock has reached `deadline` (nanoseconds), or never.
/// Either way it is not readable now unless the deadline has passed.
pub(crate) fn set(timer: BorrowedFd<'_>, deadline: Option<u64>) -> io::Result<()> {
    let never = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // An all-zero value disarms, so the beginning of time is moved by one nanosecond.
    let value = deadline.map_or(never, |ns| timespec(ns.max(1)));
    let setting = libc::itimerspec {
        it_interval: never,
        it_value: value,
    };
    // SAFETY: `setting` is valid for the duration of the call; the old value is not asked for.
    check(unsafe {
        libc::timerfd_settime(
            timer.as_raw_fd(),
            libc::TFD_TIMER_ABSTIME,
            &raw const setting,
            std::ptr::null_mut(),
        )
    })
    .map(drop)
}
