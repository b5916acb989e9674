//! All limits of this crate, each with its unit and reason.

use std::time::Duration;

/// Tasks run between two looks at the queue. A turn's kevent() costs about as much as a few short
/// tasks: at 64 it is noise, and an event still waits for no more than 64 of them.
pub(crate) const TASKS_PER_TURN: usize = 64;

/// Operations on ready sources that one poll of a task may do before it yields: a task whose peer
/// is always faster than it must not keep the thread to itself.
pub(crate) const OPERATIONS_PER_POLL: u32 = 128;

/// Events retrieved by one kevent(): 16 KiB of eventlist per thread.
pub(crate) const EVENTS_PER_WAIT: usize = 256;

/// Tasks waiting for the same direction of one source. One more wakes all of them, and those that
/// still want it come back; so wakers that nobody takes out cannot pile up.
pub(crate) const WAITERS_PER_DIRECTION: usize = 32;

/// Events retrieved at once from the queue of one source: 1 KiB of eventlist for each.
pub(crate) const NESTED_EVENTS: usize = 16;

/// How long a timer waits that the queue could not take (no descriptor left for its timerfd)
/// before it is tried again, and so how much too late it may fire.
pub(crate) const TIMER_RETRY: Duration = Duration::from_millis(50);

/// Threads that run blocking jobs, per process: disks profit from a few requests in flight, and
/// each thread costs a stack.
pub(crate) const BLOCKING_THREADS: usize = 4;

/// Blocking jobs that wait for a thread, per process. More wait in their callers.
pub(crate) const BLOCKING_QUEUE: usize = 256;

/// How long an idle thread for blocking jobs stays.
pub(crate) const BLOCKING_IDLE: Duration = Duration::from_secs(10);

/// Connections in a listener's backlog, as listen(2) takes it; the kernel lowers it to its own
/// limit (net.core.somaxconn).
pub(crate) const LISTEN_BACKLOG: i32 = 4096;

/// Bytes read at once for hyper, per thread: its own read buffer starts with 8 KiB.
#[cfg(feature = "hyper")]
pub(crate) const HYPER_READ_BYTES: usize = 16 * 1024;
