//! Signals, counted at delivery and not consumed: the handler that stands before the program's
//! own action.
//!
//! While a knote counts a signal, our handler is installed in the place of the program's action,
//! with that action's own mask and flags, and runs it after counting ([`disposition`] decides
//! where it may stand). The handler may interrupt anything, so it touches statics only, by
//! atomics, and makes one system call, write(2), which is on POSIX's list of async-signal-safe
//! functions:
//!
//! - a counter for each signal, which every queue compares with what it last saw;
//! - the bell, one non-blocking eventfd for the whole process, which every queue with a signal
//!   knote watches edge-triggered. It is never read and never closed, so no handler can write to
//!   a number that is another file by now. It belongs to one process: a forked child makes its
//!   own at first use, and until then its handlers write nowhere;
//! - the program's action, in a node that is never changed and never freed ([`node`]);
//! - the marks of threads that wait in a queue ([`waiting`]).
//!
//! It takes no lock, allocates nothing and leaves errno as it was.

use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU64, Ordering};

use super::fork;
use crate::closing::numbers;

pub(crate) mod disposition;
mod node;
pub(crate) mod pending;
mod turn;
pub(crate) mod waiting;

/// Signal numbers are below this: Linux has 64, from 1 on.
const NUMBERS: usize = 65;

/// How often each signal was delivered to our handler.
static COUNTS: [AtomicU64; NUMBERS] = [const { AtomicU64::new(0) }; NUMBERS];

/// The bell: the process it belongs to in the upper half (`fork::epoch`), its number in the
/// lower. 0: none yet.
static BELL: AtomicU64 = AtomicU64::new(0);

/// How often a signal was delivered to our handler so far.
pub(crate) fn delivered(signal: i32) -> u64 {
    count_of(signal).map_or(0, |count| count.load(Ordering::Acquire))
}

/// The number of this process's bell, which is made at the first use.
///
/// # Errors
/// `EMFILE`, `ENFILE`: no descriptor is left.
pub(crate) fn bell() -> io::Result<RawFd> {
    let process = fork::epoch();
    loop {
        let known = BELL.load(Ordering::Acquire);
        if let Some(number) = bell_of(known, process) {
            return Ok(number);
        }
        // SAFETY: eventfd(2) takes no pointer.
        let fd = super::check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        let ours = (u64::from(process) << 32) | u64::from(fd.cast_unsigned());
        let published = BELL.compare_exchange(known, ours, Ordering::AcqRel, Ordering::Acquire);
        if published.is_ok() {
            numbers::own(fd);
        } else {
            // SAFETY: this thread has just made the descriptor, and nobody else knows it.
            unsafe { libc::close(fd) };
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "each half is taken on purpose"
)]
fn bell_of(bell: u64, process: u32) -> Option<RawFd> {
    ((bell >> 32) as u32 == process).then_some((bell as u32).cast_signed())
}

fn count_of(signal: i32) -> Option<&'static AtomicU64> {
    COUNTS.get(usize::try_from(signal).ok()?)
}

/// The handler: counts, wakes, and does what the program wants done.
extern "C" fn on_signal(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: takes no argument, and the thread's errno lives as long as the thread.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: the pointer is to this thread's own errno.
    let before = unsafe { errno.read() };
    if let Some(count) = count_of(signal) {
        count.fetch_add(1, Ordering::Release);
    }
    // At a queue's first use the epoch's page was mapped, so this makes no system call.
    if let Some(bell) = bell_of(BELL.load(Ordering::Acquire), fork::epoch()) {
        ring(bell);
    }
    // SAFETY: the pointer is to this thread's own errno.
    unsafe { errno.write(before) };
    let wanted = node::wanted(signal);
    waiting::interrupted(errno as usize, wanted.is_ignored());
    wanted.run(signal, info, context);
}

fn ring(bell: RawFd) {
    let one = 1_u64;
    // SAFETY: eight bytes, valid for the call. It fails at 2^64 - 2 rings, which is never.
    unsafe { libc::write(bell, (&raw const one).cast(), size_of::<u64>()) };
}
