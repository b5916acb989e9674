//! `KQUEUE_DEBUG=1`: each call decoded on stderr, as a system call tracer does.
//!
//! A call is a line when it begins, with a line for each change, and a line when it returns, with
//! one for each event. Closes of watched numbers and of queues are told too. A program switches it
//! with the questions `NOTE_DEBUG`, `NOTE_DEBUG_PREFIX` and `NOTE_DEBUG_FUNC`.
//!
//! A line is built on the stack and leaves by one write(2): whole among those of other threads and
//! processes, without a lock or an allocation, errno kept. So a signal handler may close what it
//! likes. A function of the program's need not be so careful, so it is not told of closes, which
//! handlers make; nor of what happens while it prints.
//!
//! - `line`: one line, its beginning and its way out.
//! - `entry`: a `struct kevent` in words; `names`: the numbers' names in each ABI.
//! - `error`, `signal`: the names of errors and signals.

mod entry;
mod error;
mod line;
mod names;
mod signal;

use std::ffi::c_int;
use std::fmt;
use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering};

use kevent::binding::Watcher;

use crate::{interpose, sys};
pub(crate) use entry::Entry;
use entry::Role;
use line::{PREFIX_SIZE, print};

const UNKNOWN: u8 = 0;
const ON: u8 = 1;
const OFF: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);

/// What each line begins with, up to a 0; empty: `KQ`.
static PREFIX: [AtomicU8; PREFIX_SIZE] = [const { AtomicU8::new(0) }; PREFIX_SIZE];

/// The address of the program's function that prints, or 0.
static PRINTER: AtomicI64 = AtomicI64::new(0);

/// Whether calls are traced.
#[inline]
pub(crate) fn is_on() -> bool {
    match STATE.load(Ordering::Relaxed) {
        ON => true,
        OFF => false,
        _ => ask(),
    }
}

#[cold]
fn ask() -> bool {
    let value = sys::environment::get(c"KQUEUE_DEBUG").unwrap_or_default();
    let is_on = !matches!(value, b"" | b"0");
    STATE.store(state(is_on), Ordering::Relaxed);
    is_on
}

const fn state(is_on: bool) -> u8 {
    if is_on { ON } else { OFF }
}

/// Switches the trace on or off; returns whether it was on.
pub(crate) fn set_on(is_on: bool) -> bool {
    STATE.swap(state(is_on), Ordering::Relaxed) == ON
}

/// Who prints the trace: the address of a function like printf(3), 0 for stderr. Returns who did.
pub(crate) fn set_printer(address: i64) -> i64 {
    PRINTER.swap(address, Ordering::Relaxed)
}

/// What each line begins with: so much of it as fits. `None`: `KQ`.
pub(crate) fn set_prefix(prefix: Option<&[u8]>) {
    let bytes = prefix.unwrap_or_default().iter().copied();
    // The last place stays 0.
    let places = PREFIX.iter().take(PREFIX_SIZE - 1);
    for (place, byte) in places.zip(bytes.chain(std::iter::repeat(0))) {
        place.store(byte, Ordering::Relaxed);
    }
}

/// A queue was made, or not, by the call in these words.
pub(crate) fn made(call: fmt::Arguments<'_>, result: &io::Result<RawFd>) {
    tell_of_unseen_closes();
    match result {
        Ok(fd) => print(format_args!("{call} = {fd}")),
        Err(error) => {
            let errno = error.raw_os_error().unwrap_or(libc::EIO);
            print(format_args!("{call} = -1 {}", error::Error(errno)));
        }
    }
}

/// Says once what surprises: that closed descriptors keep their knotes.
fn tell_of_unseen_closes() {
    static IS_TOLD: AtomicBool = AtomicBool::new(false);
    if IS_TOLD.swap(true, Ordering::Relaxed) {
        return;
    }
    if !interpose::is_on() {
        print(format_args!("closes are not seen: KQUEUE_INTERPOSE=0"));
    } else if !sys::scope::is_ours(c"close") {
        print(format_args!(
            "closes are not seen: the program's close() is not libkqueue's; link the program \
             itself with -lkqueue, or set LD_PRELOAD=libkqueue.so.0"
        ));
    }
}

/// The flags of kqueue1().
pub(crate) fn kqueue1_flags(flags: c_int) -> impl fmt::Display {
    names::Bits::of_open(flags.cast_unsigned())
}

/// The flags of kqueuex().
pub(crate) fn kqueuex_flags(flags: u32) -> impl fmt::Display {
    names::Bits::of_kqueuex(flags)
}

/// A call as its program wrote it.
#[derive(Debug)]
pub(crate) struct Asked<'a, L> {
    pub(crate) kq: c_int,
    pub(crate) nchanges: c_int,
    /// As far as they can be read.
    pub(crate) changelist: &'a [L],
    pub(crate) nevents: c_int,
    pub(crate) timeout: Option<&'a libc::timespec>,
}

/// kevent() is called.
#[cold]
#[inline(never)]
pub(crate) fn called<L: Copy + Into<Entry>>(asked: &Asked<'_, L>) {
    let Asked {
        kq,
        nchanges,
        changelist,
        nevents,
        timeout,
    } = asked;
    let timeout = Timeout(*timeout);
    print(format_args!(
        "kevent({kq}, nchanges={nchanges}, nevents={nevents}, timeout={timeout})"
    ));
    for &change in *changelist {
        let entry: Entry = change.into();
        print(format_args!("  change {}", entry.shown(Role::Change)));
    }
}

struct Timeout<'a>(Option<&'a libc::timespec>);

impl fmt::Display for Timeout<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("NULL"),
            Some(time) => write!(f, "{{tv_sec={}, tv_nsec={}}}", time.tv_sec, time.tv_nsec),
        }
    }
}

/// kevent() returns what it wrote, or with this errno.
#[cold]
#[inline(never)]
pub(crate) fn returned<L: Copy + Into<Entry>>(kq: c_int, result: Result<&[L], i32>) {
    let eventlist = match result {
        Ok(eventlist) => eventlist,
        Err(errno) => return print(format_args!("kevent({kq}) = -1 {}", error::Error(errno))),
    };
    print(format_args!("kevent({kq}) = {}", eventlist.len()));
    for &event in eventlist {
        let entry: Entry = event.into();
        let (what, role) = match entry.is_answer() {
            true => ("answer", Role::Answer),
            false => ("event", Role::Event),
        };
        print(format_args!("  {what} {}", entry.shown(role)));
    }
}

/// A thread that waited in the queue was cancelled.
#[cold]
pub(crate) fn cancelled(kq: c_int) {
    print(format_args!(
        "kevent({kq}) does not return: the thread is cancelled"
    ));
}

/// A watched number is about to be closed, or to become another file. Async-signal-safe.
#[cold]
pub(crate) fn number_closes(fd: RawFd, watcher: Watcher) {
    match watcher {
        Watcher::Nobody => {}
        Watcher::One(kq) => on_stderr(format_args!("{fd} closes: its knotes in kqueue {kq} go")),
        Watcher::Any => on_stderr(format_args!("{fd} closes: its knotes in any kqueue go")),
    }
}

/// A queue loses one of its numbers. Async-signal-safe.
#[cold]
pub(crate) fn queue_closes(kq: RawFd) {
    on_stderr(format_args!("{kq} closes: it is a kqueue"));
}

/// Nothing for a function of the program's, which a signal handler may not call.
fn on_stderr(what: fmt::Arguments<'_>) {
    if PRINTER.load(Ordering::Relaxed) == 0 {
        print(what);
    }
}

/// A queue's number turned out to be another file's.
#[cold]
pub(crate) fn queue_was_closed(kq: RawFd) {
    print(format_args!(
        "{kq} was a kqueue, closed unseen: it is a file that is new"
    ));
}
