//! `Waiters`: the wakers of the tasks that wait for one thing; one costs no allocation.

use std::mem;
use std::task::Waker;

use crate::limits;

/// The wakers that wait. Almost always none or one, so several are kept apart.
#[derive(Debug, Default)]
pub(crate) enum Waiters {
    #[default]
    None,
    One(Waker),
    Many(Vec<Waker>),
}

impl Waiters {
    /// Adds a waker, unless it is there already. Returns all those that are to be woken now to
    /// make room, because there were too many.
    #[must_use]
    pub(crate) fn add(&mut self, waker: &Waker) -> Self {
        match self {
            Self::None => *self = Self::One(waker.clone()),
            Self::One(other) if other.will_wake(waker) => {}
            Self::One(_) => {
                if let Self::One(other) = mem::take(self) {
                    *self = Self::Many(vec![other, waker.clone()]);
                }
            }
            Self::Many(list) if list.iter().any(|other| other.will_wake(waker)) => {}
            Self::Many(list) if list.len() < limits::WAITERS_PER_DIRECTION => {
                list.push(waker.clone());
            }
            Self::Many(_) => return mem::replace(self, Self::One(waker.clone())),
        }
        Self::None
    }

    /// Moves all wakers to the list of those that are to be woken.
    pub(crate) fn take_into(&mut self, woken: &mut Vec<Waker>) {
        match mem::take(self) {
            Self::None => {}
            Self::One(waker) => woken.push(waker),
            Self::Many(mut list) => woken.append(&mut list),
        }
    }

    /// Wakes all.
    pub(crate) fn wake(self) {
        match self {
            Self::None => {}
            Self::One(waker) => waker.wake(),
            Self::Many(list) => list.into_iter().for_each(Waker::wake),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::Waiters;
    use crate::limits;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_waker_is_kept_once() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut waiters = Waiters::default();
        for _ in 0..3 {
            waiters.add(&waker).wake();
        }
        waiters.wake();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn one_too_many_wakes_those_before_it() {
        let counts: Vec<_> = (0..=limits::WAITERS_PER_DIRECTION)
            .map(|_| Arc::new(Count::default()))
            .collect();
        let mut waiters = Waiters::default();
        for count in &counts {
            waiters.add(&Waker::from(Arc::clone(count))).wake();
        }
        let woken: usize = counts
            .iter()
            .map(|count| count.0.load(Ordering::Relaxed))
            .sum();
        assert_eq!(woken, limits::WAITERS_PER_DIRECTION);
        waiters.wake();
        assert!(
            counts
                .iter()
                .all(|count| count.0.load(Ordering::Relaxed) == 1)
        );
    }
}
