//! `Slot`: what the reactor remembers of one source between two waits.
//!
//! Pure state; the table moves it and `turn` talks to the queue.

use std::io;
use std::os::fd::RawFd;
use std::time::Instant;

use kevent::{Filter, Kevent};

use super::waiters::Waiters;

/// Reading or writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Data to read, connections to accept, end of file: `EVFILT_READ`.
    #[doc(alias = "EVFILT_READ")]
    Read,
    /// Space to write, a connection that came to be: `EVFILT_WRITE`.
    #[doc(alias = "EVFILT_WRITE")]
    Write,
}

/// One source.
#[derive(Debug)]
pub(crate) enum Slot {
    Descriptor(Descriptor),
    Timer(Timer),
    User(User),
    Watch(Watch),
}

/// A descriptor with at most two knotes.
#[derive(Debug)]
pub(crate) struct Descriptor {
    pub(crate) fd: RawFd,
    /// This listens, and its events count the connections that wait.
    pub(crate) counts_backlog: bool,
    /// Connections that wait, if they are counted: `data` of the last event less those accepted.
    pub(crate) backlog: u32,
    pub(crate) read: Side,
    pub(crate) write: Side,
}

/// One direction of a descriptor.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) knote: Knote,
    /// An operation may succeed: the queue said so and nothing has refuted it.
    pub(crate) is_ready: bool,
    /// The last event carried `EV_EOF`: there is an end, or an error, still to be read.
    pub(crate) is_eof: bool,
    /// The errno with which the queue refused the knote, not yet told to anyone; else 0.
    pub(crate) refusal: i32,
    pub(crate) waiters: Waiters,
}

/// Where a knote is on its way into the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Knote {
    /// Not there.
    Absent,
    /// Noted for the next changelist.
    Wanted,
    /// There, as far as we know: a refusal has yet to come.
    Present,
}

/// A timer, which may stand in the queue with an earlier deadline than its own.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    /// When it is to fire; `None`: never.
    pub(crate) deadline: Option<Instant>,
    /// The deadline its knote has.
    pub(crate) armed_for: Option<Instant>,
    /// It is noted for the next changelist.
    pub(crate) is_wanted: bool,
    pub(crate) has_fired: bool,
    pub(crate) waiters: Waiters,
}

/// A user event.
#[derive(Debug, Default)]
pub(crate) struct User {
    pub(crate) is_notified: bool,
    pub(crate) waiters: Waiters,
}

/// One knote whose notes are kept until somebody takes them.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) filter: Filter,
    pub(crate) ident: usize,
    /// The queue holds the knote.
    pub(crate) is_present: bool,
    /// What happened and nobody has taken: `fflags` of the events so far.
    pub(crate) notes: u32,
    pub(crate) waiters: Waiters,
}

impl Watch {
    /// Nothing has happened to what `change` names, which is not in the queue yet.
    pub(crate) fn new(change: &Kevent) -> Self {
        Self {
            filter: change.filter,
            ident: change.ident,
            is_present: false,
            notes: 0,
            waiters: Waiters::default(),
        }
    }
}

impl Descriptor {
    /// Nothing is known yet: reading waits for the queue's word, writing is tried.
    pub(crate) fn new(fd: RawFd) -> Self {
        Self {
            fd,
            counts_backlog: false,
            backlog: 0,
            read: Side::new(false),
            write: Side::new(true),
        }
    }

    pub(crate) fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::Read => &mut self.read,
            Direction::Write => &mut self.write,
        }
    }

    /// One connection was accepted, or is gone.
    pub(crate) fn take_from_backlog(&mut self) {
        self.backlog = self.backlog.saturating_sub(1);
        if self.backlog == 0 {
            self.read.set_blocked();
        }
    }

    /// Whether the queue may hold a knote of it.
    pub(crate) fn is_registered(&self) -> bool {
        self.read.knote == Knote::Present || self.write.knote == Knote::Present
    }
}

impl Side {
    fn new(is_ready: bool) -> Self {
        Self {
            knote: Knote::Absent,
            is_ready,
            is_eof: false,
            refusal: 0,
            waiters: Waiters::default(),
        }
    }

    /// What a task that waits is told now; `None`: it has to wait.
    pub(crate) fn answer(&mut self) -> Option<io::Result<()>> {
        if self.refusal != 0 {
            let errno = std::mem::take(&mut self.refusal);
            return Some(Err(io::Error::from_raw_os_error(errno)));
        }
        self.is_ready.then_some(Ok(()))
    }

    /// An event came.
    pub(crate) fn set_ready(&mut self, is_eof: bool) {
        self.is_ready = true;
        self.is_eof = is_eof;
    }

    /// A transfer came short. That says nothing about an end of file still to come.
    pub(crate) fn clear_ready(&mut self) {
        self.is_ready = self.is_eof;
    }

    /// An operation said `EWOULDBLOCK`.
    pub(crate) fn set_blocked(&mut self) {
        self.is_ready = false;
        self.is_eof = false;
    }

    /// The queue refused the knote.
    pub(crate) fn set_refused(&mut self, errno: i32) {
        self.knote = Knote::Absent;
        self.refusal = errno;
    }
}

impl Timer {
    /// Moves the deadline. Returns whether the queue must be told: not if the knote fires earlier
    /// anyway, since it can then be armed again for the rest.
    pub(crate) fn set_deadline(&mut self, deadline: Option<Instant>) -> bool {
        self.deadline = deadline;
        self.has_fired = false;
        let Some(deadline) = deadline else {
            return false;
        };
        !self.is_wanted && self.armed_for.is_none_or(|armed_for| armed_for > deadline)
    }

    /// Its knote's event came, and the knote is gone. Returns whether it is to be armed again,
    /// because the deadline was moved meanwhile.
    pub(crate) fn expire(&mut self, now: Instant) -> bool {
        self.armed_for = None;
        match self.deadline {
            Some(deadline) if deadline <= now => {
                self.has_fired = true;
                false
            }
            Some(_) => !self.is_wanted,
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Side, Timer};

    #[test]
    fn a_short_read_before_the_end_of_file_keeps_reading_ready() {
        let mut side = Side::new(false);
        side.set_ready(true);
        side.clear_ready();
        assert!(side.is_ready);
        side.set_blocked();
        assert!(!side.is_ready);
    }

    #[test]
    fn a_short_read_waits_for_the_next_edge() {
        let mut side = Side::new(false);
        side.set_ready(false);
        side.clear_ready();
        assert!(side.answer().is_none());
    }

    #[test]
    fn a_refusal_is_told_once() {
        let mut side = Side::new(false);
        side.set_refused(9);
        let told = side.answer().expect("an answer").expect_err("an error");
        assert_eq!(told.raw_os_error(), Some(9));
        assert!(side.answer().is_none());
    }

    #[test]
    fn postponing_an_armed_timer_does_not_touch_the_queue() {
        let start = Instant::now();
        let at = |seconds| Some(start + Duration::from_secs(seconds));
        let mut timer = Timer {
            deadline: at(1),
            armed_for: at(1),
            ..Timer::default()
        };
        assert!(!timer.set_deadline(at(5)), "postponed");
        assert!(!timer.set_deadline(None), "switched off");
        assert!(timer.set_deadline(at(0)), "moved earlier");
    }

    #[test]
    fn an_early_expiry_arms_the_timer_for_the_rest() {
        let start = Instant::now();
        let mut timer = Timer::default();
        assert!(timer.set_deadline(Some(start + Duration::from_secs(5))));
        assert!(timer.expire(start + Duration::from_secs(1)));
        assert!(!timer.has_fired);
        assert!(!timer.expire(start + Duration::from_secs(5)));
        assert!(timer.has_fired);
    }
}
