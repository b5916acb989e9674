//! `Seat`: which descriptor numbers are queues, and who is inside one.
//!
//! Every number that a queue goes by has a seat. A call pins the seat of the number it was given,
//! by one addition, and finds the queue there; a close takes the seat, after which nobody new gets
//! in, and whoever leaves last gives the number back. No lock: a signal handler that closes a
//! watched number pins queues as calls do.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kevent::Kqueue;
use kevent::binding::{self, Sparse, process_epoch};

use crate::sys::held::Held;

/// A queue and the numbers it goes by.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) queue: Kqueue,
    numbers: Mutex<Vec<RawFd>>,
    /// It goes, or once went, by more than one number.
    has_duplicates: AtomicBool,
}

impl Shared {
    /// The numbers it goes by.
    pub(crate) fn numbers(&self) -> MutexGuard<'_, Vec<RawFd>> {
        // A list of numbers is whole after every step.
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One descriptor number's place.
#[derive(Debug, Default)]
struct Seat {
    /// [`LIVE`] or [`CLOSING`] or neither, and below them how many are inside.
    word: AtomicU64,
    queue: Held<Shared>,
}

const LIVE: u64 = 1 << 63;
const CLOSING: u64 = 1 << 62;
/// Somebody empties the seat.
const EMPTYING: u64 = 1 << 61;
/// The number of a [`CLOSING`] seat is, or is about to be, another file's.
const LOST: u64 = 1 << 60;
const INSIDE: u64 = LOST - 1;

/// So often somebody gives way to another thread.
const PATIENCE: u32 = 1_000;

static SEATS: Sparse<Seat> = Sparse::new();

/// The highest number that ever was a queue's.
static HIGHEST: AtomicI32 = AtomicI32::new(-1);

/// Seats that are closed and not yet empty.
static CLOSING_COUNT: AtomicU64 = AtomicU64::new(0);

/// How often this memory was copied into a child, where nobody is inside any seat.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// A queue that this thread is inside of, until it is dropped.
#[derive(Debug)]
pub(crate) struct Pin {
    fd: RawFd,
    seat: &'static Seat,
    fork: u32,
}

/// Goes inside the queue with this number, if it is one.
#[inline]
pub(crate) fn enter(fd: RawFd) -> Option<Pin> {
    let seat = SEATS.get(fd)?;
    if seat.word.load(Ordering::Relaxed) & LIVE == 0 {
        return None;
    }
    let before = seat.word.fetch_add(1, Ordering::Acquire);
    let fork = FORKS.load(Ordering::Relaxed);
    let pin = Pin { fd, seat, fork };
    // Dropping the pin leaves again.
    (before & LIVE != 0).then_some(pin)
}

impl Pin {
    /// The number.
    pub(crate) const fn number(&self) -> RawFd {
        self.fd
    }

    /// The queue, for as long as the pin is held.
    #[inline]
    pub(crate) fn shared(&self) -> Option<&'static Shared> {
        self.seat.queue.get()
    }

    /// Another holder of the queue.
    pub(crate) fn share(&self) -> Option<Arc<Shared>> {
        self.seat.queue.share()
    }

    /// Takes the seat's number from the queue: nobody gets in any more. False if somebody else
    /// has.
    pub(crate) fn close_seat(&self) -> bool {
        self.close_seat_as(CLOSING)
    }

    /// The same where the number becomes another file's without being closed here.
    pub(crate) fn lose_seat(&self) -> bool {
        self.close_seat_as(CLOSING | LOST)
    }

    fn close_seat_as(&self, closing: u64) -> bool {
        let mut before = self.seat.word.load(Ordering::Acquire);
        while before & LIVE != 0 {
            let after = (before & !LIVE) | closing;
            let word = &self.seat.word;
            match word.compare_exchange_weak(before, after, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    CLOSING_COUNT.fetch_add(1, Ordering::AcqRel);
                    return true;
                }
                Err(other) => before = other,
            }
        }
        false
    }

    /// Whether somebody else may be inside the queue, by this number or another.
    pub(crate) fn is_shared(&self) -> bool {
        let is_alone = self.seat.word.load(Ordering::Acquire) & INSIDE == 1;
        !is_alone
            || self
                .shared()
                .is_none_or(|shared| shared.has_duplicates.load(Ordering::Acquire))
    }

    /// Waits, within reason, until nobody else is inside by this number.
    pub(crate) fn await_solitude(&self) {
        for _ in 0..PATIENCE {
            if self.seat.word.load(Ordering::Acquire) & INSIDE <= 1 {
                return;
            }
            std::thread::yield_now();
        }
    }

    /// Whether this is the memory of a child that was forked meanwhile, where there is no queue.
    pub(crate) fn is_stale(&self) -> bool {
        self.fork != FORKS.load(Ordering::Relaxed)
    }
}

impl Drop for Pin {
    #[inline]
    fn drop(&mut self) {
        if self.is_stale() {
            return;
        }
        let after = self.seat.word.fetch_sub(1, Ordering::AcqRel) - 1;
        if after & (LIVE | CLOSING | INSIDE) == CLOSING {
            vacate(self.fd, self.seat);
        }
    }
}

/// Empties a closed seat that nobody is inside of, and gives the number back.
#[cold]
fn vacate(fd: RawFd, seat: &Seat) {
    let is_lost = seat.word.load(Ordering::Acquire) & LOST != 0;
    let closed = if is_lost { CLOSING | LOST } else { CLOSING };
    let taken = seat
        .word
        .compare_exchange(closed, EMPTYING, Ordering::AcqRel, Ordering::Acquire);
    if taken.is_err() {
        return;
    }
    // Closing is a cancellation point, and whoever leaves may be cancelled.
    let before = crate::sys::cancel::disable();
    drop(seat.queue.take());
    crate::sys::cancel::restore(before);
    binding::set_queue(fd, false);
    seat.word.fetch_and(!EMPTYING, Ordering::AcqRel);
    // Last: at the next moment it may be another file's, whose close is none of the seat's.
    if !is_lost {
        crate::sys::number::close(fd);
    }
    CLOSING_COUNT.fetch_sub(1, Ordering::AcqRel);
}

/// A new queue under its number.
///
/// A number whose seat is taken was closed where this library could not see it: its queue is
/// given up.
pub(crate) fn take(fd: RawFd, queue: Kqueue) {
    let shared = Shared {
        queue,
        numbers: Mutex::new(vec![fd]),
        has_duplicates: AtomicBool::new(false),
    };
    sit(fd, Arc::new(shared));
}

/// A duplicate of a queue's number.
pub(crate) fn take_duplicate(fd: RawFd, shared: Arc<Shared>) {
    shared.has_duplicates.store(true, Ordering::Release);
    shared.numbers().push(fd);
    sit(fd, shared);
}

/// Goes inside a queue by a number that came about unseen: by SCM_RIGHTS from this process to
/// itself, by a bare system call. It is a number of the queue's from now on.
#[cold]
pub(crate) fn adopt(fd: RawFd) -> Option<Pin> {
    /// One at a time, so that a number is adopted once.
    static ADOPTING: AtomicU32 = AtomicU32::new(0);
    // In a child it may stay taken by a thread of the parent: so each process has its own value.
    let (here, mut looks) = (process_epoch(), 0);
    loop {
        let last = ADOPTING.load(Ordering::Acquire);
        let taken = ADOPTING.compare_exchange(last, here, Ordering::AcqRel, Ordering::Relaxed);
        if last != here && taken.is_ok() {
            break;
        }
        looks += 1;
        if looks == PATIENCE {
            return None;
        }
        std::thread::yield_now();
    }
    let pin = enter(fd).or_else(|| {
        let mut found = None;
        each(|pin| {
            if found.is_none() && crate::sys::number::is_same_file(pin.number(), fd) {
                found = pin.share();
            }
        });
        take_duplicate(fd, found?);
        enter(fd)
    });
    ADOPTING.store(0, Ordering::Release);
    pin
}

fn sit(fd: RawFd, shared: Arc<Shared>) {
    if let Some(stale) = enter(fd) {
        crate::interpose::queue::lose(&stale, true);
    }
    let Some(seat) = SEATS.get_or_make(fd) else {
        return;
    };
    // Who still is inside of an unseen close's seat leaves soon: its queue is closed.
    while seat.word.load(Ordering::Acquire) & (LIVE | CLOSING | EMPTYING) != 0 {
        std::thread::yield_now();
    }
    seat.queue.put(shared);
    binding::set_queue(fd, true);
    HIGHEST.fetch_max(fd, Ordering::AcqRel);
    seat.word.fetch_or(LIVE, Ordering::AcqRel);
}

/// Whether this number is a queue's.
pub(crate) fn is_taken(fd: RawFd) -> bool {
    SEATS
        .get(fd)
        .is_some_and(|seat| seat.word.load(Ordering::Acquire) & LIVE != 0)
}

/// Whether this number was a queue's and is already closed for the program, but not yet for the
/// system, because somebody is inside.
pub(crate) fn is_closing(fd: RawFd) -> bool {
    let Some(seat) = SEATS.get(fd) else {
        return false;
    };
    // It is being emptied: in a moment the number is closed. If a signal handler asks, which has
    // interrupted that very work, there is no end to wait for.
    for _ in 0..PATIENCE {
        if seat.word.load(Ordering::Acquire) & EMPTYING == 0 {
            break;
        }
        std::thread::yield_now();
    }
    let word = seat.word.load(Ordering::Acquire);
    word & (CLOSING | LOST) == CLOSING || word & EMPTYING != 0
}

/// Goes inside every queue of the process in turn. Takes no lock.
pub(crate) fn each(mut visit: impl FnMut(&Pin)) {
    SEATS.each(0..=HIGHEST.load(Ordering::Acquire), |fd, seat| {
        if seat.word.load(Ordering::Relaxed) & LIVE != 0
            && let Some(pin) = enter(fd)
        {
            visit(&pin);
        }
    });
}

/// Whether a closed queue still has somebody inside.
pub(crate) fn is_any_closing() -> bool {
    CLOSING_COUNT.load(Ordering::Acquire) > 0
}

/// In a forked child, before anything else: visits the numbers of the parent's queues, none of
/// which is one here. Async-signal-safe but for the visit.
pub(crate) fn abandon_all(mut visit: impl FnMut(RawFd)) {
    FORKS.fetch_add(1, Ordering::Relaxed);
    SEATS.each(0..=HIGHEST.load(Ordering::Acquire), |fd, seat| {
        let before = seat.word.swap(0, Ordering::AcqRel);
        let is_open = before & (LIVE | CLOSING) != 0 && before & LOST == 0;
        if seat.queue.abandon() && is_open {
            visit(fd);
        }
    });
    HIGHEST.store(-1, Ordering::Release);
    CLOSING_COUNT.store(0, Ordering::Release);
}
