//! EVFILT_NETDEV: network interfaces that come up, go down or are removed. FreeBSD 5 to 9 had
//! it; here `ident` is the interface's index, or 0 for any (G14).
//!
//! An event stays active until the knote is deleted, unless it was added with EV_CLEAR. After
//! FreeBSD 9's `filt_netdev`.

use super::{Context, Errno, FilterOps, Happening, Modified, Report};
use crate::engine::knote::{Kept, Knote};
use crate::engine::poller::Source;
use crate::flags::{Flags, NoteNetdev};
use crate::kevent::Kevent;
use crate::source::links::{self, LinkState};

/// The filter.
pub(super) struct Netdev;

const fn note_of(state: LinkState) -> NoteNetdev {
    match state {
        LinkState::Up => NoteNetdev::LINKUP,
        LinkState::Down => NoteNetdev::LINKDOWN,
        LinkState::Gone => NoteNetdev::LINKINV,
    }
}

fn interest(change: &Kevent) -> Result<NoteNetdev, Errno> {
    NoteNetdev::from_bits(change.fflags).ok_or(libc::EINVAL)
}

impl FilterOps for Netdev {
    fn attach(
        &self,
        knote: &mut Knote,
        change: &Kevent,
        context: &mut Context<'_>,
    ) -> Result<(), Errno> {
        let wanted = interest(change)?;
        let index = u32::try_from(change.ident).map_err(|_| libc::ENXIO)?;
        let to_errno = |error: std::io::Error| super::errno(&error);
        context.poller.need_doorbell().map_err(to_errno)?;
        context
            .poller
            .need_source(Source::Links)
            .map_err(to_errno)?;
        let state = match index {
            0 => LinkState::Down,
            _ => links::state_of(index).map_err(to_errno)?,
        };
        knote.kept = Kept::Netdev {
            interest: wanted,
            state,
        };
        Ok(())
    }

    fn detach(&self, _knote: &mut Knote, _context: &mut Context<'_>) {}

    fn event(&self, knote: &Knote, _context: &Context<'_>) -> bool {
        knote.fflags != 0 || knote.flags.contains(Flags::EOF)
    }

    fn source(&self) -> Option<Source> {
        Some(Source::Links)
    }

    fn happened(&self, knote: &mut Knote, _what: Happening, context: &mut Context<'_>) -> bool {
        let ident = knote.ident;
        context.poller.link_news(&mut |index, now| {
            let Kept::Netdev { interest, state } = &mut knote.kept else {
                return;
            };
            let is_one = ident != 0;
            // What the knote found at EV_ADD is no news, though the message came later.
            if is_one && (index as usize != ident || *state == now || *state == LinkState::Gone) {
                return;
            }
            *state = now;
            knote.data = i64::from(note_of(now).bits());
            knote.fflags |= (*interest & note_of(now)).bits();
            if is_one && now == LinkState::Gone {
                knote.flags |= Flags::EOF | Flags::ONESHOT;
            }
        });
        self.event(knote, context)
    }

    fn modify(
        &self,
        knote: &mut Knote,
        change: &Kevent,
        _context: &mut Context<'_>,
    ) -> Result<Modified, Errno> {
        let wanted = interest(change)?;
        // G18: enabling and disabling with no notes keeps those there are.
        if let Kept::Netdev { interest, .. } = &mut knote.kept
            && (change.flags.contains(Flags::ADD) || !wanted.is_empty())
        {
            *interest = wanted;
        }
        Ok(Modified::Kept)
    }

    fn copyout(&self, knote: &mut Knote, _context: &mut Context<'_>) -> Report {
        let report = Report {
            fflags: knote.fflags,
            data: knote.data,
        };
        if knote.flags.contains(Flags::CLEAR) {
            knote.fflags = 0;
            knote.data = 0;
        }
        report
    }
}
