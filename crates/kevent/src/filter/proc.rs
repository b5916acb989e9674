//! EVFILT_PROC: a process by its number; its exit, forks, execs and descendants.

use super::process;
use super::{Context, Errno, FilterOps, Happening, Modified, Report};
use crate::engine::knote::{Kept, Knote};
use crate::kevent::Kevent;
use crate::source::process::Process;
use crate::source::process_events::News;
use crate::sys;

/// The filter.
pub(super) struct Proc;

impl FilterOps for Proc {
    fn attach(
        &self,
        knote: &mut Knote,
        change: &Kevent,
        context: &mut Context<'_>,
    ) -> Result<(), Errno> {
        let wanted = process::parse(change.fflags)?;
        let pid = i32::try_from(change.ident).map_err(|_| libc::ESRCH)?;
        let pidfd = sys::process::open(pid).map_err(|error| match super::errno(&error) {
            // No number of a process, or a thread's.
            libc::EINVAL | libc::ENOENT => libc::ESRCH,
            errno => errno,
        })?;
        process::attach(
            knote,
            Process::new(pid, Some(pidfd.into()), wanted),
            context,
        )
    }

    fn detach(&self, knote: &mut Knote, context: &mut Context<'_>) {
        process::detach(knote, context);
    }

    fn event(&self, knote: &Knote, _context: &Context<'_>) -> bool {
        knote.fflags != 0
    }

    fn happened(&self, knote: &mut Knote, _what: Happening, _context: &mut Context<'_>) -> bool {
        process::ready(knote)
    }

    fn mail(
        &self,
        knote: &mut Knote,
        subscription: Option<u64>,
        news: News,
        context: &mut Context<'_>,
    ) -> bool {
        process::mail(knote, subscription, news, context)
    }

    fn born(&self, knote: &mut Knote, context: &mut Context<'_>) -> bool {
        process::born(knote, context)
    }

    fn rewatch(&self, knote: &Knote, context: &Context<'_>) {
        process::rewatch(knote, context);
    }

    /// The number of a process that was reaped may be another's by now.
    fn is_same_object(&self, knote: &Knote) -> bool {
        !matches!(&knote.kept, Kept::Process(process) if process.is_succeeded())
    }

    fn modify(
        &self,
        knote: &mut Knote,
        change: &Kevent,
        context: &mut Context<'_>,
    ) -> Result<Modified, Errno> {
        if process::wants_other_notes(change) {
            process::modify(knote, process::parse(change.fflags)?, context)?;
        }
        Ok(Modified::Kept)
    }

    fn copyout(&self, knote: &mut Knote, _context: &mut Context<'_>) -> Report {
        process::copyout(knote)
    }
}
