//! `Turn`: one at a time changes what is done at signals, and who counts them.
//!
//! A signal handler may call sigaction(2), so whoever has the turn has every signal blocked: it is
//! never interrupted by somebody who wants it too. The turn says which process took it, since a
//! fork may copy one that a thread of the parent had, and the counts are that process's too.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::fork;
use super::NUMBERS;

/// The process in the upper half (`fork::epoch`), [`TAKEN`] in the lower.
static TURN: AtomicU64 = AtomicU64::new(0);
const TAKEN: u64 = 1;

/// The signals that are counted, one bit each. A child has its parent's until its first turn.
static COUNTED: AtomicU64 = AtomicU64::new(0);

struct Counters(UnsafeCell<[u32; NUMBERS]>);

// SAFETY: only who has the turn touches them.
unsafe impl Sync for Counters {}

/// How many knotes count each signal.
static COUNTERS: Counters = Counters(UnsafeCell::new([0; NUMBERS]));

/// The turn, with every signal blocked in this thread.
pub(super) struct Turn {
    before: libc::sigset_t,
}

/// Whether a knote may count this signal. Takes no turn.
#[inline]
pub(super) fn is_counted(signal: i32) -> bool {
    COUNTED.load(Ordering::Acquire) & bit(signal) != 0
}

/// In a forked child, before its first turn: nothing is counted; returns what was.
pub(super) fn forget_counted() -> u64 {
    COUNTED.swap(0, Ordering::AcqRel)
}

impl Turn {
    /// Waits for it.
    pub(super) fn begin() -> Self {
        let before = block_all();
        let here = u64::from(fork::epoch()) << 32;
        let mut looks = 0_u32;
        loop {
            let last = TURN.load(Ordering::Acquire);
            let is_free = last != here | TAKEN;
            if is_free
                && TURN
                    .compare_exchange(last, here | TAKEN, Ordering::AcqRel, Ordering::Relaxed)
                    .is_ok()
            {
                let turn = Self { before };
                if last != here {
                    turn.count_nothing();
                }
                return turn;
            }
            looks += 1;
            give_way(looks);
        }
    }

    /// How many knotes count a signal.
    #[expect(
        clippy::mut_from_ref,
        reason = "the turn is one, and nobody asks for a second count while it has the first"
    )]
    pub(super) fn count(&self, signal: i32) -> Option<&mut u32> {
        // SAFETY: the turn is this thread's, and each caller is done with the count before it asks
        // for the next.
        let counters = unsafe { &mut *COUNTERS.0.get() };
        counters.get_mut(usize::try_from(signal).ok()?)
    }

    /// Notes whether a signal is counted.
    #[expect(clippy::unused_self, reason = "who has no turn must not")]
    pub(super) fn set_counted(&self, signal: i32, is_counted: bool) {
        if is_counted {
            COUNTED.fetch_or(bit(signal), Ordering::AcqRel);
        } else {
            COUNTED.fetch_and(!bit(signal), Ordering::AcqRel);
        }
    }

    /// The first turn of a process: what its parent counted, it does not.
    #[expect(clippy::unused_self, reason = "who has no turn must not")]
    fn count_nothing(&self) {
        // SAFETY: the turn is this thread's.
        unsafe { *COUNTERS.0.get() = [0; NUMBERS] };
        COUNTED.store(0, Ordering::Release);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TURN.fetch_and(!TAKEN, Ordering::AcqRel);
        // SAFETY: the set was filled by the call in `block_all`.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, ptr::null_mut())
        };
    }
}

fn block_all() -> libc::sigset_t {
    let (mut all, mut before) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    // SAFETY: sigfillset(3) initialises the set it is given.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: the one set is initialised, the other is valid for the call.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) };
    // SAFETY: filled by the call, which cannot fail.
    unsafe { before.assume_init() }
}

/// Lets another thread run, one of lower priority too. No cancellation point.
fn give_way(looks: u32) {
    if looks < 64 {
        std::thread::yield_now();
        return;
    }
    let pause = libc::timespec {
        tv_sec: 0,
        tv_nsec: 50_000,
    };
    let nothing = ptr::null_mut::<libc::timespec>();
    // SAFETY: the time outlives the call, and what is left of it is not asked for.
    unsafe { libc::syscall(libc::SYS_nanosleep, &raw const pause, nothing) };
}

fn bit(signal: i32) -> u64 {
    1 << (signal.cast_unsigned().wrapping_sub(1) & 63)
}
