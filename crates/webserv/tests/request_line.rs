//! Group A: request lines, and group B: field lines, as far as static files show them.

mod fixture;

use fixture::{Fixture, H};

#[test]
fn h_a01_a_file_is_answered() {
    let fixture = Fixture::new();
    let answer = fixture.exchange(format!("GET /k1.txt HTTP/1.1\r\n{H}\r\n"));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.field("content-length"), Some("1000"));
    assert_eq!(
        answer.field("last-modified"),
        Some(fixture::site::MODIFIED_TEXT)
    );
    assert_eq!(answer.body, fixture::site::k1());
    fixture.finish();
}

#[test]
fn h_a02_http_1_0_needs_no_host_and_closes() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    client.send("GET /k1.txt HTTP/1.0\r\n\r\n");
    let answer = client.answer();
    assert_eq!(
        (answer.status, answer.field("connection")),
        (200, Some("close"))
    );
    assert_eq!(client.rest(), b"");
    fixture.finish();
}

#[test]
fn h_a03_http_0_9_is_refused_at_once() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    client.send("GET /k1.txt\r\n");
    assert_eq!(client.answer().status, 400);
    assert_eq!(client.rest(), b"");
    fixture.finish();
}

#[test]
fn h_a04_one_empty_line_is_skipped() {
    let fixture = Fixture::new();
    assert_eq!(
        fixture
            .exchange(format!("\r\nGET /k1.txt HTTP/1.1\r\n{H}\r\n"))
            .status,
        200
    );
    fixture.finish();
}

#[test]
fn h_a05_many_empty_lines_are_refused() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    client.send("\r\n".repeat(1000));
    assert_eq!(client.answer().status, 400);
    assert_eq!(client.rest(), b"");
    fixture.finish();
}

#[test]
fn h_a06_to_a19_malformed_request_lines_are_rejected() {
    let fixture = Fixture::new();
    for line in [
        &b"GET  /k1.txt HTTP/1.1"[..],
        b" GET /k1.txt HTTP/1.1",
        b"GET /k1 .txt HTTP/1.1",
        b"GET /k1.txt",
        b"GET HTTP/1.1",
        b"GET /k1.txt\rHTTP/1.1",
        b"GET /k1.txt HTTP/1.",
        b"GET /k1.txt HTTP/.1",
        b"GET /k1.txt HTTP/1,1",
        b"GET /k1.txt HTTP/11",
        b"GET /k1.txt HTP/1.1",
        b"GE\x00T / HTTP/1.1",
        b"G\x7fET / HTTP/1.1",
        b"G\xc3\x89T / HTTP/1.1",
        b"GET, / HTTP/1.1",
        b"GET / HTTP/1.1\x00",
    ] {
        let request = [line, b"\r\n", H.as_bytes(), b"\r\n"].concat();
        fixture.rejects(request, &[400]);
    }
    fixture.finish();
}

#[test]
fn h_a11_empty_lines_alone_have_no_success() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    client.send("\r\n\r\n");
    assert_eq!(client.answer().status, 400);
    fixture.finish();
}

#[test]
fn h_a12_b09_b11_bare_line_feeds_are_refused_everywhere() {
    let fixture = Fixture::new();
    for request in [
        "GET /k1.txt HTTP/1.1\nHost: localhost\n\n",
        "GET /k1.txt HTTP/1.1\r\nHost: localhost\nX: 1\r\n\r\n",
        "GET /k1.txt HTTP/1.1\r\nHost: localhost\r\nX: 1\n\r\n",
        "GET /k1.txt HTTP/1.1\r\nHost: localhost\r\nX: 1\r\n\n",
        "GET /k1.txt HTTP/1.1\r\nHost: localhost\r\nX: 1\r\n\r\r\n",
    ] {
        fixture.rejects(request, &[400]);
    }
    fixture.finish();
}

#[test]
fn h_a13_a25_a_head_may_come_in_pieces() {
    let fixture = Fixture::new();
    for pieces in [
        &["GET /k1.txt HTTP/1.1\r", "\nHost: localhost\r\n\r\n"][..],
        &["GE", "T /k1.txt HT", "TP/1.1\r\nHost: localhost\r\n\r\n"],
        &["GET /k1.txt HTTP/1.1\r\nHost: localhost\r\n\r", "\n"],
    ] {
        let mut client = fixture.connect();
        for piece in pieces {
            client.send(piece);
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        assert_eq!(client.answer().status, 200);
    }
    fixture.finish();
}

#[test]
fn h_a16_a17_versions() {
    let fixture = Fixture::new();
    assert_eq!(
        fixture
            .exchange(format!("GET /k1.txt HTTP/1.2\r\n{H}\r\n"))
            .status,
        200
    );
    for version in ["3.0", "0.9", "9.9", "2.0"] {
        fixture.rejects(format!("GET /k1.txt HTTP/{version}\r\n{H}\r\n"), &[505]);
    }
    fixture.finish();
}

#[test]
fn h_a20_a21_long_targets() {
    let fixture = Fixture::new();
    let line = |length: usize| format!("GET /{} HTTP/1.1\r\n{H}\r\n", "x".repeat(length - 15));
    assert_eq!(fixture.exchange(line(8000)).status, 404);
    let mut client = fixture.connect();
    client.send_quietly(line(70_000));
    assert_eq!(client.answer().status, 414);
    assert_eq!(client.rest(), b"");
    fixture.finish();
}

#[test]
fn h_a22_a24_characters_in_the_target() {
    let fixture = Fixture::new();
    for target in [
        &b"/k1.txt#frag"[..],
        b"/\x01",
        b"/\x1f",
        b"/\"",
        b"/<",
        b"/\xff",
    ] {
        let request = [b"GET ", target, b" HTTP/1.1\r\n", H.as_bytes(), b"\r\n"].concat();
        fixture.rejects(request, &[400]);
    }
    for target in ["/k1.txt?", "/k1.txt?a=b&c", "/k1.txt?/../../x"] {
        assert_eq!(fixture.get(target).status, 200, "{target}");
    }
    fixture.finish();
}

#[test]
fn h_b01_to_b07_b22_malformed_field_lines_are_rejected() {
    let fixture = Fixture::new();
    for line in [
        &b"X-A : 1"[..],
        b"X-A: 1\r\n folded",
        b"X-(A): 1",
        b"X A: 1",
        b"X\x01A: 1",
        b"X-A: a\x0bb",
        b"X-A: a\x1fb",
        b"X-A: a\x7fb",
        b"X-A: a\0b",
        b"X-A: a\rb",
    ] {
        let request = [b"GET /k1.txt HTTP/1.1\r\n", H.as_bytes(), line, b"\r\n\r\n"].concat();
        fixture.rejects(request, &[400]);
    }
    fixture.rejects(format!("GET /k1.txt HTTP/1.1\r\n X: 1\r\n{H}\r\n"), &[400]);
    fixture.finish();
}

#[test]
fn h_b04_b05_b08_b10_b16_to_b18_odd_but_legal_field_lines_pass() {
    let fixture = Fixture::new();
    for lines in [
        &b"X-A:1\r\nX-A:   1   \r\nX-A:\t1\t\r\n"[..],
        b"X-A:\r\n",
        b"X-A: caf\xe9\r\n",
        b"Frob: 1\r\n",
        b"Content-Type: text/plain\r\nContent-Type: text/html\r\n",
        b"Connection: close\r\nConnection: close\r\nConnection: close\r\n",
        b"Connection: close, close\r\n",
        b"Upgrade: websocket\r\nConnection: upgrade\r\n",
        b"Connection: X-A\r\nX-A: 1\r\n",
    ] {
        let request = [
            b"GET /k1.txt HTTP/1.1\r\nhOsT: localhost\r\n",
            lines,
            b"\r\n",
        ]
        .concat();
        assert_eq!(
            fixture.exchange(request).status,
            200,
            "{}",
            lines.escape_ascii()
        );
    }
    fixture.finish();
}

#[test]
fn h_b12_to_b15_sizes_of_the_head() {
    let fixture = Fixture::new();
    assert_eq!(
        fixture
            .get_with("/k1.txt", &format!("X: {}\r\n", "v".repeat(7995)))
            .status,
        200
    );
    assert_eq!(
        fixture
            .get_with("/k1.txt", &format!("X: {}\r\n", "v".repeat(30_000)))
            .status,
        200
    );
    assert_eq!(
        fixture.get_with("/k1.txt", &"X: a\r\n".repeat(100)).status,
        200
    );
    for lines in [
        format!("X: {}\r\n", "v".repeat(33 * 1024)),
        "X: a\r\n".repeat(1000),
        "X: a\r\n".repeat(10_000),
        "X".repeat(70_000),
    ] {
        let mut client = fixture.connect();
        client.send_quietly(format!("GET /k1.txt HTTP/1.1\r\n{H}{lines}\r\n"));
        assert_eq!(client.answer().status, 431);
        assert_eq!(client.rest(), b"");
    }
    fixture.finish();
}

#[test]
fn h_b19_a_length_of_zero_in_a_get() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    client.send(format!(
        "GET /k1.txt HTTP/1.1\r\n{H}Content-Length: 0\r\n\r\n{}",
        fixture::NEXT
    ));
    assert_eq!((client.answer().status, client.answer().status), (200, 200));
    drop(client);
    fixture.finish();
}
