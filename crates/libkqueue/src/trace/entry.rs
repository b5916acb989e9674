//! An entry of a changelist or an eventlist in words: the structure's fields by name, numbers by
//! theirs, and what a number means where the names do not say it.

use std::fmt;

use super::error::Error;
use super::names::{self, Abi, Bits};
use super::signal::Signal;
use crate::abi::{FreebsdKevent, PortableKevent};

const EV_ERROR: u16 = 0x4000;
const EV_EOF: u16 = 0x8000;

/// A `struct kevent` of either layout, with the numbers of its own ABI.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    abi: Abi,
    ident: usize,
    filter: i16,
    flags: u16,
    fflags: u32,
    data: i64,
    udata: usize,
    ext: [u64; 4],
}

impl From<PortableKevent> for Entry {
    fn from(kevent: PortableKevent) -> Self {
        Self {
            abi: Abi::Portable,
            ident: kevent.ident,
            filter: kevent.filter,
            flags: kevent.flags,
            fflags: kevent.fflags,
            data: kevent.data as i64,
            udata: kevent.udata,
            ext: [0; 4],
        }
    }
}

impl From<FreebsdKevent> for Entry {
    fn from(kevent: FreebsdKevent) -> Self {
        Self {
            abi: Abi::Freebsd,
            ident: kevent.ident,
            filter: kevent.filter,
            flags: kevent.flags,
            fflags: kevent.fflags,
            data: kevent.data,
            udata: kevent.udata,
            ext: kevent.ext,
        }
    }
}

/// What an entry is there for: the same bits mean another thing in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Change,
    Event,
    /// To a change, or to a question.
    Answer,
}

impl Entry {
    /// Whether the entry that a call returned answers a change or a question.
    pub(super) fn is_answer(&self) -> bool {
        self.flags & EV_ERROR != 0 || self.filter_name() == Some("EVFILT_LIBKQUEUE")
    }

    /// In words.
    pub(super) const fn shown(self, role: Role) -> Shown {
        Shown { entry: self, role }
    }

    fn filter_name(&self) -> Option<&'static str> {
        names::filter(self.filter, self.abi)
    }
}

/// An [`Entry`] in words.
#[derive(Debug)]
pub(super) struct Shown {
    entry: Entry,
    role: Role,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = &self.entry;
        let filter = entry.filter_name();
        write!(f, "{{ident={}", entry.ident)?;
        self.ident_meaning(filter, f)?;
        match filter {
            Some(name) => write!(f, ", filter={name}")?,
            None => write!(f, ", filter={}", entry.filter)?,
        }
        write!(f, ", flags={}", Bits::of_flags(entry.flags, entry.abi))?;
        f.write_str(", fflags=")?;
        self.fflags(filter, f)?;
        self.data(filter, f)?;
        match entry.udata {
            0 => f.write_str(", udata=NULL")?,
            udata => write!(f, ", udata={udata:#x}")?,
        }
        if entry.ext != [0; 4] {
            let [a, b, c, d] = entry.ext;
            write!(f, ", ext=[{a:#x}, {b:#x}, {c:#x}, {d:#x}]")?;
        }
        f.write_str("}")
    }
}

impl Shown {
    fn ident_meaning(&self, filter: Option<&str>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (filter, i32::try_from(self.entry.ident)) {
            (Some("EVFILT_SIGNAL"), Ok(number)) => write!(f, " /* {} */", Signal(number)),
            _ => Ok(()),
        }
    }

    fn fflags(&self, filter: Option<&str>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { abi, fflags, .. } = self.entry;
        match filter {
            // The error of a socket at its end.
            Some("EVFILT_READ" | "EVFILT_WRITE" | "EVFILT_EXCEPT")
                if self.role == Role::Event && self.entry.flags & EV_EOF != 0 && fflags != 0 =>
            {
                write!(f, "{}", Error(fflags.cast_signed()))
            }
            Some("EVFILT_LIBKQUEUE") => match names::question(fflags) {
                Some(name) => f.write_str(name),
                None => write!(f, "{fflags}"),
            },
            filter => {
                let notes = Bits::of_notes(fflags, filter.unwrap_or_default(), abi);
                write!(f, "{notes}")
            }
        }
    }

    fn data(&self, filter: Option<&str>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = &self.entry;
        let question = names::question(entry.fflags);
        if let (Some("EVFILT_LIBKQUEUE"), Some("NOTE_DEBUG_PREFIX" | "NOTE_DEBUG_FUNC")) =
            (filter, question)
        {
            return write!(f, ", data={:#x}", entry.data);
        }
        write!(f, ", data={}", entry.data)?;
        self.data_meaning(filter, f)
    }

    fn data_meaning(&self, filter: Option<&str>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = &self.entry;
        if self.role == Role::Answer && entry.flags & EV_ERROR != 0 {
            return match i32::try_from(entry.data) {
                Ok(errno) if errno != 0 => write!(f, " /* {} */", Error(errno)),
                _ => Ok(()),
            };
        }
        match (filter, self.role) {
            (Some("EVFILT_TIMER"), Role::Change) => self.time(f),
            (Some("EVFILT_PROC" | "EVFILT_PROCDESC"), Role::Event) => self.process(f),
            (Some("EVFILT_NETDEV"), Role::Event) if entry.data != 0 => {
                let data = u32::try_from(entry.data).unwrap_or(u32::MAX);
                let state = Bits::of_notes(data, "EVFILT_NETDEV", entry.abi);
                write!(f, " /* {state} */")
            }
            _ => Ok(()),
        }
    }

    /// A timer's period or point in time.
    fn time(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let notes = self.entry.fflags;
        let (unit, is_absolute) = match self.entry.abi {
            Abi::Portable => (notes & 0x7, notes & 0x18 != 0),
            Abi::Freebsd => (notes & 0xf, notes & 0x10 != 0),
        };
        let unit = match (self.entry.abi, unit) {
            (_, 0) | (Abi::Freebsd, 2) => "ms",
            (_, 1) => "s",
            (Abi::Portable, 2) | (Abi::Freebsd, 4) => "us",
            (Abi::Portable, 4) | (Abi::Freebsd, 8) => "ns",
            _ => return Ok(()),
        };
        let since = if is_absolute { " since 1970" } else { "" };
        write!(f, " /* {unit}{since} */")
    }

    /// What became of a process.
    fn process(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NOTE_EXIT: u32 = 0x8000_0000;
        const NOTE_CHILD: u32 = 4;
        let Entry { fflags, data, .. } = self.entry;
        if fflags & NOTE_EXIT == 0 {
            return match fflags & NOTE_CHILD {
                0 => Ok(()),
                _ => f.write_str(" /* the parent */"),
            };
        }
        let Ok(status) = i32::try_from(data) else {
            return Ok(());
        };
        if libc::WIFEXITED(status) {
            return write!(f, " /* exit status {} */", libc::WEXITSTATUS(status));
        }
        let core = if libc::WCOREDUMP(status) {
            ", core dumped"
        } else {
            ""
        };
        write!(
            f,
            " /* killed by {}{core} */",
            Signal(libc::WTERMSIG(status))
        )
    }
}
