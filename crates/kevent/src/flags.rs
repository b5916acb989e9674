//! Names and numbers: the filters (EVFILT_*), the action flags (EV_*) and the notes (NOTE_*).
//!
//! On Linux the numbers are FreeBSD's (`docs/semantics.md`, A3), so that a table copied from
//! FreeBSD's `<sys/event.h>` holds here. What FreeBSD does not have carries a number of our own
//! and says so. On BSD and macOS the numbers are the system's; `constants` has the table.

use std::fmt;

use crate::constants;

/// Which kind of thing a knote watches: an `EVFILT_` number.
///
/// A plain number, because the kernel's own interface lets a program name a filter that does not
/// exist; such a change is answered with `EINVAL`.
///
/// # Differences
/// | filter | Linux | FreeBSD | macOS | OpenBSD | NetBSD | DragonFly |
/// |---|---|---|---|---|---|---|
/// | AIO | `ENXIO` | `EPERM` | the kernel's | the kernel's | the kernel's | the kernel's |
/// | LIO | `ENXIO` | `EPERM` | `EINVAL` | `EINVAL` | `EINVAL` | `EINVAL` |
/// | SENDFILE | `ENXIO` | `ENXIO` | `EINVAL` | `EINVAL` | `EINVAL` | `EINVAL` |
/// | EXCEPT | yes | `EINVAL` | yes | yes | `EINVAL` | yes |
/// | all others | yes | yes | yes | USER in recent releases | yes | yes |
///
/// # References
/// kqueue(2), FreeBSD 15, "PREDEFINED SYSTEM FILTERS".
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Filter(i16);

impl Filter {
    /// Data to read, a connection to accept, or end of file.
    #[doc(alias = "EVFILT_READ")]
    pub const READ: Self = Self(constants::EVFILT_READ);
    /// Space to write.
    #[doc(alias = "EVFILT_WRITE")]
    pub const WRITE: Self = Self(constants::EVFILT_WRITE);
    /// Completion of asynchronous I/O; made by other calls, so that `EV_ADD` is refused.
    #[doc(alias = "EVFILT_AIO")]
    pub const AIO: Self = Self(constants::EVFILT_AIO);
    /// A file or directory that changes.
    #[doc(alias = "EVFILT_VNODE")]
    pub const VNODE: Self = Self(constants::EVFILT_VNODE);
    /// Completion of a list of asynchronous I/O; made by other calls, so that `EV_ADD` is refused.
    #[doc(alias = "EVFILT_LIO")]
    pub const LIO: Self = Self(constants::EVFILT_LIO);
    /// A process: its exit, forks, execs and descendants.
    #[doc(alias = "EVFILT_PROC")]
    pub const PROC: Self = Self(constants::EVFILT_PROC);
    /// A process named by a descriptor; on Linux a pidfd.
    #[doc(alias = "EVFILT_PROCDESC")]
    pub const PROCDESC: Self = Self(constants::EVFILT_PROCDESC);
    /// A timer.
    #[doc(alias = "EVFILT_TIMER")]
    pub const TIMER: Self = Self(constants::EVFILT_TIMER);
    /// Deliveries of a signal, counted and not consumed.
    #[doc(alias = "EVFILT_SIGNAL")]
    pub const SIGNAL: Self = Self(constants::EVFILT_SIGNAL);
    /// An event the program triggers itself.
    #[doc(alias = "EVFILT_USER")]
    pub const USER: Self = Self(constants::EVFILT_USER);
    /// Completion of sendfile(2); made by other calls, so that `EV_ADD` is refused.
    #[doc(alias = "EVFILT_SENDFILE")]
    pub const SENDFILE: Self = Self(constants::EVFILT_SENDFILE);
    /// File systems that are mounted or unmounted ([`NoteFs`]).
    #[doc(alias = "EVFILT_FS")]
    pub const FS: Self = Self(constants::EVFILT_FS);
    /// Network interfaces ([`NoteNetdev`]). Not in FreeBSD since 10; the number is our own.
    #[doc(alias = "EVFILT_NETDEV")]
    pub const NETDEV: Self = Self(constants::EVFILT_NETDEV);
    /// A socket whose send buffer holds nothing unsent or unacknowledged.
    #[doc(alias = "EVFILT_EMPTY")]
    pub const EMPTY: Self = Self(constants::EVFILT_EMPTY);
    /// Urgent data ([`NoteIo::OOB`]). Not in FreeBSD; the number is our own.
    #[doc(alias = "EVFILT_EXCEPT")]
    pub const EXCEPT: Self = Self(constants::EVFILT_EXCEPT);

    /// The filter with this number, known or not.
    #[must_use]
    pub const fn from_raw(number: i16) -> Self {
        Self(number)
    }

    /// The number, as it stands in `struct kevent`.
    #[must_use]
    pub const fn as_raw(self) -> i16 {
        self.0
    }

    const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::READ => "READ",
            Self::WRITE => "WRITE",
            Self::AIO => "AIO",
            Self::VNODE => "VNODE",
            Self::LIO => "LIO",
            Self::PROC => "PROC",
            Self::PROCDESC => "PROCDESC",
            Self::TIMER => "TIMER",
            Self::SIGNAL => "SIGNAL",
            Self::USER => "USER",
            Self::SENDFILE => "SENDFILE",
            Self::FS => "FS",
            Self::NETDEV => "NETDEV",
            Self::EMPTY => "EMPTY",
            Self::EXCEPT => "EXCEPT",
            _ => return None,
        })
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "EVFILT_{name}"),
            None => write!(f, "EVFILT({})", self.0),
        }
    }
}

bitflags::bitflags! {
    /// What to do with a knote, and what an event says: the `EV_` flags.
    ///
    /// # Differences
    /// [`FORCEONESHOT`](Self::FORCEONESHOT) exists on Linux and FreeBSD only, elsewhere it is
    /// refused with `ENOTSUP`. So is [`KEEPUDATA`](Self::KEEPUDATA), except for
    /// [`Filter::USER`]. macOS gives other meanings to these two bits (`EV_UDATA_SPECIFIC`,
    /// `EV_VANISHED`), which cannot be asked for.
    ///
    /// # References
    /// kqueue(2), FreeBSD 15; `docs/semantics.md`, section B.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    #[repr(transparent)]
    pub struct Flags: u16 {
        /// Create the knote, or update it where it exists.
        #[doc(alias = "EV_ADD")]
        const ADD = 0x0001;
        /// Remove the knote; a pending event is dropped.
        #[doc(alias = "EV_DELETE")]
        const DELETE = 0x0002;
        /// Allow delivery again.
        #[doc(alias = "EV_ENABLE")]
        const ENABLE = 0x0004;
        /// Keep watching, but deliver nothing until [`Flags::ENABLE`].
        #[doc(alias = "EV_DISABLE")]
        const DISABLE = 0x0008;
        /// Remove the knote when its first event is retrieved.
        #[doc(alias = "EV_ONESHOT")]
        const ONESHOT = 0x0010;
        /// Reset the state after each retrieval: edge-like delivery.
        #[doc(alias = "EV_CLEAR")]
        const CLEAR = 0x0020;
        /// Answer this change with an entry that carries [`Flags::ERROR`] and `data` 0.
        #[doc(alias = "EV_RECEIPT")]
        const RECEIPT = 0x0040;
        /// Disable the knote after each delivery.
        #[doc(alias = "EV_DISPATCH")]
        const DISPATCH = 0x0080;
        /// Make an existing knote one-shot and active at once.
        #[doc(alias = "EV_FORCEONESHOT")]
        const FORCEONESHOT = 0x0100;
        /// Leave the stored `udata` as it is; not together with [`Flags::ADD`].
        #[doc(alias = "EV_KEEPUDATA")]
        const KEEPUDATA = 0x0200;
        /// Output only: this entry answers a change; `data` is an errno, or 0 for a receipt.
        #[doc(alias = "EV_ERROR")]
        const ERROR = 0x4000;
        /// Output only: end of file, or the watched thing is gone.
        #[doc(alias = "EV_EOF")]
        const EOF = 0x8000;
        /// The bits a caller cannot set; they are stripped from every change.
        #[doc(alias = "EV_SYSFLAGS")]
        const SYSFLAGS = 0xf000;
    }
}

bitflags::bitflags! {
    /// Notes of [`Filter::READ`], [`Filter::WRITE`] and [`Filter::EXCEPT`].
    ///
    /// # Differences
    /// On BSD and macOS a note that the system lacks is refused with `ENOTSUP`, and `data` is
    /// always filled in, because it costs nothing there.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct NoteIo: u32 {
        /// `data` of the change is the low water mark, in bytes.
        #[doc(alias = "NOTE_LOWAT")]
        const LOWAT = 0x0001;
        /// A regular file is always ready to read, as poll(2) has it. Linux and FreeBSD only.
        #[doc(alias = "NOTE_FILE_POLL")]
        const FILE_POLL = constants::NOTE_FILE_POLL;
        /// Urgent data; for [`Filter::EXCEPT`]. Not in FreeBSD.
        #[doc(alias = "NOTE_OOB")]
        const OOB = constants::NOTE_OOB;
        /// Leave `data` of this knote's events 0, which saves one system call per event.
        /// Private to this crate: it never appears in a result. See
        /// [`Kevent::without_data`](crate::Kevent::without_data).
        const NO_DATA = 0x4000_0000;
        /// Fill `data` although the queue's builder chose otherwise.
        /// Private to this crate: it never appears in a result. See
        /// [`Kevent::with_data`](crate::Kevent::with_data).
        const WITH_DATA = 0x2000_0000;
    }
}

bitflags::bitflags! {
    /// Notes of [`Filter::TIMER`]: the unit of `data`; none means milliseconds.
    ///
    /// The values are this system's own; on Linux FreeBSD's.
    ///
    /// # Differences
    /// On OpenBSD and NetBSD the units are a small number, not bits: two units together are
    /// another unit and no error. DragonFly counts milliseconds: a period in another unit is
    /// rounded up to them, and [`ABSTIME`](Self::ABSTIME) is refused with `ENOTSUP`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct NoteTimer: u32 {
        /// `data` is in seconds.
        #[doc(alias = "NOTE_SECONDS")]
        const SECONDS = constants::NOTE_SECONDS;
        /// `data` is in milliseconds (the default).
        #[doc(alias = "NOTE_MSECONDS")]
        const MSECONDS = constants::NOTE_MSECONDS;
        /// `data` is in microseconds.
        #[doc(alias = "NOTE_USECONDS")]
        const USECONDS = constants::NOTE_USECONDS;
        /// `data` is in nanoseconds.
        #[doc(alias = "NOTE_NSECONDS")]
        const NSECONDS = constants::NOTE_NSECONDS;
        /// `data` is a point in time of the wall clock, not a period.
        #[doc(alias = "NOTE_ABSTIME")]
        const ABSTIME = constants::NOTE_ABSTIME;
    }
}

bitflags::bitflags! {
    /// Notes of [`Filter::USER`]: what a change does to the 24 bits a user event carries.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct NoteUser: u32 {
        /// Ignore the input bits.
        #[doc(alias = "NOTE_FFNOP")]
        const FFNOP = 0x0000_0000;
        /// AND the input bits into the stored ones.
        #[doc(alias = "NOTE_FFAND")]
        const FFAND = 0x4000_0000;
        /// OR the input bits into the stored ones.
        #[doc(alias = "NOTE_FFOR")]
        const FFOR = 0x8000_0000;
        /// Copy the input bits over the stored ones.
        #[doc(alias = "NOTE_FFCOPY")]
        const FFCOPY = 0xc000_0000;
        /// The mask of the operation: FFNOP, FFAND, FFOR or FFCOPY.
        #[doc(alias = "NOTE_FFCTRLMASK")]
        const FFCTRLMASK = 0xc000_0000;
        /// Make the event active.
        #[doc(alias = "NOTE_TRIGGER")]
        const TRIGGER = 0x0100_0000;
        /// The mask of the bits that belong to the program.
        #[doc(alias = "NOTE_FFLAGSMASK")]
        const FFLAGSMASK = 0x00ff_ffff;
    }
}

bitflags::bitflags! {
    /// Notes of [`Filter::VNODE`]: which changes interest, and which happened.
    ///
    /// An event may carry more notes than were asked for: a write that makes a file longer is
    /// `WRITE | EXTEND` to whoever asked for one of the two.
    ///
    /// # References
    /// kqueue(2), FreeBSD 15, "EVFILT_VNODE"; `docs/semantics.md`, C6.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct NoteVnode: u32 {
        /// A name of the file was removed, or another file was renamed over it; the directory
        /// was removed.
        #[doc(alias = "NOTE_DELETE")]
        const DELETE = 0x0001;
        /// The file was written to; a name in the directory came, went or was replaced.
        #[doc(alias = "NOTE_WRITE")]
        const WRITE = 0x0002;
        /// The file became longer; a name was renamed out of the directory or into it.
        #[doc(alias = "NOTE_EXTEND")]
        const EXTEND = 0x0004;
        /// Permissions, owner, times or extended attributes were changed, or the file was cut.
        #[doc(alias = "NOTE_ATTRIB")]
        const ATTRIB = 0x0008;
        /// The number of names changed; a directory in the directory came or went.
        #[doc(alias = "NOTE_LINK")]
        const LINK = 0x0010;
        /// The file was renamed.
        #[doc(alias = "NOTE_RENAME")]
        const RENAME = 0x0020;
        /// The file system was unmounted. Linux does not do so while the descriptor is open.
        #[doc(alias = "NOTE_REVOKE")]
        const REVOKE = 0x0040;
        /// The file was opened.
        #[doc(alias = "NOTE_OPEN")]
        const OPEN = 0x0080;
        /// A descriptor that could not write was closed.
        #[doc(alias = "NOTE_CLOSE")]
        const CLOSE = 0x0100;
        /// A descriptor that could write was closed.
        #[doc(alias = "NOTE_CLOSE_WRITE")]
        const CLOSE_WRITE = 0x0200;
        /// The file or directory was read.
        #[doc(alias = "NOTE_READ")]
        const READ = 0x0400;
        /// The file became shorter. Not in FreeBSD; the number is our own.
        #[doc(alias = "NOTE_TRUNCATE")]
        const TRUNCATE = 0x1000;
    }
}

bitflags::bitflags! {
    /// What an event of [`Filter::FS`] says has happened somewhere: the `VQ_` bits. Linux tells
    /// of these two.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct NoteFs: u32 {
        /// A file system was mounted.
        #[doc(alias = "VQ_MOUNT")]
        const MOUNT = 0x0008;
        /// A file system was unmounted.
        #[doc(alias = "VQ_UNMOUNT")]
        const UNMOUNT = 0x0010;
    }
}

bitflags::bitflags! {
    /// Notes of [`Filter::NETDEV`]; the same numbers stand in `data` for the current state.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct NoteNetdev: u32 {
        /// The interface is up, and so is what it is connected to.
        #[doc(alias = "NOTE_LINKUP")]
        const LINKUP = 0x0001;
        /// It is down.
        #[doc(alias = "NOTE_LINKDOWN")]
        const LINKDOWN = 0x0002;
        /// It was removed.
        #[doc(alias = "NOTE_LINKINV")]
        const LINKINV = 0x0004;
    }
}

bitflags::bitflags! {
    /// Notes of [`Filter::PROC`] and [`Filter::PROCDESC`].
    ///
    /// # References
    /// kqueue(2), FreeBSD 15; `docs/semantics.md`, C7 and C8.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct NoteProc: u32 {
        /// The process has exited; `data` is its status as wait(2) has it.
        #[doc(alias = "NOTE_EXIT")]
        const EXIT = 0x8000_0000;
        /// The process has made a child. Threads are not children.
        #[doc(alias = "NOTE_FORK")]
        const FORK = 0x4000_0000;
        /// The process runs another program: a successful execve(2).
        #[doc(alias = "NOTE_EXEC")]
        const EXEC = 0x2000_0000;
        /// The process was reaped: its number is free. With it the knote stays after `EXIT`.
        #[doc(alias = "NOTE_REAP")]
        const REAP = 0x0400_0000;
        /// Follow the children, and theirs; [`Filter::PROC`] only.
        #[doc(alias = "NOTE_TRACK")]
        const TRACK = 0x0000_0001;
        /// Output only: descendants of this process may have gone unnoticed.
        #[doc(alias = "NOTE_TRACKERR")]
        const TRACKERR = 0x0000_0002;
        /// Output only: this is a new child of a followed process, whose pid is `data`.
        #[doc(alias = "NOTE_CHILD")]
        const CHILD = 0x0000_0004;
        /// Nothing: the status comes with every `EXIT`. For programs written for macOS.
        #[doc(alias = "NOTE_EXITSTATUS")]
        const EXITSTATUS = 0;
    }
}

macro_rules! into_fflags {
    ($($notes:ty),*) => {$(
        impl From<$notes> for u32 {
            /// The notes as they stand in `fflags`.
            fn from(notes: $notes) -> Self {
                notes.bits()
            }
        }
    )*};
}

into_fflags!(
    NoteFs, NoteIo, NoteNetdev, NoteProc, NoteTimer, NoteUser, NoteVnode
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_exit_status_needs_no_note_of_its_own() {
        assert!(NoteProc::EXITSTATUS.is_empty(), "deviation G19");
    }
}
