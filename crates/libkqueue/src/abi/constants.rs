//! Every constant of `include/sys/event.h`, with its number in each ABI.
//!
//! The numbers are those of `docs/semantics.md`, A3, and `docs/design.md`, 2.2, point 13. The table
//! holds them for `tests/abi.rs`, which compares it with what a C compiler makes of the header;
//! what translation needs stands beside it by name.

/// A row of [`TABLE`].
#[derive(Clone, Copy, Debug)]
pub struct Constant {
    /// The C name.
    pub name: &'static str,
    /// Its number in the other library of this name, where that has it on any system.
    pub other: Option<i64>,
    /// Its number in the default ABI.
    pub portable: Option<i64>,
    /// Its number with `KEVENT_FREEBSD`.
    pub freebsd: Option<i64>,
}

// Where the default ABI and the engine differ: the default ABI's numbers.
/// A network interface, by index.
pub const EVFILT_NETDEV: i16 = -8;
/// A question to the library itself.
pub const EVFILT_LIBKQUEUE: i16 = -12;
/// A process, by descriptor. A number of our own.
pub const EVFILT_PROCDESC: i16 = -102;
/// Reserved. A number of our own, because -12 is a question here.
pub const EVFILT_SENDFILE: i16 = -103;
/// The file became shorter.
pub const NOTE_TRUNCATE: u32 = 0x80;
/// The file was opened. A number of our own.
pub const NOTE_OPEN: u32 = 0x800;
/// A timer's `data` is in microseconds.
pub const NOTE_USECONDS: u32 = 0x2;
/// A timer's `data` is in nanoseconds.
pub const NOTE_NSECONDS: u32 = 0x4;
/// A timer's `data` is a point in time.
pub const NOTE_ABSOLUTE: u32 = 0x8;
/// The same, by FreeBSD's name and number.
pub const NOTE_ABSTIME: u32 = 0x10;

// The questions of EVFILT_LIBKQUEUE: numbers, not bits.
/// The version, packed in `data`.
pub const NOTE_VERSION: u32 = 1;
/// The version, as a string in `udata`.
pub const NOTE_VERSION_STR: u32 = 2;
/// Whether queues may be made and closed by different threads.
pub const NOTE_THREAD_SAFE: u32 = 3;
/// Whether a forked child closes its queues.
pub const NOTE_FORK_CLEANUP: u32 = 4;
/// Whether calls are traced.
pub const NOTE_DEBUG: u32 = 5;
/// What each line of the trace begins with.
pub const NOTE_DEBUG_PREFIX: u32 = 6;
/// Who prints the trace.
pub const NOTE_DEBUG_FUNC: u32 = 7;
/// How often files are looked at.
pub const NOTE_FILE_POLL_INTERVAL: u32 = 8;

macro_rules! number {
    (-) => {
        None
    };
    ($number:expr) => {
        Some($number as i64)
    };
}

macro_rules! table {
    ($($name:ident: $other:tt, $portable:tt, $freebsd:tt;)*) => {
        /// Every constant of the header.
        pub const TABLE: &[Constant] = &[$(Constant {
            name: stringify!($name),
            other: number!($other),
            portable: number!($portable),
            freebsd: number!($freebsd),
        }),*];
    };
}

table! {
    // name: the other library, the default ABI, KEVENT_FREEBSD
    // Filters.
    EVFILT_READ: (-1), (-1), (-1);
    EVFILT_WRITE: (-2), (-2), (-2);
    EVFILT_AIO: (-3), (-3), (-3);
    EVFILT_VNODE: (-4), (-4), (-4);
    EVFILT_PROC: (-5), (-5), (-5);
    EVFILT_SIGNAL: (-6), (-6), (-6);
    EVFILT_TIMER: (-7), (-7), (-7);
    EVFILT_NETDEV: (-8), EVFILT_NETDEV, (-100);
    EVFILT_PROCDESC: -, EVFILT_PROCDESC, (-8);
    EVFILT_FS: (-9), (-9), (-9);
    EVFILT_LIO: (-10), (-10), (-10);
    EVFILT_USER: (-11), (-11), (-11);
    EVFILT_LIBKQUEUE: (-12), EVFILT_LIBKQUEUE, -;
    EVFILT_SENDFILE: -, EVFILT_SENDFILE, (-12);
    EVFILT_EMPTY: -, (-13), (-13);
    EVFILT_JAIL: -, (-14), (-14);
    EVFILT_JAILDESC: -, (-15), (-15);
    EVFILT_EXCEPT: -, (-101), (-101);
    EVFILT_SYSCOUNT: 12, 12, 15;
    // Flags.
    EV_ADD: 0x0001, 0x0001, 0x0001;
    EV_DELETE: 0x0002, 0x0002, 0x0002;
    EV_ENABLE: 0x0004, 0x0004, 0x0004;
    EV_DISABLE: 0x0008, 0x0008, 0x0008;
    EV_ONESHOT: 0x0010, 0x0010, 0x0010;
    EV_CLEAR: 0x0020, 0x0020, 0x0020;
    EV_RECEIPT: 0x0040, 0x0040, 0x0040;
    EV_DISPATCH: 0x0080, 0x0080, 0x0080;
    EV_FORCEONESHOT: -, 0x0100, 0x0100;
    EV_KEEPUDATA: -, 0x0200, 0x0200;
    EV_DROP: -, 0x1000, 0x1000;
    EV_FLAG2: -, 0x4000, 0x4000;
    EV_FLAG1: 0x2000, 0x2000, 0x2000;
    EV_ERROR: 0x4000, 0x4000, 0x4000;
    EV_EOF: 0x8000, 0x8000, 0x8000;
    EV_SYSFLAGS: 0xf000, 0xf000, 0xf000;
    // READ, WRITE, EXCEPT.
    NOTE_LOWAT: 1, 1, 1;
    NOTE_FILE_POLL: -, 2, 2;
    NOTE_OOB: -, 4, 4;
    // VNODE.
    NOTE_DELETE: 0x01, 0x01, 0x01;
    NOTE_WRITE: 0x02, 0x02, 0x02;
    NOTE_EXTEND: 0x04, 0x04, 0x04;
    NOTE_ATTRIB: 0x08, 0x08, 0x08;
    NOTE_LINK: 0x10, 0x10, 0x10;
    NOTE_RENAME: 0x20, 0x20, 0x20;
    NOTE_REVOKE: -, 0x40, 0x40;
    NOTE_TRUNCATE: 0x80, NOTE_TRUNCATE, 0x1000;
    NOTE_OPEN: -, NOTE_OPEN, 0x80;
    NOTE_CLOSE: -, 0x100, 0x100;
    NOTE_CLOSE_WRITE: -, 0x200, 0x200;
    NOTE_READ: -, 0x400, 0x400;
    // PROC, PROCDESC.
    NOTE_EXIT: 0x8000_0000, 0x8000_0000, 0x8000_0000;
    NOTE_FORK: 0x4000_0000, 0x4000_0000, 0x4000_0000;
    NOTE_EXEC: 0x2000_0000, 0x2000_0000, 0x2000_0000;
    NOTE_PDSIGCHLD: -, 0x1000_0000, 0x1000_0000;
    NOTE_REAP: -, 0x0400_0000, 0x0400_0000;
    NOTE_EXITSTATUS: -, 0, 0;
    NOTE_PCTRLMASK: 0xf000_0000, 0xf000_0000, 0xfc00_0000;
    NOTE_PDATAMASK: 0x000f_ffff, 0x000f_ffff, 0x000f_ffff;
    NOTE_TRACK: 1, 1, 1;
    NOTE_TRACKERR: 2, 2, 2;
    NOTE_CHILD: 4, 4, 4;
    // TIMER.
    NOTE_SECONDS: 1, 1, 1;
    NOTE_MSECONDS: -, 0, 2;
    NOTE_USECONDS: 2, NOTE_USECONDS, 4;
    NOTE_NSECONDS: 4, NOTE_NSECONDS, 8;
    NOTE_ABSOLUTE: 8, NOTE_ABSOLUTE, -;
    NOTE_ABSTIME: -, NOTE_ABSTIME, 0x10;
    // USER.
    NOTE_FFNOP: 0, 0, 0;
    NOTE_FFAND: 0x4000_0000, 0x4000_0000, 0x4000_0000;
    NOTE_FFOR: 0x8000_0000, 0x8000_0000, 0x8000_0000;
    NOTE_FFCOPY: 0xc000_0000, 0xc000_0000, 0xc000_0000;
    NOTE_FFCTRLMASK: 0xc000_0000, 0xc000_0000, 0xc000_0000;
    NOTE_FFLAGSMASK: 0x00ff_ffff, 0x00ff_ffff, 0x00ff_ffff;
    NOTE_TRIGGER: 0x0100_0000, 0x0100_0000, 0x0100_0000;
    // NETDEV.
    NOTE_LINKUP: 1, 1, 1;
    NOTE_LINKDOWN: 2, 2, 2;
    NOTE_LINKINV: 4, 4, 4;
    // FS.
    VQ_NOTRESP: -, 0x01, 0x01;
    VQ_NEEDAUTH: -, 0x02, 0x02;
    VQ_LOWDISK: -, 0x04, 0x04;
    VQ_MOUNT: -, 0x08, 0x08;
    VQ_UNMOUNT: -, 0x10, 0x10;
    VQ_DEAD: -, 0x20, 0x20;
    VQ_ASSIST: -, 0x40, 0x40;
    VQ_NOTRESPLOCK: -, 0x80, 0x80;
    // JAIL, JAILDESC.
    NOTE_JAIL_CHILD: -, 0x8000_0000, 0x8000_0000;
    NOTE_JAIL_SET: -, 0x4000_0000, 0x4000_0000;
    NOTE_JAIL_ATTACH: -, 0x2000_0000, 0x2000_0000;
    NOTE_JAIL_REMOVE: -, 0x1000_0000, 0x1000_0000;
    NOTE_JAIL_MULTI: -, 0x0800_0000, 0x0800_0000;
    NOTE_JAIL_CTRLMASK: -, 0xf000_0000, 0xf000_0000;
    // LIBKQUEUE.
    NOTE_VERSION: 1, NOTE_VERSION, -;
    NOTE_VERSION_STR: 2, NOTE_VERSION_STR, -;
    NOTE_THREAD_SAFE: 3, NOTE_THREAD_SAFE, -;
    NOTE_FORK_CLEANUP: 4, NOTE_FORK_CLEANUP, -;
    NOTE_DEBUG: 5, NOTE_DEBUG, -;
    NOTE_DEBUG_PREFIX: 6, NOTE_DEBUG_PREFIX, -;
    NOTE_DEBUG_FUNC: 7, NOTE_DEBUG_FUNC, -;
    NOTE_FILE_POLL_INTERVAL: 8, NOTE_FILE_POLL_INTERVAL, -;
    // kqueuex().
    KQUEUE_CLOEXEC: -, 1, 1;
    KQUEUE_CPONFORK: -, 2, 2;
}
