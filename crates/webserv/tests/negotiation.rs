//! Content codings: precompressed siblings and content that is compressed as it is sent (H22,
//! H25 to H27).

#![cfg(feature = "zstd")]
#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

mod fixture;

use std::io::Read;
use std::time::{Duration, UNIX_EPOCH};

use fixture::site::{MODIFIED, date, k1};
use fixture::{Answer, Fixture, H};

/// A text of `lines` lines, which compresses well.
fn text(lines: usize) -> Vec<u8> {
    (0..lines)
        .flat_map(|line| format!("this is line {line} of a text\n").into_bytes())
        .collect()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    flate2::bufread::GzEncoder::new(content, flate2::Compression::best())
        .read_to_end(&mut coded)
        .unwrap();
    coded
}

/// The content of an answer without its coding.
#[track_caller]
fn decoded(answer: &Answer) -> Vec<u8> {
    let mut content = Vec::new();
    let coded = &*answer.body;
    match answer.field("content-encoding") {
        None => return coded.to_vec(),
        Some("gzip") => flate2::read::GzDecoder::new(coded).read_to_end(&mut content),
        Some("br") => brotli::Decompressor::new(coded, 4096).read_to_end(&mut content),
        Some("zstd") => zstd::stream::copy_decode(coded, &mut content).map(|()| 0),
        Some(other) => panic!("a coding that nobody asked for: {other}"),
    }
    .unwrap();
    content
}

fn accepting(fixture: &Fixture, target: &str, codings: &str) -> Answer {
    fixture.get_with(target, &format!("Accept-Encoding: {codings}\r\n"))
}

#[test]
fn h_h22_h26_a_precompressed_sibling_answers() {
    let fixture = Fixture::new();
    let coded = gzip(&k1());
    fixture.site.write("k1.txt.gz", &coded);
    let plain = fixture.get("/k1.txt");
    assert_eq!(plain.field("content-encoding"), None);
    assert_eq!(plain.field("vary"), Some("Accept-Encoding"));
    for (codings, is_coded) in [
        ("gzip", true),
        ("GZIP", true),
        ("x-gzip", true),
        ("deflate, gzip;q=0.5", true),
        ("*", true),
        ("br, gzip", true),
        ("identity;q=0, gzip", true),
        ("identity;q=0, *", true),
        ("gzip;q=0", false),
        ("", false),
        ("br", false),
        ("gzip;q=0.4, identity;q=0.5", false),
        ("gzip;q=2", false),
        ("gzip;q=", false),
        ("gzip;q=0.0001", false),
        ("identity;q=0", false),
        ("*;q=0", false),
    ] {
        let answer = accepting(&fixture, "/k1.txt", codings);
        assert_eq!(answer.status, 200, "{codings}");
        assert_eq!(answer.field("vary"), Some("Accept-Encoding"), "{codings}");
        assert_eq!(
            answer.field("content-type"),
            Some("text/plain; charset=utf-8"),
            "{codings}"
        );
        if is_coded {
            assert_eq!(answer.field("content-encoding"), Some("gzip"), "{codings}");
            assert!(answer.body == coded, "{codings}");
            assert_ne!(answer.field("etag"), plain.field("etag"), "{codings}");
        } else {
            assert_eq!(answer.field("content-encoding"), None, "{codings}");
            assert!(answer.body == k1(), "{codings}");
            assert_eq!(answer.field("etag"), plain.field("etag"), "{codings}");
        }
    }
    fixture.finish();
}

#[test]
fn siblings_are_chosen_by_weight() {
    let fixture = Fixture::new();
    for (name, content) in [("k1.txt.gz", "g"), ("k1.txt.br", "b"), ("k1.txt.zst", "z")] {
        fixture.site.write(name, content);
    }
    for (codings, content) in [
        ("gzip, deflate, br, zstd", "z"),
        ("gzip, deflate, br", "b"),
        ("gzip;q=1, br;q=0.9, zstd;q=0.1", "g"),
        ("*;q=0.5, gzip;q=0.6", "g"),
    ] {
        assert_eq!(
            accepting(&fixture, "/k1.txt", codings).text(),
            content,
            "{codings}"
        );
    }
    // A file of its own under its own name.
    let answer = accepting(&fixture, "/k1.txt.gz", "gzip");
    assert_eq!(
        (
            answer.field("content-encoding"),
            answer.field("content-type")
        ),
        (None, Some("application/gzip"))
    );
    fixture.finish();
}

#[test]
fn a_sibling_that_is_older_or_no_file_does_not_count() {
    let fixture = Fixture::new();
    fixture.site.write("k1.txt.gz", gzip(b"what it once was"));
    date(
        &fixture.site.path("k1.txt.gz"),
        UNIX_EPOCH + Duration::from_secs(MODIFIED - 1),
    );
    std::fs::create_dir(fixture.site.path("k1.txt.br")).unwrap();
    std::os::unix::fs::symlink("../outside.txt", fixture.site.path("k1.txt.zst")).unwrap();
    let answer = accepting(&fixture, "/k1.txt", "gzip, br, zstd");
    assert_eq!(answer.field("content-encoding"), None);
    assert!(answer.body == k1());
    fixture.finish();
}

#[test]
fn h_h25_not_modified_says_what_the_answer_would_have_said() {
    let fixture = Fixture::new();
    fixture.site.write("k1.txt.gz", gzip(&k1()));
    fixture.site.write("long.txt", text(1000));
    for (target, codings) in [
        ("/k1.txt", ""),
        ("/k1.txt", "gzip"),
        ("/long.txt", ""),
        ("/long.txt", "br"),
    ] {
        let whole = accepting(&fixture, target, codings);
        let tag = whole.field("etag").unwrap();
        let lines = format!("Accept-Encoding: {codings}\r\nIf-None-Match: {tag}\r\n");
        let same = fixture.get_with(target, &lines);
        assert_eq!(
            (whole.status, same.status),
            (200, 304),
            "{target} {codings}"
        );
        for name in ["etag", "vary", "last-modified", "cache-control", "expires"] {
            assert_eq!(same.field(name), whole.field(name), "{target} {codings}");
        }
        assert!(same.field("date").is_some());
    }
    fixture.finish();
}

#[test]
fn h_h27_ranges_and_conditions_of_a_sibling() {
    let fixture = Fixture::new();
    let coded = gzip(&k1());
    fixture.site.write("k1.txt.gz", &coded);
    let plain = fixture.get("/k1.txt").field("etag").unwrap().to_owned();
    let tag = accepting(&fixture, "/k1.txt", "gzip")
        .field("etag")
        .unwrap()
        .to_owned();
    let with =
        |lines: &str| fixture.get_with("/k1.txt", &format!("Accept-Encoding: gzip\r\n{lines}\r\n"));
    let part = with("Range: bytes=10-19");
    assert_eq!((part.status, &*part.body), (206, &coded[10..20]));
    assert_eq!(part.field("content-encoding"), Some("gzip"));
    let expected = format!("bytes 10-19/{}", coded.len());
    assert_eq!(part.field("content-range"), Some(&*expected));
    assert_eq!(part.field("etag"), Some(&*tag));
    for (lines, status) in [
        (format!("If-None-Match: {plain}"), 200),
        (format!("If-None-Match: {tag}"), 304),
        (format!("Range: bytes=10-19\r\nIf-Range: {plain}"), 200),
        (format!("Range: bytes=10-19\r\nIf-Range: {tag}"), 206),
    ] {
        let answer = with(&lines);
        assert_eq!(answer.status, status, "{lines}");
        if status == 200 {
            assert!(answer.body == coded, "{lines}");
        }
    }
    fixture.finish();
}

/// Lines of about 30 bytes: done at once, by one job, as a stream, not at all.
const SIZES: [(usize, bool); 4] = [(100, true), (5_000, true), (50_000, true), (600_000, false)];

#[test]
fn text_is_compressed_as_it_is_sent() {
    let fixture = Fixture::new();
    for (lines, is_coded) in SIZES {
        let content = text(lines);
        fixture.site.write("long.txt", &content);
        let plain = fixture.get("/long.txt");
        assert!(plain.body == content);
        for coding in ["zstd", "br", "gzip"] {
            let answer = accepting(&fixture, "/long.txt", coding);
            assert!(decoded(&answer) == content, "{lines} lines in {coding}");
            assert_eq!(answer.field("vary"), Some("Accept-Encoding"));
            if !is_coded {
                assert_eq!(answer.field("content-encoding"), None);
                continue;
            }
            assert_eq!(answer.field("content-encoding"), Some(coding));
            assert!(
                answer.body.len() < content.len() / 4,
                "{lines} lines in {coding}"
            );
            let tag = answer.field("etag").unwrap();
            assert!(tag.starts_with("W/"), "{tag}");
            assert_eq!(answer.field("accept-ranges"), None);
            let lines = format!("Accept-Encoding: {coding}\r\nIf-None-Match: {tag}\r\n");
            assert_eq!(fixture.get_with("/long.txt", &lines).status, 304);
        }
    }
    fixture.finish();
}

#[test]
fn what_is_not_compressed_as_it_is_sent() {
    let fixture = Fixture::new();
    let content = text(1000);
    fixture.site.write("long.txt", &content);
    fixture.site.write("long.png", &content);
    fixture.site.write("long.bin", &content);
    let tag = fixture.get("/long.txt").field("etag").unwrap().to_owned();
    for (target, lines, status) in [
        ("/long.png", "", 200),
        ("/long.bin", "", 200),
        ("/k1.txt", "", 200),
        ("/empty.txt", "", 200),
        ("/empty.txt", "Accept-Encoding: identity;q=0\r\n", 200),
        ("/long.txt", "Range: bytes=0-99\r\n", 206),
        (
            "/long.txt",
            &format!("Range: bytes=0-99\r\nIf-Range: {tag}\r\n"),
            206,
        ),
        ("/long.txt", "Range: bytes=0-99\r\nIf-Range: \"x\"\r\n", 200),
    ] {
        let lines = format!("Accept-Encoding: gzip, br, zstd\r\n{lines}");
        let answer = fixture.get_with(target, &lines);
        assert_eq!(answer.status, status, "{target} {lines}");
        assert_eq!(answer.field("content-encoding"), None, "{target} {lines}");
    }
    // Whoever refuses the plain form gets a short text compressed as well.
    let answer = accepting(&fixture, "/k1.txt", "identity;q=0, gzip");
    assert_eq!(answer.field("content-encoding"), Some("gzip"));
    assert!(decoded(&answer) == k1());
    fixture.finish();
}

#[test]
fn head_is_get_for_every_coding() {
    let fixture = Fixture::new();
    for (lines, _) in SIZES {
        fixture.site.write("long.txt", text(lines));
        for target in ["/long.txt", "/sub/"] {
            let accept = "Accept-Encoding: gzip\r\n";
            let get = fixture.get_with(target, accept);
            let head = fixture.exchange(format!("HEAD {target} HTTP/1.1\r\n{H}{accept}\r\n"));
            let fields = |answer: &Answer| -> Vec<String> {
                let lines = answer.head.lines();
                lines
                    .filter(|line| !line.starts_with("Date"))
                    .map(str::to_owned)
                    .collect()
            };
            assert_eq!(fields(&head), fields(&get), "{target} of {lines} lines");
        }
    }
    fixture.finish();
}

#[test]
fn a_client_that_goes_away_ends_the_stream() {
    let fixture = Fixture::new();
    // Compresses badly, so that the answer does not fit into the sockets' buffers.
    let noise: Vec<u8> = fixture::site::big()
        .into_iter()
        .take(12 << 20)
        .map(|byte| b' ' + byte % 64)
        .collect();
    fixture.site.write("noise.txt", noise);
    for _ in 0..3 {
        let mut client = fixture.connect();
        client.send(format!(
            "GET /noise.txt HTTP/1.1\r\n{H}Accept-Encoding: gzip\r\n\r\n"
        ));
        client.fill();
        drop(client);
    }
    fixture.finish();
}

#[test]
fn a_file_that_shrinks_while_it_is_compressed_ends_the_connection() {
    let fixture = Fixture::new();
    let noise: Vec<u8> = fixture::site::big()
        .into_iter()
        .take(12 << 20)
        .map(|byte| b' ' + byte % 64)
        .collect();
    fixture.site.write("noise.txt", noise);
    let mut client = fixture.connect();
    client.send(format!(
        "GET /noise.txt HTTP/1.1\r\n{H}Accept-Encoding: gzip\r\n\r\n"
    ));
    client.fill();
    std::fs::File::options()
        .write(true)
        .open(fixture.site.path("noise.txt"))
        .unwrap()
        .set_len(1)
        .unwrap();
    let received = client.rest();
    assert!(!received.ends_with(b"0\r\n\r\n"), "the end is not claimed");
    drop(client);
    fixture.finish();
}
