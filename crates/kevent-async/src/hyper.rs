//! Adapters for the `hyper` crate: its I/O traits, executor and timer, on this thread's queue.
//!
//! - [`HyperIo`] makes a stream what hyper calls its I/O.
//! - [`HyperExecutor`] spawns hyper's futures on this thread's executor.
//! - [`HyperTimer`] gives hyper its time-outs.
//!
//! The futures stay on their thread and need not be `Send`. See `examples/hyper_server.rs`.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_task::Task;
use futures_io::{AsyncRead, AsyncWrite};
use hyper::rt::{Executor, Read, ReadBufCursor, Sleep, Timer as HyperRtTimer, Write};

use crate::limits;
use crate::timer::Timer;

/// A stream as hyper's I/O: a [`TcpStream`](crate::TcpStream), a
/// [`UnixStream`](crate::UnixStream), or any other futures-io stream.
///
/// # Examples
/// ```
/// use kevent_async::TcpListener;
/// use kevent_async::hyper::HyperIo;
///
/// async fn accept(listener: &TcpListener) -> std::io::Result<HyperIo<kevent_async::TcpStream>> {
///     let (stream, _peer) = listener.accept().await?;
///     Ok(HyperIo::new(stream))
/// }
/// ```
#[derive(Debug)]
pub struct HyperIo<T> {
    stream: T,
}

impl<T> HyperIo<T> {
    /// Wraps a stream.
    pub const fn new(stream: T) -> Self {
        Self { stream }
    }

    /// The stream.
    pub const fn get_ref(&self) -> &T {
        &self.stream
    }

    /// Gives the stream back.
    pub fn into_inner(self) -> T {
        self.stream
    }
}

thread_local! {
    /// Bytes on their way to hyper, whose buffer safe code can only copy into. Empty while it is
    /// not in use, or is in use.
    static BYTES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl<T: AsyncRead + Unpin> Read for HyperIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = BYTES.take();
        bytes.resize(limits::HYPER_READ_BYTES, 0);
        let wanted = cursor.remaining().min(bytes.len());
        let (room, _) = bytes.split_at_mut(wanted);
        let result = Pin::new(&mut self.stream).poll_read(context, room);
        if let Poll::Ready(Ok(count)) = result {
            cursor.put_slice(room.split_at(count).0);
        }
        BYTES.set(bytes);
        result.map_ok(drop)
    }
}

impl<T: AsyncWrite + Unpin> Write for HyperIo<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(context)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }
}

/// Spawns hyper's futures as detached tasks of the thread that polls it.
#[derive(Clone, Copy, Debug, Default)]
pub struct HyperExecutor;

impl<F> Executor<F> for HyperExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        crate::spawn(future).detach();
    }
}

/// Gives hyper its time-outs, each a task with a [`Timer`] on the thread that asks for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct HyperTimer;

impl HyperRtTimer for HyperTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        HyperSleep::boxed(Timer::after(duration))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        HyperSleep::boxed(Timer::at(deadline))
    }
}

/// A timer seen through its task, since hyper wants what may cross threads.
struct HyperSleep {
    task: Task<()>,
}

impl HyperSleep {
    fn boxed(timer: Timer) -> Pin<Box<dyn Sleep>> {
        Box::pin(Self {
            task: crate::spawn(timer),
        })
    }
}

impl Sleep for HyperSleep {}

impl Future for HyperSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        ready!(Pin::new(&mut self.task).poll(context));
        Poll::Ready(())
    }
}

impl fmt::Debug for HyperSleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperSleep").finish_non_exhaustive()
    }
}
