//! Descriptors that are closed, by announcement or behind the queue's back, and the end of the
//! queue itself.
//!
//! Who sees every close(2) announces it (`closing`). Else nobody tells a library of close(2). A generation in each kernel entry makes a reused number
//! safe: an entry that survives its number (the file lives on through a duplicate) is a *ghost*,
//! whose reports are dropped. The kernel removes an entry only by its number and file together,
//! so a ghost that reports again is removed by way of a survivor among our own descriptors, or,
//! if only another process holds the file, by renewing the whole set.

use std::os::fd::RawFd;
use std::sync::atomic::Ordering;

use super::poller::{Poller, Set};
use super::state::{Engine, Held};
use super::table::{Direction, Item, Registered, SETS, Slot, SlotBits};
use crate::limits::GHOSTS_MAX;
use crate::source::descriptor::Kind;

/// Ghosts that have reported once, a few at a time: a second report proves that it was no race
/// with a change, and asks for removal.
#[derive(Debug, Default)]
pub(crate) struct Ghosts {
    seen: Vec<(Set, RawFd, u32)>,
    /// How often a set had to be renewed.
    pub(crate) renewal_count: u64,
}

impl<P: Poller> Held<'_, P> {
    /// Everything on this number goes: its half-knotes, its kernel entries where they can still
    /// be named, its watch.
    pub(crate) fn drop_descriptor(&mut self, fd: RawFd) {
        self.drop_bound(fd);
        for direction in Direction::ALL {
            self.clear_half(fd, direction);
        }
        let Some(slot) = self.state.table.get_mut(fd) else {
            return;
        };
        slot.generation = slot.generation.wrapping_add(1);
        slot.kind = Kind::default();
        slot.bits &= SlotBits::DIRTY;
        for set in SETS {
            let item = std::mem::take(slot.item_mut(set));
            if item.registered.contains(Registered::PRESENT) {
                // Fails where the number is closed or another file: a ghost may remain.
                let _ = self.engine.poller.delete(set, fd);
            }
        }
    }

    /// Everything on this number goes, if there is anything.
    pub(crate) fn forget_number(&mut self, fd: RawFd) {
        self.drop_bound(fd);
        let slot = self.state.table.get(fd);
        if slot.is_some_and(|slot| slot.has_knotes() || slot.is_registered()) {
            self.drop_descriptor(fd);
        }
    }

    /// Takes in the closes that were announced. Who announced them sees to the kernel's sets.
    #[inline]
    pub(crate) fn take_closed(&mut self) {
        if !self.engine.closed.is_empty() {
            self.forget_closed();
        }
    }

    #[cold]
    fn forget_closed(&mut self) {
        let engine = self.engine;
        engine.closed.take(|fd| {
            if let Some(slot) = self.state.table.get_mut(fd) {
                for set in SETS {
                    slot.item_mut(set).registered = Registered::empty();
                }
            }
            self.drop_bound(fd);
            if self.state.table.get(fd).is_some_and(Slot::has_knotes) {
                self.drop_descriptor(fd);
            }
        });
    }

    /// An entry reported under a number and generation that name no knote.
    pub(crate) fn ghost_reported(&mut self, set: Set, fd: RawFd, generation: u32) {
        let ghosts = &mut self.state.ghosts;
        let ghost = (set, fd, generation);
        if !ghosts.seen.contains(&ghost) {
            if ghosts.seen.len() == GHOSTS_MAX {
                ghosts.seen.remove(0);
            }
            ghosts.seen.push(ghost);
            return;
        }
        ghosts.seen.retain(|seen| *seen != ghost);
        if !self.engine.poller.remove_ghost(set, fd) {
            self.renew(set);
        }
    }

    /// Rebuilds a set from the table: the only way to be rid of an entry whose file nobody here
    /// can name.
    fn renew(&mut self, set: Set) {
        self.state.ghosts.renewal_count += 1;
        let engine = self.engine;
        if engine.poller.renew(set).is_err() {
            // No descriptor left for it: the ghost goes on, the next report tries again.
            return;
        }
        if set == Set::Main {
            engine.was_renewed.store(true, Ordering::Release);
            self.rewatch_knotes();
        }
        let used: Vec<RawFd> = self.state.table.used().collect();
        for fd in used {
            let Some(slot) = self.state.table.get_mut(fd) else {
                continue;
            };
            let item = slot.item_mut(set);
            *item = Item {
                registered: Registered::empty(),
                ..*item
            };
            if self.sync_item(fd, set, false).is_err() {
                self.drop_descriptor(fd);
            }
        }
    }
}

impl<P: Poller> Engine<P> {
    /// The number was or will be closed.
    pub(crate) fn forget_fd(&self, fd: RawFd) {
        let mut held = self.hold();
        held.forget_number(fd);
        held.settle();
    }

    /// Closes the queue: every knote goes, and every waiter returns.
    pub(crate) fn close(&self) {
        if self.is_dead.swap(true, Ordering::AcqRel) {
            return;
        }
        // Where no descriptor is left to make the doorbell, waiters return when next woken.
        if self.poller.need_doorbell().is_ok() {
            self.poller.sound_doorbell();
        }
        let mut held = self.hold();
        let used: Vec<RawFd> = held.state.table.used().collect();
        for fd in used {
            held.drop_descriptor(fd);
        }
        let keys: Vec<usize> = held.state.knotes.iter().map(|(key, _)| key).collect();
        for key in keys {
            held.delete_knote(u32::try_from(key).unwrap_or(u32::MAX));
        }
    }
}

impl<P: Poller> Engine<P> {
    /// The file under a watched number was replaced by another queue's renewal: its entries are
    /// made again.
    pub(crate) fn rewatch(&self, fd: RawFd) {
        let mut held = self.hold();
        let Some(slot) = held.state.table.get_mut(fd) else {
            return;
        };
        for set in SETS {
            let item = slot.item_mut(set);
            *item = Item {
                registered: Registered::empty(),
                ..*item
            };
        }
        if held.sync(fd).is_err() {
            held.drop_descriptor(fd);
        }
        held.settle();
    }
}
