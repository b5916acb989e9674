//! F6: processes by descriptor.

use std::os::fd::OwnedFd;

use kevent::{Flags, Kevent, NoteProc};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::case::Case;
use crate::fixture::{Script, ident, pipe};

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_pd_01_an_exit_is_reported_by_descriptor",
        "PROCDESC on pidfd, exit(3) | data 3<<8, EOF",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("exit 3");
            let fd = pidfd(&child);
            kq.apply(&[Kevent::procdesc(&fd, NoteProc::EXIT).udata(7)]);
            kq.expect_none();
            child.end();
            let event = kq.expect_one();
            assert_eq!((event.ident, event.udata), (ident(&fd), 7));
            assert_eq!((event.fflags, event.data), (NoteProc::EXIT.bits(), 3 << 8));
            assert_eq!(event.flags, Flags::EOF | Flags::ONESHOT | Flags::CLEAR);
            assert_eq!(event.exit_status(), Some(child.reap()));
            kq.expect_error(Kevent::procdesc(&fd, NoteProc::EXIT).delete(), Errno::NOENT);
            forgets_a_closed_descriptor(t);
        },
    ),
    Case::new(
        "q_pd_02_an_exit_that_was_is_reported_at_once",
        "already exited | ev at once",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("exit 3");
            let fd = pidfd(&child);
            child.end();
            kq.apply(&[Kevent::procdesc(&fd, NoteProc::EXIT)]);
            assert_eq!(kq.expect_one().data, 3 << 8);
            child.reap();
            kq.apply(&[Kevent::procdesc(&fd, NoteProc::EXIT)]);
            assert!(kq.expect_one().is_eof(), "a reaped one too");
        },
    ),
    Case::new(
        "q_pd_03_another_kind_of_descriptor_is_refused",
        "PROCDESC on a pipe | EINVAL",
        |t| {
            let kq = t.queue();
            let (r, _w) = pipe();
            kq.expect_error(Kevent::procdesc(&r, NoteProc::EXIT), Errno::INVAL);
            let fd = pidfd(&Script::start(""));
            kq.expect_error(Kevent::procdesc(&fd, NoteProc::TRACK), Errno::INVAL);
        },
    ),
];

fn pidfd(child: &Script) -> OwnedFd {
    let pid = i32::try_from(child.pid()).ok().and_then(Pid::from_raw);
    pidfd_open(pid.expect("a pid"), PidfdFlags::empty()).expect("a pidfd")
}

/// A number that was closed behind the queue's back gives no event.
fn forgets_a_closed_descriptor(t: &crate::case::Run<'_>) {
    let kq = t.queue();
    let mut child = Script::start("exit 3");
    let fd = pidfd(&child);
    let number = ident(&fd);
    kq.apply(&[Kevent::procdesc(&fd, NoteProc::EXIT)]);
    drop(fd);
    child.end();
    kq.expect_none();
    let (r, _w) = pipe();
    assert_eq!(ident(&r), number, "the number is a pipe's now");
    kq.expect_none();
}
