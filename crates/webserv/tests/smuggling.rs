//! Groups D and E: where a request's content ends, shown by what is answered after it.

mod fixture;

use fixture::{Fixture, H, NEXT};

/// Sends a request with content and NEXT behind it; both are answered, on one connection.
#[track_caller]
fn passes(fixture: &Fixture, method: &str, lines: &str, content: &[u8], status: u16) {
    let mut client = fixture.connect();
    client.send(format!("{method} /k1.txt HTTP/1.1\r\n{H}{lines}\r\n"));
    client.send(content);
    client.send(NEXT);
    assert_eq!(
        client.answer().status,
        status,
        "{lines}{}",
        content.escape_ascii()
    );
    let next = client.answer();
    assert_eq!(
        (next.status, next.body.len()),
        (200, 1000),
        "{lines}{}",
        content.escape_ascii()
    );
}

fn post(lines: &str, content: &str) -> String {
    format!("POST /k1.txt HTTP/1.1\r\n{H}{lines}\r\n{content}")
}

#[test]
fn h_d01_d18_d19_content_with_a_length_is_not_a_request() {
    let fixture = Fixture::new();
    passes(&fixture, "POST", "Content-Length: 5\r\n", b"hello", 405);
    passes(&fixture, "GET", "Content-Length: 5\r\n", b"hello", 200);
    passes(&fixture, "POST", "", b"", 405);
    fixture.finish();
}

#[test]
fn h_d02_to_d07_lengths_that_are_none() {
    let fixture = Fixture::new();
    for lines in [
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
    ] {
        fixture.rejects(post(lines, "hello"), &[400]);
    }
    for value in ["+5", "-5", "5a", "5.0", "5e0", "0x05", "٥", "5,6", ""] {
        fixture.rejects(
            post(&format!("Content-Length: {value}\r\n"), "hello"),
            &[400],
        );
    }
    for value in [
        "99999999999999999999",
        "9223372036854775807",
        "9223372036854775808",
    ] {
        fixture.rejects(
            post(&format!("Content-Length: {value}\r\n"), "hello"),
            &[413],
        );
    }
    fixture.finish();
}

#[test]
fn h_d08_to_d17_d27_transfer_codings() {
    let fixture = Fixture::new();
    let content = "0\r\n\r\n";
    for lines in [
        "Content-Length: 40\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "Transfer-Encoding: \0chunked\r\n",
        "Transfer-Encoding: chunked\0\r\n",
        "Transfer-Encoding: chun\rked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunkedx\r\n",
        "Transfer-Encoding: chunk\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked,identity\r\n",
        "Transfer-Encoding: identity,chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    ] {
        fixture.rejects(post(lines, content), &[400, 501]);
    }
    let old = format!("POST /k1.txt HTTP/1.0\r\n{H}Transfer-Encoding: chunked\r\n\r\n{content}");
    fixture.rejects(old, &[400]);
    for value in [
        "\tchunked",
        "chunked ",
        ",chunked",
        "chunked,",
        ", chunked",
        "CHUNKED",
    ] {
        let line = format!("transfer-encoding: {value}\r\n");
        passes(&fixture, "POST", &line, content.as_bytes(), 405);
    }
    fixture.finish();
}

#[test]
fn h_d26_names_and_codings_in_any_case() {
    let fixture = Fixture::new();
    let content = b"5\r\nhello\r\n0\r\n\r\n";
    for lines in [
        "transfer-encoding: CHUNKED\r\n",
        "TRANSFER-ENCODING: Chunked\r\n",
        "tRANSFER-eNCODING: chUNKED\r\n",
    ] {
        passes(&fixture, "POST", lines, content, 405);
        passes(&fixture, "GET", lines, content, 200);
    }
    fixture.finish();
}

#[test]
fn h_d20_e13_e14_content_that_is_cut_off() {
    let fixture = Fixture::new();
    for (lines, content) in [
        ("Content-Length: 100\r\n", "0123456789"),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"),
        ("Transfer-Encoding: chunked\r\n", "0\r\n"),
    ] {
        let mut client = fixture.connect();
        client.send(post(lines, content));
        client.finish_sending();
        assert_eq!(client.answer().status, 400);
        assert_eq!(client.rest(), b"");
    }
    fixture.finish();
}

#[test]
fn h_d21_bytes_behind_the_content_are_the_next_message() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    client.send(post("Content-Length: 5\r\n", "helloworld\r\n\r\n"));
    assert_eq!(client.answer().status, 405);
    assert_eq!(client.answer().status, 400);
    assert_eq!(client.rest(), b"");
    fixture.finish();
}

#[test]
fn h_d22_d24_f22_a_large_content_is_refused_before_it_is_read() {
    let fixture = Fixture::new();
    for (method, status) in [("POST", 405), ("GET", 413)] {
        let mut client = fixture.connect();
        client.send(format!(
            "{method} /k1.txt HTTP/1.1\r\n{H}Content-Length: 900000\r\n\r\n"
        ));
        // The client goes on sending, and still reads the answer.
        client.send_quietly("GET /empty.txt HTTP/1.1\r\nHost: a\r\n\r\n".repeat(10_000));
        let answer = client.answer();
        assert_eq!(
            (answer.status, answer.field("connection")),
            (status, Some("close"))
        );
        assert_eq!(client.rest(), b"");
    }
    fixture.finish();
}

#[test]
fn h_d25_answers_without_content() {
    let fixture = Fixture::new();
    let tag = fixture.get("/k1.txt").field("etag").unwrap().to_owned();
    for (request, status) in [
        (format!("HEAD /k1.txt HTTP/1.1\r\n{H}\r\n"), 200),
        (format!("OPTIONS /k1.txt HTTP/1.1\r\n{H}\r\n"), 204),
        (
            format!("GET /k1.txt HTTP/1.1\r\n{H}If-None-Match: {tag}\r\n\r\n"),
            304,
        ),
    ] {
        let mut client = fixture.connect();
        client.send(format!("{request}{NEXT}"));
        assert_eq!(client.answer_to(request.as_bytes()).status, status);
        assert_eq!(client.answer().body.len(), 1000);
    }
    fixture.finish();
}

#[test]
fn h_d28_content_that_is_itself_a_request_and_comes_late() {
    let fixture = Fixture::new();
    let content = format!("GET /empty.txt HTTP/1.1\r\n{H}\r\n");
    let mut client = fixture.connect();
    client.send(format!(
        "GET /k1.txt HTTP/1.1\r\n{H}Content-Length: {}\r\n\r\n",
        content.len()
    ));
    std::thread::sleep(std::time::Duration::from_millis(200));
    client.send(content);
    client.send(NEXT);
    assert_eq!(client.answer().body.len(), 1000);
    assert_eq!(client.answer().body.len(), 1000);
    drop(client);
    fixture.finish();
}

#[test]
fn h_e01_to_e05_e18_e19_chunked_content() {
    let fixture = Fixture::new();
    let line = "Transfer-Encoding: chunked\r\n";
    for content in [
        "5\r\nhello\r\n0\r\n\r\n",
        "005\r\nhello\r\n000\r\n\r\n",
        "a\r\n0123456789\r\n0\r\n\r\n",
        "5;name=value\r\nhello\r\n0\r\n\r\n",
        "5 ; name=\"quo;ted\"\r\nhello\r\n0\r\n\r\n",
        "5;name\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nA: b\r\nC: d\r\n\r\n",
        "5\r\nhello\r\n0\r\nTransfer-Encoding: x\r\nAuthorization: y\r\n\r\n",
    ] {
        passes(&fixture, "GET", line, content.as_bytes(), 200);
    }
    let mut client = fixture.connect();
    client.send(format!("GET /k1.txt HTTP/1.1\r\n{H}{line}\r\n"));
    for byte in b"5;x\r\nhello\r\n0\r\nA: b\r\n\r\n" {
        client.send([*byte]);
    }
    client.send(NEXT);
    assert_eq!((client.answer().status, client.answer().status), (200, 200));
    drop(client);
    fixture.finish();
}

#[test]
fn h_e06_to_e12_e15_e17_malformed_chunks() {
    let fixture = Fixture::new();
    let extension = format!("1;{}\r\nx\r\n", "e".repeat(4000)).repeat(10);
    let trailer = format!("0\r\n{}\r\n", "A: b\r\n".repeat(17_000));
    for (content, status) in [
        ("g\r\nhello", 400),
        ("5g\r\nhello", 400),
        ("+5\r\nhello", 400),
        ("-5\r\nhello", 400),
        ("5.\r\nhello", 400),
        ("٥\r\nhello", 400),
        ("FFFFFFFFFFFFFFFF\r\nhello", 413),
        ("8000000000000000\r\nhello", 413),
        (
            "0000000000000000000000000000000000000005\r\nhello\r\n0\r\n\r\n",
            400,
        ),
        ("5\nhello\n0\n\n", 400),
        ("5\rhello\r\n0\r\n\r\n", 400),
        ("5\r\nhello\r0\r\n\r\n", 400),
        ("5\r\nhell\r\n0\r\n\r\n", 400),
        ("5\r\nhello!\r\n0\r\n\r\n", 400),
        ("0\r\nX\r\n\r\n", 400),
        (&extension, 413),
        (&trailer, 431),
    ] {
        let head = format!("GET /k1.txt HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n");
        fixture.rejects(head + content, &[status]);
    }
    fixture.finish();
}

#[test]
fn h_e16_many_small_chunks() {
    let fixture = Fixture::new();
    let content = [&b"1\r\nx\r\n".repeat(100_000)[..], b"0\r\n\r\n"].concat();
    passes(
        &fixture,
        "GET",
        "Transfer-Encoding: chunked\r\n",
        &content,
        200,
    );
    fixture.finish();
}
