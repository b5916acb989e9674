//! What the kernel says about a socket, by getsockopt(2) and by sends and receives that move
//! nothing.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// The part of `struct tcp_info` that filters look at (tcp(7), `TCP_INFO`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct TcpInfo {
    /// One of the kernel's TCP states, `TCP_ESTABLISHED` being 1.
    pub(crate) state: u8,
    /// Retransmissions of the segment now unacknowledged.
    pub(crate) retransmits: u8,
    /// Keepalive or window probes without an answer.
    pub(crate) probes: u8,
    /// Of a listener: connections waiting to be accepted.
    pub(crate) unacked: u32,
    /// Smoothed round trip time in microseconds; 0 before the connection was established.
    pub(crate) rtt_us: u32,
    /// Milliseconds since the last acknowledgement.
    pub(crate) last_ack_ms: u32,
}

/// AF_INET, AF_UNIX and so on. ENOTSOCK: not a socket.
pub(crate) fn domain(fd: RawFd) -> io::Result<i32> {
    option(fd, libc::SOL_SOCKET, libc::SO_DOMAIN)
}

/// SOCK_STREAM and so on.
pub(crate) fn socket_type(fd: RawFd) -> io::Result<i32> {
    option(fd, libc::SOL_SOCKET, libc::SO_TYPE)
}

/// Whether listen(2) was called.
pub(crate) fn is_listening(fd: RawFd) -> io::Result<bool> {
    option(fd, libc::SOL_SOCKET, libc::SO_ACCEPTCONN).map(|listening: i32| listening != 0)
}

/// SO_RCVLOWAT, in bytes.
pub(crate) fn receive_low_water(fd: RawFd) -> io::Result<i32> {
    option(fd, libc::SOL_SOCKET, libc::SO_RCVLOWAT)
}

/// SO_ERROR: the pending error, which this call takes away from the program.
pub(crate) fn take_error(fd: RawFd) -> io::Result<i32> {
    option(fd, libc::SOL_SOCKET, libc::SO_ERROR)
}

pub(crate) fn tcp_info(fd: RawFd) -> io::Result<TcpInfo> {
    let info: libc::tcp_info = option(fd, libc::IPPROTO_TCP, libc::TCP_INFO)?;
    Ok(TcpInfo {
        state: info.tcpi_state,
        retransmits: info.tcpi_retransmits,
        probes: info.tcpi_probes,
        unacked: info.tcpi_unacked,
        rtt_us: info.tcpi_rtt,
        last_ack_ms: info.tcpi_last_ack_recv,
    })
}

/// TCP_SYNCNT: how often a SYN is sent again before connect(2) times out.
pub(crate) fn tcp_syn_count(fd: RawFd) -> io::Result<i32> {
    option(fd, libc::IPPROTO_TCP, libc::TCP_SYNCNT)
}

/// TCP_KEEPCNT: how many unanswered keepalive probes end the connection.
pub(crate) fn tcp_keepalive_count(fd: RawFd) -> io::Result<i32> {
    option(fd, libc::IPPROTO_TCP, libc::TCP_KEEPCNT)
}

/// TCP_USER_TIMEOUT in milliseconds; 0 is none.
pub(crate) fn tcp_user_timeout_ms(fd: RawFd) -> io::Result<u32> {
    option(fd, libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT)
}

/// SIOCOUTQ: the bytes sent that the peer has not yet acknowledged or read.
pub(crate) fn unsent_bytes(fd: RawFd) -> io::Result<i32> {
    let mut bytes = 0;
    // SAFETY: SIOCOUTQ writes one int.
    super::check(unsafe { libc::ioctl(fd, libc::TIOCOUTQ, &raw mut bytes) })?;
    Ok(bytes)
}

/// The send buffer by SO_MEMINFO, in bytes of kernel memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SendMemory {
    pub(crate) limit: i64,
    /// Charged for packets under way to a receiver.
    pub(crate) allocated: i64,
    /// Charged for TCP's write queue.
    pub(crate) queued: i64,
}

pub(crate) fn send_memory(fd: RawFd) -> io::Result<SendMemory> {
    // SK_MEMINFO_VARS of linux/sock_diag.h, of which these are WMEM_ALLOC, SNDBUF, WMEM_QUEUED.
    let memory: [u32; 9] = option(fd, libc::SOL_SOCKET, libc::SO_MEMINFO)?;
    let [_, _, allocated, limit, _, queued, ..] = memory;
    Ok(SendMemory {
        limit: limit.into(),
        allocated: allocated.into(),
        queued: queued.into(),
    })
}

/// Whether a receive would find something: EAGAIN if not. Receives nothing, and a peek of no
/// bytes moves no SO_PEEK_OFF either.
pub(crate) fn peek_nothing(fd: RawFd) -> io::Result<()> {
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    let mut nowhere = [0_u8; 0];
    // SAFETY: a length of 0 makes the kernel write nothing.
    length(unsafe { libc::recv(fd, nowhere.as_mut_ptr().cast(), 0, flags) }).map(drop)
}

/// Whether a send on a *stream* would be refused, EPIPE foremost. Sends nothing there; on other
/// types it would send an empty packet.
pub(crate) fn send_nothing(fd: RawFd) -> io::Result<()> {
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: a length of 0 makes the kernel read nothing.
    length(unsafe { libc::send(fd, [0_u8; 0].as_ptr().cast(), 0, flags) }).map(drop)
}

/// A netlink socket to ask about other sockets: NETLINK_SOCK_DIAG.
pub(crate) fn sock_diag() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: socket(2) takes no pointer.
    let fd = unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_SOCK_DIAG) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has just made this descriptor, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(crate) fn send(fd: &impl AsRawFd, message: &[u8]) -> io::Result<usize> {
    // SAFETY: the pointer and length are the slice's.
    length(unsafe { libc::send(fd.as_raw_fd(), message.as_ptr().cast(), message.len(), 0) })
}

pub(crate) fn receive(fd: &impl AsRawFd, room: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the pointer and length are the slice's.
    length(unsafe { libc::recv(fd.as_raw_fd(), room.as_mut_ptr().cast(), room.len(), 0) })
}

fn length(answer: isize) -> io::Result<usize> {
    usize::try_from(answer).map_err(|_negative| io::Error::last_os_error())
}

/// A value that any bytes make, so that the kernel may write a part of it.
trait Plain: Copy {}
impl Plain for i32 {}
impl Plain for u32 {}
impl Plain for [u32; 9] {}
impl Plain for libc::tcp_info {}

/// One socket option; what the kernel does not write is 0.
fn option<T: Plain>(fd: RawFd, level: i32, name: i32) -> io::Result<T> {
    let mut value = MaybeUninit::<T>::zeroed();
    let mut bytes = libc::socklen_t::try_from(size_of::<T>()).unwrap_or(0);
    // SAFETY: the kernel writes at most `bytes` bytes to `value`, which has that many.
    let answer =
        unsafe { libc::getsockopt(fd, level, name, value.as_mut_ptr().cast(), &raw mut bytes) };
    if answer != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: any bytes make a value of a `Plain` type, and all are zero or the kernel's.
    Ok(unsafe { value.assume_init() })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sys::descriptor::tests::own;

    /// Two connected unix sockets of this type, non-blocking.
    pub(crate) fn socketpair(socket_type: i32) -> (OwnedFd, OwnedFd) {
        let mut fds = [-1; 2];
        let kind = socket_type | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: the call writes two numbers.
        let answer = unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()) };
        assert_eq!(answer, 0);
        let [a, b] = fds;
        (own(a), own(b))
    }

    /// A new socket, non-blocking, neither bound nor connected.
    pub(crate) fn socket(domain: i32, socket_type: i32) -> OwnedFd {
        let kind = socket_type | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: socket(2) takes no pointer.
        own(unsafe { libc::socket(domain, kind, 0) })
    }

    /// Binds to a free port of the loopback.
    pub(crate) fn bind_loopback(fd: &OwnedFd) -> u16 {
        let address = loopback(0);
        let bytes = libc::socklen_t::try_from(size_of_val(&address)).unwrap();
        // SAFETY: the address is valid for the call, and the length its size.
        let answer = unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), bytes) };
        assert_eq!(answer, 0, "{}", io::Error::last_os_error());
        std::net::TcpListener::from(fd.try_clone().unwrap())
            .local_addr()
            .unwrap()
            .port()
    }

    pub(crate) fn listen(fd: &OwnedFd) {
        // SAFETY: listen(2) takes no pointer.
        assert_eq!(unsafe { libc::listen(fd.as_raw_fd(), 16) }, 0);
    }

    /// Starts to connect to a port of the loopback; EINPROGRESS is as good as success.
    pub(crate) fn connect_loopback(fd: &OwnedFd, port: u16) {
        let address = loopback(port);
        let bytes = libc::socklen_t::try_from(size_of_val(&address)).unwrap();
        // SAFETY: the address is valid for the call, and the length its size.
        let answer = unsafe { libc::connect(fd.as_raw_fd(), (&raw const address).cast(), bytes) };
        let error = io::Error::last_os_error().raw_os_error();
        assert!(answer == 0 || error == Some(libc::EINPROGRESS));
    }

    fn loopback(port: u16) -> libc::sockaddr_in {
        libc::sockaddr_in {
            sin_family: libc::sa_family_t::try_from(libc::AF_INET).unwrap(),
            sin_port: port.to_be(),
            sin_addr: libc::in_addr {
                s_addr: u32::from_ne_bytes([127, 0, 0, 1]),
            },
            sin_zero: [0; 8],
        }
    }

    pub(crate) fn send_urgent(fd: &impl AsRawFd, byte: u8) {
        // SAFETY: one byte, valid for the call.
        let sent =
            unsafe { libc::send(fd.as_raw_fd(), (&raw const byte).cast(), 1, libc::MSG_OOB) };
        assert_eq!(sent, 1, "{}", io::Error::last_os_error());
    }

    pub(crate) fn receive_urgent(fd: &impl AsRawFd) -> u8 {
        let mut byte = 0_u8;
        // SAFETY: one byte, valid for the call.
        let got = unsafe { libc::recv(fd.as_raw_fd(), (&raw mut byte).cast(), 1, libc::MSG_OOB) };
        assert_eq!(got, 1, "{}", io::Error::last_os_error());
        byte
    }

    pub(crate) fn set_receive_low_water(fd: &impl AsRawFd, bytes: i32) {
        set_option(fd, libc::SOL_SOCKET, libc::SO_RCVLOWAT, bytes);
    }

    /// Makes close(2) send a reset.
    pub(crate) fn set_reset_on_close(fd: &impl AsRawFd) {
        set_option(
            fd,
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            libc::linger {
                l_onoff: 1,
                l_linger: 0,
            },
        );
    }

    fn set_option<T>(fd: &impl AsRawFd, level: i32, name: i32, value: T) {
        let bytes = libc::socklen_t::try_from(size_of::<T>()).unwrap();
        // SAFETY: the value is valid for the call, and the length its size.
        let answer = unsafe {
            libc::setsockopt(
                fd.as_raw_fd(),
                level,
                name,
                (&raw const value).cast(),
                bytes,
            )
        };
        assert_eq!(answer, 0, "{}", io::Error::last_os_error());
    }
}
