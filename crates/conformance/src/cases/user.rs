//! F9: EVFILT_USER.

use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::Instant;

use kevent::{Filter, Flags, Kevent, NoteUser};
use rustix::io::Errno;

use crate::case::{Case, Run};
use crate::fixture::{DEADLINE, Queue, Sleeper, eventually, while_waiting};

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_u_01_an_added_user_event_is_not_triggered",
        "add; poll0 | none",
        |t| {
            with_user(t, Flags::empty()).expect_none();
        },
    ),
    Case::new(
        "q_u_02_a_trigger_makes_it_active",
        "add; TRIGGER | ev fflags 0",
        |t| {
            let kq = with_user(t, Flags::empty());
            kq.apply(&[Kevent::trigger(1)]);
            let event = kq.expect_one();
            assert_eq!(
                (event.ident, event.filter, event.fflags),
                (1, Filter::USER, 0)
            );
        },
    ),
    Case::new(
        "q_u_03_clear_delivers_a_trigger_once",
        "add EV_CLEAR; TRIGGER; poll0 twice | once",
        |t| {
            let kq = with_user(t, Flags::CLEAR);
            kq.apply(&[Kevent::trigger(1)]);
            assert_eq!(kq.expect_one().flags, Flags::CLEAR);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_u_04_without_clear_it_stays_triggered",
        "no EV_CLEAR; TRIGGER; poll0 ×3 | every time",
        |t| {
            let kq = with_user(t, Flags::empty());
            kq.apply(&[Kevent::trigger(1)]);
            for _ in 0..3 {
                assert_eq!(kq.expect_one().ident, 1);
            }
        },
    ),
    Case::new(
        "q_u_05_triggers_merge",
        "EV_CLEAR; 5 TRIGGERs | one ev",
        |t| {
            let kq = with_user(t, Flags::CLEAR);
            kq.apply(&[Kevent::trigger(1); 5]);
            assert_eq!(kq.expect_one().ident, 1);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_u_06_oneshot_delivers_once_what_was_stored",
        "EV_ONESHOT | once, gone; fflags and data as stored (G2)",
        |t| {
            let kq = t.queue();
            kq.apply(&[Kevent::user(1).oneshot().fflags(0x42_u32)]);
            kq.apply(&[Kevent::trigger(1).data(7)]);
            let event = kq.expect_one();
            assert_eq!((event.fflags, event.data), (0x42, 7));
            assert!(event.flags.contains(Flags::ONESHOT));
            kq.expect_none();
            kq.expect_error(Kevent::user(1).delete(), Errno::NOENT);
        },
    ),
    Case::new(
        "q_u_07_triggering_an_absent_ident_is_enoent",
        "TRIGGER absent ident | ENOENT",
        |t| {
            let kq = with_user(t, Flags::empty());
            kq.expect_error(Kevent::trigger(2), Errno::NOENT);
        },
    ),
    Case::new(
        "q_u_08_add_with_trigger_triggers",
        "add+TRIGGER in one change | ev (G1)",
        |t| {
            let kq = t.queue();
            kq.apply(&[Kevent::user(1).clear().fflags(NoteUser::TRIGGER)]);
            assert_eq!(kq.expect_one().ident, 1);
            kq.expect_none();
            kq.apply(&[Kevent::user(1).clear().fflags(NoteUser::TRIGGER)]);
            assert_eq!(kq.expect_one().ident, 1, "an existing knote too");
        },
    ),
    Case::new(
        "q_u_09_ffcopy_copies",
        "FFCOPY 0xAA + TRIGGER | fflags 0xAA",
        |t| {
            expect_operation(t, 0x55, NoteUser::FFCOPY, 0xaa, 0xaa);
        },
    ),
    Case::new("q_u_10_ffand_ands", "FFAND 0x0C on 0x0F | 0x0C", |t| {
        expect_operation(t, 0x0f, NoteUser::FFAND, 0x0c, 0x0c);
        expect_operation(t, 0x0a, NoteUser::FFAND, 0x0c, 0x08);
    }),
    Case::new("q_u_11_ffor_ors", "FFOR 0x06 on 0x01 | 0x07", |t| {
        expect_operation(t, 0x01, NoteUser::FFOR, 0x06, 0x07);
    }),
    Case::new("q_u_12_ffnop_keeps", "FFNOP 0xFF on 0x42 | 0x42", |t| {
        expect_operation(t, 0x42, NoteUser::FFNOP, 0xff, 0x42);
    }),
    Case::new(
        "q_u_13_only_the_low_24_bits_are_stored",
        "FFCOPY 0x01ffffff + TRIGGER | fflags 0xffffff, no high bits",
        |t| expect_operation(t, 0, NoteUser::FFCOPY, 0x01ff_ffff, 0xff_ffff),
    ),
    Case::new(
        "q_u_14_bits_of_merged_triggers_add_up",
        "two FFOR triggers before poll0 | ORed",
        |t| {
            let kq = with_user(t, Flags::CLEAR);
            for bits in [0x01, 0x10] {
                kq.apply(&[operate(NoteUser::FFOR | NoteUser::TRIGGER, bits)]);
            }
            assert_eq!(kq.expect_one().fflags, 0x11);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_u_15_bits_are_kept_without_a_trigger",
        "FFCOPY without TRIGGER | none; value kept for later",
        |t| {
            let kq = with_user(t, Flags::CLEAR);
            kq.apply(&[operate(NoteUser::FFCOPY, 0x77)]);
            kq.expect_none();
            kq.apply(&[Kevent::trigger(1)]);
            assert_eq!(kq.expect_one().fflags, 0x77);
        },
    ),
    Case::new(
        "q_u_16_a_trigger_carries_data",
        "TRIGGER with data 99 | data 99",
        |t| {
            let kq = with_user(t, Flags::CLEAR);
            for data in [99, -1, i64::MAX] {
                kq.apply(&[Kevent::trigger(1).data(data)]);
                assert_eq!(kq.expect_one().data, data);
            }
        },
    ),
    Case::new(
        "q_u_17_a_trigger_carries_udata",
        "TRIGGER with udata | new udata",
        |t| {
            let kq = t.queue();
            kq.apply(&[Kevent::user(1).udata(1)]);
            let trigger = Kevent::new(1, Filter::USER, Flags::empty()).fflags(NoteUser::TRIGGER);
            kq.apply(&[trigger.udata(2)]);
            assert_eq!(kq.expect_one().udata, 2);
        },
    ),
    Case::new(
        "q_u_18_a_trigger_while_disabled_waits_for_enable",
        "disabled; TRIGGER; ENABLE | ev",
        |t| {
            for flags in [Flags::empty(), Flags::CLEAR, Flags::ONESHOT] {
                let kq = with_user(t, Flags::DISABLE | flags);
                kq.apply(&[Kevent::trigger(1)]);
                kq.expect_none();
                kq.apply(&[Kevent::user(1).enable()]);
                assert_eq!(kq.expect_one().flags, flags);
            }
        },
    ),
    Case::new(
        "q_u_19_a_dispatched_user_event_waits_for_enable",
        "DISPATCH; ev; TRIGGER; poll0; ENABLE | none, then ev",
        |t| {
            for flags in [Flags::DISPATCH, Flags::DISPATCH | Flags::CLEAR] {
                let kq = with_user(t, flags);
                kq.apply(&[Kevent::trigger(1)]);
                assert_eq!(kq.expect_one().flags, flags);
                kq.apply(&[Kevent::trigger(1)]);
                kq.expect_none();
                kq.apply(&[Kevent::user(1).enable()]);
                assert_eq!(kq.expect_one().flags, flags);
                kq.expect_none();
            }
        },
    ),
    Case::new(
        "q_u_20_enable_and_trigger_in_one_change",
        "DISPATCH; ENABLE+TRIGGER in one change | ev",
        |t| {
            let kq = with_user(t, Flags::DISPATCH | Flags::CLEAR);
            kq.apply(&[Kevent::trigger(1)]);
            assert_eq!(kq.expect_one().ident, 1);
            kq.expect_none();
            kq.apply(&[Kevent::user(1).enable().fflags(NoteUser::TRIGGER)]);
            assert_eq!(kq.expect_one().ident, 1);
        },
    ),
    Case::new(
        "q_u_21_a_trigger_from_another_thread_wakes",
        "trigger from another thread wakes (thr) | < 50 ms",
        |t| {
            let kq = with_user(t, Flags::CLEAR);
            let wait = || (kq.wait_one(), Instant::now());
            let ((event, woken), triggered) = while_waiting(wait, |_| {
                let triggered = Instant::now();
                kq.apply(&[Kevent::trigger(1)]);
                triggered
            });
            assert_eq!(event.ident, 1);
            let elapsed = woken.saturating_duration_since(triggered);
            t.note(format_args!("woken after {elapsed:?}"));
            assert!(elapsed < DEADLINE);
        },
    ),
    Case::new(
        "q_u_22_clear_in_a_change_takes_the_trigger_back",
        "EV_CLEAR in a later change on triggered knote | un-triggered",
        |t| {
            for flags in [Flags::CLEAR, Flags::ADD | Flags::CLEAR] {
                let kq = with_user(t, Flags::empty());
                kq.apply(&[Kevent::trigger(1)]);
                assert_eq!(kq.expect_one().ident, 1);
                kq.apply(&[Kevent::new(1, Filter::USER, flags)]);
                kq.expect_none();
                kq.apply(&[Kevent::trigger(1)]);
                assert_eq!(kq.expect_one().flags, Flags::empty(), "it stays level");
            }
        },
    ),
    Case::new(
        "q_u_23_bits_are_kept_after_delivery",
        "fflags kept after delivery | next TRIGGER shows them",
        |t| {
            let kq = with_user(t, Flags::CLEAR);
            kq.apply(&[operate(NoteUser::FFCOPY | NoteUser::TRIGGER, 0x42)]);
            assert_eq!(kq.expect_one().fflags, 0x42);
            kq.apply(&[Kevent::trigger(1)]);
            assert_eq!(kq.expect_one().fflags, 0x42);
        },
    ),
    Case::new(
        "q_u_24_the_same_ident_in_two_queues",
        "two kqueues same ident | independent",
        |t| {
            let (first, second) = (with_user(t, Flags::CLEAR), with_user(t, Flags::CLEAR));
            first.apply(&[operate(NoteUser::FFCOPY | NoteUser::TRIGGER, 1)]);
            second.expect_none();
            assert_eq!(first.expect_one().fflags, 1);
            second.apply(&[Kevent::trigger(1)]);
            assert_eq!(second.expect_one().fflags, 0);
            first.apply(&[Kevent::user(1).delete()]);
            assert!(second.has(Kevent::user(1)));
        },
    ),
    Case::new(
        "q_u_25_no_wake_up_is_lost_among_threads",
        "4 threads × 10,000 triggers, 1 waiter (thr) | no lost wake-up",
        |t| {
            let kq = t.queue();
            kq.apply(&[0, 1, 2, 3].map(|ident| Kevent::user(ident).clear()));
            let seen = [const { AtomicI64::new(0) }; 4];
            thread::scope(|scope| {
                let kq = &kq;
                let start = |(ident, seen)| {
                    Sleeper::start(scope, move || trigger_ten_thousand_times(kq, ident, seen))
                };
                let triggers: Vec<_> = seen.iter().enumerate().map(start).collect();
                while seen
                    .iter()
                    .any(|seen| seen.load(Ordering::Relaxed) < ROUNDS)
                {
                    for event in kq.wait(2) {
                        let before = seen[event.ident].swap(event.data, Ordering::Release);
                        assert!(event.data > before, "{} after {before}", event.data);
                    }
                }
                triggers.into_iter().for_each(Sleeper::join);
            });
            kq.expect_none();
        },
    ),
];

const ROUNDS: i64 = 10_000;

/// Triggers with the numbers 1 to 10,000 as `data`. Every tenth must be seen before the next:
/// there, a wake-up that is lost is never made good by a later one.
fn trigger_ten_thousand_times(kq: &Queue, ident: usize, seen: &AtomicI64) {
    for round in 1..=ROUNDS {
        kq.apply(&[Kevent::trigger(ident).data(round)]);
        if round % 10 == 0 {
            eventually("the waiter sees the trigger", || {
                seen.load(Ordering::Acquire) == round
            });
        }
    }
}

/// A queue with the user event 1, added with these flags.
fn with_user(t: &Run<'_>, flags: Flags) -> Queue {
    let kq = t.queue();
    kq.apply(&[Kevent::user(1).with(flags)]);
    kq
}

/// A change of the user event 1 with these notes and operand.
fn operate(notes: NoteUser, operand: u32) -> Kevent {
    Kevent::new(1, Filter::USER, Flags::KEEPUDATA).fflags(u32::from(notes) | operand)
}

/// A user event that stores `stored` shows `expected` after `operation` with `operand`.
#[track_caller]
fn expect_operation(t: &Run<'_>, stored: u32, operation: NoteUser, operand: u32, expected: u32) {
    let kq = t.queue();
    kq.apply(&[Kevent::user(1).clear().fflags(stored)]);
    kq.apply(&[operate(operation | NoteUser::TRIGGER, operand)]);
    let fflags = kq.expect_one().fflags;
    assert_eq!(
        fflags, expected,
        "{fflags:#x} for {operand:#x} on {stored:#x}"
    );
}
