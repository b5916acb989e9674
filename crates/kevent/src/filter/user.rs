//! EVFILT_USER: events that the program triggers itself.
//!
//! The knote carries 24 bits and a number of the program's, which every change may combine or
//! replace. After FreeBSD's `filt_user*`, with deviations G1 (NOTE_TRIGGER acts at EV_ADD too)
//! and G2 (control bits are not stored; a one-shot event shows the stored values).

use super::{Context, Errno, FilterOps, Happening, Modified, Report};
use crate::engine::knote::{Kept, Knote};
use crate::flags::{Flags, NoteUser};
use crate::kevent::Kevent;

/// The filter.
pub(super) struct User;

impl FilterOps for User {
    fn attach(
        &self,
        knote: &mut Knote,
        change: &Kevent,
        context: &mut Context<'_>,
    ) -> Result<(), Errno> {
        context
            .poller
            .need_doorbell()
            .map_err(|error| super::errno(&error))?;
        let notes = NoteUser::from_bits_retain(change.fflags);
        knote.fflags = (notes & NoteUser::FFLAGSMASK).bits();
        knote.data = change.data;
        let is_triggered = notes.contains(NoteUser::TRIGGER);
        knote.kept = Kept::User {
            is_triggered,
            bell: None,
        };
        Ok(())
    }

    fn detach(&self, knote: &mut Knote, context: &mut Context<'_>) {
        if let Kept::User {
            bell: Some((bell, _)),
            ..
        } = knote.kept
        {
            context.poller.free_bell(bell);
            if let Some(place) = context.bells.get_mut(bell as usize) {
                *place = None;
            }
        }
    }

    fn event(&self, knote: &Knote, _context: &Context<'_>) -> bool {
        matches!(
            knote.kept,
            Kept::User {
                is_triggered: true,
                ..
            }
        )
    }

    fn happened(&self, knote: &mut Knote, _what: Happening, _context: &mut Context<'_>) -> bool {
        if let Kept::User { is_triggered, .. } = &mut knote.kept {
            *is_triggered = true;
        }
        true
    }

    fn modify(
        &self,
        knote: &mut Knote,
        change: &Kevent,
        _context: &mut Context<'_>,
    ) -> Result<Modified, Errno> {
        let notes = NoteUser::from_bits_retain(change.fflags);
        let input = (notes & NoteUser::FFLAGSMASK).bits();
        let control = notes & NoteUser::FFCTRLMASK;
        knote.fflags = if control == NoteUser::FFCOPY {
            input
        } else if control == NoteUser::FFAND {
            knote.fflags & input
        } else if control == NoteUser::FFOR {
            knote.fflags | input
        } else {
            knote.fflags
        };
        knote.data = change.data;
        if let Kept::User { is_triggered, .. } = &mut knote.kept {
            if notes.contains(NoteUser::TRIGGER) {
                *is_triggered = true;
            } else if change.flags.contains(Flags::CLEAR) {
                *is_triggered = false;
            }
        }
        Ok(Modified::Kept)
    }

    fn copyout(&self, knote: &mut Knote, _context: &mut Context<'_>) -> Report {
        if let Kept::User { is_triggered, .. } = &mut knote.kept
            && knote.flags.contains(Flags::CLEAR)
        {
            *is_triggered = false;
        }
        Report {
            fflags: knote.fflags,
            data: knote.data,
        }
    }
}
