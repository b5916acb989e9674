//! EVFILT_FS: file systems that were mounted or unmounted, anywhere in the mount namespace.
//!
//! `ident` says nothing (use 0), and so do the notes of a change: every event tells all that
//! happened. After FreeBSD's `filt_fs*`.

use super::{Context, Errno, FilterOps, Happening, Modified, Report};
use crate::engine::knote::Knote;
use crate::engine::poller::Source;
use crate::flags::{Flags, NoteFs};
use crate::kevent::Kevent;

/// The filter.
pub(super) struct Fs;

impl FilterOps for Fs {
    fn attach(
        &self,
        knote: &mut Knote,
        _change: &Kevent,
        context: &mut Context<'_>,
    ) -> Result<(), Errno> {
        let to_errno = |error: std::io::Error| super::errno(&error);
        context.poller.need_doorbell().map_err(to_errno)?;
        context
            .poller
            .need_source(Source::Mounts)
            .map_err(to_errno)?;
        knote.flags |= Flags::CLEAR;
        Ok(())
    }

    fn detach(&self, _knote: &mut Knote, _context: &mut Context<'_>) {}

    fn event(&self, knote: &Knote, _context: &Context<'_>) -> bool {
        knote.fflags != 0
    }

    fn source(&self) -> Option<Source> {
        Some(Source::Mounts)
    }

    fn happened(&self, knote: &mut Knote, _what: Happening, context: &mut Context<'_>) -> bool {
        let news = context.poller.mount_news();
        for (has_happened, note) in [
            (news.is_mounted, NoteFs::MOUNT),
            (news.is_unmounted, NoteFs::UNMOUNT),
        ] {
            if has_happened {
                knote.fflags |= note.bits();
            }
        }
        knote.fflags != 0
    }

    fn modify(
        &self,
        _knote: &mut Knote,
        _change: &Kevent,
        _context: &mut Context<'_>,
    ) -> Result<Modified, Errno> {
        Ok(Modified::Kept)
    }

    fn copyout(&self, knote: &mut Knote, _context: &mut Context<'_>) -> Report {
        Report {
            fflags: std::mem::take(&mut knote.fflags),
            data: 0,
        }
    }
}
