//! `Kevent`: one change to ask for, or one event that happened. `reading` has what an event says.

use std::fmt;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::flags::{Filter, Flags, NoteIo, NoteNetdev, NoteProc, NoteTimer, NoteUser, NoteVnode};

/// One change in a changelist, or one event in an eventlist: `struct kevent`.
///
/// The fields are those of FreeBSD 12 and later, in that order and of those sizes (64 bytes).
/// The constructors read like `EV_SET`: they make an `EV_ADD` change, and the methods that follow
/// refine it.
///
/// # Examples
/// ```
/// use kevent::{Filter, Flags, Kevent};
///
/// let change = Kevent::read(0).clear().udata(7);
/// assert_eq!(change.ident, 0);
/// assert_eq!(change.filter, Filter::READ);
/// assert_eq!(change.flags, Flags::ADD | Flags::CLEAR);
/// assert_eq!(change.udata, 7);
/// ```
///
/// # References
/// kqueue(2), FreeBSD 15; `docs/semantics.md`, A2 and A4.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Kevent {
    /// What is watched: a descriptor number, or any number for a timer or a user event.
    pub ident: usize,
    /// Which filter watches it. Together with `ident` this is the key of the knote.
    pub filter: Filter,
    /// What to do (in a change), or what the event says (in an event).
    pub flags: Flags,
    /// Notes: what interests (in a change), or what happened (in an event).
    pub fflags: u32,
    /// A number whose meaning and unit the filter defines: bytes to read for
    /// [`Filter::READ`], a period or expirations for [`Filter::TIMER`], an errno where
    /// [`Flags::ERROR`] is set.
    pub data: i64,
    /// The program's own value, handed back untouched with every event.
    pub udata: usize,
    /// Four more words that come back with every event as they were given at `EV_ADD`. On BSD
    /// other than FreeBSD, and on macOS, they come back as zeroes.
    pub ext: [u64; 4],
}

/// What names a descriptor in a change: a reference to anything that has one, a borrowed
/// descriptor, or the bare number.
///
/// A change holds the number only; it keeps nothing open.
pub trait ToRawFd {
    /// The number.
    fn to_raw_fd(&self) -> RawFd;
}

impl<T: AsRawFd + ?Sized> ToRawFd for &T {
    fn to_raw_fd(&self) -> RawFd {
        self.as_raw_fd()
    }
}

impl ToRawFd for BorrowedFd<'_> {
    fn to_raw_fd(&self) -> RawFd {
        self.as_raw_fd()
    }
}

impl ToRawFd for RawFd {
    fn to_raw_fd(&self) -> RawFd {
        *self
    }
}

impl Default for Kevent {
    fn default() -> Self {
        Self::new(0, Filter::from_raw(0), Flags::empty())
    }
}

impl Kevent {
    /// Sets ident, filter and flags; everything else is 0. `EV_SET` with three arguments.
    #[must_use]
    #[doc(alias = "EV_SET")]
    pub const fn new(ident: usize, filter: Filter, flags: Flags) -> Self {
        Self {
            ident,
            filter,
            flags,
            fflags: 0,
            data: 0,
            udata: 0,
            ext: [0; 4],
        }
    }

    /// Watch a descriptor for data to read, connections to accept, or end of file.
    ///
    /// The descriptor is borrowed as a number only: tell the queue with
    /// [`Kqueue::forget_fd`](crate::Kqueue::forget_fd) before it is closed.
    #[must_use]
    pub fn read(fd: impl ToRawFd) -> Self {
        Self::descriptor(&fd, Filter::READ)
    }

    /// Watch a descriptor for space to write.
    ///
    /// A level knote on an idle socket is always ready: add it, or enable it, only while output
    /// waits.
    #[must_use]
    pub fn write(fd: impl ToRawFd) -> Self {
        Self::descriptor(&fd, Filter::WRITE)
    }

    /// Watch a socket or terminal for urgent data ([`NoteIo::OOB`]).
    #[must_use]
    pub fn except(fd: impl ToRawFd) -> Self {
        Self::descriptor(&fd, Filter::EXCEPT).fflags(NoteIo::OOB)
    }

    /// Watch an open file, directory, FIFO or symbolic link for these changes.
    ///
    /// Without [`clear`](Self::clear) the notes that have happened stay, and the event comes with
    /// every call. The knote belongs to the file, not to its name: it goes on after a rename and
    /// after the removal of the last name.
    ///
    /// Adding it fails with `EINVAL` for sockets, pipes, queues and other descriptors without a
    /// file; with `ENOTSUP` for notes that this system does not have, without `/proc`, and for
    /// [`NoteVnode::DELETE`] of a directory whose parent may not be read; with `EACCES` where the
    /// file may not be read; with `ENOMEM` where the system's limits on watches
    /// (`fs.inotify.max_user_watches`) are reached, and with `EMFILE` for those on instances.
    ///
    /// # Examples
    /// ```
    /// use kevent::{Events, Kevent, Kqueue, NoteVnode};
    /// use std::io::Write;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let mut file = tempfile::tempfile()?;
    /// let queue = Kqueue::new()?;
    /// queue.apply(&[Kevent::vnode(&file, NoteVnode::WRITE).clear()])?;
    ///
    /// file.write_all(b"hello")?;
    /// let mut events = Events::with_capacity(1);
    /// queue.wait(&[], &mut events, None)?;
    /// assert_eq!(events[0].vnode_notes(), Some(NoteVnode::WRITE | NoteVnode::EXTEND));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    #[doc(alias = "EVFILT_VNODE")]
    pub fn vnode(fd: impl ToRawFd, notes: NoteVnode) -> Self {
        Self::descriptor(&fd, Filter::VNODE).fflags(notes)
    }

    /// A timer that fires every `period`, first one period from now.
    ///
    /// The finest unit that holds the period exactly is chosen; a period of more than `i64::MAX`
    /// nanoseconds (292 years) is given in seconds.
    #[must_use]
    pub fn timer(ident: usize, period: Duration) -> Self {
        let (data, unit) = match i64::try_from(period.as_nanos()) {
            Ok(ns) => (ns, NoteTimer::NSECONDS),
            Err(_) => (
                i64::try_from(period.as_secs()).unwrap_or(i64::MAX),
                NoteTimer::SECONDS,
            ),
        };
        Self::new(ident, Filter::TIMER, Flags::ADD)
            .data(data)
            .fflags(unit)
    }

    /// A timer that fires once the wall clock has reached `time`, and stays active until it is
    /// deleted; add [`oneshot`](Self::oneshot) or [`clear`](Self::clear) to see it once.
    ///
    /// A time before 1970 has passed and fires at once.
    #[must_use]
    pub fn timer_at(ident: usize, time: SystemTime) -> Self {
        let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let mut change = Self::timer(ident, since_epoch);
        change.fflags |= u32::from(NoteTimer::ABSTIME);
        change
    }

    /// An event that the program triggers itself, with [`Kevent::trigger`] or a
    /// [`TriggerHandle`](crate::TriggerHandle).
    #[must_use]
    pub const fn user(ident: usize) -> Self {
        Self::new(ident, Filter::USER, Flags::ADD)
    }

    /// Trigger an existing user event: `NOTE_TRIGGER`. Its `udata` is kept.
    #[must_use]
    pub fn trigger(ident: usize) -> Self {
        Self::new(ident, Filter::USER, Flags::KEEPUDATA).fflags(NoteUser::TRIGGER)
    }

    /// Watch a socket's send buffer: active while it holds nothing unsent or unacknowledged.
    ///
    /// Linux does not report this, so a buffer that is not empty is looked at before each wait,
    /// and again 1 ms later, then after 2, 4, 8, 16 and every 20 ms: the event comes up to 20 ms
    /// late. With [`clear`](Self::clear) a buffer that was filled and drained between two looks
    /// gives no event; repeat the `EV_ADD` after writing, which looks at it anew.
    ///
    /// `EV_ADD` of what is not a socket is refused with `EINVAL`.
    ///
    /// # Examples
    /// ```
    /// use kevent::{Events, Kevent, Kqueue};
    /// use std::io::{Read, Write};
    /// use std::os::unix::net::UnixStream;
    ///
    /// let (mut near, mut far) = UnixStream::pair()?;
    /// let queue = Kqueue::new()?;
    /// near.write_all(b"reply")?;
    /// queue.apply(&[Kevent::empty(&near).oneshot()])?;
    /// far.read_exact(&mut [0; 5])?;
    /// let mut events = Events::with_capacity(1);
    /// assert_eq!(queue.wait(&[], &mut events, None)?, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # References
    /// kqueue(2), FreeBSD 15, `EVFILT_EMPTY`; `docs/semantics.md`, C3 and D3.
    #[must_use]
    pub fn empty(fd: impl ToRawFd) -> Self {
        Self::descriptor(&fd, Filter::EMPTY)
    }

    /// Watch for file systems that are mounted or unmounted, anywhere in the mount namespace of
    /// the thread that adds this. An event's `fflags` are [`NoteFs`](crate::NoteFs); it comes
    /// once per change ([`Flags::CLEAR`] is set by itself).
    ///
    /// A mount that came and went between two calls is not seen.
    ///
    /// # Examples
    /// ```
    /// use kevent::{Events, Filter, Kevent, Kqueue};
    /// use std::time::Duration;
    ///
    /// let queue = Kqueue::new()?;
    /// let mut events = Events::with_capacity(1);
    /// queue.wait(&[Kevent::mounts()], &mut events, Some(Duration::ZERO))?;
    /// for event in &events {
    ///     assert_eq!(event.filter, Filter::FS); // time to read the list of mounts again
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # References
    /// kqueue(2), FreeBSD 15, `EVFILT_FS`; `docs/semantics.md`, C12 and D10.
    #[must_use]
    pub const fn mounts() -> Self {
        Self::new(0, Filter::FS, Flags::ADD)
    }

    /// Watch the network interface with this index (if_nametoindex(3)), or every one for 0, in
    /// the network namespace of the thread that adds this; [`NoteNetdev`](crate::NoteNetdev) is
    /// in `fflags`, the state last seen in `data`.
    ///
    /// The event stays active until the knote is deleted, or comes once per change with
    /// [`clear`](Self::clear). An interface that is removed ends its knote: `data` is
    /// [`NoteNetdev::LINKINV`](crate::NoteNetdev::LINKINV), and the flags have [`Flags::EOF`] and
    /// [`Flags::ONESHOT`]. A knote for every one goes on.
    ///
    /// `EV_ADD` of an unknown index is refused with `ENXIO`, of an unknown note with `EINVAL`.
    ///
    /// # Examples
    /// ```
    /// use kevent::{Kevent, Kqueue, NoteNetdev};
    ///
    /// let queue = Kqueue::new()?;
    /// let loopback = Kevent::link(1).clear();
    /// queue.apply(&[loopback.fflags(NoteNetdev::LINKUP | NoteNetdev::LINKINV)])?;
    /// let unknown = queue.apply(&[Kevent::link(u32::MAX)]).unwrap_err();
    /// assert_eq!(unknown.raw_os_error(), Some(libc::ENXIO));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # References
    /// kqueue(2), FreeBSD 9, `EVFILT_NETDEV`; `docs/semantics.md`, C13 and D11.
    #[must_use]
    pub fn link(index: u32) -> Self {
        Self::new(index as usize, Filter::NETDEV, Flags::ADD).fflags(NoteNetdev::all())
    }

    /// Count the deliveries of a signal, from now on, and consume none: the program's handler or
    /// the default action stays in force. See [`signal`](crate::signal).
    ///
    /// `EV_ADD` of a number that is no signal is refused with `EINVAL`.
    ///
    /// # Examples
    /// ```
    /// use kevent::{Events, Kevent, Kqueue, signal};
    /// use std::process::Command;
    ///
    /// // Ignored, it ends nothing; counted, it is a request to end.
    /// signal::set_disposition(libc::SIGTERM, signal::Disposition::ignore())?;
    /// let queue = Kqueue::new()?;
    /// queue.apply(&[Kevent::signal(libc::SIGTERM)])?;
    ///
    /// let pid = std::process::id().to_string();
    /// Command::new("sh").args(["-c", "kill -TERM $0", &pid]).status()?;
    /// let mut events = Events::with_capacity(1);
    /// queue.wait(&[], &mut events, None)?;
    /// assert_eq!(events[0].signal_count(), Some(1));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # References
    /// kqueue(2), FreeBSD 15, `EVFILT_SIGNAL`; `docs/semantics.md`, C9 and D7.
    #[must_use]
    pub const fn signal(number: i32) -> Self {
        // A negative number becomes a huge ident, which the queue refuses.
        #[expect(clippy::cast_sign_loss, reason = "the queue checks the range")]
        Self::new(number as usize, Filter::SIGNAL, Flags::ADD)
    }

    /// Watch the process `pid`: any process that exists, a child or not.
    ///
    /// No process is ever reaped by the queue: a child's status stays for whoever waits for it.
    ///
    /// [`NoteProc::FORK`], [`NoteProc::EXEC`] and [`NoteProc::TRACK`] come from the kernel's
    /// process events connector: the first such change in a process opens a netlink socket and
    /// starts one thread, named `kevent-proc`, that serves all queues until the process ends; it
    /// blocks all signals. The change is refused with `ENOTSUP` where that cannot work: without
    /// the privilege (before Linux 6.6), in another network, user or pid namespace than the
    /// first. [`NoteProc::EXIT`] needs none of it.
    ///
    /// # Errors
    /// As answers to the change: `ESRCH`: no such process, or it has exited and neither
    /// [`NoteProc::EXIT`] nor [`NoteProc::REAP`] is asked for. `ENOTSUP`: this system cannot tell
    /// ([`NoteProc::REAP`] needs Linux 6.9). `EINVAL`: an unknown note. `EMFILE`, `ENFILE`,
    /// `ENOMEM`: each watched process takes a descriptor.
    ///
    /// # Examples
    /// ```
    /// use kevent::{Events, Kevent, Kqueue, NoteProc};
    /// use std::process::Command;
    ///
    /// let mut child = Command::new("sh").args(["-c", "exit 7"]).spawn()?;
    /// let queue = Kqueue::new()?;
    /// let mut events = Events::with_capacity(1);
    /// queue.wait(&[Kevent::proc(child.id(), NoteProc::EXIT)], &mut events, None)?;
    /// assert_eq!(events[0].exit_status().and_then(|status| status.code()), Some(7));
    /// assert_eq!(child.wait()?.code(), Some(7));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # References
    /// kqueue(2), FreeBSD 15, `EVFILT_PROC`; `docs/semantics.md`, C7 and D6.
    #[must_use]
    pub fn proc(pid: u32, notes: NoteProc) -> Self {
        Self::new(pid as usize, Filter::PROC, Flags::ADD).fflags(notes)
    }

    /// Watch the process that a descriptor names; on Linux a pidfd.
    ///
    /// As [`Kevent::proc`], but for [`NoteProc::TRACK`], which does not exist here, and for the
    /// errors: `EBADF`: not an open descriptor. `EINVAL`: a descriptor of another kind. An event
    /// of [`NoteProc::FORK`] has the last child's pid in `data`.
    ///
    /// # Examples
    /// ```
    /// use kevent::{Events, Kevent, Kqueue, NoteProc};
    /// use rustix::process::{Pid, PidfdFlags, pidfd_open};
    /// use std::process::Command;
    ///
    /// let mut child = Command::new("sh").args(["-c", "exit 7"]).spawn()?;
    /// let process = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
    /// let queue = Kqueue::new()?;
    /// let mut events = Events::with_capacity(1);
    /// queue.wait(&[Kevent::procdesc(&process, NoteProc::EXIT)], &mut events, None)?;
    /// assert_eq!(events[0].exit_status().and_then(|status| status.code()), Some(7));
    /// child.wait()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # References
    /// kqueue(2), FreeBSD 15, `EVFILT_PROCDESC`; `docs/semantics.md`, C8.
    #[must_use]
    pub fn procdesc(fd: impl ToRawFd, notes: NoteProc) -> Self {
        Self::descriptor(&fd, Filter::PROCDESC).fflags(notes)
    }

    fn descriptor(fd: &impl ToRawFd, filter: Filter) -> Self {
        // A negative number becomes a huge ident, which the queue refuses with EBADF.
        #[expect(clippy::cast_sign_loss, reason = "the queue checks the range")]
        Self::new(fd.to_raw_fd() as usize, filter, Flags::ADD)
    }

    /// Deliver edge-like: [`Flags::CLEAR`].
    ///
    /// On Linux the READ and WRITE knotes of one descriptor share an entry of the kernel's if
    /// both are edge-like: a WRITE event may then come along with a READ event while there is
    /// space, and changing one of the two may repeat an event of the other whose condition still
    /// holds.
    #[must_use]
    pub const fn clear(self) -> Self {
        self.with(Flags::CLEAR)
    }

    /// Remove the knote with its first event: [`Flags::ONESHOT`].
    #[must_use]
    pub const fn oneshot(self) -> Self {
        self.with(Flags::ONESHOT)
    }

    /// Disable the knote with each event: [`Flags::DISPATCH`].
    #[must_use]
    pub const fn dispatch(self) -> Self {
        self.with(Flags::DISPATCH)
    }

    /// Ask for an entry that answers this change: [`Flags::RECEIPT`].
    #[must_use]
    pub const fn receipt(self) -> Self {
        self.with(Flags::RECEIPT)
    }

    /// Create the knote disabled: [`Flags::DISABLE`] beside [`Flags::ADD`].
    #[must_use]
    pub const fn disabled(self) -> Self {
        self.with(Flags::DISABLE)
    }

    /// Make this change an `EV_DELETE` of the same knote.
    #[must_use]
    pub const fn delete(self) -> Self {
        self.instead_of_add(Flags::DELETE)
    }

    /// Make this change an `EV_ENABLE` of the same knote.
    ///
    /// `udata` is replaced by this change's unless [`keep_udata`](Self::keep_udata) follows.
    #[must_use]
    pub const fn enable(self) -> Self {
        self.instead_of_add(Flags::ENABLE)
    }

    /// Make this change an `EV_DISABLE` of the same knote.
    #[must_use]
    pub const fn disable(self) -> Self {
        self.instead_of_add(Flags::DISABLE)
    }

    /// Make this change an `EV_FORCEONESHOT` of the same knote.
    #[must_use]
    pub const fn force_oneshot(self) -> Self {
        self.instead_of_add(Flags::FORCEONESHOT)
    }

    /// Keep the stored `udata`: [`Flags::KEEPUDATA`].
    #[must_use]
    pub const fn keep_udata(self) -> Self {
        self.with(Flags::KEEPUDATA)
    }

    /// Be active only when at least `bytes` can be read or written: [`NoteIo::LOWAT`].
    #[must_use]
    pub fn low_water(self, bytes: u32) -> Self {
        let notes = self.fflags | u32::from(NoteIo::LOWAT);
        self.fflags(notes).data(i64::from(bytes))
    }

    /// Leave `data` of this knote's events 0.
    ///
    /// Filling `data` costs one system call per event of [`Filter::READ`] and [`Filter::WRITE`],
    /// the only measurable cost of this queue over bare epoll. Without it an event may be
    /// spurious when another thread has consumed the data in between, so the descriptor must be
    /// non-blocking. An eventfd's `data` is dear: its counter is read from a file in /proc, some
    /// microseconds per event. Without effect on BSD and macOS, where `data` costs nothing.
    #[must_use]
    pub fn without_data(self) -> Self {
        let notes = (self.fflags & !u32::from(NoteIo::WITH_DATA)) | u32::from(NoteIo::NO_DATA);
        self.fflags(notes)
    }

    /// Fill `data` of this knote's events even where
    /// [`Builder::without_data`](crate::Builder::without_data) set the default otherwise.
    #[must_use]
    pub fn with_data(self) -> Self {
        let notes = (self.fflags & !u32::from(NoteIo::NO_DATA)) | u32::from(NoteIo::WITH_DATA);
        self.fflags(notes)
    }

    /// Sets `udata`.
    #[must_use]
    pub const fn udata(mut self, udata: usize) -> Self {
        self.udata = udata;
        self
    }

    /// Sets `data`.
    #[must_use]
    pub const fn data(mut self, data: i64) -> Self {
        self.data = data;
        self
    }

    /// Sets `fflags`, from one of the note types or a plain number.
    #[must_use]
    pub fn fflags(mut self, fflags: impl Into<u32>) -> Self {
        self.fflags = fflags.into();
        self
    }

    /// Sets `ext`.
    #[must_use]
    pub const fn ext(mut self, ext: [u64; 4]) -> Self {
        self.ext = ext;
        self
    }

    /// Sets these flags beside those already there.
    #[must_use]
    pub const fn with(mut self, flags: Flags) -> Self {
        self.flags = self.flags.union(flags);
        self
    }

    const fn instead_of_add(mut self, flags: Flags) -> Self {
        self.flags = self.flags.difference(Flags::ADD).union(flags);
        self
    }
}

impl fmt::Debug for Kevent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kevent")
            .field("ident", &self.ident)
            .field("filter", &self.filter)
            .field("flags", &self.flags)
            .field("fflags", &format_args!("{:#x}", self.fflags))
            .field("data", &self.data)
            .field("udata", &format_args!("{:#x}", self.udata))
            .finish()
    }
}
