//! F3, READ: listening and stream sockets.

use std::io::{ErrorKind, Read};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::event::PollFlags;
use rustix::io::Errno;

use crate::case::Case;
use crate::fixture::{
    Queue, RefusingPort, TempDirectory, bound_tcp, eventually, ident, listener, read, receive,
    reset_connection, start_connecting, stream_pairs, tcp_stream_pair, unconnected_tcp,
    unix_stream_pair, until_polled,
};
use crate::sys::set_receive_low_water;

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_r_01_a_connection_makes_a_listener_readable",
        "add READ l; connect | ev data 1",
        |t| {
            let kq = t.queue();
            let l = listener();
            kq.apply(&[read(&l)]);
            kq.expect_none();
            let _c = connect(&l);
            let event = kq.wait_one();
            assert_eq!((event.ident, event.data), (ident(&l), 1));
            assert!(!event.is_eof());
        },
    ),
    Case::new(
        "q_r_02_data_counts_the_connections_that_wait",
        "three connects | data 3 (TCP; unix ≥ 1)",
        |t| {
            let kq = t.queue();
            let l = listener();
            kq.apply(&[read(&l)]);
            let _clients = [connect(&l), connect(&l), connect(&l)];
            wait_for_data(&kq, 3);

            let kq = t.queue();
            let directory = TempDirectory::new();
            let path = directory.path().join("l");
            let l = UnixListener::bind(&path).expect("a unix listener");
            kq.apply(&[read(&l)]);
            let _clients = [(); 3].map(|()| UnixStream::connect(&path).expect("a connection"));
            assert!(kq.wait_one().data >= 1);
        },
    ),
    Case::new(
        "q_r_03_accepting_lowers_data",
        "accept one of three | data 2",
        |t| {
            let kq = t.queue();
            let l = listener();
            kq.apply(&[read(&l)]);
            let _clients = [connect(&l), connect(&l), connect(&l)];
            wait_for_data(&kq, 3);
            let _s = l.accept().expect("the first of three");
            assert_eq!(kq.expect_one().data, 2);
        },
    ),
    Case::new(
        "q_r_04_each_connection_is_an_edge",
        "EV_CLEAR listener; connect, poll0, connect | ev each time",
        |t| {
            let kq = t.queue();
            let l = listener();
            kq.apply(&[read(&l).clear()]);
            let _first = connect(&l);
            assert_eq!(kq.wait_one().data, 1);
            kq.expect_none();
            let _second = connect(&l);
            assert_eq!(kq.wait_one().data, 2, "the first still waits");
            kq.expect_none();
        },
    ),
    Case::new(
        "q_r_05_listening_may_start_after_the_add",
        "add READ on bound socket, then listen, connect | ev",
        |t| {
            let kq = t.queue();
            let (l, address) = bound_tcp();
            kq.apply(&[read(&l)]);
            kq.expect_none();
            l.listen(8).expect("a listener");
            kq.expect_none();
            let address = address.as_socket().expect("an internet address");
            let _c = TcpStream::connect(address).expect("a connection");
            assert_eq!(kq.wait_one().data, 1);
        },
    ),
    Case::new(
        "q_r_06_data_is_the_bytes_to_read",
        "write 5 to b; READ a | data 5",
        |t| {
            for pair in stream_pairs() {
                let kq = t.queue();
                kq.apply(&[read(&pair.near)]);
                kq.expect_none();
                pair.deliver(5, 5);
                let event = kq.expect_one();
                assert_eq!((event.ident, event.data), (ident(&pair.near), 5));
                assert!(!event.is_eof(), "{}", pair.family);
            }
        },
    ),
    Case::new("q_r_07_data_adds_up", "write 3+4 | data 7", |t| {
        for pair in stream_pairs() {
            let kq = t.queue();
            kq.apply(&[read(&pair.near)]);
            pair.deliver(3, 3);
            pair.deliver(4, 7);
            assert_eq!(kq.expect_one().data, 7, "{}", pair.family);
        }
    }),
    Case::new(
        "q_r_08_data_from_before_the_add_counts",
        "data present before EV_ADD | ev at first poll0",
        |t| {
            for pair in stream_pairs() {
                let kq = t.queue();
                pair.deliver(5, 5);
                kq.apply(&[read(&pair.near)]);
                assert_eq!(kq.expect_one().data, 5, "{}", pair.family);
            }
        },
    ),
    Case::new(
        "q_r_09_less_than_the_low_water_mark_is_nothing",
        "NOTE_LOWAT 10; write 9 | none",
        |t| {
            for pair in stream_pairs() {
                let kq = t.queue();
                kq.apply(&[read(&pair.near).low_water(10)]);
                pair.deliver(9, 9);
                kq.expect_none();
            }
        },
    ),
    Case::new(
        "q_r_10_the_low_water_mark_is_reached",
        "…one more byte | ev data 10",
        |t| {
            for pair in stream_pairs() {
                let kq = t.queue();
                kq.apply(&[read(&pair.near).low_water(10)]);
                pair.deliver(9, 9);
                kq.expect_none();
                pair.deliver(1, 10);
                let event = kq.expect_one();
                assert_eq!(event.data, 10, "{}", pair.family);
                assert!(!event.is_eof(), "{}", pair.family);
                assert_eq!(kq.expect_one().data, 10, "level: {}", pair.family);
            }
        },
    ),
    Case::new(
        "q_r_11_end_of_file_overrides_the_low_water_mark",
        "NOTE_LOWAT 10 with 9 bytes; peer closes | ev with EV_EOF data 9",
        |t| {
            for pair in stream_pairs() {
                let kq = t.queue();
                kq.apply(&[read(&pair.near).low_water(10)]);
                pair.deliver(9, 9);
                kq.expect_none();
                drop(pair.far);
                let event = kq.wait_one();
                assert!(event.is_eof(), "{}: {event:?}", pair.family);
                assert_eq!(event.data, 9, "{}", pair.family);
            }
        },
    ),
    Case::new(
        "q_r_12_the_low_water_mark_can_be_lowered",
        "re-EV_ADD lowering LOWAT to 2 with 5 bytes queued | ev",
        |t| {
            for pair in stream_pairs() {
                let kq = t.queue();
                kq.apply(&[read(&pair.near).low_water(10)]);
                pair.deliver(5, 5);
                kq.expect_none();
                kq.apply(&[read(&pair.near).low_water(2)]);
                assert_eq!(kq.expect_one().data, 5, "{}", pair.family);
            }
        },
    ),
    Case::new(
        "q_r_13_so_rcvlowat_holds_for_tcp",
        "SO_RCVLOWAT 10 (TCP), 5 bytes | none; 10 → ev",
        |t| {
            let kq = t.queue();
            let pair = tcp_stream_pair();
            set_receive_low_water(&pair.near, 10).expect("SO_RCVLOWAT");
            kq.apply(&[read(&pair.near)]);
            pair.deliver(5, 5);
            kq.expect_none();
            pair.deliver(5, 10);
            assert_eq!(kq.wait_one().data, 10);
        },
    ),
    Case::new(
        "q_r_14_so_rcvlowat_holds_for_unix_sockets",
        "SO_RCVLOWAT 10 (unix), 5 bytes | none",
        |t| {
            // The kernel's own poll ignores SO_RCVLOWAT here: the queue has to ask.
            let kq = t.queue();
            let pair = unix_stream_pair();
            set_receive_low_water(&pair.near, 10).expect("SO_RCVLOWAT");
            kq.apply(&[read(&pair.near)]);
            pair.deliver(5, 5);
            kq.expect_none();
            pair.deliver(5, 10);
            assert_eq!(kq.expect_one().data, 10);
        },
    ),
    Case::new(
        "q_r_15_note_lowat_wins_over_so_rcvlowat",
        "NOTE_LOWAT smaller than SO_RCVLOWAT | NOTE_LOWAT wins",
        |t| {
            // Between unix sockets only: for TCP, Linux itself does not wake anybody below
            // SO_RCVLOWAT, so that no library can.
            let kq = t.queue();
            let pair = unix_stream_pair();
            set_receive_low_water(&pair.near, 10).expect("SO_RCVLOWAT");
            kq.apply(&[read(&pair.near).low_water(3)]);
            pair.deliver(2, 2);
            kq.expect_none();
            pair.deliver(3, 5);
            assert_eq!(kq.expect_one().data, 5);
        },
    ),
    Case::new(
        "q_r_16_a_half_close_is_end_of_file_with_data_left",
        "peer shutdown(WR) after 3 bytes | EV_EOF, data 3, fflags 0",
        |t| {
            for pair in stream_pairs() {
                let kq = t.queue();
                kq.apply(&[read(&pair.near)]);
                pair.deliver(3, 3);
                pair.far.shutdown(Shutdown::Write).expect("shutdown");
                until_polled(&pair.near, PollFlags::RDHUP);
                let event = kq.expect_one();
                assert!(event.is_eof(), "{}: {event:?}", pair.family);
                assert_eq!((event.data, event.fflags), (3, 0), "{}", pair.family);
            }
        },
    ),
    Case::new(
        "q_r_17_end_of_file_stays_when_the_data_is_read",
        "…then read 3 | EV_EOF, data 0",
        |t| {
            for pair in stream_pairs() {
                let kq = t.queue();
                kq.apply(&[read(&pair.near)]);
                pair.deliver(3, 3);
                pair.far.shutdown(Shutdown::Write).expect("shutdown");
                until_polled(&pair.near, PollFlags::RDHUP);
                assert_eq!(kq.expect_one().data, 3);
                receive(&pair.near, 3);
                let event = kq.expect_one();
                assert!(event.is_eof(), "{}: {event:?}", pair.family);
                assert_eq!((event.data, event.fflags), (0, 0), "{}", pair.family);
            }
        },
    ),
    Case::new(
        "q_r_18_the_own_shutdown_is_end_of_file",
        "own shutdown(RD) | EV_EOF",
        |t| {
            for pair in stream_pairs() {
                let kq = t.queue();
                kq.apply(&[read(&pair.near)]);
                kq.expect_none();
                pair.near.shutdown(Shutdown::Read).expect("shutdown");
                let event = kq.expect_one();
                assert!(event.is_eof(), "{}: {event:?}", pair.family);
                assert_eq!(event.fflags, 0, "{}", pair.family);
            }
        },
    ),
    Case::new(
        "q_r_19_end_of_file_is_one_edge",
        "EV_CLEAR + peer close | EV_EOF once",
        |t| {
            for pair in stream_pairs() {
                let kq = t.queue();
                kq.apply(&[read(&pair.near).clear()]);
                drop(pair.far);
                until_polled(&pair.near, PollFlags::RDHUP);
                let event = kq.expect_one();
                assert!(event.is_eof(), "{}: {event:?}", pair.family);
                kq.expect_none();
            }
        },
    ),
    Case::new(
        "q_r_20_end_of_file_is_a_level",
        "level + peer close | EV_EOF on every call until deleted",
        |t| {
            for pair in stream_pairs() {
                let kq = t.queue();
                kq.apply(&[read(&pair.near)]);
                drop(pair.far);
                until_polled(&pair.near, PollFlags::RDHUP);
                for _ in 0..3 {
                    let event = kq.expect_one();
                    assert!(event.is_eof(), "{}: {event:?}", pair.family);
                }
                kq.apply(&[read(&pair.near).delete()]);
                kq.expect_none();
            }
        },
    ),
    Case::new(
        "q_r_21_a_reset_says_so",
        "RST from peer | EV_EOF, fflags ECONNRESET (L: G7)",
        |t| {
            let kq = t.queue();
            let c = reset_connection();
            kq.apply(&[read(&c)]);
            let event = kq.expect_one();
            assert!(event.is_eof(), "{event:?}");
            assert_eq!(errno(event.fflags), Errno::CONNRESET);
        },
    ),
    Case::new(
        "q_r_22_the_queue_leaves_the_error_in_the_socket",
        "after R-21 read() | ECONNRESET still reported (default mode)",
        |t| {
            let kq = t.queue();
            let mut c = reset_connection();
            kq.apply(&[read(&c)]);
            assert_eq!(errno(kq.expect_one().fflags), Errno::CONNRESET);
            let error = c.read(&mut [0]).expect_err("the reset");
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        },
    ),
    Case::new(
        "q_r_23_a_refused_connection_says_so",
        "connect refused, READ | EV_EOF, fflags ECONNREFUSED",
        |t| {
            let port = RefusingPort::new();
            for is_added_first in [true, false] {
                let kq = t.queue();
                let c = unconnected_tcp();
                if is_added_first {
                    kq.apply(&[read(&c)]);
                }
                start_connecting(&c, &port.address);
                if !is_added_first {
                    kq.apply(&[read(&c)]);
                }
                let event = kq.wait_one();
                assert!(event.is_eof(), "{event:?}");
                assert_eq!(errno(event.fflags), Errno::CONNREFUSED);
            }
        },
    ),
    Case::new(
        "q_r_24_an_unconnected_socket_is_not_active",
        "unconnected TCP socket | none",
        |t| {
            let kq = t.queue();
            let c = unconnected_tcp();
            kq.apply(&[read(&c)]);
            kq.expect_none();
            kq.expect_none();
        },
    ),
];

fn connect(l: &TcpListener) -> TcpStream {
    TcpStream::connect(l.local_addr().expect("an address")).expect("a connection")
}

/// Waits until the queue's one event, a level, has come to say `data`.
#[track_caller]
fn wait_for_data(kq: &Queue, data: i64) {
    eventually(&format!("data {data}"), || kq.wait_one().data == data);
}

fn errno(fflags: u32) -> Errno {
    Errno::from_raw_os_error(i32::try_from(fflags).expect("an errno"))
}
