//! Which bells have been rung: a bitmap tree over the bells, set by ringers without a lock and
//! emptied by whoever holds the queue's lock.
//!
//! A bell is one small number with a generation. Freeing a bell moves it to its next generation,
//! so a handle that outlives its knote rings in vain. Bells live in groups of 64 that are made
//! when first needed and stay until the queue goes.
//!
//! Ringing goes from the leaf up: the bell's own word, its bit in the group, the group's bit in
//! the top word; emptying goes from the top down. So a ring that an emptying misses at one level
//! leaves its bits there for the next one. A ringer that finds a bit already set may skip it:
//! its read-modify-write of the bell's word either comes before the emptying's exchange of that
//! word, which then takes the ring along, or has acquired that emptying and so sees the bits that
//! it cleared. Freeing, making and emptying are done under the queue's lock.

use std::sync::OnceLock;

use parking_lot::Mutex;

use super::atomic::{AtomicU32, AtomicU64, Ordering};

#[cfg(not(all(test, loom)))]
mod size {
    /// Bells in a group, groups under a top word: the bits of a word.
    pub(super) const FAN: u32 = 64;
    /// Top words; 262,144 bells in all.
    pub(super) const TOPS: u32 = 64;
}
/// The model checker explores every order of accesses, so its tree is as small as a tree can be.
#[cfg(all(test, loom))]
mod size {
    pub(super) const FAN: u32 = 2;
    pub(super) const TOPS: u32 = 1;
}
use size::{FAN, TOPS};

/// How many bells a queue can have.
pub(super) const BELLS_MAX: u32 = FAN * FAN * TOPS;
/// A bell that reaches this generation is not used again, so a number never comes back.
const GENERATION_MAX: u32 = u32::MAX;

/// The bells of one queue.
#[derive(Debug)]
pub(super) struct Bells {
    /// One bit per group that may have a pending bell.
    top: Box<[AtomicU64]>,
    groups: Box<[OnceLock<Box<Group>>]>,
    stock: Mutex<Stock>,
}

/// The bells not in use. Touched under the queue's lock only; the lock here is for the compiler.
#[derive(Debug, Default)]
struct Stock {
    free: Vec<u32>,
    /// Bells from here on have never been used.
    unused: u32,
}

#[derive(Debug)]
struct Group {
    /// One bit per bell that may be pending.
    summary: AtomicU64,
    bells: Box<[Bell]>,
}

#[derive(Debug)]
struct Bell {
    /// The generation that was rung, or 0. The largest one wins, so that an old handle cannot
    /// undo a new one's ring.
    rung: AtomicU32,
    /// The generation in use; starts at 1.
    current: AtomicU32,
}

impl Bells {
    pub(super) fn new() -> Self {
        Self {
            top: (0..TOPS).map(|_| AtomicU64::new(0)).collect(),
            groups: (0..FAN * TOPS).map(|_| OnceLock::new()).collect(),
            stock: Mutex::new(Stock::default()),
        }
    }

    /// A bell not in use, and its generation; `None` when all are in use.
    pub(super) fn take(&self) -> Option<(u32, u32)> {
        let mut stock = self.stock.lock();
        let bell = match stock.free.pop() {
            Some(bell) => bell,
            None if stock.unused < BELLS_MAX => {
                stock.unused += 1;
                stock.unused - 1
            }
            None => return None,
        };
        let group = self.groups.get(group_of(bell))?.get_or_init(Group::new);
        Some((bell, group.bell(bell)?.current.load(Ordering::Relaxed)))
    }

    /// Gives back a bell; a ring not yet seen is dropped with it.
    pub(super) fn free(&self, bell: u32) {
        let Some(slot) = self.group(bell).and_then(|group| group.bell(bell)) else {
            return;
        };
        // Relaxed: read by the holder of the queue's lock, and by ringers as a hint.
        let next = slot.current.load(Ordering::Relaxed) + 1;
        slot.current.store(next, Ordering::Relaxed);
        if next != GENERATION_MAX {
            self.stock.lock().free.push(bell);
        }
    }

    /// Makes the bell pending, and says whether there is reason to wake the queue.
    /// Async-signal-safe.
    pub(super) fn ring(&self, bell: u32, generation: u32) -> bool {
        let Some(group) = self.group(bell) else {
            return false;
        };
        let Some(slot) = group.bell(bell) else {
            return false;
        };
        // A hint that saves an old handle's wake-up for nothing; `drain` decides.
        if slot.current.load(Ordering::Relaxed) != generation {
            return false;
        }
        // Release: what the ringer did before is seen by who drains the bell.
        if slot.rung.fetch_max(generation, Ordering::AcqRel) > generation {
            return false;
        }
        set(&group.summary, bell % FAN);
        let number = bell / FAN;
        if let Some(top) = self.top.get(index(number / FAN)) {
            set(top, number % FAN);
        }
        true
    }

    /// Calls `visit` for each pending bell whose generation is still in use, in order.
    pub(super) fn drain(&self, mut visit: impl FnMut(u32)) {
        // Only the top words that can have a bit.
        let used = self.stock.lock().unused.div_ceil(FAN * FAN);
        for (high, top) in (0..used).zip(self.top.iter()) {
            for low in take_bits(top) {
                let number = high * FAN + low;
                if let Some(group) = self.groups.get(index(number)).and_then(OnceLock::get) {
                    group.drain(|bell| visit(number * FAN + bell));
                }
            }
        }
    }

    fn group(&self, bell: u32) -> Option<&Group> {
        self.groups.get(group_of(bell))?.get().map(|group| &**group)
    }
}

impl Group {
    fn new() -> Box<Self> {
        let bell = |_| Bell {
            rung: AtomicU32::new(0),
            current: AtomicU32::new(1),
        };
        Box::new(Self {
            summary: AtomicU64::new(0),
            bells: (0..FAN).map(bell).collect(),
        })
    }

    fn bell(&self, bell: u32) -> Option<&Bell> {
        self.bells.get(index(bell % FAN))
    }

    fn drain(&self, mut visit: impl FnMut(u32)) {
        for bell in take_bits(&self.summary) {
            let Some(slot) = self.bell(bell) else {
                continue;
            };
            let rung = slot.rung.swap(0, Ordering::AcqRel);
            if rung != 0 && rung == slot.current.load(Ordering::Relaxed) {
                visit(bell);
            }
        }
    }
}

const fn group_of(bell: u32) -> usize {
    index(bell / FAN)
}

const fn index(number: u32) -> usize {
    number as usize
}

/// Sets a bit, at the cost of a load where it is set.
fn set(word: &AtomicU64, bit: u32) {
    let mask = 1 << bit;
    if word.load(Ordering::Acquire) & mask == 0 {
        word.fetch_or(mask, Ordering::AcqRel);
    }
}

/// Clears a word; iterates over the bits it had, from the lowest.
fn take_bits(word: &AtomicU64) -> impl Iterator<Item = u32> + use<> {
    let mut bits = match word.load(Ordering::Acquire) {
        0 => 0,
        _ => word.swap(0, Ordering::AcqRel),
    };
    std::iter::from_fn(move || {
        let bit = bits.trailing_zeros();
        // Clears the lowest bit; of no bits, none.
        bits &= bits.wrapping_sub(1);
        (bit < u64::BITS).then_some(bit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(bells: &Bells) -> Vec<u32> {
        let mut seen = Vec::new();
        bells.drain(|bell| seen.push(bell));
        seen
    }

    #[test]
    fn rung_bells_are_visited_once_and_in_order() {
        let bells = Bells::new();
        let taken: Vec<_> = (0..5000).map(|_| bells.take().unwrap()).collect();
        for &bell in &[4999, 0, 64, 63, 4096, 64] {
            let (bell, generation) = taken[bell];
            assert!(bells.ring(bell, generation));
        }
        assert_eq!(pending(&bells), [0, 63, 64, 4096, 4999]);
        assert_eq!(pending(&bells), []);
    }

    #[test]
    fn an_old_handle_rings_in_vain() {
        let bells = Bells::new();
        let (bell, old) = bells.take().unwrap();
        bells.free(bell);
        assert!(!bells.ring(bell, old));
        let (again, new) = bells.take().unwrap();
        assert_eq!(again, bell);
        assert_ne!(new, old);
        assert!(!bells.ring(bell, old));
        assert_eq!(pending(&bells), []);
        assert!(bells.ring(bell, new));
        assert_eq!(pending(&bells), [bell]);
    }

    #[test]
    fn a_ring_is_dropped_when_its_bell_is_freed() {
        let bells = Bells::new();
        let (bell, old) = bells.take().unwrap();
        assert!(bells.ring(bell, old));
        bells.free(bell);
        assert_eq!(bells.take().unwrap().0, bell);
        assert_eq!(pending(&bells), []);
    }

    #[test]
    fn bells_run_out_and_come_back() {
        let bells = Bells::new();
        for expected in 0..BELLS_MAX {
            assert_eq!(bells.take().unwrap().0, expected);
        }
        assert_eq!(bells.take(), None);
        bells.free(77);
        assert_eq!(bells.take(), Some((77, 2)));
        assert!(bells.ring(BELLS_MAX - 1, 1));
        assert_eq!(pending(&bells), [BELLS_MAX - 1]);
    }

    #[test]
    fn a_number_that_is_no_bell_rings_nothing() {
        let bells = Bells::new();
        assert!(!bells.ring(0, 1));
        assert!(!bells.ring(u32::MAX, 1));
    }
}
