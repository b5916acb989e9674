//! The executor: order, fairness, cancellation, panics, wakers on other threads.

mod fixture;

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::task::{Poll, Waker};
use std::thread;

use fixture::{on_thread, run};
use futures_lite::FutureExt;
use kevent_async::{Notify, UnixStream, block_on, spawn, yield_now};
use parking_lot::Mutex;

/// Says so when it is dropped.
struct Tell(Rc<Cell<bool>>);

impl Drop for Tell {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

#[test]
fn tasks_start_in_the_order_of_spawning() {
    let order = run(|| async {
        let order = Rc::new(RefCell::new(Vec::new()));
        let tasks: Vec<_> = (0..200)
            .map(|number| {
                let order = Rc::clone(&order);
                spawn(async move { order.borrow_mut().push(number) })
            })
            .collect();
        for task in tasks {
            task.await;
        }
        order.take()
    });
    assert_eq!(order, (0..200).collect::<Vec<_>>());
}

#[test]
fn yield_now_lets_the_others_run_first() {
    let order = run(|| async {
        let order = Rc::new(RefCell::new(Vec::new()));
        let step = |name: &'static str| {
            let order = Rc::clone(&order);
            async move {
                for round in 0..2 {
                    order.borrow_mut().push((name, round));
                    yield_now().await;
                }
            }
        };
        let (a, b) = (spawn(step("a")), spawn(step("b")));
        a.await;
        b.await;
        order.take()
    });
    assert_eq!(order, [("a", 0), ("b", 0), ("a", 1), ("b", 1)]);
}

#[test]
fn dropping_a_task_drops_its_future() {
    run(|| async {
        let is_dropped = Rc::new(Cell::new(false));
        let tell = Tell(Rc::clone(&is_dropped));
        let task = spawn(async move {
            let _tell = tell;
            pending::<()>().await;
        });
        yield_now().await;
        assert!(!is_dropped.get());
        drop(task);
        while !is_dropped.get() {
            yield_now().await;
        }
    });
}

#[test]
fn a_detached_task_runs() {
    run(|| async {
        let notify = Rc::new(Notify::new().unwrap());
        let notifier = notify.notifier();
        spawn(async move { notifier.notify() }).detach();
        notify.notified().await;
    });
}

#[test]
fn what_is_left_is_cancelled_when_block_on_returns() {
    on_thread(|| {
        let is_dropped = Rc::new(Cell::new(false));
        let tell = Tell(Rc::clone(&is_dropped));
        block_on(async {
            spawn(async move {
                let _tell = tell;
                pending::<()>().await;
            })
            .detach();
        });
        assert!(is_dropped.get());
    });
}

#[test]
fn a_destructor_of_a_cancelled_task_may_spawn() {
    struct Spawn(Option<Tell>);
    impl Drop for Spawn {
        fn drop(&mut self) {
            let tell = self.0.take();
            spawn(async move {
                let _tell = tell;
                pending::<()>().await;
            })
            .detach();
        }
    }
    on_thread(|| {
        let is_dropped = Rc::new(Cell::new(false));
        let spawner = Spawn(Some(Tell(Rc::clone(&is_dropped))));
        block_on(async {
            spawn(async move {
                let _spawner = spawner;
                pending::<()>().await;
            })
            .detach();
        });
        assert!(is_dropped.get());
    });
}

#[test]
fn a_thread_may_end_with_tasks_that_never_ran() {
    let count = Arc::new(());
    let inner = Arc::clone(&count);
    on_thread(move || {
        spawn(async move { drop(inner) }).detach();
    });
    // The thread's own values are dropped a little after it has sent its answer.
    while Arc::strong_count(&count) > 1 {
        thread::yield_now();
    }
}

#[test]
fn block_on_in_a_task_runs_the_other_tasks() {
    let sum = run(|| async {
        let other = spawn(async { 1 });
        let nested = spawn(async { block_on(async { other.await + 2 }) });
        nested.await + spawn(async { 4 }).await
    });
    assert_eq!(sum, 7);
}

#[test]
fn a_task_that_always_reschedules_itself_does_not_starve_io() {
    run(|| async {
        let busy = spawn(async {
            loop {
                yield_now().await;
            }
        });
        let (mut stream, peer) = UnixStream::pair().unwrap();
        let writer = thread::spawn({
            let peer = peer.into_std();
            move || std::io::Write::write(&mut &peer, b"x")
        });
        let mut byte = [0];
        futures_lite::AsyncReadExt::read_exact(&mut stream, &mut byte)
            .await
            .unwrap();
        assert_eq!(writer.join().unwrap().unwrap(), 1);
        drop(busy);
    });
}

#[test]
fn a_task_whose_source_is_always_ready_does_not_starve_the_others() {
    run(|| async {
        let (stream, _peer) = UnixStream::pair().unwrap();
        let busy = spawn(async move {
            loop {
                stream.writable().await.unwrap();
            }
        });
        spawn(async { 1 }).await;
        drop(busy);
    });
}

#[test]
fn a_tasks_panic_goes_on_in_whoever_awaits_it() {
    let message = run(|| async {
        let task = spawn(async { panic!("one task only") });
        let other = spawn(async { 7 });
        let panic = AssertUnwindSafe(task)
            .catch_unwind()
            .await
            .expect_err("a panic");
        assert_eq!(other.await, 7);
        *panic.downcast::<&str>().expect("a message")
    });
    assert_eq!(message, "one task only");
}

#[test]
fn a_waker_used_on_another_thread_ends_the_wait() {
    run(|| async {
        let (sender, receiver) = channel::<(Waker, Arc<AtomicUsize>)>();
        let waking = thread::spawn(move || {
            for (waker, state) in receiver {
                state.store(1, Ordering::Release);
                waker.wake();
            }
        });
        for _ in 0..2000 {
            let state = Arc::new(AtomicUsize::new(0));
            let mut is_asked = false;
            poll_fn(|context| {
                if state.load(Ordering::Acquire) == 1 {
                    return Poll::Ready(());
                }
                if !is_asked {
                    is_asked = true;
                    sender
                        .send((context.waker().clone(), Arc::clone(&state)))
                        .unwrap();
                }
                Poll::Pending
            })
            .await;
        }
        drop(sender);
        waking.join().unwrap();
    });
}

/// A counter that other threads raise, and that tasks wait for.
#[derive(Default)]
struct Counter(Mutex<(usize, Option<Waker>)>);

impl Counter {
    fn raise(&self) {
        let waker = {
            let mut state = self.0.lock();
            state.0 += 1;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    async fn reaches(&self, count: usize) {
        poll_fn(|context| {
            let mut state = self.0.lock();
            if state.0 >= count {
                return Poll::Ready(());
            }
            state.1 = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

#[test]
fn no_wake_up_of_many_threads_and_tasks_is_lost() {
    const THREADS: usize = 4;
    const TASKS: usize = 8;
    const ROUNDS: usize = 2000;
    run(|| async {
        let counters: Arc<Vec<Counter>> =
            Arc::new((0..TASKS).map(|_| Counter::default()).collect());
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let counters = Arc::clone(&counters);
                thread::spawn(move || {
                    for _ in 0..ROUNDS {
                        counters.iter().for_each(Counter::raise);
                    }
                })
            })
            .collect();
        let tasks: Vec<_> = (0..TASKS)
            .map(|index| {
                let counters = Arc::clone(&counters);
                spawn(async move { counters[index].reaches(THREADS * ROUNDS).await })
            })
            .collect();
        for task in tasks {
            task.await;
        }
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_waker_that_outlives_the_executor_does_no_harm() {
    let (sender, receiver) = channel();
    on_thread(move || {
        block_on(async {
            spawn(poll_fn(move |context| {
                sender.send(context.waker().clone()).unwrap();
                Poll::<()>::Pending
            }))
            .detach();
            yield_now().await;
        });
    });
    let waker: Waker = receiver.recv().unwrap();
    waker.wake_by_ref();
    drop(waker);
}
