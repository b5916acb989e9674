//! F3, READ: datagrams, records, and what is out of band.

use std::net::UdpSocket;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};

use rustix::event::PollFlags;
use rustix::io::Errno;
use socket2::{Domain, Socket, Type};

use crate::case::{Case, Run};
use crate::fixture::{
    closed_udp_port, ident, read, receive, send, tcp_stream_pair, udp, unix_stream_pair,
    until_polled,
};

/// The rows of this file.
pub(super) const CASES: &[Case] = &[
    Case::new(
        "q_r_25_data_is_the_datagram",
        "UDP 10-byte datagram | data 10",
        |t| {
            let kq = t.queue();
            let (receiver, sender) = udp_pair();
            kq.apply(&[read(&receiver)]);
            kq.expect_none();
            sender.send(&[0; 10]).expect("a datagram");
            let event = kq.wait_one();
            assert_eq!((event.ident, event.data), (ident(&receiver), 10));
            assert!(!event.is_eof());
        },
    ),
    Case::new(
        "q_r_26_data_is_the_next_datagram",
        "two datagrams 10, 20 | data 30 (L: 10)",
        |t| {
            let kq = t.queue();
            let (receiver, sender) = udp_pair();
            kq.apply(&[read(&receiver)]);
            sender.send(&[0; 10]).expect("a datagram");
            sender.send(&[0; 20]).expect("a datagram");
            assert_eq!(kq.wait_one().data, 10);
            assert_eq!(receiver.recv(&mut [0; 64]).expect("the first"), 10);
            assert_eq!(kq.wait_one().data, 20);
        },
    ),
    Case::new(
        "q_r_27_an_empty_datagram_is_an_event",
        "empty datagram | ev data 0",
        |t| {
            let kq = t.queue();
            let (receiver, sender) = udp_pair();
            kq.apply(&[read(&receiver)]);
            sender.send(&[]).expect("a datagram");
            let event = kq.wait_one();
            assert_eq!((event.data, event.is_eof()), (0, false));
            assert_eq!(receiver.recv(&mut [0; 64]).expect("it is there"), 0);
            kq.expect_none();
        },
    ),
    Case::new(
        "q_r_28_an_unreachable_port_is_no_end_of_file",
        "UDP connected to closed port, send | ev without EV_EOF",
        |t| {
            let kq = t.queue();
            let (_holder, address) = closed_udp_port().expect("a port");
            let sender = udp();
            sender.connect(address).expect("connect");
            kq.apply(&[read(&sender)]);
            kq.expect_none();
            sender.send(&[0; 10]).expect("a datagram");
            let event = kq.wait_one();
            assert_eq!((event.ident, event.is_eof()), (ident(&sender), false));
            assert_eq!(event.fflags, 0, "an error comes only with EV_EOF");
            let error = sender.recv(&mut [0; 64]).expect_err("the error is left");
            assert_eq!(
                error.raw_os_error(),
                Some(Errno::CONNREFUSED.raw_os_error())
            );
            kq.expect_none();
        },
    ),
    Case::new(
        "q_r_29_unix_datagrams_count_their_payload",
        "unix dgram | data = payload",
        |t| {
            let kq = t.queue();
            let (receiver, sender) = UnixDatagram::pair().expect("a pair");
            kq.apply(&[read(&receiver)]);
            kq.expect_none();
            sender.send(&[0; 12]).expect("a datagram");
            assert_eq!(kq.expect_one().data, 12);
        },
    ),
    Case::new(
        "q_r_62_seqpacket_and_abstract_sockets",
        "seqpacket and AF_UNIX abstract sockets | as stream / datagram",
        |t| {
            seqpacket(t);
            abstract_name(t);
        },
    ),
    Case::new(
        "q_r_63_an_urgent_byte_alone",
        "urgent byte only, TCP | READ per SO_OOBINLINE, no crash; unix stream: no READ ev (recv \
         would block)",
        |t| {
            for is_inline in [false, true] {
                let kq = t.queue();
                let pair = tcp_stream_pair();
                pair.near
                    .set_out_of_band_inline(is_inline)
                    .expect("SO_OOBINLINE");
                kq.apply(&[read(&pair.near)]);
                pair.far.send_out_of_band(b"!").expect("an urgent byte");
                until_polled(&pair.near, PollFlags::PRI);
                if is_inline {
                    assert_eq!(kq.expect_one().data, 1);
                } else {
                    kq.expect_none();
                }
                send(&pair.far, 3);
                // FIONREAD counts up to the mark only, yet recv has something to give.
                let event = kq.wait_one();
                assert_eq!((event.ident, event.is_eof()), (ident(&pair.near), false));
            }
            urgent_on_unix(t);
        },
    ),
];

/// Two UDP sockets; the second sends to the first.
fn udp_pair() -> (UdpSocket, UdpSocket) {
    let (receiver, sender) = (udp(), udp());
    let address = receiver.local_addr().expect("an address");
    sender.connect(address).expect("connect");
    (receiver, sender)
}

fn seqpacket(t: &Run<'_>) {
    let kq = t.queue();
    let (near, far) = Socket::pair(Domain::UNIX, Type::SEQPACKET, None).expect("a pair");
    near.set_nonblocking(true).expect("a non-blocking socket");
    kq.apply(&[read(&near)]);
    kq.expect_none();
    far.send(&[0; 10]).expect("a record");
    far.send(&[0; 20]).expect("a record");
    let event = kq.expect_one();
    assert!(event.data >= 10 && !event.is_eof(), "{event:?}");
    // One record each, though there is room for both.
    receive_record(&near, 10);
    assert_eq!(kq.expect_one().data, 20);
    receive_record(&near, 20);
    kq.expect_none();
    drop(far);
    assert!(kq.expect_one().is_eof());
}

fn receive_record(mut from: &Socket, length: usize) {
    let count = std::io::Read::read(&mut from, &mut [0; 64]).expect("a record");
    assert_eq!(count, length);
}

fn abstract_name(t: &Run<'_>) {
    let kq = t.queue();
    let name = format!("kevent-conformance-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(name).expect("an abstract name");
    let l = UnixListener::bind_addr(&address).expect("a listener");
    kq.apply(&[read(&l)]);
    kq.expect_none();
    let c = UnixStream::connect_addr(&address).expect("a connection");
    let event = kq.expect_one();
    assert_eq!((event.ident, event.is_eof()), (ident(&l), false));
    assert!(event.data >= 1);
    let (s, _) = l.accept().expect("the connection");
    kq.apply(&[read(&s)]);
    send(&c, 5);
    let event = kq.expect_one();
    assert_eq!((event.ident, event.data), (ident(&s), 5));
}

/// The kernel says IN and FIONREAD counts the byte, though recv would block.
fn urgent_on_unix(t: &Run<'_>) {
    let kq = t.queue();
    let pair = unix_stream_pair();
    kq.apply(&[read(&pair.near)]);
    match pair.far.send_out_of_band(b"!") {
        Ok(_) => {}
        Err(error) if error.raw_os_error() == Some(Errno::OPNOTSUPP.raw_os_error()) => {
            return t.note("this kernel has no urgent data on unix sockets");
        }
        Err(error) => panic!("an urgent byte: {error}"),
    }
    until_polled(&pair.near, PollFlags::PRI);
    kq.expect_none();
    send(&pair.far, 3);
    assert!(kq.expect_one().data >= 3, "ordinary data behind it");
    receive(&pair.near, 3);
    kq.expect_none();
}
