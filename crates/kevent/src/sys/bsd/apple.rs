//! macOS and its kin: a packed `struct kevent` without `ext`.
//!
//! 0x100 and 0x200 are EV_UDATA_SPECIFIC and EV_VANISHED here, so FreeBSD's flags must not pass.

use std::mem::{offset_of, size_of};
use std::ptr;

use super::RawKevent;
use crate::constants;
use crate::flags::{Filter, Flags, NoteVnode};
use crate::kevent::Kevent;
use crate::native::change::{Errno, Lacks};

/// The type of kevent(2)'s counts.
pub(super) type Count = libc::c_int;

/// What this crate names and the system does not have.
pub(crate) const LACKS: Lacks = Lacks {
    flags: Flags::FORCEONESHOT.union(Flags::KEEPUDATA),
    io_notes: constants::NO_FILE_POLL,
    timer_notes: 0,
    vnode_notes: NoteVnode::OPEN
        .union(NoteVnode::CLOSE)
        .union(NoteVnode::CLOSE_WRITE)
        .union(NoteVnode::READ)
        .union(NoteVnode::TRUNCATE),
};

pub(crate) fn encode(change: &Kevent) -> RawKevent {
    RawKevent {
        ident: change.ident,
        filter: change.filter.as_raw(),
        flags: change.flags.bits(),
        fflags: change.fflags,
        // 64 bits wide but on systems long gone; there the nearest.
        data: isize::try_from(change.data).unwrap_or(isize::MAX),
        udata: ptr::without_provenance_mut(change.udata),
    }
}

pub(crate) fn decode(event: &RawKevent) -> Kevent {
    Kevent {
        ident: event.ident,
        filter: Filter::from_raw(event.filter),
        flags: Flags::from_bits_retain(event.flags),
        fflags: event.fflags,
        data: event.data as i64,
        udata: event.udata.addr(),
        ext: [0; 4],
    }
}

pub(super) fn errno_place() -> *mut Errno {
    // SAFETY: it takes nothing and answers where this thread's errno is.
    unsafe { libc::__error() }
}

// `docs/semantics.md`, A2.
#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<RawKevent>() == 32);
    assert!(offset_of!(RawKevent, filter) == 8);
    assert!(offset_of!(RawKevent, flags) == 10);
    assert!(offset_of!(RawKevent, fflags) == 12);
    assert!(offset_of!(RawKevent, data) == 16);
    assert!(offset_of!(RawKevent, udata) == 24);
};

const _: () = {
    assert!(constants::EVFILT_READ == libc::EVFILT_READ);
    assert!(constants::EVFILT_WRITE == libc::EVFILT_WRITE);
    assert!(constants::EVFILT_AIO == libc::EVFILT_AIO);
    assert!(constants::EVFILT_TIMER == libc::EVFILT_TIMER);
    assert!(constants::EVFILT_USER == libc::EVFILT_USER);
    assert!(constants::EVFILT_EXCEPT == libc::EVFILT_EXCEPT);
    assert!(constants::NOTE_OOB == libc::NOTE_OOB);
    assert!(constants::NOTE_SECONDS == libc::NOTE_SECONDS);
    assert!(constants::NOTE_USECONDS == libc::NOTE_USECONDS);
    assert!(constants::NOTE_NSECONDS == libc::NOTE_NSECONDS);
    assert!(constants::NOTE_ABSTIME == libc::NOTE_ABSOLUTE);
};
