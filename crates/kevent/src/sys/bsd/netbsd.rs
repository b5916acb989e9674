//! NetBSD: filter and flags are 32 bits wide, and filters count up from 0.
//!
//! NetBSD 11 may append `ext` to the structure; its kevent(2) is then another symbol.

use std::mem::{offset_of, size_of};
use std::ptr;

use super::RawKevent;
use crate::constants;
use crate::flags::{Filter, Flags, NoteVnode};
use crate::kevent::Kevent;
use crate::native::change::{Errno, Lacks};

/// The type of kevent(2)'s counts.
pub(super) type Count = libc::size_t;

/// What this crate names and the system does not have. EXCEPT the kernel refuses.
pub(crate) const LACKS: Lacks = Lacks {
    flags: Flags::FORCEONESHOT.union(Flags::KEEPUDATA),
    io_notes: constants::NO_FILE_POLL,
    timer_notes: 0,
    vnode_notes: NoteVnode::TRUNCATE,
};

pub(crate) fn encode(change: &Kevent) -> RawKevent {
    RawKevent {
        ident: change.ident,
        // A negative number, which this system does not have, stays one that it refuses.
        filter: i32::from(change.filter.as_raw()).cast_unsigned(),
        flags: change.flags.bits().into(),
        fflags: change.fflags,
        data: change.data,
        udata: ptr::without_provenance_mut(change.udata),
    }
}

pub(crate) fn decode(event: &RawKevent) -> Kevent {
    // The kernel hands back filters and flags that were given to it, all within 16 bits.
    let filter = i16::try_from(event.filter.cast_signed()).unwrap_or(i16::MIN);
    let flags = u16::try_from(event.flags & 0xffff).unwrap_or(0);
    Kevent {
        ident: event.ident,
        filter: Filter::from_raw(filter),
        flags: Flags::from_bits_retain(flags),
        fflags: event.fflags,
        data: event.data,
        udata: event.udata.addr(),
        ext: [0; 4],
    }
}

pub(super) fn errno_place() -> *mut Errno {
    // SAFETY: it takes nothing and answers where this thread's errno is.
    unsafe { libc::__errno() }
}

// `docs/semantics.md`, A2.
#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<RawKevent>() == 40);
    assert!(offset_of!(RawKevent, filter) == 8);
    assert!(offset_of!(RawKevent, flags) == 12);
    assert!(offset_of!(RawKevent, fflags) == 16);
    assert!(offset_of!(RawKevent, data) == 24);
    assert!(offset_of!(RawKevent, udata) == 32);
};

const _: () = {
    assert!(constants::EVFILT_READ as u32 == libc::EVFILT_READ);
    assert!(constants::EVFILT_WRITE as u32 == libc::EVFILT_WRITE);
    assert!(constants::EVFILT_AIO as u32 == libc::EVFILT_AIO);
    assert!(constants::EVFILT_TIMER as u32 == libc::EVFILT_TIMER);
    assert!(constants::EVFILT_USER as u32 == libc::EVFILT_USER);
    assert!(constants::NOTE_SECONDS == libc::NOTE_SECONDS);
    assert!(constants::NOTE_MSECONDS == libc::NOTE_MSECONDS);
    assert!(constants::NOTE_USECONDS == libc::NOTE_USECONDS);
    assert!(constants::NOTE_NSECONDS == libc::NOTE_NSECONDS);
    assert!(constants::NOTE_ABSTIME == libc::NOTE_ABSTIME);
};
