//! `Sparse`: something for every descriptor number, made when first needed, read without a lock.
//!
//! Three levels of 64 places above leaves of 256 entries. What was made stays until the whole is
//! dropped and never moves, so that a signal handler, or a child of a fork that happened at any
//! moment, can look an entry up.

use std::ops::RangeInclusive;
use std::os::fd::RawFd;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

const LEAF_BITS: u32 = 8;
const NODE_BITS: u32 = 6;
const LEAF: usize = 1 << LEAF_BITS;
const NODE: usize = 1 << NODE_BITS;
const LEAF_SPAN: RawFd = 1 << LEAF_BITS;

/// Numbers from here on have no entry: 2^26, more descriptors than memory could hold.
const NUMBERS: usize = 1 << (LEAF_BITS + 3 * NODE_BITS);

/// A place for something that is made once.
#[derive(Debug)]
struct Place<T>(AtomicPtr<T>);

type Leaf<T> = [T; LEAF];
type Lower<T> = [Place<Leaf<T>>; NODE];
type Upper<T> = [Place<Lower<T>>; NODE];
type Root<T> = [Place<Upper<T>>; NODE];

/// An entry for each descriptor number below 2^26, made with its neighbours when first needed.
///
/// Looking one up takes no lock and allocates nothing; what was made never moves.
#[derive(Debug)]
pub struct Sparse<T>(Place<Root<T>>);

impl<T> Place<T> {
    const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    fn get(&self) -> Option<&T> {
        // SAFETY: null, or what `get_or_make` leaked from a box, which lives as long as `self`
        // and is shared from then on.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// Of two threads that make it at once, one's is kept.
    fn get_or_make(&self, make: impl FnOnce() -> T) -> &T {
        if let Some(made) = self.get() {
            return made;
        }
        let new = Box::into_raw(Box::new(make()));
        let published =
            self.0
                .compare_exchange(ptr::null_mut(), new, Ordering::AcqRel, Ordering::Acquire);
        let kept = match published {
            Ok(_) => new,
            Err(winner) => {
                // SAFETY: made above from a box, and nobody else has seen it.
                drop(unsafe { Box::from_raw(new) });
                winner
            }
        };
        // SAFETY: as in `get`; it is not null.
        unsafe { &*kept }
    }
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        let made = *self.0.get_mut();
        if !made.is_null() {
            // SAFETY: leaked from a box by `get_or_make`, and `self` is the only one that knows it.
            drop(unsafe { Box::from_raw(made) });
        }
    }
}

fn nodes<T>() -> [Place<T>; NODE] {
    [const { Place::new() }; NODE]
}

/// The places of a number in the root, the two levels below and the leaf.
fn path(fd: RawFd) -> Option<[usize; 4]> {
    let number = usize::try_from(fd)
        .ok()
        .filter(|&number| number < NUMBERS)?;
    let above = number >> LEAF_BITS;
    Some([
        above >> (2 * NODE_BITS),
        (above >> NODE_BITS) % NODE,
        above % NODE,
        number % LEAF,
    ])
}

impl<T> Sparse<T> {
    /// No entries.
    #[must_use]
    pub const fn new() -> Self {
        Self(Place::new())
    }

    /// The entry of a number, where it was made.
    #[must_use]
    pub fn get(&self, fd: RawFd) -> Option<&T> {
        let [root, upper, lower, leaf] = path(fd)?;
        let upper_node = self.0.get()?.get(root)?.get()?;
        let lower_node = upper_node.get(upper)?.get()?;
        lower_node.get(lower)?.get()?.get(leaf)
    }
}

impl<T> Sparse<T> {
    /// Visits every entry that was made, among these numbers and in their order. Takes no lock and
    /// allocates nothing.
    pub fn each(&self, numbers: RangeInclusive<RawFd>, mut visit: impl FnMut(RawFd, &T)) {
        let mut fd = (*numbers.start()).max(0);
        while fd <= *numbers.end() && path(fd).is_some() {
            let after = match self.leaf(fd) {
                Ok(leaf) => {
                    let after = (fd | (LEAF_SPAN - 1)) + 1;
                    let first = usize::try_from(fd % LEAF_SPAN).unwrap_or(LEAF);
                    let entries = (fd..).zip(leaf.iter().skip(first));
                    for (fd, entry) in entries.take_while(|(fd, _)| fd <= numbers.end()) {
                        visit(fd, entry);
                    }
                    after
                }
                Err(missing) => (fd | ((1 << missing) - 1)) + 1,
            };
            fd = after;
        }
    }

    /// The leaf of a number that has one; else so many low bits of it are all alike.
    fn leaf(&self, fd: RawFd) -> Result<&Leaf<T>, u32> {
        let [root, upper, lower, _] = path(fd).ok_or(LEAF_BITS)?;
        let whole = LEAF_BITS + 3 * NODE_BITS;
        let root_node = self.0.get().ok_or(whole)?;
        let upper_node = root_node.get(root).and_then(Place::get);
        let upper_node = upper_node.ok_or(LEAF_BITS + 2 * NODE_BITS)?;
        let lower_node = upper_node.get(upper).and_then(Place::get);
        let lower_node = lower_node.ok_or(LEAF_BITS + NODE_BITS)?;
        lower_node.get(lower).and_then(Place::get).ok_or(LEAF_BITS)
    }
}

impl<T: Default> Sparse<T> {
    /// The entry of a number, made with its neighbours where it is missing; `None` for a number
    /// that has none.
    pub fn get_or_make(&self, fd: RawFd) -> Option<&T> {
        let [root, upper, lower, leaf] = path(fd)?;
        let root_node = self.0.get_or_make(nodes);
        let upper_node = root_node.get(root)?.get_or_make(nodes);
        let lower_node = upper_node.get(upper)?.get_or_make(nodes);
        let entries = lower_node.get(lower)?;
        entries
            .get_or_make(|| std::array::from_fn(|_| T::default()))
            .get(leaf)
    }
}

impl<T> Default for Sparse<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    #[test]
    fn every_number_has_an_entry_of_its_own() {
        let entries = Sparse::<AtomicU32>::new();
        let last = RawFd::try_from(NUMBERS - 1).unwrap();
        let numbers = [0, 1, 255, 256, 16_383, 16_384, 1 << 20, 1 << 21, last];
        for (at, &number) in (1..).zip(&numbers) {
            assert!(
                entries
                    .get(number)
                    .is_none_or(|entry| entry.load(Ordering::Relaxed) == 0)
            );
            entries
                .get_or_make(number)
                .unwrap()
                .store(at, Ordering::Relaxed);
        }
        for (at, &number) in (1..).zip(&numbers) {
            assert_eq!(entries.get(number).unwrap().load(Ordering::Relaxed), at);
        }
    }

    #[test]
    fn a_visit_finds_what_was_made_and_nothing_else() {
        let entries = Sparse::<AtomicU32>::new();
        let last = RawFd::try_from(NUMBERS - 1).unwrap();
        let visited = |from, to| {
            let mut visited = Vec::new();
            entries.each(from..=to, |fd, entry| {
                if entry.load(Ordering::Relaxed) == 1 {
                    visited.push(fd);
                }
            });
            visited
        };
        assert_eq!(visited(0, RawFd::MAX), []);
        let numbers = [3, 255, 256, 70_000, 1 << 21, last];
        for number in numbers {
            entries
                .get_or_make(number)
                .unwrap()
                .store(1, Ordering::Relaxed);
        }
        assert_eq!(visited(RawFd::MIN, RawFd::MAX), numbers);
        assert_eq!(visited(4, 69_999), [255, 256]);
        assert_eq!(visited(255, 255), [255]);
        assert_eq!(visited(256, 3), []);
    }

    #[test]
    fn wild_numbers_have_none() {
        let entries = Sparse::<AtomicU32>::new();
        for number in [-1, RawFd::MIN, RawFd::MAX, 1 << 26] {
            assert!(entries.get(number).is_none());
            assert!(entries.get_or_make(number).is_none());
        }
    }
}
