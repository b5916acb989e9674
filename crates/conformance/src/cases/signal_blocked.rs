//! F7: EVFILT_SIGNAL, for blocked signals.

use kevent::Kevent;

use crate::case::{Case, Run};
use crate::fixture::Queue;
use crate::sys::{
    block_signal, count_signal, is_signal_pending, kill_self, signal_count, take_signal,
    unblock_signal,
};

const USR1: i32 = libc::SIGUSR1;

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_s_04_a_blocked_signal_is_seen_and_stays_pending",
        "blocked; kill | ev data ≥ 1; signal still pending",
        |t| {
            let kq = blocked(t);
            kq.expect_none();
            kill_self(USR1);
            assert_eq!(kq.expect_one().data, 1);
            assert!(is_signal_pending(USR1));
            kq.expect_none();
            // Somebody else takes it; the next one is seen again.
            take_signal(USR1);
            kq.expect_none();
            kill_self(USR1);
            assert_eq!(kq.wait_one().data, 1);
        },
    ),
    Case::new(
        "q_s_05_a_pending_signal_counts_once",
        "blocked; two kills | data 2 (L: 1)",
        |t| {
            let kq = blocked(t);
            kill_self(USR1);
            kill_self(USR1);
            assert_eq!(kq.expect_one().data, 1);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_s_06_unblocking_runs_the_handler",
        "unblock after S-04 | handler runs",
        |t| {
            let kq = blocked(t);
            kill_self(USR1);
            assert_eq!(kq.expect_one().data, 1);
            assert_eq!(signal_count(USR1), 0);
            unblock_signal(USR1);
            assert_eq!(signal_count(USR1), 1);
            kq.expect_none();
            kill_self(USR1);
            assert_eq!(kq.expect_one().data, 1, "unblocked, it counts at delivery");
        },
    ),
    Case::new(
        "q_s_15_what_was_pending_before_does_not_count",
        "pending before EV_ADD | not counted",
        |t| {
            count_signal(USR1);
            block_signal(USR1);
            kill_self(USR1);
            let kq = t.queue();
            kq.apply(&[Kevent::signal(USR1)]);
            kq.expect_none();
            unblock_signal(USR1);
            assert_eq!(signal_count(USR1), 1);
            kq.expect_none();
            kill_self(USR1);
            assert_eq!(kq.expect_one().data, 1);
        },
    ),
];

/// A queue with a knote for SIGUSR1, which has a handler and is blocked.
fn blocked(t: &Run<'_>) -> Queue {
    count_signal(USR1);
    block_signal(USR1);
    let kq = t.queue();
    kq.apply(&[Kevent::signal(USR1)]);
    kq
}
