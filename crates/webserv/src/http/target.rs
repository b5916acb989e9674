//! The request target (RFC 9112 section 3.2), decoded and normalised.
//!
//! A [`ResourcePath`] is the only way to a file, and it cannot climb: its segments are decoded
//! once, hold no slash and no NUL, and `.`, `..` and empty segments are gone before anyone opens
//! anything. Routes see the same path as the file system. Links on pages and in Location are made
//! by [`encode_path`], the other direction.

use std::fmt;

use ::http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, percent_encode};

use super::authority::Authority;
use super::status::Fault;

/// A request target in the form its method allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Origin-form or absolute-form: a path on this server.
    Resource {
        /// The authority of an absolute-form; it wins over Host.
        authority: Option<Authority>,
        /// The decoded, normalised path.
        path: ResourcePath,
        /// The query as it was sent, without its question mark; empty and absent differ.
        query: Option<String>,
    },
    /// `*`: the server as a whole, with OPTIONS only.
    Asterisk,
    /// `host:port`, with CONNECT only.
    Authority(Authority),
}

impl Target {
    /// Parses the target of a request line.
    ///
    /// # Errors
    ///
    /// The [`Fault`] that names what is wrong with it.
    pub fn parse(method: &Method, text: &[u8]) -> Result<Self, Fault> {
        if !text.iter().all(|&byte| is_target_byte(byte)) {
            return Err(Fault::TargetCharacter);
        }
        // Only ASCII is left, so this cannot fail.
        let text = std::str::from_utf8(text).map_err(|_| Fault::TargetCharacter)?;
        if *method == Method::CONNECT {
            return Authority::parse(text.as_bytes()).map(Target::Authority);
        }
        if text == "*" {
            return if *method == Method::OPTIONS {
                Ok(Target::Asterisk)
            } else {
                Err(Fault::TargetForm)
            };
        }
        if text.starts_with('/') {
            return resource(None, text);
        }
        let (scheme, rest) = text.split_once("://").ok_or(Fault::TargetForm)?;
        if scheme.eq_ignore_ascii_case("https") {
            // This connection is not secured, so the resource cannot be had here.
            return Err(Fault::Misdirected);
        }
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(Fault::TargetForm);
        }
        let path_start = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(path_start);
        if authority.is_empty() {
            return Err(Fault::Authority);
        }
        resource(Some(Authority::parse(authority.as_bytes())?), path)
    }
}

/// Cuts the query off and decodes the path; an empty path is the root's.
fn resource(authority: Option<Authority>, text: &str) -> Result<Target, Fault> {
    let (path, query) = match text.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (text, None),
    };
    Ok(Target::Resource {
        authority,
        path: ResourcePath::decode(path)?,
        query,
    })
}

/// What may stand in a target: visible ASCII but the delimiters that RFC 3986 leaves to the text
/// around a URI. A fragment (`#`) is for the client and is never sent; whoever sends one gets 400
/// instead of a guess. Some browsers leave `\ ^ | { } [ ]` and the backquote bare, so they pass.
fn is_target_byte(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b'<' | b'>' | b'#')
}

/// A decoded, normalised path beneath the root.
///
/// No leading slash, no empty, `.` or `..` segment, no NUL; bytes, not text, because file names
/// are bytes. The root itself is the empty path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourcePath {
    relative: Vec<u8>,
    is_directory_form: bool,
}

impl ResourcePath {
    /// Decodes and normalises the path of a target. Adjacent slashes count as one.
    ///
    /// # Errors
    ///
    /// [`Fault::PercentEncoding`], [`Fault::EncodedSeparator`] and [`Fault::ClimbsAboveRoot`];
    /// [`Fault::TargetCharacter`] for a NUL.
    pub fn decode(text: &str) -> Result<Self, Fault> {
        let mut relative = Vec::with_capacity(text.len());
        let mut is_directory_form = true;
        for segment in text.split('/') {
            // The start of this segment, behind a slash unless it is the first.
            let end_before = relative.len();
            if end_before > 0 {
                relative.push(b'/');
            }
            let start = relative.len();
            decode_segment(segment, &mut relative)?;
            match relative.get(start..) {
                Some(b"" | b".") | None => {
                    relative.truncate(end_before);
                    is_directory_form = true;
                }
                Some(b"..") => {
                    if end_before == 0 {
                        return Err(Fault::ClimbsAboveRoot);
                    }
                    relative.truncate(end_before);
                    let parent_end = relative.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
                    relative.truncate(parent_end);
                    is_directory_form = true;
                }
                Some(_) => is_directory_form = false,
            }
        }
        Ok(ResourcePath {
            relative,
            is_directory_form,
        })
    }

    /// The path relative to the root: `a/b`, or nothing for the root itself.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.relative
    }

    /// Whether this is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.relative.is_empty()
    }

    /// Whether the path ended in a slash (or in `.` or `..`), so that it can only name a directory.
    #[must_use]
    pub fn is_directory_form(&self) -> bool {
        self.is_directory_form
    }

    /// The path below its first `length` bytes, which end a segment.
    #[must_use]
    pub fn without_prefix(&self, length: usize) -> Self {
        let rest = self.relative.get(length..).unwrap_or_default();
        ResourcePath {
            relative: rest.strip_prefix(b"/").unwrap_or(rest).to_vec(),
            is_directory_form: self.is_directory_form || rest.is_empty(),
        }
    }

    /// The segments from the root down; none for the root.
    pub fn segments(&self) -> impl Iterator<Item = &[u8]> {
        self.relative
            .split(|&byte| byte == b'/')
            .filter(|segment| !segment.is_empty())
    }

    /// The last segment, or nothing for the root.
    #[must_use]
    pub fn file_name(&self) -> &[u8] {
        self.segments().last().unwrap_or_default()
    }
}

/// The path as it stands in a link: `/` and the encoded segments, and a final slash in directory
/// form. It never begins with two slashes, so it cannot name another host.
impl fmt::Display for ResourcePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "/{}", encode_path(&self.relative))?;
        if self.is_directory_form && !self.is_root() {
            formatter.write_str("/")?;
        }
        Ok(())
    }
}

/// Decodes one segment once; a decoded `%25` is not looked at again.
fn decode_segment(segment: &str, decoded: &mut Vec<u8>) -> Result<(), Fault> {
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        if byte == 0 {
            return Err(Fault::TargetCharacter);
        }
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digits = (
            bytes.next().and_then(hexadecimal),
            bytes.next().and_then(hexadecimal),
        );
        let (Some(high), Some(low)) = digits else {
            return Err(Fault::PercentEncoding);
        };
        match high << 4 | low {
            0 | b'/' => return Err(Fault::EncodedSeparator),
            byte => decoded.push(byte),
        }
    }
    Ok(())
}

fn hexadecimal(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Everything but unreserved characters and slashes; so neither markup nor a line end nor a
/// scheme (`a:b`) nor a backslash can come of a file name.
const ENCODED_IN_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// A path or a file name, percent-encoded for a link.
#[must_use]
pub fn encode_path(path: &[u8]) -> PercentEncode<'_> {
    percent_encode(path, ENCODED_IN_PATH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Result<(String, bool), Fault> {
        ResourcePath::decode(text).map(|path| {
            (
                path.as_bytes().escape_ascii().to_string(),
                path.is_directory_form(),
            )
        })
    }

    #[test]
    fn paths_are_decoded_and_normalised() {
        for (text, relative, is_directory_form) in [
            ("/", "", true),
            ("", "", true),
            ("/k1.txt", "k1.txt", false),
            ("/sub/", "sub", true),
            ("/sub/x", "sub/x", false),
            ("/sub//x", "sub/x", false),
            ("////k1.txt", "k1.txt", false),
            ("//evil.test/sub", "evil.test/sub", false),
            ("/./k1.txt", "k1.txt", false),
            ("/sub/../k1.txt", "k1.txt", false),
            ("/sub/./../k1.txt", "k1.txt", false),
            ("/a/b/..", "a", true),
            ("/a/b/.", "a/b", true),
            ("/a/%2e%2E/b", "b", false),
            ("/%6b1.txt", "k1.txt", false),
            ("/k1%2etxt", "k1.txt", false),
            ("/a%20b%26%3Cc%3E.txt", "a b&<c>.txt", false),
            ("/a+b.txt", "a+b.txt", false),
            ("/%252e%252e/k1.txt", "%2e%2e/k1.txt", false),
            ("/a%3Fb", "a?b", false),
            ("/\\evil", "\\\\evil", false),
            ("/...", "...", false),
            ("/..a/b", "..a/b", false),
        ] {
            assert_eq!(
                path(text),
                Ok((relative.to_owned(), is_directory_form)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_names_no_file_is_refused() {
        for (text, fault) in [
            ("/..", Fault::ClimbsAboveRoot),
            ("/../etc/passwd", Fault::ClimbsAboveRoot),
            ("/sub/../../etc/passwd", Fault::ClimbsAboveRoot),
            ("/%2e%2e/etc/passwd", Fault::ClimbsAboveRoot),
            ("/.%2E/", Fault::ClimbsAboveRoot),
            ("/..%2fetc/passwd", Fault::EncodedSeparator),
            ("/%2fetc/passwd", Fault::EncodedSeparator),
            ("/k1.txt%00", Fault::EncodedSeparator),
            ("/k1\0.txt", Fault::TargetCharacter),
            ("/k1%2", Fault::PercentEncoding),
            ("/%", Fault::PercentEncoding),
            ("/%g1", Fault::PercentEncoding),
            ("/%uff0e", Fault::PercentEncoding),
        ] {
            assert_eq!(path(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn a_link_leads_back_to_its_path() {
        for name in [
            &b"a b&<c>.txt"[..],
            b"%41",
            b"a#b?c",
            b"-",
            b"caf\xe9",
            b"x\ny",
            b"\\evil:",
        ] {
            let link = format!("/{}", encode_path(name));
            assert_eq!(ResourcePath::decode(&link).unwrap().as_bytes(), name);
        }
        assert_eq!(
            ResourcePath::decode("//evil.test/a/").unwrap().to_string(),
            "/evil.test/a/"
        );
        assert_eq!(ResourcePath::decode("/").unwrap().to_string(), "/");
    }

    #[test]
    fn forms_fit_their_methods() {
        let parse = |method: &Method, text: &str| Target::parse(method, text.as_bytes());
        assert_eq!(parse(&Method::OPTIONS, "*"), Ok(Target::Asterisk));
        assert_eq!(parse(&Method::GET, "*"), Err(Fault::TargetForm));
        assert_eq!(parse(&Method::GET, "localhost:80"), Err(Fault::TargetForm));
        assert_eq!(
            parse(&Method::GET, "ftp://localhost/k1.txt"),
            Err(Fault::TargetForm)
        );
        assert_eq!(
            parse(&Method::GET, "https://localhost/k1.txt"),
            Err(Fault::Misdirected)
        );
        assert_eq!(
            parse(&Method::GET, "http://u:p@localhost/k1.txt"),
            Err(Fault::Authority)
        );
        assert_eq!(parse(&Method::GET, "http:///k1.txt"), Err(Fault::Authority));
        assert_eq!(
            parse(&Method::GET, "/k1.txt#frag"),
            Err(Fault::TargetCharacter)
        );
        assert_eq!(parse(&Method::GET, "k1.txt"), Err(Fault::TargetForm));
        assert!(matches!(
            parse(&Method::CONNECT, "a.test:443"),
            Ok(Target::Authority(_))
        ));
        let target = parse(&Method::GET, "HTTP://B.test?q").unwrap();
        let Target::Resource {
            authority: Some(authority),
            path,
            query,
        } = target
        else {
            panic!("not absolute-form")
        };
        assert_eq!(
            (authority.host(), path.is_root(), query.as_deref()),
            ("b.test", true, Some("q"))
        );
    }

    #[test]
    fn the_query_is_cut_off_and_kept() {
        let target = Target::parse(&Method::GET, b"/k1.txt?/../../x%0d").unwrap();
        let Target::Resource { path, query, .. } = target else {
            panic!("not origin-form")
        };
        assert_eq!(path.as_bytes(), b"k1.txt");
        assert_eq!(query.as_deref(), Some("/../../x%0d"));
    }
}
