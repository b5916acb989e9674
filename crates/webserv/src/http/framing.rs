//! Where the content of a request ends (RFC 9112 section 6).
//!
//! Two recipients that disagree about this let one client smuggle a request into another's
//! connection, so everything ambiguous is refused: repeated or listed lengths even when they are
//! equal, a length beside a coding, any coding but exactly one `chunked`.

use ::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};

use super::field::FieldSection;
use super::request_line::Version;
use super::status::Fault;
use crate::limits::CONTENT_BYTES_MAX;

/// How the end of a request's content is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// So many bytes; 0 when the request announces no content.
    Length(u64),
    /// The chunked transfer coding.
    Chunked,
}

impl Framing {
    /// Reads Content-Length and Transfer-Encoding.
    ///
    /// # Errors
    ///
    /// [`Fault::ContentLength`], [`Fault::LengthAndCoding`], [`Fault::TransferEncoding`],
    /// [`Fault::TransferCodingUnknown`], and [`Fault::ContentTooLarge`] for a length over
    /// [`CONTENT_BYTES_MAX`].
    pub fn parse(version: Version, fields: &FieldSection) -> Result<Self, Fault> {
        let has_coding = fields.values(&TRANSFER_ENCODING).next().is_some();
        let mut lengths = fields.values(&CONTENT_LENGTH);
        let Some(length) = lengths.next() else {
            return if has_coding {
                parse_coding(version, fields)
            } else {
                Ok(Framing::Length(0))
            };
        };
        if has_coding {
            return Err(Fault::LengthAndCoding);
        }
        if lengths.next().is_some() {
            return Err(Fault::ContentLength);
        }
        parse_length(length)
    }

    /// Whether there is no content at all.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Framing::Length(0)
    }
}

/// `1*DIGIT`; no sign, no list, no other script's digits.
fn parse_length(value: &[u8]) -> Result<Framing, Fault> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Fault::ContentLength);
    }
    let mut length: u64 = 0;
    for digit in value {
        length = length
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'));
    }
    if length > CONTENT_BYTES_MAX {
        return Err(Fault::ContentTooLarge);
    }
    Ok(Framing::Length(length))
}

/// All lines are one list, and the list must be exactly `chunked`. HTTP/1.0 has no transfer
/// codings, so there its framing cannot be trusted.
fn parse_coding(version: Version, fields: &FieldSection) -> Result<Framing, Fault> {
    if version == Version::Http10 {
        return Err(Fault::TransferEncoding);
    }
    let mut codings = fields.list(&TRANSFER_ENCODING);
    let (Some(coding), rest) = (codings.next(), codings.next()) else {
        return Err(Fault::TransferEncoding);
    };
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    match rest {
        None if is_chunked(coding) => Ok(Framing::Chunked),
        Some(other) if is_chunked(coding) || is_chunked(other) && codings.next().is_some() => {
            Err(Fault::TransferEncoding)
        }
        _ => Err(Fault::TransferCodingUnknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing(lines: &[u8]) -> Result<Framing, Fault> {
        let section = [lines, b"\r\n"].concat();
        Framing::parse(Version::Http11, &FieldSection::parse(&section)?)
    }

    #[test]
    fn lengths_are_plain_numbers() {
        assert_eq!(framing(b""), Ok(Framing::Length(0)));
        assert_eq!(framing(b"Content-Length: 0\r\n"), Ok(Framing::Length(0)));
        assert_eq!(framing(b"content-length:\t5 \r\n"), Ok(Framing::Length(5)));
        for value in [
            "+5", "-5", "5a", "5.0", "5e0", "0x05", "٥", "5,6", "5, 5", "", "5 5",
        ] {
            let line = format!("Content-Length: {value}\r\n");
            assert_eq!(
                framing(line.as_bytes()),
                Err(Fault::ContentLength),
                "{value}"
            );
        }
        for value in [
            "99999999999999999999",
            "9223372036854775807",
            "9223372036854775808",
        ] {
            let line = format!("Content-Length: {value}\r\n");
            assert_eq!(
                framing(line.as_bytes()),
                Err(Fault::ContentTooLarge),
                "{value}"
            );
        }
    }

    #[test]
    fn repeated_lengths_are_refused_even_when_equal() {
        for value in ["5", "6"] {
            let lines = format!("Content-Length: 5\r\nContent-Length: {value}\r\n");
            assert_eq!(framing(lines.as_bytes()), Err(Fault::ContentLength));
        }
    }

    #[test]
    fn chunked_is_the_only_coding() {
        for value in [
            "chunked",
            "\tchunked",
            "chunked ",
            "CHUNKED",
            ",chunked",
            "chunked,",
            ", chunked",
        ] {
            let line = format!("Transfer-Encoding: {value}\r\n");
            assert_eq!(framing(line.as_bytes()), Ok(Framing::Chunked), "{value}");
        }
        for value in [
            "xchunked",
            "chunkedx",
            "chunk",
            "identity",
            "chunked,identity",
            "identity,chunked",
            "chunked, chunked",
            "chunked;q=1",
            "",
            ",",
            "gzip, chunked",
            "\"chunked\"",
            "identity\r\nTransfer-Encoding: chunked",
            "chunked\r\nTransfer-Encoding: identity",
            "chunked\r\nTransfer-Encoding: chunked",
        ] {
            let line = format!("Transfer-Encoding: {value}\r\n");
            let fault = framing(line.as_bytes()).unwrap_err();
            assert!(
                matches!(
                    fault,
                    Fault::TransferEncoding | Fault::TransferCodingUnknown
                ),
                "{value}: {fault}"
            );
        }
    }

    #[test]
    fn a_length_beside_a_coding_is_refused() {
        let lines = b"Content-Length: 40\r\nTransfer-Encoding: chunked\r\n";
        assert_eq!(framing(lines), Err(Fault::LengthAndCoding));
        let lines = b"Transfer-Encoding: ,\r\nContent-Length: 40\r\n";
        assert_eq!(framing(lines), Err(Fault::LengthAndCoding));
    }

    #[test]
    fn http_1_0_has_no_codings() {
        let section = FieldSection::parse(b"Transfer-Encoding: chunked\r\n\r\n").unwrap();
        assert_eq!(
            Framing::parse(Version::Http10, &section),
            Err(Fault::TransferEncoding)
        );
    }
}
