//! F6: the exit of one's own child.

use std::os::unix::process::ExitStatusExt;

use kevent::{Flags, Kevent, NoteProc};
use rustix::io::Errno;

use crate::case::Case;
use crate::fixture::{DEADLINE, Script};

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_p_01_an_exit_is_the_last_event",
        "child exit(0), NOTE_EXIT | data 0, EV_EOF+EV_ONESHOT+EV_CLEAR",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("exit 0");
            kq.apply(&[exit_of(&child).udata(7)]);
            kq.expect_none();
            child.end();
            let event = kq.expect_one();
            assert_eq!(event.ident, child.pid() as usize);
            assert_eq!(event.fflags, NoteProc::EXIT.bits());
            assert_eq!(event.flags, Flags::EOF | Flags::ONESHOT | Flags::CLEAR);
            assert_eq!((event.data, event.udata), (0, 7));
            kq.expect_none();
        },
    ),
    Case::new(
        "q_p_02_data_is_the_status_of_wait",
        "exit(7) | data 7<<8",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("exit 7");
            kq.apply(&[exit_of(&child)]);
            child.end();
            let event = kq.expect_one();
            assert_eq!(event.data, 7 << 8);
            assert_eq!(event.exit_status(), Some(child.reap()));
        },
    ),
    Case::new(
        "q_p_03_a_signal_that_killed_is_told",
        "killed by SIGTERM | WTERMSIG(data) = SIGTERM",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("kill -TERM $$");
            kq.apply(&[exit_of(&child)]);
            child.end();
            let status = kq.expect_one().exit_status().expect("a status");
            assert_eq!(status.signal(), Some(libc::SIGTERM));
            assert_eq!(status, child.reap());
        },
    ),
    Case::new(
        "q_p_04_a_core_dump_is_told",
        "core dump bit | WCOREDUMP set if core",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("cd /tmp; ulimit -c 0; kill -ABRT $$");
            let mut dumping = Script::start("cd /tmp; ulimit -c unlimited; kill -ABRT $$");
            for child in [&mut child, &mut dumping] {
                kq.apply(&[exit_of(child)]);
                child.end();
                let status = kq.expect_one().exit_status().expect("a status");
                let reaped = child.reap();
                assert_eq!(status.core_dumped(), reaped.core_dumped());
                assert_eq!(status, reaped);
                t.note(format!("core dumped: {}", status.core_dumped()));
            }
        },
    ),
    Case::new(
        "q_p_05_an_event_does_not_reap",
        "ev does not reap | waitpid afterwards succeeds",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("exit 7");
            kq.apply(&[exit_of(&child)]);
            child.end();
            assert_eq!(kq.expect_one().data, 7 << 8);
            assert_eq!(child.reap().code(), Some(7));
        },
    ),
    Case::new(
        "q_p_06_a_child_that_was_reaped_first_is_still_reported",
        "child reaped by waitpid before poll0 | ev still delivered, data right (6.15+ or saved)",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("exit 7");
            kq.apply(&[exit_of(&child)]);
            child.end();
            assert_eq!(child.reap().code(), Some(7));
            let event = kq.expect_one();
            assert_eq!(event.fflags, NoteProc::EXIT.bits());
            assert_eq!(
                event.data,
                if tells_status_of_reaped() { 7 << 8 } else { 0 }
            );
        },
    ),
    Case::new(
        "q_p_07_a_zombie_is_reported_at_once",
        "zombie before EV_ADD | ev at once",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("exit 7");
            child.end();
            let events = kq.kevent(&[exit_of(&child)], 1, Some(DEADLINE));
            let [event] = events.expect("the change is applied")[..] else {
                panic!("one event")
            };
            assert_eq!(event.data, 7 << 8);
            assert!(event.flags.contains(Flags::EOF | Flags::ONESHOT));
        },
    ),
    Case::new(
        "q_p_08_a_reaped_child_is_not_there",
        "reaped before EV_ADD | ESRCH",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("exit 7");
            child.end();
            child.reap();
            kq.expect_error(exit_of(&child), Errno::SRCH);
        },
    ),
    Case::new(
        "q_p_10_a_zombie_will_not_fork",
        "zombie, NOTE_FORK only | ESRCH",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("exit 7");
            child.end();
            for notes in [NoteProc::FORK, NoteProc::EXEC, NoteProc::empty()] {
                kq.expect_error(Kevent::proc(child.pid(), notes), Errno::SRCH);
            }
        },
    ),
    Case::new(
        "q_p_11_the_knote_goes_with_its_last_event",
        "after ev, EV_DELETE | ENOENT",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("exit 7");
            kq.apply(&[exit_of(&child)]);
            child.end();
            kq.expect_one();
            kq.expect_error(exit_of(&child).delete(), Errno::NOENT);
        },
    ),
    Case::new(
        "q_p_12_a_knote_without_notes_goes_without_a_word",
        "fflags 0, child exits, poll0 | no ev; knote gone",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("exit 7");
            let nothing = Kevent::proc(child.pid(), NoteProc::empty());
            kq.apply(&[nothing]);
            assert!(kq.has(nothing));
            child.end();
            kq.expect_none();
            assert!(!kq.has(nothing));
        },
    ),
    Case::new(
        "q_p_13_notes_can_be_asked_for_later",
        "re-EV_ADD NOTE_EXIT after fflags 0 | fires",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("exit 7");
            kq.apply(&[Kevent::proc(child.pid(), NoteProc::empty())]);
            kq.apply(&[exit_of(&child)]);
            child.end();
            assert_eq!(kq.expect_one().data, 7 << 8);
        },
    ),
    Case::new(
        "q_p_14_notes_can_be_given_up",
        "re-EV_ADD fflags 0 after NOTE_EXIT | no ev",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("exit 7");
            kq.apply(&[exit_of(&child)]);
            kq.apply(&[Kevent::proc(child.pid(), NoteProc::empty())]);
            child.end();
            kq.expect_none();
            assert!(!kq.has(exit_of(&child)));
        },
    ),
    Case::new(
        "q_p_15_a_disabled_knote_remembers_the_exit",
        "disabled during exit, ENABLE | ev",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("exit 7");
            kq.apply(&[exit_of(&child).disabled()]);
            child.end();
            kq.expect_none();
            child.reap();
            kq.apply(&[exit_of(&child).enable()]);
            let event = kq.expect_one();
            assert_eq!(event.data, 7 << 8);
            assert!(event.flags.contains(Flags::EOF | Flags::ONESHOT));
            assert!(!kq.has(exit_of(&child)));
        },
    ),
    Case::new(
        "q_p_16_a_queued_exit_is_dropped_with_its_knote",
        "queued, EV_DELETE | none",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("exit 7");
            child.end();
            kq.apply(&[exit_of(&child)]);
            kq.apply(&[exit_of(&child).delete()]);
            kq.expect_none();
            assert_eq!(child.reap().code(), Some(7));
        },
    ),
    Case::new(
        "q_p_17_every_queue_hears_of_an_exit",
        "two kqueues, one pid | both",
        |t| {
            let queues = [t.queue(), t.queue()];
            let mut child = Script::start("exit 7");
            for kq in &queues {
                kq.apply(&[exit_of(&child)]);
            }
            child.end();
            for kq in &queues {
                assert_eq!(kq.expect_one().data, 7 << 8);
            }
        },
    ),
    Case::new(
        "q_p_35_reaping_is_an_event_of_its_own",
        "NOTE_REAP: exit, then waitpid | EXIT first (no ONESHOT), REAP later with EOF+ONESHOT",
        |t| {
            let kq = t.queue();
            let mut child = Script::start("exit 7");
            let both = Kevent::proc(child.pid(), NoteProc::EXIT | NoteProc::REAP);
            match kq.kevent(&[both], 0, None) {
                Err(error) if error.raw_os_error() == Some(libc::ENOTSUP) => {
                    t.skip("this kernel does not tell of reaping (before 6.9)");
                }
                result => assert_eq!(result.expect("the change is applied"), []),
            }
            child.end();
            let event = kq.expect_one();
            assert_eq!(event.fflags, NoteProc::EXIT.bits());
            assert_eq!(event.data, 7 << 8);
            assert!(!event.flags.contains(Flags::ONESHOT), "{event:?}");
            kq.expect_none();
            child.reap();
            let event = kq.expect_one();
            assert_eq!(event.fflags, NoteProc::REAP.bits());
            assert!(event.flags.contains(Flags::EOF | Flags::ONESHOT));
            assert!(!kq.has(both));
        },
    ),
];

/// "add PROC child NOTE_EXIT".
fn exit_of(child: &Script) -> Kevent {
    Kevent::proc(child.pid(), NoteProc::EXIT)
}

/// Whether this kernel tells how a process ended that was reaped: Linux 6.15, unless the fallback
/// is forced.
pub(super) fn tells_status_of_reaped() -> bool {
    let forced = std::env::var("KEVENT_FORCE").unwrap_or_default();
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("a kernel");
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|word| word.parse::<u32>().unwrap_or(0));
    let version = (numbers.next(), numbers.next());
    version >= (Some(6), Some(15)) && !forced.split(',').any(|name| name == "no_pidfd_info")
}
