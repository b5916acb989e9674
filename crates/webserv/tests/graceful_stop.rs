//! SIGTERM and SIGINT: N10, N11, N12.

mod fixture;

use fixture::{Client, H, NEXT, Process, Site};
use rustix::process::Signal;

#[test]
fn h_n10_idle_connections_end_and_the_exit_code_is_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let site = Site::new();
        let server = Process::start(site.root(), &[]);
        let mut fresh = Client::connect(server.address());
        let mut idle = Client::connect(server.address());
        idle.send(NEXT);
        idle.answer();
        server.signal(signal);
        assert_eq!(idle.rest(), b"");
        assert_eq!(fresh.rest(), b"");
        let (status, _) = server.wait();
        assert_eq!(status.code(), Some(0));
    }
}

#[test]
fn h_n10_a_running_answer_finishes() {
    let site = Site::new();
    let server = Process::start(site.root(), &[]);
    let mut client = Client::connect(server.address());
    client.send(format!("GET /big.bin HTTP/1.1\r\n{H}\r\n"));
    client.fill();
    server.signal(Signal::TERM);
    // The listening socket closes while the answer is under way.
    fixture::eventually("connections are refused", || {
        std::net::TcpStream::connect(server.address()).is_err()
    });
    assert!(client.answer().body == fixture::site::big());
    assert_eq!(client.rest(), b"");
    let (status, _) = server.wait();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn h_n10_a_request_that_has_begun_is_answered_and_told_of_the_end() {
    let site = Site::new();
    let server = Process::start(site.root(), &[]);
    let mut client = Client::connect(server.address());
    let (begin, end) = NEXT.split_at(10);
    client.send(NEXT);
    client.answer();
    client.send(begin);
    // A second connection's answer shows that the worker has had its turn since.
    let mut other = Client::connect(server.address());
    other.send(NEXT);
    other.answer();
    server.signal(Signal::TERM);
    assert_eq!(other.rest(), b"");
    client.send(end);
    let answer = client.answer();
    assert_eq!(
        (answer.status, answer.field("connection")),
        (200, Some("close"))
    );
    assert_eq!(client.rest(), b"");
    assert_eq!(server.wait().0.code(), Some(0));
}

#[test]
fn h_n11_a_second_signal_ends_at_once() {
    let site = Site::new();
    let server = Process::start(site.root(), &[]);
    let mut client = Client::connect(server.address());
    client.send(format!("GET /big.bin HTTP/1.1\r\n{H}\r\n"));
    client.fill();
    server.signal(Signal::TERM);
    fixture::eventually("connections are refused", || {
        std::net::TcpStream::connect(server.address()).is_err()
    });
    server.signal(Signal::TERM);
    assert_eq!(server.wait().0.code(), Some(1));
}

#[test]
fn h_n12_other_signals_are_survived() {
    let site = Site::new();
    let server = Process::start(site.root(), &[]);
    for signal in [Signal::PIPE, Signal::CHILD, Signal::STOP, Signal::CONT] {
        server.signal(signal);
    }
    let mut client = Client::connect(server.address());
    client.send(NEXT);
    assert_eq!(client.answer().status, 200);
}
