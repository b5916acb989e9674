//! `TimerHeap`: which of many timers is due first.
//!
//! A 4-ary heap with the position of each timer beside it, so that any timer can be moved or
//! taken out (9 to 72 ns up to a million timers) and one timerfd serves them all. Time is a
//! number of nanoseconds here; whose clock it is and what happens at the deadline is the
//! caller's matter. Timers of the same deadline come out in the order in which they went in.

/// Children per node: a line of the cache holds nearly three entries, and four children halve
/// the depth of two.
const FAN: usize = 4;
/// In `positions`: not in the heap.
const ABSENT: u32 = u32::MAX;

/// Deadlines by key. Keys are small numbers, such as a slab gives: the memory follows the
/// largest one.
#[derive(Debug, Default)]
pub(crate) struct TimerHeap {
    heap: Vec<Entry>,
    /// Where each key stands in the heap.
    positions: Vec<u32>,
    /// Counts insertions.
    sequence: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    deadline: u64,
    sequence: u64,
    key: u32,
}

impl Entry {
    fn is_before(&self, other: &Self) -> bool {
        (self.deadline, self.sequence) < (other.deadline, other.sequence)
    }
}

impl TimerHeap {
    /// Sets the deadline of a timer, in nanoseconds; moves it if it is there already. It then
    /// comes after others of the same deadline.
    pub(crate) fn insert(&mut self, key: u32, deadline: u64) {
        self.sequence += 1;
        let entry = Entry {
            deadline,
            sequence: self.sequence,
            key,
        };
        let at = match self.position(key) {
            Some(at) => at,
            None => {
                self.make_room(key);
                self.heap.push(entry);
                self.heap.len() - 1
            }
        };
        self.settle(at, entry);
    }

    /// Takes a timer out; says whether it was there.
    pub(crate) fn remove(&mut self, key: u32) -> bool {
        let Some(at) = self.position(key) else {
            return false;
        };
        self.set_position(key, ABSENT);
        if let Some(last) = self.heap.pop()
            && last.key != key
        {
            self.settle(at, last);
        }
        true
    }

    #[cfg(test)]
    fn contains(&self, key: u32) -> bool {
        self.position(key).is_some()
    }

    /// The first deadline.
    pub(crate) fn earliest(&self) -> Option<u64> {
        self.heap.first().map(|entry| entry.deadline)
    }

    /// Takes out the first timer whose deadline is not after `now`: its key and deadline.
    pub(crate) fn pop_expired(&mut self, now: u64) -> Option<(u32, u64)> {
        let first = *self.heap.first()?;
        if first.deadline > now {
            return None;
        }
        self.remove(first.key);
        Some((first.key, first.deadline))
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.heap.len()
    }

    /// Puts an entry where it belongs, starting at a place whose content may be overwritten.
    fn settle(&mut self, at: usize, entry: Entry) {
        let at = self.sift_up(at, &entry);
        let at = self.sift_down(at, &entry);
        self.place(at, entry);
    }

    /// Moves later ancestors down; returns the place that became free.
    fn sift_up(&mut self, mut at: usize, entry: &Entry) -> usize {
        while at > 0 {
            let parent = (at - 1) / FAN;
            match self.heap.get(parent) {
                Some(&above) if entry.is_before(&above) => self.place(at, above),
                _ => break,
            }
            at = parent;
        }
        at
    }

    /// Moves earlier descendants up; returns the place that became free.
    fn sift_down(&mut self, mut at: usize, entry: &Entry) -> usize {
        while let Some((child, below)) = self.first_child(at)
            && below.is_before(entry)
        {
            self.place(at, below);
            at = child;
        }
        at
    }

    fn first_child(&self, at: usize) -> Option<(usize, Entry)> {
        let start = at * FAN + 1;
        let end = (start + FAN).min(self.heap.len());
        let mut children = (start..).zip(self.heap.get(start..end)?);
        let mut first = children.next()?;
        for child in children {
            if child.1.is_before(first.1) {
                first = child;
            }
        }
        Some((first.0, *first.1))
    }

    fn place(&mut self, at: usize, entry: Entry) {
        if let Some(place) = self.heap.get_mut(at) {
            *place = entry;
        }
        self.set_position(entry.key, u32::try_from(at).unwrap_or(ABSENT));
    }

    fn position(&self, key: u32) -> Option<usize> {
        let position = *self.positions.get(key as usize)?;
        (position != ABSENT).then_some(position as usize)
    }

    fn set_position(&mut self, key: u32, position: u32) {
        if let Some(place) = self.positions.get_mut(key as usize) {
            *place = position;
        }
    }

    fn make_room(&mut self, key: u32) {
        if self.positions.len() <= key as usize {
            self.positions.resize(key as usize + 1, ABSENT);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_entry_is_24_bytes() {
        assert_eq!(size_of::<Entry>(), 24);
    }

    #[test]
    fn equal_deadlines_come_out_in_the_order_of_insertion() {
        let mut heap = TimerHeap::default();
        for key in [5, 3, 9, 1, 7, 0] {
            heap.insert(key, 10);
        }
        heap.insert(3, 10);
        let order: Vec<_> = std::iter::from_fn(|| heap.pop_expired(10))
            .map(|(key, _)| key)
            .collect();
        assert_eq!(order, [5, 9, 1, 7, 0, 3]);
    }

    #[test]
    fn nothing_expires_before_its_deadline() {
        let mut heap = TimerHeap::default();
        heap.insert(0, 100);
        assert_eq!(heap.pop_expired(99), None);
        assert_eq!(heap.earliest(), Some(100));
        assert_eq!(heap.pop_expired(100), Some((0, 100)));
        assert_eq!(heap.earliest(), None);
        assert!(!heap.contains(0) && !heap.remove(0));
    }

    /// What a caller may do to the heap.
    #[derive(Clone, Debug)]
    enum Step {
        Insert(u32, u64),
        Remove(u32),
        Expire(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        // Few keys and deadlines, so that they meet.
        prop_oneof![
            4 => (0..200_u32, 0..100_u64).prop_map(|(key, deadline)| Step::Insert(key, deadline)),
            2 => (0..200_u32).prop_map(Step::Remove),
            1 => (0..100_u64).prop_map(Step::Expire),
        ]
    }

    /// Sorted by deadline, then by insertion.
    #[derive(Default)]
    struct Model {
        order: BTreeMap<(u64, u64), u32>,
        keys: BTreeMap<u32, (u64, u64)>,
        sequence: u64,
    }

    impl Model {
        fn insert(&mut self, key: u32, deadline: u64) {
            self.remove(key);
            self.sequence += 1;
            self.order.insert((deadline, self.sequence), key);
            self.keys.insert(key, (deadline, self.sequence));
        }

        fn remove(&mut self, key: u32) -> bool {
            match self.keys.remove(&key) {
                Some(place) => self.order.remove(&place).is_some(),
                None => false,
            }
        }

        fn pop_expired(&mut self, now: u64) -> Option<(u32, u64)> {
            let (&(deadline, _), &key) = self.order.first_key_value()?;
            if deadline > now {
                return None;
            }
            self.remove(key);
            Some((key, deadline))
        }
    }

    proptest! {
        #[test]
        fn the_heap_agrees_with_a_sorted_map(steps in prop::collection::vec(step(), 0..500)) {
            let mut heap = TimerHeap::default();
            let mut model = Model::default();
            for step in steps {
                match step {
                    Step::Insert(key, deadline) => {
                        heap.insert(key, deadline);
                        model.insert(key, deadline);
                    }
                    Step::Remove(key) => prop_assert_eq!(heap.remove(key), model.remove(key)),
                    Step::Expire(now) => loop {
                        let expired = heap.pop_expired(now);
                        prop_assert_eq!(expired, model.pop_expired(now));
                        if expired.is_none() {
                            break;
                        }
                    },
                }
                prop_assert_eq!(heap.len(), model.keys.len());
                let first = model.order.first_key_value().map(|(&(deadline, _), _)| deadline);
                prop_assert_eq!(heap.earliest(), first);
                for key in 0..200 {
                    prop_assert_eq!(heap.contains(key), model.keys.contains_key(&key));
                }
            }
        }
    }
}
