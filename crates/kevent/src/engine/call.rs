//! One kevent() call, top to bottom: register, wait, scan.
//!
//! A call is split where it waits, so that a binding to another language can do the waiting in a
//! function of its own; [`Engine::kevent`] puts the parts together.

use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::eventlist::{Eventlist, Layout};
use super::poller::Poller;
use super::register::Applied;
use super::state::{Engine, Held};
use super::wait::Deadline;
use crate::flags::Flags;
use crate::kevent::Kevent;
use crate::limits::{BATCH_MAX, STACK_BATCH};
use crate::sys::epoll::{Event, Patience};

impl<P: Poller> Engine<P> {
    /// Applies the changes, waits, and fills the eventlist; returns how many entries it wrote.
    #[inline]
    pub(crate) fn kevent(
        &self,
        changelist: &[Kevent],
        eventlist: &mut [MaybeUninit<Kevent>],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        let mut call = Call::new(self, eventlist);
        if let Step::Done(count) = call.apply(changelist)? {
            return Ok(count);
        }
        let step = call.begin(timeout)?;
        let mut small = [MaybeUninit::uninit(); STACK_BATCH];
        let mut large = Vec::new();
        let batch = if call.events.room() <= STACK_BATCH {
            &mut small[..]
        } else {
            large.reserve_exact(call.events.room().min(BATCH_MAX));
            large.spare_capacity_mut()
        };
        call.run(step, batch)
    }

    /// Takes the lock of a queue that is not closed, and takes in which numbers are.
    #[inline]
    pub(crate) fn hold_alive(&self) -> io::Result<Held<'_, P>> {
        let mut held = self.hold();
        if self.is_dead.load(Ordering::Acquire) {
            return Err(closed());
        }
        held.take_closed();
        Ok(held)
    }
}

/// What a call does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It returns so many entries.
    Done(usize),
    /// It waits for entries of the main set, and goes on with what came.
    Wait(Patience),
}

/// A call under way. It owns nothing: to give it up it is enough to forget it.
pub(crate) struct Call<'a, P, L> {
    engine: &'a Engine<P>,
    events: Eventlist<'a, L>,
    deadline: Deadline,
    /// What the call was waiting with.
    patience: Patience,
    /// Something is to be looked at before the call waits.
    is_pending: bool,
    /// Nothing has changed since the last call left the queue in order.
    is_settled: bool,
    was_interrupted: bool,
}

impl<'a, P: Poller, L: Layout> Call<'a, P, L> {
    #[inline]
    pub(crate) fn new(engine: &'a Engine<P>, eventlist: &'a mut [MaybeUninit<L>]) -> Self {
        let is_pending = engine.must_look.load(Ordering::Relaxed) || engine.poller.has_unheard();
        Self {
            engine,
            events: Eventlist::new(eventlist),
            deadline: Deadline::Now,
            patience: Patience::None,
            is_pending,
            is_settled: !is_pending,
            was_interrupted: false,
        }
    }

    /// Whether something is to be looked at before the call waits.
    pub(crate) const fn is_pending(&self) -> bool {
        self.is_pending
    }

    /// How many more entries the eventlist takes.
    pub(crate) const fn room(&self) -> usize {
        self.events.room()
    }

    /// Applies changes, before the call begins to wait. Done if there are answers to return, or
    /// no room for events.
    ///
    /// # Errors
    /// `EBADF`: the queue is closed. That of a change whose answer had no room.
    #[inline]
    pub(crate) fn apply(&mut self, changelist: &[Kevent]) -> io::Result<Step> {
        if !changelist.is_empty() {
            return self.apply_changes(changelist);
        }
        if self.engine.is_dead.load(Ordering::Acquire) {
            return Err(closed());
        }
        Ok(if self.events.is_full() {
            Step::Done(0)
        } else {
            Step::Wait(Patience::None)
        })
    }

    fn apply_changes(&mut self, changelist: &[Kevent]) -> io::Result<Step> {
        let mut held = self.engine.hold_alive()?;
        let applied = held.apply(changelist, &mut self.events);
        if applied.is_err() || self.events.count() > 0 || self.events.is_full() {
            held.settle();
            return applied.map(|()| Step::Done(self.events.count()));
        }
        self.is_pending = held.prepare();
        self.is_settled = false;
        Ok(Step::Wait(Patience::None))
    }

    /// Begins to wait, at most so long.
    #[inline]
    pub(crate) fn begin(&mut self, timeout: Option<Duration>) -> io::Result<Step> {
        (self.deadline, self.patience) = Deadline::after(timeout, &self.engine.poller);
        if self.is_pending {
            return self.look();
        }
        Ok(Step::Wait(self.patience))
    }

    /// Waits until there is something to return or the time is up.
    #[inline]
    fn run(&mut self, mut step: Step, batch: &mut [MaybeUninit<Event>]) -> io::Result<usize> {
        loop {
            let patience = match step {
                Step::Done(count) => return Ok(count),
                Step::Wait(patience) => patience,
            };
            let room = self.events.room().min(batch.len());
            let (batch, _) = batch.split_at_mut(room);
            step = self.resume(self.engine.poller.wait(batch, patience))?;
        }
    }

    /// Goes on with what the wait yielded.
    ///
    /// Here stands what most calls come to: entries that each become an event and change nothing.
    /// All else is [`resume_odd`](Self::resume_odd).
    #[inline]
    pub(crate) fn resume(&mut self, woken_by: io::Result<&[Event]>) -> io::Result<Step> {
        let entries = match woken_by {
            Ok(entries) => entries,
            Err(error) => return self.interrupted(error),
        };
        let mut held = self.engine.hold_alive()?;
        let before = self.events.count();
        let plain = held.walk_plain(entries, &mut self.events);
        if plain == entries.len() && plain > 0 && self.is_settled && held.state.ready.is_empty() {
            return Ok(Step::Done(self.events.count()));
        }
        // A knote is returned at most once per call.
        let is_scanned = before > 0;
        self.resume_odd(held, entries.get(plain..).unwrap_or_default(), is_scanned)
    }

    /// Whether the time was up when the wait ended.
    fn is_late(&self) -> bool {
        self.patience == Patience::None
            || self.deadline.patience(&self.engine.poller) == Patience::None
    }

    /// Looks at what needs no waiting for.
    fn look(&mut self) -> io::Result<Step> {
        if self.is_pending {
            let mut held = self.engine.hold_alive()?;
            if self.engine.poller.has_unheard() {
                held.answer_bells();
            }
            held.look();
            self.is_pending = !held.state.ready.is_empty();
            if std::mem::take(&mut held.state.is_owed) {
                let met_entry = held.scan(&mut self.events);
                self.is_pending = true;
                // The kernel may have the same event again, and once is enough.
                if self.events.is_full() || met_entry {
                    held.settle();
                    return Ok(Step::Done(self.events.count()));
                }
            }
            held.prepare();
        }
        self.patience = if self.is_pending || self.was_interrupted {
            Patience::None
        } else {
            self.deadline.patience(&self.engine.poller)
        };
        Ok(Step::Wait(self.patience))
    }

    /// The wait was interrupted, or failed.
    #[cold]
    fn interrupted(&mut self, error: io::Error) -> io::Result<Step> {
        // What the signal's handler has made ready goes before the interruption.
        if error.kind() == io::ErrorKind::Interrupted && !self.was_interrupted {
            self.was_interrupted = true;
            return self.look();
        }
        self.engine.hold().settle();
        Err(error)
    }

    /// Goes on with what is left of the entries: one that is not plain, or none.
    #[inline(never)]
    fn resume_odd(
        &mut self,
        mut held: Held<'_, P>,
        entries: &[Event],
        is_scanned: bool,
    ) -> io::Result<Step> {
        held.walk(entries, &mut self.events);
        if !is_scanned {
            held.scan(&mut self.events);
            held.state.is_owed = self.events.is_full() && !held.state.ready.is_empty();
        }
        let count = self.events.count();
        let is_over = entries.is_empty() && !self.is_pending && self.is_late();
        if count > 0 || is_over {
            held.settle();
            return if self.was_interrupted && count == 0 {
                Err(io::Error::from_raw_os_error(libc::EINTR))
            } else {
                Ok(Step::Done(count))
            };
        }
        self.is_pending = held.prepare();
        self.is_settled = false;
        drop(held);
        self.look()
    }
}

/// The queue was closed.
pub(crate) fn closed() -> io::Error {
    io::Error::from_raw_os_error(libc::EBADF)
}

impl<P: Poller> Held<'_, P> {
    /// Applies the changes in order; answers go to the eventlist.
    ///
    /// # Errors
    /// That of the first change whose answer had no room; the changes after it are not tried.
    fn apply<L: Layout>(
        &mut self,
        changelist: &[Kevent],
        events: &mut Eventlist<'_, L>,
    ) -> io::Result<()> {
        // A change may name a knote that a service's news makes.
        if self.engine.poller.expects_mail() {
            self.engine.poller.fetch_mail();
            self.answer_mail();
        }
        let mut failure = None;
        for (number, change) in changelist.iter().enumerate() {
            let errno = match self.register(change, number) {
                Ok(Applied::Skipped) => continue,
                Ok(Applied::Done) if !change.flags.contains(Flags::RECEIPT) => continue,
                Ok(Applied::Done) => 0,
                Err(errno) => errno,
            };
            if !events.answer(change, errno) {
                failure = (errno != 0).then_some(errno);
                break;
            }
        }
        self.flush(|number, errno| {
            let answered = changelist
                .get(number)
                .is_some_and(|change| events.answer(change, errno));
            if !answered {
                failure.get_or_insert(errno);
            }
        });
        failure.map_or(Ok(()), |errno| Err(io::Error::from_raw_os_error(errno)))
    }
}
