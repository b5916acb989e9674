//! The default layout, 32 bytes, with the other library's numbers. The tables here are written
//! after `docs/semantics.md`, A3, and `docs/design.md`, not after the library's own.

use std::ffi::CStr;

use kevent::{Filter, Flags, Kevent};

use crate::c_abi::{Layout, actions};

/// `struct kevent` without `ext`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub(crate) struct Portable {
    ident: usize,
    filter: i16,
    flags: u16,
    fflags: u32,
    data: isize,
    udata: usize,
}

/// Filters whose numbers differ: the table's, and those of this interface.
const FILTERS: &[(i16, i16)] = &[
    (Filter::NETDEV.as_raw(), -8),
    (Filter::PROCDESC.as_raw(), -102),
    (Filter::SENDFILE.as_raw(), -103),
];

/// Units and the rest of a timer's notes.
const TIMER: &[(u32, u32)] = &[(0x1, 0x1), (0x2, 0x0), (0x4, 0x2), (0x8, 0x4), (0x10, 0x10)];

/// NOTE_OPEN, NOTE_TRUNCATE, and a bit that is no note in either.
const VNODE: &[(u32, u32)] = &[(0x80, 0x800), (0x1000, 0x80), (0x800, 0x1000)];

impl Layout for Portable {
    const NAME: &'static str = "libkqueue";
    const KEVENT: &'static CStr = c"kevent";
    const UNWRITTEN: Self = Self {
        ident: usize::MAX / 3,
        filter: 0x5a5a,
        flags: 0x5a5a,
        fflags: 0x5a5a_5a5a,
        data: -0x5a5a,
        udata: usize::MAX / 5,
    };

    fn from_change(change: &Kevent) -> Self {
        let number = change.filter.as_raw();
        let filter = FILTERS.iter().find(|(table, _)| *table == number);
        Self {
            ident: change.ident,
            filter: filter.map_or(number, |(_, here)| *here),
            flags: change.flags.bits(),
            fflags: translate(change.fflags, notes(change.filter).iter().copied()),
            data: isize::try_from(change.data).expect("a 64-bit machine"),
            udata: change.udata,
        }
    }

    fn to_event(self, changelist: &[Kevent]) -> Kevent {
        let filter = FILTERS.iter().find(|(_, here)| *here == self.filter);
        let filter = Filter::from_raw(filter.map_or(self.filter, |(table, _)| *table));
        let back = notes(filter).iter().map(|&(table, here)| (here, table));
        Kevent {
            ident: self.ident,
            filter,
            flags: self.table_flags(filter, changelist),
            fflags: translate(self.fflags, back),
            data: i64::try_from(self.data).expect("a 64-bit machine"),
            udata: self.udata,
            ext: [0; 4],
        }
    }

    fn cannot(id: &str) -> Option<&'static str> {
        match id {
            "A-53" => Some("the 32-byte structure has no ext"),
            "T-09" => {
                Some("NOTE_MSECONDS is 0 here, so it cannot be one of two units: see border.c")
            }
            _ => None,
        }
    }
}

impl Portable {
    /// The flags as the table has them. Here an answer has the change's own flags beside EV_ERROR
    /// (G6), and every event says EV_ADD (G5).
    fn table_flags(self, filter: Filter, changelist: &[Kevent]) -> Flags {
        let flags = Flags::from_bits_retain(self.flags);
        if flags.contains(Flags::ERROR) {
            let own = flags - Flags::ERROR;
            let is_change = |change: &Kevent| {
                (change.ident, change.filter) == (self.ident, filter)
                    && change.flags - Flags::SYSFLAGS == own
            };
            assert!(
                changelist.iter().any(is_change),
                "an answer with the flags of its change: {self:?}"
            );
            return Flags::ERROR;
        }
        assert_eq!(flags & actions(), Flags::ADD, "an event: {self:?}");
        flags - Flags::ADD
    }
}

const fn notes(filter: Filter) -> &'static [(u32, u32)] {
    match filter {
        Filter::TIMER => TIMER,
        Filter::VNODE => VNODE,
        _ => &[],
    }
}

/// Replaces the bits on the left by those on the right.
fn translate(bits: u32, table: impl Iterator<Item = (u32, u32)> + Clone) -> u32 {
    let known = table.clone().fold(0, |known, (from, _)| known | from);
    table
        .filter(|(from, _)| bits & from != 0)
        .fold(bits & !known, |result, (_, to)| result | to)
}
