//! Range requests (RFC 9110 section 14): which bytes of a representation are wanted.
//!
//! Ranges that touch or overlap become one, where the first of them stood; so the parts of an
//! answer never hold a byte twice. A set of too many ranges is ignored, and the whole is sent: it
//! costs less than to find out what they leave.

use std::ops::Range;

use super::field::{members, trim};
use crate::limits::{RANGE_SPECS_MAX, RANGES_MAX};

/// What a Range field asks of a representation of a known length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// No range that this server serves: another unit, malformed, or too many ranges.
    Whole,
    /// These bytes, at least one, within the representation.
    Part(Range<u64>),
    /// Two to [`RANGES_MAX`] such ranges, in the order of the request, with a gap between any two.
    Parts(Vec<Range<u64>>),
    /// Well-formed, but nothing of it lies within the representation: 416.
    Unsatisfiable,
}

/// One `range-spec` as it was sent; positions count from 0 and `last` is inclusive.
enum Spec {
    FromTo { first: u64, last: Option<u64> },
    Suffix { length: u64 },
}

/// Reads the value of a Range field for a representation of `length` bytes.
///
/// A malformed set is ignored as a whole, as section 14.2 allows for an invalid field.
#[must_use]
pub fn select(value: &[u8], length: u64) -> Selection {
    let Some(specs) = byte_ranges(value) else {
        return Selection::Whole;
    };
    let mut ranges: Vec<Range<u64>> = Vec::new();
    let mut spec_count: usize = 0;
    for text in members(specs) {
        spec_count += 1;
        let Some(spec) = parse_spec(text).filter(|_| spec_count <= RANGE_SPECS_MAX) else {
            return Selection::Whole;
        };
        if let Some(range) = satisfy(&spec, length) {
            add(&mut ranges, range);
        }
    }
    match &*ranges {
        [] if spec_count == 0 => Selection::Whole,
        [] => Selection::Unsatisfiable,
        [range] => Selection::Part(range.clone()),
        _ if ranges.len() > RANGES_MAX => Selection::Whole,
        _ => Selection::Parts(ranges),
    }
}

/// Adds a range; those that it touches become one with it, at the place of the first of them.
fn add(ranges: &mut Vec<Range<u64>>, mut range: Range<u64>) {
    // A range that grows may touch others that it did not touch before, but those that are there
    // do not touch each other, so one look at each is enough.
    let mut place = None;
    let mut index = 0;
    while let Some(other) = ranges.get(index) {
        if range.start <= other.end && other.start <= range.end {
            range = range.start.min(other.start)..range.end.max(other.end);
            ranges.remove(index);
            place = place.or(Some(index));
        } else {
            index += 1;
        }
    }
    ranges.insert(place.unwrap_or(ranges.len()), range);
}

/// What follows `bytes=`; range units are case-insensitive.
fn byte_ranges(value: &[u8]) -> Option<&[u8]> {
    let (unit, rest) = value.split_at_checked(5)?;
    unit.eq_ignore_ascii_case(b"bytes")
        .then(|| rest.strip_prefix(b"="))
        .flatten()
}

fn parse_spec(text: &[u8]) -> Option<Spec> {
    let dash = text.iter().position(|&byte| byte == b'-')?;
    let (first, last) = text.split_at_checked(dash)?;
    let last = trim(last.get(1..)?);
    match (first, last) {
        (b"", b"") => None,
        (b"", length) => Some(Spec::Suffix {
            length: number(length)?,
        }),
        (first, b"") => Some(Spec::FromTo {
            first: number(first)?,
            last: None,
        }),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Spec::FromTo {
                first,
                last: Some(last),
            })
        }
    }
}

/// `1*DIGIT`; what does not fit into 64 bits is beyond every file anyway.
fn number(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0_u64, |value, &digit| {
        digit.is_ascii_digit().then(|| {
            value
                .saturating_mul(10)
                .saturating_add(u64::from(digit - b'0'))
        })
    })
}

/// The part of a representation that a spec names, if there is any.
fn satisfy(spec: &Spec, length: u64) -> Option<Range<u64>> {
    let range = match *spec {
        Spec::FromTo { first, last } => {
            let end = last.map_or(length, |last| last.saturating_add(1).min(length));
            first..end
        }
        Spec::Suffix { length: suffix } => length.saturating_sub(suffix)..length,
    };
    (!range.is_empty()).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_a_part() {
        for (value, range) in [
            ("bytes=0-0", 0..1),
            ("bytes=0-999", 0..1000),
            ("bytes=0-", 0..1000),
            ("bytes=0-1000000", 0..1000),
            ("bytes=-1", 999..1000),
            ("bytes=-1000", 0..1000),
            ("bytes=-1001", 0..1000),
            ("Bytes=0-1", 0..2),
            ("BYTES=0-1", 0..2),
            ("bytes=,0-1", 0..2),
            ("bytes= 0-1 ,", 0..2),
            ("bytes=0-1,2000-3000", 0..2),
            ("bytes=0-9999999999999999999999999999999999999999", 0..1000),
            ("bytes=-9999999999999999999999999999999999999999", 0..1000),
            ("bytes=18446744073709551615-,3-3", 3..4),
        ] {
            assert_eq!(
                select(value.as_bytes(), 1000),
                Selection::Part(range),
                "{value}"
            );
        }
    }

    #[test]
    fn what_lies_beyond_the_end_is_unsatisfiable() {
        for value in [
            "bytes=1000-1000",
            "bytes=5000-",
            "bytes=2000-,3000-",
            "bytes=-0",
            "bytes=9999999999999999999999999999999999999999-",
        ] {
            assert_eq!(
                select(value.as_bytes(), 1000),
                Selection::Unsatisfiable,
                "{value}"
            );
        }
        assert_eq!(select(b"bytes=0-", 0), Selection::Unsatisfiable);
        assert_eq!(select(b"bytes=-1", 0), Selection::Unsatisfiable);
    }

    #[test]
    fn malformed_sets_give_the_whole() {
        for value in [
            "bytes=5-2",
            "bytes=a-b",
            "bytes=",
            "bytes=-",
            "bytes",
            "bytes=1--2",
            "bytes=+1-2",
            "lines=0-1",
            "bytes=0-1;",
            "",
            "byt",
            "bytes=0-1,x",
            "bytes=,",
            "bytes =0-1",
            "bytes=1",
        ] {
            assert_eq!(select(value.as_bytes(), 1000), Selection::Whole, "{value}");
        }
    }

    #[test]
    fn several_ranges_keep_their_order_and_never_overlap() {
        for (value, expected) in [
            ("bytes=0-1,5-6", vec![0..2, 5..7]),
            ("bytes=0-1, 5-6 , 8-9", vec![0..2, 5..7, 8..10]),
            ("bytes=0-1,,5-6", vec![0..2, 5..7]),
            ("bytes=-1,0-0", vec![999..1000, 0..1]),
            ("bytes=20-29,0-4,10-14,5-9", vec![20..30, 0..15]),
            ("bytes=0-1,10-11,0-5,3-8", vec![0..9, 10..12]),
            ("bytes=0-1,2000-,5-6", vec![0..2, 5..7]),
        ] {
            assert_eq!(
                select(value.as_bytes(), 1000),
                Selection::Parts(expected),
                "{value}"
            );
        }
        for (value, expected) in [
            ("bytes=0-4,5-9", 0..10),
            ("bytes=0-,0-,0-", 0..1000),
            ("bytes=5-9,0-4,-991", 0..1000),
        ] {
            assert_eq!(
                select(value.as_bytes(), 1000),
                Selection::Part(expected),
                "{value}"
            );
        }
    }

    #[test]
    fn too_many_ranges_give_the_whole() {
        let set = |count: usize| {
            let specs: Vec<String> = (0..count).map(|n| format!("{}-{}", n * 3, n * 3)).collect();
            format!("bytes={}", specs.join(","))
        };
        let select = |value: String| select(value.as_bytes(), 100_000);
        assert!(
            matches!(select(set(RANGES_MAX)), Selection::Parts(parts) if parts.len() == RANGES_MAX)
        );
        assert_eq!(select(set(RANGES_MAX + 1)), Selection::Whole);
        assert_eq!(
            select(format!("bytes={}0-", "0-,".repeat(RANGE_SPECS_MAX - 1))),
            Selection::Part(0..100_000)
        );
        assert_eq!(
            select(format!("bytes={}0-", "0-,".repeat(RANGE_SPECS_MAX))),
            Selection::Whole
        );
    }

    #[test]
    fn large_files_have_large_offsets() {
        let length = 5 << 30;
        assert_eq!(
            select(b"bytes=4294967296-4294967299", length),
            Selection::Part(4_294_967_296..4_294_967_300)
        );
    }
}
