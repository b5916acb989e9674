//! `Nested`: a queue of one source's own, which this thread's queue watches.
//!
//! A knote is known by filter and ident, so within one queue a signal, a process or an interface
//! has one owner. Sources that may well watch the same thing (two [`Signals`](crate::Signals) with
//! SIGTERM), or whose knotes multiply by themselves ([`ProcessTree`](crate::ProcessTree)), get a
//! queue each. It is a descriptor like any other in the thread's queue, so nothing but the reactor
//! ever waits; and when it is dropped, all its knotes go with it.

use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use kevent::{Events, Kevent, Kqueue};

use crate::io::Io;
use crate::limits;
use crate::source::Direction;

/// The queue and the events taken from it at once.
#[derive(Debug)]
pub(crate) struct Nested {
    queue: Io<Kqueue>,
    events: Events,
    /// How many of `events` have been given out.
    taken: usize,
}

impl Nested {
    /// A queue with these knotes, which are there when this returns.
    pub(crate) fn new(changelist: &[Kevent]) -> io::Result<Self> {
        let queue = Kqueue::new()?;
        queue.apply(changelist)?;
        Ok(Self {
            queue: Io::from_nonblocking(queue)?,
            events: Events::with_capacity(limits::NESTED_EVENTS),
            taken: 0,
        })
    }

    /// The next event, if there is one already.
    pub(crate) fn try_next(&mut self) -> io::Result<Option<Kevent>> {
        if self.taken == self.events.len() {
            self.taken = 0;
            let queue = self.queue.get_ref();
            match queue.wait(&[], &mut self.events, Some(Duration::ZERO)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
        }
        let event = self.events.get(self.taken).copied();
        self.taken += usize::from(event.is_some());
        Ok(event)
    }

    /// The next event.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Kevent>> {
        loop {
            ready!(self.queue.poll_ready(Direction::Read, context))?;
            if let Some(event) = self.try_next()? {
                return Poll::Ready(Ok(event));
            }
            self.queue.clear_ready(Direction::Read);
        }
    }
}
