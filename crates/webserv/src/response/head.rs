//! The head of an answer: status line and field lines (RFC 9112 section 4).

use std::fmt::Display;
use std::io::Write;

use ::http::header::{
    CONNECTION, CONTENT_LENGTH, DATE, ETAG, SERVER, TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use ::http::{HeaderName, HeaderValue, StatusCode};

use super::content::Content;
use crate::http::date::HttpDate;
use crate::http::request_line::Version;

/// What the server calls itself; no version, which would only help an attacker.
const SERVER_NAME: &str = "webserv";

/// An answer, but for what depends on the connection.
#[derive(Debug)]
pub(crate) struct Response {
    /// The status code.
    pub(crate) status: StatusCode,
    /// Field lines beyond Date, Server, Connection and those of the framing.
    pub(crate) fields: FieldLines,
    /// The content; its length is announced even where it is not sent (HEAD).
    pub(crate) content: Content,
}

/// What the connection adds to a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// The connection goes on, as HTTP/1.1 has it.
    Open,
    /// It goes on although the client speaks HTTP/1.0, which must be said.
    OpenForHttp10,
    /// It closes behind this answer.
    Close,
}

/// How the client finds the end of a content (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The status code says that there is none.
    Nothing,
    /// It has so many bytes.
    Length(u64),
    /// It is chunked.
    Chunked,
    /// It ends with the connection.
    UntilClose,
}

impl Response {
    /// An answer without field lines and content.
    pub(crate) fn new(status: StatusCode) -> Self {
        Response {
            status,
            fields: FieldLines::default(),
            content: Content::Empty,
        }
    }

    /// The same answer with one more field line.
    #[must_use]
    pub(crate) fn with(mut self, name: &HeaderName, value: impl Display) -> Self {
        self.fields.push(name, value);
        self
    }

    /// How the content reaches a client that speaks that version.
    pub(crate) fn delivery(&self, version: Version) -> Delivery {
        match self.content.length() {
            _ if !has_content(self.status) => Delivery::Nothing,
            Some(length) => Delivery::Length(length),
            None if version == Version::Http10 => Delivery::UntilClose,
            None => Delivery::Chunked,
        }
    }

    /// Writes the whole head. The status line always says HTTP/1.1: it names what the server
    /// speaks, not what the client does (RFC 9110 section 2.5).
    pub(crate) fn write_head(
        &self,
        output: &mut Vec<u8>,
        date: HttpDate,
        persistence: Persistence,
        delivery: Delivery,
    ) {
        output.extend_from_slice(b"HTTP/1.1 ");
        output.extend_from_slice(self.status.as_str().as_bytes());
        output.push(b' ');
        output.extend_from_slice(
            self.status
                .canonical_reason()
                .unwrap_or_default()
                .as_bytes(),
        );
        output.extend_from_slice(b"\r\n");
        push_line(output, &DATE, date);
        push_line(output, &SERVER, SERVER_NAME);
        output.extend_from_slice(&self.fields.text);
        match delivery {
            Delivery::Nothing | Delivery::UntilClose => {}
            Delivery::Length(length) => push_line(output, &CONTENT_LENGTH, length),
            Delivery::Chunked => push_line(output, &TRANSFER_ENCODING, "chunked"),
        }
        match persistence {
            Persistence::Open => {}
            Persistence::OpenForHttp10 => push_line(output, &CONNECTION, "keep-alive"),
            Persistence::Close => push_line(output, &CONNECTION, "close"),
        }
        output.extend_from_slice(b"\r\n");
    }
}

/// Whether an answer with that status code has content, and so a length (RFC 9110 section 6.4.1).
fn has_content(status: StatusCode) -> bool {
    !status.is_informational()
        && status != StatusCode::NO_CONTENT
        && status != StatusCode::NOT_MODIFIED
}

/// Field lines as they will be sent.
#[derive(Debug, Default)]
pub(crate) struct FieldLines {
    text: Vec<u8>,
}

impl FieldLines {
    /// Adds a line whose value the configuration has given; it may hold what is not ASCII.
    pub(crate) fn push_value(&mut self, name: &HeaderName, value: &HeaderValue) {
        push_name(&mut self.text, name);
        self.text.extend_from_slice(b": ");
        self.text.extend_from_slice(value.as_bytes());
        self.text.extend_from_slice(b"\r\n");
    }

    /// Takes all lines of that name out.
    pub(crate) fn remove(&mut self, name: &HeaderName) {
        let name = name.as_str().as_bytes();
        let mut kept = Vec::with_capacity(self.text.len());
        for line in self.text.split_inclusive(|&byte| byte == b'\n') {
            let is_meant = line.get(name.len()) == Some(&b':')
                && line
                    .get(..name.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(name));
            if !is_meant {
                kept.extend_from_slice(line);
            }
        }
        self.text = kept;
    }

    /// Adds a line. A value that holds anything but visible ASCII and spaces is left out with its
    /// line: whatever a file is called, it cannot add or break a line.
    pub(crate) fn push(&mut self, name: &HeaderName, value: impl Display) {
        let start = self.text.len();
        push_line(&mut self.text, name, value);
        let value_start = start + name.as_str().len();
        let value_end = self.text.len().saturating_sub(2);
        let value = self.text.get(value_start..value_end).unwrap_or_default();
        if !value.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            self.text.truncate(start);
        }
    }
}

/// Writes one line.
fn push_line(output: &mut Vec<u8>, name: &HeaderName, value: impl Display) {
    push_name(output, name);
    // Writing to memory cannot fail.
    let written = write!(output, ": {value}\r\n");
    debug_assert!(written.is_ok());
}

/// Writes a name as people do, `Content-Type` and `ETag`.
fn push_name(output: &mut Vec<u8>, name: &HeaderName) {
    if *name == ETAG {
        output.extend_from_slice(b"ETag");
    } else if *name == WWW_AUTHENTICATE {
        output.extend_from_slice(b"WWW-Authenticate");
    } else {
        let mut is_word_start = true;
        for byte in name.as_str().bytes() {
            output.push(if is_word_start {
                byte.to_ascii_uppercase()
            } else {
                byte
            });
            is_word_start = byte == b'-';
        }
    }
}

#[cfg(test)]
mod tests {
    use ::http::header::LOCATION;

    use super::*;

    fn head(response: &Response, persistence: Persistence) -> String {
        let mut output = Vec::new();
        let date = HttpDate::from_unix_seconds(784_111_777).unwrap();
        let delivery = response.delivery(Version::Http11);
        response.write_head(&mut output, date, persistence, delivery);
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn a_head_is_complete() {
        let mut response = Response::new(StatusCode::OK).with(&ETAG, "\"x\"");
        response.content = Content::Bytes(vec![0; 3]);
        assert_eq!(
            head(&response, Persistence::Close),
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: webserv\r\n\
             ETag: \"x\"\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"
        );
    }

    #[test]
    fn answers_without_content_have_no_length() {
        for status in [
            StatusCode::NOT_MODIFIED,
            StatusCode::NO_CONTENT,
            StatusCode::CONTINUE,
        ] {
            assert!(!head(&Response::new(status), Persistence::Open).contains("Content-Length"));
        }
        assert!(
            head(&Response::new(StatusCode::OK), Persistence::OpenForHttp10)
                .ends_with("Content-Length: 0\r\nConnection: keep-alive\r\n\r\n")
        );
    }

    #[test]
    fn no_value_breaks_its_line() {
        for value in ["a\r\nX: y", "a\nb", "a\0b", "é", "\x7f"] {
            let response = Response::new(StatusCode::OK).with(&LOCATION, value);
            assert!(
                !head(&response, Persistence::Open).contains("Location"),
                "{value:?}"
            );
        }
    }
}
