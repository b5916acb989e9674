//! F6: exits of processes that are not there, not one's own, or many; and who else hears of them.

use std::collections::BTreeMap;
use std::fs;

use kevent::{Filter, Flags, Kevent, NoteProc};
use rustix::io::Errno;

use super::proc_child::tells_status_of_reaped;
use crate::case::{Case, Gate, Run};
use crate::fixture::{Script, eventually, pipe, receive, send};
use crate::sys::{Child, Namespace, count_signal, fork, ignore_signal, leave, signal_count};

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_p_09_what_is_no_process_is_not_there",
        "nonexistent pid, pid 0, negative | ESRCH (pid 0: L; FB has a process 0)",
        |t| {
            let kq = t.queue();
            let minus_one = usize::MAX;
            for ident in [
                0,
                i32::MAX.unsigned_abs() as usize,
                minus_one,
                usize::MAX / 2,
            ] {
                let change = Kevent::new(ident, Filter::PROC, Flags::ADD).fflags(NoteProc::EXIT);
                kq.expect_error(change, Errno::SRCH);
            }
            let thread = std::thread::spawn(crate::sys::thread_id);
            let thread = thread.join().expect("a thread's id").unsigned_abs();
            kq.expect_error(Kevent::proc(thread, NoteProc::EXIT), Errno::SRCH);
        },
    ),
    Case::new(
        "q_p_18_a_grandchild_is_reported_too",
        "non-child (grandchild) exit | ev; data right if obtainable, else 0",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("(read x <&3; exit 5) & echo $!\nwait\nread x");
            child.next();
            let grandchild = child.pid_line();
            kq.apply(&[Kevent::proc(grandchild, NoteProc::EXIT)]);
            kq.expect_none();
            child.next();
            let event = kq.wait_one();
            assert_eq!(event.ident, grandchild as usize);
            assert!(event.flags.contains(Flags::EOF | Flags::ONESHOT));
            // Its parent has reaped it, or not yet.
            let is_known = tells_status_of_reaped() || event.data != 0;
            assert_eq!(event.data, if is_known { 5 << 8 } else { 0 });
        },
    ),
    Case::new(
        "q_p_19_another_users_process_is_reported_too",
        "other user's process | ev (status may be 0)",
        |t| {
            let kq = t.queue();
            let mut child = Script::start_as("exit 5", Some(65_534));
            kq.apply(&[Kevent::proc(child.pid(), NoteProc::EXIT)]);
            child.end();
            let event = kq.expect_one();
            assert_eq!(event.ident, child.pid() as usize);
            assert!(matches!(event.data, 0 | 0x500), "{event:?}");
        },
    )
    .needs(Gate::Root),
    Case::new(
        "q_p_20_a_child_that_nobody_reaps_is_reported",
        "SIGCHLD ignored (auto-reap) | ev, data right on 6.15+",
        |t| {
            ignore_signal(libc::SIGCHLD);
            let kq = t.queue();
            let mut child = Script::start("exit 7");
            kq.apply(&[Kevent::proc(child.pid(), NoteProc::EXIT)]);
            child.next();
            let event = kq.wait_one();
            assert_eq!(event.fflags, NoteProc::EXIT.bits());
            assert_eq!(
                event.data,
                if tells_status_of_reaped() { 7 << 8 } else { 0 }
            );
        },
    ),
    Case::new(
        "q_p_21_the_programs_own_handler_still_runs",
        "SIGCHLD handler of the program still runs | yes",
        |t| {
            count_signal(libc::SIGCHLD);
            let kq = t.queue();
            let mut child = Script::start("exit 7");
            kq.apply(&[Kevent::proc(child.pid(), NoteProc::EXIT)]);
            assert_eq!(signal_count(libc::SIGCHLD), 0);
            child.next();
            eventually("the handler ran", || signal_count(libc::SIGCHLD) == 1);
            assert_eq!(kq.expect_one().data, 7 << 8);
            assert_eq!(child.reap().code(), Some(7));
        },
    ),
    Case::new(
        "q_p_22_children_that_exit_together_are_all_reported",
        "200 children exit together | 200 events, right idents",
        |t| {
            let kq = t.queue();
            let (r, w) = pipe();
            let mut expected = BTreeMap::new();
            let mut children = Vec::new();
            for code in 0..200_u8 {
                let child = fork(|| {
                    receive(&r, 1);
                    code
                });
                let child = child.expect("a child");
                kq.apply(&[Kevent::proc(child.pid(), NoteProc::EXIT).udata(code.into())]);
                expected.insert(child.pid() as usize, i64::from(code));
                children.push(child);
            }
            send(&w, 200);
            let mut seen = BTreeMap::new();
            while seen.len() < expected.len() {
                for event in kq.wait(64) {
                    let code = i64::try_from(event.udata).expect("a code");
                    assert_eq!(event.data, code << 8);
                    assert_eq!(seen.insert(event.ident, code), None, "each once");
                }
            }
            assert_eq!(seen, expected);
            for child in children {
                child.wait().expect("its own end");
            }
        },
    ),
    Case::new(
        "q_p_33_a_process_may_watch_itself",
        "self pid, NOTE_EXEC/FORK | registers",
        |t| {
            let kq = t.queue();
            let own = std::process::id();
            kq.apply(&[Kevent::proc(own, NoteProc::EXIT)]);
            apply_or_skip(t, &kq, Kevent::proc(own, NoteProc::EXEC | NoteProc::FORK));
            kq.expect_none();
            drop(Script::start(""));
            assert_eq!(kq.wait_one().fflags, NoteProc::FORK.bits());
            // A forked child has queues of its own, and what they need.
            let own_child = fork(|| {
                let kq = t.queue();
                let own = Kevent::proc(std::process::id(), NoteProc::FORK);
                kq.apply(&[own]);
                drop(Script::start(""));
                u8::from(kq.wait_one().fflags != NoteProc::FORK.bits())
            });
            assert_eq!(own_child.expect("a child").wait().expect("its end"), 0);
            assert_eq!(kq.wait_one().fflags, NoteProc::FORK.bits());
        },
    ),
    Case::new(
        "q_p_36_a_new_owner_of_the_number_is_not_the_old_one",
        "pid reuse after exit | never attributed to the new process",
        |t| {
            if !fs::exists("/proc/sys/kernel/ns_last_pid").is_ok_and(|exists| exists) {
                t.skip("this kernel does not let us choose the next pid");
            }
            // In a child of its own: when the first process of a namespace has ended, whoever
            // left for that namespace can make no children any more.
            let outer = fork(|| {
                if leave(Namespace::Pid).is_err() {
                    return NO_NAMESPACE;
                }
                let first = fork(|| {
                    reuse_after_delivery(t);
                    reuse_while_it_waits(t);
                    0
                });
                let ended = first.expect("the first of its namespace").wait();
                u8::from(ended.expect("its end") != 0)
            });
            match outer.expect("a child").wait().expect("its end") {
                0 => {}
                status if status == i32::from(NO_NAMESPACE) => t.skip("no pid namespace"),
                status => panic!("the child says {status}"),
            }
        },
    )
    .needs(Gate::Root),
];

/// A child's answer where it could not leave for a new namespace.
const NO_NAMESPACE: u8 = 77;

/// Applies a change that needs process events, or skips the case where there are none.
pub(super) fn apply_or_skip(t: &Run<'_>, kq: &crate::fixture::Queue, change: Kevent) {
    match kq.kevent(&[change], 0, None) {
        Err(error) if error.raw_os_error() == Some(libc::ENOTSUP) => {
            t.skip("there are no process events here");
        }
        result => assert_eq!(result.expect("the change is applied"), []),
    }
}

/// A child that ends with `code` when it is told to; if `pid` is given it has that number.
fn child_with(pid: Option<u32>, code: u8) -> (Child, impl FnOnce()) {
    if let Some(pid) = pid {
        fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string()).expect("the next pid");
    }
    let (r, w) = pipe();
    let child = fork(|| {
        receive(&r, 1);
        code
    });
    let child = child.expect("a child");
    assert!(pid.is_none_or(|pid| pid == child.pid()), "the number again");
    (child, move || send(&w, 1))
}

/// The old process was reported, reaped, and its number is another's.
fn reuse_after_delivery(t: &Run<'_>) {
    let kq = t.queue();
    let (old, end) = child_with(None, 7);
    let pid = old.pid();
    kq.apply(&[Kevent::proc(pid, NoteProc::EXIT)]);
    end();
    assert_eq!(kq.wait_one().exit_status().and_then(|s| s.code()), Some(7));
    old.wait().expect("its end");
    let (new, end) = child_with(Some(pid), 9);
    kq.expect_none();
    kq.apply(&[Kevent::proc(pid, NoteProc::EXIT)]);
    kq.expect_none();
    end();
    assert_eq!(kq.wait_one().exit_status().and_then(|s| s.code()), Some(9));
    new.wait().expect("its end");
}

/// The old process's event still waits while its number is another's, which is watched too.
fn reuse_while_it_waits(t: &Run<'_>) {
    let kq = t.queue();
    let (old, end) = child_with(None, 7);
    let pid = old.pid();
    kq.apply(&[Kevent::proc(pid, NoteProc::EXIT).udata(1)]);
    end();
    old.wait().expect("its end");
    let (new, end) = child_with(Some(pid), 9);
    kq.apply(&[Kevent::proc(pid, NoteProc::EXIT).udata(2)]);
    let event = kq.wait_one();
    let status_of_old = if tells_status_of_reaped() { 7 << 8 } else { 0 };
    assert_eq!((event.udata, event.data), (1, status_of_old));
    kq.expect_none();
    end();
    let event = kq.wait_one();
    assert_eq!((event.udata, event.data), (2, 9 << 8));
    new.wait().expect("its end");
}
