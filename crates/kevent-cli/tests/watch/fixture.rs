//! The program started, and its lines awaited with a deadline.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const DEADLINE: Duration = Duration::from_secs(10);

/// A watch that has begun, or a refusal. Killed when dropped.
pub(crate) struct Watching {
    pub(crate) child: Child,
    output: Receiver<String>,
    errors: Receiver<String>,
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kevent"));
    command.arg("watch").args(arguments);
    command
}

impl Watching {
    /// Starts it, and waits until everything is watched.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::try_start(arguments).unwrap_or_else(|refusal| panic!("refused: {refusal}"))
    }

    /// The same; the sentence on standard error if it is refused.
    pub(crate) fn try_start(arguments: &[&str]) -> Result<Self, String> {
        let mut child = command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = lines(child.stdout.take().unwrap());
        let errors = lines(child.stderr.take().unwrap());
        let watching = Self {
            child,
            output,
            errors,
        };
        let first = watching.error();
        if first == "kevent: watching" {
            Ok(watching)
        } else {
            Err(first)
        }
    }

    /// The next line of standard output that contains all of these.
    pub(crate) fn line(&self, parts: &[&str]) -> String {
        let end = Instant::now() + DEADLINE;
        let mut others = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(line) if parts.iter().all(|part| line.contains(part)) => return line,
                Ok(line) => others.push(line),
                Err(error) => panic!("no line with {parts:?} ({error}), but {others:#?}"),
            }
        }
    }

    /// The next line of standard error.
    pub(crate) fn error(&self) -> String {
        self.errors.recv_timeout(DEADLINE).unwrap()
    }

    pub(crate) fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The remaining lines of standard output, and the status, once it has ended.
    pub(crate) fn end(mut self) -> (Vec<String>, ExitStatus) {
        drop(self.child.stdin.take());
        let end = Instant::now() + DEADLINE;
        let mut rest = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(line) => rest.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end, after {rest:#?}"),
            }
        }
        let status = self.child.wait().unwrap();
        (rest, status)
    }

    /// Ends it by SIGTERM, which is no failure.
    pub(crate) fn stop(self) -> Vec<String> {
        self.send(Signal::TERM);
        let (rest, status) = self.end();
        assert_eq!(status.code(), Some(0));
        rest
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            // The test may have seen enough.
            if sender.send(line.unwrap()).is_err() {
                break;
            }
        }
    });
    receiver
}
