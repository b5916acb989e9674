//! Group H without conditions: what a file is answered with.

mod fixture;

use std::fs::{self, File};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fixture::site::{MODIFIED_TEXT, big, date, k1};
use fixture::{Fixture, H};

#[test]
fn h_h01_h02_j24_index_and_empty_files() {
    let fixture = Fixture::new();
    assert!(fixture.get("/").text().contains("front"));
    assert_eq!(fixture.get("/empty.txt").field("content-length"), Some("0"));
    for target in ["/index.html", "/idx/", "/idx/index.html"] {
        assert_eq!(fixture.get(target).status, 200, "{target}");
    }
    fixture.finish();
}

#[test]
fn h_h03_media_types() {
    let fixture = Fixture::new();
    for (name, media_type) in [
        ("a.html", "text/html; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.svg", "image/svg+xml"),
        ("a.png", "image/png"),
        ("a.webp", "image/webp"),
        ("a.avif", "image/avif"),
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.pdf", "application/pdf"),
        ("a.mp4", "video/mp4"),
        ("a.wasm", "application/wasm"),
        ("a.woff2", "font/woff2"),
        ("a.unknown", "application/octet-stream"),
    ] {
        fixture.site.write(name, "x");
        let answer = fixture.get(&format!("/{name}"));
        assert_eq!(answer.field("content-type"), Some(media_type), "{name}");
        assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
    }
    fixture.finish();
}

#[test]
fn h_h04_validators_are_the_same_on_every_answer() {
    let fixture = Fixture::new();
    let whole = fixture.get("/k1.txt");
    let part = fixture.get_with("/k1.txt", "Range: bytes=0-0\r\n");
    let tag = whole.field("etag").unwrap();
    let same = fixture.get_with("/k1.txt", &format!("If-None-Match: {tag}\r\n"));
    assert_eq!((whole.status, part.status, same.status), (200, 206, 304));
    for answer in [&whole, &part, &same] {
        assert_eq!(answer.field("etag"), Some(tag));
        assert_eq!(answer.field("last-modified"), Some(MODIFIED_TEXT));
    }
    fixture.finish();
}

#[test]
fn h_h05_a_replaced_file_has_another_tag() {
    let fixture = Fixture::new();
    let tag = |fixture: &Fixture| fixture.get("/k1.txt").field("etag").unwrap().to_owned();
    let before = tag(&fixture);
    assert_eq!(tag(&fixture), before);
    fixture.site.write("new", k1());
    fs::rename(fixture.site.path("new"), fixture.site.path("k1.txt")).unwrap();
    assert_ne!(tag(&fixture), before);
    fixture.finish();
}

#[test]
fn h_h16_odd_times_of_modification() {
    let fixture = Fixture::new();
    let path = fixture.site.path("k1.txt");
    date(&path, UNIX_EPOCH);
    let answer = fixture.get("/k1.txt");
    assert_eq!(
        answer.field("last-modified"),
        Some("Thu, 01 Jan 1970 00:00:00 GMT")
    );
    date(&path, UNIX_EPOCH - Duration::from_secs(1000));
    assert_eq!(fixture.get("/k1.txt").field("last-modified"), None);
    date(&path, SystemTime::now() + Duration::from_secs(100_000));
    let answer = fixture.get("/k1.txt");
    let now = httpdate::parse_http_date(answer.field("date").unwrap()).unwrap();
    let modified = httpdate::parse_http_date(answer.field("last-modified").unwrap()).unwrap();
    assert!(modified <= now);
    fixture.finish();
}

#[test]
fn h_g01_h17_q07_head_is_get_without_content() {
    let fixture = Fixture::new();
    for target in [
        "/",
        "/k1.txt",
        "/empty.txt",
        "/big.bin",
        "/sub/",
        "/sub",
        "/none",
        "/idx/",
    ] {
        let get = fixture.get(target);
        let mut client = fixture.connect();
        client.send(format!(
            "HEAD {target} HTTP/1.1\r\n{H}Connection: close\r\n\r\n"
        ));
        let head = client.answer_to(b"HEAD");
        assert_eq!(client.rest(), b"", "{target}");
        let lines = |answer: &fixture::Answer| -> Vec<String> {
            let lines = answer.head.lines();
            lines
                .filter(|line| !line.starts_with("Date") && !line.starts_with("Connection"))
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(lines(&head), lines(&get), "{target}");
    }
    fixture.finish();
}

#[test]
fn h_h18_h20_a_file_that_grows_or_goes_while_it_is_sent() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    client.send(format!("GET /big.bin HTTP/1.1\r\n{H}\r\n"));
    client.fill();
    let path = fixture.site.path("big.bin");
    let mut file = File::options().append(true).open(&path).unwrap();
    std::io::Write::write_all(&mut file, b"more").unwrap();
    fs::remove_file(path).unwrap();
    let answer = client.answer();
    assert!(answer.body == big());
    drop(client);
    fixture.finish();
}

#[test]
fn h_h19_a_file_that_is_cut_while_it_is_sent() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    client.send(format!("GET /big.bin HTTP/1.1\r\n{H}\r\n"));
    client.fill();
    let file = File::options()
        .write(true)
        .open(fixture.site.path("big.bin"))
        .unwrap();
    file.set_len(0).unwrap();
    let received = client.rest();
    assert!(received.len() < fixture::site::BIG_BYTES, "closed short");
    fixture.finish();
}

#[test]
fn h_h23_only_regular_files() {
    let fixture = Fixture::new();
    let _socket = std::os::unix::net::UnixListener::bind(fixture.site.path("socket")).unwrap();
    assert_eq!(fixture.get("/fifo").status, 404);
    assert_eq!(fixture.get("/socket").status, 404);
    fixture.finish();
}

#[test]
fn h_h24_a_file_without_permission() {
    let fixture = Fixture::new();
    if !fixture.server.is_unprivileged {
        eprintln!("SKIPPED: the tests run as root and the program cannot be run as another user");
        return;
    }
    assert_eq!(fixture.get("/noperm.txt").status, 403);
    fixture.finish();
}

#[test]
fn h_h21_i20_a_file_larger_than_four_gigabytes() {
    let fixture = Fixture::new();
    let file = File::create(fixture.site.path("sparse")).unwrap();
    file.set_len(5 << 30).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"edge", (4 << 30) - 2).unwrap();
    let answer = fixture.exchange(format!("HEAD /sparse HTTP/1.1\r\n{H}\r\n"));
    assert_eq!(answer.field("content-length"), Some("5368709120"));
    let answer = fixture.get_with("/sparse", "Range: bytes=4294967294-4294967297\r\n");
    assert_eq!((answer.status, &*answer.body), (206, &b"edge"[..]));
    assert_eq!(
        answer.field("content-range"),
        Some("bytes 4294967294-4294967297/5368709120")
    );
    fixture.finish();
}

#[test]
fn h_n22_the_root_is_replaced_while_serving() {
    let fixture = Fixture::new();
    let aside = fixture.site.root().with_file_name("aside");
    fs::rename(fixture.site.root(), &aside).unwrap();
    fs::create_dir(fixture.site.root()).unwrap();
    fixture.site.write("k1.txt", k1());
    fixture.site.write("fresh.txt", "fresh");
    fixture::eventually("the new directory is served", || {
        fixture.get("/fresh.txt").status == 200
    });
    fixture.finish();
}
