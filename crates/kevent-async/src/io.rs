//! `Io`: any pollable descriptor as a source of readiness, and its bytes as futures.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};

use crate::source::{Direction, Source};

/// A descriptor in this thread's queue: a socket, a pipe, a terminal, an eventfd.
///
/// The descriptor is made non-blocking. It is registered when a task first has to wait, `READ`
/// when for reading, `WRITE` when for writing, both edge-like (`EV_CLEAR`), and stays registered
/// until the `Io` is dropped. Meanwhile the reactor remembers for each direction whether it is
/// ready: an event sets that, [`WouldBlock`](io::ErrorKind::WouldBlock) clears it. Reading is
/// first taken to be not ready, so it waits for the queue's word; writing is first taken to be
/// ready.
///
/// An `Io` belongs to the thread that made it (it is not `Send`), and one descriptor number must
/// be in one `Io` of the thread at a time. Several tasks may wait for it, also for the same
/// direction. Readiness may be spurious: be prepared for `WouldBlock`.
///
/// Dropping it takes the descriptor out of the queue, then closes it if `T` does.
///
/// # Examples
/// A pipe:
/// ```
/// use kevent_async::{Io, block_on, spawn};
/// use std::io::{Read, Write};
///
/// block_on(async {
///     let (reader, mut writer) = std::io::pipe()?;
///     let reader = Io::new(reader)?;
///     spawn(async move { writer.write_all(b"hello") }).detach();
///     let mut buffer = [0; 16];
///     let count = reader.read_io(|mut pipe| pipe.read(&mut buffer)).await?;
///     assert_eq!(&buffer[..count], b"hello");
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Io<T: AsFd> {
    // Before `inner`, so that it is dropped first: the queue forgets a number before it is closed.
    source: Source,
    inner: T,
}

impl<T: AsFd> Io<T> {
    /// Takes a descriptor and makes it non-blocking.
    ///
    /// `O_NONBLOCK` belongs to the open file, so everyone who shares it (a duplicate, a child, the
    /// shell's side of a terminal) sees it too; it is not taken back.
    ///
    /// # Errors
    /// - as ioctl(2) `FIONBIO`: `EBADF`, `ENOTTY`.
    /// - `EMFILE`, `ENFILE`, `ENOMEM`: this thread's queue did not exist yet and cannot be made.
    pub fn new(inner: T) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&inner, true)?;
        Self::from_nonblocking(inner)
    }

    /// Takes a descriptor that is non-blocking already; saves one system call.
    ///
    /// # Errors
    /// - `EMFILE`, `ENFILE`, `ENOMEM`: this thread's queue did not exist yet and cannot be made.
    pub fn from_nonblocking(inner: T) -> io::Result<Self> {
        let source = Source::new(inner.as_fd().as_raw_fd())?;
        Ok(Self { source, inner })
    }

    /// What it watches.
    #[must_use]
    pub fn get_ref(&self) -> &T {
        &self.inner
    }

    /// Takes the descriptor out of the queue and gives it back, open and non-blocking.
    #[must_use]
    pub fn into_inner(self) -> T {
        let Self { source, inner } = self;
        drop(source);
        inner
    }

    /// Waits until there may be data to read, a connection to accept, or end of file.
    ///
    /// Returns at once while the last read has not said
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) (or come short, on a [`TcpStream`]).
    ///
    /// # Errors
    /// As [`ready`](Self::ready).
    ///
    /// [`TcpStream`]: crate::TcpStream
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Direction::Read).await
    }

    /// Waits until there may be space to write, or the connection is broken.
    ///
    /// # Errors
    /// As [`ready`](Self::ready).
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Direction::Write).await
    }

    /// Waits until this direction may be ready.
    ///
    /// # Errors
    /// What the queue answered to the registration, as [`kevent::Kqueue::kevent`]:
    /// - `EBADF`: the descriptor was closed.
    /// - `EINVAL`: this kind of descriptor cannot be watched so (writing to another queue).
    /// - `ENOMEM`, `ENOSPC`: no memory, or the user's limit of watches is reached.
    ///
    /// The next wait tries again.
    pub async fn ready(&self, direction: Direction) -> io::Result<()> {
        poll_fn(|context| self.poll_ready(direction, context)).await
    }

    /// [`ready`](Self::ready) for hand-written futures. All tasks that polled are woken.
    ///
    /// A task that finds everything ready for 128 times in one poll gets `Pending` once and is
    /// woken again, so that others have their turn.
    ///
    /// # Errors
    /// As [`ready`](Self::ready).
    pub fn poll_ready(
        &self,
        direction: Direction,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.source.poll_ready(direction, context)
    }

    /// Whether this direction is taken to be ready.
    #[must_use]
    pub fn is_ready(&self, direction: Direction) -> bool {
        self.source.is_ready(direction)
    }

    /// Says that this direction is not ready, so that the next wait is for a new event.
    ///
    /// For operations that show it otherwise than by `WouldBlock`: a read or a write that came
    /// short. Only say so of a direction that really is exhausted: edge-like knotes do not report
    /// again what was there already. After an event with `EV_EOF` reading stays ready whatever is
    /// said here, since the end of file is still to be read.
    pub fn clear_ready(&self, direction: Direction) {
        self.source.clear_ready(direction);
    }

    /// Says that this direction may be ready, so that the next operation is tried before waiting.
    pub fn assume_ready(&self, direction: Direction) {
        self.source.assume_ready(direction);
    }

    /// Does a non-blocking operation now, unless the direction is known not to be ready.
    ///
    /// `operation` is called at most once. If it says
    /// [`WouldBlock`](io::ErrorKind::WouldBlock), the direction is no longer ready. This is the
    /// seam for calls this crate does not wrap: sendfile(2), recvmsg(2), preadv2(2).
    ///
    /// # Errors
    /// - `WouldBlock`: wait for [`ready`](Self::ready), then try again. `operation` was not
    ///   called, or said so itself.
    /// - what else `operation` returns.
    ///
    /// # Examples
    /// ```
    /// use kevent_async::{Direction, UnixStream, block_on};
    /// use std::io::Write;
    ///
    /// block_on(async {
    ///     let (stream, _peer) = UnixStream::pair()?;
    ///     let sent = stream.try_io(Direction::Write, || stream.get_ref().write(b"hello"))?;
    ///     assert_eq!(sent, 5);
    ///     Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_io<R>(
        &self,
        direction: Direction,
        operation: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        if !self.source.is_ready(direction) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let result = operation();
        if is_would_block(&result) {
            self.source.set_blocked(direction);
        }
        result
    }

    /// Does a read operation, waiting and repeating while it says `WouldBlock`.
    ///
    /// # Errors
    /// What `operation` returns, or as [`ready`](Self::ready). `EINTR` is returned to the caller.
    pub async fn read_io<R>(
        &self,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        poll_fn(|context| self.poll_io(Direction::Read, context, || operation(&self.inner))).await
    }

    /// Does a write operation, waiting and repeating while it says `WouldBlock`.
    ///
    /// # Errors
    /// What `operation` returns, or as [`ready`](Self::ready). `EINTR` is returned to the caller.
    pub async fn write_io<R>(
        &self,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        poll_fn(|context| self.poll_io(Direction::Write, context, || operation(&self.inner))).await
    }

    /// [`read_io`](Self::read_io) and [`write_io`](Self::write_io) for hand-written futures.
    ///
    /// # Errors
    /// As those.
    pub fn poll_io<R>(
        &self,
        direction: Direction,
        context: &mut Context<'_>,
        mut operation: impl FnMut() -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            ready!(self.source.poll_ready(direction, context))?;
            let result = operation();
            if !is_would_block(&result) {
                return Poll::Ready(result);
            }
            self.source.set_blocked(direction);
        }
    }

    /// [`poll_io`](Self::poll_io) for transfers on a byte stream where fewer bytes than `wanted`
    /// mean that the direction is exhausted, which saves the call that would say `WouldBlock`.
    pub(crate) fn poll_transfer(
        &self,
        direction: Direction,
        wanted: usize,
        context: &mut Context<'_>,
        mut operation: impl FnMut(&T) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let result = ready!(self.poll_uninterrupted(direction, context, &mut operation));
        self.note_transfer(direction, wanted, &result);
        Poll::Ready(result)
    }

    /// [`poll_io`](Self::poll_io), repeated when a signal interrupts it.
    pub(crate) fn poll_uninterrupted<R>(
        &self,
        direction: Direction,
        context: &mut Context<'_>,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_io(direction, context, || {
            uninterrupted(|| operation(&self.inner))
        })
    }

    /// [`try_io`](Self::try_io) for the same transfers.
    pub(crate) fn try_transfer(
        &self,
        direction: Direction,
        wanted: usize,
        mut operation: impl FnMut(&T) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let result = self.try_io(direction, || uninterrupted(|| operation(&self.inner)));
        self.note_transfer(direction, wanted, &result);
        result
    }

    fn note_transfer(&self, direction: Direction, wanted: usize, result: &io::Result<usize>) {
        if matches!(result, Ok(count) if (1..wanted).contains(count)) {
            self.source.clear_ready(direction);
        }
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }
}

fn is_would_block<R>(result: &io::Result<R>) -> bool {
    matches!(result, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// Repeats a non-blocking operation that a signal interrupted.
fn uninterrupted<R>(mut operation: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

impl<T: AsFd> AsFd for Io<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl<T: AsFd> AsRawFd for Io<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_fd().as_raw_fd()
    }
}

impl<T: AsFd + fmt::Debug> fmt::Debug for Io<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Io").field(&self.inner).finish()
    }
}

/// Reads with read(2) on whatever can be read through a shared reference: pipes, files, sockets.
impl<T> AsyncRead for Io<T>
where
    T: AsFd + Unpin,
    for<'a> &'a T: Read,
{
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_uninterrupted(Direction::Read, context, |mut inner| inner.read(buffer))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_uninterrupted(Direction::Read, context, |mut inner| {
            inner.read_vectored(buffers)
        })
    }
}

/// Writes with write(2) on whatever can be written through a shared reference.
///
/// `poll_flush` and `poll_close` do nothing: there is no buffer, and the descriptor is closed when
/// it is dropped.
impl<T> AsyncWrite for Io<T>
where
    T: AsFd + Unpin,
    for<'a> &'a T: Write,
{
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_uninterrupted(Direction::Write, context, |mut inner| inner.write(buffer))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_uninterrupted(Direction::Write, context, |mut inner| {
            inner.write_vectored(buffers)
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
