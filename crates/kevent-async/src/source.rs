//! `Source`: the owner of a slot in this thread's reactor.
//!
//! Dropping it takes its knotes out of the queue. It holds the reactor alive, so a source may
//! outlive the thread's executor.

use std::fmt;
use std::io;
use std::os::fd::RawFd;
use std::rc::Rc;
use std::task::{Context, Poll};

use kevent::Kevent;

use crate::local;
pub use crate::reactor::Direction;
use crate::reactor::{Descriptor, Reactor, Slot, Token, Watch};

/// A slot in use.
pub(crate) struct Source {
    reactor: Rc<Reactor>,
    token: Token,
}

impl Source {
    /// A slot in this thread's reactor, which is made if need be.
    pub(crate) fn insert(slot: Slot) -> io::Result<Self> {
        let reactor = local::reactor()?;
        let token = reactor.insert(slot)?;
        Ok(Self { reactor, token })
    }

    /// A slot for a descriptor.
    pub(crate) fn new(fd: RawFd) -> io::Result<Self> {
        Self::insert(Slot::Descriptor(Descriptor::new(fd)))
    }

    /// A slot for one knote, which is added at once.
    pub(crate) fn watch(change: Kevent) -> io::Result<Self> {
        let source = Self::insert(Slot::Watch(Watch::new(&change)))?;
        source.reactor.add_watch(source.token, change)?;
        Ok(source)
    }

    /// What has happened to what it watches since the last time; `Pending` if nothing.
    pub(crate) fn poll_notes(&self, context: &Context<'_>) -> Poll<u32> {
        self.reactor.poll_notes(self.token, context)
    }

    pub(crate) fn reactor(&self) -> &Reactor {
        &self.reactor
    }

    pub(crate) fn token(&self) -> Token {
        self.token
    }

    pub(crate) fn poll_ready(
        &self,
        direction: Direction,
        context: &Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.reactor.poll_ready(self.token, direction, context)
    }

    pub(crate) fn is_ready(&self, direction: Direction) -> bool {
        self.reactor.is_ready(self.token, direction)
    }

    /// An operation came short.
    pub(crate) fn clear_ready(&self, direction: Direction) {
        self.with(|descriptor| descriptor.side(direction).clear_ready());
    }

    /// An operation said `EWOULDBLOCK`.
    pub(crate) fn set_blocked(&self, direction: Direction) {
        self.with(|descriptor| descriptor.side(direction).set_blocked());
    }

    pub(crate) fn assume_ready(&self, direction: Direction) {
        self.with(|descriptor| descriptor.side(direction).is_ready = true);
    }

    /// From now on the events tell how many connections wait.
    pub(crate) fn count_backlog(&self) {
        self.with(|descriptor| descriptor.counts_backlog = true);
    }

    pub(crate) fn take_from_backlog(&self) {
        self.with(Descriptor::take_from_backlog);
    }

    pub(crate) fn backlog(&self) -> usize {
        usize::try_from(self.with(|descriptor| descriptor.backlog)).unwrap_or(usize::MAX)
    }

    fn with<R: Default>(&self, act: impl FnOnce(&mut Descriptor) -> R) -> R {
        self.reactor.with_descriptor(self.token, act)
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.reactor.remove(self.token);
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Source").field(&self.token).finish()
    }
}
