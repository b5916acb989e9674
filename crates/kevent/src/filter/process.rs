//! What PROC and PROCDESC share: a knote and the process it watches, from EV_ADD to the end.
//!
//! ```text
//!          pidfd readable              status known            reaped, NOTE_REAP wanted
//! Alive ------------------> Awaited -----------------> Exited ----------------> last event
//!    \________________________________________________/
//! ```
//!
//! Without NOTE_REAP the exit is the last event: EV_EOF and EV_ONESHOT, after which the engine
//! removes the knote. A knote that has nothing to say at the end goes without a word. A knote
//! that is subscribed to process events waits for the connector's word where nobody else knows
//! the status, and where it follows children: their births come before the exit. After FreeBSD's `filt_proc` and `knote_fork`.

use super::{Born, Context, Errno, Report};
use crate::engine::knote::{Kept, Knote, Status};
use crate::engine::poller::Set;
use crate::flags::{Filter, Flags, NoteProc};
use crate::kevent::Kevent;
use crate::source::process::{Process, Stage};
use crate::source::process_events::{self, News, Subscription};
use crate::sys;

/// The notes that come from the process events connector.
const FROM_EVENTS: NoteProc = NoteProc::FORK.union(NoteProc::EXEC).union(NoteProc::TRACK);

/// The notes that a zombie can still give.
const AT_THE_END: NoteProc = NoteProc::EXIT.union(NoteProc::REAP);

/// Edge-triggered: the exit is one edge, the reaping another.
const BITS: u32 = libc::EPOLLIN.cast_unsigned() | libc::EPOLLET.cast_unsigned();

/// What a change asks for.
pub(super) fn parse(fflags: u32) -> Result<NoteProc, Errno> {
    /// NOTE_PDSIGCHLD: Linux cannot tell a child's every change of state.
    const STATE_CHANGES: u32 = 0x1000_0000;
    if fflags & STATE_CHANGES != 0 {
        return Err(libc::ENOTSUP);
    }
    let notes = NoteProc::from_bits(fflags).ok_or(libc::EINVAL)?;
    if notes.contains(NoteProc::REAP) && !sys::process::reports_reaping() {
        return Err(libc::ENOTSUP);
    }
    // The other two are output only.
    Ok(notes & (FROM_EVENTS | AT_THE_END))
}

/// Starts watching.
pub(super) fn attach(
    knote: &mut Knote,
    mut process: Process,
    context: &mut Context<'_>,
) -> Result<(), Errno> {
    let is_needless = |process: &Process| {
        knote.filter == Filter::PROC
            && !process.wanted.intersects(AT_THE_END)
            && process.has_exited()
    };
    if is_needless(&process) {
        return Err(libc::ESRCH);
    }
    subscribe((knote.filter, knote.ident), &mut process, context)?;
    if let Some(fd) = process.fd() {
        context.watch(fd, BITS)?;
    }
    let has_exited = process.has_exited() && process.wanted.intersects(AT_THE_END);
    knote.flags |= Flags::CLEAR;
    knote.kept = Kept::Process(Box::new(process));
    if has_exited {
        ready(knote);
    }
    Ok(())
}

/// Subscribes to what only the connector tells, if that is wanted of a process that lives.
fn subscribe(
    key: (Filter, usize),
    process: &mut Process,
    context: &Context<'_>,
) -> Result<(), Errno> {
    if !process.wanted.intersects(FROM_EVENTS) {
        process.subscription = None;
        return Ok(());
    }
    if let Some(subscription) = &process.subscription {
        subscription.change(process.wanted);
        return Ok(());
    }
    let errno = |error: &std::io::Error| super::errno(error);
    context.poller.need_doorbell().map_err(|e| errno(&e))?;
    let doorbell = context.poller.shared_doorbell().ok_or(libc::ENOTSUP)?;
    let subscribed = process_events::subscribe(&doorbell, key, process.pid, process.wanted)
        .map_err(|e| match errno(&e) {
            libc::EAGAIN => libc::ENOMEM,
            errno => errno,
        })?;
    // The event of an exit comes after the pidfd's, so that of one not yet seen is still to come.
    process.subscription = (!process.has_exited()).then_some(subscribed);
    Ok(())
}

/// Stops watching.
pub(super) fn detach(knote: &mut Knote, context: &Context<'_>) {
    if let Kept::Process(process) = &mut knote.kept {
        if let Some(fd) = process.fd() {
            // A forked child may hold the pidfd open, and the entry with it.
            let _ = context.poller.delete(Set::Main, fd);
        }
        knote.kept = Kept::Nothing;
    }
}

/// The queue's set was renewed.
pub(super) fn rewatch(knote: &Knote, context: &Context<'_>) {
    if let Kept::Process(process) = &knote.kept
        && let Some(fd) = process.fd()
    {
        let _ = context.watch(fd, BITS);
    }
}

/// A change names the knote: other notes are wanted.
pub(super) fn modify(
    knote: &mut Knote,
    wanted: NoteProc,
    context: &mut Context<'_>,
) -> Result<(), Errno> {
    let key = (knote.filter, knote.ident);
    let Kept::Process(process) = &mut knote.kept else {
        return Ok(());
    };
    let before = std::mem::replace(&mut process.wanted, wanted);
    if process.stage != Stage::Alive {
        return Ok(());
    }
    let subscribed = subscribe(key, process, context);
    if subscribed.is_err() {
        process.wanted = before;
    }
    subscribed
}

/// The pidfd reported: the process is gone, or was reaped.
pub(super) fn ready(knote: &mut Knote) -> bool {
    let Kept::Process(process) = &mut knote.kept else {
        return false;
    };
    match process.stage {
        Stage::Alive if process.has_exited() => match process.status() {
            status if process.subscription.is_some() && process.awaits_word(status) => {
                process.stage = Stage::Awaited;
                false
            }
            status => finish(knote, status.unwrap_or(0)),
        },
        Stage::Exited(status) if process.is_reaped() => reaped(knote, status),
        _ => false,
    }
}

/// The process has ended.
fn finish(knote: &mut Knote, status: i32) -> bool {
    let Kept::Process(process) = &mut knote.kept else {
        return false;
    };
    process.stage = Stage::Exited(status);
    process.subscription = None;
    if process.wanted.contains(NoteProc::EXIT) {
        knote.fflags |= NoteProc::EXIT.bits();
        knote.data = i64::from(status);
    }
    if process.wanted.contains(NoteProc::REAP) && !process.is_reaped() {
        return knote.fflags != 0;
    }
    reaped(knote, status)
}

/// Nothing is left to come.
fn reaped(knote: &mut Knote, status: i32) -> bool {
    let Kept::Process(process) = &knote.kept else {
        return false;
    };
    if process.wanted.contains(NoteProc::REAP) {
        knote.fflags |= NoteProc::REAP.bits();
        knote.data = i64::from(status);
    }
    if knote.fflags == 0 {
        knote.status |= Status::GONE;
        return false;
    }
    knote.flags |= Flags::EOF | Flags::ONESHOT;
    true
}

/// The subscription has news.
pub(super) fn mail(
    knote: &mut Knote,
    subscription: Option<u64>,
    news: News,
    context: &mut Context<'_>,
) -> bool {
    let Kept::Process(process) = &mut knote.kept else {
        return false;
    };
    let current = process.subscription.as_ref().map(Subscription::number);
    if current.is_none() || (subscription.is_some() && subscription != current) {
        return false;
    }
    let wanted = process.wanted;
    match news {
        News::Forked {
            child,
            time,
            followed,
        } => {
            if let Some(followed) = followed {
                context
                    .born
                    .extend(offspring(knote, wanted, followed, time));
            }
            if wanted.contains(NoteProc::FORK) {
                knote.fflags |= NoteProc::FORK.bits();
                if knote.filter == Filter::PROCDESC {
                    knote.data = i64::from(child);
                }
            }
        }
        News::Execed => knote.fflags |= (wanted & NoteProc::EXEC).bits(),
        News::Exited(status) => {
            process.told = status.or(process.told).or(Some(0));
            // Not so if only its first thread has ended.
            if process.has_exited() {
                let status = process.status().unwrap_or(0);
                return finish(knote, status);
            }
        }
        News::Lost => {
            if wanted.contains(NoteProc::TRACK) {
                knote.fflags |= NoteProc::TRACKERR.bits();
            }
            // Its exit may be among what was lost; if it is still to come, it was not.
            if process.has_exited() {
                let status = process.status().unwrap_or(0);
                return finish(knote, status);
            }
        }
    }
    knote.fflags != 0
}

/// A child of a followed process: the notice that it exists, and the knote that follows it.
fn offspring(
    knote: &Knote,
    wanted: NoteProc,
    followed: Subscription,
    born_at: Option<u64>,
) -> [Born; 2] {
    let child = followed.pid();
    let flags = (knote.flags - Flags::EOF) | Flags::CLEAR;
    let of_child = |flags, kept| Knote {
        ident: usize::try_from(child).unwrap_or(usize::MAX),
        filter: knote.filter,
        flags,
        status: Status::empty(),
        fflags: 0,
        data: 0,
        udata: knote.udata,
        ext: knote.ext,
        link: 0,
        generation: 0,
        kept,
    };
    let parent = i64::try_from(knote.ident).unwrap_or(i64::MAX);
    let notice = Knote {
        fflags: NoteProc::CHILD.bits(),
        data: parent,
        ..of_child(flags | Flags::ONESHOT, Kept::Nothing)
    };
    let process = Process {
        subscription: Some(followed),
        born_at,
        ..Process::new(child, None, wanted)
    };
    let follower = of_child(flags, Kept::Process(Box::new(process)));
    [
        Born {
            knote: notice,
            is_indexed: false,
        },
        Born {
            knote: follower,
            is_indexed: true,
        },
    ]
}

/// The engine has taken in a knote of `offspring`: is it active?
pub(super) fn born(knote: &mut Knote, context: &Context<'_>) -> bool {
    if let Kept::Process(process) = &mut knote.kept {
        // It may be gone already, and reaped; or there is no descriptor left. Then the
        // connector alone tells of its end.
        process.open();
        let is_watched = process
            .fd()
            .is_some_and(|fd| context.watch(fd, BITS).is_ok());
        if !is_watched {
            process.pidfd = None;
        }
    }
    knote.fflags != 0
}

/// What the caller sees; the knote starts anew.
pub(super) fn copyout(knote: &mut Knote) -> Report {
    Report {
        fflags: std::mem::take(&mut knote.fflags),
        data: std::mem::take(&mut knote.data),
    }
}

/// A change without EV_ADD and of nothing but zeros keeps what is wanted (`docs/semantics.md`,
/// G18).
pub(super) const fn wants_other_notes(change: &Kevent) -> bool {
    change.flags.contains(Flags::ADD) || change.fflags != 0 || change.data != 0
}
