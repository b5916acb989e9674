//! Whether what interrupted a wait was a signal that the program ignores.
//!
//! Our handler interrupts a wait (`EINTR`) even for a signal that the program ignores, which on
//! BSD would not be noticed. So a thread leaves a mark before it waits, and the handler, which
//! runs in that thread, notes on the mark what it did. The mark of a thread is the address of
//! its errno, the one thing of a thread's own that a handler may always ask for.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// So many threads may wait at a time; one more sees every interruption.
const MARKS: usize = 64;

struct Mark {
    /// 0: free.
    thread: AtomicUsize,
    ignored: AtomicU32,
    handled: AtomicU32,
}

static WAITING: [Mark; MARKS] = [const {
    Mark {
        thread: AtomicUsize::new(0),
        ignored: AtomicU32::new(0),
        handled: AtomicU32::new(0),
    }
}; MARKS];

/// The signals for which our handler stands where the program wants nothing done, one bit each.
static ALONE: AtomicU64 = AtomicU64::new(0);

/// Says whether our handler stands alone for a signal.
pub(super) fn set_alone(signal: i32, is_alone: bool) {
    let bit = 1_u64 << (signal.cast_unsigned().wrapping_sub(1) & 63);
    if is_alone {
        ALONE.fetch_or(bit, Ordering::AcqRel);
    } else {
        ALONE.fetch_and(!bit, Ordering::AcqRel);
    }
}

/// From the handler: this thread was interrupted. A mark may have stayed behind from a thread
/// that a fork did not copy, so all that carry the thread's address are noted.
pub(super) fn interrupted(thread: usize, is_ignored: bool) {
    for mark in &WAITING {
        if mark.thread.load(Ordering::Acquire) == thread {
            let noted = if is_ignored {
                &mark.ignored
            } else {
                &mark.handled
            };
            noted.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// A thread that is about to wait.
#[derive(Debug)]
pub struct Wait(Option<&'static Mark>);

impl Wait {
    /// Leaves a mark, if there is any signal that could interrupt for nothing.
    #[inline]
    #[must_use]
    pub fn begin() -> Self {
        if ALONE.load(Ordering::Relaxed) == 0 {
            Self(None)
        } else {
            Self::mark()
        }
    }

    #[cold]
    fn mark() -> Self {
        // SAFETY: takes no argument.
        let thread = unsafe { libc::__errno_location() } as usize;
        let is_taken = |mark: &&'static Mark| {
            mark.thread
                .compare_exchange(0, thread, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
        };
        let mark = WAITING.iter().find(is_taken);
        if let Some(mark) = mark {
            mark.ignored.store(0, Ordering::Release);
            mark.handled.store(0, Ordering::Release);
        }
        Self(mark)
    }

    /// Whether this wait was interrupted by ignored signals and by no other that is counted.
    #[must_use]
    pub fn was_for_nothing(&self) -> bool {
        self.0.is_some_and(|mark| {
            mark.ignored.load(Ordering::Acquire) > 0 && mark.handled.load(Ordering::Acquire) == 0
        })
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(mark) = self.0 {
            mark.thread.store(0, Ordering::Release);
        }
    }
}

impl std::fmt::Debug for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mark").finish_non_exhaustive()
    }
}
