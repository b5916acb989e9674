//! The caller's eventlist, filled from the front.

use std::mem::MaybeUninit;

use crate::flags::Flags;
use crate::kevent::Kevent;

/// How an event stands in the caller's eventlist. Rust's own way is [`Kevent`]; the C library has
/// structures of its own, which are written in place.
pub trait Layout: Sized {
    /// An event that happened.
    fn event(event: &Kevent) -> Self;
    /// The answer to a change: an errno, or 0 for a receipt.
    fn answer(change: &Kevent, errno: i32) -> Self;
}

impl Layout for Kevent {
    #[inline]
    fn event(event: &Kevent) -> Self {
        *event
    }

    fn answer(change: &Kevent, errno: i32) -> Self {
        Self {
            flags: Flags::ERROR,
            fflags: 0,
            data: i64::from(errno),
            ..*change
        }
    }
}

/// The room for events, and how much of it is used.
#[derive(Debug)]
pub(crate) struct Eventlist<'a, L = Kevent> {
    slots: &'a mut [MaybeUninit<L>],
    count: usize,
}

impl<'a, L: Layout> Eventlist<'a, L> {
    pub(crate) const fn new(slots: &'a mut [MaybeUninit<L>]) -> Self {
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

    /// Appends what `make` makes of each thing in turn, as long as it makes something and there
    /// is room; returns how many.
    #[inline]
    pub(crate) fn fill<T>(
        &mut self,
        from: &[T],
        mut make: impl FnMut(&T) -> Option<Kevent>,
    ) -> usize {
        let mut count = 0;
        let slots = self.slots.get_mut(self.count..).unwrap_or_default();
        for (slot, thing) in slots.iter_mut().zip(from) {
            let Some(event) = make(thing) else { break };
            slot.write(L::event(&event));
            count += 1;
        }
        self.count += count;
        count
    }

    /// Appends an event. The caller has seen that there is room.
    #[inline]
    pub(crate) fn push(&mut self, event: Kevent) {
        self.write(L::event(&event));
    }

    /// Answers a change: an errno, or 0 for a receipt. False where there is no room.
    pub(crate) fn answer(&mut self, change: &Kevent, errno: i32) -> bool {
        if self.is_full() {
            return false;
        }
        self.write(L::answer(change, errno));
        true
    }

    #[inline]
    fn write(&mut self, entry: L) {
        debug_assert!(!self.is_full(), "the caller looks for room first");
        if let Some(slot) = self.slots.get_mut(self.count) {
            slot.write(entry);
            self.count += 1;
        }
    }
}
