//! Whether the wake descriptor has been made readable: one word, so that a wake-up that is
//! already under way costs no system call.
//!
//! ```text
//!            arm: claim            arm: kernel told
//!   silent ──────────────► claimed ──────────────► armed
//!     ▲                       │                      │
//!     └───────────────────────┴──────────────────────┘   harvested, disarm: the next round
//!
//!   level: reached from any of them by arm_level, and never left
//! ```
//!
//! No wake-up is lost: who rings first makes its bell pending and then does a read-modify-write
//! of this word; who harvests does a read-modify-write of it and then looks for pending bells.
//! The two happen in one order. Either the ringer comes first, and the harvester has acquired
//! its bell; or the harvester comes first, and the ringer finds the word silent and tells the
//! kernel. Every access that this rests on is a read-modify-write, so that acquire and release
//! suffice and no ringer acts on an old value.
//!
//! A second ringer that finds the word claimed but not yet armed tells the kernel itself rather
//! than return before anybody did: after `arm` returns, the queue is readable. The round number
//! keeps a slow first ringer from calling a later round armed.

use super::atomic::{AtomicU32, Ordering};

/// Somebody is about to tell the kernel, or has done so.
const CLAIMED: u32 = 1;
/// Somebody has told the kernel.
const ARMED: u32 = 2;
/// The queue is closing: readable for good.
const LEVEL: u32 = 4;
/// One round, above the bits; wraps around.
const ROUND: u32 = 8;

/// What the kernel is told about the wake descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Report nothing.
    Silent,
    /// Report it once.
    Once,
    /// Report it to every waiter, for ever.
    Level,
}

/// The state of the wake descriptor. Each operation gets the call that tells the kernel.
#[derive(Debug)]
pub(super) struct Arming {
    word: AtomicU32,
}

impl Arming {
    pub(super) fn new() -> Self {
        Self {
            word: AtomicU32::new(0),
        }
    }

    /// Makes the queue readable if it is not. Async-signal-safe if `tell` is.
    pub(super) fn arm(&self, tell: impl Fn(Mode)) {
        let before = self.word.fetch_or(CLAIMED, Ordering::AcqRel);
        if before & (ARMED | LEVEL) != 0 {
            return;
        }
        tell(Mode::Once);
        let claimed = before | CLAIMED;
        let told = self.word.compare_exchange(
            claimed,
            claimed | ARMED,
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        // The queue began to close meanwhile, and our one-shot may have replaced its level.
        if let Err(now) = told
            && now & LEVEL != 0
        {
            tell(Mode::Level);
        }
    }

    /// Makes the queue readable for good.
    pub(super) fn arm_level(&self, tell: impl Fn(Mode)) {
        self.word.fetch_or(LEVEL, Ordering::AcqRel);
        tell(Mode::Level);
    }

    /// The kernel has reported the descriptor, once. Look for what is pending after this call,
    /// never before it.
    pub(super) fn harvested(&self) {
        self.next_round();
    }

    /// Makes the queue unreadable. As with `harvested`, look for what is pending afterwards: a
    /// ringer may have relied on the wake-up that this takes back.
    ///
    /// A ringer that is between its claim and its call can leave the queue readable with nothing
    /// pending: one wake-up for nothing.
    pub(super) fn disarm(&self, tell: impl Fn(Mode)) {
        if self.word.load(Ordering::Acquire) & LEVEL != 0 {
            return;
        }
        // Silence comes before the new round: a ringer of the new round then tells the kernel
        // after us.
        tell(Mode::Silent);
        if self.next_round() & LEVEL != 0 {
            tell(Mode::Level);
        }
    }

    pub(super) fn is_armed(&self) -> bool {
        self.word.load(Ordering::Acquire) & (CLAIMED | LEVEL) != 0
    }

    /// Starts a silent round unless the queue is closing; returns the word before.
    fn next_round(&self) -> u32 {
        let mut before = self.word.load(Ordering::Acquire);
        loop {
            let next = if before & LEVEL == 0 {
                (before & !(CLAIMED | ARMED)).wrapping_add(ROUND)
            } else {
                before
            };
            match self
                .word
                .compare_exchange_weak(before, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return before,
                Err(now) => before = now,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn the_kernel_is_told_once_per_round() {
        let told = RefCell::new(Vec::new());
        let tell = |mode| told.borrow_mut().push(mode);
        let arming = Arming::new();
        assert!(!arming.is_armed());
        arming.arm(tell);
        arming.arm(tell);
        assert!(arming.is_armed());
        arming.harvested();
        assert!(!arming.is_armed());
        arming.arm(tell);
        assert_eq!(told.take(), [Mode::Once, Mode::Once]);
    }

    #[test]
    fn a_ringer_overtaken_by_a_harvest_does_not_call_the_next_round_armed() {
        let calls = RefCell::new(0);
        let arming = Arming::new();
        arming.arm(|_| {
            // The waiter is quicker than the ringer's return from the call.
            arming.harvested();
        });
        assert!(!arming.is_armed());
        arming.arm(|_| *calls.borrow_mut() += 1);
        assert_eq!(calls.take(), 1);
    }

    #[test]
    fn a_second_ringer_does_not_rely_on_a_call_that_was_not_made_yet() {
        let calls = RefCell::new(0);
        let arming = Arming::new();
        arming.arm(|_| arming.arm(|_| *calls.borrow_mut() += 1));
        assert_eq!(calls.take(), 1);
    }

    #[test]
    fn level_is_for_good() {
        let told = RefCell::new(Vec::new());
        let tell = |mode| told.borrow_mut().push(mode);
        let arming = Arming::new();
        arming.arm_level(tell);
        arming.harvested();
        arming.disarm(tell);
        arming.arm(tell);
        assert!(arming.is_armed());
        assert_eq!(told.take(), [Mode::Level]);
    }

    #[test]
    fn level_outlives_a_ringer_that_was_under_way() {
        let told = RefCell::new(Vec::new());
        let arming = Arming::new();
        arming.arm(|mode| {
            if mode == Mode::Once {
                arming.arm_level(|mode| told.borrow_mut().push(mode));
            }
            told.borrow_mut().push(mode);
        });
        assert_eq!(told.take(), [Mode::Level, Mode::Once, Mode::Level]);
    }

    #[test]
    fn disarm_silences() {
        let told = RefCell::new(Vec::new());
        let tell = |mode| told.borrow_mut().push(mode);
        let arming = Arming::new();
        arming.arm(tell);
        arming.disarm(tell);
        assert!(!arming.is_armed());
        assert_eq!(told.take(), [Mode::Once, Mode::Silent]);
    }
}
