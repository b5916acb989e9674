//! What the program wants done at a signal, and where our handler may stand before that.
//!
//! | the program wants | installed while a knote counts |
//! |---|---|
//! | a handler of its own | ours, with its mask and flags; it runs after ours |
//! | the signal ignored, by `SIG_IGN` or by default | ours alone |
//! | SIGCHLD ignored by `SIG_IGN` | nothing: a handler would keep zombies |
//! | the default action, which ends or stops the process | nothing: it acts |
//!
//! A node with the program's action is never changed and never freed, because a handler may be
//! looking at it; equal actions share one, so there are no more of them than the program has
//! used. Each process has a table of its own (`Table`), since a fork may copy one that is locked.

use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};

use super::super::{check, fork};
use super::{NUMBERS, on_signal, waiting};

/// What a process does when a signal is delivered to it: the default action, nothing, or a
/// handler.
///
/// A value that [`disposition`] or [`set_disposition`] returned carries mask and flags too, so
/// that it can be put back as it was.
#[derive(Clone, Copy)]
pub struct Disposition(libc::sigaction);

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
    let _turn = here().counters.lock();
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
    let counters = here().counters.lock();
    let before = program_wants(signal)?;
    let is_counted = usize::try_from(signal)
        .ok()
        .and_then(|index| counters.get(index))
        .is_some_and(|&count| count > 0);
    match is_counted.then(|| stand_in(signal, &new)).flatten() {
        Some(stand_in) => place(signal, &new, &stand_in)?,
        None => {
            exchange(signal, Some(&new))?;
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
        let table = here();
        let mut counters = table.counters.lock();
        let index = usize::try_from(signal).unwrap_or(NUMBERS);
        let counter = counters.get_mut(index).ok_or_else(invalid)?;
        if *counter == 0 {
            engage(signal)?;
        }
        *counter += 1;
        Ok(Self {
            signal,
            process: table.process,
        })
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        // A child's copy of the parent's knote counts nothing.
        if fork::epoch() != self.process {
            return;
        }
        let mut counters: MutexGuard<'_, _> = here().counters.lock();
        let index = usize::try_from(self.signal).unwrap_or(NUMBERS);
        let Some(counter) = counters.get_mut(index) else {
            return;
        };
        *counter = counter.saturating_sub(1);
        if *counter == 0 {
            disengage(self.signal);
        }
    }
}

/// How many knotes of one process count each signal, and the table of the child that came after.
struct Table {
    process: u32,
    counters: Mutex<[u32; NUMBERS]>,
    next: OnceLock<Box<Self>>,
}

static FIRST: OnceLock<Table> = OnceLock::new();

fn here() -> &'static Table {
    let process = fork::epoch();
    let empty = || Table {
        process,
        counters: Mutex::new([0; NUMBERS]),
        next: OnceLock::new(),
    };
    let mut table = FIRST.get_or_init(empty);
    while table.process != process {
        table = table.next.get_or_init(|| Box::new(empty()));
    }
    table
}

/// The program's action, while our handler stands before it. Never changed, never freed.
struct Node {
    wanted: Disposition,
    next: *const Self,
}

/// The node of each signal; null where our handler never stood.
static WANTED: [AtomicPtr<Node>; NUMBERS] = [const { AtomicPtr::new(ptr::null_mut()) }; NUMBERS];

/// All nodes, newest first. Changed under the table's lock only.
static NODES: AtomicPtr<Node> = AtomicPtr::new(ptr::null_mut());

/// The signals at which another handler was found above ours when counting ended, one bit each.
/// It may call ours, so ours must not come to stand above it.
static BURIED: AtomicU64 = AtomicU64::new(0);

/// What the handler is to do after counting.
#[derive(Clone, Copy)]
pub(super) struct Wanted(Option<&'static Node>);

/// What the program wants done at a signal. Async-signal-safe.
pub(super) fn wanted(signal: i32) -> Wanted {
    Wanted(node_of(signal))
}

impl Wanted {
    pub(super) fn is_ignored(self) -> bool {
        self.0.is_none_or(|node| !node.wanted.is_handler())
    }

    /// Calls the program's handler, if it has one, as the kernel would have.
    pub(super) fn run(
        self,
        signal: libc::c_int,
        info: *mut libc::siginfo_t,
        context: *mut libc::c_void,
    ) {
        type Plain = extern "C" fn(libc::c_int);
        type Full = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
        let Some(node) = self.0.filter(|node| node.wanted.is_handler()) else {
            return;
        };
        let action = &node.wanted.0;
        if action.sa_flags & libc::SA_SIGINFO != 0 {
            // SAFETY: the program gave this address to sigaction(2) as a handler of three
            // arguments, and neither SIG_DFL nor SIG_IGN gets here.
            let handler = unsafe { std::mem::transmute::<usize, Full>(action.sa_sigaction) };
            handler(signal, info, context);
        } else {
            // SAFETY: the same, of one argument.
            let handler = unsafe { std::mem::transmute::<usize, Plain>(action.sa_sigaction) };
            handler(signal);
        }
    }
}

fn node_of(signal: i32) -> Option<&'static Node> {
    let index = usize::try_from(signal).ok()?;
    let node = WANTED.get(index)?.load(Ordering::Acquire);
    // SAFETY: null, or a node, which is never changed and never freed.
    unsafe { node.as_ref() }
}

fn invalid() -> io::Error {
    io::Error::from_raw_os_error(libc::EINVAL)
}

fn ours() -> libc::sighandler_t {
    let handler = on_signal as extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
    handler as libc::sighandler_t
}

/// What is installed, seen through our handler.
fn program_wants(signal: i32) -> io::Result<Disposition> {
    let installed = exchange(signal, None)?;
    match node_of(signal) {
        Some(node) if installed.is_ours() => Ok(node.wanted),
        _ => Ok(installed),
    }
}

/// Puts our handler where it may stand. Under the table's lock.
fn engage(signal: i32) -> io::Result<()> {
    let installed = exchange(signal, None)?;
    let is_buried = BURIED.load(Ordering::Relaxed) & bit(signal) != 0;
    if installed.is_ours() || (is_buried && installed.is_handler()) {
        return Ok(());
    }
    BURIED.fetch_and(!bit(signal), Ordering::Relaxed);
    match stand_in(signal, &installed) {
        Some(stand_in) => place(signal, &installed, &stand_in),
        None => Ok(()),
    }
}

/// Puts the program's action back, unless the program has put another in our place.
fn disengage(signal: i32) {
    waiting::set_alone(signal, false);
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

/// Our handler as it stands before a program's action; `None` where it must not.
fn stand_in(signal: i32, wanted: &Disposition) -> Option<Disposition> {
    let mut stand_in = *wanted;
    if !wanted.is_handler() {
        let is_default = wanted.is_default_action();
        let is_ignored_by_default = matches!(
            signal,
            libc::SIGCHLD | libc::SIGURG | libc::SIGWINCH | libc::SIGCONT
        );
        if (is_default && !is_ignored_by_default) || (!is_default && signal == libc::SIGCHLD) {
            return None;
        }
        let about_children = wanted.0.sa_flags & (libc::SA_NOCLDSTOP | libc::SA_NOCLDWAIT);
        stand_in = Disposition::plain(0);
        stand_in.0.sa_flags = about_children | libc::SA_RESTART;
    }
    stand_in.0.sa_sigaction = ours();
    stand_in.0.sa_flags |= libc::SA_SIGINFO;
    Some(stand_in)
}

/// Installs our handler before a program's action. Under the table's lock.
fn place(signal: i32, wanted: &Disposition, stand_in: &Disposition) -> io::Result<()> {
    let node = intern(wanted);
    let index = usize::try_from(signal).unwrap_or(NUMBERS);
    let place = WANTED.get(index).ok_or_else(invalid)?;
    // First the action, then the handler that looks it up.
    place.store(node.cast_mut(), Ordering::Release);
    waiting::set_alone(signal, !wanted.is_handler());
    exchange(signal, Some(stand_in)).map(drop)
}

/// The node of an action; equal actions share one. Under the table's lock.
fn intern(wanted: &Disposition) -> *const Node {
    let first = NODES.load(Ordering::Acquire).cast_const();
    let mut next = first;
    // SAFETY: null, or a node, which is never changed and never freed.
    while let Some(node) = unsafe { next.as_ref() } {
        if is_equal(&node.wanted.0, &wanted.0) {
            return node;
        }
        next = node.next;
    }
    let node = Box::leak(Box::new(Node {
        wanted: *wanted,
        next: first,
    }));
    NODES.store(node, Ordering::Release);
    node
}

fn is_equal(one: &libc::sigaction, other: &libc::sigaction) -> bool {
    let has = |set: &libc::sigset_t, signal| {
        // SAFETY: the set is initialised; a wrong number is answered with -1.
        unsafe { libc::sigismember(set, signal) == 1 }
    };
    one.sa_sigaction == other.sa_sigaction
        && one.sa_flags == other.sa_flags
        && (1..=64).all(|signal| has(&one.sa_mask, signal) == has(&other.sa_mask, signal))
}

fn bit(signal: i32) -> u64 {
    1 << (signal.cast_unsigned().wrapping_sub(1) & 63)
}

fn empty() -> libc::sigaction {
    // SAFETY: all bits zero are the default action, an empty mask and no flags.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

/// sigaction(2): what was installed.
fn exchange(signal: i32, new: Option<&Disposition>) -> io::Result<Disposition> {
    let mut before = empty();
    let new = new.map_or(ptr::null(), |new| &raw const new.0);
    // SAFETY: `new` is null or an initialised action whose handler is the program's own or ours;
    // `before` is valid for the call.
    check(unsafe { libc::sigaction(signal, new, &raw mut before) })?;
    Ok(Disposition(before))
}
