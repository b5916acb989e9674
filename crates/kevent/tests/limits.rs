//! What one queue must carry: all the descriptors a process may have, and any number of timers.
//!
//! Each test needs the process's descriptors for itself, so they take turns.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test states what it expects by panicking"
)]

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use kevent::{Events, Filter, Kevent, Kqueue};
use parking_lot::{Mutex, MutexGuard};
use rustix::event::{EventfdFlags, eventfd};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const DEADLINE: Duration = Duration::from_secs(10);

/// How many descriptors are registered at once, where the limit allows it.
const DESCRIPTORS: u64 = 19_000;

/// How many descriptors stay free for everything else.
const SPARE: u64 = 1_000;

static ALONE: Mutex<()> = Mutex::new(());

/// Waits for this test's turn and raises the soft limit on descriptors to the hard one.
fn alone_with_all_descriptors() -> (MutexGuard<'static, ()>, usize) {
    let turn = ALONE.lock();
    let hard = getrlimit(Resource::Nofile).maximum;
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: hard,
            maximum: hard,
        },
    )
    .unwrap();
    let count = hard.map_or(DESCRIPTORS, |hard| {
        DESCRIPTORS.min(hard.saturating_sub(SPARE))
    });
    assert!(
        count >= 1_000,
        "the hard limit of {hard:?} descriptors leaves nothing to test"
    );
    (turn, usize::try_from(count).unwrap())
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn make_ready(fd: &OwnedFd) {
    rustix::io::write(fd, &1_u64.to_ne_bytes()).unwrap();
}

/// Collects until `expected` events have come, and then sees that no more do. The result counts
/// the events of each `udata`.
#[track_caller]
fn collect(queue: &Kqueue, filter: Filter, expected: usize, udata_end: usize) -> Vec<u32> {
    let start = Instant::now();
    let mut events = Events::with_capacity(777);
    let mut seen = vec![0; udata_end];
    let mut total = 0;
    while total < expected {
        let left = DEADLINE.checked_sub(start.elapsed());
        let left = left.unwrap_or_else(|| panic!("{total} of {expected} events came in time"));
        total += queue.wait(&[], &mut events, Some(left)).unwrap();
        for event in &events {
            assert_eq!(event.filter, filter, "{event:?}");
            seen[event.udata] += 1;
        }
    }
    assert_eq!(
        queue.wait(&[], &mut events, Some(Duration::ZERO)).unwrap(),
        0,
        "{events:?}"
    );
    seen
}

#[test]
fn every_descriptor_of_the_process_is_registered_and_reported_once() {
    let (_turn, count) = alone_with_all_descriptors();
    let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
    let fds: Vec<OwnedFd> = (0..count).map(|_| eventfd(0, flags).unwrap()).collect();
    let queue = Kqueue::new().unwrap();
    let changes = fds
        .iter()
        .enumerate()
        .map(|(udata, fd)| Kevent::read(fd).clear().udata(udata));
    let changes: Vec<Kevent> = changes.collect();
    for some in changes.chunks(1_000) {
        queue.apply(some).unwrap();
    }
    assert!(
        collect(&queue, Filter::READ, 0, count)
            .iter()
            .all(|&times| times == 0)
    );

    fds.iter().rev().for_each(make_ready);
    assert!(
        collect(&queue, Filter::READ, count, count)
            .iter()
            .all(|&times| times == 1)
    );

    // EV_CLEAR: unread descriptors rest until they are written to once more.
    fds.iter().step_by(3).for_each(make_ready);
    let seen = collect(&queue, Filter::READ, count.div_ceil(3), count);
    for (udata, &times) in seen.iter().enumerate() {
        assert_eq!(times, u32::from(udata % 3 == 0), "descriptor {udata}");
    }

    for some in changes.chunks(1_000) {
        let deletes: Vec<Kevent> = some.iter().map(|change| change.delete()).collect();
        queue.apply(&deletes).unwrap();
    }
    fds.iter().for_each(make_ready);
    assert!(
        collect(&queue, Filter::READ, 0, count)
            .iter()
            .all(|&times| times == 0)
    );
}

#[test]
fn a_hundred_thousand_timers_use_one_descriptor() {
    const TIMERS: usize = 100_000;
    let (_turn, _) = alone_with_all_descriptors();
    let queue = Kqueue::new().unwrap();
    let before = open_descriptors();
    let start = Instant::now();
    let period = |ident: usize| Duration::from_micros(u64::try_from(ident % 1_000).unwrap() * 500);
    for first in (0..TIMERS).step_by(1_000) {
        let timer = |ident| Kevent::timer(ident, period(ident)).oneshot().udata(ident);
        let changes: Vec<Kevent> = (first..first + 1_000).map(timer).collect();
        queue.apply(&changes).unwrap();
    }
    // Even if some have fired by now, they wait in the queue.
    assert_eq!(
        open_descriptors() - before,
        1,
        "descriptors for {TIMERS} timers"
    );
    let seen = collect(&queue, Filter::TIMER, TIMERS, TIMERS);
    assert!(
        seen.iter().all(|&times| times == 1),
        "each timer fires once"
    );
    assert!(start.elapsed() >= period(999), "the last is not early");
    assert_eq!(
        open_descriptors() - before,
        1,
        "descriptors when all have fired"
    );
}

#[test]
fn user_events_use_one_descriptor_however_many() {
    const EVENTS: usize = 10_000;
    let (_turn, _) = alone_with_all_descriptors();
    let queue = Kqueue::new().unwrap();
    let before = open_descriptors();
    for ident in 0..EVENTS {
        queue
            .apply(&[
                Kevent::user(ident).clear().udata(ident),
                Kevent::trigger(ident),
            ])
            .unwrap();
    }
    assert_eq!(
        open_descriptors() - before,
        1,
        "descriptors for {EVENTS} user events"
    );
    assert!(
        collect(&queue, Filter::USER, EVENTS, EVENTS)
            .iter()
            .all(|&times| times == 1)
    );
}
