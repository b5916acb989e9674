//! Who is inside a descriptor number: a count, and whether it may still be entered.
//!
//! A number must not be closed while a call may be about to use it, or the call reaches whatever
//! file has the number next. So each call enters and leaves, and the last one out does what had
//! to wait. Atomics only: a signal handler enters too.
//!
//! ```text
//! open ── shut ──► shut ── the last one out empties it ──► emptied
//!   └────────────────┴────────── give_back ──────────────────┴──► given back: closed by the
//!                                                                 last one out
//! ```

use std::sync::atomic::{AtomicUsize, Ordering};

/// Nobody comes in any more.
const SHUT: usize = 1 << (usize::BITS - 1);
/// What was behind the number has been taken away; the number is still taken.
const EMPTIED: usize = 1 << (usize::BITS - 2);
/// The number is closed as soon as nobody is inside.
const GIVEN_BACK: usize = 1 << (usize::BITS - 3);
/// How many are inside.
const COUNT: usize = GIVEN_BACK - 1;

#[derive(Debug, Default)]
pub(crate) struct Occupancy {
    state: AtomicUsize,
}

/// What the last one out must do.
pub(crate) trait Ends {
    /// Takes away what is behind the number, and keeps the number taken.
    fn empty(&self);
    /// Closes the number.
    fn close(&self);
}

impl Occupancy {
    /// Comes in, unless it is shut.
    pub(crate) fn enter(&self) -> bool {
        let is_open = |state: usize| (state & SHUT == 0).then_some(state + 1);
        // Acquire: what is read inside happens after the number was opened.
        self.state
            .try_update(Ordering::Acquire, Ordering::Relaxed, is_open)
            .is_ok()
    }

    /// Goes out. The last one out of a shut number empties it while still inside, so that the
    /// number cannot be closed and reused meanwhile.
    pub(crate) fn leave(&self, ends: &impl Ends) {
        loop {
            let state = self.state.load(Ordering::Acquire);
            let is_last = state & COUNT == 1;
            if is_last && state & (SHUT | EMPTIED | GIVEN_BACK) == SHUT {
                self.empty(ends);
                continue;
            }
            // Release: whoever closes the number does so after all use of it.
            let left = self.state.compare_exchange_weak(
                state,
                state - 1,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            if left.is_ok() {
                if is_last && state & GIVEN_BACK != 0 {
                    ends.close();
                }
                return;
            }
        }
    }

    /// Lets nobody in any more. False if that was so already.
    pub(crate) fn shut(&self) -> bool {
        self.state.fetch_or(SHUT, Ordering::AcqRel) & SHUT == 0
    }

    /// Whether it is shut.
    pub(crate) fn is_shut(&self) -> bool {
        self.state.load(Ordering::Acquire) & SHUT != 0
    }

    /// Empties it with others still inside. The caller is inside.
    pub(crate) fn empty(&self, ends: &impl Ends) {
        ends.empty();
        self.state.fetch_or(EMPTIED, Ordering::AcqRel);
    }

    /// Shuts it and gives the number back, now or when the last one goes out. Called once.
    pub(crate) fn give_back(&self, ends: &impl Ends) {
        let before = self.state.fetch_or(SHUT | GIVEN_BACK, Ordering::AcqRel);
        if before & COUNT == 0 {
            ends.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[derive(Default)]
    struct Counter {
        emptied: AtomicUsize,
        closed: AtomicUsize,
    }

    impl Ends for Counter {
        fn empty(&self) {
            assert_eq!(self.closed.load(Ordering::SeqCst), 0, "emptied after close");
            self.emptied.fetch_add(1, Ordering::SeqCst);
        }

        fn close(&self) {
            self.closed.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl Counter {
        fn seen(&self) -> (usize, usize) {
            let emptied = self.emptied.load(Ordering::SeqCst);
            (emptied, self.closed.load(Ordering::SeqCst))
        }
    }

    #[test]
    fn the_last_one_out_empties_a_shut_number() {
        let (door, ends) = (Occupancy::default(), Counter::default());
        assert!(door.enter() && door.enter());
        assert!(!door.is_shut());
        assert!(door.shut() && !door.shut());
        assert!(door.is_shut() && !door.enter());
        door.leave(&ends);
        assert_eq!(ends.seen(), (0, 0));
        door.leave(&ends);
        assert_eq!(ends.seen(), (1, 0));
        door.give_back(&ends);
        assert_eq!(ends.seen(), (1, 1));
    }

    #[test]
    fn a_number_given_back_is_closed_once_by_the_last_one_out() {
        let (door, ends) = (Occupancy::default(), Counter::default());
        assert!(door.enter());
        door.give_back(&ends);
        assert_eq!(ends.seen(), (0, 0));
        assert!(!door.enter());
        door.leave(&ends);
        assert_eq!(ends.seen(), (0, 1));
    }

    #[test]
    fn of_many_threads_one_empties_and_one_closes() {
        const THREADS: usize = 4;
        for _ in 0..200 {
            let (door, ends) = (Occupancy::default(), Counter::default());
            let start = Barrier::new(THREADS);
            std::thread::scope(|scope| {
                for index in 0..THREADS {
                    let (door, ends, start) = (&door, &ends, &start);
                    scope.spawn(move || {
                        start.wait();
                        while door.enter() {
                            assert_eq!(ends.closed.load(Ordering::SeqCst), 0);
                            if index == 0 {
                                door.shut();
                            }
                            door.leave(ends);
                        }
                    });
                }
            });
            assert_eq!(ends.seen(), (1, 0));
            door.give_back(&ends);
            assert_eq!(ends.seen(), (1, 1));
        }
    }
}
