//! F4, WRITE: sockets.

use std::net::{Shutdown, TcpStream};

use kevent::Filter;
use rustix::event::PollFlags;
use rustix::io::Errno;
use socket2::{Domain, Socket, Type};

use crate::case::Case;
use crate::fixture::{
    BlackHole, RefusingPort, drain, fill, ident, listener, read, reset_connection,
    start_connecting, stream_pairs, tcp_stream_pair, udp, unconnected_tcp, unix_stream_pair,
    until_polled, write,
};

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_w_01_an_idle_socket_has_space",
        "WRITE a | ev at once, data > 0",
        |t| {
            for pair in stream_pairs() {
                let kq = t.queue();
                kq.apply(&[write(&pair.near)]);
                for _ in 0..2 {
                    let event = kq.expect_one();
                    assert_eq!(event.ident, ident(&pair.near), "{}", pair.family);
                    assert!(event.data > 0 && !event.is_eof(), "{event:?}");
                }
            }
        },
    ),
    Case::new(
        "q_w_02_space_is_one_edge",
        "EV_CLEAR WRITE | once only",
        |t| {
            for pair in stream_pairs() {
                let kq = t.queue();
                kq.apply(&[write(&pair.near).clear()]);
                assert!(kq.expect_one().data > 0, "{}", pair.family);
                kq.expect_none();
                kq.expect_none();
            }
        },
    ),
    Case::new(
        "q_w_03_a_full_socket_has_no_space",
        "fill until EAGAIN | none",
        |t| {
            let kq = t.queue();
            let pair = unix_stream_pair();
            kq.apply(&[write(&pair.near)]);
            assert!(fill(&pair.near) > 0);
            kq.expect_none();
            kq.expect_none();
        },
    ),
    Case::new(
        "q_w_04_a_drained_socket_has_space_again",
        "…peer drains all | ev data > 0",
        |t| {
            for pair in stream_pairs() {
                let kq = t.queue();
                kq.apply(&[write(&pair.near)]);
                drain(&pair.far, fill(&pair.near));
                let event = kq.wait_one();
                assert!(
                    event.data > 0 && !event.is_eof(),
                    "{}: {event:?}",
                    pair.family
                );
            }
        },
    ),
    Case::new(
        "q_w_05_draining_a_full_socket_is_one_edge",
        "EV_CLEAR, fill to EAGAIN, drain | one new ev",
        |t| {
            let kq = t.queue();
            let pair = unix_stream_pair();
            kq.apply(&[write(&pair.near).clear()]);
            assert!(kq.expect_one().data > 0);
            let bytes = fill(&pair.near);
            kq.expect_none();
            drain(&pair.far, bytes);
            assert!(kq.expect_one().data > 0);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_w_06_a_low_water_mark_above_the_buffer",
        "NOTE_LOWAT above total buffer | never",
        |t| {
            for pair in stream_pairs() {
                let kq = t.queue();
                kq.apply(&[write(&pair.near).low_water(1 << 30)]);
                kq.expect_none();
                drain(&pair.far, fill(&pair.near));
                until_polled(&pair.near, PollFlags::OUT);
                kq.expect_none();
            }
        },
    ),
    Case::new(
        "q_w_07_a_low_water_mark_of_one_byte",
        "NOTE_LOWAT 1 | ev when any space",
        |t| {
            let kq = t.queue();
            let pair = unix_stream_pair();
            kq.apply(&[write(&pair.near).low_water(1)]);
            assert!(kq.expect_one().data >= 1);
            let bytes = fill(&pair.near);
            kq.expect_none();
            drain(&pair.far, bytes);
            assert!(kq.expect_one().data >= 1);
        },
    ),
    Case::new(
        "q_w_08_oneshot_is_gone_after_its_event",
        "EV_ONESHOT | once, gone",
        |t| {
            for pair in stream_pairs() {
                let kq = t.queue();
                kq.apply(&[write(&pair.near).oneshot()]);
                assert!(kq.expect_one().data > 0, "{}", pair.family);
                kq.expect_none();
                kq.expect_error(write(&pair.near).delete(), Errno::NOENT);
            }
        },
    ),
    Case::new(
        "q_w_09_dispatch_gives_one_event_for_each_enable",
        "EV_DISPATCH / ENABLE | once per ENABLE",
        |t| {
            for pair in stream_pairs() {
                let kq = t.queue();
                kq.apply(&[write(&pair.near).dispatch()]);
                for _ in 0..3 {
                    assert!(kq.expect_one().data > 0, "{}", pair.family);
                    kq.expect_none();
                    kq.apply(&[write(&pair.near).enable()]);
                }
            }
        },
    ),
    Case::new(
        "q_w_10_a_closed_unix_peer_is_end_of_file",
        "unix peer closed | EV_EOF",
        |t| {
            for is_full in [false, true] {
                let kq = t.queue();
                let pair = unix_stream_pair();
                kq.apply(&[write(&pair.near)]);
                if is_full {
                    fill(&pair.near);
                    kq.expect_none();
                }
                drop(pair.far);
                let event = kq.expect_one();
                assert_eq!((event.ident, event.is_eof()), (ident(&pair.near), true));
            }
        },
    ),
    Case::new(
        "q_w_11_the_peers_half_close_is_no_end_of_file",
        "TCP peer half-closed (FIN) only | ev without EV_EOF",
        |t| {
            let kq = t.queue();
            let pair = tcp_stream_pair();
            kq.apply(&[write(&pair.near)]);
            pair.far.shutdown(Shutdown::Write).expect("shutdown");
            until_polled(&pair.near, PollFlags::RDHUP);
            let event = kq.expect_one();
            assert!(event.data > 0 && !event.is_eof(), "{event:?}");
        },
    ),
    Case::new(
        "q_w_12_the_own_shutdown_is_end_of_file",
        "own shutdown(WR) | EV_EOF",
        |t| {
            for pair in stream_pairs() {
                let kq = t.queue();
                kq.apply(&[write(&pair.near)]);
                assert!(!kq.expect_one().is_eof(), "{}", pair.family);
                pair.near.shutdown(Shutdown::Write).expect("shutdown");
                let event = kq.expect_one();
                assert!(event.is_eof(), "{}: {event:?}", pair.family);
                assert_eq!(event.fflags, 0, "{}", pair.family);
            }
        },
    ),
    Case::new(
        "q_w_13_a_reset_says_so",
        "RST | EV_EOF, fflags as R-21",
        |t| {
            let kq = t.queue();
            let c = reset_connection();
            kq.apply(&[write(&c)]);
            let event = kq.expect_one();
            assert!(event.is_eof(), "{event:?}");
            let error = event.socket_error().expect("an errno in fflags");
            assert_eq!(error.raw_os_error(), Some(Errno::CONNRESET.raw_os_error()));
        },
    ),
    Case::new(
        "q_w_14_a_connection_without_answer_has_no_space",
        "connecting socket to black hole | none until result",
        |t| {
            for is_added_first in [true, false] {
                let kq = t.queue();
                let peer = BlackHole::new();
                let c = unconnected_tcp();
                if is_added_first {
                    kq.apply(&[write(&c)]);
                }
                start_connecting(&c, &peer.address);
                if !is_added_first {
                    kq.apply(&[write(&c)]);
                }
                kq.expect_none();
                kq.expect_none();
                // The kernel knocks again within a second, and is let in.
                let _first = peer.accept();
                let event = kq.wait_one();
                assert!(event.data > 0 && !event.is_eof(), "{event:?}");
            }
        },
    ),
    Case::new(
        "q_w_15_an_established_connection_has_space",
        "connect succeeds | ev",
        |t| {
            for is_added_first in [true, false] {
                let kq = t.queue();
                let l = listener();
                let address = l.local_addr().expect("an address");
                let c = unconnected_tcp();
                if is_added_first {
                    kq.apply(&[write(&c)]);
                    kq.expect_none();
                }
                start_connecting(&c, &address.into());
                if !is_added_first {
                    kq.apply(&[write(&c)]);
                }
                let event = kq.wait_one();
                assert!(event.data > 0 && !event.is_eof(), "{event:?}");
            }
        },
    ),
    Case::new(
        "q_w_16_a_refused_connection_says_so",
        "connect refused | EV_EOF, fflags ECONNREFUSED",
        |t| {
            let port = RefusingPort::new();
            for is_added_first in [true, false] {
                let kq = t.queue();
                let c = unconnected_tcp();
                if is_added_first {
                    kq.apply(&[write(&c)]);
                }
                start_connecting(&c, &port.address);
                if !is_added_first {
                    kq.apply(&[write(&c)]);
                }
                let event = kq.wait_one();
                assert!(event.is_eof(), "{event:?}");
                let error = event.socket_error().expect("an errno in fflags");
                assert_eq!(
                    error.raw_os_error(),
                    Some(Errno::CONNREFUSED.raw_os_error())
                );
                // The error is left in the socket, where a program looks for it.
                let left = c.take_error().expect("SO_ERROR").expect("an error");
                assert_eq!(left.raw_os_error(), error.raw_os_error());
            }
        },
    ),
    Case::new(
        "q_w_17_a_listener_has_no_space",
        "listening socket | never",
        |t| {
            let kq = t.queue();
            let l = listener();
            kq.apply(&[write(&l)]);
            kq.expect_none();
            let address = l.local_addr().expect("an address");
            let _c = TcpStream::connect(address).expect("a connection");
            until_polled(&l, PollFlags::IN);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_w_18_an_unconnected_socket_has_no_space",
        "unconnected TCP / unix stream | never",
        |t| {
            let unix = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
            for socket in [unconnected_tcp(), unix] {
                let kq = t.queue();
                kq.apply(&[write(&socket)]);
                kq.expect_none();
                kq.expect_none();
            }
        },
    ),
    Case::new(
        "q_w_19_a_udp_socket_has_space",
        "fresh UDP socket | ev at once",
        |t| {
            let kq = t.queue();
            let socket = udp();
            kq.apply(&[write(&socket)]);
            let event = kq.expect_one();
            assert!(event.data > 0 && !event.is_eof(), "{event:?}");
        },
    ),
    Case::new(
        "q_w_29_data_arriving_is_no_space",
        "WRITE EV_CLEAR + READ EV_CLEAR on one socket, data arrives | READ ev; no WRITE ev (L: \
         spurious WRITE tolerated only if documented)",
        |t| {
            // One registration in the kernel serves both: an edge of one may show the other.
            for pair in stream_pairs() {
                let kq = t.queue();
                kq.apply(&[write(&pair.near).clear(), read(&pair.near).clear()]);
                assert_eq!(kq.expect_one().filter, Filter::WRITE, "{}", pair.family);
                pair.deliver(5, 5);
                let (reads, writes): (Vec<_>, Vec<_>) = kq
                    .wait(8)
                    .into_iter()
                    .partition(|event| event.filter == Filter::READ);
                assert_eq!(reads.len(), 1, "{}: {reads:?}", pair.family);
                assert_eq!(reads[0].data, 5, "{}", pair.family);
                assert!(writes.len() <= 1, "{}: {writes:?}", pair.family);
                assert!(writes.iter().all(|event| event.data > 0 && !event.is_eof()));
                kq.expect_none();
            }
        },
    ),
    Case::new(
        "q_w_30_what_is_queued_takes_space",
        "data after k bytes queued | decreases, never negative",
        |t| {
            let kq = t.queue();
            let pair = unix_stream_pair();
            kq.apply(&[write(&pair.near)]);
            let mut space = kq.expect_one().data;
            let page = [0; 4096];
            while pair.near.send(&page).is_ok() {
                let events = kq.poll0();
                let Some(event) = events.first() else { break };
                assert!(event.data >= 0, "{event:?}");
                assert!(event.data < space, "{} after {space}", event.data);
                space = event.data;
            }
            fill(&pair.near);
            kq.expect_none();
        },
    ),
];
