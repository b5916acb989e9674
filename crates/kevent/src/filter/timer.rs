//! EVFILT_TIMER: periods and points in time.
//!
//! A knote's deadline stands in the heap of its clock until it has passed; a knote that has
//! expired and was not retrieved is in no heap, so an unread timer wakes nobody. How often it
//! expired is computed at delivery from the time that has gone by, and the next deadline keeps
//! the phase. After FreeBSD's `filt_timer*`.

use super::{Context, Errno, FilterOps, Modified, Report};
use crate::engine::knote::{Kept, Knote, Status};
use crate::flags::{Flags, NoteTimer};
use crate::kevent::Kevent;
use crate::limits::NANOS_MAX;
use crate::sys::clock::Clock;

/// The filter.
pub(super) struct Timer;

const UNITS: NoteTimer = NoteTimer::SECONDS
    .union(NoteTimer::MSECONDS)
    .union(NoteTimer::USECONDS)
    .union(NoteTimer::NSECONDS);

/// What a change asks for, in nanoseconds.
#[derive(Clone, Copy)]
enum Request {
    /// Every so often, from now.
    Period(u64),
    /// At this time of the wall clock.
    At(u64),
}

impl Request {
    fn parse(change: &Kevent, is_oneshot: bool) -> Result<Self, Errno> {
        let notes = NoteTimer::from_bits(change.fflags).ok_or(libc::EINVAL)?;
        let units = notes & UNITS;
        let unit = if units.is_empty() || units == NoteTimer::MSECONDS {
            1_000_000
        } else {
            match units {
                NoteTimer::SECONDS => 1_000_000_000,
                NoteTimer::USECONDS => 1_000,
                NoteTimer::NSECONDS => 1,
                _ => return Err(libc::EINVAL),
            }
        };
        let count = u64::try_from(change.data).map_err(|_| libc::EINVAL)?;
        let nanos = |count: u64| count.saturating_mul(unit).min(NANOS_MAX);
        Ok(if notes.contains(NoteTimer::ABSTIME) {
            Self::At(nanos(count))
        } else if count == 0 && !is_oneshot {
            // A period of nothing becomes one unit.
            Self::Period(nanos(1))
        } else {
            Self::Period(nanos(count))
        })
    }
}

const fn clock_of(period: Option<u64>) -> Clock {
    if period.is_some() {
        Clock::Monotonic
    } else {
        Clock::Realtime
    }
}

fn need_alarm(request: Request, context: &mut Context<'_>) -> Result<(), Errno> {
    let clock = match request {
        Request::At(_) => Clock::Realtime,
        Request::Period(_) => Clock::Monotonic,
    };
    context
        .poller
        .need_alarm(clock)
        .map_err(|error| super::errno(&error))?;
    context.alarms.of(clock).is_made = true;
    Ok(())
}

fn start(knote: &mut Knote, request: Request, context: &mut Context<'_>) {
    let (deadline, period) = match request {
        Request::At(time) => (time, None),
        Request::Period(period) => {
            let now = context.poller.now(Clock::Monotonic);
            (now.saturating_add(period).min(NANOS_MAX), Some(period))
        }
    };
    knote.kept = Kept::Timer {
        deadline,
        period,
        is_spent: false,
    };
    context
        .alarms
        .of(clock_of(period))
        .heap
        .insert(context.key, deadline);
}

fn stop(knote: &Knote, context: &mut Context<'_>) {
    if let Kept::Timer { period, .. } = knote.kept {
        context.alarms.of(clock_of(period)).heap.remove(context.key);
    }
}

impl FilterOps for Timer {
    fn attach(
        &self,
        knote: &mut Knote,
        change: &Kevent,
        context: &mut Context<'_>,
    ) -> Result<(), Errno> {
        let request = Request::parse(change, knote.flags.contains(Flags::ONESHOT))?;
        if context
            .options
            .timers_max
            .is_some_and(|max| context.alarms.timer_count >= max)
        {
            return Err(libc::ENOMEM);
        }
        need_alarm(request, context)?;
        if matches!(request, Request::Period(_)) {
            knote.flags |= Flags::CLEAR;
        }
        start(knote, request, context);
        context.alarms.timer_count += 1;
        Ok(())
    }

    fn detach(&self, knote: &mut Knote, context: &mut Context<'_>) {
        stop(knote, context);
        context.alarms.timer_count -= 1;
    }

    fn event(&self, knote: &Knote, context: &Context<'_>) -> bool {
        match knote.kept {
            Kept::Timer { is_spent: true, .. } => false,
            // A point in time that has passed once has passed, even if the clock is set back.
            Kept::Timer { period: None, .. } if knote.status.contains(Status::ACTIVE) => true,
            Kept::Timer {
                deadline, period, ..
            } => context.poller.now(clock_of(period)) >= deadline,
            _ => false,
        }
    }

    fn modify(
        &self,
        knote: &mut Knote,
        change: &Kevent,
        context: &mut Context<'_>,
    ) -> Result<Modified, Errno> {
        if !change.flags.contains(Flags::ADD) {
            return Ok(Modified::Kept);
        }
        // A bad request leaves the old timer as it was (FreeBSD reports it as an event).
        let request = Request::parse(change, knote.flags.contains(Flags::ONESHOT))?;
        need_alarm(request, context)?;
        stop(knote, context);
        start(knote, request, context);
        Ok(Modified::Restarted)
    }

    fn copyout(&self, knote: &mut Knote, context: &mut Context<'_>) -> Report {
        let Kept::Timer {
            deadline,
            period,
            is_spent,
        } = &mut knote.kept
        else {
            return Report::default();
        };
        let Some(period) = *period else {
            // A point in time stays true until the knote is deleted, unless it is edge-like.
            *is_spent = knote.flags.intersects(Flags::CLEAR);
            return Report { fflags: 0, data: 1 };
        };
        if knote.flags.contains(Flags::ONESHOT) {
            // It expired once, however late that is told.
            return Report { fflags: 0, data: 1 };
        }
        let now = context.poller.now(Clock::Monotonic);
        let missed = now
            .saturating_sub(*deadline)
            .checked_div(period)
            .unwrap_or(0);
        let count = missed.saturating_add(1);
        let passed = count.saturating_mul(period);
        *deadline = deadline.saturating_add(passed).min(NANOS_MAX);
        let heap = &mut context.alarms.monotonic.heap;
        heap.remove(context.key);
        heap.insert(context.key, *deadline);
        Report {
            fflags: 0,
            data: i64::try_from(count).unwrap_or(i64::MAX),
        }
    }
}
