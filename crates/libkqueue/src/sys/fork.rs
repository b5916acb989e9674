//! fork(2): whose memory this is, and what a child does first.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

use kevent::binding::{self, process_epoch};

use crate::seat;

/// The process whose memory this is. A child of vfork(2) reads its parent's number here.
static OWNER: AtomicI32 = AtomicI32::new(0);

/// The same as the engine counts processes. A child of vfork(2) has its parent's.
static EPOCH: AtomicU32 = AtomicU32::new(0);

/// The handler is registered, or about to be.
static WATCHED: AtomicBool = AtomicBool::new(false);

/// When the library is loaded, and before each queue: sees to it that a child gives the parent's
/// queues up. Nobody waits here for another thread, which a child may not have.
pub(crate) fn watch() {
    if !WATCHED.swap(true, Ordering::AcqRel) {
        own();
        super::interposed::signal::stand_before();
        // SAFETY: the handler is a function that does only what a signal handler may.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    }
    match EPOCH.load(Ordering::Acquire) {
        // Another thread is about to say so.
        0 => own(),
        here if here == process_epoch() => {}
        // A child by a raw clone(2) has not called its handlers.
        _ => in_child(),
    }
}

fn own() {
    EPOCH.store(process_epoch(), Ordering::Release);
    OWNER.store(process(), Ordering::Release);
}

/// Whether this is the process whose memory it runs in.
pub(crate) fn is_ours() -> bool {
    OWNER.load(Ordering::Acquire) == process()
}

fn process() -> i32 {
    // By number: a libc may remember what getpid(3) said before a raw clone(2).
    // SAFETY: takes no argument.
    let id = unsafe { libc::syscall(libc::SYS_getpid) };
    i32::try_from(id).unwrap_or(0)
}

/// A kqueue is not inherited by a child: its number is free there, and nobody watches anything.
/// Calls what a signal handler may call, and nothing else: what other threads of the parent were
/// doing stands still for ever, a lock of theirs too.
extern "C" fn in_child() {
    seat::abandon_all(super::number::close);
    binding::forget_all(super::number::close);
    binding::put_dispositions_back();
    own();
}
