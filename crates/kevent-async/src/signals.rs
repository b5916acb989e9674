//! `Signals`: deliveries of signals, counted.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use kevent::Kevent;

use crate::nested::Nested;

/// Signals that come to this process: one `EVFILT_SIGNAL` knote for each, in a queue of its own.
///
/// Deliveries are counted from the moment it is made, and none is consumed: the program's handler
/// runs, an ignored signal is ignored, and a default action that ends the process ends it. So set
/// the disposition first, on Linux with `kevent::signal::set_disposition`. Any number of `Signals`
/// may count the same signal, each on its own.
///
/// A signal that is blocked in the thread that makes this is counted once when it becomes pending,
/// on Linux.
///
/// # Examples
/// Ending on SIGTERM in one's own time:
#[cfg_attr(target_os = "linux", doc = "```")]
#[cfg_attr(not(target_os = "linux"), doc = "```ignore")]
/// use kevent::signal::{Disposition, set_disposition};
/// use kevent_async::{Signals, block_on};
///
/// block_on(async {
///     set_disposition(libc::SIGTERM, Disposition::ignore())?;
///     let mut signals = Signals::new([libc::SIGTERM])?;
/// #   rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM)?;
///     let (signal, count) = signals.recv().await?;
///     assert_eq!((signal, count), (libc::SIGTERM, 1));
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # References
/// kqueue(2), FreeBSD 15, `EVFILT_SIGNAL`; `docs/semantics.md`, C9.
#[derive(Debug)]
pub struct Signals {
    queue: Nested,
}

impl Signals {
    /// Counts these signals from now on. A number given twice counts once; with none,
    /// [`recv`](Self::recv) waits for ever.
    ///
    /// # Errors
    /// - `EINVAL`: one of the numbers is no signal, or libc keeps it to itself.
    /// - `EMFILE`, `ENFILE`, `ENOMEM`: no descriptor or memory left for a queue.
    pub fn new(signals: impl IntoIterator<Item = i32>) -> io::Result<Self> {
        let changelist: Vec<_> = signals.into_iter().map(Kevent::signal).collect();
        Ok(Self {
            queue: Nested::new(&changelist)?,
        })
    }

    /// Waits for a signal: its number, and how often it came since this last told of it, at
    /// least once.
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    /// - `EBADF`: the queue belongs to the parent of this process.
    /// - `EMFILE`, `ENFILE`, `ENOMEM`: the thread's queue cannot watch this one now.
    pub async fn recv(&mut self) -> io::Result<(i32, u64)> {
        poll_fn(|context| self.poll_recv(context)).await
    }

    /// [`recv`](Self::recv) for hand-written futures.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<io::Result<(i32, u64)>> {
        loop {
            let event = ready!(self.queue.poll_next(context))?;
            if let Ok(signal) = i32::try_from(event.ident)
                && let Some(count) = event.signal_count()
            {
                return Poll::Ready(Ok((signal, count)));
            }
        }
    }
}
