//! Descriptors: a two-level table of 64-byte slots, indexed by number.
//!
//! A slot holds the half-knotes of one descriptor number, one for each direction, and what the
//! kernel's sets hold for it. The generation tells this registration from an earlier one of the
//! same number. Chunks of 256 slots are made when first needed and live as long as the queue;
//! nothing is ever moved.

use std::os::fd::RawFd;

use super::knote::Status;
use super::poller::Set;
use crate::flags::Flags;
use crate::limits::CHUNK_SLOTS;
use crate::source::descriptor::Kind;

/// Which readiness of a descriptor a half-knote watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Direction {
    In = 0,
    Out = 1,
    Urgent = 2,
}

impl Direction {
    pub(crate) const ALL: [Self; 3] = [Self::In, Self::Out, Self::Urgent];
}

/// How the kernel is to report a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As long as it is ready.
    Level,
    /// When something new happens: EV_CLEAR.
    Edge,
    /// Once, then not until armed again: EV_ONESHOT and EV_DISPATCH.
    Once,
}

impl Mode {
    pub(crate) const fn of(flags: Flags) -> Self {
        if flags.intersects(Flags::ONESHOT.union(Flags::DISPATCH)) {
            Self::Once
        } else if flags.contains(Flags::CLEAR) {
            Self::Edge
        } else {
            Self::Level
        }
    }
}

/// One registration on a descriptor.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Half {
    pub(crate) udata: usize,
    /// The rarely used rest, in a slab of its own: key + 1, or 0 for none.
    pub(crate) rest: u32,
    /// The stored attributes.
    pub(crate) flags: Flags,
    pub(crate) status: Status,
    /// What the filter made of the notes it was asked for.
    pub(crate) interest: u8,
}

impl Half {
    pub(crate) const fn is_present(&self) -> bool {
        self.status.contains(Status::PRESENT)
    }

    pub(crate) const fn is_disabled(&self) -> bool {
        self.status.contains(Status::DISABLED)
    }

    pub(crate) const fn mode(&self) -> Mode {
        Mode::of(self.flags)
    }
}

/// What few half-knotes have: words of their own and a low water mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rest {
    pub(crate) ext: [u64; 4],
    pub(crate) low_water: i64,
}

bitflags::bitflags! {
    /// What a kernel set holds for a descriptor.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Registered: u8 {
        const IN = 0x01;
        const OUT = 0x02;
        const URGENT = 0x04;
        /// Edge-triggered.
        const EDGE = 0x08;
        /// One-shot.
        const ONCE = 0x10;
        /// There is an entry at all.
        const PRESENT = 0x20;
        const DIRECTIONS = 0x07;
    }
}

/// One entry in a kernel set: what is there, and why it may differ from what the knotes ask.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Item {
    pub(crate) registered: Registered,
    /// It reported something that no knote accepts: it waits edge-triggered until one does.
    pub(crate) is_parked: bool,
    /// It reported although every knote is disabled: its entry is taken out until one is not.
    pub(crate) is_hushed: bool,
}

bitflags::bitflags! {
    /// Properties of a whole slot.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct SlotBits: u8 {
        /// epoll refuses the descriptor; its half-knotes are evaluated in user space.
        const UNPOLLABLE = 0x01;
        /// Both directions were ready and one had no room: that one goes first next time.
        const OUT_FIRST = 0x02;
        /// The kernel is to be told of a change before this call ends.
        const DIRTY = 0x04;
        /// ... even if the entry would stay as it is, because the condition is to be looked at.
        const RECHECK = 0x08;
    }
}

/// Everything about one descriptor number.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slot {
    pub(crate) halves: [Half; 3],
    pub(crate) generation: u32,
    pub(crate) items: [Item; 3],
    pub(crate) kind: Kind,
    pub(crate) bits: SlotBits,
}

/// The sets in the order of a slot's items.
pub(crate) const SETS: [Set; 3] = [Set::Main, Set::Inner, Set::Urgent];

impl Slot {
    pub(crate) const fn half(&self, direction: Direction) -> &Half {
        let [input, output, urgent] = &self.halves;
        match direction {
            Direction::In => input,
            Direction::Out => output,
            Direction::Urgent => urgent,
        }
    }

    pub(crate) const fn half_mut(&mut self, direction: Direction) -> &mut Half {
        let [input, output, urgent] = &mut self.halves;
        match direction {
            Direction::In => input,
            Direction::Out => output,
            Direction::Urgent => urgent,
        }
    }

    pub(crate) const fn item(&self, set: Set) -> &Item {
        let [main, inner, urgent] = &self.items;
        match set {
            Set::Main => main,
            Set::Inner => inner,
            Set::Urgent => urgent,
        }
    }

    pub(crate) const fn item_mut(&mut self, set: Set) -> &mut Item {
        let [main, inner, urgent] = &mut self.items;
        match set {
            Set::Main => main,
            Set::Inner => inner,
            Set::Urgent => urgent,
        }
    }

    /// The set whose entry reports for this half-knote.
    pub(crate) const fn set_of(&self, direction: Direction) -> Set {
        match direction {
            Direction::Urgent => Set::Urgent,
            _ if self.half(direction).status.contains(Status::INNER) => Set::Inner,
            _ => Set::Main,
        }
    }

    pub(crate) fn has_knotes(&self) -> bool {
        self.halves.iter().any(Half::is_present)
    }

    pub(crate) fn is_registered(&self) -> bool {
        self.items
            .iter()
            .any(|item| item.registered.contains(Registered::PRESENT))
    }

    pub(crate) const fn is_unpollable(&self) -> bool {
        self.bits.contains(SlotBits::UNPOLLABLE)
    }
}

type Chunk = [Slot; CHUNK_SLOTS];

/// The table.
#[derive(Debug, Default)]
pub(crate) struct Table {
    chunks: Vec<Option<Box<Chunk>>>,
}

impl Table {
    /// The slot of a number, if one was ever made.
    #[inline]
    pub(crate) fn get(&self, fd: RawFd) -> Option<&Slot> {
        let index = usize::try_from(fd).ok()?;
        self.chunks
            .get(index / CHUNK_SLOTS)?
            .as_ref()?
            .get(index % CHUNK_SLOTS)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, fd: RawFd) -> Option<&mut Slot> {
        let index = usize::try_from(fd).ok()?;
        self.chunks
            .get_mut(index / CHUNK_SLOTS)?
            .as_mut()?
            .get_mut(index % CHUNK_SLOTS)
    }

    /// Makes sure that the number has a slot. The number must be an open descriptor, so that a
    /// wild one costs no memory.
    pub(crate) fn make(&mut self, fd: RawFd) {
        let Ok(index) = usize::try_from(fd) else {
            return;
        };
        let chunk = index / CHUNK_SLOTS;
        if self.chunks.len() <= chunk {
            self.chunks.resize_with(chunk + 1, || None);
        }
        if let Some(place @ None) = self.chunks.get_mut(chunk) {
            let slots = vec![Slot::default(); CHUNK_SLOTS].into_boxed_slice();
            *place = slots.try_into().ok();
        }
    }

    /// The numbers that hold knotes or kernel entries.
    pub(crate) fn used(&self) -> impl Iterator<Item = RawFd> {
        self.chunks.iter().enumerate().flat_map(|(chunk, slots)| {
            slots
                .iter()
                .flat_map(|slots| slots.iter())
                .enumerate()
                .filter_map(move |(i, slot)| {
                    let used = slot.has_knotes() || slot.is_registered();
                    used.then(|| RawFd::try_from(chunk * CHUNK_SLOTS + i).ok())
                        .flatten()
                })
        })
    }
}

const _: () = assert!(size_of::<Slot>() == 64, "a slot is one cache line");
