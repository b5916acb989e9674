//! A change as the system's kernel may see it, or the errno that refuses it.
//!
//! A kernel ignores a bit it does not know, or gives it another meaning. So what a system lacks
//! is refused here, and what is private to this crate is taken off.

use std::sync::atomic::Ordering;

use super::user::UserEvents;
use crate::flags::{Filter, Flags, NoteIo, NoteVnode};
use crate::kevent::Kevent;

/// An error number.
pub(crate) type Errno = i32;

/// What of the public flags and notes a system does not have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lacks {
    pub(crate) flags: Flags,
    /// Notes of READ, WRITE and EXCEPT.
    pub(crate) io_notes: u32,
    /// Notes of TIMER.
    pub(crate) timer_notes: u32,
    /// Notes of VNODE; their bits may mean something else there.
    pub(crate) vnode_notes: NoteVnode,
}

/// The bits that ask for something and say nothing about an event. FreeBSD never returns them,
/// macOS does.
const ACTIONS: Flags = Flags::ADD
    .union(Flags::DELETE)
    .union(Flags::ENABLE)
    .union(Flags::DISABLE);

/// The change to give to the kernel.
pub(crate) fn prepare(change: &Kevent, users: &UserEvents, lacks: Lacks) -> Result<Kevent, Errno> {
    let mut prepared = *change;
    prepared.flags.remove(Flags::SYSFLAGS);
    match change.filter {
        Filter::READ | Filter::WRITE | Filter::EXCEPT => {
            prepared.fflags &= !u32::from(NoteIo::NO_DATA | NoteIo::WITH_DATA);
            refuse(prepared.fflags & lacks.io_notes != 0, libc::ENOTSUP)?;
        }
        Filter::VNODE => {
            let notes = NoteVnode::from_bits_retain(change.fflags);
            refuse(notes.intersects(lacks.vnode_notes), libc::ENOTSUP)?;
        }
        Filter::TIMER => refuse(change.fflags & lacks.timer_notes != 0, libc::ENOTSUP)?,
        _ => {}
    }
    let missing = change.flags & lacks.flags;
    refuse(missing.contains(Flags::FORCEONESHOT), libc::ENOTSUP)?;
    if missing.contains(Flags::KEEPUDATA) {
        prepared.udata = kept_udata(change, users)?;
        prepared.flags.remove(Flags::KEEPUDATA);
    }
    Ok(prepared)
}

/// EV_KEEPUDATA where the kernel does not have it: known for user events, of no interest to
/// EV_DELETE.
fn kept_udata(change: &Kevent, users: &UserEvents) -> Result<usize, Errno> {
    refuse(change.flags.contains(Flags::ADD), libc::EINVAL)?;
    let is_user = change.filter == Filter::USER;
    let is_deletion = change.flags.contains(Flags::DELETE);
    refuse(!is_user && !is_deletion, libc::ENOTSUP)?;
    // Without an event the kernel says ENOENT by itself.
    let kept = users.get(change.ident);
    Ok(kept.map_or(0, |udata| udata.load(Ordering::Relaxed)))
}

fn refuse(is_refused: bool, errno: Errno) -> Result<(), Errno> {
    if is_refused { Err(errno) } else { Ok(()) }
}

/// The flags of an event or an answer, as this crate promises them.
pub(crate) fn returned_flags(flags: Flags) -> Flags {
    flags.difference(ACTIONS)
}

/// The entry that answers a change: an errno, or 0 for a receipt.
pub(crate) fn answer(change: &Kevent, errno: Errno) -> Kevent {
    Kevent {
        flags: Flags::ERROR,
        fflags: 0,
        data: i64::from(errno),
        ..*change
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::NoteTimer;

    const NOTHING: Lacks = Lacks {
        flags: Flags::empty(),
        io_notes: 0,
        timer_notes: 0,
        vnode_notes: NoteVnode::empty(),
    };
    const MUCH: Lacks = Lacks {
        flags: Flags::FORCEONESHOT.union(Flags::KEEPUDATA),
        io_notes: NoteIo::FILE_POLL.bits(),
        timer_notes: NoteTimer::ABSTIME.bits(),
        vnode_notes: NoteVnode::OPEN,
    };

    fn with_user_event() -> UserEvents {
        let users = UserEvents::default();
        users.note(&Kevent::user(1).udata(7));
        users
    }

    #[test]
    fn private_notes_and_system_flags_never_reach_a_kernel() {
        let change = Kevent::read(0).low_water(5).without_data();
        let prepared = prepare(&change.with(Flags::EOF), &UserEvents::default(), MUCH).unwrap();
        assert_eq!(prepared, Kevent::read(0).low_water(5));
        let change = Kevent::write(0).with_data();
        let prepared = prepare(&change, &UserEvents::default(), MUCH).unwrap();
        assert_eq!(prepared, Kevent::write(0));
    }

    #[test]
    fn what_a_system_lacks_is_refused_and_what_it_has_passes() {
        let at = std::time::SystemTime::now();
        for (change, errno) in [
            (Kevent::read(0).force_oneshot(), libc::ENOTSUP),
            (Kevent::read(0).fflags(NoteIo::FILE_POLL), libc::ENOTSUP),
            (Kevent::timer_at(1, at), libc::ENOTSUP),
            (Kevent::vnode(0, NoteVnode::OPEN), libc::ENOTSUP),
            (Kevent::read(0).enable().keep_udata(), libc::ENOTSUP),
            (Kevent::user(1).keep_udata(), libc::EINVAL),
        ] {
            assert_eq!(prepare(&change, &with_user_event(), MUCH), Err(errno));
            assert_eq!(prepare(&change, &with_user_event(), NOTHING), Ok(change));
        }
    }

    #[test]
    fn a_trigger_keeps_udata_where_the_kernel_would_not() {
        let prepared = prepare(&Kevent::trigger(1), &with_user_event(), MUCH).unwrap();
        assert_eq!((prepared.udata, prepared.flags), (7, Flags::empty()));
        let prepared = prepare(&Kevent::trigger(1), &with_user_event(), NOTHING).unwrap();
        assert_eq!(prepared, Kevent::trigger(1));
    }

    #[test]
    fn an_answer_carries_the_change_and_its_errno() {
        let change = Kevent::read(3).udata(7).receipt();
        let answer = answer(&change, libc::ENOTSUP);
        assert_eq!((answer.ident, answer.udata), (3, 7));
        assert_eq!(answer.flags, Flags::ERROR);
        let error = answer.error().unwrap();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTSUP));
    }

    #[test]
    fn actions_are_no_part_of_an_event() {
        let seen = Flags::ADD | Flags::CLEAR | Flags::EOF;
        assert_eq!(returned_flags(seen), Flags::CLEAR | Flags::EOF);
    }
}
