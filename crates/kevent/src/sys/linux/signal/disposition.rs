//! What the program wants done at a signal, and where our handler may stand before that.
//!
//! | the program wants | installed while a knote counts |
//! |---|---|
//! | a handler of its own | ours, with its mask and flags; it runs after ours |
//! | the signal ignored, by `SIG_IGN` or by default | ours alone |
//! | SIGCHLD ignored by `SIG_IGN` | nothing: a handler would keep zombies |
//! | the default action, which ends or stops the process | nothing: it acts |
//!
//! The program's action is kept as a node ([`node`]). Whoever changes or asks holds the turn
//! ([`turn`]), and where no knote counts the signal nobody need hold it.

use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use super::super::{check, fork};
use super::node::{node_of, publish};
use super::turn::{self, Turn};
use super::{NUMBERS, on_signal, waiting};

/// What a process does when a signal is delivered to it: the default action, nothing, or a
/// handler.
///
/// A value that [`disposition`] or [`set_disposition`] returned carries mask and flags too, so
/// that it can be put back as it was.
#[derive(Clone, Copy)]
pub struct Disposition(pub(super) libc::sigaction);

impl Disposition {
    /// The signal's default action (`SIG_DFL`).
    #[must_use]
    pub fn default_action() -> Self {
        Self::plain(libc::SIG_DFL)
    }

    /// Nothing (`SIG_IGN`).
    #[must_use]
    pub fn ignore() -> Self {
        Self::plain(libc::SIG_IGN)
    }

    /// A handler, with an empty mask and `SA_RESTART`.
    ///
    /// # Safety
    /// The handler may interrupt any code of the program, so it must do nothing but what
    /// signal-safety(7) allows, and leave errno as it was.
    #[must_use]
    pub unsafe fn handler(handler: extern "C" fn(i32)) -> Self {
        let mut disposition = Self::plain(handler as libc::sighandler_t);
        disposition.0.sa_flags = libc::SA_RESTART;
        disposition
    }

    /// Whether this is the default action.
    #[must_use]
    pub const fn is_default_action(&self) -> bool {
        self.0.sa_sigaction == libc::SIG_DFL
    }

    /// Whether the signal is ignored by `SIG_IGN`.
    #[must_use]
    pub const fn is_ignore(&self) -> bool {
        self.0.sa_sigaction == libc::SIG_IGN
    }

    /// Whether this is a handler.
    #[must_use]
    pub const fn is_handler(&self) -> bool {
        !self.is_default_action() && !self.is_ignore()
    }

    fn plain(action: libc::sighandler_t) -> Self {
        let mut plain = empty();
        plain.sa_sigaction = action;
        Self(plain)
    }

    fn is_ours(&self) -> bool {
        self.0.sa_sigaction == ours()
    }
}

impl fmt::Debug for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            _ if self.is_default_action() => "SIG_DFL",
            _ if self.is_ignore() => "SIG_IGN",
            _ => "handler",
        })
    }
}

/// What the program wants done at a signal, whatever a knote has put in its place.
///
/// # Errors
/// `EINVAL`: there is no such signal, or libc keeps it to itself.
///
/// # References
/// sigaction(2).
pub fn disposition(signal: i32) -> io::Result<Disposition> {
    let _turn = Turn::begin();
    program_wants(signal)
}

/// Sets what is done at a signal, and returns what was done before. The knotes that count it go
/// on counting; without a knote this is sigaction(2).
///
/// A handler that was installed by sigaction(2) while a knote counted, and that calls the handler
/// it replaced, must not be given here: it would call itself for ever.
///
/// # Errors
/// `EINVAL`: there is no such signal, libc keeps it to itself, or its action cannot be changed
/// (SIGKILL, SIGSTOP).
///
/// # Examples
/// ```
/// use kevent::{Events, Kevent, Kqueue, signal};
///
/// let queue = Kqueue::new()?;
/// let before = signal::set_disposition(libc::SIGUSR1, signal::Disposition::ignore())?;
/// assert!(before.is_default_action());
/// queue.apply(&[Kevent::signal(libc::SIGUSR1)])?;
/// # rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::USR1)?;
/// let mut events = Events::with_capacity(1);
/// queue.wait(&[], &mut events, None)?;
/// assert_eq!(events[0].signal_count(), Some(1));
/// assert!(signal::disposition(libc::SIGUSR1)?.is_ignore());
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # References
/// sigaction(2).
pub fn set_disposition(signal: i32, new: Disposition) -> io::Result<Disposition> {
    replace(&Turn::begin(), signal, &new)
}

/// sigaction(2) as the program knows it, where every one of its calls comes here: what was set
/// before, and what is done from now on. Where no knote counts the signal this is the system's own
/// and nothing else.
///
/// A signal handler may call it, while it has interrupted the same.
///
/// # Errors
/// As sigaction(2).
///
/// # Safety
/// A handler must be one, and do nothing but what signal-safety(7) allows.
pub unsafe fn sigaction(signal: i32, new: Option<&libc::sigaction>) -> io::Result<libc::sigaction> {
    let new = new.map(|new| Disposition(*new));
    if !turn::is_counted(signal) {
        let before = seen_through(signal, exchange(signal, new.as_ref())?);
        // Else a knote began to count it at the same time, and may not have seen the change.
        let (true, Some(new)) = (turn::is_counted(signal), new) else {
            return Ok(before.0);
        };
        set_disposition(signal, new)?;
        return Ok(before.0);
    }
    let turn = Turn::begin();
    let before = match new {
        None => program_wants(signal)?,
        Some(new) => replace(&turn, signal, &new)?,
    };
    Ok(before.0)
}

/// Whether a knote may count this signal, so that [`sigaction`] is more than the system's own.
pub fn is_counted(signal: i32) -> bool {
    turn::is_counted(signal)
}

/// The same in a process whose memory is another's (vfork(2)): nothing there changes.
///
/// # Errors
/// As sigaction(2).
///
/// # Safety
/// As [`sigaction`].
pub unsafe fn sigaction_elsewhere(
    signal: i32,
    new: Option<&libc::sigaction>,
) -> io::Result<libc::sigaction> {
    let new = new.map(|new| Disposition(*new));
    Ok(seen_through(signal, exchange(signal, new.as_ref())?).0)
}

/// In a forked child, which has no queue: the program's actions are in force again, so that a
/// program it executes finds them. A signal handler may call it.
pub fn put_back_all() {
    let signals = turn::forget_counted();
    for signal in (1..).take(NUMBERS - 1) {
        if signals & bit(signal) != 0 {
            waiting::set_alone(signal, false);
            put_back(signal);
        }
    }
}

/// Before execve(2): signals that the program ignores are ignored by the system, as the executed
/// program finds them. Returns which they are, one bit each. A signal handler may call it.
#[must_use]
pub fn ignore_for_exec() -> u64 {
    let mut ignored = 0;
    for signal in (1..).take(NUMBERS - 1) {
        let is_ignored = node_of(signal).is_some_and(|node| node.wanted.is_ignore());
        if is_ignored
            && exchange(signal, None).is_ok_and(|installed| installed.is_ours())
            && exchange(signal, Some(&Disposition::ignore())).is_ok()
        {
            ignored |= bit(signal);
        }
    }
    ignored
}

/// After an execve(2) that failed: undoes [`ignore_for_exec`].
pub fn undo_ignore_for_exec(ignored: u64) {
    for signal in (1..).take(NUMBERS - 1) {
        if ignored & bit(signal) != 0
            && let Some(stand_in) = stand_in(signal, &Disposition::ignore())
        {
            let _ = exchange(signal, Some(&stand_in));
        }
    }
}

fn replace(turn: &Turn, signal: i32, new: &Disposition) -> io::Result<Disposition> {
    let before = program_wants(signal)?;
    let is_counted = turn.count(signal).is_some_and(|count| *count > 0);
    match is_counted.then(|| stand_in(signal, new)).flatten() {
        Some(stand_in) => place(signal, new, &stand_in).map(drop)?,
        None => {
            exchange(signal, Some(new))?;
            waiting::set_alone(signal, false);
        }
    }
    Ok(before)
}

/// A knote's share in the counting of one signal; dropping the last one of a process puts the
/// program's action back.
#[derive(Debug)]
pub(crate) struct Counting {
    signal: i32,
    process: u32,
}

impl Counting {
    /// Counts a signal from now on.
    ///
    /// # Errors
    /// `EINVAL`: there is no such signal, or libc keeps it to itself.
    pub(crate) fn begin(signal: i32) -> io::Result<Self> {
        let turn = Turn::begin();
        let counter = turn.count(signal).ok_or_else(invalid)?;
        if *counter == 0 {
            turn.set_counted(signal, true);
            if let Err(error) = engage(signal) {
                turn.set_counted(signal, false);
                return Err(error);
            }
        }
        *counter += 1;
        Ok(Self {
            signal,
            process: fork::epoch(),
        })
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        // A child's copy of the parent's knote counts nothing.
        if fork::epoch() != self.process {
            return;
        }
        let turn = Turn::begin();
        let Some(counter) = turn.count(self.signal) else {
            return;
        };
        *counter = counter.saturating_sub(1);
        if *counter == 0 {
            waiting::set_alone(self.signal, false);
            put_back(self.signal);
            turn.set_counted(self.signal, false);
        }
    }
}

/// The signals at which another handler was found above ours when counting ended, one bit each.
/// It may call ours, so ours must not come to stand above it.
static BURIED: AtomicU64 = AtomicU64::new(0);

fn invalid() -> io::Error {
    io::Error::from_raw_os_error(libc::EINVAL)
}

fn ours() -> libc::sighandler_t {
    let handler = on_signal as extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
    handler as libc::sighandler_t
}

/// What the program wants. Where it is counted, the turn is held.
fn program_wants(signal: i32) -> io::Result<Disposition> {
    Ok(seen_through(signal, exchange(signal, None)?))
}

/// What is installed, seen through our handler.
fn seen_through(signal: i32, installed: Disposition) -> Disposition {
    let Some(node) = node_of(signal) else {
        return installed;
    };
    if installed.is_ours() {
        return node.wanted;
    }
    let mut wanted = node.wanted;
    let is_reset = installed.is_default_action() && wanted.0.sa_flags & libc::SA_RESETHAND != 0;
    if is_reset && installed.0.sa_flags & libc::SA_RESETHAND != 0 {
        // The system took our handler away as it was told to take the program's.
        wanted.0.sa_sigaction = libc::SIG_DFL;
        return wanted;
    }
    installed
}

/// Puts our handler where it may stand. Under the turn, but the program may change the action at
/// the same time, if it does not know yet that the signal is counted.
fn engage(signal: i32) -> io::Result<()> {
    let mut installed = exchange(signal, None)?;
    let is_buried = BURIED.load(Ordering::Relaxed) & bit(signal) != 0;
    if installed.is_ours() || (is_buried && installed.is_handler()) {
        return Ok(());
    }
    BURIED.fetch_and(!bit(signal), Ordering::Relaxed);
    let mut is_first = true;
    loop {
        let Some(stand_in) = stand_in(signal, &installed) else {
            if !is_first {
                exchange(signal, Some(&installed))?;
            }
            return Ok(());
        };
        let replaced = place(signal, &installed, &stand_in)?;
        if replaced.is_ours() || replaced == installed {
            return Ok(());
        }
        (installed, is_first) = (replaced, false);
    }
}

/// Puts the program's action back, unless the program has put another in our place.
fn put_back(signal: i32) {
    let (Ok(installed), Some(node)) = (exchange(signal, None), node_of(signal)) else {
        return;
    };
    if installed.is_ours() {
        // It was installed once, so it can be again.
        let _ = exchange(signal, Some(&node.wanted));
    } else if installed.is_handler() {
        BURIED.fetch_or(bit(signal), Ordering::Relaxed);
    }
}

/// Whether the default action is to do nothing.
fn is_ignored_by_default(signal: i32) -> bool {
    matches!(
        signal,
        libc::SIGCHLD | libc::SIGURG | libc::SIGWINCH | libc::SIGCONT
    )
}

/// Our handler as it stands before a program's action; `None` where it must not.
fn stand_in(signal: i32, wanted: &Disposition) -> Option<Disposition> {
    let mut stand_in = *wanted;
    if !wanted.is_handler() {
        let is_default = wanted.is_default_action();
        if (is_default && !is_ignored_by_default(signal))
            || (!is_default && signal == libc::SIGCHLD)
        {
            return None;
        }
        let about_children = wanted.0.sa_flags & (libc::SA_NOCLDSTOP | libc::SA_NOCLDWAIT);
        stand_in = Disposition::plain(0);
        stand_in.0.sa_flags = about_children | libc::SA_RESTART;
    }
    if is_ignored_by_default(signal) {
        // The program's handler goes at the first signal, ours stays to count the next.
        stand_in.0.sa_flags &= !libc::SA_RESETHAND;
    }
    stand_in.0.sa_sigaction = ours();
    stand_in.0.sa_flags |= libc::SA_SIGINFO;
    Some(stand_in)
}

/// Installs our handler before a program's action; returns what was installed. Under the turn.
fn place(signal: i32, wanted: &Disposition, stand_in: &Disposition) -> io::Result<Disposition> {
    // First the action, then the handler that looks it up.
    publish(signal, wanted)?;
    waiting::set_alone(signal, !wanted.is_handler());
    exchange(signal, Some(stand_in))
}

impl PartialEq for Disposition {
    fn eq(&self, other: &Self) -> bool {
        let has = |set: &libc::sigset_t, signal| {
            // SAFETY: the set is initialised; a wrong number is answered with -1.
            unsafe { libc::sigismember(set, signal) == 1 }
        };
        let (one, other) = (&self.0, &other.0);
        one.sa_sigaction == other.sa_sigaction
            && one.sa_flags == other.sa_flags
            && (1..=64).all(|signal| has(&one.sa_mask, signal) == has(&other.sa_mask, signal))
    }
}

fn bit(signal: i32) -> u64 {
    1 << (signal.cast_unsigned().wrapping_sub(1) & 63)
}

fn empty() -> libc::sigaction {
    // SAFETY: all bits zero are the default action, an empty mask and no flags.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

type Sigaction =
    unsafe extern "C" fn(libc::c_int, *const libc::sigaction, *mut libc::sigaction) -> libc::c_int;

/// The C library's sigaction, where somebody stands in front of it; null: whatever has that name.
static SIGACTION: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// From now on the system's sigaction(2) is called by this function, because the one of that name
/// is the caller's own and comes here.
///
/// # Safety
/// It is sigaction(2).
pub unsafe fn use_sigaction(real: Sigaction) {
    SIGACTION.store(real as *mut (), Ordering::Release);
}

/// sigaction(2): what was installed.
fn exchange(signal: i32, new: Option<&Disposition>) -> io::Result<Disposition> {
    let mut before = empty();
    let new = new.map_or(ptr::null(), |new| &raw const new.0);
    let real = SIGACTION.load(Ordering::Acquire);
    let real: Sigaction = if real.is_null() {
        libc::sigaction
    } else {
        // SAFETY: `use_sigaction` was given this function.
        unsafe { std::mem::transmute::<*mut (), Sigaction>(real) }
    };
    // SAFETY: `new` is null or an initialised action whose handler is the program's own or ours;
    // `before` is valid for the call.
    check(unsafe { real(signal, new, &raw mut before) })?;
    Ok(Disposition(before))
}
