//! `Queue`: one kqueue of the system's, shared by its handles.

use std::cell::Cell;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::change::{Errno, answer, prepare, returned_flags};
use super::number::{Inside, Number};
use super::user::{Udata, UserEvents};
use crate::flags::{Filter, Flags, NoteUser};
use crate::kevent::Kevent;
use crate::kqueue::Builder;
use crate::sys::{self, RawKevent};

/// A longer wait is several waits: OpenBSD cuts a timeout off at 24 h.
const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// More seconds than this are no limit (`docs/semantics.md`, A5).
const SECONDS_MAX: u64 = 0x7fff_ffff;
/// Entries of a thread's buffers that are kept between calls; 64 KiB on FreeBSD.
const KEPT_ENTRIES_MAX: usize = 1024;
/// The user event that wakes the waiters of a closed queue. The program may use the same number:
/// its queue is dead by then.
const CLOSING_IDENT: usize = usize::MAX;

/// One queue. Its number is shared with the trigger handles.
#[derive(Debug)]
pub(crate) struct Queue {
    number: Arc<Number>,
    users: UserEvents,
}

/// The lists of one call in the system's own structure.
#[derive(Default)]
struct Buffers {
    changes: Vec<RawKevent>,
    events: Vec<RawKevent>,
}

thread_local! {
    /// Taken out while a call uses them.
    static BUFFERS: Cell<Buffers> = Cell::default();
}

impl Queue {
    /// A queue with these options. Those about `data` and socket errors have nothing to choose
    /// here: the kernel gives both, exactly and at no cost.
    pub(crate) fn new(builder: &Builder) -> io::Result<Arc<Self>> {
        if builder.copy_on_fork || builder.timers_max.is_some() {
            return Err(errno(libc::EINVAL));
        }
        Ok(Arc::new(Self {
            number: Arc::new(Number::new()?),
            users: UserEvents::default(),
        }))
    }

    /// One kevent() call.
    pub(crate) fn kevent(
        &self,
        changelist: &[Kevent],
        eventlist: &mut [MaybeUninit<Kevent>],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        let inside = self.number.enter().ok_or_else(closed)?;
        let mut buffers = BUFFERS.take();
        let result = self.call(&inside, changelist, eventlist, timeout, &mut buffers);
        buffers.trim();
        BUFFERS.set(buffers);
        if self.number.is_shut() {
            return Err(closed());
        }
        result
    }

    fn call(
        &self,
        inside: &Inside<'_>,
        changelist: &[Kevent],
        eventlist: &mut [MaybeUninit<Kevent>],
        timeout: Option<Duration>,
        buffers: &mut Buffers,
    ) -> io::Result<usize> {
        buffers.changes.clear();
        for change in changelist {
            match prepare(change, &self.users, sys::LACKS) {
                Ok(prepared) => buffers.changes.push(sys::encode(&prepared)),
                Err(_refused) => return self.apply_singly(inside, changelist, eventlist),
            }
        }
        self.note(changelist);
        wait(inside, buffers, eventlist.len(), timeout)?;
        for (slot, raw) in eventlist.iter_mut().zip(&buffers.events) {
            slot.write(self.receive(raw));
        }
        Ok(buffers.events.len())
    }

    /// Applies a changelist of which some change is refused here: one call for each change, so
    /// that every answer stands in its place. Such a call returns answers and no events.
    #[cold]
    fn apply_singly(
        &self,
        inside: &Inside<'_>,
        changelist: &[Kevent],
        eventlist: &mut [MaybeUninit<Kevent>],
    ) -> io::Result<usize> {
        let mut slots = eventlist.iter_mut();
        let mut count = 0;
        for change in changelist {
            let number = self.apply_one(inside, change).err().unwrap_or(0);
            if number == 0 && !change.flags.contains(Flags::RECEIPT) {
                continue;
            }
            match slots.next() {
                Some(slot) => drop(slot.write(answer(change, number))),
                None if number == 0 => return Ok(count),
                None => return Err(errno(number)),
            }
            count += 1;
        }
        Ok(count)
    }

    fn apply_one(&self, inside: &Inside<'_>, change: &Kevent) -> Result<(), Errno> {
        let prepared = prepare(change, &self.users, sys::LACKS)?;
        self.note(std::slice::from_ref(change));
        let applied = inside.apply(&[sys::encode(&prepared)]);
        applied.map_err(|error| error.raw_os_error().unwrap_or(libc::EINVAL))
    }

    fn note(&self, changelist: &[Kevent]) {
        let users = changelist.iter().filter(|c| c.filter == Filter::USER);
        users.for_each(|change| self.users.note(change));
    }

    /// An entry of the kernel's as this crate promises it.
    fn receive(&self, raw: &RawKevent) -> Kevent {
        let mut event = sys::decode(raw);
        event.flags = returned_flags(event.flags);
        if event.filter == Filter::USER && !event.flags.contains(Flags::ERROR) {
            self.users.delivered(&event);
        }
        event
    }

    /// `EBADF` where the queue is closed or the parent's.
    pub(crate) fn check_usable(&self) -> io::Result<()> {
        self.number.enter().map(drop).ok_or_else(closed)
    }

    /// Closes it for every handle; the number stays taken until the last one is dropped.
    ///
    /// A FreeBSD kernel lets waiters sleep on when their queue is closed, so they are woken by an
    /// event first; the last one out takes the knotes away.
    pub(crate) fn close(&self) {
        let Some(inside) = self.number.enter() else {
            return;
        };
        if !self.number.shut() {
            return;
        }
        let add = Kevent::user(CLOSING_IDENT);
        // The program's own event of this ident might be disabled, or wake only one waiter.
        drop(inside.apply(&[sys::encode(&add.delete())]));
        let trigger = Kevent::new(CLOSING_IDENT, Filter::USER, Flags::empty());
        let trigger = trigger.fflags(NoteUser::TRIGGER);
        if inside
            .apply(&[sys::encode(&add), sys::encode(&trigger)])
            .is_err()
        {
            // No user events: kernels that lack them wake the waiters of a queue that goes.
            inside.empty();
        }
    }

    /// Deletes the knotes on this number. The kernel does so too when it is closed, but a caller
    /// may be told that it is forgotten without closing it.
    pub(crate) fn forget_fd(&self, fd: RawFd) {
        let Some(inside) = self.number.enter() else {
            return;
        };
        // A negative number becomes a huge ident, which the kernel refuses.
        let ident = fd.cast_unsigned() as usize;
        // Each change is answered, so that the call returns no events. ENOENT, EBADF and EINVAL
        // all say that there is nothing to forget.
        let flags = Flags::DELETE | Flags::RECEIPT;
        let changes = [Filter::READ, Filter::WRITE, Filter::EXCEPT]
            .map(|filter| sys::encode(&Kevent::new(ident, filter, flags)));
        let answers = &mut Vec::new();
        drop(inside.kevent(&changes, answers, changes.len(), Some(Duration::ZERO)));
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.number.as_fd()
    }

    /// A handle on the user event `ident`.
    pub(crate) fn trigger_handle(&self, ident: usize) -> io::Result<Trigger> {
        self.check_usable()?;
        let udata = self.users.get(ident).ok_or_else(|| errno(libc::ENOENT))?;
        Ok(Trigger {
            number: Arc::clone(&self.number),
            ident,
            udata,
        })
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.number.give_back();
    }
}

/// What a trigger handle holds: the queue's number and one user event.
#[derive(Clone, Debug)]
pub(crate) struct Trigger {
    number: Arc<Number>,
    ident: usize,
    udata: Udata,
}

impl Trigger {
    /// Triggers the event by kevent(2): atomics and one system call, errno is kept.
    pub(crate) fn pull(&self) {
        let saved = sys::save_errno();
        if let Some(inside) = self.number.enter() {
            let mut change = Kevent::trigger(self.ident);
            change.udata = self.udata.load(Ordering::Relaxed);
            change.flags.remove(sys::LACKS.flags);
            // ENOENT: the event was deleted, and a trigger does nothing.
            drop(inside.apply(&[sys::encode(&change)]));
        }
        sys::restore_errno(saved);
    }
}

impl Buffers {
    fn trim(&mut self) {
        for list in [&mut self.changes, &mut self.events] {
            list.clear();
            list.shrink_to(KEPT_ENTRIES_MAX);
        }
    }
}

/// Applies the changes and waits, in parts if it may take long.
fn wait(
    inside: &Inside<'_>,
    buffers: &mut Buffers,
    room: usize,
    timeout: Option<Duration>,
) -> io::Result<()> {
    let Buffers { changes, events } = buffers;
    let timeout = timeout.filter(|timeout| timeout.as_secs() <= SECONDS_MAX);
    let Some(timeout) = timeout.filter(|timeout| *timeout > WAIT_MAX) else {
        return inside.kevent(changes, events, room, timeout);
    };
    let start = Instant::now();
    loop {
        let left = timeout.saturating_sub(start.elapsed());
        inside.kevent(changes, events, room, Some(left.min(WAIT_MAX)))?;
        if room == 0 || !events.is_empty() || left <= WAIT_MAX {
            return Ok(());
        }
        changes.clear();
    }
}

fn errno(number: Errno) -> io::Error {
    io::Error::from_raw_os_error(number)
}

fn closed() -> io::Error {
    errno(libc::EBADF)
}
