//! System calls that differ between systems.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::SocketAddrAny;

/// Accepts a connection as a non-blocking, close-on-exec socket: one system call where there is
/// accept4(2).
#[cfg(not(target_vendor = "apple"))]
pub(crate) fn accept(listener: &TcpListener) -> io::Result<(OwnedFd, SocketAddr)> {
    use rustix::net::{SocketFlags, acceptfrom_with};

    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (socket, peer) = acceptfrom_with(listener, flags)?;
    Ok((socket, to_peer(peer)?))
}

/// Accepts a connection as a non-blocking, close-on-exec socket.
#[cfg(target_vendor = "apple")]
pub(crate) fn accept(listener: &TcpListener) -> io::Result<(OwnedFd, SocketAddr)> {
    use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};

    let (socket, peer) = rustix::net::acceptfrom(listener)?;
    fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
    ioctl_fionbio(&socket, true)?;
    Ok((socket, to_peer(peer)?))
}

fn to_peer(peer: Option<SocketAddrAny>) -> io::Result<SocketAddr> {
    let peer = peer.ok_or(io::ErrorKind::NotConnected)?;
    Ok(SocketAddr::try_from(peer)?)
}

/// Whether a non-blocking connect(2) goes on by itself.
pub(crate) fn connect_in_progress(result: io::Result<()>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(false),
        Err(error) => match Errno::from_io_error(&error) {
            // After EINTR the attempt goes on as well (connect(2)).
            Some(Errno::INPROGRESS | Errno::INTR) => Ok(true),
            _ => Err(error),
        },
    }
}
