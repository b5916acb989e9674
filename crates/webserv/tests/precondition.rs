//! Conditional requests on a real file: H06 to H15, H28.

mod fixture;

use fixture::Fixture;
use fixture::site::MODIFIED_TEXT;

const EARLIER: &str = "Thu, 02 Jan 2020 03:04:04 GMT";
const LATER: &str = "Thu, 02 Jan 2020 03:04:06 GMT";

/// Field lines, where `TAG` stands for the file's entity tag, and the status they lead to.
#[track_caller]
fn check(fixture: &Fixture, cases: &[(&str, u16)]) {
    let whole = fixture.get("/k1.txt");
    let tag = whole.field("etag").expect("a file has an entity tag");
    for (lines, status) in cases {
        let answer = fixture.get_with("/k1.txt", &format!("{}\r\n", lines.replace("TAG", tag)));
        assert_eq!(answer.status, *status, "{lines}");
        assert_eq!(answer.body.is_empty(), *status == 304, "{lines}");
    }
}

#[test]
fn h_h06_h07_h28_if_none_match() {
    let fixture = Fixture::new();
    check(
        &fixture,
        &[
            ("If-None-Match: TAG", 304),
            ("If-None-Match: \"x\", TAG", 304),
            ("If-None-Match: W/TAG", 304),
            ("If-None-Match: *", 304),
            ("If-None-Match: \"a,b\", TAG", 304),
            ("If-None-Match: , ,TAG", 304),
            ("If-None-Match: \"x\"\r\nIf-None-Match: TAG", 304),
            ("If-None-Match: \"x\"", 200),
            ("If-None-Match: etag", 200),
            ("If-None-Match: \"etag", 200),
        ],
    );
    fixture.finish();
}

#[test]
fn h_h08_if_match() {
    let fixture = Fixture::new();
    check(
        &fixture,
        &[
            ("If-Match: TAG", 200),
            ("If-Match: *", 200),
            ("If-Match: W/TAG", 412),
            ("If-Match: \"x\"", 412),
        ],
    );
    fixture.finish();
}

#[test]
fn h_h09_to_h12_dates() {
    let fixture = Fixture::new();
    let line = |name: &str, date: &str| format!("{name}: {date}");
    for (name, date, status) in [
        ("If-Modified-Since", MODIFIED_TEXT, 304),
        ("If-Modified-Since", LATER, 304),
        ("If-Modified-Since", EARLIER, 200),
        ("If-Modified-Since", "Thursday, 02-Jan-20 03:04:05 GMT", 304),
        ("If-Modified-Since", "Thu Jan  2 03:04:05 2020", 304),
        ("If-Modified-Since", "", 200),
        ("If-Modified-Since", "0", 200),
        ("If-Modified-Since", "Fri, 31 Feb 2023 00:00:00 GMT", 200),
        ("If-Modified-Since", "Fri, 31 Dec 10000 00:00:00 GMT", 200),
        (
            "If-Modified-Since",
            "Thu, 02 Jan 2020 03:04:05 GMT junk",
            200,
        ),
        ("If-Unmodified-Since", EARLIER, 412),
        ("If-Unmodified-Since", MODIFIED_TEXT, 200),
    ] {
        check(&fixture, &[(&line(name, date), status)]);
    }
    fixture.finish();
}

#[test]
fn h_h13_h14_tags_decide_alone() {
    let fixture = Fixture::new();
    check(
        &fixture,
        &[
            (
                &format!("If-Match: TAG\r\nIf-Unmodified-Since: {EARLIER}"),
                200,
            ),
            (
                &format!("If-None-Match: TAG\r\nIf-Modified-Since: {EARLIER}"),
                304,
            ),
        ],
    );
    fixture.finish();
}

#[test]
fn h_h15_a_missing_file_has_no_preconditions() {
    let fixture = Fixture::new();
    for lines in [
        "If-None-Match: *",
        "If-Match: *",
        &format!("If-Modified-Since: {LATER}"),
    ] {
        assert_eq!(
            fixture.get_with("/none", &format!("{lines}\r\n")).status,
            404,
            "{lines}"
        );
    }
    fixture.finish();
}
