//! F2, flags: order, fairness and scale among many knotes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use kevent::{Filter, Flags, Kevent};
use rustix::event::{EventfdFlags, eventfd};

use crate::case::{Case, Gate};
use crate::fixture::{
    Queue, descriptor_count, ident, limit_descriptors, read, resident_bytes, unix_pair, write,
};

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_g_37_level_knotes_rotate_in_order_of_activation",
        "3 level knotes active in order x,y,z; nevents 1 ×4 | x,y,z,x",
        |t| {
            let kq = t.queue();
            let mut pairs = watched_pairs(&kq, 3, Flags::empty());
            let order = [2, 0, 1];
            for index in order {
                pairs[index].1.write_all(b"1").expect("a byte");
            }
            let [x, y, z] = order.map(|index| ident(&pairs[index].0));
            assert_eq!(next_idents(&kq, 4), [x, y, z, x], "descriptors");

            let kq = t.queue();
            kq.apply(&[1, 2, 3].map(Kevent::user));
            kq.apply(&[3, 1, 2].map(Kevent::trigger));
            assert_eq!(next_idents(&kq, 4), [3, 1, 2, 3], "user events");
        },
    ),
    Case::new(
        "q_g_38_no_level_knote_starves_when_room_is_short",
        "10 active level knotes, nevents 3, 4 calls | every knote returned at least once",
        |t| {
            // All descriptors, all user events, and both kinds mixed.
            for descriptors in [10, 0, 5] {
                let kq = t.queue();
                let mut pairs = watched_pairs(&kq, descriptors, Flags::empty());
                let users = 10 - descriptors;
                for ident in 0..users {
                    kq.apply(&[Kevent::user(ident), Kevent::trigger(ident)]);
                }
                for (_, b) in &mut pairs {
                    b.write_all(b"1").expect("a byte");
                }
                let mut seen = BTreeSet::new();
                for _ in 0..4 {
                    seen.extend(
                        kq.poll(3)
                            .iter()
                            .map(|event| (event.filter.as_raw(), event.ident)),
                    );
                }
                assert_eq!(
                    seen.len(),
                    10,
                    "of 10 knotes, {descriptors} descriptors: {seen:?}"
                );
            }
        },
    ),
    Case::new(
        "q_g_39_a_level_knote_is_returned_once_per_call",
        "level knote active, nevents 8 | returned once per call",
        |t| {
            let kq = t.queue();
            let mut pairs = watched_pairs(&kq, 1, Flags::empty());
            pairs[0].1.write_all(b"1").expect("a byte");
            kq.apply(&[Kevent::user(1), Kevent::trigger(1)]);
            for _ in 0..5 {
                let events = kq.poll0();
                assert_eq!(events.len(), 2, "{events:?}");
                assert_ne!(events[0].filter, events[1].filter);
            }
        },
    ),
    Case::new(
        "q_g_40_events_come_in_order_of_activation",
        "EV_CLEAR knotes triggered in order q,p | returned q then p",
        |t| {
            let kq = t.queue();
            let mut pairs = watched_pairs(&kq, 2, Flags::CLEAR);
            for index in [1, 0] {
                pairs[index].1.write_all(b"1").expect("a byte");
            }
            let [p, q] = [0, 1].map(|index| ident(&pairs[index].0));
            assert_eq!(idents(&kq.poll0()), [q, p], "descriptors");

            let kq = t.queue();
            kq.apply(&[1, 2].map(|ident| Kevent::user(ident).clear()));
            kq.apply(&[2, 1].map(Kevent::trigger));
            assert_eq!(idents(&kq.poll0()), [2, 1], "user events");
        },
    ),
    Case::new(
        "q_g_41_a_busy_knote_starves_no_other",
        "one of 5 active knotes stays level-ready for 100 calls with nevents 1 | others never \
         starve",
        |t| {
            let kq = t.queue();
            let mut pairs = watched_pairs(&kq, 5, Flags::empty());
            for (_, b) in &mut pairs {
                b.write_all(b"1").expect("a byte");
            }
            let busy = ident(&pairs[0].0);
            let mut last_seen = BTreeMap::new();
            for call in 0..100 {
                let event = kq.poll(1)[0];
                last_seen.insert(event.ident, call);
                for (a, b) in pairs.iter_mut().filter(|(a, _)| ident(a) == event.ident) {
                    if event.ident != busy {
                        a.read_exact(&mut [0]).expect("the byte");
                        b.write_all(b"1").expect("another");
                    }
                }
                for (a, _) in &pairs {
                    let waited = call - last_seen.get(&ident(a)).copied().unwrap_or(-1);
                    assert!(waited <= 10, "{} waits for {waited} calls", ident(a));
                }
            }
        },
    ),
    Case::new(
        "q_g_42_read_and_write_are_two_events",
        "READ and WRITE on one socket, both ready | two separate events",
        |t| {
            let attributes = [
                Flags::empty(),
                Flags::CLEAR,
                Flags::ONESHOT,
                Flags::DISPATCH,
            ];
            for first in attributes {
                for second in attributes {
                    expect_two_events(&t.queue(), first, second);
                }
            }
        },
    ),
    Case::new(
        "q_g_43_two_queues_watch_one_descriptor",
        "same fd in two kqueues | both fire; delete in one does not affect the other",
        |t| {
            let (first, second) = (t.queue(), t.queue());
            let (a, mut b) = unix_pair();
            first.apply(&[read(&a).udata(1)]);
            second.apply(&[read(&a).udata(2)]);
            b.write_all(b"1").expect("a byte");
            assert_eq!(first.expect_one().udata, 1);
            assert_eq!(second.expect_one().udata, 2);
            first.apply(&[read(&a).delete()]);
            first.expect_none();
            assert_eq!(second.expect_one().udata, 2);
        },
    ),
    Case::new(
        "q_g_44_a_duplicate_has_its_own_knote",
        "fd and dup(fd) in one kqueue | two events with their own idents",
        |t| {
            let kq = t.queue();
            let (a, mut b) = unix_pair();
            let duplicate = a.try_clone().expect("a duplicate");
            kq.apply(&[read(&a), read(&duplicate)]);
            b.write_all(b"1").expect("a byte");
            let seen: BTreeSet<_> = idents(&kq.poll0()).into_iter().collect();
            assert_eq!(seen, BTreeSet::from([ident(&a), ident(&duplicate)]));
        },
    ),
    Case::new(
        "q_g_45_deleting_one_of_two_duplicates_leaves_the_other",
        "delete one of fd/dup | other still fires",
        |t| {
            let kq = t.queue();
            let (a, mut b) = unix_pair();
            let duplicate = a.try_clone().expect("a duplicate");
            kq.apply(&[read(&a), read(&duplicate), read(&a).delete()]);
            b.write_all(b"1").expect("a byte");
            assert_eq!(kq.expect_one().ident, ident(&duplicate));
            kq.apply(&[read(&a), read(&duplicate).delete()]);
            assert_eq!(kq.expect_one().ident, ident(&a));
        },
    ),
    Case::new(
        "q_g_46_ten_thousand_events_come_exactly_once",
        "10,000 USER knotes all triggered, nevents 64 | all 10,000 delivered exactly once \
         (EV_CLEAR)",
        |t| {
            let kq = t.queue();
            let knotes: Vec<_> = (0..10_000)
                .map(|ident| Kevent::user(ident).clear())
                .collect();
            kq.apply(&knotes);
            let triggers: Vec<_> = (0..10_000).map(Kevent::trigger).collect();
            kq.apply(&triggers);
            let mut seen = Vec::new();
            loop {
                let events = kq.poll(64);
                if events.is_empty() {
                    break;
                }
                seen.extend(idents(&events));
            }
            seen.sort_unstable();
            assert!(seen.iter().copied().eq(0..10_000), "{} events", seen.len());
        },
    ),
    Case::new(
        "q_g_47_one_active_among_thousands",
        "5,000 READ knotes, 1 active | only that one returned",
        |t| {
            limit_descriptors(None);
            let kq = t.queue();
            let counters: Vec<OwnedFd> = (0..5_000)
                .map(|_| eventfd(0, EventfdFlags::CLOEXEC).expect("an eventfd"))
                .collect();
            let knotes: Vec<_> = counters.iter().map(read).collect();
            kq.apply(&knotes);
            kq.expect_none();
            for index in [4_321, 0, 4_999] {
                rustix::io::write(&counters[index], &7_u64.to_ne_bytes()).expect("a count");
                assert_eq!(kq.expect_one().ident, ident(&counters[index]));
                rustix::io::read(&counters[index], &mut [0; 8]).expect("the count");
                kq.expect_none();
            }
        },
    )
    .needs(Gate::Descriptors(5_100)),
    Case::new(
        "q_g_48_adding_and_deleting_leaks_nothing",
        "add/delete 100,000 times | no leak of memory or fds",
        |t| {
            let kq = t.queue();
            let (a, mut b) = unix_pair();
            b.write_all(b"1").expect("a byte");
            let knotes = [
                read(&a),
                write(&a).clear(),
                Kevent::user(1),
                Kevent::timer(1, Duration::from_secs(1000)),
            ];
            let round = |rounds: usize| {
                for _ in 0..rounds {
                    kq.apply(&knotes);
                    kq.apply(&knotes.map(Kevent::delete));
                }
            };
            // What is made once and kept is there after a few rounds.
            round(1_000);
            let (descriptors, bytes) = (descriptor_count(), resident_bytes());
            round(100_000);
            let grown = resident_bytes().saturating_sub(bytes);
            t.note(format_args!("{grown} bytes more"));
            assert_eq!(descriptor_count(), descriptors);
            assert!(grown < 8 << 20, "{grown} bytes more");
            kq.expect_none();
        },
    ),
];

/// READ and WRITE with these attributes on one socket that is ready for both: each is an event of
/// its own, repeats or not by its own attributes, and can be disabled by itself.
#[track_caller]
fn expect_two_events(kq: &Queue, for_read: Flags, for_write: Flags) {
    let (a, mut b) = unix_pair();
    b.write_all(b"1").expect("a byte");
    let knotes = [
        read(&a).udata(1).with(for_read),
        write(&a).udata(2).with(for_write),
    ];
    let attributes = [for_read, for_write];
    let both = [(Filter::READ, 1, for_read), (Filter::WRITE, 2, for_write)];
    let told = |events: Vec<Kevent>| {
        let mut told: Vec<_> = events
            .iter()
            .map(|event| (event.filter, event.udata, event.flags))
            .collect();
        told.sort_by_key(|event| event.1);
        told
    };
    let repeats = || {
        both.into_iter()
            .filter(|event| event.2.is_empty())
            .collect::<Vec<_>>()
    };

    // A one-shot knote may be gone already.
    let delete_both = || drop(kq.answers(&knotes.map(Kevent::delete)));

    kq.apply(&knotes);
    assert_eq!(told(kq.poll0()), both, "{attributes:?}");
    assert_eq!(told(kq.poll0()), repeats(), "again: {attributes:?}");
    delete_both();

    kq.apply(&knotes);
    let by_turns = told([kq.poll(1), kq.poll(1)].concat());
    assert_eq!(by_turns, both, "with room for one: {attributes:?}");
    delete_both();

    for (enabled, disabled) in [(0, 1), (1, 0)] {
        kq.apply(&knotes);
        kq.apply(&[knotes[disabled].disable()]);
        assert_eq!(
            told(kq.poll0()),
            [both[enabled]],
            "{disabled} disabled: {attributes:?}"
        );
        kq.apply(&[knotes[disabled].enable()]);
        let events = told(kq.poll0());
        assert!(
            events.contains(&both[disabled]),
            "{events:?} of {attributes:?}"
        );
        delete_both();
    }
}

/// Unix pairs with READ added on the first socket of each.
fn watched_pairs(kq: &Queue, count: usize, flags: Flags) -> Vec<(UnixStream, UnixStream)> {
    let pairs: Vec<_> = (0..count).map(|_| unix_pair()).collect();
    for (a, _) in &pairs {
        kq.apply(&[read(a).with(flags)]);
    }
    pairs
}

/// The idents that so many calls with room for one event return.
#[track_caller]
fn next_idents(kq: &Queue, calls: usize) -> Vec<usize> {
    (0..calls).flat_map(|_| idents(&kq.poll(1))).collect()
}

fn idents(events: &[Kevent]) -> Vec<usize> {
    events.iter().map(|event| event.ident).collect()
}
