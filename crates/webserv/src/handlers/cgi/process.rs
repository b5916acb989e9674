//! A running program: started with its pipes, read until its head is there, and always ended.
//!
//! Its process group is signalled only before its leader is reaped, so the group's number cannot
//! have become another's.

use std::future::poll_fn;
use std::io::{self, PipeReader};
use std::os::unix::process::CommandExt;
use std::pin::{Pin, pin};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Once;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use close_fds::CloseFdsBuilder;
use futures_lite::AsyncRead;
use kevent_async::{Child, Io, Timer, spawn, timeout};
use rustix::process::{Pid, Signal, kill_process_group};

use super::environment::Environment;
use super::failed::Failed;
use super::feed::Feed;
use super::gate::Permit;
use super::head::{Head, HeadScanner};
use super::script::Script;
use super::standard_error;
use crate::connection::client::Client;
use crate::limits::{CGI_KILL_GRACE, CGI_PIECE_BYTES};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A program and its pipes. Dropping it ends the program: nobody wants its output.
#[derive(Debug)]
pub(super) struct Process {
    /// Until somebody else sees to its end.
    running: Option<Running>,
    stdout: Io<PipeReader>,
    pub(super) feed: Feed,
    /// When its time is over.
    timer: Timer,
}

impl Process {
    /// Starts a script.
    ///
    /// # Errors
    ///
    /// [`Failed::Start`] and [`Failed::Exhausted`].
    pub(super) fn start(
        script: &Script<'_>,
        environment: &Environment,
        has_content: bool,
        permit: Permit,
    ) -> Result<Self, Failed> {
        close_inherited();
        let mut command = match &script.program.interpreter {
            Some(interpreter) => Command::new(interpreter),
            None => Command::new(script.file()),
        };
        if script.program.interpreter.is_some() {
            command.arg(script.file());
        }
        if let Some(directory) = script.file().parent() {
            command.current_dir(directory);
        }
        // A process group of its own; the standard library gives it default signals.
        command.env_clear().envs(environment).process_group(0);
        command.stdin(if has_content {
            Stdio::piped()
        } else {
            Stdio::null()
        });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Child::spawn(&mut command).map_err(Failed::to_start)?;
        child.set_kill_on_drop(true);
        let now = Instant::now();
        // A time beyond what the clock can name is a day.
        let deadline = now.checked_add(script.program.timeout).unwrap_or(now + DAY);
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();
        let feed = Feed::new(child.stdin.take());
        let running = Running {
            child,
            permit: Some(permit),
            deadline,
            is_reaped: false,
        };
        let stdout = stdout.ok_or(Failed::Ended)?;
        if let Some(stderr) = stderr {
            spawn(standard_error::log(
                stderr,
                script.file().to_owned(),
                deadline + CGI_KILL_GRACE,
            ))
            .detach();
        }
        Ok(Process {
            running: Some(running),
            stdout,
            feed,
            timer: Timer::at(deadline),
        })
    }

    /// The head of its output, and what has come of the rest.
    ///
    /// # Errors
    ///
    /// A [`Failed`].
    pub(super) async fn head(&mut self, client: &Client) -> Result<(Head, Vec<u8>), Failed> {
        let mut gone = pin!(client.gone());
        let mut scanner = HeadScanner::default();
        let mut output = Vec::new();
        let mut piece = vec![0; CGI_PIECE_BYTES];
        loop {
            let count = poll_fn(|context| {
                if let Poll::Ready(Err(fault)) = self.feed.poll(context) {
                    return Poll::Ready(Err(Failed::Content(fault)));
                }
                if let Poll::Ready(read) = self.poll_output(context, &mut piece) {
                    return Poll::Ready(read);
                }
                // While content is read, its reader notices the client's end.
                if self.feed.is_done() && gone.as_mut().poll(context).is_ready() {
                    return Poll::Ready(Err(Failed::ClientGone));
                }
                Poll::Pending
            })
            .await?;
            if count == 0 {
                return Err(Failed::Ended);
            }
            output.extend_from_slice(piece.get(..count).unwrap_or_default());
            if let Some(end) = scanner.end(&output)? {
                let rest = output.split_off(end);
                return Ok((Head::parse(&output)?, rest));
            }
        }
    }

    /// Reads what the program has written; 0 bytes are the end.
    pub(super) fn poll_output(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, Failed>> {
        if let Poll::Ready(read) = Pin::new(&mut self.stdout).poll_read(context, buffer) {
            return Poll::Ready(read.map_err(|_| Failed::Ended));
        }
        ready!(Pin::new(&mut self.timer).poll(context));
        Poll::Ready(Err(Failed::TimedOut))
    }

    /// Lets the program end by itself, as long as its time lasts.
    pub(super) fn release(mut self) {
        self.leave();
    }

    /// The same, for a program that has closed its output.
    pub(super) fn leave(&mut self) {
        if let Some(running) = self.running.take() {
            spawn(running.end_by_itself()).detach();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            spawn(running.end_now()).detach();
        }
    }
}

/// Sees to it that no program gets a descriptor that this server was started with by accident. What
/// the server opens itself is closed on exec anyway.
fn close_inherited() {
    static CLOSED: Once = Once::new();
    CLOSED.call_once(|| {
        CloseFdsBuilder::new().cloexecfrom(3);
    });
}

/// A program that has not been reaped.
#[derive(Debug)]
struct Running {
    child: Child,
    /// Its place among those that may run; given back when it is reaped.
    permit: Option<Permit>,
    deadline: Instant,
    is_reaped: bool,
}

impl Running {
    async fn end_by_itself(mut self) {
        let time = self.deadline.saturating_duration_since(Instant::now());
        match timeout(time, self.child.status()).await {
            Ok(status) => self.reaped(status),
            Err(_) => self.end_now().await,
        }
    }

    async fn end_now(mut self) {
        self.signal(Signal::TERM);
        let status = timeout(CGI_KILL_GRACE, self.child.status()).await;
        match status {
            Ok(status) => self.reaped(status),
            Err(_) => {
                self.signal(Signal::KILL);
                let status = self.child.status().await;
                self.reaped(status);
            }
        }
    }

    fn reaped(&mut self, status: io::Result<ExitStatus>) {
        self.is_reaped = true;
        self.permit = None;
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => tracing::info!(pid = self.child.id(), %status, "a CGI program ended"),
            Err(error) => tracing::warn!(%error, "a CGI program was reaped by somebody else"),
        }
    }

    /// Signals the whole group: the program and what it has started.
    fn signal(&self, signal: Signal) {
        let number = i32::try_from(self.child.id()).ok();
        if let Some(group) = number.and_then(Pid::from_raw) {
            // Fails only if everybody in it has ended.
            let _ = kill_process_group(group, signal);
        }
    }
}

/// A worker that ends takes its programs along.
impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_reaped {
            self.signal(Signal::KILL);
        }
    }
}
