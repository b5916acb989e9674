//! Eight threads add, delete, close, trigger and collect on one queue, and no ONESHOT event is
//! lost, doubled or delivered under another's name.
//!
//! # The proof
//! Every armed knote carries a **ticket**, unique in the run, as `udata`. A ticket belongs to a
//! *slot* (a user event, a timer or a socket), and a slot to the one thread that arms it, so two
//! tickets of a slot never live at once. The slot's word says what has become of its ticket:
//!
//! ```text
//!           arm                 an event came (any thread)
//!  IDLE ───────────► ticket ───────────────────────────────► IDLE
//!   ▲                  │ │    EV_DELETE succeeded (owner)
//!   │                  │ └─────────────────────────────────► IDLE
//!   │                  │ descriptor closed (owner)
//!   │                  ▼
//!   │         ticket | CLOSED ── an event came ──► SPENT
//!   │    every thread has     │                      │
//!   └─── begun a new turn ────┴──────────────────────┘
//! ```
//!
//! - *Doubled, late or foreign*: an event whose ticket is not in its slot's word is a fault.
//! - *Deleted but delivered*: once `EV_DELETE` has succeeded the word must still hold the ticket.
//! - *Closed*: `forget_fd` and close(2) do not say whether another thread has the event in its
//!   hands already, so one event may still come, but only until every thread has begun a new
//!   turn; then the slot is used again and the ticket is unknown.
//! - *Lost*: when the time is up all tickets still in a word must come before a deadline, because
//!   whoever arms a knote also makes it ready.
//!
//! `KEVENT_STRESS_SECONDS` sets the duration; 2 seconds without it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test states what it expects by panicking"
)]

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kevent::{Events, Filter, Kevent, Kqueue};

const DEADLINE: Duration = Duration::from_secs(10);
const THREADS: usize = 8;
/// Slots of each kind that a thread owns.
const SLOTS_EACH: usize = 16;

const IDLE: u64 = 0;
const CLOSED: u64 = 1 << 62;
const SPENT: u64 = 1 << 63;
/// A ticket is a running number and, in the low bits, its slot.
const SLOT_BITS: u32 = 10;

/// What all threads see of a slot.
struct Slot {
    word: AtomicU64,
    /// The ident under which its event must come: for a socket its descriptor number.
    ident: AtomicUsize,
    filter: Filter,
}

struct Arena {
    queue: Kqueue,
    slots: Vec<Slot>,
    /// How many turns each thread has begun.
    turns: [AtomicU64; THREADS],
    stop_at: Instant,
    tickets: AtomicU64,
    counts: Counts,
}

#[derive(Default, Debug)]
struct Counts {
    armed: AtomicU64,
    delivered: AtomicU64,
    deleted: AtomicU64,
    closed: AtomicU64,
    delivered_while_closing: AtomicU64,
}

/// What only its owner sees of a slot.
struct Owned {
    index: usize,
    socket: Option<(UnixStream, UnixStream)>,
    /// The turns of all threads when the slot was closed.
    closed_at: Option<[u64; THREADS]>,
}

#[test]
fn oneshot_events_are_delivered_exactly_once_among_eight_threads() {
    let seconds = std::env::var("KEVENT_STRESS_SECONDS").map_or(2, |word| word.parse().unwrap());
    let arena = Arena::new(Duration::from_secs(seconds));
    thread::scope(|scope| {
        let arena = &arena;
        let work = |thread| scope.spawn(move || Worker::new(arena, thread).run());
        let threads: Vec<_> = (0..THREADS).map(work).collect();
        // The thread sanitizer understands a join, but not the end of a scope.
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });

    let mut events = Events::with_capacity(16);
    let late = arena
        .queue
        .wait(&[], &mut events, Some(Duration::ZERO))
        .unwrap();
    assert_eq!(late, 0, "nothing is left in the queue: {events:?}");
    let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let counts = &arena.counts;
    eprintln!("{counts:?}");
    let ended = get(&counts.delivered) + get(&counts.deleted) + get(&counts.closed);
    assert_eq!(
        get(&counts.armed),
        ended,
        "every ticket ended in one way: {counts:?}"
    );
    for count in [&counts.delivered, &counts.deleted, &counts.closed] {
        assert!(get(count) > 0, "each way was taken: {counts:?}");
    }
}

impl Arena {
    fn new(duration: Duration) -> Self {
        let filters = [Filter::USER, Filter::TIMER, Filter::READ];
        let slots = (0..THREADS * SLOTS_EACH * filters.len()).map(|index| Slot {
            word: AtomicU64::new(IDLE),
            ident: AtomicUsize::new(index),
            filter: filters[index % filters.len()],
        });
        Self {
            queue: Kqueue::new().unwrap(),
            slots: slots.collect(),
            turns: Default::default(),
            stop_at: Instant::now() + duration,
            tickets: AtomicU64::new(1),
            counts: Counts::default(),
        }
    }

    /// One turn of collecting: takes what is there into `events` and accounts for it.
    fn collect(&self, events: &mut Events, timeout: Duration) {
        self.queue.wait(&[], events, Some(timeout)).unwrap();
        for event in &*events {
            self.account(event);
        }
    }

    fn account(&self, event: &Kevent) {
        let ticket = u64::try_from(event.udata).unwrap();
        let index = event.udata & ((1 << SLOT_BITS) - 1);
        let slot = self
            .slots
            .get(index)
            .unwrap_or_else(|| panic!("foreign: {event:?}"));
        assert!(event.error().is_none(), "{event:?}");
        assert_eq!(event.filter, slot.filter, "{event:?}");
        let (ok, order) = (Ordering::AcqRel, Ordering::Acquire);
        // Read first: as soon as the word is idle, the owner may give the slot another ident.
        let ident = slot.ident.load(Ordering::Acquire);
        match slot.word.compare_exchange(ticket, IDLE, ok, order) {
            Ok(_) => {
                assert_eq!(event.ident, ident, "{event:?}");
                count(&self.counts.delivered);
            }
            Err(found) if found == ticket | CLOSED => {
                // Two events of one ticket would both come here: one of them finds SPENT.
                let swapped = slot.word.compare_exchange(found, SPENT, ok, order);
                swapped.unwrap_or_else(|now| panic!("doubled, found {now:#x}: {event:?}"));
                count(&self.counts.delivered_while_closing);
            }
            Err(found) => panic!("doubled or late, the slot has {found:#x}: {event:?}"),
        }
    }

    fn turns(&self) -> [u64; THREADS] {
        std::array::from_fn(|thread| self.turns[thread].load(Ordering::Acquire))
    }
}

fn is_ticket(word: u64) -> bool {
    word != IDLE && word < CLOSED
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// One of the threads, with the slots it owns.
struct Worker<'a> {
    arena: &'a Arena,
    thread: usize,
    slots: Vec<Owned>,
    random: u64,
}

impl<'a> Worker<'a> {
    fn new(arena: &'a Arena, thread: usize) -> Self {
        let mine = (0..arena.slots.len()).filter(|index| index / 3 % THREADS == thread);
        let slots = mine.map(|index| {
            let is_socket = arena.slots[index].filter == Filter::READ;
            let socket = is_socket.then(socket_pair);
            Owned {
                index,
                socket,
                closed_at: None,
            }
        });
        let random = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(thread as u64 + 1);
        Self {
            arena,
            thread,
            slots: slots.collect(),
            random,
        }
    }

    /// Works until the time is up, then collects until every ticket has come back.
    fn run(mut self) {
        let arena = self.arena;
        let mut events = Events::with_capacity(8);
        while Instant::now() < arena.stop_at {
            arena.turns[self.thread].fetch_add(1, Ordering::AcqRel);
            for _ in 0..self.pick(4) {
                let slot = self.pick(self.slots.len());
                self.step(slot);
            }
            // Small eventlists leave a surplus for other threads.
            let room = 1 + self.pick(8);
            if events.capacity() != room {
                events = Events::with_capacity(room);
            }
            let timeout = Duration::from_micros(if self.pick(8) == 0 { 500 } else { 0 });
            arena.collect(&mut events, timeout);
        }
        let last_turn = u64::MAX >> 1;
        let deadline = Instant::now() + DEADLINE;
        while arena
            .slots
            .iter()
            .any(|slot| is_ticket(slot.word.load(Ordering::Acquire)))
        {
            assert!(Instant::now() < deadline, "lost: {:?}", self.outstanding());
            arena.collect(&mut events, Duration::from_millis(1));
        }
        arena.turns[self.thread].store(last_turn, Ordering::Release);
    }

    fn outstanding(&self) -> Vec<String> {
        let words = self
            .arena
            .slots
            .iter()
            .map(|slot| (slot, slot.word.load(Ordering::Acquire)));
        let words = words.filter(|&(_, word)| is_ticket(word)).take(10);
        words
            .map(|(slot, word)| format!("{:?} ticket {word:#x}", slot.filter))
            .collect()
    }

    /// Does the next thing with a slot: arm it, delete its knote, or close its descriptor.
    fn step(&mut self, own: usize) {
        let word = self.arena.slots[self.slots[own].index]
            .word
            .load(Ordering::Acquire);
        if word != IDLE && !is_ticket(word) {
            self.reopen(own);
            return;
        }
        let is_new = word == IDLE;
        if is_new {
            self.arm(own);
        }
        // Most new knotes are left alone, so that their events come by themselves.
        match self.pick(if is_new { 24 } else { 8 }) {
            0 | 1 => self.delete(own),
            2 => self.close(own, true),
            3 => self.close(own, false),
            4 => self.trigger_any(),
            _ => {}
        }
    }

    /// Adds the knote with a new ticket and makes it ready, sometimes in the other order.
    fn arm(&mut self, own: usize) {
        let (arena, index) = (self.arena, self.slots[own].index);
        let slot = &arena.slots[index];
        let number = arena.tickets.fetch_add(1, Ordering::Relaxed);
        let ticket = number << SLOT_BITS | index as u64;
        assert!(ticket < CLOSED, "tickets are used up");
        let udata = usize::try_from(ticket).unwrap();
        count(&arena.counts.armed);
        let choice = self.pick(3);
        match &mut self.slots[own].socket {
            Some((watched, peer)) => {
                drain(watched);
                let change = Kevent::read(&*watched).oneshot().udata(udata);
                slot.ident.store(change.ident, Ordering::Release);
                slot.word.store(ticket, Ordering::Release);
                if choice == 0 {
                    peer.write_all(b"x").unwrap();
                    arena.queue.apply(&[change]).unwrap();
                } else {
                    arena.queue.apply(&[change]).unwrap();
                    peer.write_all(b"x").unwrap();
                }
            }
            None if slot.filter == Filter::TIMER => {
                slot.word.store(ticket, Ordering::Release);
                let period = Duration::from_micros(100 * choice as u64);
                arena
                    .queue
                    .apply(&[Kevent::timer(index, period).oneshot().udata(udata)])
                    .unwrap();
            }
            None => {
                slot.word.store(ticket, Ordering::Release);
                arena
                    .queue
                    .apply(&[Kevent::user(index).oneshot().udata(udata)])
                    .unwrap();
                trigger_twice(&arena.queue, index, choice == 0);
            }
        }
    }

    /// EV_DELETE: if it succeeds no event may come, if it finds nothing one has come or will.
    fn delete(&mut self, own: usize) {
        let (arena, index) = (self.arena, self.slots[own].index);
        let slot = &arena.slots[index];
        let word = slot.word.load(Ordering::Acquire);
        if !is_ticket(word) {
            return;
        }
        let ident = slot.ident.load(Ordering::Acquire);
        let knote = Kevent::new(ident, slot.filter, kevent::Flags::DELETE);
        if succeeds_or_finds_nothing(arena.queue.apply(&[knote])) {
            let (ok, order) = (Ordering::AcqRel, Ordering::Acquire);
            let swapped = slot.word.compare_exchange(word, IDLE, ok, order);
            assert!(
                swapped.is_ok(),
                "delivered although deleted: {swapped:x?}, {word:#x}"
            );
            count(&arena.counts.deleted);
        }
    }

    /// Closes a socket whose knote may be active, telling the queue so or not.
    fn close(&mut self, own: usize, tell: bool) {
        let arena = self.arena;
        let owned = &mut self.slots[own];
        let Some((watched, peer)) = owned.socket.take() else {
            return;
        };
        let slot = &arena.slots[owned.index];
        if tell {
            arena.queue.forget_fd(watched.as_raw_fd());
        }
        drop(watched);
        drop(peer);
        let word = slot.word.load(Ordering::Acquire);
        let closed = word | CLOSED;
        let (ok, order) = (Ordering::AcqRel, Ordering::Acquire);
        if is_ticket(word) && slot.word.compare_exchange(word, closed, ok, order).is_ok() {
            count(&arena.counts.closed);
        }
        owned.closed_at = Some(arena.turns());
        if slot.word.load(Ordering::Acquire) == IDLE {
            self.reopen(own);
        }
    }

    /// Makes a closed slot usable again, once no thread can have an old event in its hands.
    fn reopen(&mut self, own: usize) {
        let now = self.arena.turns();
        let owned = &mut self.slots[own];
        let slot = &self.arena.slots[owned.index];
        let word = slot.word.load(Ordering::Acquire);
        let closed_at = owned.closed_at.unwrap();
        if word != IDLE && closed_at.iter().zip(now).any(|(&then, now)| now <= then) {
            return;
        }
        owned.socket = Some(socket_pair());
        owned.closed_at = None;
        slot.word.store(IDLE, Ordering::Release);
    }

    /// Triggers some user event of any thread, armed or not: an early trigger changes nothing,
    /// a second one merges with the first or finds no knote.
    fn trigger_any(&mut self) {
        let index = self.pick(self.arena.slots.len()) / 3 * 3;
        succeeds_or_finds_nothing(self.arena.queue.apply(&[Kevent::trigger(index)]));
    }

    /// A number below `end`, which is at least 1 (xorshift).
    fn pick(&mut self, end: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random % end as u64).unwrap()
    }
}

/// The watched end, non-blocking, and its peer.
fn socket_pair() -> (UnixStream, UnixStream) {
    let (watched, peer) = UnixStream::pair().unwrap();
    watched.set_nonblocking(true).unwrap();
    (watched, peer)
}

fn drain(socket: &mut UnixStream) {
    let mut buffer = [0; 64];
    let error = loop {
        if let Err(error) = socket.read(&mut buffer) {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

/// Triggers a user event twice, by a handle or by changes; another thread may have taken it
/// before the second time, or even before the first.
fn trigger_twice(queue: &Kqueue, ident: usize, by_handle: bool) {
    if !by_handle {
        succeeds_or_finds_nothing(queue.apply(&[Kevent::trigger(ident)]));
        succeeds_or_finds_nothing(queue.apply(&[Kevent::trigger(ident)]));
        return;
    }
    match queue.trigger_handle(ident) {
        Ok(handle) => {
            handle.trigger();
            handle.trigger();
        }
        Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{error}"),
    }
}

/// True for success, false for ENOENT; nothing else is expected.
fn succeeds_or_finds_nothing(result: io::Result<()>) -> bool {
    match result {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => panic!("{error}"),
    }
}

/// One event at a time runs through eight threads that wait without end: whoever receives it
/// triggers the next. A wake-up lost between a trigger and a thread going to sleep would stop it.
#[test]
fn relay_of_one_event_never_stalls() {
    const LEGS: usize = 20_000;
    let queue = Kqueue::new().unwrap();
    let start = |ident| [Kevent::user(ident).oneshot(), Kevent::trigger(ident)];
    let runner = || {
        let mut events = Events::with_capacity(1);
        let mut legs = 0;
        loop {
            // A limit only so that a stall is reported; it is far beyond any leg.
            let count = queue.wait(&[], &mut events, Some(DEADLINE)).unwrap();
            assert_eq!(count, 1, "the relay stalled");
            match events[0].ident {
                // The finish is not one-shot, so it reaches every runner.
                LEGS => return legs,
                ident if ident + 1 == LEGS => {
                    queue
                        .apply(&[Kevent::user(LEGS), Kevent::trigger(LEGS)])
                        .unwrap();
                }
                ident => queue.apply(&start(ident + 1)).unwrap(),
            }
            legs += 1;
        }
    };
    let legs: usize = thread::scope(|scope| {
        let runners: Vec<_> = (0..THREADS).map(|_| scope.spawn(runner)).collect();
        queue.apply(&start(0)).unwrap();
        runners
            .into_iter()
            .map(|runner| runner.join().unwrap())
            .sum()
    });
    assert_eq!(legs, LEGS);
}
