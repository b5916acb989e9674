//! `Front`: the little that a case may ask of an implementation.
//!
//! An implementation is tried by writing these two traits for it and handing the result to
//! [`harness::main`](crate::harness::main).

use std::ffi::c_int;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::time::Duration;

use kevent::Kevent;

/// An implementation of kqueue(2).
pub trait Front: Sync {
    /// What it is called in reports.
    fn name(&self) -> &'static str;

    /// Makes a queue.
    ///
    /// # Errors
    /// As kqueue(2); `EINVAL` for an option that the implementation cannot give.
    fn open(&self, options: Options) -> io::Result<Box<dyn QueueFront>>;

    /// Whether the program ignores `signal`, as far as it can tell: the implementation may have
    /// put something of its own in place of that.
    fn is_ignored(&self, signal: c_int) -> bool;

    /// Why this implementation cannot say what the case with this id asks: its interface lacks
    /// an option or a field. The case is then reported as skipped for that reason. What an
    /// implementation does otherwise than the reference is no such reason.
    fn cannot(&self, id: &str) -> Option<&'static str> {
        let _ = id;
        None
    }
}

/// What a queue is made with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Take a socket's pending error out of it to report it exactly.
    pub exact_socket_errors: bool,
    /// At most so many timers.
    pub timers_max: Option<usize>,
    /// A copy of the queue in a forked child: `KQUEUE_CPONFORK`.
    pub copy_on_fork: bool,
}

/// One queue of an implementation; dropping it closes it.
pub trait QueueFront: Send + Sync {
    /// kevent(2): applies the changes, then waits for events. Writes events from the front of
    /// `eventlist` and returns how many; the rest of it stays as it was. `None` waits without
    /// limit.
    ///
    /// # Errors
    /// As kevent(2).
    fn kevent(
        &self,
        changelist: &[Kevent],
        eventlist: &mut [Kevent],
        timeout: Option<Duration>,
    ) -> io::Result<usize>;

    /// The queue's descriptor.
    fn fd(&self) -> BorrowedFd<'_>;

    /// Closes the queue for all its handles; waiters return `EBADF`.
    fn close(&self);

    /// Another handle to the same queue, as dup(2) makes one.
    ///
    /// # Errors
    /// As dup(2).
    fn try_clone(&self) -> io::Result<Box<dyn QueueFront>>;

    /// Says that the descriptor number `fd` is about to be closed. An implementation that sees
    /// close(2) by itself does nothing.
    fn forget_fd(&self, fd: RawFd);
}
