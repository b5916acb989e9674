//! `Events`: a reusable eventlist.

use std::mem::MaybeUninit;
use std::ops::Deref;

use crate::kevent::Kevent;

/// A reusable eventlist: room for a fixed number of events, and those the last wait returned.
///
/// It reads as a slice of [`Kevent`].
///
/// # Examples
/// ```
/// use kevent::{Events, Kevent, Kqueue};
///
/// let queue = Kqueue::new()?;
/// let mut events = Events::with_capacity(16);
/// queue.wait(&[Kevent::user(1).clear(), Kevent::trigger(1)], &mut events, None)?;
/// assert_eq!(events.len(), 1);
/// assert_eq!(events[0].ident, 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Events {
    list: Vec<Kevent>,
    capacity: usize,
}

impl Events {
    /// Room for `capacity` events. With no room a wait returns at once, as kevent(2) does with
    /// `nevents` 0.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            list: Vec::with_capacity(capacity),
            capacity,
        }
    }

    /// How many events one wait can return at most.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// The events of the last wait.
    #[must_use]
    pub fn as_slice(&self) -> &[Kevent] {
        &self.list
    }

    /// Forgets the events of the last wait; the room stays.
    pub fn clear(&mut self) {
        self.list.clear();
    }

    /// Empties the list, lets `fill` write into its room, and keeps what it says it wrote.
    pub(crate) fn refill<E>(
        &mut self,
        fill: impl FnOnce(&mut [MaybeUninit<Kevent>]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        self.list.clear();
        let room = self.list.spare_capacity_mut();
        let room_len = room.len().min(self.capacity);
        let count = fill(room.split_at_mut(room_len).0)?;
        debug_assert!(count <= room_len, "more events than there was room for");
        crate::sys::assume_len(&mut self.list, count.min(room_len));
        Ok(count)
    }
}

impl Deref for Events {
    type Target = [Kevent];

    fn deref(&self) -> &[Kevent] {
        &self.list
    }
}

impl<'a> IntoIterator for &'a Events {
    type Item = &'a Kevent;
    type IntoIter = std::slice::Iter<'a, Kevent>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}
