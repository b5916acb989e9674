//! FreeBSD's layout, 12 and later, which is the engine's own, number by number.

use std::mem::{offset_of, size_of};

use kevent::binding;
use kevent::{Filter, Flags, Kevent};

use super::{Layout, without_private_notes};

/// `struct kevent` of a program compiled with `KEVENT_FREEBSD`: 64 bytes.
///
/// Events have the flags that the knote has, without `EV_ADD`; an answer has `EV_ERROR` alone, as
/// on FreeBSD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct FreebsdKevent {
    /// What is watched.
    pub ident: usize,
    /// `EVFILT_`.
    pub filter: i16,
    /// `EV_`.
    pub flags: u16,
    /// `NOTE_`.
    pub fflags: u32,
    /// The filter's number.
    pub data: i64,
    /// The program's pointer, as an address.
    pub udata: usize,
    /// The program's own words.
    pub ext: [u64; 4],
}

// The engine's structure was laid out after it.
const _: () = {
    assert!(size_of::<FreebsdKevent>() == size_of::<Kevent>());
    assert!(offset_of!(FreebsdKevent, ident) == offset_of!(Kevent, ident));
    assert!(offset_of!(FreebsdKevent, filter) == offset_of!(Kevent, filter));
    assert!(offset_of!(FreebsdKevent, flags) == offset_of!(Kevent, flags));
    assert!(offset_of!(FreebsdKevent, fflags) == offset_of!(Kevent, fflags));
    assert!(offset_of!(FreebsdKevent, data) == offset_of!(Kevent, data));
    assert!(offset_of!(FreebsdKevent, udata) == offset_of!(Kevent, udata));
    assert!(offset_of!(FreebsdKevent, ext) == offset_of!(Kevent, ext));
};
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<FreebsdKevent>() == 64);

impl FreebsdKevent {
    const fn from_engine(kevent: &Kevent) -> Self {
        Self {
            ident: kevent.ident,
            filter: kevent.filter.as_raw(),
            flags: kevent.flags.bits(),
            fflags: kevent.fflags,
            data: kevent.data,
            udata: kevent.udata,
            ext: kevent.ext,
        }
    }
}

impl binding::Layout for FreebsdKevent {
    fn event(event: &Kevent) -> Self {
        Self::from_engine(event)
    }

    fn answer(change: &Kevent, errno: i32) -> Self {
        Self {
            flags: Flags::ERROR.bits(),
            data: i64::from(errno),
            ..Self::from_engine(change)
        }
    }
}

impl Layout for FreebsdKevent {
    fn change(&self) -> Kevent {
        let filter = Filter::from_raw(self.filter);
        Kevent {
            ident: self.ident,
            filter,
            flags: Flags::from_bits_retain(self.flags),
            fflags: without_private_notes(filter, self.fflags),
            data: self.data,
            udata: self.udata,
            ext: self.ext,
        }
    }

    /// Never: -12 is `EVFILT_SENDFILE` here.
    fn is_query(&self) -> bool {
        false
    }
}
