//! What the engine asks of the system: readiness sets, alarms, a wake-up, file changes, clocks.
//!
//! `source::epoll` answers with the kernel's facilities; the engine's own tests answer with a
//! model, so that scan, flag and ordering rules are tested without a kernel.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;

use std::sync::Arc;

use crate::source::links::LinkState;
use crate::source::mounts::MountNews;
use crate::source::process_events::Letter;
use crate::source::wake::Doorbell;
use crate::sys::clock::Clock;
use crate::sys::epoll::{Event, Patience};
use crate::sys::inotify::{Mask, Notice, Place};

/// One of the readiness sets of a queue. All but the first are made when first needed and are
/// watched, level-triggered, by the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    /// The queue's own descriptor: one entry per watched descriptor.
    Main,
    /// The odd one of two knotes on one descriptor that need different modes.
    Inner,
    /// Urgent data.
    Urgent,
}

/// A mechanism that reports for many knotes at once, through one descriptor of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Source {
    /// Watched files.
    Files,
    /// Delivered and pending signals.
    Signals,
    /// Mounted file systems.
    Mounts,
    /// Network interfaces.
    Links,
}

impl Source {
    /// How many there are.
    pub(crate) const COUNT: usize = 4;
}

/// What an entry of a batch stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A watched descriptor: its number, and the generation it had when it was registered.
    Descriptor { fd: RawFd, generation: u32 },
    /// The doorbell: something in user space wants to be looked at.
    Doorbell,
    /// An alarm has gone off.
    Alarm(Clock),
    /// A source has news.
    Source(Source),
    /// A descriptor that a knote watches on its own account: the knote's key and generation.
    Knote { key: u32, generation: u32 },
    /// An inner set has something.
    Set(Set),
    /// A waiter was woken for no other reason than to leave the set.
    Nothing,
}

/// How many notices of watched files are taken at a time: four times what the kernel keeps by
/// default (fs.inotify.max_queued_events), so that the word of an overflow, which comes last,
/// comes along, and yet a busy writer cannot hold up a call for ever.
pub(crate) const NOTICES_MAX: usize = 65_536;

/// Numbers from here on are the queue's own.
const INTERNAL: u32 = 0xffff_fff0;

/// Set in a number that is a knote's key.
const KNOTE: u32 = 0x8000_0000;

/// Keys of knotes end below the numbers that are the queue's own.
pub(crate) const KEY_MAX: u32 = INTERNAL - KNOTE - 1;

impl Token {
    /// The token as it stands in the kernel's entry: generation above, number below. Numbers
    /// that no descriptor can have are the queue's own.
    pub(crate) const fn encode(self) -> u64 {
        let internal = match self {
            #[expect(clippy::cast_sign_loss, reason = "a registered number is not negative")]
            Self::Descriptor { fd, generation } => {
                return ((generation as u64) << 32) | (fd as u32 as u64);
            }
            Self::Doorbell => 0,
            Self::Alarm(Clock::Monotonic) => 1,
            Self::Alarm(Clock::Realtime) => 2,
            Self::Knote { key, generation } => {
                return ((generation as u64) << 32) | (KNOTE | key) as u64;
            }
            Self::Source(source) => 8 + source as u32,
            Self::Set(Set::Inner) => 4,
            Self::Set(Set::Urgent | Set::Main) => 5,
            Self::Nothing => 6,
        };
        (INTERNAL + internal) as u64
    }

    /// The number and generation, if the token is that of a watched descriptor.
    #[inline]
    pub(crate) const fn descriptor(token: u64) -> Option<(RawFd, u32)> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the two halves, each 32 bits"
        )]
        let (generation, number) = ((token >> 32) as u32, token as u32);
        // All others are above.
        if number < KNOTE {
            Some((number.cast_signed(), generation))
        } else {
            None
        }
    }

    pub(crate) const fn decode(token: u64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the two halves, each 32 bits"
        )]
        let (generation, number) = ((token >> 32) as u32, token as u32);
        match number.wrapping_sub(INTERNAL) {
            0 => Self::Doorbell,
            1 => Self::Alarm(Clock::Monotonic),
            2 => Self::Alarm(Clock::Realtime),
            8 => Self::Source(Source::Files),
            9 => Self::Source(Source::Signals),
            10 => Self::Source(Source::Mounts),
            11 => Self::Source(Source::Links),
            4 => Self::Set(Set::Inner),
            5 => Self::Set(Set::Urgent),
            6 => Self::Nothing,
            _ if number & KNOTE != 0 => Self::Knote {
                key: number & !KNOTE,
                generation,
            },
            _ => Self::Descriptor {
                fd: number.cast_signed(),
                generation,
            },
        }
    }
}

/// The system under the engine. Every method but `wait` is called with the queue's lock held.
pub(crate) trait Poller: Send + Sync {
    /// Adds an entry to a set; errors as epoll_ctl(2).
    fn add(&self, set: Set, fd: RawFd, bits: u32, token: u64) -> io::Result<()>;
    /// Changes an entry, and looks again whether it is ready.
    fn modify(&self, set: Set, fd: RawFd, bits: u32, token: u64) -> io::Result<()>;
    /// Removes an entry.
    fn delete(&self, set: Set, fd: RawFd) -> io::Result<()>;
    /// Waits for entries of the main set. Called without the lock.
    fn wait<'a>(
        &self,
        batch: &'a mut [MaybeUninit<Event>],
        patience: Patience,
    ) -> io::Result<&'a [Event]>;
    /// Takes what an inner set has, without waiting.
    fn collect<'a>(&self, set: Set, batch: &'a mut [MaybeUninit<Event>])
    -> io::Result<&'a [Event]>;

    /// Whether the number is an open descriptor.
    fn is_open(&self, fd: RawFd) -> bool;
    /// What is ready on a descriptor now (`EPOLL` bits), whatever a set reported.
    fn ready_now(&self, fd: RawFd) -> u32;

    /// Makes sure that the doorbell exists.
    fn need_doorbell(&self) -> io::Result<()>;
    /// Whether the doorbell exists.
    fn has_doorbell(&self) -> bool;
    /// Makes the main set report the doorbell once; or [`has_unheard`](Self::has_unheard) say so,
    /// where nobody but this thread could notice. At the end of a call.
    fn arm_doorbell(&self);
    /// Whether there is something to look at of which the main set was not told.
    fn has_unheard(&self) -> bool {
        false
    }
    /// Takes that back.
    fn disarm_doorbell(&self);
    /// Whether the doorbell is armed and not yet reported.
    fn is_doorbell_armed(&self) -> bool;
    /// The doorbell was reported.
    fn doorbell_reported(&self);
    /// Gives out a bell that trigger handles can ring, and its generation.
    fn new_bell(&self) -> Option<(u32, u32)>;
    /// Takes a bell back.
    fn free_bell(&self, bell: u32);
    /// Visits every bell rung since the last time.
    fn rung_bells(&self, each: &mut dyn FnMut(u32));

    /// The doorbell for services that leave letters, where there can be such services.
    fn shared_doorbell(&self) -> Option<Arc<Doorbell>> {
        None
    }
    /// Whether a knote has subscribed to letters.
    fn expects_mail(&self) -> bool {
        false
    }
    /// Has the services deliver what they hold.
    fn fetch_mail(&self) {}
    /// The letters that have come, and whether some were lost.
    fn take_mail(&self) -> (Vec<Letter>, bool) {
        (Vec::new(), false)
    }

    /// Makes sure that the alarm of this clock exists.
    fn need_alarm(&self, clock: Clock) -> io::Result<()>;
    /// Sets the alarm of this clock, which exists; `None` silences it.
    fn set_alarm(&self, clock: Clock, deadline: Option<u64>) -> io::Result<()>;
    /// The time, in nanoseconds.
    fn now(&self, clock: Clock) -> u64;

    /// Watches a file; errors as inotify_add_watch(2). Two descriptors of one file share a watch.
    fn watch_file(&self, place: Place, mask: Mask) -> io::Result<i32>;
    /// Ends a watch.
    fn unwatch_file(&self, watch: i32);
    /// Appends what the watches have to tell, at most `NOTICES_MAX` or a few more; the source
    /// goes on reporting what is left.
    fn take_notices(&self, notices: &mut Vec<Notice>);
    /// The bell that says that there are notices to take, if there is one.
    fn files_bell(&self) -> Option<u32>;

    /// Makes sure that a source other than the files reports.
    fn need_source(&self, source: Source) -> io::Result<()>;
    /// Watches for a blocked signal to become pending; [`Source::Signals`] reports it.
    fn watch_pending(&self, signal: i32) -> io::Result<()>;

    /// Takes in what a source has, before its audience is told.
    fn refresh(&self, source: Source);
    /// What [`Source::Mounts`] had at its last refresh.
    fn mount_news(&self) -> MountNews;
    /// What [`Source::Links`] had at its last refresh, in order.
    fn link_news(&self, each: &mut dyn FnMut(u32, LinkState));

    /// Makes the main set report the doorbell to every waiter, now and for good.
    fn sound_doorbell(&self);
    /// Removes an entry that outlived its number, by way of another descriptor of the same open
    /// file. True if no such entry is left; false if nobody here holds the file.
    fn remove_ghost(&self, set: Set, fd: RawFd) -> bool;
    /// Empties a set, which keeps its number, of all entries but the queue's own. Whoever sleeps
    /// in the old one is woken.
    fn renew(&self, set: Set) -> io::Result<()>;
}
