//! WRITE.

use super::*;

#[test]
fn w_01_to_w_04_and_w_30_streams_have_space_until_they_are_full() {
    let (mut a, mut b) = tcp_pair();
    let before = assert_space(writes(&a));
    a.write_all(&[0; 1000]).unwrap();
    assert!(assert_space(writes(&a)) <= before);
    fill(&mut a);
    wait_until(|| {
        // What the peer's window still takes leaves the buffer.
        fill(&mut a);
        writes(&a) == Verdict::Inactive
    });
    let mut block = [0; 65536];
    wait_until(|| {
        let _ = (&b).read(&mut block.clone());
        writes(&a) != Verdict::Inactive
    });
    let _ = b.read(&mut block);
    assert_space(writes(&a));

    let (mut a, _b) = UnixStream::pair().unwrap();
    a.set_nonblocking(true).unwrap();
    let before = assert_space(writes(&a));
    a.write_all(&[0; 1000]).unwrap();
    assert!(assert_space(writes(&a)) < before);
    fill(&mut a);
    assert_eq!(writes(&a), Verdict::Inactive);
}

#[test]
fn w_06_w_07_the_low_water_mark() {
    let (a, _b) = UnixStream::pair().unwrap();
    assert_eq!(writes_with(&a, &low_water(1 << 40)), Verdict::Inactive);
    assert_space(writes_with(&a, &low_water(1)));
}

#[test]
fn w_10_a_unix_peer_that_is_gone_is_end_of_file() {
    for socket_type in [libc::SOCK_STREAM, libc::SOCK_SEQPACKET] {
        let (a, b) = socketpair(socket_type);
        drop(b);
        assert_eq!(writes(&a).eof_errno(), Some(0));
    }
}

#[test]
fn w_11_half_close_by_the_peer_is_no_end() {
    let (a, b) = tcp_pair();
    b.shutdown(Shutdown::Write).unwrap();
    wait_for(&a, RDHUP);
    assert_space(writes(&a));
    let verdict = write::event(a.as_raw_fd(), &mut Kind::Unknown, OUT | RDHUP, &PLAIN);
    assert_space(verdict);
}

#[test]
fn w_12_own_shutdown_is_end_of_file() {
    let (a, _b) = tcp_pair();
    a.shutdown(Shutdown::Write).unwrap();
    assert_eq!(writes(&a).eof_errno(), Some(0));
    let (a, _b) = UnixStream::pair().unwrap();
    a.shutdown(Shutdown::Write).unwrap();
    assert_eq!(writes(&a).eof_errno(), Some(0));
    let (a, _b) = UnixDatagram::pair().unwrap();
    a.shutdown(Shutdown::Write).unwrap();
    assert_eq!(writes(&a).eof_errno(), Some(0));
}

#[test]
fn w_12_a_peer_that_reads_no_more_is_end_of_file_on_a_unix_stream() {
    let (a, b) = UnixStream::pair().unwrap();
    b.shutdown(Shutdown::Read).unwrap();
    assert_eq!(writes(&a).eof_errno(), Some(0));
}

#[test]
fn nothing_is_sent_to_learn_of_a_shutdown() {
    for socket_type in [libc::SOCK_STREAM, libc::SOCK_SEQPACKET, libc::SOCK_DGRAM] {
        let (a, b) = socketpair(socket_type);
        assert_space(writes(&a));
        assert_eq!(reads(&b), Verdict::Inactive);
    }
}

#[test]
fn w_17_a_listener_is_silent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(writes(&listener), Verdict::Inactive);
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    wait_for(&listener, IN);
    assert_eq!(writes(&listener), Verdict::Inactive);
    let directory = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(directory.path().join("socket")).unwrap();
    assert_eq!(writes(&listener), Verdict::Inactive);
}

#[test]
fn w_19_a_fresh_udp_socket_has_space() {
    assert_space(writes(&UdpSocket::bind("127.0.0.1:0").unwrap()));
}

#[test]
fn w_20_to_w_24_pipes() {
    let (reader, mut writer) = io::pipe().unwrap();
    assert_eq!(writes(&writer), active(65536));
    assert_eq!(writes(&reader), Verdict::Inactive);
    writer.write_all(&[0; 65536]).unwrap();
    assert_eq!(writes(&writer), Verdict::Inactive);
    (&reader).read_exact(&mut [0; 4096]).unwrap();
    assert_eq!(writes(&writer), active(4096));
    drop(reader);
    assert_eq!(writes(&writer), eof(0, 0));
}

#[test]
fn space_that_another_thread_has_filled_is_no_event() {
    let (_reader, mut writer) = io::pipe().unwrap();
    let seen = bits(&writer, OUT);
    writer.write_all(&[0; 65536]).unwrap();
    let verdict = write::event(writer.as_raw_fd(), &mut Kind::Unknown, seen, &PLAIN);
    assert_eq!(verdict, Verdict::Inactive);
}
