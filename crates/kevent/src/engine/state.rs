//! `State`: everything a queue knows, under its lock, and `Held`: the queue while the lock is
//! held.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use hashbrown::HashMap;
use parking_lot::{Mutex, MutexGuard};
use slab::Slab;

use super::closed::Ghosts;
use super::files::Files;
use super::knote::Knote;
use super::poller::{Poller, Source};
use super::ready::Ready;
use super::table::{Rest, Table};
use crate::closing::list::ClosedNumbers;
use crate::filter::Born;
use crate::flags::Filter;
use crate::source::timers::TimerHeap;
use crate::sys::clock::Clock;

/// What the builder chose.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    /// The number that the queue's descriptor has at first.
    pub(crate) own_fd: RawFd,
    pub(crate) without_data: bool,
    pub(crate) exact_socket_errors: bool,
    pub(crate) timers_max: Option<usize>,
    /// Every close of a number in this process is announced.
    pub(crate) follows_closes: bool,
}

/// A queue's state.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) table: Table,
    pub(crate) rests: Slab<Rest>,
    pub(crate) knotes: Slab<Knote>,
    pub(crate) index: HashMap<(Filter, usize), u32>,
    /// Knotes that are delivered and not found: each key above has one that is found.
    pub(crate) unindexed: Vec<u32>,
    /// Knotes that a filter has made and the engine has not yet taken in.
    pub(crate) born: Vec<Born>,
    /// The generation of the last knote.
    pub(crate) knote_generation: u32,
    /// Knotes that watch a descriptor number.
    pub(crate) bound_count: usize,
    /// The keys of the knotes that each source reports for.
    pub(crate) audiences: [Vec<u32>; Source::COUNT],
    pub(crate) ready: Ready,
    /// The kernel's events filled the last eventlist while the ready queue had more: it goes first
    /// next time, so that neither starves.
    pub(crate) is_owed: bool,
    pub(crate) alarms: Alarms,
    /// Slots whose kernel entries are to be brought up to date, and the change that asked.
    pub(crate) dirty: Vec<(RawFd, usize)>,
    /// Unpollable descriptors with a knote that must be looked at before each wait.
    /// and their watches.
    pub(crate) looked_at: Vec<(RawFd, i32)>,
    pub(crate) files: Files,
    /// Knotes that ask to be looked at before each wait.
    pub(crate) asking: Vec<u32>,
    /// Knotes by bell.
    pub(crate) bells: Vec<Option<u32>>,
    /// Room for the bells that were rung, kept from one time to the next.
    pub(crate) rung: Vec<u32>,
    pub(crate) ghosts: Ghosts,
}

/// The timers of one clock, and what its alarm is set to.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    pub(crate) heap: TimerHeap,
    /// The kernel's alarm exists.
    pub(crate) is_made: bool,
    /// What the kernel's alarm is set to. Once that time has passed the alarm stays readable
    /// until it is set again.
    pub(crate) set_to: Option<u64>,
}

/// The timers of both clocks.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    pub(crate) monotonic: Alarm,
    pub(crate) realtime: Alarm,
    /// How many timers there are, expired or not.
    pub(crate) timer_count: usize,
}

impl Alarms {
    pub(crate) const fn of(&mut self, clock: Clock) -> &mut Alarm {
        match clock {
            Clock::Monotonic => &mut self.monotonic,
            Clock::Realtime => &mut self.realtime,
        }
    }
}

/// The engine of one queue.
pub(crate) struct Engine<P> {
    pub(crate) poller: P,
    pub(crate) options: Options,
    pub(crate) state: Mutex<State>,
    /// Closed: every call and every waiter answers EBADF.
    pub(crate) is_dead: AtomicBool,
    /// Something must be looked at before a wait that starts with no change.
    pub(crate) must_look: AtomicBool,
    /// The main set lost its place in outer queues, which are to take it up again.
    pub(crate) was_renewed: AtomicBool,
    /// Another queue watches, or has watched, this one.
    pub(crate) is_nested: AtomicBool,
    /// The queue's own descriptor number.
    number: AtomicI32,
    /// Watched numbers whose close was announced.
    pub(crate) closed: ClosedNumbers,
}

impl<P: Poller> Engine<P> {
    pub(crate) fn new(poller: P, options: Options) -> Self {
        Self {
            poller,
            number: AtomicI32::new(options.own_fd),
            closed: ClosedNumbers::default(),
            options,
            state: Mutex::default(),
            is_dead: AtomicBool::new(false),
            must_look: AtomicBool::new(false),
            was_renewed: AtomicBool::new(false),
            is_nested: AtomicBool::new(false),
        }
    }

    /// The queue's own descriptor number, which it cannot watch.
    pub(crate) fn own_fd(&self) -> RawFd {
        self.number.load(Ordering::Acquire)
    }

    /// The queue goes by another number from now on. Under the lock.
    pub(crate) fn set_own_fd(&self, number: RawFd) {
        self.number.store(number, Ordering::Release);
    }

    /// Takes the lock.
    #[inline]
    pub(crate) fn hold(&self) -> Held<'_, P> {
        Held {
            state: self.state.lock(),
            engine: self,
        }
    }
}

/// A queue while its lock is held. The files beside this one each add the methods of their
/// concern.
pub(crate) struct Held<'a, P> {
    pub(crate) state: MutexGuard<'a, State>,
    pub(crate) engine: &'a Engine<P>,
}
