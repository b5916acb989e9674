//! F7: EVFILT_SIGNAL, for signals that are not blocked.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kevent::{Filter, Flags, Kevent};
use rustix::io::Errno;

use crate::case::{Case, Run};
use crate::fixture::{DEADLINE, Queue, Sleeper, eventually, while_waiting};
use crate::sys::{
    IntervalTimer, count_signal, fork, ignore_signal, installed_handler, kill_self, kill_thread,
    signal_count, thread_id,
};

const USR1: i32 = libc::SIGUSR1;

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_s_01_a_delivery_is_counted_and_its_handler_runs",
        "SIGUSR1 handler; kill self | data 1; handler ran",
        |t| {
            let kq = with_handler(t, Flags::empty());
            kq.expect_none();
            kill_self(USR1);
            let event = kq.expect_one();
            assert_eq!((event.ident, event.filter), (10, Filter::SIGNAL));
            assert_eq!((event.data, event.fflags), (1, 0));
            assert_eq!(signal_count(USR1), 1);
            // A wait that the handler interrupts returns what it waited for, and not EINTR.
            let wait = || kq.kevent(&[], 1, Some(DEADLINE));
            let (woken, ()) = while_waiting(wait, |waiter| {
                kill_thread(waiter, USR1).expect("a thread that waits");
            });
            assert_eq!(woken.expect("an event")[0].data, 1);
        },
    ),
    Case::new(
        "q_s_02_every_delivery_counts",
        "three kills, unblocked | data 3",
        |t| {
            let kq = with_handler(t, Flags::empty());
            (0..3).for_each(|_| kill_self(USR1));
            assert_eq!(kq.expect_one().signal_count(), Some(3));
            assert_eq!(signal_count(USR1), 3);
        },
    ),
    Case::new(
        "q_s_03_an_ignored_signal_is_counted",
        "SIG_IGN; kill | data 1",
        |t| {
            ignore_signal(USR1);
            let kq = with_signal(t, USR1, Flags::empty());
            kill_self(USR1);
            assert_eq!(kq.expect_one().data, 1);
            // Ignoring means that nobody's wait is interrupted.
            let wait = || kq.kevent(&[], 1, Some(DEADLINE));
            let (woken, ()) = while_waiting(wait, |waiter| {
                kill_thread(waiter, USR1).expect("a thread that waits");
            });
            assert_eq!(woken.expect("no EINTR")[0].data, 1);
            let other = t.queue();
            let wait = || other.kevent(&[], 1, Some(Duration::from_millis(100)));
            let (woken, ()) = while_waiting(wait, |waiter| {
                kill_thread(waiter, USR1).expect("a thread that waits");
            });
            assert_eq!(woken.expect("no EINTR in another queue"), []);
        },
    ),
    Case::new(
        "q_s_07_an_event_is_returned_once",
        "poll0 after ev | none (auto clear)",
        |t| {
            let kq = with_handler(t, Flags::empty());
            kill_self(USR1);
            assert_eq!(kq.expect_one().data, 1);
            kq.expect_none();
            kill_self(USR1);
            assert_eq!(kq.expect_one().data, 1, "counting starts anew");
        },
    ),
    Case::new(
        "q_s_08_clear_is_set_by_itself",
        "returned flags | EV_CLEAR set",
        |t| {
            let kq = with_handler(t, Flags::empty());
            kill_self(USR1);
            assert_eq!(kq.expect_one().flags, Flags::CLEAR);
        },
    ),
    Case::new(
        "q_s_09_oneshot_delivers_once",
        "EV_ONESHOT | once; delete ENOENT",
        |t| {
            let kq = with_handler(t, Flags::ONESHOT);
            kill_self(USR1);
            assert_eq!(kq.expect_one().data, 1);
            kill_self(USR1);
            kq.expect_none();
            kq.expect_error(Kevent::signal(USR1).delete(), Errno::NOENT);
            assert_eq!(signal_count(USR1), 2);
        },
    ),
    Case::new(
        "q_s_10_deliveries_while_disabled_count",
        "EV_DISABLE; kill; ENABLE | ev counts the kill",
        |t| {
            let kq = with_handler(t, Flags::empty());
            kq.apply(&[Kevent::signal(USR1).disable()]);
            kill_self(USR1);
            kq.expect_none();
            kill_self(USR1);
            kq.apply(&[Kevent::signal(USR1).enable()]);
            assert_eq!(kq.expect_one().data, 2);
        },
    ),
    Case::new(
        "q_s_11_dispatch_waits_for_enable",
        "EV_DISPATCH | one ev, then none until ENABLE",
        |t| {
            let kq = with_handler(t, Flags::DISPATCH);
            kill_self(USR1);
            assert_eq!(kq.expect_one().data, 1);
            kill_self(USR1);
            kq.expect_none();
            kq.apply(&[Kevent::signal(USR1).enable()]);
            assert_eq!(kq.expect_one().data, 1);
        },
    ),
    Case::new(
        "q_s_12_a_deleted_knote_leaves_the_handler",
        "EV_DELETE; kill with handler | no ev; handler runs",
        |t| {
            let kq = with_handler(t, Flags::empty());
            kq.apply(&[Kevent::signal(USR1).delete()]);
            kill_self(USR1);
            kq.expect_none();
            assert_eq!(signal_count(USR1), 1);
        },
    ),
    Case::new(
        "q_s_13_two_queues_both_count",
        "two kqueues same signal | both count",
        |t| {
            let first = with_handler(t, Flags::empty());
            let second = with_signal(t, USR1, Flags::empty());
            kill_self(USR1);
            assert_eq!(first.expect_one().data, 1);
            kill_self(USR1);
            assert_eq!(second.expect_one().data, 2);
            first.apply(&[Kevent::signal(USR1).delete()]);
            kill_self(USR1);
            assert_eq!(second.expect_one().data, 1, "one queue's knote is left");
            // So does a forked child, for itself.
            let child = fork(|| {
                let third = with_signal(t, USR1, Flags::empty());
                kill_self(USR1);
                u8::try_from(third.expect_one().data).expect("a small number")
            });
            assert_eq!(child.expect("a child").wait().expect("an end"), 1);
            second.expect_none();
            kill_self(USR1);
            assert_eq!(second.expect_one().data, 1);
        },
    ),
    Case::new(
        "q_s_14_two_signals_have_a_knote_each",
        "two signals on one kq | separate idents",
        |t| {
            count_signal(libc::SIGUSR2);
            let kq = with_handler(t, Flags::empty());
            kq.apply(&[Kevent::signal(libc::SIGUSR2)]);
            kill_self(USR1);
            kill_self(libc::SIGUSR2);
            kill_self(libc::SIGUSR2);
            let mut seen: Vec<_> = kq.poll0().iter().map(|e| (e.ident, e.data)).collect();
            seen.sort_unstable();
            assert_eq!(seen, [(10, 1), (12, 2)]);
        },
    ),
    Case::new(
        "q_s_17_a_signal_for_one_thread_is_counted",
        "pthread_kill to self / other thread, unblocked (thr) | counted",
        |t| {
            let kq = with_handler(t, Flags::empty());
            kill_thread(thread_id(), USR1).expect("this thread");
            assert_eq!(kq.expect_one().data, 1);
            let ends = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let other = Sleeper::start(scope, || {
                    eventually("the end", || ends.load(Ordering::Acquire));
                });
                kill_thread(other.id(), USR1).expect("the other thread");
                assert_eq!(kq.wait_one().data, 1);
                ends.store(true, Ordering::Release);
                other.join();
            });
        },
    ),
    Case::new(
        "q_s_18_a_child_that_exits_is_counted",
        "SIGCHLD default, child exits | counted",
        |t| {
            let kq = with_signal(t, libc::SIGCHLD, Flags::empty());
            let child = fork(|| 7).expect("a child");
            assert_eq!(kq.wait_one().data, 1);
            assert_eq!(child.wait().expect("nobody reaped it"), 7);
        },
    ),
    Case::new(
        "q_s_19_a_child_nobody_waits_for_is_not_counted",
        "SIGCHLD SIG_IGN | not counted",
        |t| {
            ignore_signal(libc::SIGCHLD);
            let kq = with_signal(t, libc::SIGCHLD, Flags::empty());
            let child = fork(|| 7).expect("a child");
            let error = child.wait().expect_err("the kernel reaped it");
            assert_eq!(error.raw_os_error(), Some(libc::ECHILD));
            kq.expect_none();
            assert_eq!(installed_handler(libc::SIGCHLD), libc::SIG_IGN);
        },
    ),
    Case::new(
        "q_s_20_real_time_signals_are_counted",
        "SIGRTMIN sent three times, unblocked | data 3",
        |t| {
            let signal = libc::SIGRTMIN();
            count_signal(signal);
            let kq = with_signal(t, signal, Flags::empty());
            (0..3).for_each(|_| kill_self(signal));
            assert_eq!(kq.expect_one().data, 3);
        },
    ),
    Case::new(
        "q_s_21_a_number_that_is_no_signal_is_einval",
        "signal number 0, 1000 | EINVAL (G9)",
        |t| {
            let kq = t.queue();
            for number in [0, 1000, -1, libc::SIGRTMAX() + 1] {
                kq.expect_error(Kevent::signal(number), Errno::INVAL);
            }
            for number in [libc::SIGRTMAX(), libc::SIGKILL, libc::SIGSTOP] {
                kq.apply(&[Kevent::signal(number)]);
                kq.apply(&[Kevent::signal(number).delete()]);
            }
        },
    ),
    Case::new(
        "q_s_22_cont_is_counted_by_default",
        "SIGCONT | counted",
        |t| {
            let kq = with_signal(t, libc::SIGCONT, Flags::empty());
            kill_self(libc::SIGCONT);
            assert_eq!(kq.expect_one().data, 1);
        },
    ),
    Case::new(
        "q_s_23_a_default_action_still_ends_the_process",
        "SIGTERM default action with knote | process still terminates",
        |t| {
            // The case is run by a process of its own, and runs another for the end.
            const INNER: &str = "KEVENT_CASE_ENDS";
            if std::env::var_os(INNER).is_some() {
                let _kq = with_signal(t, libc::SIGTERM, Flags::empty());
                kill_self(libc::SIGTERM);
                unreachable!("the default action has ended the process");
            }
            let me = std::env::current_exe().expect("a test binary");
            let status = Command::new(me).env(INNER, "1").status().expect("a child");
            assert_eq!(status.signal(), Some(libc::SIGTERM));
        },
    ),
    Case::new(
        "q_s_24_signals_of_the_kernel_are_counted",
        "SIGALRM from setitimer, SIGPIPE from write to a pipe | counted",
        |t| {
            count_signal(libc::SIGALRM);
            let kq = with_signal(t, libc::SIGALRM, Flags::empty());
            let timer = IntervalTimer::start(Duration::from_millis(1));
            let mut count = 0;
            while count < 3 {
                count += kq.wait_one().data;
            }
            drop(timer);
            ignore_signal(libc::SIGPIPE);
            let kq = with_signal(t, libc::SIGPIPE, Flags::empty());
            let (reader, writer) = std::io::pipe().expect("a pipe");
            drop(reader);
            let error = rustix::io::write(&writer, b"x").expect_err("nobody reads");
            assert_eq!(error, Errno::PIPE);
            assert_eq!(kq.expect_one().data, 1);
        },
    ),
    Case::new(
        "q_s_25_the_last_knote_leaves_the_disposition_as_it_was",
        "last knote deleted | original disposition restored",
        |t| {
            count_signal(USR1);
            let before = installed_handler(USR1);
            let first = with_signal(t, USR1, Flags::empty());
            let second = with_signal(t, USR1, Flags::empty());
            assert_ne!(installed_handler(USR1), before, "a counting handler");
            first.apply(&[Kevent::signal(USR1).delete()]);
            assert_ne!(installed_handler(USR1), before, "one knote is left");
            drop(second);
            assert_eq!(
                installed_handler(USR1),
                before,
                "dropping a queue deletes its knotes"
            );
            ignore_signal(libc::SIGUSR2);
            let kq = with_signal(t, libc::SIGUSR2, Flags::empty());
            assert!(t.front().is_ignored(libc::SIGUSR2), "the program's own");
            kq.front().close();
            assert_eq!(installed_handler(libc::SIGUSR2), libc::SIG_IGN);
        },
    ),
    Case::new(
        "q_s_26_a_second_add_replaces_udata",
        "udata, re-EV_ADD | as G-25",
        |t| {
            let kq = with_handler(t, Flags::empty());
            kill_self(USR1);
            kq.apply(&[Kevent::signal(USR1).udata(2)]);
            let event = kq.expect_one();
            assert_eq!((event.udata, event.data), (2, 1), "and keeps the count");
        },
    ),
];

/// A queue with a knote for SIGUSR1, for which the program has a handler.
fn with_handler(t: &Run<'_>, flags: Flags) -> Queue {
    count_signal(USR1);
    with_signal(t, USR1, flags)
}

fn with_signal(t: &Run<'_>, signal: i32, flags: Flags) -> Queue {
    let kq = t.queue();
    kq.apply(&[Kevent::signal(signal).with(flags)]);
    kq
}
