//! `Home`: a thread that triggers what it will wait for itself needs no system call.
//!
//! As long as one thread alone has ever waited in a queue, and nobody has been given the queue's
//! descriptor to look at, that thread is the only one that could notice whether the descriptor is
//! readable; and while it is not inside a call, it will look before it sleeps. So what it rings is
//! noted here, *unheard*, and its next call begins with a look.
//!
//! Everybody else comes by [`Home::enter`] or [`Home::open`] first, which makes the queue the
//! home of nobody, for good, and then looks for what is unheard. Who rings notes first and then
//! looks whose home it is. A fence between the two steps on either side makes sure that at least
//! one of the two sees the other.
//!
//! A signal handler of the thread itself may ring at any point of a call: `is_inside` sends it to
//! the kernel, which the handler's interruption of the wait would not replace.

use std::sync::atomic::compiler_fence;

use super::atomic::{AtomicBool, AtomicUsize, Ordering, fence};

/// Nobody has waited yet.
const NOBODY: usize = 0;
/// Several threads wait, or somebody may look at the descriptor.
const MANY: usize = usize::MAX;

/// Whose home a queue is.
#[derive(Debug)]
pub(crate) struct Home {
    /// The mark of the one thread that has waited, or [`NOBODY`] or [`MANY`].
    thread: AtomicUsize,
    /// That thread is inside a call.
    is_inside: AtomicBool,
    /// Something is pending of which the kernel was not told.
    is_unheard: AtomicBool,
}

/// A number that is this thread's as long as it lives; neither 0 nor the largest.
#[inline]
pub(crate) fn mark() -> usize {
    thread_local! {
        static MARK: u8 = const { 0 };
    }
    MARK.with(|mark| std::ptr::from_ref(mark).addr())
}

impl Home {
    pub(crate) fn new() -> Self {
        Self {
            thread: AtomicUsize::new(NOBODY),
            is_inside: AtomicBool::new(false),
            is_unheard: AtomicBool::new(false),
        }
    }

    /// A thread begins a call in which it may wait. Look for what is unheard after this.
    #[inline]
    pub(crate) fn enter(&self, thread: usize) -> Stay<'_> {
        let home = self.thread.load(Ordering::Relaxed);
        if home == MANY || (home != thread && !self.claim(thread)) {
            return Stay(None);
        }
        if self.is_inside.load(Ordering::Relaxed) {
            // A call out of a signal handler: the one it interrupted is still under way after it.
            return Stay(None);
        }
        self.is_inside.store(true, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        Stay(Some(self))
    }

    /// The first one to come has it for its home; the next one takes it away.
    #[cold]
    fn claim(&self, thread: usize) -> bool {
        let claimed =
            self.thread
                .compare_exchange(NOBODY, thread, Ordering::AcqRel, Ordering::Acquire);
        if claimed.is_ok() {
            return true;
        }
        self.open();
        false
    }

    /// From now on the kernel is told of everything. True if there is something unheard, of which
    /// it is to be told now.
    #[inline]
    pub(crate) fn open(&self) -> bool {
        if self.thread.load(Ordering::Relaxed) == MANY {
            return false;
        }
        self.thread.swap(MANY, Ordering::AcqRel);
        fence(Ordering::SeqCst);
        self.is_unheard()
    }

    /// Something is pending: true if this thread is at home here and outside of every call, so
    /// that it need not tell the kernel. Async-signal-safe.
    #[inline]
    pub(crate) fn keep(&self, thread: usize) -> bool {
        self.thread.load(Ordering::Relaxed) == thread
            && !self.is_inside.load(Ordering::Relaxed)
            && self.keep_inside(thread)
    }

    /// The same at the end of a call, with the queue's lock held: the thread will not sleep before
    /// it looks again.
    #[inline]
    pub(crate) fn keep_inside(&self, thread: usize) -> bool {
        if self.thread.load(Ordering::Relaxed) != thread {
            return false;
        }
        self.is_unheard.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        self.thread.load(Ordering::Relaxed) == thread
    }

    /// Whether something is pending of which the kernel was not told.
    #[inline]
    pub(crate) fn is_unheard(&self) -> bool {
        self.is_unheard.load(Ordering::Relaxed)
    }

    /// Everything pending is about to be looked at.
    #[inline]
    pub(crate) fn heard(&self) {
        if self.is_unheard.load(Ordering::Relaxed) {
            self.is_unheard.swap(false, Ordering::AcqRel);
        }
    }
}

/// A thread's stay in a call.
#[derive(Debug, Default)]
#[must_use = "the thread is inside until this is dropped"]
pub(crate) struct Stay<'a>(Option<&'a Home>);

impl Drop for Stay<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(home) = self.0 {
            compiler_fence(Ordering::SeqCst);
            home.is_inside.store(false, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_what_it_rings_between_its_own_calls_only() {
        let home = Home::new();
        let (here, elsewhere) = (1, 2);
        assert!(!home.keep(here), "it has not waited yet");
        drop(home.enter(here));
        assert!(home.keep(here) && home.is_unheard());
        home.heard();
        assert!(!home.is_unheard());
        assert!(!home.keep(elsewhere) && !home.is_unheard());
        let stay = home.enter(here);
        assert!(!home.keep(here) && !home.is_unheard(), "a signal handler");
        drop(home.enter(here));
        assert!(!home.keep(here), "the outer call goes on");
        drop(stay);
        assert!(home.keep(here));
        drop(home.enter(elsewhere));
        assert!(home.is_unheard(), "who comes next finds it");
        assert!(!home.keep(here) && !home.keep(elsewhere));
    }

    #[test]
    fn an_open_queue_keeps_nothing() {
        let home = Home::new();
        drop(home.enter(1));
        assert!(home.keep(1));
        assert!(home.open(), "the kernel is to be told now");
        assert!(!home.open(), "and was");
        assert!(!home.keep(1));
    }

    #[test]
    fn threads_have_different_marks() {
        let here = mark();
        assert_eq!(here, mark());
        assert_ne!(std::thread::spawn(mark).join().unwrap(), here);
        assert!(here != NOBODY && here != MANY);
    }
}
