//! F2, flags: what each flag does to one knote.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use kevent::{Flags, Kevent};
use rustix::io::Errno;

use crate::case::{Case, Run};
use crate::fixture::{Queue, ident, read, unix_pair};

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_g_01_a_level_knote_repeats",
        "add READ a; write 1 byte b; poll0 twice | ev data 1 both times (level)",
        |t| {
            let (kq, _a, mut b) = watched(t, Flags::empty());
            write(&mut b, 1);
            assert_eq!(kq.expect_one().data, 1);
            assert_eq!(kq.expect_one().data, 1);
        },
    ),
    Case::new(
        "q_g_02_a_drained_knote_is_silent",
        "as G-01, then read the byte | poll0 = 0",
        |t| {
            let (kq, mut a, mut b) = watched(t, Flags::empty());
            write(&mut b, 1);
            assert_eq!(kq.expect_one().data, 1);
            assert_eq!(kq.expect_one().data, 1);
            drain(&mut a, 1);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_g_03_clear_delivers_an_arrival_once",
        "EV_CLEAR; write; poll0 twice | ev once, then 0",
        |t| {
            let (kq, _a, mut b) = watched(t, Flags::CLEAR);
            write(&mut b, 1);
            assert_eq!(kq.expect_one().data, 1);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_g_04_clear_does_not_fire_for_a_partial_read",
        "EV_CLEAR; write 2; poll0; read 1 of 2 | no new ev",
        |t| {
            let (kq, mut a, mut b) = watched(t, Flags::CLEAR);
            write(&mut b, 2);
            assert_eq!(kq.expect_one().data, 2);
            drain(&mut a, 1);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_g_05_clear_fires_for_more_data",
        "EV_CLEAR; write; poll0; write again without reading | ev with total bytes",
        |t| {
            let (kq, _a, mut b) = watched(t, Flags::CLEAR);
            write(&mut b, 10);
            assert_eq!(kq.expect_one().data, 10);
            write(&mut b, 5);
            assert_eq!(kq.expect_one().data, 15);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_g_06_a_second_add_runs_the_check_again",
        "EV_CLEAR unread data; re-EV_ADD same knote | ev again",
        |t| {
            let (kq, a, mut b) = watched(t, Flags::CLEAR);
            write(&mut b, 3);
            assert_eq!(kq.expect_one().data, 3);
            kq.expect_none();
            kq.apply(&[read(&a).clear()]);
            assert_eq!(kq.expect_one().data, 3);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_g_07_clear_is_checked_again_at_delivery",
        "EV_CLEAR; data read away before first poll0 | 0 (re-check)",
        |t| {
            let (kq, mut a, mut b) = watched(t, Flags::CLEAR);
            write(&mut b, 3);
            drain(&mut a, 3);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_g_08_oneshot_delivers_once",
        "EV_ONESHOT; write; poll0 twice | ev, then 0",
        |t| drop(delivered(t, Flags::ONESHOT)),
    ),
    Case::new(
        "q_g_09_oneshot_is_deleted_after_delivery",
        "after G-08 EV_DELETE | ENOENT",
        |t| {
            let (kq, a, _b) = delivered(t, Flags::ONESHOT);
            kq.expect_error(read(&a).delete(), Errno::NOENT);
        },
    ),
    Case::new(
        "q_g_10_oneshot_whose_data_was_read_away",
        "EV_ONESHOT; write; read data away; poll0 | ev is still returned (not re-checked) \
         (L: may be re-checked)",
        |t| {
            let (kq, mut a, mut b) = watched(t, Flags::ONESHOT);
            write(&mut b, 1);
            drain(&mut a, 1);
            let events = kq.poll0();
            t.note(format_args!("{events:?}"));
            if events.is_empty() {
                // Checked again and found false: then the knote is still there for the next.
                write(&mut b, 2);
                assert_eq!(kq.expect_one().data, 2);
            }
            assert!(events.len() <= 1);
            kq.expect_error(read(&a).delete(), Errno::NOENT);
        },
    ),
    Case::new(
        "q_g_11_a_oneshot_can_be_added_again",
        "after G-08 EV_ADD again with data unread | ev again",
        |t| {
            let (kq, a, _b) = delivered(t, Flags::ONESHOT);
            kq.apply(&[read(&a).oneshot()]);
            assert_eq!(kq.expect_one().data, 1);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_g_12_dispatch_disables_after_delivery",
        "EV_DISPATCH; write; poll0 twice | ev, then 0",
        |t| drop(delivered(t, Flags::DISPATCH)),
    ),
    Case::new(
        "q_g_13_a_dispatched_knote_can_be_deleted",
        "after G-12 EV_DELETE | ok",
        |t| {
            let (kq, a, _b) = delivered(t, Flags::DISPATCH);
            kq.apply(&[read(&a).delete()]);
            assert!(!kq.has(read(&a)));
        },
    ),
    Case::new(
        "q_g_14_enable_arms_a_dispatched_knote",
        "after G-12 EV_ENABLE with data unread | ev",
        |t| {
            let (kq, a, _b) = delivered(t, Flags::DISPATCH);
            kq.apply(&[read(&a).enable()]);
            assert_eq!(kq.expect_one().data, 1);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_g_15_enable_checks_a_dispatched_knote",
        "after G-12 EV_ENABLE with data read | none",
        |t| {
            let (kq, mut a, mut b) = delivered(t, Flags::DISPATCH);
            drain(&mut a, 1);
            kq.apply(&[read(&a).enable()]);
            kq.expect_none();
            write(&mut b, 2);
            assert_eq!(kq.expect_one().data, 2, "it is armed");
        },
    ),
    Case::new(
        "q_g_16_add_does_not_arm_a_dispatched_knote",
        "after G-12 EV_ADD (no ENABLE) with data unread | none",
        |t| {
            let (kq, a, mut b) = delivered(t, Flags::DISPATCH);
            kq.apply(&[read(&a).dispatch()]);
            kq.expect_none();
            write(&mut b, 1);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_g_17_dispatch_with_clear_fires_again_on_enable",
        "EV_DISPATCH+EV_CLEAR; write; poll0; ENABLE | ev both times",
        |t| {
            let (kq, a, _b) = delivered(t, Flags::DISPATCH | Flags::CLEAR);
            kq.apply(&[read(&a).enable()]);
            assert_eq!(kq.expect_one().data, 1);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_g_18_dispatch_with_oneshot_is_oneshot",
        "EV_DISPATCH+EV_ONESHOT | behaves as ONESHOT",
        |t| {
            let (kq, a, _b) = delivered(t, Flags::DISPATCH | Flags::ONESHOT);
            kq.expect_error(read(&a).enable(), Errno::NOENT);
            kq.expect_error(read(&a).delete(), Errno::NOENT);
        },
    ),
    Case::new(
        "q_g_19_a_disabled_knote_is_silent_until_enabled",
        "EV_DISABLE before write | none; EV_ENABLE → ev",
        |t| {
            for flags in [
                Flags::empty(),
                Flags::CLEAR,
                Flags::ONESHOT,
                Flags::DISPATCH,
            ] {
                let (kq, a, mut b) = watched(t, flags);
                kq.apply(&[read(&a).disable()]);
                write(&mut b, 1);
                kq.expect_none();
                kq.apply(&[read(&a).enable()]);
                assert_eq!(kq.expect_one().data, 1, "{flags:?}");
            }
        },
    ),
    Case::new(
        "q_g_20_disable_withholds_a_queued_event",
        "active and queued, then EV_DISABLE | none; ENABLE → ev",
        |t| {
            for flags in [
                Flags::empty(),
                Flags::CLEAR,
                Flags::ONESHOT,
                Flags::DISPATCH,
            ] {
                let (kq, a, mut b) = watched(t, flags);
                write(&mut b, 1);
                kq.apply(&[read(&a).disable()]);
                kq.expect_none();
                kq.apply(&[read(&a).enable()]);
                assert_eq!(kq.expect_one().data, 1, "{flags:?}");
            }
            let kq = t.queue();
            let user = Kevent::user(1);
            kq.apply(&[user.clear(), Kevent::trigger(1), user.disable()]);
            kq.expect_none();
            kq.apply(&[Kevent::user(1).enable()]);
            assert_eq!(kq.expect_one().ident, 1);
        },
    ),
    Case::new(
        "q_g_21_delete_drops_a_queued_event",
        "queued, then EV_DELETE | none",
        |t| {
            let (kq, a, mut b) = watched(t, Flags::empty());
            write(&mut b, 1);
            kq.apply(&[read(&a).delete()]);
            kq.expect_none();
            kq.apply(&[
                Kevent::user(1),
                Kevent::trigger(1),
                Kevent::user(1).delete(),
            ]);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_g_22_a_knote_can_be_added_disabled",
        "EV_ADD+EV_DISABLE on readable fd | none; ENABLE → ev",
        |t| {
            for flags in [Flags::empty(), Flags::CLEAR] {
                let kq = t.queue();
                let (a, mut b) = unix_pair();
                write(&mut b, 1);
                kq.apply(&[read(&a).disabled().with(flags)]);
                kq.expect_none();
                kq.apply(&[read(&a).enable()]);
                assert_eq!(kq.expect_one().data, 1);
            }
        },
    ),
    Case::new(
        "q_g_23_add_does_not_enable_a_disabled_knote",
        "disabled knote, re-EV_ADD | still disabled",
        |t| {
            let (kq, a, mut b) = watched(t, Flags::empty());
            kq.apply(&[read(&a).disable()]);
            write(&mut b, 1);
            kq.apply(&[read(&a)]);
            kq.expect_none();
            kq.apply(&[read(&a).with(Flags::ENABLE)]);
            assert_eq!(kq.expect_one().data, 1, "EV_ADD with EV_ENABLE does");
        },
    ),
    Case::new(
        "q_g_24_enabling_twice_makes_one_event",
        "EV_ENABLE twice | one ev",
        |t| {
            let (kq, a, mut b) = watched(t, Flags::CLEAR);
            kq.apply(&[read(&a).disable()]);
            write(&mut b, 1);
            kq.apply(&[read(&a).enable(), read(&a).enable()]);
            assert_eq!(kq.expect_one().data, 1);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_g_25_a_second_add_replaces_udata",
        "re-EV_ADD with other udata | ev has new udata",
        |t| {
            let kq = t.queue();
            let (a, mut b) = unix_pair();
            kq.apply(&[read(&a).udata(1)]);
            write(&mut b, 1);
            assert_eq!(kq.expect_one().udata, 1);
            kq.apply(&[read(&a).udata(2)]);
            assert_eq!(kq.expect_one().udata, 2);
        },
    ),
    Case::new(
        "q_g_26_enable_replaces_udata",
        "EV_ENABLE with other udata | new udata",
        |t| {
            let kq = t.queue();
            let (a, mut b) = unix_pair();
            write(&mut b, 1);
            kq.apply(&[read(&a).disabled().udata(1)]);
            kq.apply(&[read(&a).enable().udata(2)]);
            assert_eq!(kq.expect_one().udata, 2);
        },
    ),
    Case::new(
        "q_g_27_keepudata_keeps_udata_on_enable",
        "EV_ENABLE+EV_KEEPUDATA with other udata | old udata",
        |t| {
            let kq = t.queue();
            let (a, mut b) = unix_pair();
            write(&mut b, 1);
            kq.apply(&[read(&a).disabled().udata(1)]);
            kq.apply(&[read(&a).enable().keep_udata().udata(2)]);
            assert_eq!(kq.expect_one().udata, 1);
        },
    ),
    Case::new(
        "q_g_28_keepudata_keeps_udata_on_trigger",
        "NOTE_TRIGGER+EV_KEEPUDATA on USER | old udata",
        |t| {
            let kq = t.queue();
            kq.apply(&[
                Kevent::user(1).udata(1),
                Kevent::trigger(1).keep_udata().udata(2),
            ]);
            assert_eq!(kq.expect_one().udata, 1);
        },
    ),
    Case::new(
        "q_g_29_a_second_add_does_not_make_a_knote_oneshot",
        "level knote, re-EV_ADD with EV_ONESHOT | stays level (attributes fixed at creation)",
        |t| expect_stays_level(t, Flags::ONESHOT),
    ),
    Case::new(
        "q_g_30_a_second_add_does_not_make_a_knote_edge_like",
        "level knote, re-EV_ADD with EV_CLEAR | stays level",
        |t| expect_stays_level(t, Flags::CLEAR),
    ),
    Case::new(
        "q_g_31_a_second_add_does_not_make_a_knote_level",
        "EV_CLEAR knote re-added without EV_CLEAR | stays edge",
        |t| {
            let (kq, a, mut b) = watched(t, Flags::CLEAR);
            kq.apply(&[read(&a)]);
            write(&mut b, 1);
            assert_eq!(kq.expect_one().flags, Flags::CLEAR);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_g_32_forceoneshot_delivers_and_deletes",
        "EV_FORCEONESHOT on idle READ knote | one ev, knote gone",
        |t| {
            let (kq, a, _b) = watched(t, Flags::empty());
            kq.expect_none();
            kq.apply(&[read(&a).force_oneshot()]);
            assert_eq!(kq.expect_one().ident, ident(&a));
            kq.expect_none();
            kq.expect_error(read(&a).delete(), Errno::NOENT);
        },
    ),
    Case::new(
        "q_g_33_forceoneshot_on_an_absent_knote_is_enoent",
        "EV_FORCEONESHOT on absent knote | ENOENT",
        |t| {
            let kq = t.queue();
            let (a, _b) = unix_pair();
            kq.expect_error(read(&a).force_oneshot(), Errno::NOENT);
            kq.expect_error(Kevent::user(1).force_oneshot(), Errno::NOENT);
        },
    ),
    Case::new(
        "q_g_34_forceoneshot_on_a_disabled_knote_waits_for_enable",
        "EV_FORCEONESHOT on disabled knote | none until ENABLE",
        |t| {
            let (kq, a, _b) = watched(t, Flags::empty());
            kq.apply(&[read(&a).disable(), read(&a).force_oneshot()]);
            kq.expect_none();
            kq.apply(&[read(&a).enable()]);
            assert_eq!(kq.expect_one().ident, ident(&a));
            kq.expect_error(read(&a).delete(), Errno::NOENT);
        },
    ),
    Case::new(
        "q_g_35_a_receipt_knote_delivers_ordinary_events",
        "EV_RECEIPT knote later fires | ev has EV_RECEIPT, not EV_ERROR",
        |t| {
            let kq = t.queue();
            let (a, mut b) = unix_pair();
            assert!(
                kq.answers(&[read(&a).receipt()])
                    .iter()
                    .all(Kevent::is_receipt)
            );
            write(&mut b, 1);
            let event = kq.expect_one();
            assert_eq!((event.flags, event.data), (Flags::RECEIPT, 1));
        },
    ),
    Case::new(
        "q_g_36_events_carry_no_action_flags",
        "returned flags | no EV_ADD/ENABLE/DISABLE/DELETE (C ABI: EV_ADD present)",
        |t| {
            let (kq, a, mut b) = watched(t, Flags::ENABLE);
            write(&mut b, 1);
            kq.apply(&[
                Kevent::user(1).disabled(),
                Kevent::user(1).enable(),
                Kevent::trigger(1),
            ]);
            kq.apply(&[Kevent::timer(1, Duration::ZERO).oneshot()]);
            kq.apply(&[read(&a).disable(), read(&a).enable()]);
            let mut filters = Vec::new();
            while filters.len() < 3 {
                for event in kq.wait(8) {
                    let actions = Flags::ADD | Flags::DELETE | Flags::ENABLE | Flags::DISABLE;
                    assert!(!event.flags.intersects(actions), "{event:?}");
                    if !filters.contains(&event.filter) {
                        filters.push(event.filter);
                    }
                }
            }
        },
    ),
];

/// A queue that watches `a` of a unix pair for READ, with these flags beside EV_ADD.
fn watched(t: &Run<'_>, flags: Flags) -> (Queue, UnixStream, UnixStream) {
    let kq = t.queue();
    let (a, b) = unix_pair();
    kq.apply(&[read(&a).with(flags)]);
    (kq, a, b)
}

/// The same after one byte was written and delivered, once.
#[track_caller]
fn delivered(t: &Run<'_>, flags: Flags) -> (Queue, UnixStream, UnixStream) {
    let (kq, a, mut b) = watched(t, flags);
    write(&mut b, 1);
    let event = kq.expect_one();
    assert_eq!((event.data, event.flags), (1, flags));
    kq.expect_none();
    (kq, a, b)
}

#[track_caller]
fn expect_stays_level(t: &Run<'_>, flags: Flags) {
    let (kq, a, mut b) = watched(t, Flags::empty());
    kq.apply(&[read(&a).with(flags)]);
    write(&mut b, 1);
    for _ in 0..3 {
        let event = kq.expect_one();
        assert_eq!((event.data, event.flags), (1, Flags::empty()));
    }
}

fn write(b: &mut UnixStream, count: usize) {
    b.write_all(&vec![b'x'; count]).expect("room in the socket");
}

fn drain(a: &mut UnixStream, count: usize) {
    a.read_exact(&mut vec![0; count])
        .expect("data in the socket");
}
