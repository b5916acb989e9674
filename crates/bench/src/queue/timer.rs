//! Q6: adding, moving and cancelling a timer among many; epoll's way is a timerfd for each.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use kevent::{Filter, Flags, Kevent};
use rustix::event::epoll::{self, EventFlags};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use super::side::{CQueue, Data, Epoll, KEVENT, Queue, RustQueue, epoll_data, timer, usual_claims};
use crate::report::Row;
use crate::rounds::{Comparison, Kit, Sample};
use crate::sys::library::Library;
use crate::table::grouped;

/// Milliseconds until the earliest of all timers, so that none expires while we measure.
const HOUR: i64 = 3_600_000;
/// More timers than this find no descriptor each.
const TIMERFDS_MAX: usize = 10_000;

/// What is done to one timer in one call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Add,
    Move,
    Cancel,
}

/// Q6.
pub(crate) fn q6(kit: &mut Kit, libraries: &[Library]) -> io::Result<()> {
    let sizes: &[(usize, f64)] = if kit.is_quick {
        &[(1_000, 100.0), (10_000, 100.0)]
    } else {
        &[(10_000, 100.0), (100_000, 400.0), (1_000_000, 400.0)]
    };
    for &(live, bound) in sizes {
        of_size(kit, libraries, live, bound);
    }
    descriptors(kit)
}

fn of_size(kit: &mut Kit, libraries: &[Library], live: usize, bound: f64) {
    for (change, name) in [
        (Change::Add, "add"),
        (Change::Move, "re-add"),
        (Change::Cancel, "cancel"),
    ] {
        let title = format!(
            "timer: {name}, {} live, one call each",
            grouped(live as f64)
        );
        let mut comparison =
            Comparison::new("Q6", title, "ns per timer").at("timers", name, Some(live as f64));
        if live <= TIMERFDS_MAX {
            comparison.side("timerfd", move |turns| {
                sample(&mut Timerfds::new(live)?, live, change, turns)
            });
        }
        comparison.side(KEVENT, move |turns| {
            let mut queue = filled(RustQueue::new(Data::Without)?, live)?;
            sample(&mut queue, live, change, turns)
        });
        for library in libraries {
            comparison.side(library.name(), move |turns| {
                let mut queue = filled(CQueue::new(library)?, live)?;
                sample(&mut queue, live, change, turns)
            });
        }
        comparison.claim_figure(KEVENT, bound);
        usual_claims(&mut comparison, "timerfd", None);
        kit.run(comparison);
    }
}

/// What timers are on one side.
trait Timers {
    /// Adds one, or moves it.
    fn set(&mut self, ident: usize, milliseconds: i64) -> io::Result<()>;
    /// Cancels one.
    fn cancel(&mut self, ident: usize) -> io::Result<()>;
}

/// A queue is filled anew for every sample: one that is kept may have been lucky with its memory
/// once, and be faster or slower in every round.
fn filled<T: Timers>(mut timers: T, live: usize) -> io::Result<T> {
    let mut random = Random::new();
    for ident in 0..live {
        timers.set(ident, random.deadline())?;
    }
    Ok(timers)
}

/// Each turn is a batch, so that the number of live timers stays nearly what the title says.
fn sample(timers: &mut impl Timers, live: usize, change: Change, turns: u32) -> io::Result<Sample> {
    let mut random = Random::new();
    let batch = (live / 20).clamp(1, 1_000);
    let mut elapsed = Duration::ZERO;
    for _ in 0..turns {
        let new: Vec<(usize, i64)> = (live..live + batch)
            .map(|ident| (ident, random.deadline()))
            .collect();
        let old: Vec<(usize, i64)> = (0..batch)
            .map(|_| (random.below(live), random.deadline()))
            .collect();
        let mut set = |list: &[(usize, i64)]| {
            list.iter()
                .try_for_each(|&(ident, at)| timers.set(ident, at))
        };
        let (list, is_timed) = match change {
            Change::Move => (&old, true),
            Change::Add => (&new, true),
            Change::Cancel => (&new, false),
        };
        let start = Instant::now();
        set(list)?;
        if is_timed {
            elapsed += start.elapsed();
        }
        if change != Change::Move {
            let start = Instant::now();
            new.iter()
                .try_for_each(|&(ident, _)| timers.cancel(ident))?;
            if !is_timed {
                elapsed += start.elapsed();
            }
        }
    }
    Ok(Sample {
        elapsed,
        units: u64::from(turns) * batch as u64,
    })
}

impl<Q: Queue> Timers for Q {
    fn set(&mut self, ident: usize, milliseconds: i64) -> io::Result<()> {
        self.apply(&[Q::change(timer(ident, milliseconds))])
    }

    fn cancel(&mut self, ident: usize) -> io::Result<()> {
        let change = Kevent::new(ident, Filter::TIMER, Flags::DELETE);
        self.apply(&[Q::change(change)])
    }
}

/// A timerfd for each timer, in an epoll set.
struct Timerfds {
    epoll: Epoll,
    timers: Vec<Option<OwnedFd>>,
}

impl Timerfds {
    fn new(live: usize) -> io::Result<Self> {
        let empty = Self {
            epoll: Epoll::new()?,
            timers: Vec::new(),
        };
        filled(empty, live)
    }
}

impl Timers for Timerfds {
    fn set(&mut self, ident: usize, milliseconds: i64) -> io::Result<()> {
        if self.timers.len() <= ident {
            self.timers.resize_with(ident + 1, || None);
        }
        let Some(place) = self.timers.get_mut(ident) else {
            return Ok(());
        };
        let timer = match place {
            Some(timer) => timer,
            None => {
                let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
                epoll::add(self.epoll.set(), &timer, epoll_data(ident), EventFlags::IN)?;
                place.insert(timer)
            }
        };
        timerfd_settime(timer, TimerfdTimerFlags::empty(), &once_after(milliseconds))?;
        Ok(())
    }

    fn cancel(&mut self, ident: usize) -> io::Result<()> {
        self.timers.get_mut(ident).and_then(Option::take);
        Ok(())
    }
}

fn once_after(milliseconds: i64) -> Itimerspec {
    let time = |milliseconds: i64| Timespec {
        tv_sec: milliseconds / 1_000,
        tv_nsec: milliseconds % 1_000 * 1_000_000,
    };
    Itimerspec {
        it_interval: time(milliseconds),
        it_value: time(milliseconds),
    }
}

/// A fixed sequence, so that all sides get the same deadlines.
struct Random(u64);

impl Random {
    const fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap_or_default()
    }

    /// Milliseconds from now: between one and two hours.
    fn deadline(&mut self) -> i64 {
        HOUR + i64::try_from(self.below(3_600_000)).unwrap_or_default()
    }
}

/// How many descriptors the timers of one queue take, beside the queue itself.
fn descriptors(kit: &mut Kit) -> io::Result<()> {
    let live = if kit.is_quick { 1_000 } else { 100_000 };
    let queue = RustQueue::new(Data::Without)?;
    let before = open_descriptors()?;
    let _queue = filled(queue, live)?;
    let after = open_descriptors()?;
    let mut row = Row::new(
        "Q6",
        format!("descriptors of {} timers", grouped(live as f64)),
        "descriptors",
    );
    row.exact(KEVENT, after.saturating_sub(before) as f64);
    row.claim_figure(KEVENT, 1.0);
    kit.rows.push(row);
    Ok(())
}

/// How many descriptors this process has open.
pub(crate) fn open_descriptors() -> io::Result<usize> {
    Ok(fs::read_dir("/proc/self/fd")?.count())
}
