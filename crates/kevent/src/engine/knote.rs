//! `Knote`: one registration of a filter that watches no descriptor.
//!
//! Registrations on descriptors are half-knotes in the slot of their descriptor (`table`).

use crate::filter::vnode::Watched;
use crate::flags::{Filter, Flags, NoteNetdev};
use crate::kevent::Kevent;
use crate::source::links::LinkState;
use crate::source::process::Process;
use crate::sys::signal::disposition::Counting;

bitflags::bitflags! {
    /// Where a knote or half-knote stands.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Status: u8 {
        /// It exists (half-knotes only: their place always does).
        const PRESENT = 0x01;
        /// It is never delivered; happenings are remembered.
        const DISABLED = 0x02;
        /// Its condition was seen true since the last delivery.
        const ACTIVE = 0x04;
        /// It is in the ready queue.
        const QUEUED = 0x08;
        /// EV_FORCEONESHOT: delivered even if its condition is false.
        const FORCED = 0x10;
        /// A half-knote whose entry is in the inner set.
        const INNER = 0x20;
        /// What it watched is gone and it has nothing to say: it is to be deleted.
        const GONE = 0x40;
    }
}

/// The flags that a change leaves in a knote, once and for all.
pub(crate) const STORED: Flags = Flags::ONESHOT
    .union(Flags::CLEAR)
    .union(Flags::RECEIPT)
    .union(Flags::DISPATCH);

/// One registration.
#[derive(Debug)]
pub(crate) struct Knote {
    pub(crate) ident: usize,
    pub(crate) filter: Filter,
    pub(crate) flags: Flags,
    pub(crate) status: Status,
    /// What the filter has to report.
    pub(crate) fflags: u32,
    /// What the filter has to report.
    pub(crate) data: i64,
    pub(crate) udata: usize,
    pub(crate) ext: [u64; 4],
    /// Its entry in the ready queue, while it is there.
    pub(crate) link: u32,
    /// Tells this knote from an earlier one of the same key.
    pub(crate) generation: u32,
    /// What the filter keeps between calls.
    pub(crate) kept: Kept,
}

/// What a filter keeps in its knote.
#[derive(Debug, Default)]
pub(crate) enum Kept {
    /// Nothing.
    #[default]
    Nothing,
    /// A timer.
    Timer {
        /// Nanoseconds of its clock.
        deadline: u64,
        /// Nanoseconds, of the monotonic clock; `None` for a point in time of the wall clock.
        period: Option<u64>,
        /// A point in time that has been reported edge-like is not reported again.
        is_spent: bool,
    },
    /// A watched file.
    Vnode(Box<Watched>),
    /// A user event.
    User {
        is_triggered: bool,
        /// The bell of its trigger handles, and its generation.
        bell: Option<(u32, u32)>,
    },
    /// A process.
    Process(Box<Process>),
    /// A signal.
    Signal(SignalKept),
    /// A network interface, or all.
    Netdev {
        /// The notes asked for.
        interest: NoteNetdev,
        /// What was last known of it.
        state: LinkState,
    },
    /// A send buffer.
    Empty {
        /// The file that the number was at EV_ADD: device and inode.
        file: (u64, u64),
        /// How long until the next look, in nanoseconds, while one is due.
        interval: Option<u64>,
        /// Something was in the buffer since the last event.
        was_filled: bool,
    },
}

/// What a signal knote keeps.
#[derive(Debug)]
pub(crate) struct SignalKept {
    /// Its share in the counting.
    pub(crate) counting: Counting,
    /// The deliveries it knows of.
    pub(crate) seen: u64,
    /// The signal was blocked at EV_ADD, so that it is also seen when it becomes pending.
    pub(crate) is_blocked: bool,
    /// What is pending was counted, or was pending at EV_ADD: its delivery does not count.
    pub(crate) is_pending: bool,
}

impl Knote {
    /// A knote as EV_ADD makes it, before the filter has seen it.
    pub(crate) fn new(change: &Kevent, generation: u32) -> Self {
        let disabled = change.flags.contains(Flags::DISABLE);
        Self {
            ident: change.ident,
            filter: change.filter,
            flags: change.flags & STORED,
            status: if disabled {
                Status::DISABLED
            } else {
                Status::empty()
            },
            fflags: 0,
            data: 0,
            udata: change.udata,
            ext: change.ext,
            link: 0,
            generation,
            kept: Kept::Nothing,
        }
    }

    pub(crate) const fn is_disabled(&self) -> bool {
        self.status.contains(Status::DISABLED)
    }

    pub(crate) const fn is_queued(&self) -> bool {
        self.status.contains(Status::QUEUED)
    }
}
