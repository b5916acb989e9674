//! The names of filters, flags and notes, with their numbers in each ABI.
//!
//! The numbers come from [`constants::TABLE`](crate::abi::constants::TABLE), looked up by the
//! compiler: a name that is not there does not compile.

use std::fmt;

use crate::abi::constants::TABLE;

/// Whose numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Abi {
    Portable,
    Freebsd,
}

/// A name and its number in each ABI; 0 where it has none.
#[derive(Debug)]
pub(super) struct Name {
    name: &'static str,
    portable: i64,
    freebsd: i64,
}

impl Name {
    #[expect(
        clippy::indexing_slicing,
        reason = "the compiler evaluates it, and refuses what is out of bounds"
    )]
    const fn find(name: &'static str) -> Self {
        let mut row = 0;
        while !is_same(TABLE[row].name, name) {
            row += 1;
        }
        Self {
            name,
            portable: or_0(TABLE[row].portable),
            freebsd: or_0(TABLE[row].freebsd),
        }
    }

    const fn number(&self, abi: Abi) -> i64 {
        match abi {
            Abi::Portable => self.portable,
            Abi::Freebsd => self.freebsd,
        }
    }
}

const fn or_0(number: Option<i64>) -> i64 {
    match number {
        Some(number) => number,
        None => 0,
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "the compiler evaluates it, and refuses what is out of bounds"
)]
const fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

macro_rules! names {
    ($($table:ident: $($name:ident)*;)*) => {
        $(static $table: &[Name] = &[$(const { Name::find(stringify!($name)) }),*];)*
    };
}

names! {
    FILTERS: EVFILT_READ EVFILT_WRITE EVFILT_AIO EVFILT_VNODE EVFILT_PROC EVFILT_SIGNAL EVFILT_TIMER
        EVFILT_NETDEV EVFILT_PROCDESC EVFILT_FS EVFILT_LIO EVFILT_USER EVFILT_LIBKQUEUE
        EVFILT_SENDFILE EVFILT_EMPTY EVFILT_JAIL EVFILT_JAILDESC EVFILT_EXCEPT;
    FLAGS: EV_ADD EV_DELETE EV_ENABLE EV_DISABLE EV_ONESHOT EV_CLEAR EV_RECEIPT EV_DISPATCH
        EV_FORCEONESHOT EV_KEEPUDATA EV_DROP EV_FLAG1 EV_ERROR EV_EOF;
    IO: NOTE_LOWAT NOTE_FILE_POLL NOTE_OOB;
    VNODE: NOTE_DELETE NOTE_WRITE NOTE_EXTEND NOTE_ATTRIB NOTE_LINK NOTE_RENAME NOTE_REVOKE
        NOTE_TRUNCATE NOTE_OPEN NOTE_CLOSE NOTE_CLOSE_WRITE NOTE_READ;
    PROC: NOTE_EXIT NOTE_FORK NOTE_EXEC NOTE_PDSIGCHLD NOTE_REAP NOTE_TRACK NOTE_TRACKERR
        NOTE_CHILD;
    TIMER: NOTE_SECONDS NOTE_MSECONDS NOTE_USECONDS NOTE_NSECONDS NOTE_ABSOLUTE NOTE_ABSTIME;
    // Both bits first, then each alone.
    USER: NOTE_FFCOPY NOTE_FFAND NOTE_FFOR NOTE_TRIGGER;
    NETDEV: NOTE_LINKUP NOTE_LINKDOWN NOTE_LINKINV;
    FS: VQ_NOTRESP VQ_NEEDAUTH VQ_LOWDISK VQ_MOUNT VQ_UNMOUNT VQ_DEAD VQ_ASSIST VQ_NOTRESPLOCK;
    JAIL: NOTE_JAIL_CHILD NOTE_JAIL_SET NOTE_JAIL_ATTACH NOTE_JAIL_REMOVE NOTE_JAIL_MULTI;
    QUESTIONS: NOTE_VERSION NOTE_VERSION_STR NOTE_THREAD_SAFE NOTE_FORK_CLEANUP NOTE_DEBUG
        NOTE_DEBUG_PREFIX NOTE_DEBUG_FUNC NOTE_FILE_POLL_INTERVAL;
    KQUEUEX: KQUEUE_CLOEXEC KQUEUE_CPONFORK;
}

/// Those of open(2) that kqueue1() takes.
static OPEN: &[Name] = &[
    Name {
        name: "O_CLOEXEC",
        portable: libc::O_CLOEXEC as i64,
        freebsd: 0,
    },
    Name {
        name: "O_NONBLOCK",
        portable: libc::O_NONBLOCK as i64,
        freebsd: 0,
    },
];

/// A filter's name.
pub(super) fn filter(number: i16, abi: Abi) -> Option<&'static str> {
    let mut named = FILTERS.iter();
    let row = named.find(|row| number != 0 && row.number(abi) == i64::from(number))?;
    Some(row.name)
}

/// The name of a question to the library.
pub(super) fn question(number: u32) -> Option<&'static str> {
    let mut named = QUESTIONS.iter();
    let row = named.find(|row| row.portable == i64::from(number))?;
    Some(row.name)
}

/// Names of bits, joined; what has none in hexadecimal; 0 if there are none.
#[derive(Debug)]
pub(super) struct Bits {
    bits: u32,
    names: &'static [Name],
    abi: Abi,
}

impl Bits {
    /// `EV_`.
    pub(super) fn of_flags(flags: u16, abi: Abi) -> Self {
        Self {
            bits: u32::from(flags),
            names: FLAGS,
            abi,
        }
    }

    /// `NOTE_`, of the filter with this name.
    pub(super) fn of_notes(notes: u32, filter: &str, abi: Abi) -> Self {
        let names = match filter {
            "EVFILT_READ" | "EVFILT_WRITE" | "EVFILT_EXCEPT" => IO,
            "EVFILT_VNODE" => VNODE,
            "EVFILT_PROC" | "EVFILT_PROCDESC" => PROC,
            "EVFILT_TIMER" => TIMER,
            "EVFILT_USER" => USER,
            "EVFILT_NETDEV" => NETDEV,
            "EVFILT_FS" => FS,
            "EVFILT_JAIL" | "EVFILT_JAILDESC" => JAIL,
            _ => &[],
        };
        Self {
            bits: notes,
            names,
            abi,
        }
    }

    pub(super) fn of_open(bits: u32) -> Self {
        Self {
            bits,
            names: OPEN,
            abi: Abi::Portable,
        }
    }

    pub(super) fn of_kqueuex(bits: u32) -> Self {
        Self {
            bits,
            names: KQUEUEX,
            abi: Abi::Portable,
        }
    }
}

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = i64::from(self.bits);
        let mut between = "";
        for row in self.names {
            let number = row.number(self.abi);
            if number != 0 && rest & number == number {
                write!(f, "{between}{}", row.name)?;
                rest &= !number;
                between = "|";
            }
        }
        match (rest, between) {
            (0, "") => f.write_str("0"),
            (0, _) => Ok(()),
            (rest, between) => write!(f, "{between}{rest:#x}"),
        }
    }
}
