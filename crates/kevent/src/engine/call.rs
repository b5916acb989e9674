//! One kevent() call, top to bottom: register, wait, scan.

use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::eventlist::Eventlist;
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
    pub(crate) fn kevent(
        &self,
        changelist: &[Kevent],
        eventlist: &mut [MaybeUninit<Kevent>],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        let mut events = Eventlist::new(eventlist);
        let mut is_pending = self.must_look.load(Ordering::Relaxed);
        if !changelist.is_empty() {
            let mut held = self.hold_alive()?;
            let applied = held.apply(changelist, &mut events);
            if applied.is_err() || events.count() > 0 || events.is_full() {
                held.settle();
                return applied.map(|()| events.count());
            }
            is_pending = held.prepare();
        } else if self.is_dead.load(Ordering::Acquire) {
            return Err(closed());
        }
        if events.is_full() {
            return Ok(0);
        }
        let deadline = Deadline::after(timeout, &self.poller);
        let is_settled = changelist.is_empty() && !is_pending;
        let how = (deadline, is_pending, is_settled);
        if events.room() <= STACK_BATCH {
            let mut batch = [MaybeUninit::uninit(); STACK_BATCH];
            self.collect(&mut events, &mut batch, how)
        } else {
            let mut batch = Vec::with_capacity(events.room().min(BATCH_MAX));
            self.collect(&mut events, batch.spare_capacity_mut(), how)
        }
    }

    /// Takes the lock of a queue that is not closed.
    pub(crate) fn hold_alive(&self) -> io::Result<Held<'_, P>> {
        let held = self.hold();
        if self.is_dead.load(Ordering::Acquire) {
            Err(closed())
        } else {
            Ok(held)
        }
    }

    /// Waits until there is something to return or the time is up.
    fn collect(
        &self,
        events: &mut Eventlist<'_>,
        batch: &mut [MaybeUninit<Event>],
        (deadline, mut is_pending, mut is_settled): (Deadline, bool, bool),
    ) -> io::Result<usize> {
        let mut interrupted = None;
        loop {
            if is_pending {
                let mut held = self.hold_alive()?;
                held.look();
                is_pending = !held.state.ready.is_empty();
                if std::mem::take(&mut held.state.is_owed) {
                    let met_entry = held.scan(events);
                    is_pending = true;
                    // The kernel may have the same event again, and once is enough.
                    if events.is_full() || met_entry {
                        held.settle();
                        return Ok(events.count());
                    }
                }
                held.prepare();
            }
            let patience = if is_pending || interrupted.is_some() {
                Patience::None
            } else {
                deadline.patience(&self.poller)
            };
            let room = events.room().min(batch.len());
            let (batch, _) = batch.split_at_mut(room);
            let woken_by = match self.poller.wait(batch, patience) {
                Ok(entries) => entries,
                // What the signal's handler has made ready goes before the interruption.
                Err(error)
                    if error.kind() == io::ErrorKind::Interrupted && interrupted.is_none() =>
                {
                    interrupted = Some(error);
                    continue;
                }
                Err(error) => {
                    self.hold().settle();
                    return Err(error);
                }
            };
            let mut held = self.hold_alive()?;
            // A knote is returned at most once per call.
            let is_scanned = events.count() > 0;
            let is_plain = held.walk(woken_by, events);
            if is_plain && is_settled && held.state.ready.is_empty() && events.count() > 0 {
                // Nothing has changed since the last call left the queue in order.
                return Ok(events.count());
            }
            if !is_scanned {
                held.scan(events);
                held.state.is_owed = events.is_full() && !held.state.ready.is_empty();
            }
            let is_over = woken_by.is_empty() && patience == Patience::None && !is_pending;
            if events.count() > 0 || is_over {
                held.settle();
                return match interrupted {
                    Some(error) if events.count() == 0 => Err(error),
                    _ => Ok(events.count()),
                };
            }
            is_pending = held.prepare();
            is_settled = false;
        }
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
    fn apply(&mut self, changelist: &[Kevent], events: &mut Eventlist<'_>) -> io::Result<()> {
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
