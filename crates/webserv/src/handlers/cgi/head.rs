//! The head of a program's output (RFC 3875 section 6.3): pure, bytes in, meaning out.
//!
//! A head is lines that end in LF or CR LF, up to an empty one. Whatever is not exactly that is
//! refused, and then nothing of the output reaches the client.

use ::http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, LOCATION, SERVER, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use ::http::{HeaderName, Method, StatusCode};
use memchr::memchr;

use crate::http::field::trim;
use crate::http::target::Target;
use crate::limits::{CGI_HEAD_BYTES_MAX, FIELD_LINES_MAX};

/// What is wrong with a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

/// Finds the end of a head, looking at each byte once.
#[derive(Debug, Default)]
pub(super) struct HeadScanner {
    line_start: usize,
    scanned: usize,
}

impl HeadScanner {
    /// Where the head ends, behind its empty line; none if that has not come.
    ///
    /// # Errors
    ///
    /// [`Malformed`] beyond [`CGI_HEAD_BYTES_MAX`].
    pub(super) fn end(&mut self, output: &[u8]) -> Result<Option<usize>, Malformed> {
        while let Some(offset) = output
            .get(self.scanned..)
            .and_then(|rest| memchr(b'\n', rest))
        {
            let end = self.scanned + offset;
            let line = output.get(self.line_start..end).unwrap_or_default();
            self.scanned = end + 1;
            self.line_start = self.scanned;
            if self.scanned > CGI_HEAD_BYTES_MAX {
                break;
            }
            if matches!(line, b"" | b"\r") {
                return Ok(Some(self.scanned));
            }
        }
        if output.len() > CGI_HEAD_BYTES_MAX {
            return Err(Malformed("its head is too large, or has no empty line"));
        }
        self.scanned = output.len();
        Ok(None)
    }
}

/// The head of an output.
#[derive(Debug, Default)]
pub(super) struct Head {
    fields: Vec<(HeaderName, String)>,
    status: Option<StatusCode>,
    location: Option<String>,
    content_length: Option<u64>,
    has_content_type: bool,
}

/// What a program answers with (RFC 3875 section 6.2).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The content that follows, with this status; perhaps a redirection of the client.
    Document(StatusCode),
    /// What another path of this server has.
    LocalRedirect(Target),
}

/// Fields of one connection, and those that this server writes itself.
const DROPPED: [HeaderName; 7] = [
    CONNECTION,
    TRANSFER_ENCODING,
    TE,
    TRAILER,
    UPGRADE,
    DATE,
    SERVER,
];

impl Head {
    /// Parses a head with its empty line.
    ///
    /// # Errors
    ///
    /// [`Malformed`].
    pub(super) fn parse(text: &[u8]) -> Result<Self, Malformed> {
        let mut head = Head::default();
        for line in text.split(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.is_empty() {
                head.line(line)?;
            }
        }
        Ok(head)
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Malformed> {
        if matches!(line, [b' ' | b'\t', ..]) {
            return Err(Malformed("a field is folded"));
        }
        let colon = memchr(b':', line).ok_or(Malformed("a line has no colon"))?;
        let (name, value) = line.split_at(colon);
        let value = trim(value.get(1..).unwrap_or_default());
        if value
            .iter()
            .any(|&byte| byte != b'\t' && byte.is_ascii_control())
        {
            return Err(Malformed("a value has a control character"));
        }
        let name =
            HeaderName::from_bytes(name).map_err(|_| Malformed("a field name is malformed"))?;
        if name.as_str() == "status" {
            return set(&mut self.status, status(value)?);
        }
        // A field section with other bytes could not be sent.
        let text = String::from_utf8_lossy(value).into_owned();
        if name == LOCATION {
            return set(&mut self.location, text);
        }
        if name == CONTENT_LENGTH {
            let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
            let length = text.parse().ok().filter(|_| is_number);
            let length = length.ok_or(Malformed("Content-Length is no number"))?;
            return set(&mut self.content_length, length);
        }
        if name == CONTENT_TYPE {
            if self.has_content_type {
                return Err(REPEATED);
            }
            self.has_content_type = true;
        }
        if DROPPED.contains(&name) || name.as_str() == "keep-alive" {
            return Ok(());
        }
        if self.fields.len() >= FIELD_LINES_MAX {
            return Err(Malformed("it has too many fields"));
        }
        self.fields.push((name, text));
        Ok(())
    }

    /// What the head asks for.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if it asks for nothing, or redirects to what is no path.
    pub(super) fn meaning(&self) -> Result<Meaning, Malformed> {
        let Some(location) = &self.location else {
            if self.status.is_none() && !self.has_content_type {
                return Err(Malformed("no Content-Type, Location or Status"));
            }
            return Ok(Meaning::Document(self.status.unwrap_or(StatusCode::OK)));
        };
        match self.status {
            Some(status) => Ok(Meaning::Document(status)),
            // However many slashes it begins with: it is a path of this server.
            None if location.starts_with('/') => {
                let path = location.split('#').next().unwrap_or_default();
                let target = Target::parse(&Method::GET, path.as_bytes());
                let target = target.map_err(|_| Malformed("Location is no path"))?;
                Ok(Meaning::LocalRedirect(target))
            }
            None if location.is_empty() => Err(Malformed("Location is empty")),
            None => Ok(Meaning::Document(StatusCode::FOUND)),
        }
    }

    /// The fields that the client gets, but for Location.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&HeaderName, &str)> {
        self.fields.iter().map(|(name, value)| (name, &**value))
    }

    /// Where the client is sent.
    pub(super) fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// The length of the content, as the program announces it.
    pub(super) fn content_length(&self) -> Option<u64> {
        self.content_length
    }
}

const REPEATED: Malformed = Malformed("a field that can occur once is repeated");

fn set<T>(place: &mut Option<T>, value: T) -> Result<(), Malformed> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(REPEATED),
    }
}

/// `Status: 404 Not Found`: three digits of a final answer; the phrase is not used.
fn status(value: &[u8]) -> Result<StatusCode, Malformed> {
    let end = value.iter().position(|&byte| matches!(byte, b' ' | b'\t'));
    let digits = value.get(..end.unwrap_or(value.len())).unwrap_or_default();
    StatusCode::from_bytes(digits)
        .ok()
        .filter(|status| (200..=599).contains(&status.as_u16()))
        .ok_or(Malformed("Status is no status code"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(text: &str) -> Result<Meaning, Malformed> {
        Head::parse(text.as_bytes())?.meaning()
    }

    #[test]
    fn a_head_says_what_it_is() {
        let document = |code: u16| Meaning::Document(StatusCode::from_u16(code).unwrap());
        let path = |text: &str| {
            Meaning::LocalRedirect(Target::parse(&Method::GET, text.as_bytes()).unwrap())
        };
        for (text, expected) in [
            ("Content-Type: text/plain\n\n", document(200)),
            ("content-type:text/plain\r\n\r\n", document(200)),
            (
                "Status: 404 Nope\r\nContent-Type: a/b\r\n\r\n",
                document(404),
            ),
            ("Status: 204\n\n", document(204)),
            ("Location: http://x.test/\n\n", document(302)),
            ("Location: other.py\n\n", document(302)),
            ("Location: /x\nStatus: 301\n\n", document(301)),
            ("Location: /x?a=b#c\n\n", path("/x?a=b")),
            ("Location: //evil.test/\n\n", path("/evil.test/")),
        ] {
            assert_eq!(meaning(text), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_head_is_refused() {
        for text in [
            "X-A: 1\n\n",
            "Status: 99\n\n",
            "Status: 1000\n\n",
            "Status: 100\n\n",
            "Status: abc\n\n",
            "Status:\n\n",
            "Status: 200\nStatus: 200\n\n",
            "Content-Type: a/b\nContent-Type: c/d\n\n",
            "Content-Type: a/b\nContent-Length: 1\nContent-Length: 1\n\n",
            "Content-Type: a/b\nContent-Length: +1\n\n",
            "Content-Type: a/b\nno colon\n\n",
            "Content-Type: a/b\n folded\n\n",
            "Content-Type : a/b\n\n",
            "Content-Type: a\0b\n\n",
            "Content-Type: a\rb\n\n",
            ": a\n\n",
            "Location:\n\n",
            "Location: /%zz\n\n",
            "Location: /../x\n\n",
        ] {
            assert!(meaning(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn fields_of_the_connection_are_the_servers() {
        let text = "Content-Type: a/b\nSet-Cookie: a=1\nSet-Cookie: b=2\nConnection: x\n\
                    Transfer-Encoding: chunked\nDate: x\nServer: y\nContent-Length: 5\n\n";
        let head = Head::parse(text.as_bytes()).unwrap();
        let fields: Vec<_> = head
            .fields()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            fields,
            ["content-type=a/b", "set-cookie=a=1", "set-cookie=b=2"]
        );
        assert_eq!(head.content_length(), Some(5));
    }

    #[test]
    fn the_end_is_found_however_the_head_comes() {
        for text in [
            "A: b\n\nrest",
            "A: b\r\nC: d\r\n\r\nrest",
            "\nrest",
            "A: b\r\n\nrest",
        ] {
            let end = text.len() - 4;
            let mut scanner = HeadScanner::default();
            for length in 0..end {
                assert_eq!(
                    scanner.end(&text.as_bytes()[..length]),
                    Ok(None),
                    "{text:?}"
                );
            }
            assert_eq!(scanner.end(text.as_bytes()), Ok(Some(end)), "{text:?}");
        }
        let endless = vec![b'x'; CGI_HEAD_BYTES_MAX + 1];
        assert!(HeadScanner::default().end(&endless).is_err());
        let lines = b"A: b\n".repeat(CGI_HEAD_BYTES_MAX / 5 + 2);
        assert!(HeadScanner::default().end(&lines).is_err());
    }
}
