//! F1, API: changelists, their errors and receipts.

use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use kevent::{Filter, Flags, Kevent, NoteUser};
use rustix::io::Errno;

use crate::case::Case;
use crate::fixture::{Queue, ident, pipe, read, unix_pair};

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_a_20_filter_0_is_skipped",
        "filter = 0 in changelist | skipped, returns 0",
        |t| {
            let kq = t.queue();
            let nothing = Kevent::new(1, Filter::from_raw(0), Flags::ADD | Flags::RECEIPT);
            assert_eq!(kq.answers(&[nothing]), []);
            kq.apply(&[nothing, Kevent::user(1)]);
            assert!(kq.has(Kevent::user(1)), "the change after it is applied");
        },
    ),
    Case::new(
        "q_a_21_an_unknown_filter_is_einval",
        "filter 1; filter -99 | EINVAL",
        |t| {
            let kq = t.queue();
            let (a, _b) = unix_pair();
            expect_add_fails(&kq, &a, 1, Errno::INVAL);
            expect_add_fails(&kq, &a, -99, Errno::INVAL);
        },
    ),
    Case::new(
        "q_a_22_aio_and_lio_are_enxio",
        "EVFILT_AIO, LIO add | ENXIO (L; FB EPERM)",
        |t| {
            let kq = t.queue();
            let (a, _b) = unix_pair();
            expect_add_fails(&kq, &a, Filter::AIO.as_raw(), Errno::NXIO);
            expect_add_fails(&kq, &a, Filter::LIO.as_raw(), Errno::NXIO);
        },
    ),
    Case::new(
        "q_a_23_filters_of_other_systems_are_einval",
        "mac-only filter numbers -16, -17; JAIL -14 | EINVAL",
        |t| {
            let kq = t.queue();
            let (a, _b) = unix_pair();
            for filter in [-16, -17, -14] {
                expect_add_fails(&kq, &a, filter, Errno::INVAL);
            }
        },
    ),
    Case::new(
        "q_a_24_deleting_an_absent_knote_is_enoent",
        "EV_DELETE of absent READ on an open fd | ENOENT",
        |t| {
            let kq = t.queue();
            let (a, _b) = unix_pair();
            kq.expect_error(read(&a).delete(), Errno::NOENT);
        },
    ),
    Case::new(
        "q_a_25_changing_an_absent_knote_is_enoent",
        "EV_ENABLE / EV_DISABLE / flags 0 of absent knote | ENOENT each",
        |t| {
            let kq = t.queue();
            let (a, _b) = unix_pair();
            for absent in [
                read(&a),
                Kevent::user(1),
                Kevent::timer(1, Duration::from_secs(1)),
            ] {
                kq.expect_error(absent.enable(), Errno::NOENT);
                kq.expect_error(absent.disable(), Errno::NOENT);
                kq.expect_error(
                    Kevent {
                        flags: Flags::empty(),
                        ..absent
                    },
                    Errno::NOENT,
                );
            }
        },
    ),
    Case::new(
        "q_a_26_adding_a_closed_descriptor_is_ebadf",
        "add READ on closed fd; ident 2^31; ident all-ones | EBADF each",
        |t| {
            let kq = t.queue();
            for ident in [closed_number(), 1 << 31, usize::MAX] {
                kq.expect_error(Kevent::new(ident, Filter::READ, Flags::ADD), Errno::BADF);
                kq.expect_error(Kevent::new(ident, Filter::WRITE, Flags::ADD), Errno::BADF);
            }
        },
    ),
    Case::new(
        "q_a_27_deleting_on_a_closed_descriptor_is_ebadf",
        "EV_DELETE READ on a closed fd | EBADF",
        |t| {
            let kq = t.queue();
            let delete = Kevent::new(closed_number(), Filter::READ, Flags::DELETE);
            kq.expect_error(delete, Errno::BADF);
            let (a, _b) = unix_pair();
            kq.apply(&[read(&a)]);
            let delete = read(&a).delete();
            kq.close_watched(a);
            kq.expect_error(delete, Errno::BADF);
        },
    ),
    Case::new(
        "q_a_28_enable_with_disable_is_einval",
        "EV_ENABLE+EV_DISABLE | EINVAL",
        |t| {
            let kq = t.queue();
            let (a, _b) = unix_pair();
            let both = Flags::ENABLE | Flags::DISABLE;
            kq.expect_error(
                Kevent {
                    flags: both,
                    ..read(&a)
                },
                Errno::INVAL,
            );
            kq.expect_error(read(&a).with(both), Errno::INVAL);
            assert!(!kq.has(read(&a)), "nothing was added");
            kq.apply(&[read(&a)]);
            kq.expect_error(
                Kevent {
                    flags: both,
                    ..read(&a)
                },
                Errno::INVAL,
            );
        },
    ),
    Case::new(
        "q_a_29_add_with_keepudata_is_einval",
        "EV_ADD+EV_KEEPUDATA | EINVAL",
        |t| {
            let kq = t.queue();
            let (a, _b) = unix_pair();
            kq.expect_error(read(&a).keep_udata(), Errno::INVAL);
            assert!(!kq.has(read(&a)), "nothing was added");
            kq.apply(&[read(&a)]);
            kq.expect_error(read(&a).keep_udata(), Errno::INVAL);
        },
    ),
    Case::new(
        "q_a_30_a_failing_change_is_answered",
        "failing change, nevents 1 | returns 1; ident/filter/udata kept, flags has EV_ERROR, \
         data = errno",
        |t| {
            let kq = t.queue();
            let (a, _b) = unix_pair();
            let answers = kq.answers(&[read(&a).delete().udata(0xabc)]);
            assert_eq!(answers.len(), 1);
            let answer = answers[0];
            assert_eq!((answer.ident, answer.filter), (ident(&a), Filter::READ));
            assert_eq!(answer.udata, 0xabc);
            assert!(answer.flags.contains(Flags::ERROR));
            assert_eq!(answer.data, i64::from(libc::ENOENT));
        },
    ),
    Case::new(
        "q_a_31_without_room_a_failing_change_fails_the_call",
        "failing change, nevents 0 | -1, errno set",
        |t| {
            let kq = t.queue();
            let error = kq
                .kevent(&[bad(1)], 0, None)
                .expect_err("no room for an answer");
            assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
        },
    ),
    Case::new(
        "q_a_32_an_answered_failure_stops_nothing",
        "changes {ok1, bad, ok2}, nevents 1 | returns 1; ok1 and ok2 registered",
        |t| {
            let kq = t.queue();
            let changes = [Kevent::user(1), bad(9), Kevent::user(2)];
            let answers = kq
                .kevent(&changes, 1, Some(Duration::ZERO))
                .expect("one answer");
            assert_eq!(answers.len(), 1);
            assert_eq!(
                (answers[0].ident, answers[0].data),
                (9, i64::from(libc::ENOENT))
            );
            assert!(kq.has(Kevent::user(1)) && kq.has(Kevent::user(2)));
        },
    ),
    Case::new(
        "q_a_33_an_unanswered_failure_ends_the_call",
        "{ok1, bad, ok2}, nevents 0 | -1; ok1 registered, ok2 not",
        |t| {
            let kq = t.queue();
            let changes = [Kevent::user(1), bad(9), Kevent::user(2)];
            let error = kq
                .kevent(&changes, 0, None)
                .expect_err("no room for an answer");
            assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
            assert!(kq.has(Kevent::user(1)));
            assert!(!kq.has(Kevent::user(2)));
        },
    ),
    Case::new(
        "q_a_34_the_failure_that_finds_no_room_is_the_calls_error",
        "{bad, bad, bad}, nevents 2 | -1 with the third errno after two entries were written",
        |t| {
            let kq = t.queue();
            let closed = Kevent::new(closed_number(), Filter::READ, Flags::ADD);
            let unknown = Kevent::new(3, Filter::from_raw(1), Flags::ADD);
            let mut eventlist = [Kevent::default(); 2];
            let error = kq
                .front()
                .kevent(
                    &[bad(9), closed, unknown],
                    &mut eventlist,
                    Some(Duration::ZERO),
                )
                .expect_err("no room for the third answer");
            assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
            assert!(
                eventlist
                    .iter()
                    .all(|entry| entry.flags.contains(Flags::ERROR))
            );
            assert_eq!(eventlist.map(|entry| entry.ident), [9, closed.ident]);
            let errnos = [libc::ENOENT, libc::EBADF].map(i64::from);
            assert_eq!(eventlist.map(|entry| entry.data), errnos);
        },
    ),
    Case::new(
        "q_a_35_answers_come_without_events",
        "{bad}, event pending, nevents 8 | returns only the error entry; event still pending",
        |t| {
            let kq = t.queue();
            kq.apply(&[Kevent::user(1).clear(), Kevent::trigger(1)]);
            let (_a, _b) = readable_pair(&kq);
            let answers = kq.kevent(&[bad(9)], 8, None).expect("an answer");
            assert_eq!(answers.len(), 1);
            assert!(answers[0].error().is_some());
            assert_eq!(kq.wait(8).len(), 2, "both events are still there");
        },
    ),
    Case::new(
        "q_a_36_a_receipt_answers_success",
        "EV_RECEIPT add, nevents 1 | 1 entry, EV_ERROR, data 0, even if the new knote is active",
        |t| {
            let kq = t.queue();
            let (a, mut b) = unix_pair();
            b.write_all(b"hello").expect("data");
            let answers = kq.answers(&[read(&a).receipt().udata(7)]);
            assert_eq!(answers.len(), 1);
            assert!(answers[0].is_receipt(), "{:?}", answers[0]);
            assert_eq!((answers[0].ident, answers[0].udata), (ident(&a), 7));
            assert_eq!(kq.expect_one().data, 5, "the event follows");
        },
    ),
    Case::new(
        "q_a_37_receipts_come_without_events",
        "three EV_RECEIPT adds, nevents 3, pending events | exactly 3 entries, no events",
        |t| {
            let kq = t.queue();
            kq.apply(&[Kevent::user(10), Kevent::trigger(10)]);
            let (_a, _b) = readable_pair(&kq);
            let changes = [1, 2, 3].map(|ident| Kevent::user(ident).receipt());
            let answers = kq.kevent(&changes, 3, None).expect("three answers");
            assert_eq!(
                answers
                    .iter()
                    .map(|answer| answer.ident)
                    .collect::<Vec<_>>(),
                [1, 2, 3]
            );
            assert!(answers.iter().all(Kevent::is_receipt));
            // Room for events beside the receipts changes nothing.
            let answers = kq.kevent(&changes, 8, None).expect("three answers");
            assert_eq!(answers.len(), 3);
            assert!(answers.iter().all(Kevent::is_receipt));
            assert_eq!(kq.wait(8).len(), 2, "both events are still there");
        },
    ),
    Case::new(
        "q_a_38_a_receipt_without_room_ends_the_call",
        "EV_RECEIPT add, nevents 0 | returns 0; knote registered; following change not applied",
        |t| {
            let kq = t.queue();
            let changes = [Kevent::user(1).receipt(), Kevent::user(2)];
            assert_eq!(kq.kevent(&changes, 0, None).expect("no error"), []);
            assert!(kq.has(Kevent::user(1)));
            assert!(!kq.has(Kevent::user(2)));
        },
    ),
    Case::new(
        "q_a_39_a_receipt_of_a_failing_change_has_its_errno",
        "EV_RECEIPT with failing change | entry with errno",
        |t| {
            let kq = t.queue();
            let (a, _b) = unix_pair();
            let answers = kq.answers(&[read(&a).delete().receipt(), bad(9).receipt()]);
            assert_eq!(answers.len(), 2);
            for answer in answers {
                assert!(answer.flags.contains(Flags::ERROR));
                assert_eq!(answer.data, i64::from(libc::ENOENT));
            }
        },
    ),
    Case::new(
        "q_a_40_a_long_changelist_is_applied_in_order",
        "20 changes (more than one chunk) | all applied in order",
        |t| {
            let kq = t.queue();
            // Each operation takes back a bit of the one before and is taken back in part by the
            // one after, so that any other order ends in other bits.
            let mut expected = 0;
            let mut changes = vec![Kevent::user(1)];
            for step in 0..18 {
                let bits = 0b11 << step;
                let (operation, operand) = if step % 2 == 0 {
                    expected |= bits;
                    (NoteUser::FFOR, bits)
                } else {
                    expected &= !bits;
                    (NoteUser::FFAND, !bits & u32::from(NoteUser::FFLAGSMASK))
                };
                let change = Kevent::new(1, Filter::USER, Flags::empty());
                changes.push(change.fflags(u32::from(operation) | operand));
            }
            changes.push(Kevent::trigger(1));
            assert_eq!(changes.len(), 20);
            kq.apply(&changes);
            assert_eq!(kq.expect_one().fflags, expected);

            let receipts: Vec<_> = (100..120)
                .map(|ident| Kevent::user(ident).receipt())
                .collect();
            let answers = kq.answers(&receipts);
            let idents: Vec<_> = answers.iter().map(|answer| answer.ident).collect();
            assert_eq!(idents, (100..120).collect::<Vec<_>>());
        },
    ),
    Case::new(
        "q_a_43_add_then_delete_leaves_nothing",
        "add then delete same knote in one list | absent afterwards",
        |t| {
            let kq = t.queue();
            let (a, mut b) = unix_pair();
            b.write_all(b"1").expect("data");
            kq.apply(&[
                read(&a),
                read(&a).delete(),
                Kevent::user(1),
                Kevent::user(1).delete(),
            ]);
            assert!(!kq.has(read(&a)));
            assert!(!kq.has(Kevent::user(1)));
            kq.expect_none();
        },
    ),
    Case::new(
        "q_a_44_delete_then_add_takes_the_new_attributes",
        "delete then add with another attribute | new attribute in force",
        |t| {
            let kq = t.queue();
            let (a, _b) = readable_pair(&kq);
            assert_eq!(kq.expect_one().data, 1);
            kq.apply(&[read(&a).delete(), read(&a).clear()]);
            assert!(kq.expect_one().flags.contains(Flags::CLEAR));
            kq.expect_none();
            kq.apply(&[read(&a).delete(), read(&a)]);
            assert_eq!(kq.expect_one().flags, Flags::empty());
            assert_eq!(kq.expect_one().data, 1, "level again");
        },
    ),
    Case::new(
        "q_a_52_udata_comes_back_unchanged",
        "udata value all-ones | returned unchanged",
        |t| {
            let kq = t.queue();
            let (a, mut b) = unix_pair();
            b.write_all(b"1").expect("data");
            kq.apply(&[read(&a).udata(usize::MAX)]);
            assert_eq!(kq.expect_one().udata, usize::MAX);
            kq.apply(&[read(&a).delete()]);
            kq.apply(&[Kevent::user(1).udata(usize::MAX), Kevent::trigger(1)]);
            assert_eq!(kq.expect_one().udata, usize::MAX);
        },
    ),
    Case::new(
        "q_a_53_ext_comes_back_unchanged",
        "ext[2], ext[3] set at add (64-byte form) | returned unchanged",
        |t| {
            let kq = t.queue();
            let ext = [0, 0, u64::MAX, 0x0123_4567_89ab_cdef];
            let (a, mut b) = unix_pair();
            b.write_all(b"1").expect("data");
            let timer = Kevent::timer(1, Duration::from_millis(1)).oneshot();
            for change in [read(&a), timer, Kevent::user(1)] {
                kq.apply(&[change.ext(ext)]);
                if change.filter == Filter::USER {
                    kq.apply(&[Kevent::trigger(1)]);
                }
                let event = kq.wait_one();
                assert_eq!((event.filter, event.ext), (change.filter, ext));
                if change.filter == Filter::READ {
                    kq.apply(&[change.delete()]);
                }
            }
        },
    ),
    Case::new(
        "q_a_55_flags_that_only_events_carry_are_ignored",
        "EV_ERROR/EV_EOF bits in input flags | ignored, not stored",
        |t| {
            let kq = t.queue();
            let (a, mut b) = unix_pair();
            b.write_all(b"1").expect("data");
            kq.apply(&[read(&a).with(Flags::SYSFLAGS)]);
            kq.apply(&[Kevent::user(1).with(Flags::SYSFLAGS)]);
            kq.apply(&[Kevent::trigger(1).with(Flags::SYSFLAGS)]);
            let events = kq.poll0();
            assert_eq!(events.len(), 2);
            for event in events {
                assert!(!event.flags.intersects(Flags::SYSFLAGS), "{event:?}");
            }
        },
    ),
];

/// A change that fails with `ENOENT`.
fn bad(ident: usize) -> Kevent {
    Kevent::user(ident).delete()
}

/// A number that is no open descriptor.
fn closed_number() -> usize {
    let (reader, writer) = pipe();
    let number = ident(&writer).max(ident(&reader));
    drop((reader, writer));
    number
}

/// Adding a knote of this filter on an open descriptor fails, however it is refined.
#[track_caller]
fn expect_add_fails(kq: &Queue, fd: &impl AsRawFd, filter: i16, errno: Errno) {
    let add = Kevent::new(ident(fd), Filter::from_raw(filter), Flags::ADD);
    kq.expect_error(add, errno);
    kq.expect_error(add.clear(), errno);
}

/// `a,b` with READ added on `a` and one byte to read.
fn readable_pair(kq: &Queue) -> (UnixStream, UnixStream) {
    let (a, mut b) = unix_pair();
    kq.apply(&[read(&a)]);
    b.write_all(b"1").expect("a byte");
    (a, b)
}
