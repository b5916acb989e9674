//! F11, life cycle: fork, exec, close, and many queues.

use std::cell::RefCell;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::time::Duration;

use kevent::{Filter, Kevent};
use rustix::io::{Errno, FdFlags, fcntl_setfd};

use crate::case::{Case, Run};
use crate::fixture::{Queue, descriptor_count, ident, pipe, read, receive, send, unix_pair, write};
use crate::front::Options;
use crate::sys::fork;

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_l_01_a_child_cannot_use_the_queue",
        "fork: child uses kq | EBADF; parent unaffected",
        |t| {
            let kq = t.queue();
            let (r, w) = pipe();
            kq.apply(&[read(&r), Kevent::user(1), Kevent::timer(2, DAY)]);
            let child = fork(|| {
                let calls = [
                    kq.kevent(&[], 8, Some(Duration::ZERO)),
                    kq.kevent(&[], 0, None),
                    kq.kevent(&[Kevent::user(3)], 0, None),
                    kq.kevent(&[read(&r).delete()], 8, Some(Duration::ZERO)),
                    kq.kevent(&[Kevent::trigger(1)], 8, None),
                ];
                failures(calls.iter().map(|call| {
                    let error = call.as_ref().err();
                    error.and_then(Errno::from_io_error) == Some(Errno::BADF)
                }))
            });
            assert_eq!(child.expect("a child").wait().expect("its end"), 0);
            kq.expect_none();
            send(&w, 5);
            kq.apply(&[Kevent::trigger(1)]);
            let mut filters: Vec<_> = kq.poll0().iter().map(|event| event.filter).collect();
            filters.sort();
            assert_eq!(filters, [Filter::USER, Filter::READ]);
        },
    ),
    Case::new(
        "q_l_02_a_child_makes_its_own_queue",
        "fork, child creates own kqueue | works",
        |t| {
            let kq = t.queue();
            let (r, w) = pipe();
            kq.apply(&[read(&r), Kevent::user(1)]);
            let child = fork(|| {
                let own = t.queue();
                let (a, b) = unix_pair();
                own.apply(&[read(&a), Kevent::user(1), Kevent::trigger(1)]);
                send(&b, 5);
                let is_complete = own.poll0().len() == 2;
                own.apply(&[
                    Kevent::user(1).delete(),
                    Kevent::timer(1, MILLISECOND).oneshot(),
                ]);
                receive(&a, 5);
                failures([is_complete, own.wait_one().filter == Filter::TIMER].into_iter())
            });
            assert_eq!(child.expect("a child").wait().expect("its end"), 0);
            send(&w, 5);
            assert_eq!(kq.expect_one().ident, ident(&r));
        },
    ),
    Case::new(
        "q_l_03_a_childs_end_takes_nothing_away",
        "fork, child exits | parent still gets events",
        |t| {
            let kq = t.queue();
            let (r, w) = pipe();
            kq.apply(&[
                read(&r),
                Kevent::user(1).clear(),
                Kevent::timer(2, MILLISECOND),
            ]);
            // The child drops its copy of the queue, as a program does that ends in order.
            let owner = RefCell::new(Some(kq));
            let child = fork(|| {
                drop(owner.take());
                0
            });
            assert_eq!(child.expect("a child").wait().expect("its end"), 0);
            let kq = owner.take().expect("the parent's own");
            assert_eq!(kq.wait_one().filter, Filter::TIMER);
            kq.apply(&[Kevent::timer(2, MILLISECOND).delete()]);
            send(&w, 5);
            assert_eq!(kq.expect_one().ident, ident(&r));
            kq.apply(&[read(&r).delete(), Kevent::trigger(1)]);
            assert_eq!(kq.expect_one().filter, Filter::USER);
        },
    ),
    Case::new(
        "q_l_04_exec_closes_the_queue",
        "exec | kq fd closed (G16)",
        |t| {
            let kq = t.queue();
            kq.apply(&[Kevent::user(1), Kevent::timer(2, DAY)]);
            let (_r, inherited) = pipe();
            fcntl_setfd(&inherited, FdFlags::empty()).expect("not close-on-exec");
            assert!(is_open_after_exec(&inherited), "the probe works");
            assert!(!is_open_after_exec(&kq));
        },
    ),
    Case::new(
        "q_l_07_closing_a_queue_leaves_nothing_behind",
        "close kq with active knotes | no leak, watched fds usable",
        |t| {
            let (a, b) = unix_pair();
            let (r, w) = pipe();
            let before = descriptor_count();
            for _ in 0..10 {
                let kq = busy_queue(t);
                kq.apply(&[read(&a), write(&a).clear(), read(&r), write(&w)]);
                send(&b, 5);
                assert!(!kq.poll0().is_empty());
                drop(kq);
                assert_eq!(descriptor_count(), before);
                receive(&a, 5);
            }
            send(&w, 3);
            receive(&r, 3);
            let kq = t.queue();
            kq.apply(&[read(&a)]);
            send(&b, 5);
            assert_eq!(kq.expect_one().data, 5);
            drop(b);
            assert!(kq.expect_one().is_eof(), "no queue holds the peer open");
        },
    ),
    Case::new(
        "q_l_10_a_thousand_queues_leave_nothing_behind",
        "1,000 create/close | no fd leak",
        |t| {
            drop(busy_queue(t));
            let before = descriptor_count();
            for _ in 0..1000 {
                drop(busy_queue(t));
            }
            assert_eq!(descriptor_count(), before);
        },
    ),
    Case::new(
        "q_l_11_a_copy_for_the_child_where_there_is_one",
        "kqueuex(CPONFORK), one-shot timer 50 ms, fork | if supported: fires in parent and in \
         child; else EINVAL",
        |t| {
            let options = Options {
                copy_on_fork: true,
                ..Options::default()
            };
            let kq = match t.front().open(options) {
                Ok(front) => Queue::new(front),
                Err(error) => {
                    assert_eq!(Errno::from_io_error(&error), Some(Errno::INVAL));
                    return;
                }
            };
            kq.apply(&[Kevent::timer(1, Duration::from_millis(50)).oneshot()]);
            let is_fired = || kq.wait_one().timer_expirations() == Some(1);
            let child = fork(|| failures([is_fired()].into_iter()));
            assert!(is_fired());
            assert_eq!(child.expect("a child").wait().expect("its end"), 0);
        },
    ),
];

const MILLISECOND: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_hours(24);

/// An exit code for a child: 0, or which of its checks failed first, counted from 1.
fn failures(checks: impl Iterator<Item = bool>) -> u8 {
    let failed = checks.zip(1..).find(|(is_right, _)| !is_right);
    failed.map_or(0, |(_, number)| number)
}

/// A queue that has made use of what it may open for itself: its timer and its user event are
/// active.
fn busy_queue(t: &Run<'_>) -> Queue {
    let kq = t.queue();
    kq.apply(&[
        Kevent::user(1),
        Kevent::trigger(1),
        Kevent::timer(2, Duration::from_nanos(1)),
    ]);
    assert!(!kq.wait(8).is_empty());
    kq
}

/// Whether a program that this process starts has the descriptor's number open.
fn is_open_after_exec(fd: &impl AsRawFd) -> bool {
    let link = format!("/proc/self/fd/{}", fd.as_raw_fd());
    // readlink opens nothing, so the number cannot be one of its own.
    let output = Command::new("readlink")
        .arg(link)
        .output()
        .expect("readlink");
    output.status.success()
}
