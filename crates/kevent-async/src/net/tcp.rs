//! TCP: `TcpListener` and `TcpStream`.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{self, Shutdown, SocketAddr};
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};
use socket2::{Domain, Protocol, Socket, Type};

use crate::io::Io;
use crate::source::Direction;
use crate::{limits, platform};

/// A TCP socket that listens.
///
/// Its `READ` event says how many connections wait (`data`), and exactly so many are accepted:
/// no call is spent on learning that there are no more.
///
/// # Examples
/// ```
/// use kevent_async::{TcpListener, TcpStream, block_on};
///
/// block_on(async {
///     let listener = TcpListener::bind(([127, 0, 0, 1], 0))?;
///     let client = TcpStream::connect(listener.local_addr()?).await?;
///     let (_stream, peer) = listener.accept().await?;
///     assert_eq!(peer, client.local_addr()?);
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpListener {
    io: Io<net::TcpListener>,
}

impl TcpListener {
    /// Opens a socket, binds it to `address` (port 0: a free one) and listens, with
    /// `SO_REUSEADDR`.
    ///
    /// # Errors
    /// - `EADDRINUSE`: another socket listens there.
    /// - `EADDRNOTAVAIL`: the address is none of this machine's.
    /// - `EACCES`: a port below 1024 without the privilege.
    /// - `EMFILE`, `ENFILE`: no descriptor left.
    /// - what else socket(2), bind(2) and listen(2) say.
    pub fn bind(address: impl Into<SocketAddr>) -> io::Result<Self> {
        let address = address.into();
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(limits::LISTEN_BACKLOG)?;
        Self::from_std(socket.into())
    }

    /// Takes a listening socket and makes it non-blocking. An `OwnedFd` converts into one:
    /// `TcpListener::from_std(fd.into())`.
    ///
    /// # Errors
    /// As [`Io::new`].
    pub fn from_std(listener: net::TcpListener) -> io::Result<Self> {
        let io = Io::new(listener)?;
        io.source().count_backlog();
        Ok(Self { io })
    }

    /// Waits for a connection and accepts it: a non-blocking stream, and who called.
    ///
    /// A connection that its client gave up before it was accepted is skipped.
    ///
    /// # Errors
    /// - `EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`: out of descriptors or memory. The connection
    ///   still waits, and the next call fails at once as well until something was closed: wait a
    ///   while before it.
    /// - what else accept(2) says; or as [`Io::ready`].
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|context| self.poll_accept(context)).await
    }

    /// [`accept`](Self::accept) for hand-written futures.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    pub fn poll_accept(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        loop {
            ready!(self.io.poll_ready(Direction::Read, context))?;
            match self.try_accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    /// Accepts a connection that waits already, as far as the queue's last event says.
    ///
    /// With [`Io::readable`] this accepts all that is waiting in one go:
    /// `listener.readable().await?; while let Ok(..) = listener.try_accept() {..}`.
    ///
    /// # Errors
    /// - `WouldBlock`: none waits.
    /// - as [`accept`](Self::accept).
    pub fn try_accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        while self.io.is_ready(Direction::Read) {
            match platform::accept(self.io.get_ref()) {
                Ok((socket, peer)) => {
                    self.io.source().take_from_backlog();
                    return Ok((TcpStream::from_accepted(socket)?, peer));
                }
                Err(error) => match error.kind() {
                    // A connection that was aborted may or may not have been counted: one call
                    // too many costs less than one that waits for the next client.
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {}
                    io::ErrorKind::WouldBlock => self.io.source().set_blocked(Direction::Read),
                    _ => return Err(error),
                },
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// How many connections wait to be accepted, as far as the queue's last event says.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.io.source().backlog()
    }

    /// The address it listens on, with the port the system chose.
    ///
    /// # Errors
    /// As getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// Takes the socket out of the queue and gives it back, open and non-blocking.
    #[must_use]
    pub fn into_std(self) -> net::TcpListener {
        self.io.into_inner()
    }
}

/// A TCP connection.
///
/// It dereferences to [`Io`]: `readable().await`, `writable().await`, `try_io`, `read_io`,
/// `write_io` are there. As [`AsyncRead`] and [`AsyncWrite`] it can also be used through a shared
/// reference, so one task may read while another writes.
///
/// A read or write that moves fewer bytes than asked tells that the socket is drained or full, and
/// the next one waits for the edge without trying. (A peer that sends urgent data can make a read
/// come short before the mark; the rest is then read with the next arrival.)
///
/// `poll_close` shuts down the writing side.
pub struct TcpStream {
    io: Io<net::TcpStream>,
}

impl TcpStream {
    /// Connects to `address`.
    ///
    /// Dropping the future closes the socket, which ends the attempt.
    ///
    /// # Errors
    /// - `ECONNREFUSED`: nobody listens there.
    /// - `ETIMEDOUT`: no answer, after the system's time (minutes); see [`timeout`].
    /// - `ENETUNREACH`, `EHOSTUNREACH`: no way there.
    /// - `EMFILE`, `ENFILE`: no descriptor left.
    /// - what else socket(2) and connect(2) say.
    ///
    /// [`timeout`]: crate::timeout()
    pub async fn connect(address: impl Into<SocketAddr>) -> io::Result<Self> {
        let address = address.into();
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_nonblocking(true)?;
        let in_progress = platform::connect_in_progress(socket.connect(&address.into()))?;
        let stream = Self {
            io: Io::from_nonblocking(socket.into())?,
        };
        if in_progress {
            stream.connected().await?;
        }
        Ok(stream)
    }

    /// Waits until the connection that was begun has come to be, or has failed.
    async fn connected(&self) -> io::Result<()> {
        self.io.source().set_blocked(Direction::Write);
        loop {
            self.io.writable().await?;
            if let Some(error) = self.io.get_ref().take_error()? {
                return Err(error);
            }
            match self.io.get_ref().peer_addr() {
                // A spurious event: neither connected nor failed.
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                    self.io.source().set_blocked(Direction::Write);
                }
                result => return result.map(drop),
            }
        }
    }

    /// Takes a connected socket and makes it non-blocking. An `OwnedFd` converts into one:
    /// `TcpStream::from_std(fd.into())`.
    ///
    /// # Errors
    /// As [`Io::new`].
    pub fn from_std(stream: net::TcpStream) -> io::Result<Self> {
        Ok(Self {
            io: Io::new(stream)?,
        })
    }

    /// A fresh connection is read before it is waited for: its request has often come already.
    fn from_accepted(socket: OwnedFd) -> io::Result<Self> {
        let io = Io::from_nonblocking(net::TcpStream::from(socket))?;
        io.assume_ready(Direction::Read);
        Ok(Self { io })
    }

    /// Reads now what is there; 0 bytes is end of file.
    ///
    /// # Errors
    /// - `WouldBlock`: nothing is there; wait for [`Io::readable`].
    /// - what else recv(2) says; `ECONNRESET` if the peer reset the connection.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.io
            .try_transfer(Direction::Read, buffer.len(), |mut socket| {
                socket.read(buffer)
            })
    }

    /// Reads now into several buffers, filled in order.
    ///
    /// # Errors
    /// As [`try_read`](Self::try_read).
    pub fn try_read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let wanted = buffers.iter().map(|buffer| buffer.len()).sum();
        self.io.try_transfer(Direction::Read, wanted, |mut socket| {
            socket.read_vectored(buffers)
        })
    }

    /// Writes now as much as there is space for; returns how many bytes.
    ///
    /// # Errors
    /// - `WouldBlock`: no space; wait for [`Io::writable`].
    /// - `EPIPE`, `ECONNRESET`: the connection is broken.
    /// - what else send(2) says.
    pub fn try_write(&self, buffer: &[u8]) -> io::Result<usize> {
        self.io
            .try_transfer(Direction::Write, buffer.len(), |mut socket| {
                socket.write(buffer)
            })
    }

    /// Writes several buffers now, in order, as much as there is space for.
    ///
    /// # Errors
    /// As [`try_write`](Self::try_write).
    pub fn try_write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let wanted = buffers.iter().map(|buffer| buffer.len()).sum();
        self.io
            .try_transfer(Direction::Write, wanted, |mut socket| {
                socket.write_vectored(buffers)
            })
    }

    /// Who is at the other end.
    ///
    /// # Errors
    /// As getpeername(2): `ENOTCONN` after the connection was reset.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }

    /// The address of this end.
    ///
    /// # Errors
    /// As getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// Ends reading, writing or both, as shutdown(2).
    ///
    /// # Errors
    /// `ENOTCONN`: the connection is gone already.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.io.get_ref().shutdown(how)
    }

    /// Sends small writes at once (`TCP_NODELAY`), or gathers them.
    ///
    /// # Errors
    /// As setsockopt(2).
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.io.get_ref().set_nodelay(nodelay)
    }

    /// Takes the socket out of the queue and gives it back, open and non-blocking.
    #[must_use]
    pub fn into_std(self) -> net::TcpStream {
        self.io.into_inner()
    }
}

impl AsyncRead for &TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let wanted = buffer.len();
        self.io
            .poll_transfer(Direction::Read, wanted, context, |mut socket| {
                socket.read(buffer)
            })
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted = buffers.iter().map(|buffer| buffer.len()).sum();
        self.io
            .poll_transfer(Direction::Read, wanted, context, |mut socket| {
                socket.read_vectored(buffers)
            })
    }
}

impl AsyncWrite for &TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wanted = buffer.len();
        self.io
            .poll_transfer(Direction::Write, wanted, context, |mut socket| {
                socket.write(buffer)
            })
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted = buffers.iter().map(|buffer| buffer.len()).sum();
        self.io
            .poll_transfer(Direction::Write, wanted, context, |mut socket| {
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

super::stream_by_reference!(TcpStream);
super::io_by_reference!(TcpListener, net::TcpListener);
super::io_by_reference!(TcpStream, net::TcpStream);
