//! Group I: ranges. Several ranges are answered with the whole file.

mod fixture;

use std::time::{Duration, SystemTime};

use fixture::site::{MODIFIED_TEXT, date, k1};
use fixture::{Answer, Fixture, H};

fn ranged(fixture: &Fixture, range: &str) -> Answer {
    fixture.get_with("/k1.txt", &format!("Range: {range}\r\n"))
}

#[test]
fn h_i01_to_i03_i06_i09_i10_one_range() {
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
fn h_i05_i07_i08_i12_i13_malformed_and_several_ranges_give_the_whole() {
    let fixture = Fixture::new();
    let many = format!("bytes={}0-", "0-,".repeat(999));
    for range in [
        "bytes=5-2",
        "bytes=a-b",
        "bytes=",
        "bytes=-",
        "bytes",
        "bytes=1--2",
        "bytes=+1-2",
        "lines=0-1",
        "bytes=0-1,5-6",
        "bytes=0-1, 5-6 , 8-9",
        "bytes=0-1,,5-6",
        "bytes=0-4,5-9",
        &many,
    ] {
        let answer = ranged(&fixture, range);
        assert_eq!((answer.status, answer.body.len()), (200, 1000), "{range}");
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
fn h_i17_to_i19_i22_with_conditions_methods_and_versions() {
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
