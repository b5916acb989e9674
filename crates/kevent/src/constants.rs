//! The numbers that differ between systems: one row per constant, one column per system.
//!
//! On a system that has a kqueue the numbers are its own, so that an event seen in the system's
//! tracer reads the same; on Linux they are FreeBSD's. The rows are those of
//! `docs/semantics.md`, A3, and DragonFly's; each system's file in `sys` compares them with the
//! libc crate. What is the same everywhere stands in `flags` alone.
//!
//! A filter that a system lacks has a number from -100 down, which no kernel knows: it answers
//! `EINVAL`. A note that it lacks has one of the `NO_` bits, which never reach a kernel.

/// This system's column.
#[cfg(any(target_os = "linux", target_os = "freebsd"))]
const SYSTEM: usize = 0;
#[cfg(target_vendor = "apple")]
const SYSTEM: usize = 1;
#[cfg(target_os = "openbsd")]
const SYSTEM: usize = 2;
#[cfg(target_os = "netbsd")]
const SYSTEM: usize = 3;
#[cfg(target_os = "dragonfly")]
const SYSTEM: usize = 4;

/// Stands for NOTE_FILE_POLL where the system has no such note.
pub(crate) const NO_FILE_POLL: u32 = 0x0800_0000;
/// Stands for NOTE_OOB where the system has no such note, nor EVFILT_EXCEPT.
const NO_OOB: u32 = 0x0400_0000;

macro_rules! table {
    ($($name:ident: $type:ty = $freebsd:expr, $apple:expr, $openbsd:expr, $netbsd:expr,
        $dragonfly:expr;)*) => {$(
        pub(crate) const $name: $type =
            [$freebsd, $apple, $openbsd, $netbsd, $dragonfly][SYSTEM];
    )*};
}

table! {
    // constant            FreeBSD, macOS, OpenBSD, NetBSD, DragonFly
    EVFILT_READ: i16     = -1,     -1,     -1,      0,      -1;
    EVFILT_WRITE: i16    = -2,     -2,     -2,      1,      -2;
    EVFILT_AIO: i16      = -3,     -3,     -3,      2,      -3;
    EVFILT_VNODE: i16    = -4,     -4,     -4,      3,      -4;
    EVFILT_PROC: i16     = -5,     -5,     -5,      4,      -5;
    EVFILT_SIGNAL: i16   = -6,     -6,     -6,      5,      -6;
    EVFILT_TIMER: i16    = -7,     -7,     -7,      6,      -7;
    EVFILT_PROCDESC: i16 = -8,     -108,   -108,    -108,   -108;
    EVFILT_FS: i16       = -9,     -9,     -109,    7,      -10;
    EVFILT_LIO: i16      = -10,    -110,   -110,    -110,   -110;
    EVFILT_USER: i16     = -11,    -10,    -10,     8,      -9;
    EVFILT_SENDFILE: i16 = -12,    -112,   -112,    -112,   -112;
    EVFILT_EMPTY: i16    = -13,    -113,   -113,    9,      -113;
    EVFILT_NETDEV: i16   = -100,   -100,   -100,    -100,   -100;
    EVFILT_EXCEPT: i16   = -101,   -15,    -9,      -101,   -8;

    NOTE_FILE_POLL: u32  = 0x2, NO_FILE_POLL, NO_FILE_POLL, NO_FILE_POLL, NO_FILE_POLL;
    // FreeBSD's bit is for Linux alone, where EXCEPT is our own; FreeBSD refuses that filter.
    NOTE_OOB: u32        = 0x4,    0x2,    0x4,     NO_OOB, 0x2;

    // Bits on FreeBSD and macOS, a small number on OpenBSD and NetBSD. DragonFly counts in
    // milliseconds only: `sys` converts, and these are FreeBSD's.
    NOTE_SECONDS: u32    = 0x1,    0x1,    0x1,     0x1,    0x1;
    NOTE_MSECONDS: u32   = 0x2,    0x0,    0x0,     0x0,    0x2;
    NOTE_USECONDS: u32   = 0x4,    0x2,    0x2,     0x2,    0x4;
    NOTE_NSECONDS: u32   = 0x8,    0x4,    0x3,     0x3,    0x8;
    NOTE_ABSTIME: u32    = 0x10,   0x8,    0x10,    0x10,   0x10;
}
