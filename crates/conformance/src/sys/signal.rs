//! Signals: a handler that counts, sending to one thread, the interval timer.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const SIGNALS: usize = 65;

/// How often each signal's handler ran; the handler touches nothing else.
static COUNTS: [AtomicUsize; SIGNALS] = [const { AtomicUsize::new(0) }; SIGNALS];

extern "C" fn count(signal: libc::c_int) {
    let counter = usize::try_from(signal)
        .ok()
        .and_then(|index| COUNTS.get(index));
    if let Some(counter) = counter {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Installs a handler, with `SA_RESTART`, that counts `signal`.
pub fn count_signal(signal: libc::c_int) {
    let handler = count as extern "C" fn(libc::c_int);
    // SAFETY: all bits zero is a valid `sigaction`: default action, empty mask, no flags.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = handler as libc::sighandler_t;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: the action is initialised, and its handler is async-signal-safe: one atomic add.
    let result = unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
    assert_eq!(result, 0, "sigaction: {}", io::Error::last_os_error());
}

/// How often the handler for `signal` has run.
#[must_use]
pub fn signal_count(signal: libc::c_int) -> usize {
    let index = usize::try_from(signal).expect("a signal number");
    COUNTS[index].load(Ordering::Relaxed)
}

/// The calling thread's id, for [`kill_thread`].
#[must_use]
pub fn thread_id() -> libc::pid_t {
    // SAFETY: gettid takes no arguments and cannot fail.
    unsafe { libc::gettid() }
}

/// Sends `signal` to the thread `id` of this process.
///
/// # Errors
/// As tgkill(2): `ESRCH` when the thread has ended.
pub fn kill_thread(id: libc::pid_t, signal: libc::c_int) -> io::Result<()> {
    // SAFETY: getpid takes no arguments and cannot fail.
    let process = unsafe { libc::getpid() };
    // SAFETY: tgkill takes three numbers and no pointer.
    let result = unsafe { libc::syscall(libc::SYS_tgkill, process, id, signal) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// `ITIMER_REAL`: a `SIGALRM` every period, until this is dropped.
#[derive(Debug)]
pub struct IntervalTimer(());

impl IntervalTimer {
    /// Starts the timer.
    #[must_use]
    pub fn start(period: Duration) -> Self {
        set_interval(period);
        Self(())
    }
}

impl Drop for IntervalTimer {
    fn drop(&mut self) {
        set_interval(Duration::ZERO);
    }
}

fn set_interval(period: Duration) {
    let seconds = libc::time_t::try_from(period.as_secs()).expect("a period in range");
    let time = libc::timeval {
        tv_sec: seconds,
        tv_usec: period.subsec_micros().into(),
    };
    let value = libc::itimerval {
        it_interval: time,
        it_value: time,
    };
    // SAFETY: the value is initialised and lives through the call; the old value is not asked for.
    let result = unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const value, ptr::null_mut()) };
    assert_eq!(result, 0, "setitimer: {}", io::Error::last_os_error());
}

/// Sends `signal` to this process.
pub fn kill_self(signal: libc::c_int) {
    // SAFETY: getpid takes no arguments and cannot fail.
    let process = unsafe { libc::getpid() };
    // SAFETY: kill takes two numbers.
    let result = unsafe { libc::kill(process, signal) };
    assert_eq!(result, 0, "kill: {}", io::Error::last_os_error());
}

/// Has `signal` ignored: `SIG_IGN`.
pub fn ignore_signal(signal: libc::c_int) {
    // SAFETY: no handler is installed.
    let before = unsafe { libc::signal(signal, libc::SIG_IGN) };
    assert_ne!(before, libc::SIG_ERR, "{}", io::Error::last_os_error());
}

/// The address of the handler that the kernel knows for `signal`; 0 and 1 are `SIG_DFL` and
/// `SIG_IGN`. The kernel is asked itself: sigaction(2) of a C library may tell what the program
/// has set instead.
#[must_use]
pub fn installed_handler(signal: libc::c_int) -> usize {
    /// Bytes of the kernel's signal set.
    const SET_SIZE: usize = 8;
    // `struct sigaction` of the kernel is four words, of which the handler is the first.
    let mut action = [0_usize; 8];
    // SAFETY: nothing is installed; the old action goes to a place larger than it is.
    let result = unsafe {
        libc::syscall(
            libc::SYS_rt_sigaction,
            signal,
            ptr::null::<usize>(),
            action.as_mut_ptr(),
            SET_SIZE,
        )
    };
    assert_eq!(result, 0, "rt_sigaction: {}", io::Error::last_os_error());
    action[0]
}

/// The address of the handler that sigaction(2) tells for `signal`; 0 and 1 are `SIG_DFL` and
/// `SIG_IGN`.
#[must_use]
pub fn told_handler(signal: libc::c_int) -> usize {
    // SAFETY: all bits zero is a valid `sigaction`.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: nothing is installed; the old action goes to an initialised one.
    let result = unsafe { libc::sigaction(signal, ptr::null(), &raw mut action) };
    assert_eq!(result, 0, "sigaction: {}", io::Error::last_os_error());
    action.sa_sigaction
}

/// Blocks `signal` in this thread.
pub fn block_signal(signal: libc::c_int) {
    change_mask(libc::SIG_BLOCK, signal);
}

/// Unblocks `signal` in this thread; what is pending is delivered.
pub fn unblock_signal(signal: libc::c_int) {
    change_mask(libc::SIG_UNBLOCK, signal);
}

fn change_mask(how: libc::c_int, signal: libc::c_int) {
    let mut set = empty_set();
    // SAFETY: the set is initialised.
    unsafe { libc::sigaddset(&raw mut set, signal) };
    // SAFETY: the set is initialised and lives through the call; no old set is asked for.
    let errno = unsafe { libc::pthread_sigmask(how, &raw const set, ptr::null_mut()) };
    assert_eq!(errno, 0, "pthread_sigmask");
}

/// Whether `signal` is blocked and pending.
#[must_use]
pub fn is_signal_pending(signal: libc::c_int) -> bool {
    let mut set = empty_set();
    // SAFETY: the set is initialised and lives through the call.
    let result = unsafe { libc::sigpending(&raw mut set) };
    assert_eq!(result, 0, "sigpending: {}", io::Error::last_os_error());
    // SAFETY: the set is initialised.
    unsafe { libc::sigismember(&raw const set, signal) == 1 }
}

/// Takes a pending signal, which must be blocked: sigtimedwait(2) without time.
pub fn take_signal(signal: libc::c_int) {
    let mut set = empty_set();
    // SAFETY: the set is initialised.
    unsafe { libc::sigaddset(&raw mut set, signal) };
    let now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the set and the time live through the call; no information is asked for.
    let taken = unsafe { libc::sigtimedwait(&raw const set, ptr::null_mut(), &raw const now) };
    assert_eq!(taken, signal, "it was pending");
}

fn empty_set() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set it is given.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: initialised above.
    unsafe { set.assume_init() }
}
