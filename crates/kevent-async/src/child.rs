//! `Child`: a process of our own, its pipes and its end.

use std::future::poll_fn;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::OwnedFd;
use std::process::{self, Command, ExitStatus};

use kevent::{Kevent, NoteProc};

use crate::io::Io;
use crate::source::Source;

/// A child process: [`std::process::Child`] with an `EVFILT_PROC` knote for its exit, and its
/// pipes in this thread's queue.
///
/// Dropping it leaves the process alone, as with the standard library: it goes on, and nobody
/// waits for it, unless [`set_kill_on_drop`](Self::set_kill_on_drop) says otherwise. So does
/// dropping the future of [`status`](Self::status), which may be called again.
///
/// # Examples
/// ```
/// use futures_lite::AsyncReadExt;
/// use kevent_async::{Child, block_on};
/// use std::process::{Command, Stdio};
///
/// block_on(async {
///     let mut command = Command::new("sh");
///     command.args(["-c", "echo hello; exit 7"]).stdout(Stdio::piped());
///     let mut child = Child::spawn(&mut command)?;
///     let mut output = String::new();
///     if let Some(mut stdout) = child.stdout.take() {
///         stdout.read_to_string(&mut output).await?;
///     }
///     assert_eq!(output, "hello\n");
///     assert_eq!(child.status().await?.code(), Some(7));
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # References
/// kqueue(2), FreeBSD 15, `EVFILT_PROC`; `docs/semantics.md`, C7.
#[derive(Debug)]
pub struct Child {
    /// The pipe to its standard input, if that was [`Stdio::piped`](process::Stdio::piped).
    pub stdin: Option<Io<PipeWriter>>,
    /// The pipe from its standard output, if that was piped.
    pub stdout: Option<Io<PipeReader>>,
    /// The pipe from its standard error, if that was piped.
    pub stderr: Option<Io<PipeReader>>,
    /// Until the child is reaped: then its number, and with it the knote, may be another's.
    exit: Option<Source>,
    process: process::Child,
    is_killed_on_drop: bool,
}

impl Child {
    /// Starts the process. Its pipes are non-blocking on this side only.
    ///
    /// # Errors
    /// - as [`Command::spawn`].
    /// - `EMFILE`, `ENFILE`, `ENOMEM`: no descriptor or memory left to watch it; the process is
    ///   killed then.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        let mut process = command.spawn()?;
        let stdin = process.stdin.take();
        let stdout = process.stdout.take();
        let stderr = process.stderr.take();
        let mut child = Self {
            stdin: None,
            stdout: None,
            stderr: None,
            exit: None,
            process,
            // If what follows fails.
            is_killed_on_drop: true,
        };
        child.exit = Some(Source::watch(Kevent::proc(child.id(), NoteProc::EXIT))?);
        child.stdin = stdin.map(|pipe| pipe_of(pipe.into())).transpose()?;
        child.stdout = stdout.map(|pipe| pipe_of(pipe.into())).transpose()?;
        child.stderr = stderr.map(|pipe| pipe_of(pipe.into())).transpose()?;
        child.is_killed_on_drop = false;
        Ok(child)
    }

    /// The process's number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Whether dropping this kills the process (SIGKILL), if it has not ended, and waits for it:
    /// for as long as the kernel takes to end it. At first it does not.
    pub fn set_kill_on_drop(&mut self, is_killed: bool) {
        self.is_killed_on_drop = is_killed;
    }

    /// Kills the process (SIGKILL). Does nothing if its end is known already.
    ///
    /// # Errors
    /// As kill(2).
    pub fn kill(&mut self) -> io::Result<()> {
        self.process.kill()
    }

    /// Waits for the end of the process, and reaps it. Closes [`stdin`](Self::stdin) first, so
    /// that a process that reads to the end of its input comes to an end.
    ///
    /// A process that fills a pipe that nobody reads does not end: take the pipes out and read
    /// them in another task. The answer is the same whenever this is called again.
    ///
    /// # Errors
    /// `ECHILD`: somebody else has reaped it, or the program ignores SIGCHLD.
    pub async fn status(&mut self) -> io::Result<ExitStatus> {
        self.stdin = None;
        loop {
            if let Some(status) = self.try_status()? {
                return Ok(status);
            }
            if let Some(exit) = &self.exit {
                poll_fn(|context| exit.poll_notes(context)).await;
            }
        }
    }

    /// How the process ended, if it has; it is reaped then.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub fn try_status(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.process.try_wait();
        if !matches!(status, Ok(None)) {
            self.exit = None;
        }
        status
    }
}

fn pipe_of<T: From<OwnedFd> + std::os::fd::AsFd>(end: OwnedFd) -> io::Result<Io<T>> {
    Io::new(end.into())
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.is_killed_on_drop && matches!(self.try_status(), Ok(None)) {
            // Either fails only if there is nobody left to kill.
            drop(self.process.kill());
            drop(self.process.wait());
            self.exit = None;
        }
    }
}
