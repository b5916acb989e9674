//! A request head: found in the bytes as they come, then parsed once into types.

use std::ops::Range;

use ::http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, IF_MATCH,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE, TRANSFER_ENCODING,
};
use ::http::{HeaderName, Method};
use memchr::memchr;

use super::authority::Authority;
use super::field::FieldSection;
use super::framing::Framing;
use super::request_line::{RequestLine, Version};
use super::status::Fault;
use super::target::Target;
use crate::limits::{FIELD_SECTION_BYTES_MAX, REQUEST_LINE_BYTES_MAX};

/// Where the parts of a head stand in the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadSpan {
    /// The request line without its line end.
    pub request_line: Range<usize>,
    /// The field section with its final empty line.
    pub fields: Range<usize>,
}

impl HeadSpan {
    /// Where the content, or the next request, begins.
    #[must_use]
    pub fn end(&self) -> usize {
        self.fields.end
    }
}

/// Finds the end of a head that arrives in pieces, looking at each byte once, and finds what is
/// hopeless as early as it can be seen.
///
/// Lines end in CR LF and nothing else. One empty line before the request line is skipped, for
/// old clients that send one after their content (RFC 9112 section 2.2).
#[derive(Debug, Clone, Default)]
pub struct HeadScanner {
    scanned: usize,
    line_start: usize,
    request_line: Option<Range<usize>>,
    is_request_line_checked: bool,
}

impl HeadScanner {
    /// Looks at the bytes that are new since the last call; `input` holds the same bytes as then,
    /// and more. Returns the place of the head when it is complete.
    ///
    /// # Errors
    ///
    /// The [`Fault`] of a head that cannot become valid any more.
    pub fn advance(&mut self, input: &[u8]) -> Result<Option<HeadSpan>, Fault> {
        self.scan(input).or_else(|fault| {
            // Had the head come in pieces, its request line would have been looked at first.
            self.check_request_line(input)?;
            Err(fault)
        })
    }

    fn scan(&mut self, input: &[u8]) -> Result<Option<HeadSpan>, Fault> {
        while let Some(offset) = input
            .get(self.scanned..)
            .and_then(|rest| memchr(b'\n', rest))
        {
            let line_end = self.scanned + offset;
            let line = input.get(self.line_start..line_end).unwrap_or_default();
            let Some(line) = line.strip_suffix(b"\r") else {
                return Err(Fault::BareLineFeed);
            };
            let line = self.line_start..self.line_start + line.len();
            self.scanned = line_end + 1;
            self.line_start = self.scanned;
            if let Some(head) = self.line(line, input)? {
                return Ok(Some(head));
            }
        }
        self.scanned = input.len();
        self.check_unfinished(input)?;
        Ok(None)
    }

    /// Takes one whole line; an empty one behind the request line ends the head.
    fn line(&mut self, line: Range<usize>, input: &[u8]) -> Result<Option<HeadSpan>, Fault> {
        let Some(request_line) = &self.request_line else {
            if !line.is_empty() {
                self.check_request_line_length(line.len())?;
                self.request_line = Some(line);
            } else if line.start > 0 {
                return Err(Fault::EmptyLine);
            }
            return Ok(None);
        };
        let fields = request_line.end + 2..self.line_start;
        if fields.len() > FIELD_SECTION_BYTES_MAX {
            return Err(Fault::FieldSectionTooLarge);
        }
        if line.is_empty() {
            return Ok(Some(HeadSpan {
                request_line: request_line.clone(),
                fields,
            }));
        }
        if input.get(line.start) == Some(&b'\r') {
            return Err(Fault::BareCarriageReturn);
        }
        Ok(None)
    }

    /// Checks what can be known before the head is complete: the request line, so that a client
    /// that speaks another protocol is told at once, and the limits.
    fn check_unfinished(&mut self, input: &[u8]) -> Result<(), Fault> {
        let Some(request_line) = &self.request_line else {
            return self.check_request_line_length(input.len().saturating_sub(self.line_start));
        };
        let fields_start = request_line.end + 2;
        self.check_request_line(input)?;
        if input.len() > fields_start + FIELD_SECTION_BYTES_MAX {
            return Err(Fault::FieldSectionTooLarge);
        }
        Ok(())
    }

    /// Parses the request line, once, if it has come.
    fn check_request_line(&mut self, input: &[u8]) -> Result<(), Fault> {
        if let Some(request_line) = &self.request_line
            && !self.is_request_line_checked
        {
            RequestLine::parse(input.get(request_line.clone()).unwrap_or_default())?;
            self.is_request_line_checked = true;
        }
        Ok(())
    }

    fn check_request_line_length(&self, length: usize) -> Result<(), Fault> {
        if length > REQUEST_LINE_BYTES_MAX {
            Err(Fault::TargetTooLong)
        } else {
            Ok(())
        }
    }
}

/// A request, parsed and checked as far as that can be done without looking at a file.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method; it may be one nobody has heard of.
    pub method: Method,
    /// The request target.
    pub target: Target,
    /// The protocol version.
    pub version: Version,
    /// The host the request is for: the target's, or else Host's.
    pub authority: Option<Authority>,
    /// All field lines.
    pub fields: FieldSection,
    /// Where the content ends.
    pub framing: Framing,
    /// Whether the connection persists after the answer, as far as the client is concerned.
    pub is_persistent: bool,
    /// Whether the client waits for 100 (Continue) before it sends its content.
    pub expects_continue: bool,
}

impl Request {
    /// Parses a head that [`HeadScanner`] has found in `input`.
    ///
    /// # Errors
    ///
    /// The [`Fault`] that names the first thing wrong with it.
    pub fn parse(input: &[u8], head: &HeadSpan) -> Result<Self, Fault> {
        let request_line = input.get(head.request_line.clone()).unwrap_or_default();
        let RequestLine {
            method,
            target,
            version,
        } = RequestLine::parse(request_line)?;
        let fields = FieldSection::parse(input.get(head.fields.clone()).unwrap_or_default())?;
        // Framing first: it is wrong framing that must never be overlooked.
        let framing = Framing::parse(version, &fields)?;
        let host = parse_host(version, &fields)?;
        let target = Target::parse(&method, target)?;
        let authority = match &target {
            Target::Resource {
                authority: Some(authority),
                ..
            }
            | Target::Authority(authority) => Some(authority.clone()),
            _ => host,
        };
        let expects_continue = parse_expectation(version, &fields, framing)?;
        let is_persistent = parse_persistence(version, &fields);
        Ok(Request {
            method,
            target,
            version,
            authority,
            fields,
            framing,
            is_persistent,
            expects_continue,
        })
    }
}

/// Fields that say something about the content or the state of one resource, and nothing about
/// another.
const FIELDS_OF_ONE_RESOURCE: [HeaderName; 11] = [
    CONTENT_LENGTH,
    CONTENT_TYPE,
    CONTENT_ENCODING,
    TRANSFER_ENCODING,
    EXPECT,
    RANGE,
    IF_RANGE,
    IF_MATCH,
    IF_NONE_MATCH,
    IF_MODIFIED_SINCE,
    IF_UNMODIFIED_SINCE,
];

impl Request {
    /// The request for another resource of the same host, as a local redirection asks for it: GET
    /// without content (RFC 3875 section 6.2.2). HEAD stays, since its answer has no content.
    #[must_use]
    pub fn redirected(&self, target: Target) -> Self {
        Request {
            method: match self.method {
                Method::HEAD => Method::HEAD,
                _ => Method::GET,
            },
            target,
            version: self.version,
            authority: self.authority.clone(),
            fields: self.fields.without(&FIELDS_OF_ONE_RESOURCE),
            framing: Framing::Length(0),
            is_persistent: self.is_persistent,
            expects_continue: false,
        }
    }
}

/// Exactly one Host in HTTP/1.1, at most one in HTTP/1.0 (RFC 9112 section 3.2).
fn parse_host(version: Version, fields: &FieldSection) -> Result<Option<Authority>, Fault> {
    let mut hosts = fields.values(&HOST);
    match (hosts.next(), hosts.next()) {
        (None, _) if version == Version::Http10 => Ok(None),
        (None, _) => Err(Fault::HostMissing),
        (Some(host), None) => Authority::parse(host).map(Some),
        (Some(_), Some(_)) => Err(Fault::HostRepeated),
    }
}

/// RFC 9110 section 10.1.1: HTTP/1.0 knows no expectations; without content there is nothing to
/// wait for.
fn parse_expectation(
    version: Version,
    fields: &FieldSection,
    framing: Framing,
) -> Result<bool, Fault> {
    if version == Version::Http10 {
        return Ok(false);
    }
    let mut is_expected = false;
    for expectation in fields.list(&EXPECT) {
        if !expectation.eq_ignore_ascii_case(b"100-continue") {
            return Err(Fault::Expectation);
        }
        is_expected = true;
    }
    Ok(is_expected && !framing.is_empty())
}

/// RFC 9112 section 9.3: `close` decides, then the version, then `keep-alive`.
fn parse_persistence(version: Version, fields: &FieldSection) -> bool {
    let has_option = |option: &[u8]| {
        fields
            .list(&CONNECTION)
            .any(|member| member.eq_ignore_ascii_case(option))
    };
    !has_option(b"close") && (version >= Version::Http11 || has_option(b"keep-alive"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `input` in pieces of the given size.
    fn parse(input: &[u8], piece: usize) -> Result<Option<(Request, usize)>, Fault> {
        let mut scanner = HeadScanner::default();
        let mut end = 0;
        while end < input.len() {
            end = (end + piece).min(input.len());
            if let Some(head) = scanner.advance(&input[..end])? {
                return Request::parse(&input[..end], &head)
                    .map(|request| Some((request, head.end())));
            }
        }
        Ok(None)
    }

    fn whole(input: &[u8]) -> Result<Request, Fault> {
        parse(input, input.len()).map(|parsed| parsed.expect("the head is complete").0)
    }

    #[test]
    fn any_split_gives_the_same_request() {
        let input =
            b"\r\nGET /a%20b?q HTTP/1.1\r\nHost: A.test:80\r\nX: y\r\nConnection: close\r\n\r\nGET";
        for piece in 1..=input.len() {
            let (request, end) = parse(input, piece).unwrap().unwrap();
            assert_eq!(end, input.len() - 3);
            assert_eq!(request.method, Method::GET);
            assert_eq!(request.authority.unwrap().host(), "a.test");
            assert_eq!(request.fields.line_count(), 3);
            assert!(!request.is_persistent);
        }
    }

    #[test]
    fn any_split_gives_the_same_fault() {
        for (input, fault) in [
            (&b"GET /k1.txt\r\n"[..], Fault::RequestLine),
            (b"GET / HTTP/1.1\nHost: localhost\n\n", Fault::BareLineFeed),
            (
                b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\n\r\n",
                Fault::BareLineFeed,
            ),
            (
                b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\n",
                Fault::BareLineFeed,
            ),
            (
                b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\r\n",
                Fault::BareCarriageReturn,
            ),
            (
                b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
                Fault::EmptyLine,
            ),
            (
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                Fault::VersionUnsupported,
            ),
            (b"SSH-2.0-OpenSSH_9.7\r\n", Fault::RequestLine),
            (b"PRI * HTTP/2.0\r\nX: 1\n\r\n", Fault::VersionUnsupported),
            (b"GET: a\r\n\rX\r\n\r\n", Fault::RequestLine),
            (b"GET / HTTP/1.1\r\n\r\n", Fault::HostMissing),
            (
                b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
                Fault::HostRepeated,
            ),
            (
                b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
                Fault::HostRepeated,
            ),
            (
                b"GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-maybe\r\n\r\n",
                Fault::Expectation,
            ),
        ] {
            for piece in 1..=input.len() {
                let found = parse(input, piece).map(|_| ()).unwrap_err();
                assert_eq!(
                    found,
                    fault,
                    "{} in pieces of {piece}",
                    input.escape_ascii()
                );
            }
        }
    }

    #[test]
    fn limits_hold_before_the_line_ends() {
        let mut scanner = HeadScanner::default();
        let line = [b'G'; REQUEST_LINE_BYTES_MAX + 1];
        assert_eq!(scanner.advance(&line[..REQUEST_LINE_BYTES_MAX]), Ok(None));
        assert_eq!(scanner.advance(&line), Err(Fault::TargetTooLong));
        let name = [
            &b"GET / HTTP/1.1\r\n"[..],
            &[b'X'; FIELD_SECTION_BYTES_MAX + 1],
        ]
        .concat();
        assert_eq!(
            HeadScanner::default().advance(&name),
            Err(Fault::FieldSectionTooLarge)
        );
        let many = [&b"GET / HTTP/1.1\r\n"[..], &b"X: a\r\n".repeat(10_000)].concat();
        assert_eq!(
            HeadScanner::default().advance(&many),
            Err(Fault::FieldSectionTooLarge)
        );
    }

    #[test]
    fn a_request_line_of_8000_bytes_is_read() {
        let line = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(7985));
        assert!(whole(line.as_bytes()).is_ok());
    }

    #[test]
    fn persistence_follows_version_and_options() {
        for (version, connection, is_persistent) in [
            ("1.1", "", true),
            ("1.1", "Connection: close\r\n", false),
            ("1.1", "Connection: Keep-Alive, close\r\n", false),
            (
                "1.1",
                "Connection: close, close\r\nConnection: close\r\n",
                false,
            ),
            ("1.0", "", false),
            ("1.0", "Connection: Keep-Alive\r\n", true),
        ] {
            let input = format!("GET / HTTP/{version}\r\nHost: a\r\n{connection}\r\n");
            assert_eq!(
                whole(input.as_bytes()).unwrap().is_persistent,
                is_persistent,
                "{input}"
            );
        }
    }

    #[test]
    fn an_expectation_needs_content_and_http_1_1() {
        for (version, lines, expects_continue) in [
            ("1.1", "Expect: 100-continue\r\nContent-Length: 5\r\n", true),
            (
                "1.1",
                "Expect: 100-CONTINUE\r\nTransfer-Encoding: chunked\r\n",
                true,
            ),
            (
                "1.1",
                "Expect: 100-continue\r\nContent-Length: 0\r\n",
                false,
            ),
            (
                "1.0",
                "Expect: 100-continue\r\nContent-Length: 5\r\n",
                false,
            ),
            ("1.0", "Expect: 200-maybe\r\n", false),
        ] {
            let input = format!("GET / HTTP/{version}\r\nHost: a\r\n{lines}\r\n");
            assert_eq!(
                whole(input.as_bytes()).unwrap().expects_continue,
                expects_continue
            );
        }
    }

    #[test]
    fn the_target_wins_over_host() {
        let request = whole(b"GET http://b.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n").unwrap();
        assert_eq!(request.authority.unwrap().host(), "b.test");
    }
}
