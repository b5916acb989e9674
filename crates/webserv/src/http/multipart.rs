//! multipart/form-data (RFC 7578, RFC 2046 section 5.1), parsed as it comes.
//!
//! ```text
//!                       "--" boundary                  CR LF          empty line
//! Preamble ─────────────────────────► AfterDelimiter ───────► PartHead ───────► Data
//!                                       │ "--"                                   │
//!                                       ▼              CR LF "--" boundary       │
//!                                    Epilogue    AfterDelimiter ◄────────────────┘
//! ```
//!
//! The parser keeps no bytes. It looks at what the caller has, says how much of it is done with,
//! and leaves the rest for the next time, when there is more: never more than a part's head or a
//! delimiter, both of which are limited.

use std::ops::Range;

use ::http::HeaderName;
use ::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use memchr::memmem::{self, Finder};

use super::field::FieldSection;
use super::parameter::Parameterized;
use super::status::Fault;
use crate::limits::{FORM_PARTS_MAX, PART_HEAD_BYTES_MAX};

/// Longest boundary, in characters (RFC 2046 section 5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// Field of a part that no browser has sent for decades; its values mean that the content must
/// not be taken as it is.
const CONTENT_TRANSFER_ENCODING: HeaderName = HeaderName::from_static("content-transfer-encoding");

/// Parses one form.
#[derive(Debug)]
pub struct Parser {
    /// CR LF, two hyphens and the boundary.
    delimiter: Finder<'static>,
    state: State,
    part_count: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the very beginning, where a delimiter needs no line end before it.
    Start,
    Preamble,
    AfterDelimiter,
    PartHead,
    Data,
    Epilogue,
}

/// What the parser has met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Nothing that is complete: there must be more input.
    NeedsMore,
    /// A part begins.
    Part(PartHead),
    /// Content of the part, as a range of the input.
    Data(Range<usize>),
    /// The part has ended.
    PartEnd,
    /// The form has ended; whatever follows means nothing.
    End,
}

/// What is known of a part before its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartHead {
    /// The name of the form's field.
    pub name: Vec<u8>,
    /// The name that the client has for a file; none for an ordinary field. Nothing about it can
    /// be trusted.
    pub file_name: Option<Vec<u8>>,
}

/// One step of parsing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Bytes of the input that are done with, when the event has been looked at.
    pub consumed: usize,
    /// What they were.
    pub event: Event,
}

impl Parser {
    /// A parser for a content of that Content-Type.
    ///
    /// # Errors
    ///
    /// [`Fault::Multipart`] without a boundary, or with one that RFC 2046 does not allow.
    pub fn new(content_type: &[u8]) -> Result<Self, Fault> {
        let parsed = Parameterized::parse(content_type).map_err(|_| Fault::Multipart)?;
        let boundary = parsed
            .parameter(b"boundary")
            .map_err(|_| Fault::Multipart)?;
        let boundary = boundary.unwrap_or_default();
        let is_legal = (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len())
            && boundary.iter().all(|&byte| is_boundary_byte(byte))
            && !boundary.ends_with(b" ");
        if !is_legal {
            return Err(Fault::Multipart);
        }
        let delimiter = [b"\r\n--", boundary].concat();
        Ok(Parser {
            delimiter: Finder::new(&delimiter).into_owned(),
            state: State::Start,
            part_count: 0,
        })
    }

    /// Most bytes that the caller must be able to hold at once for the parser to go on.
    #[must_use]
    pub fn lookahead_bytes_max() -> usize {
        PART_HEAD_BYTES_MAX + BOUNDARY_BYTES_MAX + 8
    }

    /// Looks at the input, which begins with the first byte that is not yet done with.
    ///
    /// # Errors
    ///
    /// [`Fault::Multipart`] for what is malformed, [`Fault::MultipartTooLarge`] for too many parts
    /// and for a part's head that is too large. The parser is of no use after an error.
    pub fn step(&mut self, input: &[u8]) -> Result<Step, Fault> {
        match self.state {
            State::Start => Ok(self.start(input)),
            State::Preamble => Ok(self.preamble(input)),
            State::AfterDelimiter => self.after_delimiter(input),
            State::PartHead => self.part_head(input),
            State::Data => Ok(self.data(input)),
            State::Epilogue => Ok(Step {
                consumed: input.len(),
                event: Event::End,
            }),
        }
    }

    fn start(&mut self, input: &[u8]) -> Step {
        let dash_boundary = self.delimiter.needle().get(2..).unwrap_or_default();
        if input.starts_with(dash_boundary) {
            let consumed = dash_boundary.len();
            return self.go(State::AfterDelimiter, consumed);
        }
        if dash_boundary.starts_with(input) {
            return needs_more(0);
        }
        self.go(State::Preamble, 0)
    }

    fn preamble(&mut self, input: &[u8]) -> Step {
        match self.delimiter.find(input) {
            Some(place) => {
                let consumed = place + self.delimiter.needle().len();
                self.go(State::AfterDelimiter, consumed)
            }
            None => needs_more(input.len() - self.held(input)),
        }
    }

    /// Two hyphens end the form; else the line must end here, after white space at most.
    fn after_delimiter(&mut self, input: &[u8]) -> Result<Step, Fault> {
        if input.starts_with(b"--") {
            return Ok(Step {
                event: Event::End,
                ..self.go(State::Epilogue, 2)
            });
        }
        let padding = input
            .iter()
            .position(|&byte| !matches!(byte, b' ' | b'\t'))
            .unwrap_or(input.len());
        if padding > BOUNDARY_BYTES_MAX {
            return Err(Fault::Multipart);
        }
        match input.get(padding..).unwrap_or_default() {
            [] | [b'\r'] => Ok(needs_more(0)),
            [b'-'] if padding == 0 => Ok(needs_more(0)),
            [b'\r', b'\n', ..] => {
                self.part_count += 1;
                if self.part_count > FORM_PARTS_MAX {
                    return Err(Fault::MultipartTooLarge);
                }
                // The line end stays: it may be the empty line of a part without any field.
                Ok(self.go(State::PartHead, padding))
            }
            _ => Err(Fault::Multipart),
        }
    }

    /// The head begins with the line end of its delimiter.
    fn part_head(&mut self, input: &[u8]) -> Result<Step, Fault> {
        let end = memmem::find(input, b"\r\n\r\n");
        if end.unwrap_or(input.len()) > PART_HEAD_BYTES_MAX {
            return Err(Fault::MultipartTooLarge);
        }
        let Some(end) = end else {
            return Ok(needs_more(0));
        };
        let section = input.get(2..end + 4).unwrap_or_default();
        let head = parse_head(section)?;
        // The empty line's end stays: a delimiter may begin with it.
        Ok(Step {
            event: Event::Part(head),
            ..self.go(State::Data, end + 4)
        })
    }

    fn data(&mut self, input: &[u8]) -> Step {
        match self.delimiter.find(input) {
            Some(0) => {
                let consumed = self.delimiter.needle().len();
                Step {
                    event: Event::PartEnd,
                    ..self.go(State::AfterDelimiter, consumed)
                }
            }
            Some(place) => data(place),
            None => data(input.len() - self.held(input)),
        }
    }

    fn go(&mut self, state: State, consumed: usize) -> Step {
        self.state = state;
        // An empty range of content: nothing for the caller, who asks again.
        Step {
            consumed,
            event: Event::Data(0..0),
        }
    }

    /// How many bytes at the end of the input may be the start of a delimiter.
    fn held(&self, input: &[u8]) -> usize {
        let delimiter = self.delimiter.needle();
        let longest = input.len().min(delimiter.len() - 1);
        (1..=longest)
            .rev()
            .find(|&length| {
                let tail = input.get(input.len() - length..).unwrap_or_default();
                delimiter.starts_with(tail)
            })
            .unwrap_or(0)
    }
}

fn needs_more(consumed: usize) -> Step {
    Step {
        consumed,
        event: Event::NeedsMore,
    }
}

fn data(length: usize) -> Step {
    Step {
        consumed: length,
        event: match length {
            0 => Event::NeedsMore,
            length => Event::Data(0..length),
        },
    }
}

/// The fields of a part. Content-Disposition says which field of the form it is, and what the
/// file is called; `filename*` is not used in forms (RFC 7578 section 4.2) and is ignored.
fn parse_head(section: &[u8]) -> Result<PartHead, Fault> {
    // A section that is one line end is empty; the field parser wants the empty line alone.
    let fields = FieldSection::parse(section).map_err(|_| Fault::Multipart)?;
    let mut dispositions = fields.values(&CONTENT_DISPOSITION);
    let (Some(disposition), None) = (dispositions.next(), dispositions.next()) else {
        return Err(Fault::Multipart);
    };
    let disposition = Parameterized::parse(disposition).map_err(|_| Fault::Multipart)?;
    if !disposition.value.eq_ignore_ascii_case(b"form-data") {
        return Err(Fault::Multipart);
    }
    let parameter = |name: &[u8]| {
        let value = disposition.parameter(name).map_err(|_| Fault::Multipart)?;
        Ok(value.map(<[u8]>::to_vec))
    };
    let name = parameter(b"name")?.ok_or(Fault::Multipart)?;
    let file_name = parameter(b"filename")?;
    let is_nested = fields.values(&CONTENT_TYPE).any(|value| {
        let start = value.get(..10).unwrap_or_default();
        start.eq_ignore_ascii_case(b"multipart/")
    });
    let is_encoded = fields.values(&CONTENT_TRANSFER_ENCODING).any(|value| {
        let plain: [&[u8]; 3] = [b"7bit", b"8bit", b"binary"];
        !plain
            .iter()
            .any(|coding| coding.eq_ignore_ascii_case(value))
    });
    if is_nested || is_encoded {
        return Err(Fault::Multipart);
    }
    Ok(PartHead { name, file_name })
}

/// `bchars` of RFC 2046 section 5.1.1.
fn is_boundary_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parts = Vec<(String, Option<String>, Vec<u8>)>;

    /// Feeds `form` in pieces of the given size, keeping what is not consumed as a caller does.
    fn parse(boundary: &str, form: &[u8], piece: usize) -> Result<(Parts, bool), Fault> {
        let content_type = format!("multipart/form-data; boundary=\"{boundary}\"");
        let mut parser = Parser::new(content_type.as_bytes())?;
        let mut parts = Parts::new();
        let mut held = Vec::new();
        let mut has_ended = false;
        let mut open = false;
        for piece in form.chunks(piece) {
            held.extend_from_slice(piece);
            loop {
                let step = parser.step(&held)?;
                assert!(step.consumed <= held.len());
                match step.event {
                    Event::NeedsMore => {
                        held.drain(..step.consumed);
                        break;
                    }
                    Event::Part(head) => {
                        assert!(!open);
                        open = true;
                        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
                        parts.push((text(head.name), head.file_name.map(text), Vec::new()));
                    }
                    Event::Data(range) => {
                        if !range.is_empty() {
                            assert!(open);
                            parts.last_mut().unwrap().2.extend_from_slice(&held[range]);
                        }
                    }
                    Event::PartEnd => open = false,
                    Event::End => {
                        has_ended = true;
                        held.clear();
                        break;
                    }
                }
                held.drain(..step.consumed.min(held.len()));
            }
            assert!(held.len() <= Parser::lookahead_bytes_max() + piece.len());
        }
        Ok((parts, has_ended))
    }

    const FORM: &[u8] = b"preamble\r\n--C\rnot yet\r\n--B \t\r\nContent-Disposition: form-data; name=a\r\n\r\n\
        plain\r\n--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x y.bin\"\r\n\
        Content-Type: application/octet-stream\r\n\r\n\r\n--A\r\n-B--\r--B\n--B\r\r\n\
        \r\n--B\r\nContent-Disposition: form-data; name=e; filename=\"\"\r\n\r\n\r\n--B--\r\nepilogue\r\n--B\r\n";

    #[test]
    fn any_split_gives_the_same_parts() {
        let expected = vec![
            ("a".to_owned(), None, b"plain".to_vec()),
            (
                "f".to_owned(),
                Some("x y.bin".to_owned()),
                b"\r\n--A\r\n-B--\r--B\n--B\r\r\n".to_vec(),
            ),
            ("e".to_owned(), Some(String::new()), Vec::new()),
        ];
        for piece in 1..=FORM.len() {
            let (parts, has_ended) = parse("B", FORM, piece).unwrap();
            assert_eq!(parts, expected, "pieces of {piece}");
            assert!(has_ended);
        }
    }

    #[test]
    fn boundaries_have_their_characters_and_their_length() {
        let form = |boundary: &str| {
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--{boundary}--"
            )
        };
        let longest = "x".repeat(70);
        for boundary in [
            "x",
            &longest,
            "0aZ'()+_,-./:=? z",
            "----WebKitFormBoundary7MA4",
        ] {
            let (parts, has_ended) = parse(boundary, form(boundary).as_bytes(), 3).unwrap();
            assert!(has_ended && parts.len() == 1, "{boundary}");
        }
        for boundary in ["", &"x".repeat(71), "a ", "a@b", "a;b", "é"] {
            assert_eq!(
                parse(boundary, form(boundary).as_bytes(), 100),
                Err(Fault::Multipart),
                "{boundary}"
            );
        }
        assert!(Parser::new(b"multipart/form-data").is_err());
    }

    #[test]
    fn malformed_forms_are_refused_however_they_come() {
        let part = |head: &str| format!("--B\r\n{head}\r\n\r\nx\r\n--B--\r\n");
        for form in [
            part("Content-Disposition: form-data"),
            part("Content-Disposition: attachment; name=a"),
            part("Content-Disposition: form-data; name=a; filename=b; filename=c"),
            part("Content-Disposition: form-data; name=a;\r\n filename=b"),
            part("Content-Type: text/plain"),
            part(
                "Content-Disposition: form-data; name=a\r\nContent-Type: multipart/mixed; boundary=C",
            ),
            part("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64"),
            part("Content-Disposition: form-data; name=a\r\nnonsense"),
            part("Content-Disposition: form-data; name=\"a\x01\""),
            "--Bx\r\n".to_owned(),
            "--B-x\r\n".to_owned(),
            "--B\r\n\r\nx\r\n--B--".to_owned(),
        ] {
            for piece in [1, 7, form.len()] {
                let outcome = parse("B", form.as_bytes(), piece);
                assert_eq!(outcome, Err(Fault::Multipart), "{form}");
            }
        }
    }

    #[test]
    fn heads_and_parts_are_limited() {
        let head = format!("--B\r\nX: {}\r\n\r\n", "x".repeat(PART_HEAD_BYTES_MAX));
        assert_eq!(
            parse("B", head.as_bytes(), 4096),
            Err(Fault::MultipartTooLarge)
        );
        let endless = format!("--B\r\nX: {}", "x".repeat(PART_HEAD_BYTES_MAX));
        assert_eq!(
            parse("B", endless.as_bytes(), 4096),
            Err(Fault::MultipartTooLarge)
        );
        let part = "--B\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n";
        let parts = part.repeat(FORM_PARTS_MAX + 1);
        assert_eq!(
            parse("B", parts.as_bytes(), 4096),
            Err(Fault::MultipartTooLarge)
        );
    }

    #[test]
    fn a_form_without_its_end_has_not_ended() {
        for end in [FORM.len() - 40, 100, 50, 10, 0] {
            let (_, has_ended) = parse("B", &FORM[..end], 64).unwrap();
            assert!(!has_ended, "{end} bytes");
        }
        let (parts, has_ended) = parse("B", b"no boundary at all", 64).unwrap();
        assert!(parts.is_empty() && !has_ended);
    }
}
