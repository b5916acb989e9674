//! Group I: ranges.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test states what it expects by panicking"
)]

mod fixture;

use std::time::{Duration, SystemTime};

use fixture::site::{MODIFIED_TEXT, date, k1};
use fixture::{Answer, Fixture, H};

fn ranged(fixture: &Fixture, range: &str) -> Answer {
    fixture.get_with("/k1.txt", &format!("Range: {range}\r\n"))
}

#[test]
fn h_i01_i02_i03_i06_i10_i13_one_range() {
    let fixture = Fixture::new();
    for (range, first, last) in [
        ("bytes=0-0", 0, 0),
        ("bytes=5-14", 5, 14),
        ("bytes=0-999", 0, 999),
        ("bytes=0-", 0, 999),
        ("bytes=0-1000000", 0, 999),
        ("bytes=-1", 999, 999),
        ("bytes=-1000", 0, 999),
        ("bytes=-1001", 0, 999),
        ("Bytes=0-1", 0, 1),
        ("BYTES=0-1", 0, 1),
        ("bytes=,0-1", 0, 1),
        ("bytes=0-1,2000-3000", 0, 1),
        ("bytes=0-4,5-9", 0, 9),
        ("bytes=5-9,0-4", 0, 9),
        ("bytes=0-9,3-4,-991", 0, 999),
    ] {
        let answer = ranged(&fixture, range);
        assert_eq!(answer.status, 206, "{range}");
        let expected = format!("bytes {first}-{last}/1000");
        assert_eq!(answer.field("content-range"), Some(&*expected), "{range}");
        assert_eq!(answer.body, &k1()[first..=last], "{range}");
    }
    fixture.finish();
}

#[test]
fn h_i04_i11_i15_i21_beyond_the_end() {
    let fixture = Fixture::new();
    for range in [
        "bytes=1000-1000",
        "bytes=5000-",
        "bytes=2000-,3000-",
        "bytes=9999999999999999999-",
        "bytes=9999999999999999999999999999999999999999-",
    ] {
        let answer = ranged(&fixture, range);
        assert_eq!(answer.status, 416, "{range}");
        assert_eq!(
            answer.field("content-range"),
            Some("bytes */1000"),
            "{range}"
        );
    }
    for range in ["bytes=0-", "bytes=-1"] {
        let answer = fixture.get_with("/empty.txt", &format!("Range: {range}\r\n"));
        assert_eq!(
            (answer.status, answer.field("content-range")),
            (416, Some("bytes */0"))
        );
    }
    assert_eq!(ranged(&fixture, "bytes=0-18446744073709551616").status, 206);
    fixture.finish();
}

#[test]
fn h_i05_i07_malformed_sets_and_other_units_give_the_whole() {
    let fixture = Fixture::new();
    for range in [
        "bytes=5-2",
        "bytes=a-b",
        "bytes=",
        "bytes=-",
        "bytes",
        "bytes=1--2",
        "bytes=+1-2",
        "lines=0-1",
        "bytes=0-1,x",
    ] {
        let answer = ranged(&fixture, range);
        assert_eq!((answer.status, answer.body.len()), (200, 1000), "{range}");
    }
    let answer = fixture.get_with("/k1.txt", "Range: bytes=0-1\r\nRange: bytes=5-6\r\n");
    assert_eq!((answer.status, answer.body.len()), (200, 1000));
    fixture.finish();
}

/// The parts of a multipart answer: the value of Content-Range and the bytes of each.
#[track_caller]
fn parts(answer: &Answer) -> Vec<(String, Vec<u8>)> {
    let boundary = answer
        .field("content-type")
        .and_then(|value| value.strip_prefix("multipart/byteranges; boundary="))
        .unwrap();
    let delimiter = format!("--{boundary}");
    let mut pieces: Vec<&[u8]> = Vec::new();
    let mut rest = &*answer.body;
    while let Some(at) = rest
        .windows(delimiter.len())
        .position(|window| window == delimiter.as_bytes())
    {
        pieces.push(&rest[..at]);
        rest = &rest[at + delimiter.len()..];
    }
    assert_eq!(rest, b"--\r\n", "the closing delimiter ends the content");
    assert_eq!(
        pieces.remove(0),
        b"",
        "nothing stands before the first part"
    );
    pieces
        .into_iter()
        .map(|piece| {
            let end = piece.windows(4).position(|window| window == b"\r\n\r\n");
            let (head, content) = piece.split_at(end.unwrap());
            let head = String::from_utf8(head.to_vec()).unwrap();
            let lines: Vec<&str> = head.trim_start().lines().collect();
            assert_eq!(lines[0], "Content-Type: text/plain; charset=utf-8");
            let range = lines[1].strip_prefix("Content-Range: ").unwrap().to_owned();
            assert_eq!(lines.len(), 2);
            let content = content[4..].strip_suffix(b"\r\n").unwrap();
            (range, content.to_vec())
        })
        .collect()
}

#[test]
fn h_i08_i09_several_ranges_are_parts() {
    let fixture = Fixture::new();
    for (range, expected) in [
        ("bytes=0-1,5-6", vec![0..=1, 5..=6]),
        ("bytes=0-1, 5-6 , 8-9", vec![0..=1, 5..=6, 8..=9]),
        ("bytes=0-1,,5-6", vec![0..=1, 5..=6]),
        ("bytes=-1,0-0", vec![999..=999, 0..=0]),
        (
            "bytes=100-199,2000-,300-301,150-210",
            vec![100..=210, 300..=301],
        ),
    ] {
        let answer = ranged(&fixture, range);
        assert_eq!(answer.status, 206, "{range}");
        assert_eq!(answer.field("content-range"), None, "{range}");
        let expected: Vec<_> = expected
            .into_iter()
            .map(|range| {
                let value = format!("bytes {}-{}/1000", range.start(), range.end());
                (value, k1()[range].to_vec())
            })
            .collect();
        assert_eq!(parts(&answer), expected, "{range}");
    }
    // One range is never answered as multipart.
    let answer = ranged(&fixture, "bytes=,0-1");
    assert_eq!((answer.status, &*answer.body), (206, &k1()[..2]));
    let content_type = answer.field("content-type");
    assert_eq!(content_type, Some("text/plain; charset=utf-8"));
    fixture.finish();
}

#[test]
fn h_i12_abusive_sets_never_cost_more_than_the_file() {
    let fixture = Fixture::new();
    let tiny: Vec<String> = (0..300).map(|n| format!("{0}-{0}", n * 3)).collect();
    let tiny = format!("bytes={}", tiny.join(","));
    let some = format!(
        "bytes={}",
        (0..12)
            .map(|n| format!("{0}-{0},", n * 3))
            .collect::<String>()
    );
    for (range, status) in [
        (format!("bytes={}0-", "0-,".repeat(999)), 200),
        (tiny, 200),
        // Their heads would be longer than the file.
        (some, 200),
        ("bytes=0-,0-,0-".to_owned(), 206),
        ("bytes=0-600,300-700,500-999".to_owned(), 206),
    ] {
        let answer = ranged(&fixture, &range);
        assert_eq!(
            (answer.status, answer.body.len()),
            (status, 1000),
            "{range}"
        );
        assert!(answer.body == k1(), "{range}");
    }
    fixture.finish();
}

#[test]
fn h_i14_each_answer_has_a_boundary_of_its_own() {
    let fixture = Fixture::new();
    let boundary = || {
        let answer = ranged(&fixture, "bytes=0-1,5-6");
        answer.field("content-type").unwrap().to_owned()
    };
    let seen: std::collections::HashSet<String> = (0..10).map(|_| boundary()).collect();
    assert_eq!(seen.len(), 10);
    fixture.finish();
}

#[test]
fn parts_of_a_large_file_are_streamed() {
    let fixture = Fixture::new();
    let lines = "Range: bytes=5000000-9999999,0-99,10-20,12000000-12000000\r\n";
    let answer = fixture.get_with("/big.bin", lines);
    assert_eq!(answer.status, 206);
    let big = fixture::site::big();
    for range in [5_000_000..10_000_000, 0..100, 12_000_000..12_000_001] {
        let last = range.end - 1;
        let head = format!(
            "Content-Range: bytes {}-{last}/16777216\r\n\r\n",
            range.start
        );
        let at = answer
            .body
            .windows(head.len())
            .position(|window| window == head.as_bytes())
            .unwrap()
            + head.len();
        assert!(answer.body[at..at + range.len()] == big[range]);
    }
    fixture.finish();
}

#[test]
fn h_i16_if_range() {
    let fixture = Fixture::new();
    let tag = fixture.get("/k1.txt").field("etag").unwrap().to_owned();
    for (validator, status) in [
        (&*tag, 206),
        ("\"x\"", 200),
        (&format!("W/{tag}"), 200),
        (MODIFIED_TEXT, 206),
        ("Thu, 02 Jan 2020 03:04:06 GMT", 200),
    ] {
        let lines = format!("Range: bytes=0-1\r\nIf-Range: {validator}\r\n");
        assert_eq!(
            fixture.get_with("/k1.txt", &lines).status,
            status,
            "{validator}"
        );
    }
    fixture.finish();
}

#[test]
fn h_i17_i18_i19_i22_with_conditions_methods_and_versions() {
    let fixture = Fixture::new();
    let whole = fixture.get("/k1.txt");
    assert_eq!(whole.field("accept-ranges"), Some("bytes"));
    let tag = whole.field("etag").unwrap();
    let lines = format!("Range: bytes=0-1\r\nIf-None-Match: {tag}\r\n");
    assert_eq!(fixture.get_with("/k1.txt", &lines).status, 304);
    let head = fixture.exchange(format!(
        "HEAD /k1.txt HTTP/1.1\r\n{H}Range: bytes=0-1\r\n\r\n"
    ));
    assert_eq!(
        (head.status, head.field("content-length")),
        (200, Some("1000"))
    );
    let old = fixture.exchange("GET /k1.txt HTTP/1.0\r\nRange: bytes=0-1\r\n\r\n");
    assert_eq!((old.status, old.body.len()), (206, 2));
    fixture.finish();
}

#[test]
fn h_i23_a_fresh_date_is_a_weak_validator() {
    let fixture = Fixture::new();
    let path = fixture.site.path("k1.txt");
    // So far ahead that the server's second cannot pass it before the request arrives.
    date(&path, SystemTime::now() + Duration::from_secs(2));
    let answer = fixture.get("/k1.txt");
    let modified = answer.field("last-modified").unwrap().to_owned();
    let tag = answer.field("etag").unwrap().to_owned();
    let lines = format!("Range: bytes=0-1\r\nIf-Range: {modified}\r\n");
    assert_eq!(fixture.get_with("/k1.txt", &lines).status, 200);
    fixture
        .site
        .write("k1.txt", [k1(), b"more".to_vec()].concat());
    let lines = format!("Range: bytes=0-1\r\nIf-Range: {tag}\r\n");
    assert_eq!(fixture.get_with("/k1.txt", &lines).status, 200);
    fixture.site.write("k1.txt", k1());
    fixture.finish();
}

#[test]
fn a_range_of_a_large_file_goes_by_sendfile() {
    let fixture = Fixture::new();
    let answer = fixture.get_with("/big.bin", "Range: bytes=1000000-9999999\r\n");
    assert_eq!(answer.status, 206);
    assert!(answer.body == fixture::site::big()[1_000_000..10_000_000]);
    fixture.finish();
}
