//! The executor: runs a thread's tasks, and lets the reactor wait when none can go on.
//!
//! A turn runs a limited number of tasks and then looks at the queue, so neither a long list of
//! ready tasks nor one that always reschedules itself keeps events from being seen. A waker used
//! on the thread puts its task at the end of the thread's list; used elsewhere, it puts it into a
//! list behind a lock, and rings the queue's bell (a user event) if it was the first one there.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use async_task::{Builder, Runnable, Task};
use kevent::TriggerHandle;
use parking_lot::Mutex;
use pin_project_lite::pin_project;
use slab::Slab;

use crate::limits;
use crate::local::{self, Local};

/// Runs `future` to its end on this thread, and meanwhile the thread's tasks.
///
/// Tasks that are left when it returns are cancelled: their futures are dropped before it
/// returns. So nothing that was spawned outlives it, except through a call inside a call: there
/// only the outermost one cancels. Sources and timers may outlive it, and go on in the next call.
///
/// # Panics
/// - if this thread has no queue yet and none can be made (no descriptor left): call
///   [`prepare`] first to handle that.
/// - if the queue fails: in a child process after fork(2), where it belongs to the parent.
/// - if `future` panics. A task that panics does not: see [`spawn`].
///
/// # Examples
/// ```
/// let answer = kevent_async::block_on(async { 6 * 7 });
/// assert_eq!(answer, 42);
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    match local::with(|local| local.executor.block_on(local, future)) {
        Ok(output) => output,
        Err(error) => panic!("no queue for this thread: {error}"),
    }
}

/// Makes this thread's queue now, if it is not there yet.
///
/// # Errors
/// - `EMFILE`, `ENFILE`: no descriptor left. A thread needs two, and one more for timers.
/// - `ENOMEM`: no memory.
pub fn prepare() -> io::Result<()> {
    local::with(|_| ())
}

/// Makes `future` a task of this thread, to be run by [`block_on`].
///
/// The future need not be `Send`, and never leaves the thread. It starts at the next turn, in the
/// order of spawning. Dropping the [`Task`] cancels it; `detach` lets it run by itself.
///
/// A panic inside it is reported by the panic hook and goes on in whoever awaits the `Task`; the
/// other tasks run on.
///
/// # Panics
/// As [`block_on`], if this thread has no queue yet and none can be made.
///
/// # Examples
/// ```
/// use kevent_async::{block_on, spawn};
///
/// let sum = block_on(async {
///     let a = spawn(async { 1 });
///     let b = spawn(async { 2 });
///     a.await + b.await
/// });
/// assert_eq!(sum, 3);
/// ```
pub fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    match local::with(|local| local.executor.spawn(future)) {
        Ok(task) => task,
        Err(error) => panic!("no queue for this thread: {error}"),
    }
}

/// Lets the other ready tasks run, and the queue be looked at, before this one goes on.
///
/// # Examples
/// ```
/// kevent_async::block_on(async {
///     for _ in 0..3 {
///         kevent_async::yield_now().await;
///     }
/// });
/// ```
pub fn yield_now() -> YieldNow {
    YieldNow { has_yielded: false }
}

/// The future of [`yield_now`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct YieldNow {
    has_yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.has_yielded {
            return Poll::Ready(());
        }
        self.has_yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// One thread's tasks.
pub(crate) struct Executor {
    /// Tasks that can go on.
    ready: RefCell<VecDeque<Runnable>>,
    /// All tasks whose futures are alive, so that they can be cancelled.
    alive: Rc<Alive>,
    remote: Arc<Remote>,
    /// How many calls of `block_on` are on the stack.
    depth: Cell<usize>,
}

type Alive = RefCell<Slab<Waker>>;

/// The part of an executor that other threads reach.
struct Remote {
    woken: Mutex<Vec<Runnable>>,
    bell: TriggerHandle,
}

impl Executor {
    pub(crate) fn new(bell: TriggerHandle) -> Self {
        Self {
            ready: RefCell::default(),
            alive: Rc::default(),
            remote: Arc::new(Remote {
                woken: Mutex::default(),
                bell,
            }),
            depth: Cell::new(0),
        }
    }

    fn block_on<F: Future>(&self, local: &Local, future: F) -> F::Output {
        let _call = Call::enter(self);
        let mut future = pin!(future);
        let outer = Arc::new(OuterWaker {
            is_woken: AtomicBool::new(true),
            remote: Arc::clone(&self.remote),
        });
        let waker = Waker::from(Arc::clone(&outer));
        let mut context = Context::from_waker(&waker);
        loop {
            // Acquires what the waker's thread wrote before it woke us.
            if outer.is_woken.swap(false, Ordering::Acquire) {
                local.reactor.refill_operations();
                if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                    return output;
                }
            }
            self.run_tasks(local);
            // Whoever wakes us from here on rings the bell, which ends the wait at once.
            let is_idle = self.ready.borrow().is_empty() && !outer.is_woken.load(Ordering::Acquire);
            match local
                .reactor
                .turn(if is_idle { None } else { Some(Duration::ZERO) })
            {
                Ok(true) => self.take_remote(),
                Ok(false) => {}
                Err(error) => panic!("this thread's queue failed: {error}"),
            }
        }
    }

    /// Runs the tasks that are ready, but no more than one turn's share.
    fn run_tasks(&self, local: &Local) {
        for _ in 0..limits::TASKS_PER_TURN {
            let Some(runnable) = self.next_ready() else {
                return;
            };
            local.reactor.refill_operations();
            runnable.run();
        }
    }

    fn next_ready(&self) -> Option<Runnable> {
        self.ready.borrow_mut().pop_front()
    }

    /// Takes over the tasks that other threads have woken.
    fn take_remote(&self) {
        let woken = std::mem::take(&mut *self.remote.woken.lock());
        self.ready.borrow_mut().extend(woken);
    }

    fn spawn<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let index = self.alive.borrow_mut().insert(Waker::noop().clone());
        let life = Life {
            alive: Rc::clone(&self.alive),
            index,
        };
        let future = Tracked { future, life };
        let remote = Arc::clone(&self.remote);
        let (runnable, task) = Builder::new()
            .propagate_panic(true)
            .spawn_local(move |()| future, move |runnable| remote.schedule(runnable));
        if let Some(waker) = self.alive.borrow_mut().get_mut(index) {
            *waker = runnable.waker();
        }
        runnable.schedule();
        task
    }

    /// Drops the futures of all tasks, and of those that their destructors spawn.
    fn cancel_all(&self) {
        while !self.alive.borrow().is_empty() {
            let wakers: Vec<_> = self
                .alive
                .borrow()
                .iter()
                .map(|(_, waker)| waker.clone())
                .collect();
            wakers.into_iter().for_each(Waker::wake);
            // Now each task is scheduled; dropping what was scheduled drops the future.
            self.take_remote();
            let mut has_dropped = false;
            while let Some(runnable) = self.next_ready() {
                drop(runnable);
                has_dropped = true;
            }
            if !has_dropped {
                // Another thread has marked a task as scheduled, and is about to hand it over.
                thread::yield_now();
            }
        }
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.cancel_all();
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("alive", &self.alive.borrow().len())
            .finish_non_exhaustive()
    }
}

impl Remote {
    /// A task can go on: the schedule function of every task.
    fn schedule(self: &Arc<Self>, runnable: Runnable) {
        let mut runnable = Some(runnable);
        self.with_own_executor(|executor| executor.ready.borrow_mut().extend(runnable.take()));
        let Some(runnable) = runnable else { return };
        let is_first = {
            let mut woken = self.woken.lock();
            woken.push(runnable);
            woken.len() == 1
        };
        // The thread takes the whole list when it hears the bell, so one ring is enough.
        if is_first {
            self.bell.trigger();
        }
    }

    /// Calls `act` if this is the executor's thread, and says so.
    fn with_own_executor(self: &Arc<Self>, act: impl FnOnce(&Executor)) -> bool {
        local::with_existing(|local| {
            let is_own = Arc::ptr_eq(self, &local.executor.remote);
            if is_own {
                act(&local.executor);
            }
            is_own
        })
        .unwrap_or(false)
    }
}

/// A call of `block_on` on the stack.
struct Call<'a> {
    executor: &'a Executor,
}

impl<'a> Call<'a> {
    fn enter(executor: &'a Executor) -> Self {
        executor.depth.set(executor.depth.get() + 1);
        Self { executor }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let depth = self.executor.depth.get() - 1;
        self.executor.depth.set(depth);
        if depth == 0 {
            self.executor.cancel_all();
        }
    }
}

/// Wakes the future that `block_on` was called with.
struct OuterWaker {
    is_woken: AtomicBool,
    remote: Arc<Remote>,
}

impl Wake for OuterWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Releases what this thread wrote to the one that polls the future.
        if !self.is_woken.swap(true, Ordering::AcqRel) && !self.remote.with_own_executor(|_| ()) {
            self.remote.bell.trigger();
        }
    }
}

pin_project! {
    /// A task's future, listed among the living while it exists.
    struct Tracked<F> {
        #[pin]
        future: F,
        life: Life,
    }
}

impl<F: Future> Future for Tracked<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(context)
    }
}

/// An entry in the list of living tasks.
struct Life {
    alive: Rc<Alive>,
    index: usize,
}

impl Drop for Life {
    fn drop(&mut self) {
        let waker = self.alive.borrow_mut().try_remove(self.index);
        // Only now, when the list is no longer borrowed.
        drop(waker);
    }
}
