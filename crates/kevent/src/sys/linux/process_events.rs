//! The process events connector: a netlink(7) socket on which the kernel tells of every fork,
//! exec and exit of the system (`linux/cn_proc.h`).

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::check;

const CN_IDX_PROC: u32 = 1;
const CN_VAL_PROC: u32 = 1;
const PROC_CN_MCAST_LISTEN: u32 = 1;

/// What the receive buffer should hold, in bytes: 20,000 events. Without privilege the system's
/// `rmem_max` is the limit.
const BUFFER_BYTES: libc::c_int = 8 * 1024 * 1024;

#[repr(C)]
struct Request {
    header: libc::nlmsghdr,
    index: u32,
    value: u32,
    sequence: u32,
    acknowledge: u32,
    length: u16,
    flags: u16,
    operation: u32,
}

/// A socket that belongs to the connector's group and does not yet listen; non-blocking.
///
/// # Errors
/// `EPROTONOSUPPORT`: the kernel has no connector. `EPERM`: not without privilege (before
/// Linux 6.6).
pub(crate) fn socket() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: takes no pointer.
    let fd = check(unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_CONNECTOR) })?;
    // SAFETY: the call has just made this descriptor; nobody else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    let bytes = BUFFER_BYTES;
    for option in [libc::SO_RCVBUFFORCE, libc::SO_RCVBUF] {
        // SAFETY: the option takes an int, which is valid for the call.
        let answer = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                option,
                (&raw const bytes).cast(),
                length_of::<libc::c_int>(),
            )
        };
        if answer == 0 {
            break;
        }
    }
    let mut address = empty_address();
    address.nl_groups = CN_IDX_PROC;
    // SAFETY: the address is valid for the call, and its length is given.
    check(unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            length_of::<libc::sockaddr_nl>(),
        )
    })?;
    Ok(socket)
}

/// Asks for the events. The kernel's answer carries `mark` plus one, and goes to every listener of
/// the system. (The request's sequence number does not come back.)
///
/// # Errors
/// `ECONNREFUSED`: this network namespace has no connector.
pub(crate) fn listen(socket: BorrowedFd<'_>, mark: u32) -> io::Result<()> {
    #[expect(clippy::cast_possible_truncation, reason = "a few dozen bytes")]
    let request = Request {
        header: libc::nlmsghdr {
            nlmsg_len: size_of::<Request>() as u32,
            nlmsg_type: libc::NLMSG_DONE as u16,
            nlmsg_flags: 0,
            nlmsg_seq: 0,
            nlmsg_pid: 0,
        },
        index: CN_IDX_PROC,
        value: CN_VAL_PROC,
        sequence: 0,
        acknowledge: mark,
        length: size_of::<u32>() as u16,
        flags: 0,
        operation: PROC_CN_MCAST_LISTEN,
    };
    // SAFETY: the request is initialised without padding and valid for the call.
    let sent = unsafe {
        libc::send(
            socket.as_raw_fd(),
            (&raw const request).cast(),
            size_of::<Request>(),
            0,
        )
    };
    if sent < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// The next datagram of the kernel's, into `buffer`; how long it is. Does not wait. Datagrams of
/// other senders are passed over.
///
/// # Errors
/// `EAGAIN`: there is none. `ENOBUFS`: some were lost.
pub(crate) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        let mut sender = empty_address();
        let mut length = length_of::<libc::sockaddr_nl>();
        // SAFETY: the buffer, the address and its length are valid for the call.
        let count = unsafe {
            libc::recvfrom(
                socket.as_raw_fd(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                libc::MSG_DONTWAIT,
                (&raw mut sender).cast(),
                &raw mut length,
            )
        };
        let Ok(count) = usize::try_from(count) else {
            let error = io::Error::last_os_error();
            if error.kind() == io::ErrorKind::Interrupted {
                continue;
            }
            return Err(error);
        };
        if sender.nl_pid == 0 {
            return Ok(count);
        }
    }
}

/// Waits until there is something to receive, or for so many milliseconds; -1 waits without
/// limit.
pub(crate) fn await_events(socket: BorrowedFd<'_>, milliseconds: i32) -> io::Result<()> {
    let mut entry = libc::pollfd {
        fd: socket.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one entry, valid for the call.
    check(unsafe { libc::poll(&raw mut entry, 1, milliseconds) }).map(drop)
}

/// The calling thread's id.
pub(crate) fn thread_id() -> i32 {
    // SAFETY: takes no argument and cannot fail.
    unsafe { libc::gettid() }
}

/// Runs `start`, which starts a thread, with all signals blocked; the thread inherits that, so
/// that the program's signals go to the program's threads.
pub(crate) fn with_signals_blocked<T>(start: impl FnOnce() -> T) -> T {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the call initialises the set.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: the first set is initialised, and the second has room for the mask.
    let failed =
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) };
    let result = start();
    if failed == 0 {
        // SAFETY: the call above has filled the mask in.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    }
    result
}

#[expect(clippy::cast_possible_truncation, reason = "a few bytes")]
const fn length_of<T>() -> libc::socklen_t {
    size_of::<T>() as libc::socklen_t
}

fn empty_address() -> libc::sockaddr_nl {
    // SAFETY: all zero is a value of this structure of integers.
    let mut address: libc::sockaddr_nl = unsafe { MaybeUninit::zeroed().assume_init() };
    #[expect(clippy::cast_possible_truncation, reason = "16")]
    let family = libc::AF_NETLINK as libc::sa_family_t;
    address.nl_family = family;
    address
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Leaves the socket the smallest receive buffer there is: a few events.
    pub(crate) fn shrink(socket: BorrowedFd<'_>) {
        let bytes: libc::c_int = 0;
        // SAFETY: the option takes an int, which is valid for the call.
        let answer = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_RCVBUF,
                (&raw const bytes).cast(),
                length_of::<libc::c_int>(),
            )
        };
        assert_eq!(answer, 0, "{}", io::Error::last_os_error());
    }
}
