//! The caller's eventlist, filled from the front.

use std::mem::MaybeUninit;

use crate::flags::Flags;
use crate::kevent::Kevent;

/// The room for events, and how much of it is used.
pub(crate) struct Eventlist<'a> {
    slots: &'a mut [MaybeUninit<Kevent>],
    count: usize,
}

impl<'a> Eventlist<'a> {
    pub(crate) fn new(slots: &'a mut [MaybeUninit<Kevent>]) -> Self {
        Self { slots, count: 0 }
    }

    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    pub(crate) const fn room(&self) -> usize {
        self.slots.len() - self.count
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.room() == 0
    }

    /// Appends an event. The caller has seen that there is room.
    pub(crate) fn push(&mut self, event: Kevent) {
        debug_assert!(!self.is_full(), "the caller looks for room first");
        if let Some(slot) = self.slots.get_mut(self.count) {
            slot.write(event);
            self.count += 1;
        }
    }

    /// Answers a change: an errno, or 0 for a receipt. False where there is no room.
    pub(crate) fn answer(&mut self, change: &Kevent, errno: i32) -> bool {
        if self.is_full() {
            return false;
        }
        self.push(Kevent {
            flags: Flags::ERROR,
            fflags: 0,
            data: i64::from(errno),
            ..*change
        });
        true
    }
}
