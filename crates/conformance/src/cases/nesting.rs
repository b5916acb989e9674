//! F11, nesting: queues in queues, and a queue's descriptor under poll, select and epoll.

use std::any::Any;
use std::time::Duration;

use kevent::{Filter, Flags, Kevent, NoteVnode};
use rustix::event::{PollFlags, epoll};
use rustix::io::Errno;

use crate::case::{Case, Run};
use crate::fixture::{
    DEADLINE, Queue, TempFile, ident, is_readable, pipe, read, receive, send, until_polled,
    while_waiting,
};
use crate::sys::select_readable;

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_k_01_an_inner_queue_with_an_event_is_readable",
        "kq2 READ in kq1; trigger in kq2 | kq1 ev ident kq2, data 1",
        |t| {
            let (kq1, kq2) = (t.queue(), t.queue());
            kq1.apply(&[read(&kq2)]);
            kq2.apply(&[Kevent::user(1)]);
            kq1.expect_none();
            kq2.apply(&[Kevent::trigger(1)]);
            for _ in 0..2 {
                let event = kq1.expect_one();
                assert_eq!((event.ident, event.filter), (ident(&kq2), Filter::READ));
                assert_eq!((event.data, event.is_eof()), (1, false));
            }
            // An event of the kernel's counts as one of the program's own.
            let kq3 = t.queue();
            let (r, w) = pipe();
            kq3.apply(&[read(&r)]);
            kq1.apply(&[read(&kq2).delete(), read(&kq3)]);
            kq1.expect_none();
            send(&w, 5);
            let event = kq1.expect_one();
            assert_eq!((event.ident, event.data), (ident(&kq3), 1));
        },
    ),
    Case::new(
        "q_k_02_data_counts_the_inner_queues_events",
        "3 events in kq2 | (L) data >= 1 (exact for events that exist only in user space), then \
         0 when drained",
        |t| {
            let (kq1, kq2) = (t.queue(), t.queue());
            kq1.apply(&[read(&kq2)]);
            kq2.apply(&[1, 2, 3].map(|ident| Kevent::user(ident).clear()));
            kq2.apply(&[1, 2, 3].map(Kevent::trigger));
            assert_eq!(kq1.expect_one().data, 3);
            assert_eq!(kq2.poll(1).len(), 1);
            assert_eq!(kq1.expect_one().data, 2);
            assert_eq!(kq2.poll0().len(), 2);
            kq1.expect_none();

            let pipes = [pipe(), pipe(), pipe()];
            for (r, w) in &pipes {
                kq2.apply(&[read(r)]);
                send(w, 5);
            }
            assert!(kq1.expect_one().data >= 1);
            for (r, _) in &pipes {
                receive(r, 5);
            }
            kq1.expect_none();
        },
    ),
    Case::new(
        "q_k_03_a_drained_inner_queue_is_not_readable",
        "drain kq2 | kq1 none",
        |t| {
            let (kq1, kq2) = (t.queue(), t.queue());
            kq1.apply(&[read(&kq2)]);
            kq2.apply(&[Kevent::user(1).clear(), Kevent::trigger(1)]);
            assert_eq!(kq1.expect_one().data, 1);
            assert_eq!(kq2.poll0().len(), 1);
            kq1.expect_none();
            kq2.apply(&[Kevent::trigger(1)]);
            assert_eq!(kq1.expect_one().data, 1);
        },
    ),
    Case::new(
        "q_k_04_a_queue_cannot_watch_itself",
        "kq in itself | EINVAL",
        |t| {
            let kq = t.queue();
            kq.expect_error(read(&kq), Errno::INVAL);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_k_05_poll_select_and_epoll_see_the_events",
        "poll/select/epoll on kq, idle / event | not readable / readable",
        |t| {
            for source in SOURCES {
                let kq = t.queue();
                let outer = epoll::create(epoll::CreateFlags::CLOEXEC).expect("an epoll");
                let data = epoll::EventData::new_u64(1);
                epoll::add(&outer, &kq, data, epoll::EventFlags::IN).expect("a queue in an epoll");
                let see = || {
                    let found = select_readable(&kq).expect("select");
                    [is_readable(&kq), found, is_readable(&outer)]
                };
                assert_eq!(see(), [false; 3], "{} before", source.name);
                let _kept = (source.start)(&kq);
                until_polled(&kq, PollFlags::IN);
                assert_eq!(see(), [true; 3], "{} after", source.name);
            }
        },
    ),
    Case::new(
        "q_k_06_an_event_wakes_a_poll_that_sleeps",
        "poll() already blocked on kq, event arrives (thr) | wakes",
        |t| {
            let kq = t.queue();
            let (r, w) = pipe();
            kq.apply(&[read(&r), Kevent::user(1).clear()]);
            let happenings: [&dyn Fn(); 2] = [&|| kq.apply(&[Kevent::trigger(1)]), &|| send(&w, 5)];
            for happens in happenings {
                while_waiting(|| until_polled(&kq, PollFlags::IN), |_| happens());
                assert_eq!(kq.wait(8).len(), 1);
            }
        },
    ),
    Case::new(
        "q_k_07_a_drained_queue_is_not_readable",
        "after draining, poll | not readable",
        |t| {
            let kq = t.queue();
            let (r, w) = pipe();
            kq.apply(&[read(&r), Kevent::user(1).clear()]);
            kq.apply(&[Kevent::trigger(1)]);
            send(&w, 5);
            assert!(is_readable(&kq));
            assert_eq!(kq.poll0().len(), 2);
            assert!(is_readable(&kq), "the level is still there");
            receive(&r, 5);
            kq.expect_none();
            assert!(!is_readable(&kq));

            kq.apply(&[
                read(&r).delete(),
                Kevent::timer(1, Duration::from_millis(1)).oneshot(),
            ]);
            assert_eq!(kq.wait_one().filter, Filter::TIMER);
            assert!(!is_readable(&kq));
        },
    ),
    Case::new(
        "q_k_08_an_event_passes_through_three_queues",
        "chain of 3 kqueues | propagates",
        |t| {
            let chain = [t.queue(), t.queue(), t.queue()];
            chain[1].apply(&[read(&chain[0])]);
            chain[2].apply(&[read(&chain[1])]);
            let (r, w) = pipe();
            chain[0].apply(&[read(&r), Kevent::user(1).clear()]);
            let outermost = &chain[2];
            outermost.expect_none();
            send(&w, 5);
            assert_eq!(outermost.expect_one().ident, ident(&chain[1]));
            receive(&r, 5);
            outermost.expect_none();
            let trigger = |_| chain[0].apply(&[Kevent::trigger(1)]);
            let (event, ()) = while_waiting(|| outermost.wait_one(), trigger);
            assert_eq!(event.ident, ident(&chain[1]));
            assert_eq!(chain[0].poll0().len(), 1);
            outermost.expect_none();
        },
    ),
    Case::new(
        "q_k_09_a_long_chain_works_or_is_refused",
        "chain of 100 | works or ELOOP/EINVAL, no crash",
        a_long_chain,
    ),
    Case::new(
        "q_k_10_a_closed_inner_queue_is_gone",
        "kq2 closed | kq1 knote gone",
        |t| {
            let (kq1, kq2) = (t.queue(), t.queue());
            kq1.apply(&[read(&kq2)]);
            kq2.apply(&[Kevent::user(1), Kevent::trigger(1)]);
            let delete = read(&kq2).delete();
            drop(kq2);
            kq1.expect_none();
            let error = kq1
                .kevent(&[delete], 0, None)
                .expect_err("the knote is gone");
            let errno = Errno::from_io_error(&error);
            assert!(
                [Some(Errno::NOENT), Some(Errno::BADF)].contains(&errno),
                "{error}"
            );
            // Nor does its number's next owner inherit the knote.
            let kq3 = t.queue();
            assert_eq!(
                ident(&kq3),
                delete.ident,
                "the lowest free number is given again"
            );
            kq3.apply(&[Kevent::user(1), Kevent::trigger(1)]);
            kq1.expect_none();
            kq1.expect_error(delete, Errno::NOENT);
        },
    ),
    Case::new(
        "q_k_11_disabled_knotes_make_nothing_readable",
        "disabled knotes only | poll not readable (a knote disabled after it was queued: after \
         the next scan at the latest)",
        |t| {
            let kq = t.queue();
            let (r, w) = pipe();
            kq.apply(&[
                read(&r).disabled(),
                Kevent::user(1).disabled(),
                Kevent::trigger(1),
            ]);
            send(&w, 5);
            assert!(!is_readable(&kq));
            kq.expect_none();
            assert!(!is_readable(&kq));

            kq.apply(&[read(&r).enable(), Kevent::user(1).enable()]);
            assert!(is_readable(&kq), "both are queued");
            kq.apply(&[read(&r).disable(), Kevent::user(1).disable()]);
            kq.expect_none();
            assert!(!is_readable(&kq));
            drop(w);
            kq.expect_none();
            assert!(!is_readable(&kq), "nor does the end of file, after a scan");
        },
    ),
    Case::new(
        "q_k_12_every_filter_makes_the_queue_readable",
        "VNODE/TIMER/SIGNAL/PROC event makes kq readable | each",
        |t| {
            // SIGNAL and PROC are rows of SOURCES once the filters are there.
            for source in SOURCES {
                t.note(source.name);
                let (kq, outer) = (t.queue(), t.queue());
                outer.apply(&[read(&kq)]);
                let _kept = (source.start)(&kq);
                until_polled(&kq, PollFlags::IN);
                assert_eq!(outer.wait_one().ident, ident(&kq), "{}", source.name);
                let event = kq.wait_one();
                assert_eq!(event.filter, source.filter, "{}", source.name);
                kq.apply(&[Kevent::new(event.ident, event.filter, Flags::DELETE)]);
                outer.expect_none();
                assert!(!is_readable(&kq), "{}", source.name);
            }
        },
    ),
];

/// A filter, and a way to make it speak.
struct Source {
    name: &'static str,
    filter: Filter,
    /// Adds a level or repeating knote and makes its event happen, now or soon; what is returned
    /// must live until it has.
    start: fn(&Queue) -> Box<dyn Any>,
}

/// One row for each filter whose events can make a queue readable.
const SOURCES: &[Source] = &[
    Source {
        name: "VNODE",
        filter: Filter::VNODE,
        start: |kq| {
            let f = TempFile::new();
            kq.apply(&[Kevent::vnode(&f.file, NoteVnode::WRITE)]);
            send(&f.file, 5);
            Box::new(f)
        },
    },
    Source {
        name: "READ",
        filter: Filter::READ,
        start: |kq| {
            let (r, w) = pipe();
            kq.apply(&[read(&r)]);
            send(&w, 5);
            Box::new((r, w))
        },
    },
    Source {
        name: "READ of a file",
        filter: Filter::READ,
        start: |kq| {
            let f = TempFile::new();
            f.file.set_len(100).expect("a file of 100 bytes");
            kq.apply(&[read(&f.file)]);
            Box::new(f)
        },
    },
    Source {
        name: "TIMER",
        filter: Filter::TIMER,
        start: |kq| {
            kq.apply(&[Kevent::timer(1, Duration::from_millis(20))]);
            Box::new(())
        },
    },
    Source {
        name: "USER",
        filter: Filter::USER,
        start: |kq| {
            kq.apply(&[Kevent::user(1), Kevent::trigger(1)]);
            Box::new(())
        },
    },
];

fn a_long_chain(t: &Run<'_>) {
    let mut chain = vec![t.queue()];
    while chain.len() < 100 {
        let next = t.queue();
        let inner = chain.last().expect("one at least");
        match next.kevent(&[read(inner)], 0, None) {
            Ok(_) => chain.push(next),
            Err(error) => {
                let errno = Errno::from_io_error(&error);
                assert!(
                    [Some(Errno::LOOP), Some(Errno::INVAL)].contains(&errno),
                    "{error}"
                );
                // The refused queue is as good as new.
                next.apply(&[Kevent::user(1), Kevent::trigger(1)]);
                assert_eq!(next.expect_one().ident, 1);
                break;
            }
        }
    }
    t.note(format_args!("{} queues deep", chain.len()));
    assert!(chain.len() >= 3, "K-08 needs three");
    let (innermost, outermost) = (&chain[0], &chain[chain.len() - 1]);
    outermost.expect_none();
    innermost.apply(&[Kevent::user(1), Kevent::trigger(1)]);
    let events = outermost.kevent(&[], 8, Some(DEADLINE)).expect("a wait");
    assert_eq!(events[0].ident, ident(&chain[chain.len() - 2]));
}
