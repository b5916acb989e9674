//! `timeout`: a future with a limit of time.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::timer::Timer;

/// Waits for `future`, but no longer than `duration` from now.
///
/// The future is polled first, so one that is ready at once never times out, and costs no timer.
/// When the time has come, `future` is dropped with the `Timeout`.
///
/// # Errors
/// [`TimedOut`]: the time came first. It converts into an `io::Error` of the kind
/// [`TimedOut`](io::ErrorKind::TimedOut).
///
/// # Examples
/// ```
/// use kevent_async::{block_on, timeout};
/// use std::time::Duration;
///
/// let limit = Duration::from_millis(10);
/// assert_eq!(block_on(timeout(limit, async { 7 })), Ok(7));
/// assert!(block_on(timeout(limit, std::future::pending::<()>())).is_err());
/// ```
pub fn timeout<F: Future>(duration: Duration, future: F) -> Timeout<F> {
    Timeout {
        future,
        timer: Timer::after(duration),
    }
}

pin_project! {
    /// The future of [`timeout`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        timer: Timer,
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, TimedOut>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(context) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(this.timer).poll(context).map(|()| Err(TimedOut))
    }
}

/// The time came before the future was ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut;

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("timed out")
    }
}

impl Error for TimedOut {}

impl From<TimedOut> for io::Error {
    fn from(error: TimedOut) -> Self {
        Self::new(io::ErrorKind::TimedOut, error)
    }
}
