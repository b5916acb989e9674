//! The default layout: 32 bytes, and the numbers of the other library of this name.
//!
//! Filters and notes that this ABI and the engine number differently change places with each
//! other, in circles: every number has one counterpart, also the unknown ones, and going there and
//! back gives the same number. Only a timer's notes need more: two names mean a point in time, and
//! milliseconds have no bit here.

use std::mem::size_of;

use kevent::binding;
use kevent::{Filter, Flags, Kevent, NoteTimer, NoteVnode};

use super::constants::{
    EVFILT_LIBKQUEUE, EVFILT_NETDEV, EVFILT_PROCDESC, EVFILT_SENDFILE, NOTE_ABSOLUTE, NOTE_ABSTIME,
    NOTE_NSECONDS, NOTE_OPEN, NOTE_TRUNCATE, NOTE_USECONDS,
};
use super::{Layout, without_private_notes};

/// `struct kevent` of a program compiled without `KEVENT_FREEBSD`: 32 bytes (20 where pointers
/// have 32 bits).
///
/// Events have `EV_ADD` beside the knote's flags, and an answer has `EV_ERROR` beside the change's
/// own flags: programs written for the other library compare them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct PortableKevent {
    /// What is watched.
    pub ident: usize,
    /// `EVFILT_`.
    pub filter: i16,
    /// `EV_`.
    pub flags: u16,
    /// `NOTE_`.
    pub fflags: u32,
    /// The filter's number.
    pub data: isize,
    /// The program's pointer, as an address.
    pub udata: usize,
}

#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<PortableKevent>() == 32);
#[cfg(target_pointer_width = "32")]
const _: () = assert!(size_of::<PortableKevent>() == 20);

/// Filters that change places: this ABI's number, and the engine's. A number without a meaning
/// goes where the other side has none.
const FILTERS: [(i16, i16); 5] = [
    (EVFILT_NETDEV, Filter::NETDEV.as_raw()),
    (EVFILT_PROCDESC, Filter::PROCDESC.as_raw()),
    (EVFILT_SENDFILE, Filter::SENDFILE.as_raw()),
    (Filter::NETDEV.as_raw(), EVFILT_PROCDESC),
    (EVFILT_LIBKQUEUE, EVFILT_SENDFILE),
];

/// Notes of VNODE that change places, likewise.
const VNODE: [(u32, u32); 3] = [
    (NOTE_TRUNCATE, NoteVnode::TRUNCATE.bits()),
    (NOTE_OPEN, NoteVnode::OPEN.bits()),
    (NoteVnode::TRUNCATE.bits(), NOTE_OPEN),
];

/// Notes of TIMER; `NOTE_ABSTIME`, a second name, has the engine's number and stays.
const TIMER: [(u32, u32); 3] = [
    (NOTE_USECONDS, NoteTimer::USECONDS.bits()),
    (NOTE_NSECONDS, NoteTimer::NSECONDS.bits()),
    (NOTE_ABSOLUTE, NoteTimer::ABSTIME.bits()),
];
const _: () = assert!(NOTE_ABSTIME == NoteTimer::ABSTIME.bits());

/// The common filters, above all that change places.
const fn is_same(number: i16) -> bool {
    number > EVFILT_NETDEV
}

const _: () = {
    const fn changes((ours, engines): (i16, i16)) -> bool {
        !is_same(ours) && !is_same(engines)
    }
    let [a, b, c, d, e] = FILTERS;
    assert!(changes(a) && changes(b) && changes(c) && changes(d) && changes(e));
};

#[inline]
fn filter_to_engine(number: i16) -> Filter {
    if is_same(number) {
        return Filter::from_raw(number);
    }
    let pair = FILTERS.iter().find(|(ours, _)| *ours == number);
    Filter::from_raw(pair.map_or(number, |(_, engines)| *engines))
}

#[inline]
fn filter_from_engine(filter: Filter) -> i16 {
    let number = filter.as_raw();
    if is_same(number) {
        return number;
    }
    let pair = FILTERS.iter().find(|(_, engines)| *engines == number);
    pair.map_or(number, |(ours, _)| *ours)
}

/// Moves the bits that the pairs name; all others stay where they are.
fn move_bits(notes: u32, pairs: impl Iterator<Item = (u32, u32)>) -> u32 {
    let (mut kept, mut moved) = (notes, 0);
    for (from, to) in pairs {
        kept &= !from;
        if notes & from != 0 {
            moved |= to;
        }
    }
    kept | moved
}

fn notes_to_engine(filter: Filter, notes: u32) -> u32 {
    match filter {
        Filter::VNODE => move_bits(notes, VNODE.into_iter()),
        Filter::TIMER => move_bits(notes, TIMER.into_iter()),
        _ => without_private_notes(filter, notes),
    }
}

fn notes_from_engine(filter: Filter, notes: u32) -> u32 {
    let swap = |(ours, engines)| (engines, ours);
    match filter {
        Filter::VNODE => move_bits(notes, VNODE.into_iter().map(swap)),
        Filter::TIMER => {
            // Milliseconds are what a timer counts if nothing is said.
            let notes = notes & !NoteTimer::MSECONDS.bits();
            move_bits(notes, TIMER.into_iter().map(swap))
        }
        _ => notes,
    }
}

/// A long on 64 bits; where it is shorter, the nearest number that fits.
fn long(number: i64) -> isize {
    isize::try_from(number).unwrap_or(if number < 0 { isize::MIN } else { isize::MAX })
}

impl PortableKevent {
    fn from_engine(kevent: &Kevent, flags: Flags, data: i64) -> Self {
        Self {
            ident: kevent.ident,
            filter: filter_from_engine(kevent.filter),
            flags: flags.bits(),
            fflags: notes_from_engine(kevent.filter, kevent.fflags),
            data: long(data),
            udata: kevent.udata,
        }
    }
}

impl binding::Layout for PortableKevent {
    fn event(event: &Kevent) -> Self {
        Self::from_engine(event, event.flags | Flags::ADD, event.data)
    }

    fn answer(change: &Kevent, errno: i32) -> Self {
        let flags = change.flags.difference(Flags::SYSFLAGS) | Flags::ERROR;
        Self::from_engine(change, flags, i64::from(errno))
    }
}

impl Layout for PortableKevent {
    fn change(&self) -> Kevent {
        let filter = filter_to_engine(self.filter);
        Kevent {
            ident: self.ident,
            filter,
            flags: Flags::from_bits_retain(self.flags),
            fflags: notes_to_engine(filter, self.fflags),
            data: self.data as i64,
            udata: self.udata,
            ext: [0; 4],
        }
    }

    fn is_query(&self) -> bool {
        self.filter == EVFILT_LIBKQUEUE
    }
}
