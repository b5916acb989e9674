//! OpenBSD: `struct kevent` with 64-bit `data`, without `ext`.
//!
//! EVFILT_USER is in recent releases only; an older kernel answers EINVAL.

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
        data: change.data,
        udata: ptr::without_provenance_mut(change.udata),
    }
}

pub(crate) fn decode(event: &RawKevent) -> Kevent {
    Kevent {
        ident: event.ident,
        filter: Filter::from_raw(event.filter),
        flags: Flags::from_bits_retain(event.flags),
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
};
