//! Signals and the program's own action: nothing is lost, and a disposition can be changed while
//! a knote counts. Each test has a signal for itself, since signals are the process's.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test states what it expects by panicking"
)]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use conformance::sys::{count_signal, kill_self, kill_thread, signal_count, thread_id};
use kevent::signal::{Disposition, disposition, set_disposition};
use kevent::{Events, Kevent, Kqueue};

const DEADLINE: Duration = Duration::from_secs(10);

#[track_caller]
fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < DEADLINE, "not in time: {what}");
        thread::yield_now();
    }
}

/// Sends a signal to this thread, so that its handler has run on return.
fn raise(signal: i32) {
    kill_thread(thread_id(), signal).unwrap();
}

/// The count of the one event that comes.
#[track_caller]
fn next_count(queue: &Kqueue) -> u64 {
    let mut events = Events::with_capacity(4);
    loop {
        match queue.wait(&[], &mut events, Some(DEADLINE)) {
            Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EINTR)),
            Ok(count) => {
                assert_eq!(count, 1, "one event in time");
                return events[0].signal_count().unwrap();
            }
        }
    }
}

#[test]
fn ten_thousand_signals_to_a_waiting_process_lose_no_wake_up() {
    set_disposition(libc::SIGUSR1, Disposition::ignore()).unwrap();
    lose_no_wake_up(libc::SIGUSR1, |error| {
        panic!("an ignored signal does not interrupt: {error}")
    });
    let handled = libc::SIGRTMIN() + 4;
    count_signal(handled);
    lose_no_wake_up(handled, |error| {
        assert_eq!(error.raw_os_error(), Some(libc::EINTR));
    });
}

/// Sends a signal 10,000 times; each must be seen before the next is sent, so that a wake-up that
/// is lost is never made good by a later one.
fn lose_no_wake_up(signal: i32, interrupted: impl Fn(std::io::Error) + Sync) {
    const ROUNDS: u64 = 10_000;
    let queue = Kqueue::new().unwrap();
    queue
        .apply(&[Kevent::signal(signal), Kevent::user(1)])
        .unwrap();
    let seen = AtomicU64::new(0);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut events = Events::with_capacity(4);
            while !is_over.load(Ordering::Acquire) {
                if let Err(error) = queue.wait(&[], &mut events, None) {
                    interrupted(error);
                }
                let count = events.iter().filter_map(Kevent::signal_count).sum();
                seen.fetch_add(count, Ordering::AcqRel);
            }
        });
        for round in 1..=ROUNDS {
            kill_self(signal);
            eventually("the waiter has seen the signal", || {
                seen.load(Ordering::Acquire) == round
            });
        }
        is_over.store(true, Ordering::Release);
        queue.apply(&[Kevent::trigger(1)]).unwrap();
    });
    assert_eq!(seen.load(Ordering::Acquire), ROUNDS);
}

#[test]
fn a_disposition_changes_while_a_knote_counts() {
    const SIGNAL: i32 = libc::SIGUSR2;
    count_signal(SIGNAL);
    let queue = Kqueue::new().unwrap();
    queue.apply(&[Kevent::signal(SIGNAL)]).unwrap();
    raise(SIGNAL);
    assert_eq!((next_count(&queue), signal_count(SIGNAL)), (1, 1));

    let handler = set_disposition(SIGNAL, Disposition::ignore()).unwrap();
    assert!(handler.is_handler());
    raise(SIGNAL);
    assert_eq!((next_count(&queue), signal_count(SIGNAL)), (1, 1));
    assert!(disposition(SIGNAL).unwrap().is_ignore());

    assert!(set_disposition(SIGNAL, handler).unwrap().is_ignore());
    raise(SIGNAL);
    assert_eq!((next_count(&queue), signal_count(SIGNAL)), (1, 2));

    set_disposition(SIGNAL, Disposition::default_action()).unwrap();
    assert!(disposition(SIGNAL).unwrap().is_default_action());
    set_disposition(SIGNAL, Disposition::ignore()).unwrap();
    raise(SIGNAL);
    assert_eq!((next_count(&queue), signal_count(SIGNAL)), (1, 2));
    drop(queue);
    assert!(disposition(SIGNAL).unwrap().is_ignore(), "the last one set");
    raise(SIGNAL);
    assert_eq!(signal_count(SIGNAL), 2);
}

#[test]
fn a_handler_above_ours_that_stays_is_left_alone() {
    let signal = libc::SIGRTMIN() + 3;
    let queue = Kqueue::new().unwrap();
    set_disposition(signal, Disposition::ignore()).unwrap();
    queue.apply(&[Kevent::signal(signal)]).unwrap();
    // The program puts its handler in our place behind our back.
    count_signal(signal);
    queue.apply(&[Kevent::signal(signal).delete()]).unwrap();
    assert!(disposition(signal).unwrap().is_handler());
    queue.apply(&[Kevent::signal(signal)]).unwrap();
    raise(signal);
    assert_eq!(signal_count(signal), 1, "it runs once, and not in a circle");
    queue.apply(&[Kevent::signal(signal).delete()]).unwrap();
    // Said openly, it counts again.
    let handler = disposition(signal).unwrap();
    set_disposition(signal, Disposition::ignore()).unwrap();
    queue.apply(&[Kevent::signal(signal)]).unwrap();
    set_disposition(signal, handler).unwrap();
    raise(signal);
    assert_eq!((next_count(&queue), signal_count(signal)), (1, 2));
}

#[test]
fn what_is_no_signal_has_no_disposition() {
    for number in [0, -1, 1000] {
        let error = disposition(number).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL), "{number}");
    }
    let error = set_disposition(libc::SIGKILL, Disposition::ignore()).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
}
