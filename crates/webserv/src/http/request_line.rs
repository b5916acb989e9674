//! The request line (RFC 9112 section 3): `method SP request-target SP HTTP-version`.

use ::http::Method;

use super::status::Fault;

/// The protocol version that decides how a message is framed and whether the connection persists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// HTTP/1.0: no Host needed, no chunked coding, closes by default.
    Http10,
    /// HTTP/1.1, and any later minor version, which RFC 9110 section 6.2 lets us treat alike.
    Http11,
}

/// A request line cut into its parts; the target is not interpreted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLine<'b> {
    /// The method; case-sensitive, possibly one nobody has heard of.
    pub method: Method,
    /// The request target as it was sent.
    pub target: &'b [u8],
    /// The version of the protocol.
    pub version: Version,
}

impl<'b> RequestLine<'b> {
    /// Parses a request line without its CR LF.
    ///
    /// Exactly one space separates the parts: a lenient reading would disagree with other
    /// recipients about where the target ends.
    ///
    /// # Errors
    ///
    /// The [`Fault`] of the first part that is malformed.
    pub fn parse(line: &'b [u8]) -> Result<Self, Fault> {
        let mut parts = line.splitn(3, |&byte| byte == b' ');
        let (Some(method), Some(target), Some(version)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(Fault::RequestLine);
        };
        if target.is_empty() {
            return Err(Fault::RequestLine);
        }
        let method = Method::from_bytes(method).map_err(|_| Fault::Method)?;
        let version = parse_version(version)?;
        Ok(RequestLine {
            method,
            target,
            version,
        })
    }
}

/// `HTTP/` DIGIT `.` DIGIT, case-sensitive (RFC 9112 section 2.3).
fn parse_version(text: &[u8]) -> Result<Version, Fault> {
    let &[b'H', b'T', b'T', b'P', b'/', major, b'.', minor] = text else {
        return Err(Fault::VersionForm);
    };
    match (major, minor) {
        (b'1', b'0') => Ok(Version::Http10),
        (b'1', b'1'..=b'9') => Ok(Version::Http11),
        (b'0'..=b'9', b'0'..=b'9') => Err(Fault::VersionUnsupported),
        _ => Err(Fault::VersionForm),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_line_is_cut_into_its_parts() {
        let line = RequestLine::parse(b"GET /k1.txt HTTP/1.1").unwrap();
        assert_eq!(line.method, Method::GET);
        assert_eq!(line.target, b"/k1.txt");
        assert_eq!(line.version, Version::Http11);
    }

    #[test]
    fn a_later_minor_version_counts_as_1_1() {
        assert_eq!(
            RequestLine::parse(b"GET / HTTP/1.2").unwrap().version,
            Version::Http11
        );
        assert_eq!(
            RequestLine::parse(b"GET / HTTP/1.0").unwrap().version,
            Version::Http10
        );
    }

    #[test]
    fn faults_are_told_apart() {
        for (line, fault) in [
            (&b"GET  / HTTP/1.1"[..], Fault::RequestLine),
            (b" GET / HTTP/1.1", Fault::Method),
            (b"GET /k1 .txt HTTP/1.1", Fault::VersionForm),
            (b"GET /k1.txt", Fault::RequestLine),
            (b"GET HTTP/1.1", Fault::RequestLine),
            (b"GET /k1.txt\rHTTP/1.1", Fault::RequestLine),
            (b"GET / HTTP/1.", Fault::VersionForm),
            (b"GET / HTTP/.1", Fault::VersionForm),
            (b"GET / HTTP/1,1", Fault::VersionForm),
            (b"GET / HTTP/11", Fault::VersionForm),
            (b"GET / HTP/1.1", Fault::VersionForm),
            (b"GET / HTTP/1.1 ", Fault::VersionForm),
            (b"GET / HTTP/1.1\0", Fault::VersionForm),
            (b"GET / HTTP/3.0", Fault::VersionUnsupported),
            (b"GET / HTTP/0.9", Fault::VersionUnsupported),
            (b"GE\0T / HTTP/1.1", Fault::Method),
            (b"G\x7fET / HTTP/1.1", Fault::Method),
            (b"G\xc3\x89T / HTTP/1.1", Fault::Method),
            (b"GET, / HTTP/1.1", Fault::Method),
            (b"", Fault::RequestLine),
        ] {
            assert_eq!(
                RequestLine::parse(line),
                Err(fault),
                "{}",
                line.escape_ascii()
            );
        }
    }

    #[test]
    fn every_token_character_makes_a_method() {
        let line = RequestLine::parse(b"!#$%&'*+-.^_`|~0aZ / HTTP/1.1").unwrap();
        assert_eq!(line.method.as_str(), "!#$%&'*+-.^_`|~0aZ");
    }
}
