//! The sides of the queue's cases: bare epoll, the crate `kevent`, and a C library.
//!
//! All are generic parameters of the jobs, never trait objects: a call through a table would cost
//! as much as what is measured.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use kevent::{Events, Filter, Flags, Kevent, Kqueue, NoteIo};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use crate::rounds::{Comparison, Sample};
use crate::sys::library::{CKevent, Library};

/// Room for events in one wait, on every side.
pub(crate) const ROOM: usize = 64;

/// What every side can do: watch descriptors for reading, level-triggered, and wait.
pub(crate) trait Poller {
    /// Watches `fd`; its events bring `token`.
    fn watch(&mut self, fd: BorrowedFd<'_>, token: usize) -> io::Result<()>;

    /// Waits without limit and hands each ready token to `each`; returns how many there were.
    fn wait(&mut self, each: impl FnMut(usize) -> io::Result<()>) -> io::Result<usize>;
}

/// What both forms of kevent(2) can do.
pub(crate) trait Queue: Poller {
    /// A change in the form that the side takes.
    type Change: Copy;

    /// Converts a change, outside what is measured.
    fn change(change: Kevent) -> Self::Change;

    /// One call of kevent() with room for [`ROOM`] events; returns how many came.
    fn call(&mut self, changes: &[Self::Change], timeout: Option<Duration>) -> io::Result<usize>;

    /// One call of kevent() without an eventlist.
    fn apply(&mut self, changes: &[Self::Change]) -> io::Result<()>;

    /// `udata` of an event of the last call.
    fn token(&self, position: usize) -> usize;
}

/// A job that every side can do.
pub(crate) trait Job: Copy {
    /// Sets up, warms up, and takes a sample.
    fn run<P: Poller>(self, make: impl Fn() -> io::Result<P>, turns: u32) -> io::Result<Sample>;
}

/// A job that needs a kqueue.
pub(crate) trait QueueJob: Copy {
    /// Sets up, warms up, and takes a sample.
    fn run<Q: Queue>(self, make: impl Fn() -> io::Result<Q>, turns: u32) -> io::Result<Sample>;
}

/// The names of the sides that more than one file uses.
pub(crate) const EPOLL: &str = "epoll";
pub(crate) const KEVENT: &str = "kevent";
pub(crate) const OURS_IN_C: &str = "libkqueue";
pub(crate) const PEER: &str = "peer libkqueue";

/// Adds epoll, `kevent` and the libraries as sides that do `job`.
pub(crate) fn add_pollers<'a>(
    comparison: &mut Comparison<'a>,
    libraries: &'a [Library],
    data: Data,
    job: impl Job + 'a,
) {
    comparison.side(EPOLL, move |turns| job.run(Epoll::new, turns));
    comparison.side(KEVENT, move |turns| job.run(|| RustQueue::new(data), turns));
    for library in libraries {
        comparison.side(library.name(), move |turns| {
            job.run(|| CQueue::new(library), turns)
        });
    }
}

/// Adds `kevent` and the libraries as sides that do `job`.
pub(crate) fn add_queues<'a>(
    comparison: &mut Comparison<'a>,
    libraries: &'a [Library],
    job: impl QueueJob + 'a,
) {
    comparison.side(KEVENT, move |turns| {
        job.run(|| RustQueue::new(Data::Without), turns)
    });
    for library in libraries {
        comparison.side(library.name(), move |turns| {
            job.run(|| CQueue::new(library), turns)
        });
    }
}

/// The usual claims: `kevent` against a floor, and our C library against the peer (Q11).
pub(crate) fn usual_claims(
    comparison: &mut Comparison<'_>,
    floor: &str,
    bound: impl Into<Option<f64>>,
) {
    comparison.claim_ratio(KEVENT, floor, bound);
    comparison.claim_ratio(OURS_IN_C, floor, None);
    comparison.claim_ratio(OURS_IN_C, PEER, 1.0);
}

/// Bare epoll.
pub(crate) struct Epoll {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Epoll {
    /// An empty set.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(ROOM),
        })
    }

    /// The set, for epoll_ctl.
    pub(crate) fn set(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

/// A token as epoll's data.
pub(crate) fn epoll_data(token: usize) -> EventData {
    EventData::new_u64(token as u64)
}

impl Poller for Epoll {
    fn watch(&mut self, fd: BorrowedFd<'_>, token: usize) -> io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            fd,
            epoll_data(token),
            EventFlags::IN,
        )?)
    }

    fn wait(&mut self, mut each: impl FnMut(usize) -> io::Result<()>) -> io::Result<usize> {
        self.events.clear();
        epoll::wait(&self.epoll, spare_capacity(&mut self.events), None)?;
        for event in &self.events {
            let data = event.data;
            each(usize::try_from(data.u64()).unwrap_or(usize::MAX))?;
        }
        Ok(self.events.len())
    }
}

/// Whether events tell how much there is to read, which costs a system call for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    With,
    Without,
}

/// The crate `kevent`.
pub(crate) struct RustQueue {
    queue: Kqueue,
    events: Events,
    notes: NoteIo,
}

impl RustQueue {
    /// An empty queue; `data` holds for what [`Poller::watch`] watches.
    pub(crate) fn new(data: Data) -> io::Result<Self> {
        Ok(Self {
            queue: Kqueue::new()?,
            events: Events::with_capacity(ROOM),
            notes: match data {
                Data::With => NoteIo::empty(),
                Data::Without => NoteIo::NO_DATA,
            },
        })
    }

    /// The queue itself.
    pub(crate) fn queue(&self) -> &Kqueue {
        &self.queue
    }
}

impl Poller for RustQueue {
    fn watch(&mut self, fd: BorrowedFd<'_>, token: usize) -> io::Result<()> {
        let change = Kevent::read(fd).fflags(self.notes).udata(token);
        self.queue.apply(&[change])
    }

    fn wait(&mut self, mut each: impl FnMut(usize) -> io::Result<()>) -> io::Result<usize> {
        self.queue.wait(&[], &mut self.events, None)?;
        for event in &self.events {
            each(event.udata)?;
        }
        Ok(self.events.len())
    }
}

impl Queue for RustQueue {
    type Change = Kevent;

    fn change(change: Kevent) -> Kevent {
        change
    }

    fn call(&mut self, changes: &[Kevent], timeout: Option<Duration>) -> io::Result<usize> {
        self.queue.wait(changes, &mut self.events, timeout)
    }

    fn apply(&mut self, changes: &[Kevent]) -> io::Result<()> {
        self.queue.apply(changes)
    }

    fn token(&self, position: usize) -> usize {
        self.events
            .get(position)
            .map_or(usize::MAX, |event| event.udata)
    }
}

/// A C library. Its events always bring `data`.
pub(crate) struct CQueue<'l> {
    library: &'l Library,
    queue: RawFd,
    events: Vec<CKevent>,
}

impl<'l> CQueue<'l> {
    /// An empty queue.
    pub(crate) fn new(library: &'l Library) -> io::Result<Self> {
        Ok(Self {
            library,
            queue: library.kqueue()?,
            events: vec![CKevent::EMPTY; ROOM],
        })
    }
}

impl Drop for CQueue<'_> {
    fn drop(&mut self) {
        self.library.close(self.queue);
    }
}

impl Poller for CQueue<'_> {
    fn watch(&mut self, fd: BorrowedFd<'_>, token: usize) -> io::Result<()> {
        self.apply(&[Self::change(Kevent::read(fd).udata(token))])
    }

    fn wait(&mut self, mut each: impl FnMut(usize) -> io::Result<()>) -> io::Result<usize> {
        let count = self.call(&[], None)?;
        for event in self.events.iter().take(count) {
            each(event.udata)?;
        }
        Ok(count)
    }
}

impl Queue for CQueue<'_> {
    type Change = CKevent;

    fn change(change: Kevent) -> CKevent {
        CKevent {
            ident: change.ident,
            filter: change.filter.as_raw(),
            flags: change.flags.bits(),
            fflags: change.fflags,
            data: isize::try_from(change.data).unwrap_or(isize::MAX),
            udata: change.udata,
        }
    }

    fn call(&mut self, changes: &[CKevent], timeout: Option<Duration>) -> io::Result<usize> {
        self.library
            .kevent(self.queue, changes, &mut self.events, timeout)
    }

    fn apply(&mut self, changes: &[CKevent]) -> io::Result<()> {
        let none = &mut [];
        self.library
            .kevent(self.queue, changes, none, Some(Duration::ZERO))
            .map(drop)
    }

    fn token(&self, position: usize) -> usize {
        self.events
            .get(position)
            .map_or(usize::MAX, |event| event.udata)
    }
}

/// `EV_ADD` of a timer in milliseconds, the unit that has the same number in every interface.
pub(crate) fn timer(ident: usize, milliseconds: i64) -> Kevent {
    Kevent::new(ident, Filter::TIMER, Flags::ADD).data(milliseconds)
}

/// A change of a descriptor's READ knote.
pub(crate) fn read_change(fd: impl AsFd, flags: Flags) -> Kevent {
    let number = fd.as_fd().as_raw_fd();
    Kevent::new(
        usize::try_from(number).unwrap_or_default(),
        Filter::READ,
        flags,
    )
}
