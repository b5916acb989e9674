//! `ClosedNumbers`: what a queue is told of closes, taken in when it is next held.
//!
//! A stack whose links lie beside the numbers: pushing is one exchange and never fails, and each
//! number is in it at most once.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::sys::sparse::Sparse;

/// The link of a number: the next one, or one of these.
#[derive(Debug)]
struct Link(AtomicI32);

/// The number is not in the stack.
const FREE: i32 = -1;
/// The stack ends here.
const END: i32 = -2;

impl Default for Link {
    fn default() -> Self {
        Self(AtomicI32::new(FREE))
    }
}

/// The numbers whose close was announced to one queue.
#[derive(Debug)]
pub(crate) struct ClosedNumbers {
    head: AtomicI32,
    links: Sparse<Link>,
}

impl Default for ClosedNumbers {
    fn default() -> Self {
        Self {
            head: AtomicI32::new(END),
            links: Sparse::new(),
        }
    }
}

impl ClosedNumbers {
    /// Makes a place for a number that is about to be watched; false if it is none.
    pub(crate) fn make_place(&self, fd: RawFd) -> bool {
        self.links.get_or_make(fd).is_some()
    }

    /// Whether the queue has a place for this number.
    pub(crate) fn has_place(&self, fd: RawFd) -> bool {
        self.links.get(fd).is_some()
    }

    /// The number is about to be closed. Does nothing for one that was never watched.
    pub(crate) fn push(&self, fd: RawFd) {
        let Some(Link(link)) = self.links.get(fd) else {
            return;
        };
        // END claims the place: whoever finds it taken need not push a second time.
        let claimed = link.compare_exchange(FREE, END, Ordering::AcqRel, Ordering::Acquire);
        if claimed.is_err() {
            return;
        }
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            link.store(head, Ordering::Release);
            match self
                .head
                .compare_exchange_weak(head, fd, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return,
                Err(other) => head = other,
            }
        }
    }

    /// Whether there is anything to take.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.load(Ordering::Acquire) == END
    }

    /// Takes what is there, a number at a time. Under the queue's lock. A number that is closed
    /// again while it is visited comes once more.
    pub(crate) fn take(&self, mut each: impl FnMut(RawFd)) {
        let mut next = self.head.swap(END, Ordering::AcqRel);
        while next != END {
            let fd = next;
            let Some(Link(link)) = self.links.get(fd) else {
                return;
            };
            next = link.swap(FREE, Ordering::AcqRel);
            each(fd);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(closed: &ClosedNumbers) -> Vec<RawFd> {
        let mut taken = Vec::new();
        closed.take(|fd| taken.push(fd));
        taken
    }

    #[test]
    fn each_watched_number_comes_once() {
        let closed = ClosedNumbers::default();
        assert!(closed.is_empty());
        for fd in [3, 700, 5] {
            assert!(closed.make_place(fd));
        }
        for fd in [3, 700, 3, 5, 700, 100_000, -1] {
            closed.push(fd);
        }
        assert!(!closed.is_empty());
        assert_eq!(taken(&closed), [5, 700, 3]);
        assert!(closed.is_empty());
        closed.push(700);
        assert_eq!(taken(&closed), [700]);
    }

    #[test]
    fn nothing_is_lost_between_threads() {
        const ROUNDS: usize = 2_000;
        let closed = ClosedNumbers::default();
        let numbers = 0..8;
        assert!(numbers.clone().all(|fd| closed.make_place(fd)));
        let counts: Vec<AtomicI32> = numbers.clone().map(|_| AtomicI32::new(0)).collect();
        std::thread::scope(|scope| {
            for (fd, count) in numbers.clone().zip(&counts) {
                let closed = &closed;
                scope.spawn(move || {
                    for _ in 0..ROUNDS {
                        let before = count.load(Ordering::Acquire);
                        closed.push(fd);
                        // The same number again only when it was taken.
                        while count.load(Ordering::Acquire) == before {
                            std::thread::yield_now();
                        }
                    }
                });
            }
            let mut left = ROUNDS * counts.len();
            while left > 0 {
                closed.take(|fd| {
                    left -= 1;
                    let at = usize::try_from(fd).unwrap();
                    counts.get(at).unwrap().fetch_add(1, Ordering::AcqRel);
                });
                std::thread::yield_now();
            }
        });
        assert!(closed.is_empty());
    }
}
