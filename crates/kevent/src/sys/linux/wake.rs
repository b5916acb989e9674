//! The descriptor that wakes a queue, and the one epoll call that a signal handler may make.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// An eventfd that is readable from its first moment and for ever, because nobody reads it.
pub(crate) fn readable_eventfd() -> io::Result<OwnedFd> {
    // SAFETY: eventfd(2) takes no pointer.
    let fd = unsafe { libc::eventfd(1, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has just made this descriptor, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// EPOLL_CTL_ADD of `fd` to the set with this number.
pub(crate) fn epoll_add(
    epoll_fd: RawFd,
    fd: BorrowedFd<'_>,
    events: u32,
    data: u64,
) -> io::Result<()> {
    let mut event = libc::epoll_event { events, u64: data };
    // SAFETY: `event` is valid for the call; a wrong set number is answered with an errno.
    let answer = unsafe {
        libc::epoll_ctl(
            epoll_fd,
            libc::EPOLL_CTL_ADD,
            fd.as_raw_fd(),
            &raw mut event,
        )
    };
    if answer == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// EPOLL_CTL_MOD of `fd` in the set with this number, if it is there. Says nothing about
/// failure and keeps errno, so a signal handler may call it.
pub(crate) fn epoll_modify(epoll_fd: RawFd, fd: BorrowedFd<'_>, events: u32, data: u64) {
    let mut event = libc::epoll_event { events, u64: data };
    // SAFETY: takes no argument, and the thread's errno lives as long as the thread.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: the pointer is to this thread's own errno.
    let before = unsafe { errno.read() };
    // SAFETY: `event` is valid for the call; a wrong set number is answered with an errno.
    unsafe {
        libc::epoll_ctl(
            epoll_fd,
            libc::EPOLL_CTL_MOD,
            fd.as_raw_fd(),
            &raw mut event,
        )
    };
    // SAFETY: the pointer is to this thread's own errno.
    unsafe { errno.write(before) };
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn epoll() -> OwnedFd {
        // SAFETY: epoll_create1(2) takes no pointer.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        assert!(fd >= 0);
        // SAFETY: the call has just made this descriptor.
        unsafe { OwnedFd::from_raw_fd(fd) }
    }

    /// The tags of the events of one wait, which ends after ten seconds with none.
    pub(crate) fn wait(set: &OwnedFd) -> Vec<u64> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 4];
        // SAFETY: the kernel writes at most the four events there are.
        let count = unsafe { libc::epoll_wait(set.as_raw_fd(), events.as_mut_ptr(), 4, 10_000) };
        events
            .iter()
            .take(usize::try_from(count).unwrap())
            .map(|event| event.u64)
            .collect()
    }

    /// Whether poll(2) calls the descriptor readable now.
    pub(crate) fn is_readable(fd: &impl AsRawFd) -> bool {
        let mut entry = libc::pollfd {
            fd: fd.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one entry, valid for the call.
        let ready = unsafe { libc::poll(&raw mut entry, 1, 0) };
        assert!(ready >= 0);
        entry.revents & libc::POLLIN != 0
    }

    pub(crate) fn set_errno(errno: i32) {
        // SAFETY: takes no argument, and the thread's errno lives as long as the thread.
        let place = unsafe { libc::__errno_location() };
        // SAFETY: the pointer is to this thread's own errno.
        unsafe { place.write(errno) };
    }

    pub(crate) fn last_errno() -> i32 {
        io::Error::last_os_error().raw_os_error().unwrap()
    }
}
