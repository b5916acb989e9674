//! What the process knows of each descriptor number: who watches it, and whether it is being
//! closed.
//!
//! One word per number: in the upper half the queue that watches it, in the lower how many closes
//! were announced, how many of them are under way, and whether the descriptor is one of ours, which
//! the program knows nothing of. Announcing a close takes the watcher away
//! and changes the counts in one step, so a registration that comes in between sees it.

use std::ops::RangeInclusive;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::sys::sparse::Sparse;

static NUMBERS: Sparse<AtomicU64> = Sparse::new();

/// Closes under way of numbers that nobody had ever watched.
static ELSEWHERE: AtomicU64 = AtomicU64::new(0);

/// One close that is under way.
const UNDER_WAY: u64 = 1 << 20;
const UNDER_WAY_MASK: u64 = 0xfff << 20;
/// The descriptor is one that a queue has made for itself.
const OWN: u64 = 1 << 19;
/// The number is a queue's, to the program.
const QUEUE: u64 = 1 << 18;
const COUNT_MASK: u64 = QUEUE - 1;
const LOWER_HALF: u64 = u32::MAX as u64;
/// Above the counts stands the watcher: its number + 1, or this.
const MANY: u32 = u32::MAX;

/// So often a registration gives way to a close under way. A close may take long (a lingering
/// socket), so the wait is bounded; the generation of a slot keeps even a late loser apart.
const YIELDS: u32 = 200;

/// Who watches a number that is about to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watcher {
    /// No queue.
    Nobody,
    /// At most the queue with this number.
    One(RawFd),
    /// Any queue of the process may.
    Any,
}

/// Set when a queue changes its number, after which the words' watchers say nothing any more.
static HAS_MOVED: AtomicBool = AtomicBool::new(false);

/// A queue goes by another number: from now on anybody may watch a watched number.
pub(crate) fn moved() {
    HAS_MOVED.store(true, Ordering::Release);
}

/// A close that was announced and is under way.
#[derive(Debug)]
#[must_use = "the close is under way until `end` is called"]
pub struct Closing {
    word: &'static AtomicU64,
    /// Who watches the number.
    pub watcher: Watcher,
}

/// Announces that a number is about to be closed.
///
/// Takes no lock and allocates nothing.
pub fn announce(fd: RawFd) -> Closing {
    let Some(word) = NUMBERS.get(fd) else {
        ELSEWHERE.fetch_add(1, Ordering::AcqRel);
        return Closing {
            word: &ELSEWHERE,
            watcher: Watcher::Nobody,
        };
    };
    let mut before = word.load(Ordering::Acquire);
    loop {
        let counts = before & (COUNT_MASK | UNDER_WAY_MASK);
        let count = counts.wrapping_add(1) & COUNT_MASK;
        let under_way = (counts & UNDER_WAY_MASK).wrapping_add(UNDER_WAY) & UNDER_WAY_MASK;
        let after = count | under_way | (before & (OWN | QUEUE));
        match word.compare_exchange_weak(before, after, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => break,
            Err(other) => before = other,
        }
    }
    Closing {
        word,
        watcher: watcher_of(before),
    }
}

/// The same for a number that nobody watches and that is neither a queue nor a descriptor of one;
/// `None` for any other.
#[inline]
pub fn announce_unwatched(fd: RawFd) -> Option<Closing> {
    let Some(word) = NUMBERS.get(fd) else {
        return Some(announce(fd));
    };
    let before = word.load(Ordering::Acquire);
    if before & !(COUNT_MASK | UNDER_WAY_MASK) != 0 {
        return None;
    }
    let after = (before.wrapping_add(1) & COUNT_MASK)
        | ((before & UNDER_WAY_MASK).wrapping_add(UNDER_WAY) & UNDER_WAY_MASK);
    let changed = word.compare_exchange(before, after, Ordering::AcqRel, Ordering::Acquire);
    changed.ok().map(|_| Closing {
        word,
        watcher: Watcher::Nobody,
    })
}

impl Closing {
    /// The number is closed.
    pub fn end(self) {
        let (step, mask) = if std::ptr::eq(self.word, &raw const ELSEWHERE) {
            (1, u64::MAX)
        } else {
            (UNDER_WAY, UNDER_WAY_MASK)
        };
        let mut before = self.word.load(Ordering::Acquire);
        // In a forked child everything has been forgotten meanwhile (a fork in a signal handler).
        while before & mask != 0 {
            let after = before - step;
            match self.word.compare_exchange_weak(
                before,
                after,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return,
                Err(other) => before = other,
            }
        }
    }
}

/// The number is a queue's from now on, or is one no longer.
pub fn set_queue(fd: RawFd, is_queue: bool) {
    if let Some(word) = NUMBERS.get_or_make(fd) {
        if is_queue {
            word.fetch_or(QUEUE, Ordering::AcqRel);
        } else {
            word.fetch_and(!QUEUE, Ordering::AcqRel);
        }
    }
}

/// A queue has made this descriptor for itself.
pub(crate) fn own(fd: RawFd) {
    if let Some(word) = NUMBERS.get_or_make(fd) {
        word.fetch_or(OWN, Ordering::AcqRel);
    }
}

/// A queue is about to close a descriptor that it has made for itself.
pub(crate) fn disown(fd: RawFd) {
    if let Some(word) = NUMBERS.get(fd) {
        word.fetch_and(!OWN, Ordering::AcqRel);
    }
}

/// Whether a queue has made this descriptor for itself: to the program the number is not open.
#[inline]
pub fn is_own(fd: RawFd) -> bool {
    NUMBERS
        .get(fd)
        .is_some_and(|word| word.load(Ordering::Acquire) & OWN != 0)
}

/// Visits the numbers in this range of which anything is known, in their order, and says of each
/// whether it is a descriptor that a queue has made for itself. Takes no lock and allocates
/// nothing.
pub fn each_known(numbers: RangeInclusive<RawFd>, mut visit: impl FnMut(RawFd, bool)) {
    NUMBERS.each(numbers, |fd, word| {
        visit(fd, word.load(Ordering::Acquire) & OWN != 0);
    });
}

/// In a forked child, which has none of its parent's queues: nothing is known of any number.
/// Visits the descriptors that the parent's queues had made for themselves, which are to be closed.
/// Takes no lock and allocates nothing.
pub fn forget_all(mut each_own: impl FnMut(RawFd)) {
    NUMBERS.each(0..=RawFd::MAX, |fd, word| {
        if word.swap(0, Ordering::AcqRel) & OWN != 0 {
            each_own(fd);
        }
    });
    ELSEWHERE.store(0, Ordering::Release);
    HAS_MOVED.store(false, Ordering::Release);
}

/// Whether any queue watches, or has watched, this number since it was last closed.
pub fn watcher(fd: RawFd) -> Watcher {
    NUMBERS.get(fd).map_or(Watcher::Nobody, |word| {
        watcher_of(word.load(Ordering::Acquire))
    })
}

fn watcher_of(word: u64) -> Watcher {
    match (word >> 32) as u32 {
        0 => Watcher::Nobody,
        _ if HAS_MOVED.load(Ordering::Relaxed) => Watcher::Any,
        MANY => Watcher::Any,
        number => Watcher::One((number - 1).cast_signed()),
    }
}

/// How often a number's close was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(u64);

/// Notes that the queue with the number `queue` is about to watch `fd`, which has a place, and
/// waits, within reason, for closes under way. The stamp must be the same after the registration.
pub(crate) fn watch(fd: RawFd, queue: RawFd) -> Option<Stamp> {
    let is_new = NUMBERS.get(fd).is_none();
    let word = NUMBERS.get_or_make(fd)?;
    for _ in 0..YIELDS {
        if !is_new || ELSEWHERE.load(Ordering::Acquire) == 0 {
            break;
        }
        std::thread::yield_now();
    }
    let mut before = word.load(Ordering::Acquire);
    let mut yields = 0;
    loop {
        if before & UNDER_WAY_MASK != 0 && yields < YIELDS {
            yields += 1;
            std::thread::yield_now();
            before = word.load(Ordering::Acquire);
            continue;
        }
        let own = queue.cast_unsigned().wrapping_add(1);
        let watcher = match watcher_of(before) {
            Watcher::Nobody => own,
            Watcher::One(number) if number == queue => own,
            _ => MANY,
        };
        let after = (u64::from(watcher) << 32) | (before & LOWER_HALF);
        if before == after {
            return Some(Stamp(before & COUNT_MASK));
        }
        match word.compare_exchange_weak(before, after, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Some(Stamp(before & COUNT_MASK)),
            Err(other) => before = other,
        }
    }
}

/// Whether no close of the number was announced since the stamp was taken.
pub(crate) fn is_unchanged(fd: RawFd, stamp: Stamp) -> bool {
    NUMBERS
        .get(fd)
        .is_some_and(|word| Stamp(word.load(Ordering::Acquire) & COUNT_MASK) == stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_is_told_to_its_watcher_once() {
        let fd = 9_000_001;
        let closing = announce(fd);
        assert_eq!(closing.watcher, Watcher::Nobody);
        closing.end();
        let stamp = watch(fd, 7).unwrap();
        assert!(is_unchanged(fd, stamp));
        assert_eq!(watch(fd, 7), Some(stamp));
        assert_eq!(watcher(fd), Watcher::One(7));
        let closing = announce(fd);
        assert_eq!(closing.watcher, Watcher::One(7));
        assert!(!is_unchanged(fd, stamp));
        closing.end();
        let closing = announce(fd);
        assert_eq!(closing.watcher, Watcher::Nobody);
        closing.end();
    }

    #[test]
    fn a_number_in_two_queues_may_be_in_any() {
        let fd = 9_000_300;
        watch(fd, 0).unwrap();
        watch(fd, 1).unwrap();
        let closing = announce(fd);
        assert_eq!(closing.watcher, Watcher::Any);
        closing.end();
    }

    #[test]
    fn a_descriptor_of_ours_stays_ours_until_it_is_given_up() {
        let fd = 9_000_900;
        assert!(!is_own(fd));
        own(fd);
        let stamp = watch(fd, 3).unwrap();
        assert!(is_own(fd) && is_unchanged(fd, stamp));
        let closing = announce(fd);
        assert!(is_own(fd));
        assert_eq!(closing.watcher, Watcher::One(3));
        closing.end();
        let mut seen = Vec::new();
        each_known(fd..=fd + 1, |fd, is_own| seen.push((fd, is_own)));
        assert_eq!(seen, [(fd, true), (fd + 1, false)]);
        disown(fd);
        assert!(!is_own(fd));
    }

    #[test]
    fn a_close_under_way_holds_a_registration_up_but_not_for_ever() {
        let fd = 9_000_600;
        watch(fd, 5).unwrap();
        let closing = announce(fd);
        let stamp = watch(fd, 5).unwrap();
        closing.end();
        assert!(is_unchanged(fd, stamp));
        assert_eq!(watcher(fd), Watcher::One(5));
    }
}
