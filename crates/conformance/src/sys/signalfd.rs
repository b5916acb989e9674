//! A signalfd(2) that is readable: one of the descriptors EVFILT_READ has to know.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr;

/// Blocks SIGUSR1 in this thread, opens a signalfd for it, and sends it to this thread.
///
/// # Errors
/// As signalfd(2).
pub fn readable_signalfd() -> io::Result<OwnedFd> {
    let set = sigusr1();
    // SAFETY: the set is initialised and lives through the call; no old set is asked for.
    let failed = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) };
    if failed != 0 {
        return Err(io::Error::from_raw_os_error(failed));
    }
    // SAFETY: the set is initialised and lives through the call.
    let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: signalfd just returned this descriptor and nobody else knows it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: raise takes a valid signal number; it is blocked in this thread.
    if unsafe { libc::raise(libc::SIGUSR1) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(fd)
}

fn sigusr1() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set it is given.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: initialised above.
    let mut set = unsafe { set.assume_init() };
    // SAFETY: the set is initialised and the signal number valid.
    unsafe { libc::sigaddset(&raw mut set, libc::SIGUSR1) };
    set
}
