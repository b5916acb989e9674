//! Blocked signals: whether one is blocked, whether it is pending, and a descriptor that says
//! when one becomes pending. Nothing is ever read from it, so nothing is consumed.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use super::super::check;

/// Whether the calling thread blocks this signal.
pub(crate) fn is_blocked(signal: i32) -> bool {
    let mut set = empty();
    // SAFETY: no new set is given, and the old one goes to an initialised set.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), &raw mut set) };
    contains(&set, signal)
}

/// Whether this signal is blocked and pending, for the process or the calling thread.
pub(crate) fn is_pending(signal: i32) -> bool {
    let mut set = empty();
    // SAFETY: the set is initialised and valid for the call.
    unsafe { libc::sigpending(&raw mut set) };
    contains(&set, signal)
}

/// A signalfd(2) for the signals whose bits are set, signal 1 being the lowest.
pub(crate) fn create(signals: u64) -> io::Result<OwnedFd> {
    // SAFETY: the call has just made this descriptor; nobody else owns it.
    signalfd(-1, signals).map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Gives a signalfd other signals.
pub(crate) fn set(fd: BorrowedFd<'_>, signals: u64) -> io::Result<()> {
    signalfd(fd.as_raw_fd(), signals).map(drop)
}

fn signalfd(fd: i32, signals: u64) -> io::Result<i32> {
    let mut set = empty();
    for signal in (1..=64).filter(|signal| signals >> (signal - 1) & 1 == 1) {
        // SAFETY: the set is initialised; a number that libc keeps to itself is refused.
        unsafe { libc::sigaddset(&raw mut set, signal) };
    }
    let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
    // SAFETY: the set is initialised and valid for the call.
    check(unsafe { libc::signalfd(fd, &raw const set, flags) })
}

fn empty() -> libc::sigset_t {
    let mut set = MaybeUninit::zeroed();
    // SAFETY: sigemptyset(3) initialises the set it is given.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: initialised by the call.
    unsafe { set.assume_init() }
}

fn contains(set: &libc::sigset_t, signal: i32) -> bool {
    // SAFETY: the set is initialised; a wrong number is answered with -1.
    unsafe { libc::sigismember(set, signal) == 1 }
}
