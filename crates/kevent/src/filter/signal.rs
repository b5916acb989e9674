//! EVFILT_SIGNAL: deliveries of a signal, counted and not consumed.
//!
//! A process-wide handler counts (`sys/signal`); a knote compares with what it last saw. A
//! signal that is blocked at EV_ADD is counted when it becomes pending, once until it is
//! delivered or taken (D12: Linux does not tell how often), and its delivery then does not count
//! again. After FreeBSD's `filt_signal*`.

use super::{Context, Errno, FilterOps, Happening, Modified, Report};
use crate::engine::knote::{Kept, Knote, SignalKept};
use crate::engine::poller::Source;
use crate::flags::Flags;
use crate::kevent::Kevent;
use crate::sys::signal;
use crate::sys::signal::disposition::Counting;

/// The filter.
pub(super) struct Signal;

fn number(ident: usize) -> Result<i32, Errno> {
    let number = i32::try_from(ident).map_err(|_| libc::EINVAL)?;
    if (1..=libc::SIGRTMAX()).contains(&number) {
        Ok(number)
    } else {
        Err(libc::EINVAL)
    }
}

fn number_of(knote: &Knote) -> i32 {
    i32::try_from(knote.ident).unwrap_or(0)
}

/// Deliveries that are new to the knote.
fn unseen(signal: i32, kept: &SignalKept) -> i64 {
    let new = signal::delivered(signal).wrapping_sub(kept.seen);
    let told_before = u64::from(kept.is_pending);
    i64::try_from(new.saturating_sub(told_before)).unwrap_or(i64::MAX)
}

/// Takes in what has come since the last time.
fn take_in(knote: &mut Knote, context: &mut Context<'_>) {
    let signal = number_of(knote);
    let Kept::Signal(kept) = &mut knote.kept else {
        return;
    };
    let delivered = signal::delivered(signal);
    knote.data = knote.data.saturating_add(unseen(signal, kept));
    if kept.seen != delivered {
        kept.is_pending = false;
    }
    kept.seen = delivered;
    if !kept.is_blocked {
        return;
    }
    let is_pending = signal::pending::is_pending(signal);
    if is_pending && !kept.is_pending {
        knote.data = knote.data.saturating_add(1);
    }
    kept.is_pending = is_pending;
    // Nobody reports that somebody has taken it, by sigwait(3) or from a signalfd.
    context.ask(is_pending);
}

impl FilterOps for Signal {
    fn attach(
        &self,
        knote: &mut Knote,
        change: &Kevent,
        context: &mut Context<'_>,
    ) -> Result<(), Errno> {
        let signal = number(change.ident)?;
        let to_errno = |error: std::io::Error| super::errno(&error);
        context.poller.need_doorbell().map_err(to_errno)?;
        context
            .poller
            .need_source(Source::Signals)
            .map_err(to_errno)?;
        let is_ignored_child = signal == libc::SIGCHLD
            && signal::disposition::disposition(signal)
                .map_err(to_errno)?
                .is_ignore();
        let is_blocked = signal::pending::is_blocked(signal) && !is_ignored_child;
        let counting = Counting::begin(signal).map_err(to_errno)?;
        if is_blocked {
            context.poller.watch_pending(signal).map_err(to_errno)?;
        }
        let seen = signal::delivered(signal);
        // What is pending already does not count, neither now nor when it is delivered.
        let is_pending = is_blocked && signal::pending::is_pending(signal);
        knote.kept = Kept::Signal(SignalKept {
            counting,
            seen,
            is_blocked,
            is_pending,
        });
        knote.flags |= Flags::CLEAR;
        context.ask(is_pending);
        Ok(())
    }

    fn detach(&self, knote: &mut Knote, _context: &mut Context<'_>) {
        if let Kept::Signal(kept) = std::mem::take(&mut knote.kept) {
            drop(kept.counting);
        }
    }

    fn event(&self, knote: &Knote, _context: &Context<'_>) -> bool {
        match &knote.kept {
            Kept::Signal(kept) => knote.data > 0 || unseen(number_of(knote), kept) > 0,
            _ => false,
        }
    }

    fn source(&self) -> Option<Source> {
        Some(Source::Signals)
    }

    fn happened(&self, knote: &mut Knote, _what: Happening, context: &mut Context<'_>) -> bool {
        take_in(knote, context);
        knote.data > 0
    }

    fn modify(
        &self,
        _knote: &mut Knote,
        _change: &Kevent,
        _context: &mut Context<'_>,
    ) -> Result<Modified, Errno> {
        Ok(Modified::Kept)
    }

    fn copyout(&self, knote: &mut Knote, context: &mut Context<'_>) -> Report {
        take_in(knote, context);
        Report {
            fflags: 0,
            data: std::mem::take(&mut knote.data),
        }
    }
}
