//! Unix-domain stream sockets: `UnixListener` and `UnixStream`.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::io::Io;
use crate::platform;
use crate::source::Direction;

/// A unix-domain stream socket that listens.
///
/// # Examples
/// ```
/// use kevent_async::{UnixListener, UnixStream, block_on};
///
/// let path = std::env::temp_dir().join(format!("kevent-async-doc-{}", std::process::id()));
/// block_on(async {
///     let listener = UnixListener::bind(&path)?;
///     let client = UnixStream::connect(&path).await?;
///     let (stream, _peer) = listener.accept().await?;
///     stream.try_write(b"hello")?;
///     client.readable().await?;
///     assert_eq!(client.try_read(&mut [0; 16])?, 5);
///     std::fs::remove_file(&path)
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixListener {
    io: Io<net::UnixListener>,
}

impl UnixListener {
    /// Makes the socket file `path` and listens on it. The file stays when the listener is
    /// dropped.
    ///
    /// # Errors
    /// - `EADDRINUSE`: the file exists.
    /// - `EINVAL`: the path is longer than a socket's address can be (107 bytes on Linux).
    /// - what else socket(2), bind(2) and listen(2) say.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::from_std(net::UnixListener::bind(path)?)
    }

    /// Takes a listening socket and makes it non-blocking. An `OwnedFd` converts into one:
    /// `UnixListener::from_std(fd.into())`.
    ///
    /// # Errors
    /// As [`Io::new`].
    pub fn from_std(listener: net::UnixListener) -> io::Result<Self> {
        Ok(Self {
            io: Io::new(listener)?,
        })
    }

    /// Waits for a connection and accepts it.
    ///
    /// # Errors
    /// As [`TcpListener::accept`](crate::TcpListener::accept).
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        poll_fn(|context| self.poll_accept(context)).await
    }

    /// [`accept`](Self::accept) for hand-written futures.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    pub fn poll_accept(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        loop {
            ready!(self.io.poll_ready(Direction::Read, context))?;
            match self.try_accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    /// Accepts a connection that waits already.
    ///
    /// Not every system tells how many wait, so this goes on until accept(2) says there are none.
    ///
    /// # Errors
    /// - `WouldBlock`: none waits.
    /// - as [`accept`](Self::accept).
    pub fn try_accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        loop {
            let (socket, peer) = match self.io.try_io(Direction::Read, || self.get_ref().accept()) {
                Err(error) if is_transient(&error) => continue,
                result => result?,
            };
            let stream = UnixStream::from_std(socket)?;
            stream.assume_ready(Direction::Read);
            return Ok((stream, peer));
        }
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// As getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// Takes the socket out of the queue and gives it back, open and non-blocking.
    #[must_use]
    pub fn into_std(self) -> net::UnixListener {
        self.io.into_inner()
    }
}

fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted
    )
}

/// A unix-domain stream.
///
/// It dereferences to [`Io`]. As [`AsyncRead`] and [`AsyncWrite`] it can also be used through a
/// shared reference. `poll_close` shuts down the writing side.
///
/// A short read says nothing here: it also ends where descriptors were passed. So only
/// `WouldBlock` makes a direction wait.
pub struct UnixStream {
    io: Io<net::UnixStream>,
}

impl UnixStream {
    /// Connects to the socket file `path`.
    ///
    /// # Errors
    /// - `ENOENT`, `ECONNREFUSED`: no such file, or nobody listens there any more.
    /// - `EACCES`: the file may not be written.
    /// - `EAGAIN`: the listener's backlog is full; Linux offers nothing to wait for.
    /// - what else socket(2) and connect(2) say.
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        let address = SockAddr::unix(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        let in_progress = platform::connect_in_progress(socket.connect(&address))?;
        let stream = Self {
            io: Io::from_nonblocking(socket.into())?,
        };
        if in_progress {
            stream.io.source().set_blocked(Direction::Write);
            stream.io.writable().await?;
            if let Some(error) = stream.io.get_ref().take_error()? {
                return Err(error);
            }
        }
        Ok(stream)
    }

    /// Two streams connected to each other.
    ///
    /// # Errors
    /// As socketpair(2): `EMFILE`, `ENFILE`.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = net::UnixStream::pair()?;
        Ok((Self::from_std(a)?, Self::from_std(b)?))
    }

    /// Takes a connected socket and makes it non-blocking. An `OwnedFd` converts into one:
    /// `UnixStream::from_std(fd.into())`.
    ///
    /// # Errors
    /// As [`Io::new`].
    pub fn from_std(stream: net::UnixStream) -> io::Result<Self> {
        Ok(Self {
            io: Io::new(stream)?,
        })
    }

    /// Reads now what is there; 0 bytes is end of file.
    ///
    /// # Errors
    /// - `WouldBlock`: nothing is there; wait for [`Io::readable`].
    /// - what else recv(2) says.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.io
            .try_io(Direction::Read, || self.get_ref().read(buffer))
    }

    /// Writes now as much as there is space for; returns how many bytes.
    ///
    /// # Errors
    /// - `WouldBlock`: no space; wait for [`Io::writable`].
    /// - `EPIPE`: the other end is closed.
    /// - what else send(2) says.
    pub fn try_write(&self, buffer: &[u8]) -> io::Result<usize> {
        self.io
            .try_io(Direction::Write, || self.get_ref().write(buffer))
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// As getpeername(2).
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }

    /// Ends reading, writing or both, as shutdown(2).
    ///
    /// # Errors
    /// `ENOTCONN`: the connection is gone already.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.io.get_ref().shutdown(how)
    }

    /// Takes the socket out of the queue and gives it back, open and non-blocking.
    #[must_use]
    pub fn into_std(self) -> net::UnixStream {
        self.io.into_inner()
    }
}

impl AsyncRead for &UnixStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.io
            .poll_uninterrupted(Direction::Read, context, |mut socket| socket.read(buffer))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        self.io
            .poll_uninterrupted(Direction::Read, context, |mut socket| {
                socket.read_vectored(buffers)
            })
    }
}

impl AsyncWrite for &UnixStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.io
            .poll_uninterrupted(Direction::Write, context, |mut socket| socket.write(buffer))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.io
            .poll_uninterrupted(Direction::Write, context, |mut socket| {
                socket.write_vectored(buffers)
            })
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(super::close_writing(self.shutdown(Shutdown::Write)))
    }
}

super::stream_by_reference!(UnixStream);
super::io_by_reference!(UnixListener, net::UnixListener);
super::io_by_reference!(UnixStream, net::UnixStream);
