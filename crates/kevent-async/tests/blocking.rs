//! `spawn_blocking`: results, limits, panics, cancellation.

mod fixture;

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use fixture::run;
use futures_lite::FutureExt;
use kevent_async::{spawn, spawn_blocking};

/// The pool is the process's, so the tests take turns.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[test]
fn the_result_comes_back_from_another_thread() {
    let _alone = alone();
    run(|| async {
        let here = thread::current().id();
        let (there, sum) = spawn_blocking(|| (thread::current().id(), 1 + 2)).await;
        assert_ne!(here, there);
        assert_eq!(sum, 3);
    });
}

#[test]
fn all_of_many_jobs_are_done_and_no_more_than_four_at_a_time() {
    const JOBS: usize = 2000;
    let _alone = alone();
    run(|| async {
        let running = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..JOBS)
            .map(|number| {
                let (running, most) = (Arc::clone(&running), Arc::clone(&most));
                spawn(spawn_blocking(move || {
                    let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    thread::yield_now();
                    running.fetch_sub(1, Ordering::SeqCst);
                    number
                }))
            })
            .collect();
        for (number, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await, number);
        }
        assert!(most.load(Ordering::SeqCst) <= 4);
    });
}

#[test]
fn four_jobs_run_at_a_time() {
    let _alone = alone();
    run(|| async {
        let barrier = Arc::new(std::sync::Barrier::new(4));
        let jobs: Vec<_> = (0..4)
            .map(|_| {
                let barrier = Arc::clone(&barrier);
                spawn_blocking(move || barrier.wait().is_leader())
            })
            .collect();
        let mut leaders = 0;
        for job in jobs {
            leaders += usize::from(job.await);
        }
        assert_eq!(leaders, 1);
    });
}

#[test]
fn a_panic_goes_on_in_whoever_awaits_it() {
    let _alone = alone();
    run(|| async {
        let job = spawn_blocking(|| panic!("this job"));
        let panic = AssertUnwindSafe(job)
            .catch_unwind()
            .await
            .expect_err("a panic");
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"this job"));
        assert_eq!(spawn_blocking(|| 7).await, 7, "the pool goes on");
    });
}

#[test]
fn a_dropped_job_that_has_not_begun_never_runs() {
    let _alone = alone();
    run(|| async {
        // All threads are busy until the sender goes.
        let (sender, receiver) = channel::<()>();
        let receiver = Arc::new(Mutex::new(receiver));
        let busy: Vec<_> = (0..4)
            .map(|_| {
                let receiver = Arc::clone(&receiver);
                spawn_blocking(move || receiver.lock().unwrap().recv().is_err())
            })
            .collect();
        let count = Arc::new(AtomicUsize::new(0));
        let queued: Vec<_> = (0..300)
            .map(|_| {
                let count = Arc::clone(&count);
                spawn_blocking(move || count.fetch_add(1, Ordering::SeqCst))
            })
            .collect();
        let last = spawn(spawn_blocking(|| ()));
        drop(queued);
        drop(sender);
        for job in busy {
            assert!(job.await);
        }
        last.await;
        assert_eq!(count.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_job_waits_for_room_though_others_before_it_have_given_up() {
    let _alone = alone();
    run(|| async {
        let (sender, receiver) = channel::<()>();
        let receiver = Arc::new(Mutex::new(receiver));
        let block = || {
            let receiver = Arc::clone(&receiver);
            spawn_blocking(move || receiver.lock().unwrap().recv().is_err())
        };
        let busy: Vec<_> = (0..4 + 256).map(|_| block()).collect();
        let givers_up: Vec<_> = (0..600).map(|_| spawn(block())).collect();
        let last = spawn(block());
        // So that all of them have found the queue full.
        kevent_async::yield_now().await;
        for _ in 0..20 {
            kevent_async::yield_now().await;
        }
        drop(givers_up);
        drop(sender);
        assert!(last.await);
        for job in busy {
            assert!(job.await);
        }
    });
}
