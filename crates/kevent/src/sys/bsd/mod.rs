//! Systems with a kqueue of their own: kqueue(2), kevent(2), and what closing and fork(2) need.
//!
//! What a port to another one must provide is one file with `RawKevent`'s conversions
//! (`encode`, `decode`), the type of kevent(2)'s counts, what the system `LACKS`, where errno is,
//! and a column in `constants`.

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::ptr;
use std::time::Duration;

use super::check;
use crate::native::change::Errno;

#[cfg(target_vendor = "apple")]
mod apple;
#[cfg(target_os = "dragonfly")]
mod dragonfly;
pub(crate) mod fork;
#[cfg(target_os = "freebsd")]
mod freebsd;
#[cfg(target_os = "netbsd")]
mod netbsd;
#[cfg(target_os = "openbsd")]
mod openbsd;

#[cfg(target_vendor = "apple")]
use apple as system;
#[cfg(target_os = "dragonfly")]
use dragonfly as system;
#[cfg(target_os = "freebsd")]
use freebsd as system;
#[cfg(target_os = "netbsd")]
use netbsd as system;
#[cfg(target_os = "openbsd")]
use openbsd as system;

pub(crate) use libc::kevent as RawKevent;
pub(crate) use system::{LACKS, decode, encode};

/// A new queue, close-on-exec. No system lets a forked child inherit it, so nothing can slip in
/// between the two calls.
pub(crate) fn kqueue() -> io::Result<RawFd> {
    // SAFETY: kqueue(2) takes nothing.
    let fd = check(unsafe { libc::kqueue() })?;
    // SAFETY: F_SETFD takes an int.
    let set = check(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) });
    match set {
        Ok(_) => Ok(fd),
        Err(error) => {
            close(fd);
            Err(error)
        }
    }
}

/// kevent(2): applies the changes, waits, and fills `events` with up to `room` entries. With no
/// room it allocates nothing and is async-signal-safe.
pub(crate) fn kevent(
    queue: RawFd,
    changes: &[RawKevent],
    events: &mut Vec<RawKevent>,
    room: usize,
    timeout: Option<Duration>,
) -> io::Result<()> {
    events.clear();
    let no_memory = |_| io::Error::from_raw_os_error(libc::ENOMEM);
    events.try_reserve(room).map_err(no_memory)?;
    let too_many = |_| io::Error::from_raw_os_error(libc::EINVAL);
    let change_count = system::Count::try_from(changes.len()).map_err(too_many)?;
    let event_count = system::Count::try_from(room).unwrap_or(system::Count::MAX);
    let timeout = timeout.map(timespec);
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the changes are `change_count` entries, the list has room for `event_count`, and
    // the timeout is null or valid for the call.
    let count = check(unsafe {
        libc::kevent(
            queue,
            changes.as_ptr(),
            change_count,
            events.as_mut_ptr(),
            event_count,
            timeout,
        )
    })?;
    let count = usize::try_from(count).unwrap_or(0);
    // SAFETY: the kernel has written that many entries from the front, at most `room`.
    unsafe { events.set_len(count) };
    Ok(())
}

fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: duration.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        // Below 10^9, which every type of this field holds.
        tv_nsec: duration.subsec_nanos().try_into().unwrap_or(0),
    }
}

/// Puts a new queue behind the number of another one, which thereby loses all its knotes.
pub(crate) fn replace_by_empty_queue(fd: RawFd) -> io::Result<()> {
    let empty = kqueue()?;
    // SAFETY: dup2(2) takes two numbers; the caller owns `fd` and keeps it taken.
    let replaced = check(unsafe { libc::dup2(empty, fd) });
    close(empty);
    replaced?;
    // SAFETY: F_SETFD takes an int.
    check(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) }).map(drop)
}

/// Closes a number that the caller owns. After an error it is closed all the same.
pub(crate) fn close(fd: RawFd) {
    // SAFETY: close(2) takes a number; nothing else uses this one any more.
    unsafe { libc::close(fd) };
}

/// The number as a borrowed descriptor, for as long as its owner keeps it open.
pub(crate) fn borrow<'fd>(fd: RawFd) -> BorrowedFd<'fd> {
    // SAFETY: the caller ties the lifetime to the queue, which keeps the number taken until its
    // last handle is dropped; it is not -1.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

/// errno, for a signal handler to keep.
pub(crate) fn save_errno() -> Errno {
    let place = system::errno_place();
    // SAFETY: the place of this thread's errno.
    unsafe { *place }
}

/// Puts errno back.
pub(crate) fn restore_errno(number: Errno) {
    let place = system::errno_place();
    // SAFETY: as above.
    unsafe { *place = number };
}
