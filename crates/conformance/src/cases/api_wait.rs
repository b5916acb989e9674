//! F1, API: making a queue, waiting, time-outs and signals.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kevent::{Filter, Kevent};
use rustix::io::Errno;

use crate::case::{Case, Run};
use crate::fixture::{
    DEADLINE, Queue, descriptor_count, ident, limit_descriptors, read, unix_pair, while_waiting,
};
use crate::front::Options;
use crate::sys::{IntervalTimer, count_signal, go_last, kill_thread, signal_count};

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_a_01_a_new_queue_is_empty",
        "kqueue() | fd ≥ 0; poll0 = 0",
        |t| {
            let kq = t.queue();
            assert!(kq.number() >= 0);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_a_02_two_queues_are_independent",
        "kqueue(), then kqueue() again | two distinct fds, independent",
        |t| {
            let (first, second) = (t.queue(), t.queue());
            assert_ne!(first.number(), second.number());
            first.apply(&[Kevent::user(1), Kevent::trigger(1)]);
            assert_eq!(first.expect_one().ident, 1);
            second.expect_none();
            assert!(!second.has(Kevent::user(1)));
        },
    ),
    Case::new(
        "q_a_03_no_descriptor_left_is_emfile",
        "RLIMIT_NOFILE exhausted → kqueue() | -1 EMFILE",
        |t| {
            let lowest_free = unix_pair().0.as_raw_fd();
            let count = descriptor_count();
            let limit = u64::try_from(lowest_free).expect("a descriptor number");
            let before = limit_descriptors(Some(limit));
            let error = t.front().open(Options::default()).err().expect("no queue");
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
            limit_descriptors(before);
            assert_eq!(descriptor_count(), count, "nothing leaked");
            t.queue().expect_none();
        },
    ),
    Case::new(
        "q_a_04_a_queue_is_close_on_exec",
        "kqueuex(KQUEUE_CLOEXEC) / kqueue1(O_CLOEXEC) | FD_CLOEXEC set",
        |t| {
            let flags = rustix::io::fcntl_getfd(t.queue()).expect("F_GETFD");
            assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        },
    ),
    Case::new(
        "q_a_05_a_refused_option_is_einval",
        "kqueuex(0x80) / kqueue1(O_APPEND) | -1 EINVAL",
        |t| {
            // Rust's options are typed; the one that this system cannot give stands for them.
            let options = Options {
                copy_on_fork: true,
                ..Options::default()
            };
            let error = t.front().open(options).err().expect("no queue");
            assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
        },
    ),
    Case::new(
        "q_a_11_no_room_returns_at_once",
        "nevents 0, timeout 10 s, event pending | returns 0 at once; event still pending",
        |t| {
            let kq = t.queue();
            kq.apply(&[Kevent::user(1), Kevent::trigger(1)]);
            let started = Instant::now();
            let events = kq.kevent(&[], 0, Some(DEADLINE)).expect("a call");
            assert_eq!(events, []);
            assert!(started.elapsed() < DEADLINE, "at once");
            assert_eq!(kq.expect_one().ident, 1);
        },
    ),
    Case::new(
        "q_a_16_a_timeout_is_never_undercut",
        "empty kq, timeout 50 ms | 0 after ≥ 50 ms, < 500 ms",
        |t| expect_timeout(t, Duration::from_millis(50)),
    ),
    Case::new(
        "q_a_17_a_nanosecond_does_not_hang",
        "empty kq, timeout 1 ns | 0 promptly, no hang",
        |t| expect_timeout(t, Duration::from_nanos(1)),
    ),
    Case::new(
        "q_a_18_a_huge_timeout_does_not_overflow",
        "timeout tv_sec = 2^40, event arrives after 20 ms | returns the event (no overflow)",
        |t| {
            let kq = t.queue();
            let (a, mut b) = unix_pair();
            kq.apply(&[read(&a)]);
            for seconds in [1 << 31, 1 << 40, u64::MAX] {
                let timeout = Duration::new(seconds, 999_999_999);
                let wait = || kq.kevent(&[], 8, Some(timeout)).expect("a wait");
                let (events, ()) = while_waiting(wait, |_| {
                    thread::sleep(Duration::from_millis(20));
                    b.write_all(b"1").expect("a byte");
                });
                assert_eq!(events.len(), 1, "timeout of {seconds} s");
                (&a).read_exact(&mut [0]).expect("the byte");
            }
        },
    ),
    Case::new(
        "q_a_19_no_timeout_waits_until_another_thread_triggers",
        "NULL timeout, another thread triggers (thr) | returns 1",
        |t| {
            let kq = t.queue();
            kq.apply(&[Kevent::user(1)]);
            let wait = || kq.kevent(&[], 8, None).expect("a wait");
            let (events, ()) = while_waiting(wait, |_| kq.apply(&[Kevent::trigger(1)]));
            assert_eq!(events.len(), 1);
            assert_eq!((events[0].ident, events[0].filter), (1, Filter::USER));
        },
    ),
    Case::new(
        "q_a_45_a_call_returns_what_its_changes_made_active",
        "add READ on readable fd and collect in the same call | event returned by that call",
        |t| {
            let kq = t.queue();
            let (a, mut b) = unix_pair();
            b.write_all(b"hello").expect("data");
            let events = kq
                .kevent(&[read(&a)], 8, Some(Duration::ZERO))
                .expect("a call");
            assert_eq!(events.len(), 1);
            assert_eq!((events[0].ident, events[0].data), (ident(&a), 5));
        },
    ),
    Case::new(
        "q_a_46_slots_that_are_not_returned_are_not_touched",
        "output array larger than events | unwritten slots untouched",
        |t| {
            let kq = t.queue();
            kq.apply(&[Kevent::user(1), Kevent::trigger(1)]);
            let (a, mut b) = unix_pair();
            kq.apply(&[read(&a)]);
            b.write_all(b"1").expect("data");
            let mark = Kevent::user(usize::MAX)
                .data(-7)
                .udata(usize::MAX)
                .ext([u64::MAX; 4]);
            let mut eventlist = [mark; 64];
            let count = kq
                .front()
                .kevent(&[], &mut eventlist, Some(DEADLINE))
                .expect("a wait");
            assert_eq!(count, 2);
            assert!(eventlist[..count].iter().all(|event| *event != mark));
            assert!(eventlist[count..].iter().all(|slot| *slot == mark));
        },
    ),
    Case::new(
        "q_a_47_a_signal_ends_a_wait_with_eintr",
        "signal with handler (SA_RESTART) during wait (thr) | -1 EINTR",
        |t| {
            let kq = t.queue();
            kq.apply(&[Kevent::user(1)]);
            expect_interrupted(&kq, &[]);
        },
    ),
    Case::new(
        "q_a_48_an_interrupted_call_has_applied_its_changes",
        "changes + wait interrupted | EINTR; changes applied",
        |t| {
            let kq = t.queue();
            let (a, _b) = unix_pair();
            expect_interrupted(&kq, &[Kevent::user(1), read(&a)]);
            assert!(kq.has(Kevent::user(1)));
            assert!(kq.has(read(&a)));
        },
    ),
    Case::new(
        "q_a_49_a_pending_event_comes_before_eintr",
        "level event stays pending, 1 ms interval timer signal with handler; 200 calls, \
         NULL timeout | every call returns the event, never EINTR",
        |t| {
            let kq = t.queue();
            let (a, mut b) = unix_pair();
            kq.apply(&[read(&a)]);
            b.write_all(b"1").expect("data");
            count_signal(libc::SIGALRM);
            let ticking = IntervalTimer::start(Duration::from_millis(1));
            let mut calls = 0;
            // At least as many calls as it takes for the signals to have hit some of them.
            while calls < 200 || signal_count(libc::SIGALRM) < 100 {
                let events = kq.kevent(&[], 8, None).expect("the event, never EINTR");
                assert_eq!(events.len(), 1);
                calls += 1;
            }
            drop(ticking);
            t.note(format_args!(
                "{calls} calls, {} signals",
                signal_count(libc::SIGALRM)
            ));
        },
    ),
    Case::new(
        "q_a_50_a_wait_goes_on_when_another_thread_took_the_event",
        "spurious wake: other thread consumed the event (thr), timeout 200 ms | keeps waiting, \
         returns 0 at ≥ 200 ms",
        |t| {
            let kq = t.queue();
            kq.apply(&[Kevent::user(1).clear()]);
            expect_wait_outlasts(t, &kq, || {
                let changes = [Kevent::trigger(1)];
                let taken = kq
                    .kevent(&changes, 8, Some(Duration::ZERO))
                    .expect("a call");
                !taken.is_empty()
            });
            let (mut a, mut b) = unix_pair();
            kq.apply(&[read(&a)]);
            expect_wait_outlasts(t, &kq, || {
                b.write_all(b"1").expect("a byte");
                a.read_exact(&mut [0]).expect("the byte");
                true
            });
        },
    ),
];

/// A wait on an empty queue returns nothing, and not before `timeout`.
#[track_caller]
fn expect_timeout(t: &Run<'_>, timeout: Duration) {
    let kq = t.queue();
    let started = Instant::now();
    let events = kq.kevent(&[], 8, Some(timeout)).expect("a wait");
    let elapsed = started.elapsed();
    t.note(format_args!("waited {elapsed:?} for {timeout:?}"));
    assert_eq!(events, []);
    assert!(elapsed >= timeout, "early: {elapsed:?}");
    assert!(elapsed < DEADLINE, "late: {elapsed:?}");
}

/// A wait without limit, with these changes, ends with `EINTR` when a signal is handled.
#[track_caller]
fn expect_interrupted(kq: &Queue, changelist: &[Kevent]) {
    count_signal(libc::SIGUSR1);
    let has_returned = AtomicBool::new(false);
    let wait = || {
        let result = kq.kevent(changelist, 8, None);
        has_returned.store(true, Ordering::Release);
        result
    };
    let (result, ()) = while_waiting(wait, |thread| {
        // A signal that comes just before the call sleeps interrupts nothing: go on until one
        // has. A thread that has ended has returned.
        while !has_returned.load(Ordering::Acquire) && kill_thread(thread, libc::SIGUSR1).is_ok() {
            thread::yield_now();
        }
    });
    let error = result.expect_err("the wait is interrupted");
    assert_eq!(error.raw_os_error(), Some(Errno::INTR.raw_os_error()));
    assert!(signal_count(libc::SIGUSR1) > 0, "the handler ran");
}

/// While a thread waits for 200 ms, `consume` makes an event and takes it away itself: the wait
/// goes on for the rest. Where the waiter was faster, both try again.
#[track_caller]
fn expect_wait_outlasts(t: &Run<'_>, kq: &Queue, mut consume: impl FnMut() -> bool) {
    let timeout = Duration::from_millis(200);
    let started = Instant::now();
    while started.elapsed() < DEADLINE {
        let wait = || {
            go_last();
            let started = Instant::now();
            (
                kq.kevent(&[], 8, Some(timeout)).expect("a wait"),
                started.elapsed(),
            )
        };
        let ((events, elapsed), has_consumed) = while_waiting(wait, |_| consume());
        if events.is_empty() {
            assert!(elapsed >= timeout, "gave up after {elapsed:?}");
            t.note(format_args!("waited {elapsed:?}"));
            if has_consumed {
                return;
            }
        }
    }
    panic!("the waiter took the event every time within {DEADLINE:?}");
}
