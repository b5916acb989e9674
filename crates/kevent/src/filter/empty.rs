//! EVFILT_EMPTY: a send buffer that holds nothing unsent or unacknowledged.
//!
//! Nothing reports this moment on Linux, so it is looked for (`docs/semantics.md`, D3): before
//! each wait, and while the buffer is not empty after 1 ms, 2, 4 and so on up to 20 ms, by the
//! timers' alarm. So an event comes up to 20 ms late, and a knote that is disabled, or whose
//! buffer is empty, wakes nobody. Where the kernel does not tell how full a buffer is (a
//! listener), it is empty.

use std::os::fd::RawFd;

use super::{Context, Errno, FilterOps, Happening, Modified, Report};
use crate::engine::knote::{Kept, Knote};
use crate::flags::Flags;
use crate::kevent::Kevent;
use crate::sys;
use crate::sys::clock::Clock;

/// The filter.
pub(super) struct Empty;

/// The first look after a buffer was found filled, in nanoseconds.
const FIRST: u64 = 1_000_000;
/// The longest time between two looks.
const LAST: u64 = 20_000_000;

fn descriptor(knote: &Knote) -> RawFd {
    RawFd::try_from(knote.ident).unwrap_or(-1)
}

/// What a buffer holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Buffer {
    Empty,
    Filled,
    /// The number was closed.
    Closed,
}

fn buffer_of(fd: RawFd) -> Buffer {
    match sys::socket::unsent_bytes(fd) {
        Ok(0) => Buffer::Empty,
        Ok(_) => Buffer::Filled,
        Err(error) if error.raw_os_error() == Some(libc::EBADF) => Buffer::Closed,
        Err(_) => Buffer::Empty,
    }
}

fn file_of(fd: RawFd) -> Result<(u64, u64), Errno> {
    let stat = sys::descriptor::fstat(fd).map_err(|error| super::errno(&error))?;
    if stat.file_type() == libc::S_IFSOCK {
        Ok((stat.device, stat.inode))
    } else {
        Err(libc::EINVAL)
    }
}

/// Looks at the buffer; a filled one is looked at again after a while. Whether it is empty.
fn look(knote: &mut Knote, is_enabled: bool, is_due: bool, context: &mut Context<'_>) -> bool {
    let buffer = buffer_of(descriptor(knote));
    let is_watched = buffer == Buffer::Filled && is_enabled;
    let Kept::Empty {
        interval,
        was_filled,
        ..
    } = &mut knote.kept
    else {
        return false;
    };
    let heap = &mut context.alarms.monotonic.heap;
    *was_filled |= buffer == Buffer::Filled;
    if !is_watched {
        *interval = None;
        heap.remove(context.key);
    } else if is_due || interval.is_none() {
        let next = interval.map_or(FIRST, |before| before.saturating_mul(2).min(LAST));
        *interval = Some(next);
        heap.insert(context.key, context.poller.now(Clock::Monotonic) + next);
    }
    buffer == Buffer::Empty
}

impl FilterOps for Empty {
    fn attach(
        &self,
        knote: &mut Knote,
        _change: &Kevent,
        context: &mut Context<'_>,
    ) -> Result<(), Errno> {
        let file = file_of(descriptor(knote))?;
        let to_errno = |error: std::io::Error| super::errno(&error);
        context.poller.need_doorbell().map_err(to_errno)?;
        context
            .poller
            .need_alarm(Clock::Monotonic)
            .map_err(to_errno)?;
        context.alarms.monotonic.is_made = true;
        knote.kept = Kept::Empty {
            file,
            interval: None,
            was_filled: false,
        };
        context.ask(true);
        look(knote, !knote.is_disabled(), false, context);
        Ok(())
    }

    fn detach(&self, _knote: &mut Knote, context: &mut Context<'_>) {
        context.alarms.monotonic.heap.remove(context.key);
    }

    fn event(&self, knote: &Knote, _context: &Context<'_>) -> bool {
        buffer_of(descriptor(knote)) == Buffer::Empty
    }

    fn happened(&self, knote: &mut Knote, what: Happening, context: &mut Context<'_>) -> bool {
        let is_empty = look(
            knote,
            !knote.is_disabled(),
            what == Happening::Expired,
            context,
        );
        let was_filled = matches!(
            knote.kept,
            Kept::Empty {
                was_filled: true,
                ..
            }
        );
        is_empty && (was_filled || !knote.flags.contains(Flags::CLEAR))
    }

    fn watches_descriptor(&self) -> bool {
        true
    }

    fn is_same_object(&self, knote: &Knote) -> bool {
        match knote.kept {
            Kept::Empty { file, .. } => file_of(descriptor(knote)) == Ok(file),
            _ => false,
        }
    }

    fn modify(
        &self,
        knote: &mut Knote,
        change: &Kevent,
        context: &mut Context<'_>,
    ) -> Result<Modified, Errno> {
        let stays_disabled = knote.is_disabled() && !change.flags.contains(Flags::ENABLE);
        let is_enabled = !stays_disabled && !change.flags.contains(Flags::DISABLE);
        look(knote, is_enabled, false, context);
        Ok(Modified::Kept)
    }

    fn copyout(&self, knote: &mut Knote, _context: &mut Context<'_>) -> Report {
        if let Kept::Empty { was_filled, .. } = &mut knote.kept {
            *was_filled = false;
        }
        Report::default()
    }
}
