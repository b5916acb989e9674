//! Timers: never early, in order, moved and switched off; `timeout`.

mod fixture;

use std::cell::RefCell;
use std::future::{pending, ready};
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use fixture::{DEADLINE, on_thread, run};
use futures_lite::future::poll_once;
use kevent_async::{TimedOut, Timer, block_on, sleep, spawn, timeout, yield_now};

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn it_never_fires_early() {
    run(|| async {
        for ms in [0, 1, 2, 5, 17, 30] {
            let start = Instant::now();
            sleep(ms * MS).await;
            assert!(start.elapsed() >= ms * MS);
        }
        let deadline = Instant::now() + 3 * MS;
        Timer::at(deadline).await;
        assert!(Instant::now() >= deadline);
    });
}

#[test]
fn a_deadline_that_has_passed_fires_at_once() {
    run(|| async {
        let now = Instant::now();
        Timer::at(now.checked_sub(MS).unwrap_or(now)).await;
        sleep(Duration::ZERO).await;
    });
}

#[test]
fn timers_fire_in_the_order_of_their_deadlines() {
    let order = run(|| async {
        let start = Instant::now();
        let order = Rc::new(RefCell::new(Vec::new()));
        let tasks = [3, 1, 4, 2, 0].map(|place| {
            let order = Rc::clone(&order);
            spawn(async move {
                Timer::at(start + place * 100 * MS).await;
                order.borrow_mut().push(place);
            })
        });
        for task in tasks {
            task.await;
        }
        order.take()
    });
    assert_eq!(order, [0, 1, 2, 3, 4]);
}

#[test]
fn each_of_many_timers_fires_and_none_early() {
    run(|| async {
        let start = Instant::now() + 20 * MS;
        let tasks: Vec<_> = (0..3000_u32)
            .map(|number| {
                let deadline = start + (number * 617 % 3000) * MS / 30;
                spawn(async move {
                    Timer::at(deadline).await;
                    assert!(Instant::now() >= deadline);
                })
            })
            .collect();
        for task in tasks {
            task.await;
        }
    });
}

#[test]
fn a_fired_timer_stays_ready_until_it_is_moved() {
    run(|| async {
        let mut timer = Timer::after(MS);
        (&mut timer).await;
        (&mut timer).await;
        timer.reset(HOUR);
        assert_eq!(poll_once(&mut timer).await, None);
    });
}

#[test]
fn a_postponed_timer_fires_at_its_new_time() {
    run(|| async {
        let start = Instant::now();
        let mut timer = Timer::after(5 * MS);
        assert_eq!(poll_once(&mut timer).await, None);
        // The knote is in the queue, with the old time.
        yield_now().await;
        timer.reset_at(start + 40 * MS);
        timer.await;
        assert!(start.elapsed() >= 40 * MS);
    });
}

#[test]
fn a_timer_moved_earlier_fires_earlier() {
    run(|| async {
        let start = Instant::now();
        let mut timer = Timer::after(HOUR);
        assert_eq!(poll_once(&mut timer).await, None);
        yield_now().await;
        timer.reset_at(start + 5 * MS);
        // The test's deadline is the proof.
        timer.await;
        assert!(start.elapsed() >= 5 * MS);
    });
}

#[test]
fn a_timer_is_used_again_and_again() {
    run(|| async {
        let mut timer = Timer::never();
        for _ in 0..20 {
            let start = Instant::now();
            timer.reset(MS);
            (&mut timer).await;
            assert!(start.elapsed() >= MS);
        }
    });
}

#[test]
fn a_timer_switched_off_does_not_fire() {
    run(|| async {
        let mut timer = Timer::after(5 * MS);
        assert_eq!(poll_once(&mut timer).await, None);
        yield_now().await;
        timer.clear();
        assert_eq!(timer.deadline(), None);
        // Its old knote has fired by the time that this one does.
        sleep(10 * MS).await;
        assert_eq!(poll_once(&mut timer).await, None);
        timer.reset(MS);
        timer.await;
    });
}

#[test]
fn a_time_beyond_all_times_is_never() {
    run(|| async {
        let mut timer = Timer::after(Duration::MAX);
        assert_eq!(timer.deadline(), None);
        assert_eq!(poll_once(&mut timer).await, None);
    });
}

#[test]
fn a_dropped_timers_slot_serves_the_next_one() {
    run(|| async {
        for _ in 0..100 {
            let start = Instant::now();
            let mut former = Timer::after(MS / 2);
            assert_eq!(poll_once(&mut former).await, None);
            yield_now().await;
            drop(former);
            sleep(MS).await;
            assert!(
                start.elapsed() >= MS,
                "the former timer's event reached the new one"
            );
        }
    });
}

#[test]
fn a_timer_goes_on_in_the_next_block_on() {
    on_thread(|| {
        let start = Instant::now();
        let mut timer = Timer::after(5 * MS);
        assert_eq!(block_on(poll_once(&mut timer)), None);
        block_on(timer);
        assert!(start.elapsed() >= 5 * MS);
    });
}

#[test]
fn a_future_that_is_ready_does_not_time_out() {
    run(|| async {
        assert_eq!(timeout(Duration::ZERO, ready(7)).await, Ok(7));
        assert_eq!(timeout(DEADLINE, sleep(MS)).await, Ok(()));
    });
}

#[test]
fn a_future_that_waits_too_long_times_out() {
    run(|| async {
        let start = Instant::now();
        assert_eq!(timeout(10 * MS, pending::<()>()).await, Err(TimedOut));
        assert!(start.elapsed() >= 10 * MS);
        assert_eq!(io::Error::from(TimedOut).kind(), io::ErrorKind::TimedOut);
    });
}
