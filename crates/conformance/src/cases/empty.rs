//! F4, EMPTY: a send buffer that holds nothing.

use std::time::{Duration, Instant};

use kevent::{Filter, Flags, Kevent};
use rustix::io::Errno;

use crate::case::Case;
use crate::fixture::{
    DEADLINE, TempFile, drain, fill, ident, listener, pipe, stream_pairs, tcp_stream_pair,
};

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_e_01_an_idle_socket_is_empty",
        "EMPTY on idle TCP socket | ev",
        |t| {
            let kq = t.queue();
            let pair = tcp_stream_pair();
            kq.apply(&[Kevent::empty(&pair.near)]);
            for _ in 0..2 {
                let event = kq.expect_one();
                assert_eq!(
                    (event.ident, event.filter),
                    (ident(&pair.near), Filter::EMPTY)
                );
                assert_eq!((event.data, event.fflags), (0, 0));
            }
        },
    ),
    Case::new(
        "q_e_02_unsent_bytes_are_not_nothing",
        "EMPTY, 1 MB unsent (peer not reading) | none",
        |t| {
            for pair in stream_pairs() {
                let kq = t.queue();
                fill(&pair.near);
                kq.apply(&[Kevent::empty(&pair.near)]);
                kq.expect_none();
                let timeout = Duration::from_millis(50);
                let events = kq.kevent(&[], 1, Some(timeout)).expect("a wait");
                assert_eq!(events, [], "{}", pair.family);
            }
        },
    ),
    Case::new(
        "q_e_03_a_drained_socket_is_empty",
        "…peer reads all | ev within 100 ms",
        |t| {
            for pair in stream_pairs() {
                let kq = t.queue();
                let bytes = fill(&pair.near);
                kq.apply(&[Kevent::empty(&pair.near)]);
                kq.expect_none();
                drain(&pair.far, bytes);
                let drained = Instant::now();
                assert_eq!(kq.wait_one().ident, ident(&pair.near));
                t.note(format_args!(
                    "{}: after {:?}",
                    pair.family,
                    drained.elapsed()
                ));
                assert!(drained.elapsed() < DEADLINE);
            }
        },
    ),
    Case::new(
        "q_e_04_clear_delivers_once_per_drain",
        "EMPTY EV_CLEAR | once per drain",
        |t| {
            for pair in stream_pairs() {
                let kq = t.queue();
                kq.apply(&[Kevent::empty(&pair.near).clear()]);
                assert_eq!(kq.expect_one().flags, Flags::CLEAR);
                kq.expect_none();
                for _ in 0..2 {
                    let bytes = fill(&pair.near);
                    kq.expect_none();
                    drain(&pair.far, bytes);
                    assert_eq!(kq.wait_one().flags, Flags::CLEAR);
                    kq.expect_none();
                }
                // Disabled, it is not looked at; enabled, it is.
                kq.apply(&[Kevent::empty(&pair.near).disable()]);
                kq.expect_none();
                kq.apply(&[Kevent::empty(&pair.near).enable()]);
                assert_eq!(kq.expect_one().flags, Flags::CLEAR);
            }
        },
    ),
    Case::new(
        "q_e_05_only_sockets_have_it",
        "EMPTY on pipe / file | EINVAL",
        |t| {
            let kq = t.queue();
            let (r, w) = pipe();
            kq.expect_error(Kevent::empty(&r), Errno::INVAL);
            kq.expect_error(Kevent::empty(&w), Errno::INVAL);
            let f = TempFile::new();
            kq.expect_error(Kevent::empty(&f.file), Errno::INVAL);
        },
    ),
    Case::new(
        "q_e_06_a_listener_is_always_empty",
        "EMPTY on listener | ev",
        |t| {
            let kq = t.queue();
            let l = listener();
            kq.apply(&[Kevent::empty(&l)]);
            assert_eq!(kq.expect_one().ident, ident(&l));
        },
    ),
];
