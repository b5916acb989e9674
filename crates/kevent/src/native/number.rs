//! A queue's descriptor number: who may use it, and when it is given back.

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::time::Duration;

use super::occupancy::{Ends, Occupancy};
use crate::sys::{self, RawKevent};

#[derive(Debug)]
pub(crate) struct Number {
    fd: RawFd,
    /// The process that made the queue. A forked child does not inherit it, and its number is
    /// free there, or already another file's.
    process: u32,
    occupancy: Occupancy,
}

/// A call that uses the number; it is not closed meanwhile.
pub(crate) struct Inside<'n> {
    number: &'n Number,
}

impl Number {
    /// A new kqueue.
    pub(crate) fn new() -> io::Result<Self> {
        // First, so that a fork from here on is noticed.
        let process = sys::fork::epoch()?;
        Ok(Self {
            fd: sys::kqueue()?,
            process,
            occupancy: Occupancy::default(),
        })
    }

    fn is_of_this_process(&self) -> bool {
        sys::fork::is_current(self.process)
    }

    /// Comes in; `None` where the queue is closed or the parent's. Async-signal-safe.
    pub(crate) fn enter(&self) -> Option<Inside<'_>> {
        let may = self.is_of_this_process() && self.occupancy.enter();
        may.then_some(Inside { number: self })
    }

    /// Lets nobody in any more. False if that was so already.
    pub(crate) fn shut(&self) -> bool {
        self.occupancy.shut()
    }

    pub(crate) fn is_shut(&self) -> bool {
        self.occupancy.is_shut()
    }

    /// The last handle is dropped.
    pub(crate) fn give_back(&self) {
        if self.is_of_this_process() {
            self.occupancy.give_back(self);
        }
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        sys::borrow(self.fd)
    }
}

impl Ends for Number {
    fn empty(&self) {
        // It fails where no descriptor is left; the knotes then go with the last handle.
        drop(sys::replace_by_empty_queue(self.fd));
    }

    fn close(&self) {
        sys::close(self.fd);
    }
}

impl Inside<'_> {
    /// kevent(2): applies the changes and fills `events` with up to `room` entries.
    pub(crate) fn kevent(
        &self,
        changes: &[RawKevent],
        events: &mut Vec<RawKevent>,
        room: usize,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        sys::kevent(self.number.fd, changes, events, room, timeout)
    }

    /// kevent(2) without an eventlist: allocates nothing, does not wait.
    pub(crate) fn apply(&self, changes: &[RawKevent]) -> io::Result<()> {
        self.kevent(changes, &mut Vec::new(), 0, Some(Duration::ZERO))
    }

    /// Takes the queue away from behind its number, with others still inside.
    pub(crate) fn empty(&self) {
        self.number.occupancy.empty(self.number);
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.number.occupancy.leave(self.number);
    }
}
