//! EVFILT_PROCDESC: a process by a descriptor of the program's; on Linux a pidfd.
//!
//! The knote watches a duplicate, so that it gets along with other knotes on the number, and
//! leaves nothing behind when the number is closed. Where the queue was not told that it was,
//! the knote's next event finds out, and is dropped.

use std::os::fd::RawFd;

use super::process;
use super::{Context, Errno, FilterOps, Happening, Modified, Report};
use crate::engine::knote::{Kept, Knote, Status};
use crate::flags::NoteProc;
use crate::kevent::Kevent;
use crate::source::pidfd;
use crate::source::process::Process;
use crate::source::process_events::News;
use crate::sys;

/// The filter.
pub(super) struct Procdesc;

fn parse(change: &Kevent) -> Result<NoteProc, Errno> {
    let wanted = process::parse(change.fflags)?;
    if wanted.contains(NoteProc::TRACK) {
        return Err(libc::EINVAL);
    }
    Ok(wanted)
}

fn number(knote: &Knote) -> RawFd {
    RawFd::try_from(knote.ident).unwrap_or(-1)
}

/// Drops the knote if its descriptor was closed behind the queue's back.
fn is_open(knote: &mut Knote) -> bool {
    let is_open = Procdesc.is_same_object(knote);
    if !is_open {
        knote.status |= Status::GONE;
    }
    is_open
}

impl FilterOps for Procdesc {
    fn attach(
        &self,
        knote: &mut Knote,
        change: &Kevent,
        context: &mut Context<'_>,
    ) -> Result<(), Errno> {
        let wanted = parse(change)?;
        let fd = number(knote);
        let pid = pidfd::process_of(fd).ok_or(libc::EINVAL)?;
        let own = sys::process::duplicate(fd).map_err(|error| super::errno(&error))?;
        process::attach(knote, Process::new(pid, Some(own.into()), wanted), context)
    }

    fn detach(&self, knote: &mut Knote, context: &mut Context<'_>) {
        process::detach(knote, context);
    }

    fn event(&self, knote: &Knote, _context: &Context<'_>) -> bool {
        knote.fflags != 0
    }

    fn happened(&self, knote: &mut Knote, _what: Happening, _context: &mut Context<'_>) -> bool {
        is_open(knote) && process::ready(knote)
    }

    fn mail(
        &self,
        knote: &mut Knote,
        subscription: Option<u64>,
        news: News,
        context: &mut Context<'_>,
    ) -> bool {
        is_open(knote) && process::mail(knote, subscription, news, context)
    }

    fn rewatch(&self, knote: &Knote, context: &Context<'_>) {
        process::rewatch(knote, context);
    }

    fn watches_descriptor(&self) -> bool {
        true
    }

    fn is_same_object(&self, knote: &Knote) -> bool {
        match &knote.kept {
            Kept::Process(process) => process
                .fd()
                .is_some_and(|own| pidfd::is_same(own, number(knote))),
            _ => true,
        }
    }

    fn modify(
        &self,
        knote: &mut Knote,
        change: &Kevent,
        context: &mut Context<'_>,
    ) -> Result<Modified, Errno> {
        if process::wants_other_notes(change) {
            process::modify(knote, parse(change)?, context)?;
        }
        Ok(Modified::Kept)
    }

    fn copyout(&self, knote: &mut Knote, _context: &mut Context<'_>) -> Report {
        process::copyout(knote)
    }
}
