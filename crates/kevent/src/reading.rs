//! What an event says, in the types of its filter.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use crate::flags::{Filter, Flags, NoteProc, NoteVnode};
use crate::kevent::Kevent;

impl Kevent {
    /// Whether the event says end of file, or that the watched thing is gone.
    #[must_use]
    pub const fn is_eof(&self) -> bool {
        self.flags.contains(Flags::EOF)
    }

    /// Whether this entry answers a change with success: [`Flags::ERROR`] and `data` 0.
    #[must_use]
    pub const fn is_receipt(&self) -> bool {
        self.flags.contains(Flags::ERROR) && self.data == 0
    }

    /// The error of the change that this entry answers, if it is such an entry.
    #[must_use]
    pub fn error(&self) -> Option<io::Error> {
        if !self.flags.contains(Flags::ERROR) || self.data == 0 {
            return None;
        }
        Some(io::Error::from_raw_os_error(
            i32::try_from(self.data).unwrap_or(i32::MAX),
        ))
    }

    /// The pending error of the socket, where a [`Filter::READ`] or [`Filter::WRITE`] event
    /// carries one beside [`Flags::EOF`].
    #[must_use]
    pub fn socket_error(&self) -> Option<io::Error> {
        let is_io = matches!(self.filter, Filter::READ | Filter::WRITE | Filter::EXCEPT);
        if !is_io || !self.is_eof() || self.fflags == 0 {
            return None;
        }
        Some(io::Error::from_raw_os_error(
            i32::try_from(self.fflags).unwrap_or(i32::MAX),
        ))
    }

    /// How the process ended, if this is an event of [`Filter::PROC`] or [`Filter::PROCDESC`] with
    /// [`NoteProc::EXIT`].
    ///
    /// Where the kernel does not tell the status of somebody else's process (`docs/semantics.md`,
    /// D6) it is 0, which reads as success.
    #[must_use]
    pub fn exit_status(&self) -> Option<ExitStatus> {
        let is_process = matches!(self.filter, Filter::PROC | Filter::PROCDESC);
        let notes = NoteProc::from_bits_retain(self.fflags);
        if !is_process || self.flags.contains(Flags::ERROR) || !notes.contains(NoteProc::EXIT) {
            return None;
        }
        i32::try_from(self.data).ok().map(ExitStatus::from_raw)
    }

    /// How often the timer has expired since its last event, if this is a timer's event.
    #[must_use]
    pub fn timer_expirations(&self) -> Option<u64> {
        self.count_of(Filter::TIMER)
    }

    /// How often the signal came since its last event, if this is a signal's event.
    #[must_use]
    pub fn signal_count(&self) -> Option<u64> {
        self.count_of(Filter::SIGNAL)
    }

    fn count_of(&self, filter: Filter) -> Option<u64> {
        let is_event = self.filter == filter && !self.flags.contains(Flags::ERROR);
        if is_event {
            u64::try_from(self.data).ok()
        } else {
            None
        }
    }

    /// What happened to the file, if this is an event of [`Filter::VNODE`].
    #[must_use]
    pub fn vnode_notes(&self) -> Option<NoteVnode> {
        let is_event = self.filter == Filter::VNODE && !self.flags.contains(Flags::ERROR);
        is_event.then(|| NoteVnode::from_bits_truncate(self.fflags))
    }
}
