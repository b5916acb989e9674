//! F6: forks, execs and descendants. Where there are no process events these cases say so and
//! are skipped, but for the one that is about that.

use std::collections::BTreeSet;

use kevent::{Flags, Kevent, NoteProc};
use rustix::io::Errno;

use super::proc_other::apply_or_skip;
use crate::case::{Case, Gate, Run};
use crate::fixture::{Queue, Script, pipe, receive, send};
use crate::sys::{Namespace, fork, leave};

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_p_23_a_fork_is_an_event",
        "NOTE_FORK; child forks (priv?) | fflags FORK",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("(exit 0)\nread x");
            apply_or_skip(t, &kq, Kevent::proc(child.pid(), NoteProc::FORK));
            kq.expect_none();
            child.next();
            let event = kq.wait_one();
            assert_eq!(event.ident, child.pid() as usize);
            assert_eq!(event.fflags, NoteProc::FORK.bits());
            assert!(!event.flags.intersects(Flags::EOF | Flags::ONESHOT));
            kq.expect_none();
        },
    ),
    Case::new(
        "q_p_24_an_exec_is_an_event",
        "NOTE_EXEC; child execs | EXEC",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("exec cat");
            apply_or_skip(t, &kq, Kevent::proc(child.pid(), NoteProc::EXEC));
            kq.expect_none();
            child.next();
            let event = kq.wait_one();
            assert_eq!(event.fflags, NoteProc::EXEC.bits());
            kq.expect_none();
        },
    ),
    Case::new(
        "q_p_25_a_fork_and_an_exit_are_one_event",
        "FORK+EXIT merged | one ev with both",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("(exit 0)\nexit 7");
            let both = NoteProc::FORK | NoteProc::EXIT;
            apply_or_skip(t, &kq, Kevent::proc(child.pid(), both));
            child.end();
            let event = kq.expect_one();
            assert_eq!(event.fflags, both.bits());
            assert_eq!(event.data, 7 << 8);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_p_26_a_thread_is_not_a_child",
        "thread creation in target | no FORK",
        |t| {
            let kq = t.queue();
            let (r, w) = pipe();
            let child = fork(|| {
                receive(&r, 1);
                std::thread::spawn(|| ()).join().map_or(1, |()| 7)
            });
            let child = child.expect("a child");
            let both = NoteProc::FORK | NoteProc::EXIT;
            apply_or_skip(t, &kq, Kevent::proc(child.pid(), both));
            send(&w, 1);
            let event = kq.wait_one();
            assert_eq!(event.fflags, NoteProc::EXIT.bits());
            assert_eq!(event.data, 7 << 8);
        },
    ),
    Case::new(
        "q_p_27_a_child_of_a_followed_process_is_an_event",
        "NOTE_TRACK; child forks grandchild | NOTE_CHILD ev ident grandchild data child pid",
        |t| {
            let kq = t.queue();
            let mut child = Script::start(ONE_GRANDCHILD);
            apply_or_skip(t, &kq, follow(&child).udata(7));
            child.next();
            let grandchild = child.pid_line();
            let event = kq.wait_one();
            assert_eq!(event.ident, grandchild as usize);
            assert_eq!(event.fflags, NoteProc::CHILD.bits());
            assert_eq!((event.data, event.udata), (i64::from(child.pid()), 7));
            kq.expect_none();
            assert!(kq.has(Kevent::proc(grandchild, TRACK)), "it is followed");
        },
    ),
    Case::new(
        "q_p_28_the_exit_of_a_followed_child_is_an_event_of_its_own",
        "grandchild exits | separate NOTE_EXIT ev",
        |t| {
            let kq = t.queue();
            let mut child = Script::start(ONE_GRANDCHILD);
            apply_or_skip(t, &kq, follow(&child));
            child.next();
            let grandchild = child.pid_line();
            assert_eq!(kq.wait_one().fflags, NoteProc::CHILD.bits());
            child.next();
            let event = kq.wait_one();
            assert_eq!(event.ident, grandchild as usize);
            assert_eq!(event.fflags, NoteProc::EXIT.bits());
            assert_eq!(event.data, 3 << 8);
            assert!(!kq.has(Kevent::proc(grandchild, TRACK)));
        },
    ),
    Case::new(
        "q_p_29_a_birth_and_a_death_are_never_one_event",
        "CHILD and EXIT never in one ev | holds for sleeping and immediate exit",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("(exit 3)\nread x");
            apply_or_skip(t, &kq, follow(&child));
            child.next();
            let events = [kq.wait(1)[0], kq.wait(1)[0]];
            assert_eq!(events[0].fflags, NoteProc::CHILD.bits());
            assert_eq!(events[1].fflags, NoteProc::EXIT.bits());
            assert_eq!(events[1].data, 3 << 8);
            assert_eq!(events[0].ident, events[1].ident);
            kq.expect_none();

            let mut child = Script::start(ONE_GRANDCHILD);
            kq.apply(&[follow(&child)]);
            child.next();
            let grandchild = child.pid_line() as usize;
            child.next();
            assert_eq!(child.line(), "over");
            let events = kq.poll0();
            let seen: Vec<_> = events.iter().map(|e| (e.ident, e.fflags, e.data)).collect();
            let birth = (grandchild, NoteProc::CHILD.bits(), i64::from(child.pid()));
            assert_eq!(seen, [birth, (grandchild, NoteProc::EXIT.bits(), 3 << 8)]);
        },
    ),
    Case::new(
        "q_p_30_descendants_are_followed_to_any_depth",
        "great-grandchild under TRACK | tracked too, udata inherited",
        |t| {
            let kq = t.queue();
            let mut child = Script::start(
                "(sh -c 'read x <&3; (exit 5); exit 4'; exit 3) & echo $!\nwait\nread x",
            );
            apply_or_skip(t, &kq, follow(&child).udata(7));
            child.next();
            let _ = child.pid_line();
            child.next();
            let (mut births, mut statuses) = (Vec::new(), BTreeSet::new());
            while statuses.len() < 3 {
                for event in kq.wait(8) {
                    assert_eq!(event.udata, 7);
                    if event.fflags == NoteProc::CHILD.bits() {
                        births.push((event.data, event.ident));
                    } else {
                        assert_eq!(event.fflags, NoteProc::EXIT.bits());
                        statuses.insert(event.data >> 8);
                    }
                }
            }
            assert_eq!(statuses, BTreeSet::from([3, 4, 5]));
            let mut parent = i64::from(child.pid());
            assert_eq!(births.len(), 3);
            for (of, born) in births {
                assert_eq!(of, parent, "each is its predecessor's child");
                parent = i64::try_from(born).expect("a pid");
            }
        },
    ),
    Case::new(
        "q_p_31_following_is_not_asking_for_forks",
        "TRACK without FORK wanted | parent gives no FORK ev",
        |t| {
            let kq = t.queue();
            let mut child = Script::start(ONE_GRANDCHILD);
            apply_or_skip(t, &kq, follow(&child));
            child.next();
            let grandchild = child.pid_line() as usize;
            assert_eq!(kq.wait_one().ident, grandchild);
            kq.expect_none();
            kq.apply(&[Kevent::proc(child.pid(), TRACK | NoteProc::FORK)]);
            child.next();
            assert_eq!(child.line(), "over");
            let event = kq.wait_one();
            assert_eq!((event.ident, event.data), (grandchild, 3 << 8));
            child.next();
            let events = two_or_more(&kq);
            let of_child = |event: &&Kevent| event.ident == child.pid() as usize;
            let forks = events.iter().find(of_child).map(|event| event.fflags);
            assert_eq!(forks, Some(NoteProc::FORK.bits()));
        },
    ),
    Case::new(
        "q_p_32_what_cannot_be_told_is_refused",
        "connector unavailable | EV_ADD of FORK/EXEC/TRACK → ENOTSUP",
        |t| {
            let mut count = 0;
            for namespace in [Namespace::Network, Namespace::Pid, Namespace::User] {
                let child = fork(|| match leave(namespace) {
                    Ok(()) => {
                        fork(|| refuses(t)).map_or(9, |inner| inner.wait().map_or(8, as_code))
                    }
                    Err(error) => {
                        t.note(format!("no other {namespace:?} namespace: {error}"));
                        7
                    }
                });
                match child.expect("a child").wait().expect("its end") {
                    0 => count += 1,
                    code => assert_eq!(code, 7, "in another {namespace:?} namespace"),
                }
            }
            if count == 0 {
                t.skip("no namespace without process events");
            }
        },
    )
    .needs(Gate::Root),
    Case::new(
        "q_p_34_a_failed_exec_is_none",
        "failed execve | no EXEC",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("exec /nonexistent/program 2>/dev/null");
            let both = NoteProc::EXEC | NoteProc::EXIT;
            apply_or_skip(t, &kq, Kevent::proc(child.pid(), both));
            child.end();
            let event = kq.expect_one();
            assert_eq!(event.fflags, NoteProc::EXIT.bits());
            assert_eq!(event.exit_status(), Some(child.reap()));
        },
    ),
];

const TRACK: NoteProc = NoteProc::TRACK.union(NoteProc::EXIT);

/// A grandchild that exits with 3 when told to; then `over`, and another one when told to.
const ONE_GRANDCHILD: &str =
    "(read x <&3; exit 3) & echo $!\nwait\necho over\nread x\n(exit 0)\nread x";

/// "add PROC child NOTE_TRACK+NOTE_EXIT".
fn follow(child: &Script) -> Kevent {
    Kevent::proc(child.pid(), TRACK)
}

/// Events until there are two of them.
fn two_or_more(kq: &Queue) -> Vec<Kevent> {
    let mut events = Vec::new();
    while events.len() < 2 {
        events.extend(kq.wait(8));
    }
    events
}

fn as_code(code: i32) -> u8 {
    u8::try_from(code).unwrap_or(8)
}

/// In a namespace in which there are no process events.
fn refuses(t: &Run<'_>) -> u8 {
    let kq = t.queue();
    let mut child = Script::start("exit 7");
    for notes in [NoteProc::FORK, NoteProc::EXEC, NoteProc::TRACK] {
        let change = Kevent::proc(child.pid(), notes | NoteProc::EXIT);
        kq.expect_error(change, Errno::NOTSUP);
    }
    kq.apply(&[Kevent::proc(child.pid(), NoteProc::EXIT)]);
    kq.expect_error(Kevent::proc(child.pid(), NoteProc::FORK), Errno::NOTSUP);
    child.end();
    assert_eq!(kq.expect_one().data, 7 << 8, "the old notes are kept");
    0
}
