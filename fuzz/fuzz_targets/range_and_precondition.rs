//! Ranges lie within the file; conditional fields always have an answer, and it is a lawful one.
//!
//! An input is the length of the file (8 bytes), the time of day (4), and a field section.
#![no_main]

use http::Method;
use http::header::{IF_MATCH, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE};
use libfuzzer_sys::fuzz_target;
use webserv::http::date::HttpDate;
use webserv::http::field::FieldSection;
use webserv::http::precondition::{EntityTag, Outcome, Validators, allows_range, evaluate};
use webserv::http::negotiation::{AcceptedCodings, Coding, preferred_type};
use webserv::http::range::{Selection, select};
use webserv::limits::RANGES_MAX;

fn check_range(value: &[u8], length: u64) {
    let mut ranges = match select(value, length) {
        Selection::Part(range) => vec![range],
        Selection::Parts(ranges) => ranges,
        Selection::Whole | Selection::Unsatisfiable => return,
    };
    ranges.sort_by_key(|range| range.start);
    assert!(ranges.len() <= RANGES_MAX);
    let mut end_before = None;
    for range in ranges {
        assert!(
            range.start < range.end && range.end <= length,
            "{range:?} of {length}"
        );
        assert!(end_before.is_none_or(|end| end < range.start));
        end_before = Some(range.end);
    }
}

fn check_negotiation(fields: &FieldSection) {
    let accepted = AcceptedCodings::of(fields);
    assert_eq!(accepted.is_plain_only(), accepted.in_order().next().is_none());
    assert!(preferred_type(fields, &["text/html", "application/json"]) < 2);
}

fn check_date(value: &[u8], now: HttpDate) {
    if let Some(date) = HttpDate::parse(value, now) {
        let written = date.to_string();
        assert_eq!(
            HttpDate::parse(written.as_bytes(), now),
            Some(date),
            "{written}"
        );
    }
}

fn check_preconditions(fields: &FieldSection, validators: &Validators, now: HttpDate) {
    for method in [Method::GET, Method::HEAD, Method::PUT] {
        match evaluate(&method, fields, validators, now) {
            Outcome::Proceed => {}
            Outcome::NotModified => assert!(method != Method::PUT, "304 is for GET and HEAD"),
            Outcome::Failed => assert!(
                [IF_MATCH, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE]
                    .iter()
                    .any(|name| fields.first(name).is_some()),
                "412 without a condition"
            ),
        }
    }
    let has_condition = fields.first(&IF_RANGE).is_some();
    assert!(has_condition || allows_range(fields, validators, now));
    let has_strong_tag = validators.entity_tag.is_some_and(|tag| !tag.is_weak);
    let has_strong = has_strong_tag || validators.is_date_strong;
    assert!(!has_condition || has_strong || !allows_range(fields, validators, now));
}

fuzz_target!(|input: &[u8]| {
    let Some((head, section)) = input.split_first_chunk::<12>() else {
        return;
    };
    let (length, now) = head.split_at(8);
    let length = u64::from_le_bytes(length.try_into().expect("8 bytes"));
    let seconds = u32::from_le_bytes(now.try_into().expect("4 bytes"));
    let now = HttpDate::from_unix_seconds(i64::from(seconds)).expect("within range");
    check_range(section, length);
    check_date(section, now);
    // As `HeadScanner` would pass it on: whole lines, each ending in CR LF.
    let lines = section
        .split(|&byte| byte == b'\n')
        .collect::<Vec<_>>()
        .join(&b"\r\n"[..]);
    let Ok(fields) = FieldSection::parse(&[&lines[..], b"\r\n\r\n"].concat()) else {
        return;
    };
    check_negotiation(&fields);
    for value in fields.values(&RANGE) {
        check_range(value, length);
    }
    let tag = EntityTag {
        inode: 0xab,
        size: length,
        modified_seconds: i64::from(seconds),
        modified_nanoseconds: 7,
        coding: None,
        is_weak: false,
    };
    let weak = EntityTag {
        coding: Some(Coding::Gzip),
        is_weak: true,
        ..tag
    };
    for entity_tag in [Some(tag), Some(weak), None] {
        for is_date_strong in [true, false] {
            let last_modified = entity_tag.map(|_| now);
            check_preconditions(
                &fields,
                &Validators {
                    entity_tag,
                    last_modified,
                    is_date_strong,
                },
                now,
            );
        }
    }
});
