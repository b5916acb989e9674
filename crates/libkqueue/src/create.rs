//! kqueue(), kqueue1() and kqueuex(): a queue and its seat.

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use kevent::Kqueue;

use crate::{interpose, seat, sys};

/// `KQUEUE_CLOEXEC`: what every queue is here.
const KQUEUE_CLOEXEC: u32 = 1;
/// `KQUEUE_CPONFORK`: a copy in a forked child.
const KQUEUE_CPONFORK: u32 = 2;

/// A queue; returns its number.
///
/// # Errors
/// As [`kevent::Builder::build`].
pub(crate) fn queue(copy_on_fork: bool) -> io::Result<RawFd> {
    sys::fork::watch();
    let mut builder = Kqueue::builder().follows_closes(interpose::is_on());
    if copy_on_fork {
        builder = builder.copy_on_fork();
    }
    let queue = builder.build()?;
    let fd = queue.as_raw_fd();
    seat::take(fd, queue);
    Ok(fd)
}

/// kqueue1(2) of NetBSD: `O_CLOEXEC` and `O_NONBLOCK` change nothing, `O_NOSIGPIPE` neither.
///
/// # Errors
/// `EINVAL`: another flag.
pub(crate) fn queue1(flags: i32) -> io::Result<RawFd> {
    if flags & !(libc::O_CLOEXEC | libc::O_NONBLOCK) != 0 {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    queue(false)
}

/// kqueuex(2) of FreeBSD.
///
/// # Errors
/// `EINVAL`: another flag than `KQUEUE_CLOEXEC`; a copy for the child is not to be had.
pub(crate) fn queuex(flags: u32) -> io::Result<RawFd> {
    if flags & !(KQUEUE_CLOEXEC | KQUEUE_CPONFORK) != 0 {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    queue(flags & KQUEUE_CPONFORK != 0)
}
