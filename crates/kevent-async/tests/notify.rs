//! `Notify`: wake-ups from other threads.

mod fixture;

use std::rc::Rc;
use std::sync::mpsc::channel;
use std::thread;

use fixture::run;
use futures_lite::future::poll_once;
use kevent_async::{Notify, sleep, spawn, yield_now};

#[test]
fn another_thread_wakes_this_one() {
    run(|| async {
        let notify = Notify::new().unwrap();
        let (sender, receiver) = channel();
        let notifier = notify.notifier();
        let other = thread::spawn(move || {
            for () in receiver {
                notifier.notify();
            }
        });
        for _ in 0..2000 {
            sender.send(()).unwrap();
            notify.notified().await;
        }
        drop(sender);
        other.join().unwrap();
    });
}

#[test]
fn a_notification_is_kept_until_somebody_waits() {
    run(|| async {
        let notify = Notify::new().unwrap();
        let notifier = notify.notifier();
        thread::spawn(move || notifier.notify()).join().unwrap();
        notify.notified().await;
    });
}

#[test]
fn several_notifications_are_one() {
    run(|| async {
        let notify = Notify::new().unwrap();
        for _ in 0..5 {
            notify.notifier().notify();
        }
        notify.notified().await;
        yield_now().await;
        assert!(!notify.try_notified());
        assert_eq!(poll_once(notify.notified()).await, None);
    });
}

#[test]
fn each_has_its_own() {
    run(|| async {
        let all: Vec<_> = (0..100).map(|_| Notify::new().unwrap()).collect();
        let handles: Vec<_> = all.iter().step_by(2).map(Notify::notifier).collect();
        thread::spawn(move || handles.iter().for_each(kevent_async::Notifier::notify))
            .join()
            .unwrap();
        for (index, notify) in all.iter().enumerate() {
            if index % 2 == 0 {
                notify.notified().await;
            }
        }
        yield_now().await;
        assert!(
            all.iter()
                .skip(1)
                .step_by(2)
                .all(|notify| !notify.try_notified())
        );
    });
}

#[test]
fn of_several_tasks_that_wait_one_gets_it() {
    run(|| async {
        let notify = Rc::new(Notify::new().unwrap());
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let notify = Rc::clone(&notify);
                spawn(async move { notify.notified().await })
            })
            .collect();
        for count in 1..=3 {
            notify.notifier().notify();
            while tasks.iter().filter(|task| task.is_finished()).count() < count {
                yield_now().await;
            }
            yield_now().await;
            assert_eq!(
                tasks.iter().filter(|task| task.is_finished()).count(),
                count
            );
        }
    });
}

#[test]
fn a_notifier_left_behind_does_nothing() {
    run(|| async {
        let former = Notify::new().unwrap();
        let notifier = former.notifier();
        drop(former);
        // In the same slot.
        let present = Notify::new().unwrap();
        notifier.notify();
        sleep(std::time::Duration::from_millis(5)).await;
        assert!(!present.try_notified());
        present.notifier().notify();
        present.notified().await;
    });
}

#[test]
fn a_notifier_outlives_its_thread() {
    let notifier = run(|| async { Notify::new().unwrap().notifier() });
    notifier.notify();
}
