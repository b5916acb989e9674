//! The `udata` of user events.
//!
//! A trigger is a change of the knote, and outside FreeBSD (EV_KEEPUDATA) a change replaces
//! `udata` by its own. So a queue remembers the `udata` of its user events and gives it to every
//! trigger. It also knows thereby which user events there are, which no kernel answers without
//! changing the knote.
//!
//! Bounded by the user events there are: EV_DELETE and the delivery of an EV_ONESHOT event forget
//! one. Two threads that retrieve and add one and the same one-shot event at the same moment may
//! lose its memory; the system's knote is not touched by that.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::flags::{Filter, Flags};
use crate::kevent::Kevent;

/// One event's `udata`; a trigger handle holds on to it, because it may take no lock.
pub(crate) type Udata = Arc<AtomicUsize>;

#[derive(Debug, Default)]
pub(crate) struct UserEvents {
    udata_by_ident: Mutex<HashMap<usize, Udata>>,
}

impl UserEvents {
    /// The `udata` of the user event with this ident, if there is one.
    pub(crate) fn get(&self, ident: usize) -> Option<Udata> {
        self.udata_by_ident.lock().get(&ident).map(Arc::clone)
    }

    /// A change of a user event is about to be applied.
    pub(crate) fn note(&self, change: &Kevent) {
        debug_assert_eq!(change.filter, Filter::USER);
        if change.flags.contains(Flags::DELETE) {
            self.forget(change.ident);
        } else if change.flags.contains(Flags::ADD) {
            let mut events = self.udata_by_ident.lock();
            let udata = events.entry(change.ident).or_default();
            // Relaxed: it publishes nothing but itself.
            udata.store(change.udata, Ordering::Relaxed);
        } else if !change.flags.contains(Flags::KEEPUDATA)
            && let Some(udata) = self.get(change.ident)
        {
            udata.store(change.udata, Ordering::Relaxed);
        }
    }

    /// A user event was delivered.
    pub(crate) fn delivered(&self, event: &Kevent) {
        if event.flags.contains(Flags::ONESHOT) {
            self.forget(event.ident);
        }
    }

    fn forget(&self, ident: usize) {
        self.udata_by_ident.lock().remove(&ident);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn udata_of(events: &UserEvents, ident: usize) -> Option<usize> {
        Some(events.get(ident)?.load(Ordering::Relaxed))
    }

    #[test]
    fn a_change_replaces_udata_unless_it_keeps_it() {
        let events = UserEvents::default();
        assert_eq!(udata_of(&events, 1), None);
        events.note(&Kevent::user(1).udata(7));
        events.note(&Kevent::trigger(1).udata(8));
        assert_eq!(udata_of(&events, 1), Some(7));
        events.note(&Kevent::user(1).enable().udata(9));
        assert_eq!(udata_of(&events, 1), Some(9));
        events.note(&Kevent::user(2).enable().udata(9));
        assert_eq!(udata_of(&events, 2), None);
    }

    #[test]
    fn deletion_and_one_shot_delivery_forget_it() {
        let events = UserEvents::default();
        events.note(&Kevent::user(1));
        events.delivered(&Kevent::new(1, Filter::USER, Flags::CLEAR));
        assert_eq!(udata_of(&events, 1), Some(0));
        events.delivered(&Kevent::new(1, Filter::USER, Flags::ONESHOT));
        assert_eq!(udata_of(&events, 1), None);
        events.note(&Kevent::user(2));
        events.note(&Kevent::user(2).delete());
        assert_eq!(udata_of(&events, 2), None);
    }
}
