//! A watched process: its pidfd, its subscription to process events, and what is known of its end.
//!
//! Costs one descriptor. The pidfd alone says that the process is gone; the events of the
//! connector, where subscribed to, say in which order things happened and with which status.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use super::exit_status;
use super::process_events::Subscription;
use crate::flags::NoteProc;
use crate::sys;
use crate::sys::own::Own;

const IN: u32 = libc::EPOLLIN.cast_unsigned();
const HUP: u32 = libc::EPOLLHUP.cast_unsigned();

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Alive,
    /// It is gone; how it ended will be told by its subscription.
    Awaited,
    /// It ended with this status.
    Exited(i32),
}

/// A process that a knote watches.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    /// A followed child that was reaped before the queue came to look has none.
    pub(crate) pidfd: Option<Own>,
    pub(crate) wanted: NoteProc,
    pub(crate) subscription: Option<Subscription>,
    /// What the connector said of its first thread's end.
    pub(crate) told: Option<i32>,
    pub(crate) stage: Stage,
    /// When a followed child was made, in nanoseconds of the monotonic clock.
    pub(crate) born_at: Option<u64>,
}

impl Process {
    pub(crate) const fn new(pid: i32, pidfd: Option<Own>, wanted: NoteProc) -> Self {
        Self {
            pid,
            pidfd,
            wanted,
            subscription: None,
            told: None,
            stage: Stage::Alive,
            born_at: None,
        }
    }

    /// Opens the pidfd of a followed child. It has none if it was reaped before, although its
    /// number may be another process's by now, or if there is no descriptor left.
    pub(crate) fn open(&mut self) {
        self.pidfd = sys::process::open(self.pid).ok().map(Own::from);
        let is_later = |born_at| start_time(self.pid).is_some_and(|start| start > born_at);
        if self.born_at.is_some_and(is_later) {
            self.pidfd = None;
        }
    }

    pub(crate) fn fd(&self) -> Option<RawFd> {
        self.pidfd.as_ref().map(AsRawFd::as_raw_fd)
    }

    /// Whether all of it is gone.
    pub(crate) fn has_exited(&self) -> bool {
        match self.fd() {
            Some(fd) => sys::descriptor::poll(fd).is_ok_and(|ready| ready & IN != 0),
            None => self.told.is_some() || !sys::process::exists(self.pid),
        }
    }

    /// Whether it was reaped, by somebody or by itself.
    pub(crate) fn is_reaped(&self) -> bool {
        match self.fd() {
            Some(fd) => sys::descriptor::poll(fd).is_ok_and(|ready| ready & HUP != 0),
            None => true,
        }
    }

    /// How it ended, as far as anybody tells now.
    pub(crate) fn status(&self) -> Option<i32> {
        match &self.pidfd {
            Some(pidfd) => exit_status::ask(pidfd.as_fd(), self.pid, self.told),
            None => self.told,
        }
    }

    /// Whether an exit with this status, known from elsewhere, is told only after the connector has
    /// told of it, and so of all children before it.
    pub(crate) const fn awaits_word(&self, status: Option<i32>) -> bool {
        status.is_none() || self.wanted.contains(NoteProc::TRACK)
    }

    /// Whether its number now belongs to another process.
    pub(crate) fn is_succeeded(&self) -> bool {
        let is_reaped = match &self.pidfd {
            Some(pidfd) => sys::process::is_reaped(pidfd.as_fd()),
            None => self.stage != Stage::Alive,
        };
        is_reaped && sys::process::exists(self.pid)
    }
}

/// When the process with this number was made, in nanoseconds of the monotonic clock, rounded
/// down to a tick.
fn start_time(pid: i32) -> Option<u64> {
    /// Ticks of `/proc`: a hundredth of a second.
    const TICK: u64 = 10_000_000;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    // The 22nd field; the name is the second.
    let ticks: u64 = rest.split(' ').nth(19)?.parse().ok()?;
    let since_boot = ticks.checked_mul(TICK)?;
    Some(since_boot.saturating_sub(sys::clock::suspended()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::sys::clock::{Clock, now};

    #[test]
    fn a_number_with_a_later_owner_is_not_opened() {
        let before = now(Clock::Monotonic);
        let mut child = Command::new("sh").args(["-c", "read x"]).spawn().unwrap();
        let after = now(Clock::Monotonic);
        let pid = i32::try_from(child.id()).unwrap();
        let mut process = Process::new(pid, None, NoteProc::EXIT);
        process.born_at = Some(after);
        process.open();
        assert!(process.pidfd.is_some(), "made before that");
        process.born_at = Some(before.saturating_sub(1_000_000_000));
        process.open();
        assert!(process.pidfd.is_none(), "made a second after that");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
