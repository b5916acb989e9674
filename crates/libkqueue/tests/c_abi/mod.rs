//! The C library as an implementation for the behaviour table: a queue is a number, close(2) and
//! dup(2) are the C library's own, and nothing tells a queue that a descriptor is closed.
//!
//! The shared library is loaded in front of the C library (`LD_PRELOAD`), which is where a program
//! linked to it finds it: so the interposed functions see what this program and the standard
//! library call.
#![expect(
    clippy::expect_used,
    reason = "a test states what it expects by panicking"
)]

mod sys;

use std::env;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use conformance::sys::told_handler;
use conformance::{Front, Options, QueueFront};
use kevent::{Flags, Kevent};

use sys::Functions;

/// A layout of `struct kevent` with its numbers, as a C program has them from the header.
pub(crate) trait Layout: Copy + PartialEq + Send + Sync + 'static {
    /// What the implementation is called in reports.
    const NAME: &'static str;
    /// The symbol of its kevent(2).
    const KEVENT: &'static std::ffi::CStr;
    /// A slot that the library has not written: no event looks like it.
    const UNWRITTEN: Self;

    /// The change in this layout.
    fn from_change(change: &Kevent) -> Self;

    /// What the library returned, in the table's terms. Panics if its flags are not what this
    /// interface promises.
    fn to_event(self, changelist: &[Kevent]) -> Kevent;

    /// As [`Front::cannot`].
    fn cannot(id: &str) -> Option<&'static str>;
}

/// Runs the table with this layout.
pub(crate) fn main<L: Layout>() -> ExitCode {
    match Functions::find(L::KEVENT) {
        Some(functions) => conformance::harness::main(&C::<L> {
            functions,
            layout: PhantomData,
        }),
        None => load_in_front(),
    }
}

/// Starts this program again, with the library in front of the C library.
fn load_in_front() -> ExitCode {
    const LOADED: &str = "KQUEUE_CONFORMANCE_IS_LOADED";
    let this = env::current_exe().expect("this program");
    // Cargo puts the library that a test was built with beside the test.
    let library = this.with_file_name("libkqueue.so");
    if env::var_os(LOADED).is_some() || !library.exists() {
        eprintln!("{} cannot be loaded", library.display());
        return ExitCode::FAILURE;
    }
    let error = Command::new(this)
        .args(env::args_os().skip(1))
        .env("LD_PRELOAD", library)
        .env(LOADED, "1")
        .exec();
    eprintln!("this program cannot be started again: {error}");
    ExitCode::FAILURE
}

struct C<L> {
    functions: Functions,
    layout: PhantomData<L>,
}

impl<L: Layout> Front for C<L> {
    fn name(&self) -> &'static str {
        L::NAME
    }

    fn open(&self, options: Options) -> io::Result<Box<dyn QueueFront>> {
        let queue = if options.copy_on_fork {
            self.functions.kqueuex(sys::KQUEUE_CPONFORK)?
        } else {
            self.functions.kqueue1(libc::O_CLOEXEC)?
        };
        assert!(
            !options.exact_socket_errors && options.timers_max.is_none(),
            "options that C cannot give: the case must be named by `cannot`"
        );
        Ok(Box::new(CQueue::<L>::new(self.functions, queue)))
    }

    fn is_ignored(&self, signal: i32) -> bool {
        told_handler(signal) == libc::SIG_IGN
    }

    fn cannot(&self, id: &str) -> Option<&'static str> {
        match id {
            "T-35" => Some("C has no call to limit a queue's timers"),
            _ => L::cannot(id),
        }
    }
}

/// A queue's number.
struct CQueue<L> {
    functions: Functions,
    fd: RawFd,
    is_closed: AtomicBool,
    layout: PhantomData<L>,
}

impl<L: Layout> CQueue<L> {
    fn new(functions: Functions, queue: OwnedFd) -> Self {
        use std::os::fd::IntoRawFd;
        Self {
            functions,
            fd: queue.into_raw_fd(),
            is_closed: AtomicBool::new(false),
            layout: PhantomData,
        }
    }
}

impl<L: Layout> QueueFront for CQueue<L> {
    fn kevent(
        &self,
        changelist: &[Kevent],
        eventlist: &mut [Kevent],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        let changes: Vec<L> = changelist.iter().map(L::from_change).collect();
        let mut slots = vec![L::UNWRITTEN; eventlist.len()];
        let result = self
            .functions
            .kevent(self.fd, &changes, &mut slots, timeout);
        // A call that fails may have written answers before.
        let written = slots.iter().take_while(|slot| **slot != L::UNWRITTEN);
        let mut count = 0;
        for (place, slot) in eventlist.iter_mut().zip(written) {
            *place = slot.to_event(changelist);
            count += 1;
        }
        let is_rest_untouched = slots.iter().skip(count).all(|slot| *slot == L::UNWRITTEN);
        assert!(is_rest_untouched, "a hole in what was returned");
        if let Ok(returned) = result {
            assert_eq!(returned, count, "the number of slots written");
        }
        result
    }

    fn fd(&self) -> BorrowedFd<'_> {
        sys::borrow(self.fd)
    }

    fn close(&self) {
        if !self.is_closed.swap(true, Ordering::AcqRel) {
            sys::close(self.fd);
        }
    }

    fn try_clone(&self) -> io::Result<Box<dyn QueueFront>> {
        let duplicate = self.fd().as_fd().try_clone_to_owned()?;
        Ok(Box::new(Self::new(self.functions, duplicate)))
    }

    fn forget_fd(&self, _: RawFd) {
        // close(2) and dup2(2) are seen.
    }
}

impl<L> Drop for CQueue<L> {
    fn drop(&mut self) {
        if !self.is_closed.load(Ordering::Acquire) {
            sys::close(self.fd);
        }
    }
}

impl<L: Layout> AsRawFd for CQueue<L> {
    fn as_raw_fd(&self) -> RawFd {
        self.fd
    }
}

/// The actions, which an event does not have, and an answer has as the change had them.
pub(crate) fn actions() -> Flags {
    Flags::ADD | Flags::DELETE | Flags::ENABLE | Flags::DISABLE
}
