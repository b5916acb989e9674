//! The command of `--exec`: when it runs, and that a run always starts after the last change.
//!
//! A change makes a run due. A due run starts when no other is under way and a moment has passed,
//! so that changes that come together give one run; what comes after the start makes the next one
//! due. The exit is seen as NOTE_EXIT in the queue that brings the changes.

use std::process::{Child, Command};
use std::time::Duration;

use kevent::{Kevent, Kqueue, NoteProc};

use crate::failure::{Failure, because};

/// How long a due run waits for further changes. Not extended by them, so that a file that never
/// rests cannot hold it up for ever.
const MOMENT: Duration = Duration::from_millis(20);

/// Where the queue's events of a run are recognised by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tokens {
    /// `udata`, and the timer's `ident`: the moment has passed.
    pub(crate) moment: usize,
    /// `udata`: the command has exited.
    pub(crate) exit: usize,
}

/// The command, and the run that is under way or due.
#[derive(Debug)]
pub(crate) struct Run {
    command: String,
    tokens: Tokens,
    child: Option<Child>,
    is_due: bool,
    timer_runs: bool,
}

impl Run {
    pub(crate) fn new(command: &str, tokens: Tokens) -> Self {
        Self {
            command: command.to_owned(),
            tokens,
            child: None,
            is_due: false,
            timer_runs: false,
        }
    }

    /// Something has changed: a run must start after this.
    pub(crate) fn changed(&mut self, queue: &Kqueue) -> Result<(), Failure> {
        self.is_due = true;
        self.wait_a_moment(queue)
    }

    /// The moment has passed.
    pub(crate) fn moment_passed(&mut self, queue: &Kqueue) -> Result<(), Failure> {
        self.timer_runs = false;
        if !self.is_due || self.child.is_some() {
            return Ok(());
        }
        self.is_due = false;
        let child = Command::new("sh")
            .args(["-c", &self.command])
            .spawn()
            .map_err(because("cannot run sh for --exec"))?;
        let exit = Kevent::proc(child.id(), NoteProc::EXIT).udata(self.tokens.exit);
        self.child = Some(child);
        queue
            .apply(&[exit])
            .map_err(because("cannot watch the command of --exec"))
    }

    /// The command has exited: it is reaped, and the next run follows if one is due. The sentence
    /// is for the user, where the command has failed.
    pub(crate) fn exited(&mut self, queue: &Kqueue) -> Result<Option<String>, Failure> {
        let Some(mut child) = self.child.take() else {
            return Ok(None);
        };
        let status = child
            .wait()
            .map_err(because("cannot learn how the command of --exec ended"))?;
        if self.is_due {
            self.wait_a_moment(queue)?;
        }
        Ok((!status.success()).then(|| format!("the command ended with {status}")))
    }

    /// No run starts any more; one that is under way goes on.
    pub(crate) fn start_no_more(&mut self) {
        self.is_due = false;
    }

    /// No run is under way or due.
    pub(crate) fn is_idle(&self) -> bool {
        self.child.is_none() && !self.is_due
    }

    fn wait_a_moment(&mut self, queue: &Kqueue) -> Result<(), Failure> {
        if self.timer_runs || self.child.is_some() {
            return Ok(());
        }
        let timer = Kevent::timer(self.tokens.moment, MOMENT).oneshot();
        queue
            .apply(&[timer.udata(self.tokens.moment)])
            .map_err(because("cannot set a timer for --exec"))?;
        self.timer_runs = true;
        Ok(())
    }
}
