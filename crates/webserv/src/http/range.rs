//! Range requests (RFC 9110 section 14): which bytes of a representation are wanted.
//!
//! One satisfiable range is answered with 206. Several are answered with the whole representation,
//! which section 14.2 allows; so no set of ranges can make an answer larger than the file.

use std::ops::Range;

use super::field::{members, trim};

/// What a Range field asks of a representation of a known length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// No range that this server serves: another unit, malformed, or several ranges.
    Whole,
    /// These bytes, at least one, within the representation.
    Part(Range<u64>),
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
    let mut selected: Option<Range<u64>> = None;
    let mut range_count: usize = 0;
    let mut is_empty = true;
    for text in members(specs) {
        let Some(spec) = parse_spec(text) else {
            return Selection::Whole;
        };
        is_empty = false;
        if let Some(range) = satisfy(&spec, length) {
            range_count += 1;
            selected = Some(range);
        }
    }
    match selected {
        _ if is_empty => Selection::Whole,
        None => Selection::Unsatisfiable,
        Some(range) if range_count == 1 => Selection::Part(range),
        Some(_) => Selection::Whole,
    }
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
    fn malformed_and_several_ranges_give_the_whole() {
        for value in [
            "bytes=5-2",
            "bytes=a-b",
            "bytes=",
            "bytes=-",
            "bytes",
            "bytes=1--2",
            "bytes=+1-2",
            "lines=0-1",
            "bytes=0-1,5-6",
            "bytes=0-1,,5-6",
            "bytes=0-1;",
            "",
            "byt",
            "bytes=0-1,x",
            "bytes=0-4,5-9",
            "bytes=,",
            "bytes =0-1",
            "bytes=1",
        ] {
            assert_eq!(select(value.as_bytes(), 1000), Selection::Whole, "{value}");
        }
        let many = format!("bytes={}", "0-,".repeat(1000));
        assert_eq!(select(many.as_bytes(), 1000), Selection::Whole);
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
