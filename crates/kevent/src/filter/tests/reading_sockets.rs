//! READ on sockets.

use super::*;

#[test]
fn r_01_to_03_a_tcp_listener_counts_its_backlog() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(reads(&listener), Verdict::Inactive);
    let address = listener.local_addr().unwrap();
    let _clients = [(); 3].map(|()| TcpStream::connect(address).unwrap());
    wait_until(|| reads(&listener) == active(3));
    let _accepted = listener.accept().unwrap();
    assert_eq!(reads(&listener), active(2));
}

#[test]
fn r_02_a_unix_listener_counts_its_backlog() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let _clients = [(); 3].map(|()| UnixStream::connect(&path).unwrap());
    assert_eq!(reads(&listener), active(3));
}

#[test]
fn r_05_a_known_socket_may_begin_to_listen() {
    let fd = socket(libc::AF_INET, libc::SOCK_STREAM);
    let port = bind_loopback(&fd);
    let mut kind = Kind::Unknown;
    assert_eq!(
        read::event(fd.as_raw_fd(), &mut kind, bits(&fd, IN), &PLAIN),
        Verdict::Inactive
    );
    assert_eq!(kind, Kind::Tcp);
    listen(&fd);
    let _client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    wait_for(&fd, IN);
    assert_eq!(
        read::event(fd.as_raw_fd(), &mut kind, IN, &PLAIN),
        active(1)
    );
}

#[test]
fn r_06_r_07_a_stream_counts_its_bytes() {
    for (mut near, far) in [
        {
            let (a, b) = tcp_pair();
            (Box::new(b) as Box<dyn Write>, OwnedFd::from(a))
        },
        {
            let (a, b) = UnixStream::pair().unwrap();
            (Box::new(b) as Box<dyn Write>, OwnedFd::from(a))
        },
    ] {
        assert_eq!(reads(&far), Verdict::Inactive);
        near.write_all(b"abc").unwrap();
        wait_until(|| reads(&far) == active(3));
        near.write_all(b"defg").unwrap();
        wait_until(|| reads(&far) == active(7));
    }
}

#[test]
fn data_that_another_thread_has_read_is_no_event() {
    let (mut reader, mut writer) = io::pipe().unwrap();
    writer.write_all(b"x").unwrap();
    let seen = bits(&reader, IN);
    reader.read_exact(&mut [0]).unwrap();
    assert_eq!(
        read::event(reader.as_raw_fd(), &mut Kind::Unknown, seen, &PLAIN),
        Verdict::Inactive
    );
}

#[test]
fn r_09_to_r_12_the_low_water_mark() {
    let (a, mut b) = UnixStream::pair().unwrap();
    b.write_all(b"123456789").unwrap();
    assert_eq!(reads_with(&a, &low_water(10)), Verdict::Inactive);
    assert_eq!(reads_with(&a, &low_water(2)), active(9));
    b.write_all(b"0").unwrap();
    assert_eq!(reads_with(&a, &low_water(10)), active(10));
    drop(b);
    assert_eq!(reads_with(&a, &low_water(11)), eof(10, 0));
}

#[test]
fn r_14_r_15_a_unix_socket_has_a_low_water_mark_of_its_own() {
    let (a, mut b) = UnixStream::pair().unwrap();
    set_receive_low_water(&a, 10);
    b.write_all(b"12345").unwrap();
    assert_eq!(reads(&a), Verdict::Inactive);
    assert_eq!(reads_with(&a, &low_water(5)), active(5));
    b.write_all(b"67890").unwrap();
    assert_eq!(reads(&a), active(10));
}

#[test]
fn r_16_r_17_a_half_closed_peer_is_end_of_file_beside_the_data() {
    let (mut a, mut b) = tcp_pair();
    b.write_all(b"abc").unwrap();
    b.shutdown(Shutdown::Write).unwrap();
    wait_for(&a, RDHUP);
    assert_eq!(reads(&a), eof(3, 0));
    a.read_exact(&mut [0; 3]).unwrap();
    assert_eq!(reads(&a), eof(0, 0));
}

#[test]
fn r_18_own_shutdown_is_end_of_file() {
    let (a, _b) = tcp_pair();
    a.shutdown(Shutdown::Read).unwrap();
    assert_eq!(reads(&a), eof(0, 0));
    let (a, _b) = UnixStream::pair().unwrap();
    a.shutdown(Shutdown::Read).unwrap();
    assert_eq!(reads(&a), eof(0, 0));
}

#[test]
fn r_21_r_22_a_reset_is_told_and_left_to_the_program() {
    let (mut a, b) = tcp_pair();
    set_reset_on_close(&b);
    drop(b);
    wait_for(&a, ERR);
    assert_eq!(reads(&a), eof(0, libc::ECONNRESET));
    assert_eq!(writes(&a).eof_errno(), Some(libc::ECONNRESET));
    assert_eq!(
        a.read(&mut [0]).unwrap_err().kind(),
        io::ErrorKind::ConnectionReset
    );
    assert_eq!(reads(&a), eof(0, 0));
}

#[test]
fn an_exact_error_is_taken_from_the_program() {
    let (mut a, b) = tcp_pair();
    set_reset_on_close(&b);
    drop(b);
    wait_for(&a, ERR);
    let exact = Interest {
        exact_errors: true,
        ..PLAIN
    };
    assert_eq!(reads_with(&a, &exact), eof(0, libc::ECONNRESET));
    assert_eq!(a.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_unix_peer_that_closes_with_unread_data_is_a_reset() {
    let (a, b) = UnixStream::pair().unwrap();
    (&a).write_all(b"unread").unwrap();
    drop(b);
    assert_eq!(reads(&a), eof(0, libc::ECONNRESET));
}

#[test]
fn r_23_w_16_a_refused_connection() {
    let unused = socket(libc::AF_INET, libc::SOCK_STREAM);
    let port = bind_loopback(&unused);
    let fd = socket(libc::AF_INET, libc::SOCK_STREAM);
    connect_loopback(&fd, port);
    wait_for(&fd, ERR);
    assert_eq!(reads(&fd), eof(0, libc::ECONNREFUSED));
    assert_eq!(writes(&fd).eof_errno(), Some(libc::ECONNREFUSED));
}

#[test]
fn r_24_w_18_a_socket_that_never_was_connected_is_silent() {
    for domain in [libc::AF_INET, libc::AF_UNIX] {
        let fd = socket(domain, libc::SOCK_STREAM);
        assert_ne!(bits(&fd, IN | OUT), 0, "Linux reports HUP and OUT");
        assert_eq!(reads(&fd), Verdict::Inactive);
        assert_eq!(writes(&fd), Verdict::Inactive);
        assert_eq!(excepts(&fd), Verdict::Inactive);
    }
}

#[test]
fn r_25_to_r_29_datagrams() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = receiver.local_addr().unwrap();
    assert_eq!(reads(&receiver), Verdict::Inactive);
    sender.send_to(&[], address).unwrap();
    wait_for(&receiver, IN);
    assert_eq!(reads(&receiver), active(0));
    receiver.recv(&mut [0]).unwrap();
    sender.send_to(&[0; 10], address).unwrap();
    sender.send_to(&[0; 20], address).unwrap();
    wait_for(&receiver, IN);
    assert_eq!(reads(&receiver), active(10));

    let (a, b) = UnixDatagram::pair().unwrap();
    b.send(&[0; 7]).unwrap();
    assert_eq!(reads(&a), active(7));
}

#[test]
fn r_28_an_icmp_error_is_active_and_no_end() {
    let gone = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.connect(address).unwrap();
    sender.send(b"x").unwrap();
    wait_for(&sender, ERR);
    assert_eq!(reads(&sender), active(0));
    assert_space(writes(&sender));
    assert!(sender.recv(&mut [0]).is_err());
    sender.set_nonblocking(true).unwrap();
    assert_eq!(reads(&sender), Verdict::Inactive);
}

#[test]
fn r_62_seqpacket() {
    let (a, b) = socketpair(libc::SOCK_SEQPACKET);
    let mut file = File::from(b);
    file.write_all(&[0; 5]).unwrap();
    assert_eq!(reads(&a), active(5));
    drop(file);
    assert_eq!(reads(&a), eof(5, 0));
}

#[test]
fn r_63_an_urgent_byte_alone_is_nothing_to_read_from_a_unix_stream() {
    let (a, b) = UnixStream::pair().unwrap();
    send_urgent(&b, b'!');
    assert_eq!(reads(&a), Verdict::Inactive);
    (&b).write_all(b"x").unwrap();
    assert!(matches!(
        reads(&a),
        Verdict::Active {
            data: 1..,
            fflags: 0,
            eof: false
        }
    ));
    let (a, b) = UnixStream::pair().unwrap();
    (&b).write_all(b"x").unwrap();
    assert_eq!(reads(&a), active(1), "one plain byte is data");
}

#[test]
fn without_data_the_plain_case_asks_nothing() {
    let no_data = Interest {
        want_data: false,
        ..PLAIN
    };
    let mut kind = Kind::Unknown;
    // A number that is not open: any call would notice.
    assert_eq!(read::event(-1, &mut kind, IN, &no_data), active(0));
    assert_eq!(write::event(-1, &mut kind, OUT, &no_data), active(0));
    assert_eq!(kind, Kind::Unknown);
}

#[test]
fn a_closed_number_is_said_so() {
    // poll(2) skips negative numbers; this one is beyond every table.
    let fd = i32::MAX;
    for ready in [0, IN, IN | RDHUP, OUT] {
        for mut kind in [
            Kind::Unknown,
            Kind::Tcp,
            Kind::Regular,
            Kind::PipeWriter,
            Kind::Other,
        ] {
            assert_eq!(read::event(fd, &mut kind, ready, &PLAIN), Verdict::Closed);
            assert_eq!(write::event(fd, &mut kind, ready, &PLAIN), Verdict::Closed);
            assert_eq!(except::event(fd, &mut kind, ready, &PLAIN), Verdict::Closed);
        }
    }
}
