//! `spawn_blocking`: work that would block goes to a small pool of threads.
//!
//! One pool per process. A job is a task of `async-task` whose executor is the pool: so waiting
//! for it, cancelling it and its panics are those of every task, and its result comes back
//! through the waker, which rings the bell of the thread that waits.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::thread;

use async_task::{Builder, Runnable, Task};
use parking_lot::{Condvar, Mutex};

use crate::limits;

/// Runs `job` on another thread, and gives its result to whoever awaits the [`Blocking`].
///
/// A process runs at most 4 jobs at a time, on threads named `kevent-blocking` that this function
/// starts as they are needed, and that end after 10 s without work. 256 more wait in a queue; a
/// job beyond that waits in its `Blocking`, and enters the queue when that is polled and there is
/// room. If the system refuses even the first thread, the job runs on the calling one.
///
/// Dropping the `Blocking` cancels a job that has not begun; one that runs ends by itself, and
/// its result is dropped. A panic of the job goes on in whoever awaits it.
///
/// # Examples
/// ```
/// use kevent_async::{block_on, spawn_blocking};
///
/// let bytes = block_on(spawn_blocking(|| std::fs::read("/dev/null")))?;
/// assert!(bytes.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn spawn_blocking<T, J>(job: J) -> Blocking<T>
where
    T: Send + 'static,
    J: FnOnce() -> T + Send + 'static,
{
    // A job never waits for anything, so it is scheduled here and not again.
    let (runnable, task) = Builder::new()
        .propagate_panic(true)
        .spawn(move |()| async move { job() }, drop);
    let waiting = POOL.push(runnable, None).err();
    Blocking { task, waiting }
}

/// The result of a job on another thread: the future of [`spawn_blocking`].
#[must_use = "dropping it cancels the job if it has not begun"]
pub struct Blocking<T> {
    task: Task<T>,
    /// The job, while there is no room for it in the queue.
    waiting: Option<Runnable>,
}

impl<T> Blocking<T> {
    /// Whether the job has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

impl<T> Future for Blocking<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        if let Some(runnable) = self.waiting.take() {
            self.waiting = POOL.push(runnable, Some(context.waker())).err();
        }
        // Registers the waker also for a job still waiting, which costs little.
        Pin::new(&mut self.task).poll(context)
    }
}

impl<T> fmt::Debug for Blocking<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocking")
            .field("is_finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

/// The threads and their queue.
struct Pool {
    state: Mutex<State>,
    /// There is a job, for a thread that is idle.
    job_came: Condvar,
}

struct State {
    jobs: VecDeque<Runnable>,
    /// Tasks whose jobs found no room.
    waiting: VecDeque<Waker>,
    thread_count: usize,
    idle_count: usize,
}

impl State {
    /// Those to wake because a job has left the queue: one, who takes its room. All when the
    /// queue is empty, since some of those woken before may have given up.
    fn take_woken(&mut self) -> VecDeque<Waker> {
        if self.jobs.is_empty() {
            return std::mem::take(&mut self.waiting);
        }
        self.waiting.pop_front().into_iter().collect()
    }
}

static POOL: Pool = Pool {
    state: Mutex::new(State {
        jobs: VecDeque::new(),
        waiting: VecDeque::new(),
        thread_count: 0,
        idle_count: 0,
    }),
    job_came: Condvar::new(),
};

impl Pool {
    /// Queues a job if there is room, and sees to it that a thread takes it. Else gives it back,
    /// and keeps the waker for when there is room.
    fn push(&'static self, job: Runnable, waker: Option<&Waker>) -> Result<(), Runnable> {
        let mut state = self.state.lock();
        if state.jobs.len() >= limits::BLOCKING_QUEUE {
            if let Some(waker) = waker
                && !state.waiting.iter().any(|other| other.will_wake(waker))
            {
                state.waiting.push_back(waker.clone());
            }
            return Err(job);
        }
        state.jobs.push_back(job);
        if state.idle_count >= state.jobs.len() {
            self.job_came.notify_one();
        } else if state.thread_count < limits::BLOCKING_THREADS {
            state.thread_count += 1;
            drop(state);
            self.start_thread();
        }
        Ok(())
    }

    fn start_thread(&'static self) {
        let name = "kevent-blocking".to_owned();
        if thread::Builder::new()
            .name(name)
            .spawn(|| self.work())
            .is_ok()
        {
            return;
        }
        let mut state = self.state.lock();
        state.thread_count -= 1;
        // With no thread at all nobody would ever take the job.
        let job = if state.thread_count == 0 {
            state.jobs.pop_back()
        } else {
            None
        };
        drop(state);
        if let Some(job) = job {
            job.run();
        }
    }

    /// One thread: takes jobs until none comes for a while.
    fn work(&self) {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                let woken = state.take_woken();
                drop(state);
                woken.into_iter().for_each(Waker::wake);
                // A panic of the job is caught and kept for whoever awaits it.
                job.run();
                state = self.state.lock();
                continue;
            }
            state.idle_count += 1;
            let is_late = self
                .job_came
                .wait_for(&mut state, limits::BLOCKING_IDLE)
                .timed_out();
            state.idle_count -= 1;
            if is_late && state.jobs.is_empty() {
                state.thread_count -= 1;
                return;
            }
        }
    }
}
