//! FreeBSD 12 and later: `struct kevent` with 64-bit `data` and `ext`.
//!
//! `Kevent` has the same layout; it is converted field by field all the same, as everywhere.

use std::mem::{offset_of, size_of};
use std::ptr;

use super::RawKevent;
use crate::constants;
use crate::flags::{Filter, Flags, NoteVnode};
use crate::kevent::Kevent;
use crate::native::change::{Errno, Lacks};

/// The type of kevent(2)'s counts.
pub(super) type Count = libc::c_int;

/// Everything is there but EXCEPT, which the kernel refuses.
pub(crate) const LACKS: Lacks = Lacks {
    flags: Flags::empty(),
    io_notes: 0,
    timer_notes: 0,
    vnode_notes: NoteVnode::TRUNCATE,
};

pub(crate) fn encode(change: &Kevent) -> RawKevent {
    RawKevent {
        ident: change.ident,
        filter: change.filter.as_raw(),
        flags: change.flags.bits(),
        fflags: change.fflags,
        data: change.data,
        udata: ptr::without_provenance_mut(change.udata),
        ext: change.ext,
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
        ext: event.ext,
    }
}

pub(super) fn errno_place() -> *mut Errno {
    // SAFETY: it takes nothing and answers where this thread's errno is.
    unsafe { libc::__error() }
}

// `docs/semantics.md`, A2. A 32-byte structure is FreeBSD 11's.
#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<RawKevent>() == 64 && size_of::<Kevent>() == 64);
    assert!(offset_of!(RawKevent, filter) == 8 && offset_of!(Kevent, filter) == 8);
    assert!(offset_of!(RawKevent, flags) == 10 && offset_of!(Kevent, flags) == 10);
    assert!(offset_of!(RawKevent, fflags) == 12 && offset_of!(Kevent, fflags) == 12);
    assert!(offset_of!(RawKevent, data) == 16 && offset_of!(Kevent, data) == 16);
    assert!(offset_of!(RawKevent, udata) == 24 && offset_of!(Kevent, udata) == 24);
    assert!(offset_of!(RawKevent, ext) == 32 && offset_of!(Kevent, ext) == 32);
};

const _: () = {
    assert!(constants::EVFILT_READ == libc::EVFILT_READ);
    assert!(constants::EVFILT_WRITE == libc::EVFILT_WRITE);
    assert!(constants::EVFILT_AIO == libc::EVFILT_AIO);
    assert!(constants::EVFILT_LIO == libc::EVFILT_LIO);
    assert!(constants::EVFILT_TIMER == libc::EVFILT_TIMER);
    assert!(constants::EVFILT_USER == libc::EVFILT_USER);
    assert!(constants::EVFILT_SENDFILE == libc::EVFILT_SENDFILE);
    assert!(constants::NOTE_FILE_POLL == libc::NOTE_FILE_POLL);
    assert!(constants::NOTE_SECONDS == libc::NOTE_SECONDS);
    assert!(constants::NOTE_MSECONDS == libc::NOTE_MSECONDS);
    assert!(constants::NOTE_USECONDS == libc::NOTE_USECONDS);
    assert!(constants::NOTE_NSECONDS == libc::NOTE_NSECONDS);
    assert!(constants::NOTE_ABSTIME == libc::NOTE_ABSTIME);
    assert!(Flags::FORCEONESHOT.bits() == libc::EV_FORCEONESHOT);
    assert!(Flags::KEEPUDATA.bits() == libc::EV_KEEPUDATA);
    assert!(Flags::SYSFLAGS.bits() == libc::EV_SYSFLAGS);
};
