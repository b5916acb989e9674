//! Turning the written part of an eventlist into events.

use std::mem::MaybeUninit;

use crate::kevent::Kevent;

/// The first `count` slots as events. The engine has written them; a larger count is cut off.
pub(crate) fn assume_init(eventlist: &mut [MaybeUninit<Kevent>], count: usize) -> &mut [Kevent] {
    let written = eventlist.split_at_mut(count.min(eventlist.len())).0;
    // SAFETY: the engine returns a count only after it has written that many slots from the
    // front, and any bit pattern of `Kevent`'s integers is a value.
    unsafe { written.assume_init_mut() }
}

/// Makes the first `count` slots of the spare room part of the list.
pub(crate) fn assume_len(list: &mut Vec<Kevent>, count: usize) {
    debug_assert!(count <= list.capacity(), "within the room");
    // SAFETY: as above: the engine has written these slots, which lie within the capacity.
    unsafe { list.set_len(count) };
}
