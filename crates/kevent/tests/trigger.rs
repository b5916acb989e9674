//! A thread that triggers what it waits for itself makes no system call for it, and nobody else
//! notices the difference.
#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

use std::os::fd::AsFd;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use kevent::{Events, Kevent, Kqueue, TriggerHandle};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

const DEADLINE: Option<Duration> = Some(Duration::from_secs(10));

/// A queue in which this thread has waited, and a handle of its user event 1.
fn queue_at_home(event: Kevent) -> (Kqueue, TriggerHandle) {
    let queue = Kqueue::new().unwrap();
    queue.apply(&[event]).unwrap();
    let handle = queue.trigger_handle(event.ident).unwrap();
    assert_eq!(looked_at(&queue), []);
    (queue, handle)
}

/// What is there now.
fn looked_at(queue: &Kqueue) -> Vec<usize> {
    waited_for(queue, Some(Duration::ZERO))
}

fn waited_for(queue: &Kqueue, timeout: Option<Duration>) -> Vec<usize> {
    let mut events = Events::with_capacity(8);
    queue.wait(&[], &mut events, timeout).unwrap();
    events.iter().map(|event| event.ident).collect()
}

fn is_readable(fd: impl AsFd) -> bool {
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&now)).unwrap() == 1
}

#[test]
fn what_a_thread_triggers_it_finds_whatever_its_next_call_is() {
    let (queue, handle) = queue_at_home(Kevent::user(1).clear());
    for _ in 0..3 {
        handle.trigger();
        assert_eq!(looked_at(&queue), [1]);
        assert_eq!(looked_at(&queue), []);
        handle.trigger();
        assert_eq!(waited_for(&queue, None), [1]);
        handle.trigger();
        let mut events = Events::with_capacity(8);
        let count = queue.wait(&[Kevent::user(2).clear()], &mut events, None);
        assert_eq!((count.unwrap(), events[0].ident), (1, 1));
        handle.trigger();
        queue.apply(&[Kevent::user(2).delete()]).unwrap();
        assert_eq!(waited_for(&queue, None), [1]);
    }
}

#[test]
fn a_descriptor_given_away_before_or_after_the_trigger_is_readable() {
    let (queue, handle) = queue_at_home(Kevent::user(1).clear());
    handle.trigger();
    let fd = queue.as_fd();
    assert!(is_readable(fd));
    assert_eq!(looked_at(&queue), [1]);
    assert!(!is_readable(fd));
    handle.trigger();
    assert!(is_readable(fd), "it may still be in somebody's hands");
    assert_eq!(waited_for(&queue, DEADLINE), [1]);
}

#[test]
fn an_event_that_stays_is_seen_by_who_looks_at_the_descriptor_later() {
    let (queue, handle) = queue_at_home(Kevent::user(1));
    handle.trigger();
    assert_eq!(looked_at(&queue), [1]);
    assert_eq!(looked_at(&queue), [1], "without EV_CLEAR it stays");
    assert!(is_readable(&queue));
    let (queue, _) = queue_at_home(Kevent::user(1));
    queue.apply(&[Kevent::trigger(1)]).unwrap();
    assert!(is_readable(&queue));
}

#[test]
fn another_queue_that_watches_this_one_is_told() {
    let (inner, handle) = queue_at_home(Kevent::user(1).clear());
    let outer = Kqueue::new().unwrap();
    handle.trigger();
    outer.apply(&[Kevent::read(&inner)]).unwrap();
    assert_eq!(looked_at(&outer).len(), 1);
    assert_eq!(looked_at(&inner), [1]);
    assert_eq!(looked_at(&outer), []);
    handle.trigger();
    assert_eq!(waited_for(&outer, DEADLINE).len(), 1);
}

#[test]
fn a_thread_that_comes_later_finds_what_was_triggered_at_home() {
    let (queue, handle) = queue_at_home(Kevent::user(1).clear());
    handle.trigger();
    let found = thread::scope(|scope| {
        let other = scope.spawn(|| waited_for(&queue, DEADLINE));
        other.join().unwrap()
    });
    assert_eq!(found, [1]);
    handle.trigger();
    assert_eq!(waited_for(&queue, DEADLINE), [1]);
}

/// Two threads hand each other one event; each triggers for the other from within its own turn.
#[test]
fn threads_that_take_turns_wake_each_other() {
    const ROUNDS: usize = 2_000;
    let (queue, handle) = queue_at_home(Kevent::user(1).clear());
    thread::scope(|scope| {
        let (turn, turns) = mpsc::sync_channel(0);
        let (queue, handle) = (&queue, &handle);
        scope.spawn(move || {
            for round in 0..ROUNDS {
                turn.send(round).unwrap();
                assert_eq!(waited_for(queue, DEADLINE), [1], "round {round}");
            }
        });
        for _ in turns {
            handle.trigger();
        }
    });
}

/// The waiting thread is the one that has always waited; it is asleep, or about to be.
#[test]
fn a_thread_at_home_is_woken_by_others() {
    let (queue, handle) = queue_at_home(Kevent::user(1).clear());
    let (turn, turns) = mpsc::sync_channel::<()>(0);
    thread::scope(|scope| {
        scope.spawn(move || turns.iter().for_each(|()| handle.trigger()));
        for round in 0..2_000 {
            turn.send(()).unwrap();
            assert_eq!(waited_for(&queue, DEADLINE), [1], "round {round}");
        }
        drop(turn);
    });
}
