//! Group Q: what holds for every answer, whatever it says.

#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

mod fixture;

use std::fs;
use std::time::SystemTime;

use fixture::{Answer, Fixture, H};

/// Requests for one answer of each kind, with the status they lead to.
fn requests() -> Vec<(String, u16)> {
    let get = |target: &str, lines: &str| format!("GET {target} HTTP/1.1\r\n{H}{lines}\r\n");
    vec![
        (get("/k1.txt", ""), 200),
        (get("/empty.txt", ""), 200),
        (get("/big.bin", ""), 200),
        (get("/sub/", ""), 200),
        (get("/many/", ""), 200),
        (get("/many/", "Accept-Encoding: gzip\r\n"), 200),
        (get("/k1.txt", "Range: bytes=0-1\r\n"), 206),
        (get("/k1.txt", "Range: bytes=0-1,5-6\r\n"), 206),
        (get("/k1.txt", "Range: bytes=5000-\r\n"), 416),
        (get("/k1.txt", "If-Match: \"x\"\r\n"), 412),
        (get("/k1.txt", "If-None-Match: *\r\n"), 304),
        (get("/sub", ""), 301),
        (get("/link-out", ""), 403),
        (get("/none", ""), 404),
        (get("/none", "Accept: application/json\r\n"), 404),
        (get("/none", "Accept: text/plain\r\n"), 404),
        (get("/%", ""), 400),
        (format!("OPTIONS /k1.txt HTTP/1.1\r\n{H}\r\n"), 204),
        (format!("POST /k1.txt HTTP/1.1\r\n{H}\r\n"), 405),
        (format!("BREW /k1.txt HTTP/1.1\r\n{H}\r\n"), 501),
        (format!("GET / HTTP/9.9\r\n{H}\r\n"), 505),
        (get(&format!("/{}", "x".repeat(20_000)), ""), 414),
        (get("/", &format!("X: {}\r\n", "x".repeat(40_000))), 431),
        (get("/", "Expect: 200-maybe\r\n"), 417),
    ]
}

fn site_with_many() -> Fixture {
    let fixture = Fixture::new();
    fs::create_dir(fixture.site.path("many")).unwrap();
    for number in 0..1000 {
        fs::write(fixture.site.path(&format!("many/{number}")), "").unwrap();
    }
    fixture
}

/// Field lines that occur more than once, apart from those that may.
fn repeated(answer: &Answer) -> Vec<String> {
    let mut names: Vec<String> = answer
        .head
        .lines()
        .skip(1)
        .filter_map(|line| Some(line.split_once(':')?.0.to_ascii_lowercase()))
        .collect();
    names.sort();
    let pairs = names.iter().zip(names.iter().skip(1));
    pairs
        .filter(|(name, next)| name == next)
        .map(|(name, _)| name.clone())
        .collect()
}

#[test]
fn h_q01_q02_q10_every_answer_is_well_formed() {
    let fixture = site_with_many();
    for (request, status) in requests() {
        let shown = request.get(..60).unwrap_or(&request).to_owned();
        let before = SystemTime::now();
        // The client itself checks the framing and the bytes of the head.
        let answer = fixture.exchange(&request);
        let after = SystemTime::now();
        assert_eq!(answer.status, status, "{shown}");
        assert_eq!(repeated(&answer), Vec::<String>::new(), "{shown}");
        let date = answer.field("date").unwrap();
        assert_eq!(date.len(), 29, "{date}");
        let date = httpdate::parse_http_date(date).unwrap();
        let second = std::time::Duration::from_secs(1);
        assert!(date + second > before && date <= after, "{shown}");
        for (name, statuses) in [
            ("allow", &[204, 405][..]),
            ("location", &[301]),
            ("etag", &[200, 206, 304]),
        ] {
            if answer.field(name).is_some() {
                assert!(statuses.contains(&status), "{name} in {shown}");
            }
        }
    }
    fixture.finish();
}

#[test]
fn h_q08_http_1_0_is_never_chunked() {
    let fixture = site_with_many();
    for (request, status) in requests() {
        if status == 505 || status == 417 {
            continue;
        }
        let request = request.replacen("HTTP/1.1", "HTTP/1.0", 1);
        let mut client = fixture.connect();
        client.send(&request);
        let answer = client.answer();
        assert_eq!(answer.status, status);
        assert_eq!(answer.field("transfer-encoding"), None);
        assert_eq!(client.rest(), b"");
    }
    fixture.finish();
}

#[test]
fn errors_come_in_the_form_that_the_client_prefers() {
    let fixture = Fixture::new();
    for (accept, media_type, start) in [
        (
            "text/html,*/*;q=0.8",
            "text/html; charset=utf-8",
            "<!DOCTYPE html>",
        ),
        ("application/json", "application/json", "{\"status\":404,"),
        ("text/plain", "text/plain; charset=utf-8", "404 Not Found\n"),
    ] {
        let answer = fixture.get_with("/none", &format!("Accept: {accept}\r\n"));
        assert_eq!(answer.field("content-type"), Some(media_type));
        assert_eq!(answer.field("vary"), Some("Accept"));
        assert!(answer.text().starts_with(start), "{}", answer.text());
    }
    let answer = fixture.exchange(format!(
        "PUT /k1.txt HTTP/1.1\r\n{H}Accept: application/json\r\n\r\n"
    ));
    assert!(
        answer.text().starts_with("{\"status\":405,"),
        "{}",
        answer.text()
    );
    fixture.finish();
}
