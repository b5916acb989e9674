//! FreeBSD's layout and numbers, which are the table's own.

use std::ffi::CStr;

use kevent::{Filter, Flags, Kevent};

use crate::c_abi::{Layout, actions};

/// `struct kevent` of FreeBSD 12 and later.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub(crate) struct Freebsd {
    ident: usize,
    filter: i16,
    flags: u16,
    fflags: u32,
    data: i64,
    udata: usize,
    ext: [u64; 4],
}

impl Layout for Freebsd {
    const NAME: &'static str = "libkqueue, FreeBSD's interface";
    const KEVENT: &'static CStr = c"kevent_freebsd";
    const UNWRITTEN: Self = Self {
        ident: usize::MAX / 3,
        filter: 0x5a5a,
        flags: 0x5a5a,
        fflags: 0x5a5a_5a5a,
        data: -0x5a5a,
        udata: usize::MAX / 5,
        ext: [0x5a5a; 4],
    };

    fn from_change(change: &Kevent) -> Self {
        Self {
            ident: change.ident,
            filter: change.filter.as_raw(),
            flags: change.flags.bits(),
            fflags: change.fflags,
            data: change.data,
            udata: change.udata,
            ext: change.ext,
        }
    }

    fn to_event(self, _: &[Kevent]) -> Kevent {
        let flags = Flags::from_bits_retain(self.flags);
        assert!(!flags.intersects(actions()), "FreeBSD's flags: {self:?}");
        Kevent {
            ident: self.ident,
            filter: Filter::from_raw(self.filter),
            flags,
            fflags: self.fflags,
            data: self.data,
            udata: self.udata,
            ext: self.ext,
        }
    }

    fn cannot(_: &str) -> Option<&'static str> {
        None
    }
}
