//! F11, threads: one queue, many callers.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kevent::{Filter, Flags, Kevent};
use rustix::io::Errno;

use crate::case::Case;
use crate::fixture::{
    Queue, Sleeper, TempFile, eventually, ident, pipe, read, send, while_waiting,
};

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_th_01_a_oneshot_event_goes_to_one_thread",
        "2 threads wait on one kq, one EV_ONESHOT event | exactly one gets it",
        |t| {
            let (r, w) = pipe();
            let kq = t.queue();
            kq.apply(&[Kevent::user(1).oneshot()]);
            assert_eq!(deliveries(&kq, 2, || kq.apply(&[Kevent::trigger(1)])), 1);
            let kq = t.queue();
            kq.apply(&[read(&r).oneshot()]);
            assert_eq!(deliveries(&kq, 2, || send(&w, 1)), 1);
        },
    ),
    Case::new(
        "q_th_02_an_edge_goes_to_one_thread",
        "EV_CLEAR event, 4 waiters | exactly one",
        |t| {
            let (r, w) = pipe();
            let kq = t.queue();
            kq.apply(&[Kevent::user(1).clear()]);
            assert_eq!(deliveries(&kq, 4, || kq.apply(&[Kevent::trigger(1)])), 1);
            let kq = t.queue();
            kq.apply(&[read(&r).clear()]);
            assert_eq!(deliveries(&kq, 4, || send(&w, 1)), 1);
        },
    ),
    Case::new(
        "q_th_03_each_arming_gives_one_event",
        "EV_DISPATCH, 4 waiters, 1,000 re-arms | each delivered once",
        |t| {
            let (r, w) = pipe();
            send(&w, 1);
            let kq = t.queue();
            each_arming_gives_one_event(&kq, read(&r).dispatch());
            let kq = t.queue();
            kq.apply(&[Kevent::user(1).dispatch(), Kevent::trigger(1)]);
            each_arming_gives_one_event(&kq, Kevent::user(1).dispatch());
        },
    ),
    Case::new(
        "q_th_04_a_deleted_knote_is_silent",
        "EV_DELETE while others wait | no stale ev after the delete returned and waiters drained",
        |t| {
            let kq = t.queue();
            let (r, w) = pipe();
            send(&w, 1);
            // Each life of the knote has its number in udata; those up to `dead` are over.
            let dead = AtomicUsize::new(0);
            let seen = AtomicUsize::new(0);
            let waiter = || loop {
                let dead_before = dead.load(Ordering::SeqCst);
                for event in kq.wait(4) {
                    if event.filter == Filter::USER {
                        return;
                    }
                    assert!(event.udata > dead_before, "{event:?} after {dead_before}");
                    seen.fetch_max(event.udata, Ordering::SeqCst);
                }
            };
            thread::scope(|scope| {
                let waiters = [(); 3].map(|()| Sleeper::start(scope, waiter));
                for life in 1..=200 {
                    kq.apply(&[read(&r).udata(life)]);
                    eventually("an event of this life", || {
                        seen.load(Ordering::SeqCst) >= life
                    });
                    kq.apply(&[read(&r).delete()]);
                    dead.store(life, Ordering::SeqCst);
                }
                stop(&kq);
                waiters.into_iter().for_each(Sleeper::join);
            });
        },
    ),
    Case::new(
        "q_th_05_closing_wakes_everyone_who_waits",
        "close via API while waiting | EBADF (G17)",
        |t| {
            let kq = t.queue();
            let (r, _w) = pipe();
            kq.apply(&[
                read(&r),
                Kevent::user(1),
                Kevent::timer(2, Duration::from_hours(1)),
            ]);
            thread::scope(|scope| {
                let wait = || kq.kevent(&[], 8, None);
                let waiters = [(); 4].map(|()| Sleeper::start_asleep(scope, wait));
                kq.front().close();
                for waiter in waiters {
                    let error = waiter.join().expect_err("the queue is closed");
                    assert_eq!(Errno::from_io_error(&error), Some(Errno::BADF));
                }
            });
            let error = kq.kevent(&[], 8, None).expect_err("and stays so");
            assert_eq!(Errno::from_io_error(&error), Some(Errno::BADF));
        },
    ),
    Case::new(
        "q_th_06_everything_at_once",
        "concurrent add/delete/trigger for 2 s under a race detector | clean \
         (`scripts/slow-checks`: thread sanitizer, stress, model checker)",
        |t| {
            let kq = t.queue();
            let end = Instant::now() + Duration::from_secs(2);
            let rounds = AtomicUsize::new(0);
            let run = |seed| {
                while Instant::now() < end {
                    rounds.fetch_add(stress(&kq, seed), Ordering::Relaxed);
                }
            };
            thread::scope(|scope| {
                let run = &run;
                let threads = [0, 1, 2, 3].map(|seed| Sleeper::start(scope, move || run(seed)));
                threads.into_iter().for_each(Sleeper::join);
            });
            t.note(format_args!("{} calls", rounds.load(Ordering::Relaxed)));
            let kq2 = t.queue();
            for kq in [&kq, &kq2] {
                kq.apply(&[Kevent::user(STOP).clear(), Kevent::trigger(STOP)]);
                assert!(kq.poll(64).iter().any(|event| event.ident == STOP));
            }
        },
    ),
    Case::new(
        "q_th_07_a_reused_number_never_speaks_for_the_dead",
        "fd reuse storm | no event of a dead generation",
        |t| reuse_storm(&t.queue()),
    ),
    Case::new(
        "q_th_08_a_change_reaches_a_waiter_that_sleeps",
        "change from one thread visible to a blocked waiter at once | wakes",
        |t| {
            let (r, w) = pipe();
            send(&w, 5);
            let file = TempFile::new();
            file.file.set_len(5).expect("a file of 5 bytes");
            let changes: [&[Kevent]; 5] = [
                &[read(&r)],
                &[read(&r).disabled(), read(&r).enable()],
                &[read(&file.file)],
                &[Kevent::user(1), Kevent::trigger(1)],
                &[Kevent::timer(1, Duration::from_millis(1))],
            ];
            for change in changes {
                let kq = t.queue();
                let (event, ()) = while_waiting(|| kq.wait_one(), |_| kq.apply(change));
                assert_eq!(
                    (event.ident, event.filter),
                    (change[0].ident, change[0].filter)
                );
            }
        },
    ),
];

/// The user event that tells every waiter to end: a level, so that each sees it.
const STOP: usize = usize::MAX;

fn stop(kq: &Queue) {
    kq.apply(&[Kevent::user(STOP), Kevent::trigger(STOP)]);
}

/// How many events `waiters` threads that sleep in the queue get together when `happen` has run.
#[track_caller]
fn deliveries(kq: &Queue, waiters: usize, happen: impl FnOnce()) -> usize {
    let count = AtomicUsize::new(0);
    let waiter = || loop {
        for event in kq.wait(4) {
            if event.ident == STOP {
                return;
            }
            count.fetch_add(1, Ordering::SeqCst);
        }
    };
    thread::scope(|scope| {
        let start = |_| Sleeper::start_asleep(scope, waiter);
        let sleepers: Vec<_> = (0..waiters).map(start).collect();
        happen();
        eventually("an event", || count.load(Ordering::SeqCst) > 0);
        // The others have had the same chance before they can see this.
        stop(kq);
        sleepers.into_iter().for_each(Sleeper::join);
    });
    count.into_inner()
}

/// Four waiters re-arm a dispatch knote whose condition stays true, a thousand times in all.
fn each_arming_gives_one_event(kq: &Queue, change: Kevent) {
    const ARMINGS: usize = 1000;
    let (delivered, is_held) = (AtomicUsize::new(0), AtomicBool::new(false));
    let waiter = || loop {
        let event = kq.wait(1)[0];
        if event.ident == STOP {
            return;
        }
        assert!(
            !is_held.swap(true, Ordering::SeqCst),
            "delivered twice: {event:?}"
        );
        let number = 1 + delivered.fetch_add(1, Ordering::SeqCst);
        if number > ARMINGS {
            return stop(kq);
        }
        is_held.store(false, Ordering::SeqCst);
        kq.apply(&[change.enable()]);
    };
    kq.apply(&[change]);
    thread::scope(|scope| {
        let waiters = [(); 4].map(|()| Sleeper::start(scope, waiter));
        waiters.into_iter().for_each(Sleeper::join);
    });
    // The first arming was the EV_ADD.
    assert_eq!(delivered.into_inner(), ARMINGS + 1);
    kq.apply(&[Kevent::user(STOP).delete()]);
    kq.expect_none();
}

/// One thread's share of the stress: a few of everything, on idents that all threads share.
fn stress(kq: &Queue, seed: usize) -> usize {
    let (r, w) = pipe();
    let ident = 1 + seed % 2;
    let changes = [
        read(&r),
        Kevent::user(ident).clear(),
        Kevent::trigger(ident),
        read(&r).disable(),
        Kevent::timer(ident, Duration::from_micros(50)),
        read(&r).enable(),
        Kevent::user(3),
        Kevent::trigger(3),
        Kevent::user(3).delete(),
        Kevent::timer(ident, Duration::ZERO).delete(),
    ];
    send(&w, 1);
    for change in changes {
        let answers = kq
            .kevent(&[change], 4, Some(Duration::ZERO))
            .expect("a call");
        for answer in answers {
            // Another thread may have deleted the knote.
            let error = answer.error().map(|error| Errno::from_io_error(&error));
            assert!(
                [None, Some(Some(Errno::NOENT))].contains(&error),
                "{change:?}: {answer:?}"
            );
        }
    }
    kq.close_watched(r);
    changes.len()
}

/// Threads that open, watch and close pipes, whose few numbers are reused at once, while others
/// collect. Each life of a number has its own `udata`; `dead` has the last life of each that is
/// over. An event of a call that began when a life was over must not be of that life.
fn reuse_storm(kq: &Queue) {
    const NUMBERS: usize = 256;
    const LIVES: usize = 2000;
    let dead = [const { AtomicUsize::new(0) }; NUMBERS];
    let life = AtomicUsize::new(1);
    let collector = || loop {
        let before = dead.each_ref().map(|last| last.load(Ordering::SeqCst));
        for event in kq.wait(8) {
            if event.ident == STOP {
                return;
            }
            assert!(
                event.udata > before[event.ident],
                "{event:?} is of the dead"
            );
        }
    };
    let storm = || loop {
        let (r, w) = pipe();
        let number = ident(&r);
        // Taken while the number is ours, so that the lives of one number count upwards.
        let own = life.fetch_add(1, Ordering::SeqCst);
        if own > LIVES {
            return;
        }
        kq.apply(&[read(&r).udata(own)]);
        send(&w, 1);
        // Some objects live on through a duplicate while their number is given away.
        let duplicate = (own.is_multiple_of(4)).then(|| r.try_clone().expect("a duplicate"));
        kq.front()
            .forget_fd(i32::try_from(number).expect("a number"));
        drop(r);
        // The number may have its next life already.
        dead[number].fetch_max(own, Ordering::SeqCst);
        drop(duplicate);
    };
    thread::scope(|scope| {
        let collectors = [(); 2].map(|()| Sleeper::start(scope, collector));
        let storms = [(); 4].map(|()| Sleeper::start(scope, storm));
        storms.into_iter().for_each(Sleeper::join);
        stop(kq);
        collectors.into_iter().for_each(Sleeper::join);
    });
    let stop = Kevent::new(STOP, Filter::USER, Flags::DELETE);
    kq.apply(&[stop]);
    kq.expect_none();
}
