//! Calls of the C library that close descriptors, duplicate queues or change a signal's action:
//! seen on their way, so that a closed descriptor takes its knotes along as on BSD.
//!
//! Each is forwarded untouched when the descriptor or signal is none of ours, and in a process
//! that shares our memory but is not ours (vfork). `KQUEUE_INTERPOSE=0` switches it off: then a
//! program deletes its knotes itself.

pub(crate) mod descriptor;
pub(crate) mod queue;
pub(crate) mod range;

use std::sync::atomic::{AtomicU8, Ordering};

const UNKNOWN: u8 = 0;
const ON: u8 = 1;
const OFF: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);

/// Whether the program's calls are looked at.
pub(crate) fn is_on() -> bool {
    match STATE.load(Ordering::Relaxed) {
        ON => true,
        OFF => false,
        _ => ask(),
    }
}

#[cold]
fn ask() -> bool {
    let is_off = crate::sys::environment::is(c"KQUEUE_INTERPOSE", "0");
    STATE.store(if is_off { OFF } else { ON }, Ordering::Relaxed);
    !is_off
}
