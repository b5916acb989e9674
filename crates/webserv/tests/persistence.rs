//! Group F: connections, and F06 to F08: pipelining.

mod fixture;

use std::fmt::Write;

use fixture::{Fixture, H, NEXT};

#[test]
fn h_f01_f21_many_requests_on_one_connection() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    for _ in 0..1000 {
        client.send(NEXT);
        assert_eq!(client.answer().body.len(), 1000);
    }
    drop(client);
    fixture.finish();
}

#[test]
fn h_f02_to_f05_b17_options_of_a_connection() {
    let fixture = Fixture::new();
    for (version, lines, connection) in [
        ("1.1", "Connection: close\r\n", "close"),
        ("1.1", "Connection: Keep-Alive, close\r\n", "close"),
        ("1.0", "", "close"),
        ("1.0", "Connection: keep-alive\r\n", "keep-alive"),
    ] {
        let mut client = fixture.connect();
        client.send(format!("GET /k1.txt HTTP/{version}\r\n{H}{lines}\r\n"));
        assert_eq!(client.answer().field("connection"), Some(connection));
        if connection == "close" {
            assert_eq!(client.rest(), b"");
        } else {
            client.send(NEXT);
            assert_eq!(client.answer().status, 200);
        }
    }
    fixture.finish();
}

#[test]
fn h_f06_a_hundred_pipelined_requests() {
    let fixture = Fixture::new();
    let mut requests = String::new();
    for number in 0..100 {
        fixture
            .site
            .write(&format!("n{number}"), number.to_string());
        write!(requests, "GET /n{number} HTTP/1.1\r\n{H}\r\n").unwrap();
    }
    let mut client = fixture.connect();
    client.send(requests);
    for number in 0..100 {
        assert_eq!(client.answer().text(), number.to_string());
    }
    drop(client);
    fixture.finish();
}

#[test]
fn pipelined_requests_may_be_cut_anywhere() {
    let fixture = Fixture::new();
    let mut requests = String::new();
    for target in [
        "/k1.txt",
        "/none",
        "/big.bin",
        "/empty.txt",
        "/sub/",
        "/k1.txt",
    ] {
        write!(requests, "GET {target} HTTP/1.1\r\n{H}\r\n").unwrap();
    }
    for piece in [1, 7, 45, 50, 64] {
        let mut client = fixture.connect();
        for bytes in requests.as_bytes().chunks(piece) {
            client.send(bytes);
        }
        let statuses: Vec<u16> = (0..6).map(|_| client.answer().status).collect();
        assert_eq!(
            statuses,
            [200, 404, 200, 200, 200, 200],
            "in pieces of {piece}"
        );
    }
    fixture.finish();
}

#[test]
fn h_f07_methods_in_a_pipeline() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    client.send(format!(
        "{NEXT}POST /k1.txt HTTP/1.1\r\n{H}Content-Length: 5\r\n\r\nhello\
         HEAD /k1.txt HTTP/1.1\r\n{H}\r\n{NEXT}"
    ));
    assert_eq!(client.answer().status, 200);
    assert_eq!(client.answer().status, 405);
    assert_eq!(client.answer_to(b"HEAD").status, 200);
    assert_eq!(client.answer().body.len(), 1000);
    drop(client);
    fixture.finish();
}

#[test]
fn h_f08_a_malformed_request_ends_a_pipeline() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    client.send(format!("{NEXT}GET  / HTTP/1.1\r\n{H}\r\n{NEXT}"));
    assert_eq!((client.answer().status, client.answer().status), (200, 400));
    assert_eq!(client.rest(), b"");
    fixture.finish();
}

#[test]
fn h_f09_a_client_that_has_finished_sending_gets_its_answer() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    client.send(format!("GET /big.bin HTTP/1.1\r\n{H}\r\n"));
    client.finish_sending();
    assert!(client.answer().body == fixture::site::big());
    assert_eq!(client.rest(), b"");
    fixture.finish();
}

#[test]
fn h_f10_to_f12_clients_that_go_away() {
    let fixture = Fixture::new();
    for request in ["", "GET /k1.t", "GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let mut client = fixture.connect();
        client.send(request);
        if request.ends_with("\r\n\r\n") {
            client.fill();
        }
        // With unread data or this option, closing is a reset.
        socket2::SockRef::from(&client.stream)
            .set_linger(Some(std::time::Duration::ZERO))
            .unwrap();
    }
    fixture.finish();
}

#[test]
fn h_f15_to_f18_f25_expectations() {
    let fixture = Fixture::new();
    let head = |method: &str, expectation: &str| {
        format!(
            "{method} /k1.txt HTTP/1.1\r\n{H}Expect: {expectation}\r\nContent-Length: 5\r\n\r\n"
        )
    };
    for expectation in ["100-continue", "100-CONTINUE"] {
        let mut client = fixture.connect();
        client.send(head("GET", expectation));
        assert_eq!(client.answer().status, 100);
        client.send(format!("hello{NEXT}"));
        assert_eq!((client.answer().status, client.answer().status), (200, 200));
    }
    // F16: no 100 before a refusal.
    let mut client = fixture.connect();
    client.send(head("POST", "100-continue"));
    let answer = client.answer();
    assert_eq!(
        (answer.status, answer.field("connection")),
        (405, Some("close"))
    );
    // F17: the content is there already.
    let mut client = fixture.connect();
    client.send(head("GET", "100-continue") + "hello");
    assert_eq!(client.answer().status, 200);
    fixture.rejects(head("GET", "200-maybe"), &[417]);
    // F25: HTTP/1.0 has no expectations; without content there is nothing to wait for.
    let old = "GET /k1.txt HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello";
    assert_eq!(fixture.exchange(old).status, 200);
    assert_eq!(
        fixture
            .get_with("/k1.txt", "Expect: 100-continue\r\nContent-Length: 0\r\n")
            .status,
        200
    );
    drop(client);
    fixture.finish();
}

#[test]
fn h_f19_f20_upgrades_are_not_taken() {
    let fixture = Fixture::new();
    for lines in [
        "Connection: Upgrade\r\nUpgrade: websocket\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n",
        "Connection: X-A\r\nX-A: 1\r\n",
    ] {
        assert_eq!(fixture.get_with("/k1.txt", lines).status, 200, "{lines}");
    }
    fixture.finish();
}

#[test]
fn h_f23_a_client_with_a_small_buffer() {
    let fixture = Fixture::new();
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&fixture.server.address().into()).unwrap();
    let mut stream = std::net::TcpStream::from(socket);
    stream.set_read_timeout(Some(fixture::DEADLINE)).unwrap();
    let request =
        format!("GET /big.bin HTTP/1.1\r\n{H}Range: bytes=0-1999999\r\nConnection: close\r\n\r\n");
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    let mut received = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut received).unwrap();
    assert!(received.ends_with(&fixture::site::big()[..2_000_000]));
    drop(stream);
    fixture.finish();
}

#[test]
fn h_f24_head_and_small_content_leave_in_one_write() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    for _ in 0..100 {
        client.send(NEXT);
        client.fill();
        assert!(
            client.buffered().ends_with(b"line 0099\n"),
            "the whole answer in one read"
        );
        client.answer();
    }
    drop(client);
    fixture.finish();
}
