//! `multipart/byteranges` (RFC 9110 section 14.6): several parts of a representation in one
//! answer. Heads and lengths only; the bytes between them are the file's.

use std::fmt::{self, Display};
use std::ops::Range;

/// The parts of an answer, each with the head that goes before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Byteranges {
    boundary: Boundary,
    parts: Vec<Part>,
}

/// One part: its head, then these bytes of the representation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The delimiter and the part's field lines, up to and with the empty line.
    pub head: String,
    /// The bytes, counted from 0.
    pub range: Range<u64>,
}

/// What separates the parts. It is made of 128 bits that nobody can foresee, so no file can be
/// made to hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boundary(pub u128);

impl Byteranges {
    /// The parts of a representation of `length` bytes and that Content-Type.
    #[must_use]
    pub fn new(
        ranges: Vec<Range<u64>>,
        length: u64,
        content_type: &str,
        boundary: Boundary,
    ) -> Self {
        let part = |(index, range): (usize, Range<u64>)| {
            let line_end = if index == 0 { "" } else { "\r\n" };
            let last = range.end.saturating_sub(1);
            let head = format!(
                "{line_end}--{boundary}\r\nContent-Type: {content_type}\r\n\
                 Content-Range: bytes {}-{last}/{length}\r\n\r\n",
                range.start
            );
            Part { head, range }
        };
        let parts = ranges.into_iter().enumerate().map(part).collect();
        Byteranges { boundary, parts }
    }

    /// The length of the whole content in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        let part_length = |part: &Part| part.head.len() as u64 + part.range.end - part.range.start;
        self.parts.iter().map(part_length).sum::<u64>() + self.end().len() as u64
    }

    /// The value of Content-Type.
    #[must_use]
    pub fn content_type(&self) -> String {
        format!("multipart/byteranges; boundary={}", self.boundary)
    }

    /// What stands behind the last part.
    #[must_use]
    pub fn end(&self) -> String {
        format!("\r\n--{}--\r\n", self.boundary)
    }

    /// The parts, to be sent in this order.
    #[must_use]
    pub fn into_parts(self) -> Vec<Part> {
        self.parts
    }
}

impl Display for Boundary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_that_of_what_is_sent() {
        let boundary = Boundary(0xabc);
        let answer = Byteranges::new(vec![0..2, 5..7], 1000, "text/plain", boundary);
        let length = answer.length();
        let mut text = String::new();
        let end = answer.end();
        for part in answer.into_parts() {
            text.push_str(&part.head);
            text.push_str("xy");
        }
        text.push_str(&end);
        let line = format!("--{boundary}");
        assert_eq!(
            text,
            format!(
                "{line}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/1000\r\n\r\nxy\r\n\
                 {line}\r\nContent-Type: text/plain\r\nContent-Range: bytes 5-6/1000\r\n\r\nxy\r\n\
                 {line}--\r\n"
            )
        );
        assert_eq!(length, text.len() as u64);
        assert_eq!(line.len(), 34);
    }
}
