//! The socket of a connection, TCP or unix, with what a connection does with it.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll};

use kevent_async::{Direction, TcpStream, UnixStream};

/// A connected stream socket.
#[derive(Debug)]
pub(crate) enum Stream {
    /// Over TCP.
    Tcp(TcpStream),
    /// Of this machine.
    Unix(UnixStream),
}

impl Stream {
    /// Reads what is there; 0 bytes is the end.
    ///
    /// # Errors
    ///
    /// Those of recv(2); `WouldBlock` when nothing is there.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.try_read(buffer),
            Stream::Unix(stream) => stream.try_read(buffer),
        }
    }

    /// Does an operation of that direction unless it is known not to be ready, as
    /// [`kevent_async::Io::try_io`].
    ///
    /// # Errors
    ///
    /// Those of the operation; `WouldBlock` when it has to wait.
    pub(crate) fn try_io<R>(
        &self,
        direction: Direction,
        operation: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        match self {
            Stream::Tcp(stream) => stream.try_io(direction, operation),
            Stream::Unix(stream) => stream.try_io(direction, operation),
        }
    }

    /// Waits until that direction may be ready.
    ///
    /// # Errors
    ///
    /// As [`kevent_async::Io::ready`].
    pub(crate) fn poll_ready(
        &self,
        direction: Direction,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(stream) => stream.poll_ready(direction, context),
            Stream::Unix(stream) => stream.poll_ready(direction, context),
        }
    }

    /// Whether that direction is taken to be ready.
    pub(crate) fn is_ready(&self, direction: Direction) -> bool {
        match self {
            Stream::Tcp(stream) => stream.is_ready(direction),
            Stream::Unix(stream) => stream.is_ready(direction),
        }
    }

    /// Says that that direction is not ready, as [`kevent_async::Io::clear_ready`].
    pub(crate) fn clear_ready(&self, direction: Direction) {
        match self {
            Stream::Tcp(stream) => stream.clear_ready(direction),
            Stream::Unix(stream) => stream.clear_ready(direction),
        }
    }

    /// Says that that direction may be ready.
    pub(crate) fn assume_ready(&self, direction: Direction) {
        match self {
            Stream::Tcp(stream) => stream.assume_ready(direction),
            Stream::Unix(stream) => stream.assume_ready(direction),
        }
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// Those of getpeername(2); `AddrNotAvailable` for a unix socket.
    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Stream::Tcp(stream) => stream.peer_addr(),
            Stream::Unix(_) => Err(io::ErrorKind::AddrNotAvailable.into()),
        }
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// Those of getsockname(2); `AddrNotAvailable` for a unix socket.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Stream::Tcp(stream) => stream.local_addr(),
            Stream::Unix(_) => Err(io::ErrorKind::AddrNotAvailable.into()),
        }
    }

    /// Ends one direction or both.
    ///
    /// # Errors
    ///
    /// Those of shutdown(2).
    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.shutdown(how),
            Stream::Unix(stream) => stream.shutdown(how),
        }
    }

    /// The descriptor.
    pub(crate) fn get_ref(&self) -> BorrowedFd<'_> {
        match self {
            Stream::Tcp(stream) => stream.get_ref().as_fd(),
            Stream::Unix(stream) => stream.get_ref().as_fd(),
        }
    }
}
