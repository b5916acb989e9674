//! The behaviour table of `docs/semantics.md`, section F, against this crate.
//!
//! `cargo test -p kevent --test conformance -- q_a_01` runs one case; `KEVENT_FORCE=name,...` in a
//! build with `--cfg kevent_test` runs the table with those fallbacks forced.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::process::ExitCode;
use std::time::Duration;

use conformance::sys::kevent_into;
use conformance::{Front, Options, QueueFront};
use kevent::{Kevent, Kqueue};

struct Rust;

struct RustQueue(Kqueue);

impl Front for Rust {
    fn name(&self) -> &'static str {
        "kevent"
    }

    fn open(&self, options: Options) -> io::Result<Box<dyn QueueFront>> {
        let mut builder = Kqueue::builder();
        if options.exact_socket_errors {
            builder = builder.exact_socket_errors();
        }
        if let Some(count) = options.timers_max {
            builder = builder.timers_max(count);
        }
        if options.copy_on_fork {
            builder = builder.copy_on_fork();
        }
        Ok(Box::new(RustQueue(builder.build()?)))
    }

    fn is_ignored(&self, signal: i32) -> bool {
        kevent::signal::disposition(signal).is_ok_and(|seen| seen.is_ignore())
    }
}

impl QueueFront for RustQueue {
    fn kevent(
        &self,
        changelist: &[Kevent],
        eventlist: &mut [Kevent],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        kevent_into(&self.0, changelist, eventlist, timeout)
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    fn close(&self) {
        self.0.close();
    }

    fn try_clone(&self) -> io::Result<Box<dyn QueueFront>> {
        Ok(Box::new(Self(self.0.try_clone()?)))
    }

    fn forget_fd(&self, fd: RawFd) {
        self.0.forget_fd(fd);
    }
}

fn main() -> ExitCode {
    conformance::harness::main(&Rust)
}
