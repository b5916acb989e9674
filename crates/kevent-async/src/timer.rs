//! `Timer`: a deadline as a future that can be moved; `sleep`.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::reactor::{self, Slot};
use crate::source::Source;

/// A point in time to wait for: one `EVFILT_TIMER` knote.
///
/// It fires once its deadline has come, never earlier, and stays ready from then on until it is
/// moved. The knote is added at the first poll. Moving the deadline later, or switching the timer
/// off, costs a store: the knote fires at its old time, and the reactor arms it again for the
/// rest without waking a task. Moving it earlier is one change of the queue with the next wait.
/// Dropping the timer deletes the knote.
///
/// So a connection can have one timer for its whole life, and move it at every request.
///
/// Time is that of [`Instant`]; it does not go on while the machine sleeps, on Linux. Where the
/// queue cannot take a timer (no descriptor left) it is tried again every 50 ms, and fires at
/// most that much later.
///
/// # Panics
/// Polling panics outside of [`block_on`](crate::block_on), if this thread has no queue and none
/// can be made.
///
/// # Examples
/// ```
/// use kevent_async::{Timer, block_on};
/// use std::time::{Duration, Instant};
///
/// block_on(async {
///     let start = Instant::now();
///     let mut timer = Timer::after(Duration::from_secs(3600));
///     timer.reset(Duration::from_millis(20));
///     (&mut timer).await;
///     assert!(start.elapsed() >= Duration::from_millis(20));
/// });
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Timer {
    deadline: Option<Instant>,
    source: Option<Source>,
}

/// Waits for this long: [`Timer::after`].
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// kevent_async::block_on(kevent_async::sleep(Duration::from_millis(1)));
/// ```
pub fn sleep(duration: Duration) -> Timer {
    Timer::after(duration)
}

impl Timer {
    /// Fires `duration` from now. A time beyond what [`Instant`] holds is never.
    pub fn after(duration: Duration) -> Self {
        Self {
            deadline: Instant::now().checked_add(duration),
            source: None,
        }
    }

    /// Fires at `deadline`; at the next turn if that has passed.
    pub fn at(deadline: Instant) -> Self {
        Self {
            deadline: Some(deadline),
            source: None,
        }
    }

    /// Does not fire until it is given a deadline.
    pub fn never() -> Self {
        Self {
            deadline: None,
            source: None,
        }
    }

    /// When it fires; `None`: never.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Fires `duration` from now instead. A task that waits for it goes on waiting.
    pub fn reset(&mut self, duration: Duration) {
        self.set_deadline(Instant::now().checked_add(duration));
    }

    /// Fires at `deadline` instead.
    pub fn reset_at(&mut self, deadline: Instant) {
        self.set_deadline(Some(deadline));
    }

    /// Fires no more, until it is given a deadline again.
    pub fn clear(&mut self) {
        self.set_deadline(None);
    }

    fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
        if let Some(source) = &self.source {
            source.reactor().set_deadline(source.token(), deadline);
        }
    }

    /// The slot, with the deadline noted for the queue, from the first poll on.
    fn source(&mut self) -> io::Result<&Source> {
        if self.source.is_none() {
            let source = Source::insert(Slot::Timer(reactor::Timer::default()))?;
            source.reactor().set_deadline(source.token(), self.deadline);
            self.source = Some(source);
        }
        self.source
            .as_ref()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.source() {
            Ok(source) => source.reactor().poll_timer(source.token(), context),
            Err(error) => panic!("no queue for this thread's timer: {error}"),
        }
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer")
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
