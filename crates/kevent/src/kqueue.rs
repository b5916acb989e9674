//! `Kqueue`: the thin public layer over the engine.

use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use crate::events::Events;
use crate::kevent::Kevent;
use crate::queue::Queue;
use crate::trigger::TriggerHandle;

/// An event queue: kqueue(2).
///
/// One call, [`kevent`](Self::kevent), registers interest and returns events. Several threads
/// may use one queue at a time; the lock inside is never held while a thread waits. The queue's
/// descriptor ([`AsFd`]) is readable for poll(2), select(2), epoll(7) and another queue while
/// events wait in it. It is always close-on-exec. After fork(2) the child cannot use it: every
/// call there returns `EBADF`, and the parent notices nothing.
///
/// Dropping the last handle closes the queue and drops all its knotes.
///
/// # Differences
/// | | Linux | BSD and macOS |
/// |---|---|---|
/// | the descriptor | an epoll descriptor | the system's kqueue |
/// | closing a watched descriptor | say so with [`forget_fd`](Self::forget_fd) | removes its knotes |
/// | errors and their order, limits | as documented here | the kernel's |
/// | a change this system cannot give | refused | refused with `ENOTSUP` by this crate, or by the kernel |
/// | a trigger that comes with `EV_ADD` | triggers | macOS: triggers; others: ignored at creation |
/// | [`Kevent::ext`] | comes back | FreeBSD: comes back; others: zeroes |
/// | a child made by a raw system call | cannot use the queue | is not noticed |
///
/// # Examples
/// ```
/// use kevent::{Events, Kevent, Kqueue};
/// use std::io::Write;
/// use std::os::unix::net::UnixStream;
///
/// let (mut a, b) = UnixStream::pair()?;
/// let queue = Kqueue::new()?;
/// queue.apply(&[Kevent::read(&b).udata(7)])?;
/// a.write_all(b"hello")?;
///
/// let mut events = Events::with_capacity(8);
/// queue.wait(&[], &mut events, None)?;
/// assert_eq!((events[0].udata, events[0].data), (7, 5));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # References
/// kqueue(2), FreeBSD 15; `docs/semantics.md`.
pub struct Kqueue {
    pub(crate) queue: Arc<Queue>,
}

/// Options of a queue, set before it is made.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Builder {
    pub(crate) without_data: bool,
    pub(crate) exact_socket_errors: bool,
    pub(crate) timers_max: Option<usize>,
    pub(crate) copy_on_fork: bool,
    #[cfg(target_os = "linux")]
    pub(crate) follows_closes: bool,
}

impl Builder {
    /// Leave `data` of READ and WRITE events 0 unless a knote asks for it
    /// ([`Kevent::with_data`]). See [`Kevent::without_data`] for what that saves and costs.
    ///
    /// # Differences
    /// Without effect on BSD and macOS, where `data` costs nothing.
    pub fn without_data(mut self) -> Self {
        self.without_data = true;
        self
    }

    /// Take the pending error out of a socket (`SO_ERROR`) to report it in `fflags` exactly.
    ///
    /// The next call on the socket then no longer reports it. By default the error is inferred
    /// and left in the socket: `ECONNREFUSED` if the connection never came to be, `ETIMEDOUT` if
    /// retransmissions ran out, else `ECONNRESET`.
    ///
    /// # Differences
    /// Without effect on BSD and macOS, where the kernel reports the error and leaves it in the
    /// socket.
    pub fn exact_socket_errors(mut self) -> Self {
        self.exact_socket_errors = true;
        self
    }

    /// At most `count` timers at a time; one more is refused with `ENOMEM`. By default there is
    /// no limit but memory.
    ///
    /// # Differences
    /// On BSD and macOS the limit is the system's (FreeBSD: `kern.kq_calloutmax`), and
    /// [`build`](Self::build) answers `EINVAL`.
    pub fn timers_max(mut self, count: usize) -> Self {
        self.timers_max = Some(count);
        self
    }

    /// Ask for a copy of the queue in a forked child (`KQUEUE_CPONFORK`), which no system but
    /// FreeBSD 15 could give: [`build`](Self::build) answers `EINVAL`.
    pub fn copy_on_fork(mut self) -> Self {
        self.copy_on_fork = true;
        self
    }

    /// Makes the queue.
    ///
    /// # Errors
    /// - `EMFILE`: the process has no descriptor left.
    /// - `ENFILE`: the system has none left.
    /// - `ENOMEM`: no memory.
    /// - `EINVAL`: an option this system cannot give ([`copy_on_fork`](Self::copy_on_fork); on BSD
    ///   and macOS also [`timers_max`](Self::timers_max)).
    pub fn build(&self) -> io::Result<Kqueue> {
        Ok(Kqueue {
            queue: Queue::new(self)?,
        })
    }
}

impl Kqueue {
    /// Makes a queue with the default options.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn new() -> io::Result<Self> {
        Self::builder().build()
    }

    /// The options, to be set before the queue is made.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Applies the changes in order, then waits for events and writes them to the eventlist.
    ///
    /// - `changelist`: may be empty. Each change is applied or answered on its own.
    /// - `eventlist`: the room for events. Unless the time runs out at least one is returned, and
    ///   as a rule all that wait and have room; where they have not, knotes take turns from call
    ///   to call. With no room the changes are applied and the call returns at once. Slots that
    ///   are not returned are not touched.
    /// - `timeout`: `None` waits without limit, zero only looks, anything else is a bound that is
    ///   never undercut. More than 2^31-1 seconds is no limit.
    ///
    /// A change that fails is answered in the eventlist by an entry with [`Flags::ERROR`] and
    /// the errno in `data`; a change with [`Flags::RECEIPT`] is always answered. If there is any
    /// such entry the call returns them without waiting and without events.
    ///
    /// [`Flags::ERROR`]: crate::Flags::ERROR
    /// [`Flags::RECEIPT`]: crate::Flags::RECEIPT
    ///
    /// # Errors
    /// For the call:
    /// - `EBADF`: the queue was closed, or belongs to the parent of this forked process.
    /// - `EINTR`: a signal with a handler came while waiting, and no event did. All changes have
    ///   been applied.
    ///
    /// For a change, as the call's error only when the eventlist has no room left (the changes
    /// before it stay applied, those after it are not tried):
    /// - `EBADF`: `ident` of a descriptor filter is not an open descriptor.
    /// - `EINVAL`: unknown filter; a number that is no signal; a filter this kind of descriptor does not have; `EV_ENABLE`
    ///   with `EV_DISABLE`; `EV_ADD` with `EV_KEEPUDATA`; the queue itself; a timer with a
    ///   negative period, two units or an unknown note.
    /// - `ENOENT`: the knote to change or delete does not exist.
    /// - `ENXIO`: a filter that other calls create (AIO, LIO, SENDFILE).
    /// - `ENOTSUP`: on BSD and macOS, a flag or a note that the system does not have.
    /// - `ENOMEM`, `ENOSPC`, `EMFILE`, `ENFILE`: out of memory, timers, watches or descriptors.
    /// - `ELOOP`: queues nested too deep (5 levels), or in a circle.
    pub fn kevent<'a>(
        &self,
        changelist: &[Kevent],
        eventlist: &'a mut [MaybeUninit<Kevent>],
        timeout: Option<Duration>,
    ) -> io::Result<&'a mut [Kevent]> {
        let count = self.queue.kevent(changelist, eventlist, timeout)?;
        Ok(crate::sys::assume_init(eventlist, count))
    }

    /// [`kevent`](Self::kevent) into a reusable buffer; returns how many events came.
    ///
    /// # Errors
    /// As [`kevent`](Self::kevent). The buffer is then empty.
    pub fn wait(
        &self,
        changelist: &[Kevent],
        events: &mut Events,
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        events.refill(|room| self.queue.kevent(changelist, room, timeout))
    }

    /// Applies the changes and returns at once: [`kevent`](Self::kevent) with no eventlist.
    ///
    /// # Errors
    /// As [`kevent`](Self::kevent); the first change that fails ends the call.
    pub fn apply(&self, changelist: &[Kevent]) -> io::Result<()> {
        self.queue.kevent(changelist, &mut [], None).map(drop)
    }

    /// Closes the queue for every handle: all knotes are dropped, threads that wait in it return
    /// `EBADF`, and so does every later call.
    ///
    /// The descriptor number itself is given back when the last handle is dropped, so that a
    /// borrowed descriptor never becomes another file. Closing twice is harmless.
    pub fn close(&self) {
        self.queue.close();
    }

    /// Another handle to the same queue, as dup(2) makes one.
    ///
    /// # Errors
    /// `EBADF`: the queue was closed, or belongs to the parent of this forked process.
    pub fn try_clone(&self) -> io::Result<Self> {
        self.queue.check_usable()?;
        Ok(Self {
            queue: Arc::clone(&self.queue),
        })
    }

    /// Drops every knote on the descriptor number `fd`, because it was or will be closed.
    ///
    /// On BSD the kernel does this by itself at close(2). On Linux nobody tells a library: call
    /// this before closing a watched descriptor. A number that is merely reused is recognised at
    /// its next `EV_ADD`; but a file that lives on through a duplicate would go on reporting
    /// under its old number until then.
    ///
    /// # Differences
    /// On BSD and macOS it costs one system call and is needed only for a descriptor that stays
    /// open.
    pub fn forget_fd(&self, fd: RawFd) {
        self.queue.forget_fd(fd);
    }

    /// A handle that triggers the user event `ident` from another thread or a signal handler.
    ///
    /// # Errors
    /// - `ENOENT`: there is no user event `ident` in this queue.
    /// - `ENOMEM`: more than 262,144 user events have handles.
    /// - `EMFILE`, `ENFILE`: the queue needed its wake-up descriptor and found none.
    /// - `EBADF`: the queue was closed.
    pub fn trigger_handle(&self, ident: usize) -> io::Result<TriggerHandle> {
        let trigger = self.queue.trigger_handle(ident)?;
        Ok(TriggerHandle { trigger })
    }
}

impl AsFd for Kqueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}

impl AsRawFd for Kqueue {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for Kqueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kqueue")
            .field("fd", &self.as_raw_fd())
            .finish_non_exhaustive()
    }
}
