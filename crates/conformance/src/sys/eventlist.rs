//! kevent(2) of the Rust library into a list that is already initialised.

use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

use kevent::{Kevent, Kqueue};

/// [`Kqueue::kevent`] into initialised events, so that the slots the call did not return, and
/// those it wrote before it failed, can be looked at.
///
/// # Errors
/// As [`Kqueue::kevent`].
pub fn kevent_into(
    queue: &Kqueue,
    changelist: &[Kevent],
    eventlist: &mut [Kevent],
    timeout: Option<Duration>,
) -> io::Result<usize> {
    let room: *mut [Kevent] = eventlist;
    // SAFETY: the slots are initialised and borrowed mutably; `MaybeUninit<Kevent>` has the same
    // layout, and `Kqueue::kevent` writes nothing but events into them, so they stay initialised.
    let room = unsafe { &mut *(room as *mut [MaybeUninit<Kevent>]) };
    queue
        .kevent(changelist, room, timeout)
        .map(|events| events.len())
}
