//! `Table`: the slots, and what is noted for the next changelist.
//!
//! Only state: wakers that are to be woken are handed out to the caller, who wakes them once the
//! table is no longer borrowed.

use std::collections::VecDeque;
use std::io;
use std::task::Waker;
use std::time::{Duration, Instant};

use kevent::{Filter, Flags, Kevent};
use slab::Slab;

use super::slot::{Descriptor, Direction, Knote, Slot, Timer, Watch};
use super::token::Token;
use crate::limits;

/// All sources of one thread.
#[derive(Debug, Default)]
pub(crate) struct Table {
    slots: Slab<(Token, Slot)>,
    generation: usize,
    /// Slots with a knote to add. Those that are gone by the next wait are skipped.
    wishes: VecDeque<Token>,
    /// Knotes to delete. They go before the wishes: a slot's next timer has the same ident.
    deletions: Vec<Kevent>,
    /// Timers that the queue refused, and when they are tried again.
    refused_timers: Vec<Token>,
    retry_at: Option<Instant>,
}

impl Table {
    /// Gives a source its slot.
    ///
    /// # Errors
    /// `OutOfMemory`: a token cannot name more slots.
    pub(crate) fn insert(&mut self, slot: Slot) -> io::Result<Token> {
        if self.slots.len() >= Token::INDEX_COUNT {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.generation = self.generation.wrapping_add(1);
        let entry = self.slots.vacant_entry();
        let token = Token::new(entry.key(), self.generation);
        entry.insert((token, slot));
        Ok(token)
    }

    /// The slot of this very use, if it still is.
    pub(crate) fn get(&mut self, token: Token) -> Option<&mut Slot> {
        match self.slots.get_mut(token.index()) {
            Some((current, slot)) if *current == token => Some(slot),
            _ => None,
        }
    }

    pub(crate) fn descriptor(&mut self, token: Token) -> Option<&mut Descriptor> {
        match self.get(token) {
            Some(Slot::Descriptor(descriptor)) => Some(descriptor),
            _ => None,
        }
    }

    pub(crate) fn timer(&mut self, token: Token) -> Option<&mut Timer> {
        match self.get(token) {
            Some(Slot::Timer(timer)) => Some(timer),
            _ => None,
        }
    }

    pub(crate) fn watch(&mut self, token: Token) -> Option<&mut Watch> {
        match self.get(token) {
            Some(Slot::Watch(watch)) => Some(watch),
            _ => None,
        }
    }

    /// Takes a source out; of an armed timer the knote is deleted with the next changelist.
    pub(crate) fn remove(&mut self, token: Token) -> Option<Slot> {
        self.get(token)?;
        let (_, slot) = self.slots.try_remove(token.index())?;
        if let Slot::Timer(Timer {
            armed_for: Some(_), ..
        }) = slot
        {
            let timer = Kevent::timer(token.index(), Duration::ZERO);
            self.deletions
                .push(timer.delete().udata(Token::NONE.udata()));
        }
        Some(slot)
    }

    /// Notes that a direction of this slot is to be watched, if it is not yet.
    pub(crate) fn want_side(&mut self, token: Token, direction: Direction) {
        let Some(descriptor) = self.descriptor(token) else {
            return;
        };
        let side = descriptor.side(direction);
        if side.knote == Knote::Absent {
            side.knote = Knote::Wanted;
            self.wishes.push_back(token);
        }
    }

    /// Notes that a timer is to be armed.
    pub(crate) fn want_timer(&mut self, token: Token) {
        if let Some(timer) = self.timer(token)
            && !timer.is_wanted
        {
            timer.is_wanted = true;
            self.wishes.push_back(token);
        }
    }

    /// Moves what is noted into the changelist, and the wakers of timers that are due into
    /// `woken`. No more at once than an eventlist can answer, or a refusal would end the call
    /// half-way; [`has_changes`](Self::has_changes) tells whether some are left.
    pub(crate) fn collect(&mut self, changelist: &mut Vec<Kevent>, woken: &mut Vec<Waker>) {
        let deletion_count = self.deletions.len().min(limits::EVENTS_PER_WAIT);
        changelist.extend(self.deletions.drain(..deletion_count));
        // One slot makes two changes at most.
        while changelist.len() + 2 <= limits::EVENTS_PER_WAIT
            && let Some(token) = self.wishes.pop_front()
        {
            match self.get(token) {
                Some(Slot::Descriptor(descriptor)) => {
                    collect_descriptor(token, descriptor, changelist);
                }
                Some(Slot::Timer(timer)) => collect_timer(token, timer, changelist, woken),
                Some(Slot::User(_) | Slot::Watch(_)) | None => {}
            }
        }
    }

    /// Whether changes are noted for the queue.
    pub(crate) fn has_changes(&self) -> bool {
        !self.wishes.is_empty() || !self.deletions.is_empty()
    }

    /// Notes again the timers that were refused, if it is time. Returns how long the next wait may
    /// take because of them.
    pub(crate) fn retry_refused_timers(&mut self) -> Option<Duration> {
        let now = Instant::now();
        match self.retry_at?.checked_duration_since(now) {
            Some(left) if !left.is_zero() => Some(left),
            _ => {
                self.retry_at = None;
                self.wishes.extend(self.refused_timers.drain(..));
                None
            }
        }
    }

    /// Takes one entry of the eventlist to its slot; an event of a former use is dropped.
    pub(crate) fn dispatch(&mut self, event: &Kevent, woken: &mut Vec<Waker>) {
        let token = Token::from_udata(event.udata);
        let refusal = event.error().and_then(|error| error.raw_os_error());
        match (self.get(token), refusal) {
            (Some(Slot::Descriptor(descriptor)), _) => {
                dispatch_descriptor(descriptor, event, refusal, woken);
            }
            (Some(Slot::Timer(timer)), None) => {
                if timer.expire(Instant::now()) {
                    self.want_timer(token);
                } else if timer.has_fired {
                    timer.waiters.take_into(woken);
                }
            }
            (Some(Slot::Timer(timer)), Some(_)) => {
                timer.armed_for = None;
                if !timer.is_wanted {
                    timer.is_wanted = true;
                    self.refused_timers.push(token);
                    self.retry_at
                        .get_or_insert_with(|| Instant::now() + limits::TIMER_RETRY);
                }
            }
            (Some(Slot::User(user)), _) => {
                user.is_notified = true;
                user.waiters.take_into(woken);
            }
            (Some(Slot::Watch(watch)), None) => {
                watch.notes |= event.fflags;
                watch.is_present = !event.flags.contains(Flags::ONESHOT);
                watch.waiters.take_into(woken);
            }
            // A refusal is told when the knote is added.
            (Some(Slot::Watch(_)), Some(_)) | (None, _) => {}
        }
    }
}

fn collect_descriptor(token: Token, descriptor: &mut Descriptor, changelist: &mut Vec<Kevent>) {
    if descriptor.read.knote == Knote::Wanted {
        descriptor.read.knote = Knote::Present;
        let change = Kevent::read(descriptor.fd).clear().udata(token.udata());
        let change = if descriptor.counts_backlog {
            change.with_data()
        } else {
            change.without_data()
        };
        changelist.push(change);
    }
    if descriptor.write.knote == Knote::Wanted {
        descriptor.write.knote = Knote::Present;
        let change = Kevent::write(descriptor.fd).clear().udata(token.udata());
        changelist.push(change.without_data());
    }
}

fn collect_timer(
    token: Token,
    timer: &mut Timer,
    changelist: &mut Vec<Kevent>,
    woken: &mut Vec<Waker>,
) {
    timer.is_wanted = false;
    let Some(deadline) = timer.deadline else {
        return;
    };
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        timer.has_fired = true;
        timer.waiters.take_into(woken);
        return;
    }
    timer.armed_for = Some(deadline);
    changelist.push(
        Kevent::timer(token.index(), left)
            .oneshot()
            .udata(token.udata()),
    );
}

fn dispatch_descriptor(
    descriptor: &mut Descriptor,
    event: &Kevent,
    refusal: Option<i32>,
    woken: &mut Vec<Waker>,
) {
    let direction = if event.filter == Filter::READ {
        Direction::Read
    } else {
        Direction::Write
    };
    let side = descriptor.side(direction);
    match refusal {
        Some(errno) => side.set_refused(errno),
        None => side.set_ready(event.is_eof()),
    }
    side.waiters.take_into(woken);
    if direction == Direction::Read && refusal.is_none() && descriptor.counts_backlog {
        // An event says at least that somebody was there.
        descriptor.backlog = u32::try_from(event.data.max(1)).unwrap_or(u32::MAX);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use kevent::{Filter, Flags, Kevent, NoteVnode};

    use super::Table;
    use crate::limits;
    use crate::reactor::slot::{Descriptor, Direction, Slot, Timer, Watch};
    use crate::reactor::token::Token;

    fn read_event(token: Token) -> Kevent {
        Kevent::new(0, Filter::READ, Flags::CLEAR).udata(token.udata())
    }

    #[test]
    fn an_event_of_a_slots_former_use_is_dropped() {
        let mut table = Table::default();
        let former = table.insert(Slot::Descriptor(Descriptor::new(0))).unwrap();
        table.remove(former);
        let present = table.insert(Slot::Descriptor(Descriptor::new(0))).unwrap();
        assert_eq!(former.index(), present.index());

        table.dispatch(&read_event(former), &mut Vec::new());
        assert!(!table.descriptor(present).unwrap().read.is_ready);
        table.dispatch(&read_event(present), &mut Vec::new());
        assert!(table.descriptor(present).unwrap().read.is_ready);
    }

    #[test]
    fn a_source_dropped_before_the_wait_makes_no_change() {
        let mut table = Table::default();
        let token = table.insert(Slot::Descriptor(Descriptor::new(0))).unwrap();
        table.want_side(token, Direction::Read);
        table.remove(token);
        let mut changelist = Vec::new();
        table.collect(&mut changelist, &mut Vec::new());
        assert_eq!(changelist, []);
    }

    #[test]
    fn an_idle_source_costs_no_more_than_96_bytes() {
        assert!(size_of::<(Token, Slot)>() <= 96);
    }

    #[test]
    fn a_direction_is_added_once() {
        let mut table = Table::default();
        let token = table.insert(Slot::Descriptor(Descriptor::new(5))).unwrap();
        let mut changelist = Vec::new();
        for _ in 0..3 {
            table.want_side(token, Direction::Read);
            table.collect(&mut changelist, &mut Vec::new());
        }
        assert_eq!(
            changelist,
            [Kevent::read(5).clear().without_data().udata(token.udata())]
        );
    }

    #[test]
    fn an_armed_timers_deletion_goes_before_the_next_timer_of_its_slot() {
        let mut table = Table::default();
        let far = Some(Instant::now() + Duration::from_secs(100));
        let former = table
            .insert(Slot::Timer(Timer {
                deadline: far,
                ..Timer::default()
            }))
            .unwrap();
        table.want_timer(former);
        table.collect(&mut Vec::new(), &mut Vec::new());
        table.remove(former);
        let present = table
            .insert(Slot::Timer(Timer {
                deadline: far,
                ..Timer::default()
            }))
            .unwrap();
        table.want_timer(present);

        let mut changelist = Vec::new();
        table.collect(&mut changelist, &mut Vec::new());
        let flags: Vec<_> = changelist
            .iter()
            .map(|change| (change.ident, change.flags))
            .collect();
        let index = present.index();
        assert_eq!(
            flags,
            [(index, Flags::DELETE), (index, Flags::ADD | Flags::ONESHOT)]
        );
    }

    #[test]
    fn a_refused_timer_is_tried_again_later() {
        let mut table = Table::default();
        let far = Some(Instant::now() + Duration::from_secs(100));
        let token = table
            .insert(Slot::Timer(Timer {
                deadline: far,
                ..Timer::default()
            }))
            .unwrap();
        table.want_timer(token);
        table.collect(&mut Vec::new(), &mut Vec::new());
        let refusal = Kevent::new(0, Filter::TIMER, Flags::ERROR)
            .data(24)
            .udata(token.udata());
        table.dispatch(&refusal, &mut Vec::new());

        let mut changelist = Vec::new();
        assert!(
            table
                .retry_refused_timers()
                .is_some_and(|left| left <= limits::TIMER_RETRY)
        );
        table.collect(&mut changelist, &mut Vec::new());
        assert_eq!(changelist, []);

        table.retry_at = Some(Instant::now());
        assert_eq!(table.retry_refused_timers(), None);
        table.collect(&mut changelist, &mut Vec::new());
        assert_eq!(changelist.len(), 1);
    }

    #[test]
    fn notes_gather_until_the_last_event_of_a_watch() {
        let mut table = Table::default();
        let change = Kevent::vnode(3, NoteVnode::all()).clear();
        let token = table.insert(Slot::Watch(Watch::new(&change))).unwrap();
        let event = |notes: NoteVnode, flags| {
            Kevent::new(3, Filter::VNODE, flags)
                .fflags(notes)
                .udata(token.udata())
        };
        table.dispatch(&event(NoteVnode::WRITE, Flags::CLEAR), &mut Vec::new());
        assert!(table.watch(token).unwrap().is_present);
        let last = event(NoteVnode::DELETE, Flags::CLEAR | Flags::ONESHOT);
        table.dispatch(&last, &mut Vec::new());
        let watch = table.watch(token).unwrap();
        assert_eq!(
            NoteVnode::from_bits_retain(watch.notes),
            NoteVnode::WRITE | NoteVnode::DELETE
        );
        assert!(!watch.is_present);
    }

    #[test]
    fn many_changes_are_collected_in_parts() {
        let mut table = Table::default();
        let count = 3 * limits::EVENTS_PER_WAIT;
        for fd in 0..i32::try_from(count).unwrap() {
            let token = table.insert(Slot::Descriptor(Descriptor::new(fd))).unwrap();
            table.want_side(token, Direction::Read);
            table.want_side(token, Direction::Write);
        }
        let mut all = 0;
        while table.has_changes() {
            let mut changelist = Vec::new();
            table.collect(&mut changelist, &mut Vec::new());
            assert!(changelist.len() <= limits::EVENTS_PER_WAIT);
            all += changelist.len();
        }
        assert_eq!(all, 2 * count);
    }
}
