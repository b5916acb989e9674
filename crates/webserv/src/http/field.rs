//! Field lines (RFC 9110 section 5, RFC 9112 section 5): `name ":" OWS value OWS CR LF`.
//!
//! `httparse` checks names and values byte by byte. It is called on whole field sections whose
//! lines all end in CR LF (see [`super::request::HeadScanner`]), so its licence for bare LF has no
//! effect, and it refuses folded lines and space before the colon.

use ::http::HeaderName;

use super::status::Fault;
use crate::limits::{FIELD_LINES_EXPECTED, FIELD_LINES_MAX};

/// The field lines of one message, in order, with their own copy of the text.
#[derive(Debug, Clone, Default)]
pub struct FieldSection {
    text: Vec<u8>,
    lines: Vec<Line>,
}

/// Where a line's name and value stand in the text.
#[derive(Debug, Clone, Copy)]
struct Line {
    name: (usize, usize),
    value: (usize, usize),
}

impl FieldSection {
    /// Parses a field section with its final empty line.
    ///
    /// # Errors
    ///
    /// [`Fault::FieldLine`] for a malformed line, [`Fault::FieldSectionTooLarge`] for more than
    /// [`FIELD_LINES_MAX`] lines.
    pub fn parse(section: &[u8]) -> Result<Self, Fault> {
        match parse_with(section, &mut [httparse::EMPTY_HEADER; FIELD_LINES_EXPECTED]) {
            Err(Fault::FieldSectionTooLarge) => {
                parse_with(section, &mut [httparse::EMPTY_HEADER; FIELD_LINES_MAX])
            }
            outcome => outcome,
        }
    }

    /// The values of all lines of that name, in order, without surrounding white space.
    pub fn values<'s>(&'s self, name: &'s HeaderName) -> impl Iterator<Item = &'s [u8]> {
        self.lines
            .iter()
            .filter(move |line| {
                self.slice(line.name)
                    .eq_ignore_ascii_case(name.as_str().as_bytes())
            })
            .map(|line| self.slice(line.value))
    }

    /// The value of the first line of that name.
    #[must_use]
    pub fn first(&self, name: &HeaderName) -> Option<&[u8]> {
        // A `let` keeps the borrow of `name` apart from the one that is returned.
        let line = self.lines.iter().find(|line| {
            self.slice(line.name)
                .eq_ignore_ascii_case(name.as_str().as_bytes())
        })?;
        Some(self.slice(line.value))
    }

    /// The members of a comma-separated list spread over all lines of that name; empty members
    /// are dropped (RFC 9110 section 5.6.1). Not for values that may hold quoted strings.
    pub fn list<'s>(&'s self, name: &'s HeaderName) -> impl Iterator<Item = &'s [u8]> {
        self.values(name).flat_map(members)
    }

    /// All lines in order, each a name as it was sent and a value without surrounding white space.
    pub fn lines(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines
            .iter()
            .map(|line| (self.slice(line.name), self.slice(line.value)))
    }

    /// The same section without the lines of these names.
    #[must_use]
    pub fn without(&self, names: &[HeaderName]) -> Self {
        let is_kept = |line: &&Line| {
            let name = self.slice(line.name);
            !names
                .iter()
                .any(|other| name.eq_ignore_ascii_case(other.as_str().as_bytes()))
        };
        FieldSection {
            text: self.text.clone(),
            lines: self.lines.iter().filter(is_kept).copied().collect(),
        }
    }

    /// How many field lines there are.
    #[must_use]
    pub fn line_count(&self) -> usize {
        self.lines.len()
    }

    fn slice(&self, (start, end): (usize, usize)) -> &[u8] {
        self.text.get(start..end).unwrap_or_default()
    }
}

/// The members of one comma-separated value, without white space and without empty ones.
pub fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|&byte| byte == b',')
        .map(trim)
        .filter(|member| !member.is_empty())
}

/// The value without optional white space (SP and HTAB, RFC 9110 section 5.6.3) around it.
#[must_use]
pub fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

fn parse_with<'b>(
    section: &'b [u8],
    headers: &mut [httparse::Header<'b>],
) -> Result<FieldSection, Fault> {
    let lines = match httparse::parse_headers(section, headers) {
        Ok(httparse::Status::Complete((length, lines))) if length == section.len() => lines,
        Ok(_) => return Err(Fault::FieldLine),
        Err(httparse::Error::TooManyHeaders) => return Err(Fault::FieldSectionTooLarge),
        Err(_) => return Err(Fault::FieldLine),
    };
    let base = section.as_ptr().addr();
    let place = |part: &[u8]| {
        // An empty value may point anywhere; its place does not matter.
        let start = part.as_ptr().addr().wrapping_sub(base).min(section.len());
        (start, (start + part.len()).min(section.len()))
    };
    let lines = lines
        .iter()
        .map(|line| Line {
            name: place(line.name.as_bytes()),
            value: place(trim(line.value)),
        })
        .collect();
    Ok(FieldSection {
        text: section.to_vec(),
        lines,
    })
}

#[cfg(test)]
mod tests {
    use ::http::header::{ACCEPT, CONNECTION, HOST};

    use super::*;

    #[test]
    fn values_lose_the_white_space_around_them() {
        let section =
            FieldSection::parse(b"Host:1\r\nhOsT:   2   \r\nHOST:\t3\t\r\nHost:\r\n\r\n").unwrap();
        let values: Vec<_> = section.values(&HOST).collect();
        assert_eq!(values, [&b"1"[..], b"2", b"3", b""]);
        assert_eq!(section.first(&HOST), Some(&b"1"[..]));
        assert_eq!(section.first(&ACCEPT), None);
        assert_eq!(section.line_count(), 4);
    }

    #[test]
    fn lists_run_over_lines_and_skip_empty_members() {
        let section = FieldSection::parse(b"Connection: a,, b \r\nConnection: ,c\r\n\r\n").unwrap();
        let members: Vec<_> = section.list(&CONNECTION).collect();
        assert_eq!(members, [&b"a"[..], b"b", b"c"]);
    }

    #[test]
    fn opaque_bytes_pass_and_control_bytes_do_not() {
        assert!(FieldSection::parse(b"X-A: caf\xe9\r\n\r\n").is_ok());
        for section in [
            &b"X-A : 1\r\n\r\n"[..],
            b"X-A: 1\r\n folded\r\n\r\n",
            b" X: 1\r\nY: 2\r\n\r\n",
            b"X-(A): 1\r\n\r\n",
            b"X A: 1\r\n\r\n",
            b"X\x01A: 1\r\n\r\n",
            b"X-A: a\x0bb\r\n\r\n",
            b"X-A: a\x1fb\r\n\r\n",
            b"X-A: a\x7fb\r\n\r\n",
            b"X-A: a\0b\r\n\r\n",
            b"X-A: a\rb\r\n\r\n",
            b": 1\r\n\r\n",
            b"X\r\n\r\n",
        ] {
            let fault = FieldSection::parse(section).map(|_| ()).unwrap_err();
            assert_eq!(fault, Fault::FieldLine, "{}", section.escape_ascii());
        }
    }

    #[test]
    fn the_number_of_lines_is_limited() {
        let section = |count: usize| [&b"X: a\r\n".repeat(count)[..], b"\r\n"].concat();
        assert_eq!(
            FieldSection::parse(&section(100)).unwrap().line_count(),
            100
        );
        assert_eq!(
            FieldSection::parse(&section(FIELD_LINES_MAX))
                .unwrap()
                .line_count(),
            128
        );
        let fault = FieldSection::parse(&section(FIELD_LINES_MAX + 1))
            .map(|_| ())
            .unwrap_err();
        assert_eq!(fault, Fault::FieldSectionTooLarge);
    }
}
