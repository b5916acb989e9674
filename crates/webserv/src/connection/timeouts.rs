//! What may take how long: one timer per connection, which every wait shares.
//!
//! The timer is an EVFILT_TIMER knote that is only touched when a deadline moves earlier;
//! postponing it, as every request does, is a store.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use kevent_async::{Direction, Timer};

use super::stream::Stream;

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
    /// The stream may be ready.
    Ready,
    /// The deadline passed first.
    TimedOut,
}

/// The moment at which the current phase of a connection is over.
#[derive(Debug)]
pub(crate) struct Deadline {
    timer: Timer,
}

impl Deadline {
    /// A deadline so long from now.
    pub(crate) fn after(duration: Duration) -> Self {
        Deadline {
            timer: Timer::after(duration),
        }
    }

    /// Moves the deadline to so long from now.
    pub(crate) fn set(&mut self, duration: Duration) {
        self.timer.reset(duration);
    }

    /// Waits until there is something to read, or the deadline.
    ///
    /// # Errors
    ///
    /// As [`kevent_async::Io::ready`].
    pub(crate) async fn readable(&mut self, stream: &Stream) -> io::Result<Waited> {
        self.ready(stream, Direction::Read).await
    }

    /// Waits until there is space to write, or the deadline.
    ///
    /// # Errors
    ///
    /// As [`kevent_async::Io::ready`].
    pub(crate) async fn writable(&mut self, stream: &Stream) -> io::Result<Waited> {
        self.ready(stream, Direction::Write).await
    }

    async fn ready(&mut self, stream: &Stream, direction: Direction) -> io::Result<Waited> {
        poll_fn(|context| {
            if let Poll::Ready(outcome) = stream.poll_ready(direction, context) {
                return Poll::Ready(outcome.map(|()| Waited::Ready));
            }
            Pin::new(&mut self.timer)
                .poll(context)
                .map(|()| Ok(Waited::TimedOut))
        })
        .await
    }
}
