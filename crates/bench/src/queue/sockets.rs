//! The descriptors that the queue's cases watch.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::event::{EventfdFlags, eventfd};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::side::Poller;

/// Allows this process as many descriptors as the system does; returns how many.
pub(crate) fn raise_descriptor_limit() -> io::Result<usize> {
    let hard = getrlimit(Resource::Nofile).maximum;
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: hard,
            maximum: hard,
        },
    )?;
    Ok(hard.map_or(usize::MAX, |hard| {
        usize::try_from(hard).unwrap_or(usize::MAX)
    }))
}

/// Connections over loopback, non-blocking; the two ends of one stand beside each other.
pub(crate) fn tcp(connections: usize) -> io::Result<Vec<TcpStream>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let mut sockets = Vec::with_capacity(2 * connections);
    for _ in 0..connections {
        sockets.push(TcpStream::connect(address)?);
        sockets.push(listener.accept()?.0);
    }
    for socket in &sockets {
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
    }
    Ok(sockets)
}

/// Pairs of connected sockets, non-blocking, the two of one beside each other.
pub(crate) fn unix(count: usize) -> io::Result<Vec<UnixStream>> {
    let mut sockets = Vec::with_capacity(count);
    for _ in 0..count.div_ceil(2) {
        let (one, other) = UnixStream::pair()?;
        one.set_nonblocking(true)?;
        other.set_nonblocking(true)?;
        sockets.extend([one, other]);
    }
    Ok(sockets)
}

/// An eventfd.
pub(crate) fn event_descriptor() -> io::Result<OwnedFd> {
    Ok(eventfd(0, EventfdFlags::CLOEXEC)?)
}

/// Writes one byte.
pub(crate) fn send_byte(socket: impl AsFd) -> io::Result<()> {
    rustix::io::write(socket, b"x")?;
    Ok(())
}

/// Reads one byte.
pub(crate) fn take_byte(socket: impl AsFd) -> io::Result<()> {
    rustix::io::read(socket, &mut [0_u8; 8])?;
    Ok(())
}

/// Reads all there is.
pub(crate) fn drain(sockets: &[impl AsFd]) {
    for socket in sockets {
        while rustix::io::read(socket, &mut [0_u8; 64]).is_ok_and(|count| count > 0) {}
    }
}

/// A poller that watches all of `fds`; the token is the position.
pub(crate) fn watching<P: Poller>(
    make: impl Fn() -> io::Result<P>,
    fds: &[impl AsFd],
) -> io::Result<P> {
    let mut poller = make()?;
    for (token, fd) in fds.iter().enumerate() {
        poller.watch(fd.as_fd(), token)?;
    }
    Ok(poller)
}

/// What a benchmark says when a wait does not bring what it must.
pub(crate) fn unexpected(what: &str) -> io::Error {
    io::Error::other(format!("the wait returned {what}"))
}
