//! The forms of texts: addresses, names, paths of requests, fields. What is malformed is told of
//! with what was expected.

use std::net::SocketAddr;
use std::path::PathBuf;

use ::http::{HeaderName, HeaderValue, Method, StatusCode};

use super::fault::Complaint;
use crate::http::authority::Authority;
use crate::site::{Address, HostName};

/// The form of an address.
pub(crate) const ADDRESS: &str =
    "\"ADDRESS:PORT\", \"[IPV6]:PORT\", \"unix:PATH\" or \"inherited:NAME\"";

/// The longest path of a unix socket in bytes, with what is added while it is made.
const UNIX_PATH_BYTES_MAX: usize = 92;

/// An address to listen on.
pub(crate) fn address(text: &str) -> Result<Address, Complaint> {
    if let Some(path) = text.strip_prefix("unix:") {
        if path.is_empty() || path.len() > UNIX_PATH_BYTES_MAX || path.contains('\0') {
            let expected = format!("a path of 1 to {UNIX_PATH_BYTES_MAX} bytes after unix:");
            return Err(Complaint::new(expected, "choose a shorter path"));
        }
        return Ok(Address::Unix(PathBuf::from(path)));
    }
    if let Some(name) = text.strip_prefix("inherited:")
        && !name.is_empty()
    {
        return Ok(Address::Inherited(name.to_owned()));
    }
    let remedy = "write for example listen = [\"127.0.0.1:8080\", \"[::1]:8080\"]";
    text.parse::<SocketAddr>()
        .map(Address::Tcp)
        .map_err(|_| Complaint::new(ADDRESS, remedy))
}

/// A name that a host answers for.
pub(crate) fn host_name(text: &str) -> Result<HostName, Complaint> {
    let (name, is_below) = match text.strip_prefix("*.") {
        Some(parent) => (parent, true),
        None => (text, false),
    };
    let parsed = Authority::parse(name.as_bytes());
    match parsed {
        Ok(authority)
            if authority.port().is_none()
                && !authority.host().is_empty()
                && !name.contains(['*', '%', ':']) | name.starts_with('[') =>
        {
            let host = authority.host().to_owned();
            Ok(if is_below {
                HostName::Below(host)
            } else {
                HostName::Exact(host)
            })
        }
        _ => Err(Complaint::new(
            "a host name without a port, or \"*.\" and one",
            "write for example names = [\"example.org\", \"*.example.org\"]",
        )),
    }
}

/// The path of a route, as it is matched: decoded and normalised.
pub(crate) fn route_path(text: &str) -> Result<String, Complaint> {
    let segments = text.strip_prefix('/').map(|rest| {
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        rest.split('/')
            .all(|segment| !matches!(segment, "" | "." | "..") && !segment.contains('\0'))
    });
    let is_plain = text == "/" || segments == Some(true);
    if is_plain {
        return Ok(text.to_owned());
    }
    Err(Complaint::new(
        "a path that begins with / and has no empty, . or .. segment",
        "write it as files are named, without percent-encoding, such as \"/pictures\"",
    ))
}

/// The end of the last segment of a path.
pub(crate) fn suffix(text: &str) -> Result<String, Complaint> {
    if !text.is_empty() && !text.contains(['/', '\0']) {
        return Ok(text.to_owned());
    }
    Err(Complaint::new(
        "the end of a file name, without slashes",
        "write for example suffix = \".php\"",
    ))
}

/// The name of an index file.
pub(crate) fn file_name(text: &str) -> Result<String, Complaint> {
    let is_name = !matches!(text, "" | "." | "..") && !text.contains(['/', '\0']);
    if is_name {
        return Ok(text.to_owned());
    }
    Err(Complaint::new(
        "a file name without slashes",
        "write for example index = [\"index.html\"]",
    ))
}

/// A path in the file system.
pub(crate) fn file_path(text: &str) -> Result<PathBuf, Complaint> {
    if text.is_empty() || text.contains('\0') {
        return Err(Complaint::new("a path", "name a file or directory"));
    }
    Ok(PathBuf::from(text))
}

/// A method that a route may answer.
pub(crate) fn method(text: &str) -> Result<Method, Complaint> {
    match text {
        "HEAD" | "OPTIONS" => Err(Complaint::new(
            "a method other than HEAD, which comes with GET, and OPTIONS, which is always answered",
            "leave it out",
        )),
        "CONNECT" | "TRACE" => Err(Complaint::new(
            "a method that this server can serve",
            "leave it out",
        )),
        _ if text.bytes().any(|byte| byte.is_ascii_lowercase()) => Err(Complaint::new(
            "a method in capital letters",
            "write for example methods = [\"GET\", \"POST\"]",
        )),
        _ => Method::from_bytes(text.as_bytes()).map_err(|_| {
            Complaint::new(
                "a method",
                "write for example methods = [\"GET\", \"POST\"]",
            )
        }),
    }
}

/// A status code that an error page may be for.
pub(crate) fn error_status(text: &str) -> Result<u16, Complaint> {
    match text.parse::<u16>() {
        Ok(code @ 400..=599) => Ok(code),
        _ => Err(Complaint::new(
            "a status code from 400 to 599 as the name",
            "write for example 404 = \"404.html\"",
        )
        .found(format!("{text:?} as a name"))),
    }
}

/// Fields that the server writes itself, because they say how an answer is to be read.
const OWN_FIELDS: [&str; 9] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "date",
    "keep-alive",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A field line that is added to answers.
pub(crate) fn field(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Complaint> {
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
        Complaint::new(
            "a field name",
            "write for example X-Frame-Options = \"DENY\"",
        )
        .found(format!("{:?} as a name", excerpt(name)))
    })?;
    if OWN_FIELDS.contains(&parsed.as_str()) {
        return Err(Complaint::new(
            "a field that the server does not write itself",
            "leave it out",
        )
        .found(excerpt(name)));
    }
    Ok((parsed, field_value(value)?))
}

/// The value of a field.
pub(crate) fn field_value(value: &str) -> Result<HeaderValue, Complaint> {
    HeaderValue::from_str(value.trim())
        .map_err(|_| Complaint::new("text without control characters", "write it in one line"))
}

/// Where a redirection leads.
pub(crate) fn redirect_target(text: &str) -> Result<String, Complaint> {
    let remedy = "write for example to = \"https://example.org/*\" or to = \"/new\"";
    let is_visible = text.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
    let is_path = text.starts_with('/') && !text.starts_with("//") && !text.starts_with("/\\");
    let authority = ["http://", "https://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme))
        .map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let is_url = authority.is_some_and(|authority| {
        !authority.is_empty() && Authority::parse(authority.as_bytes()).is_ok()
    });
    if !is_visible || text.contains(['"', '<', '>', '\\']) || !(is_path || is_url) {
        return Err(Complaint::new(
            "a path that begins with one slash, or a URL with http: or https:",
            remedy,
        ));
    }
    let stem = text.strip_suffix('*');
    let has_host = is_path || authority.is_some_and(|authority| !authority.contains('*'));
    let is_open = stem.is_none_or(|stem| stem.ends_with('/') && !stem.contains(['?', '#']));
    if !has_host || !is_open || stem.unwrap_or(text).contains('*') {
        return Err(Complaint::new(
            "at most one *, at the end and after a slash of the path",
            remedy,
        ));
    }
    Ok(text.to_owned())
}

/// The status code of a redirection.
pub(crate) const REDIRECT_STATUSES: [StatusCode; 5] = [
    StatusCode::MOVED_PERMANENTLY,
    StatusCode::FOUND,
    StatusCode::SEE_OTHER,
    StatusCode::TEMPORARY_REDIRECT,
    StatusCode::PERMANENT_REDIRECT,
];

/// A realm: it stands in quotes.
pub(crate) fn realm(text: &str) -> Result<String, Complaint> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && !text.contains(['"', '\\']) {
        return Ok(text.to_owned());
    }
    Err(Complaint::new(
        "visible ASCII without quotes and backslashes",
        "choose another realm",
    ))
}

/// A user and the hash of the password.
pub(crate) fn user(name: &str, hash: &str) -> Result<(), Complaint> {
    if name.is_empty() || name.contains(':') || name.chars().any(char::is_control) {
        return Err(
            Complaint::new("a user name without a colon", "choose another name")
                .found(format!("{:?} as a name", excerpt(name))),
        );
    }
    if crate::password::is_hash(hash) {
        return Ok(());
    }
    // The value may be a password in clear; it is not repeated.
    Err(Complaint::new(
        "a password hash (Argon2 as a PHC string, or bcrypt)",
        "make one with `webserv hash-password`",
    )
    .found(format!("no password hash for {}", excerpt(name))))
}

/// An extension with its dot.
pub(crate) fn extension(text: &str) -> Result<String, Complaint> {
    if text.len() > 1 && text.starts_with('.') && !text.contains(['/', '\0']) {
        return Ok(text.to_owned());
    }
    Err(Complaint::new(
        "an extension with its dot",
        "write for example extension = \".py\"",
    ))
}

/// A variable of a program's environment.
pub(crate) fn variable(name: &str, value: &str) -> Result<(), Complaint> {
    let is_name = !name.is_empty() && !name.contains(['=', '\0']);
    let is_ours = name.starts_with("HTTP_") || name == "GATEWAY_INTERFACE";
    if is_name && !is_ours && !value.contains('\0') {
        return Ok(());
    }
    Err(Complaint::new(
        "a variable that does not begin with HTTP_, which is for what clients send",
        "choose another name",
    )
    .found(format!("the variable {:?}", excerpt(name))))
}

/// The mode of a unix socket, in octal digits.
pub(crate) fn mode(text: &str) -> Result<u32, Complaint> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 && !text.starts_with('+') => Ok(mode),
        _ => Err(Complaint::new(
            "three octal digits in quotes",
            "write for example mode = \"660\"",
        )),
    }
}

/// A name of a user or group.
pub(crate) fn account(text: &str) -> Result<String, Complaint> {
    if !text.is_empty() && !text.chars().any(|sign| sign.is_control() || sign == ':') {
        return Ok(text.to_owned());
    }
    Err(Complaint::new("a name or a number", "see /etc/passwd"))
}

fn excerpt(text: &str) -> String {
    text.chars()
        .filter(|sign| !sign.is_control())
        .take(60)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for text in [
            "127.0.0.1:80",
            "[::]:0",
            "[fe80::1%2]:80",
            "unix:/run/x",
            "unix:x",
            "inherited:web",
        ] {
            let parsed = address(text).unwrap();
            assert_eq!(parsed.to_string(), text);
        }
        for text in [
            "",
            "80",
            ":80",
            "localhost:80",
            "1.2.3.4",
            "1.2.3.4:99999",
            "::1:80",
            "unix:",
            "inherited:",
            &format!("unix:{}", "x".repeat(200)),
        ] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn host_names() {
        for (text, name) in [
            ("Example.ORG", HostName::Exact("example.org".to_owned())),
            ("example.org.", HostName::Exact("example.org".to_owned())),
            ("*.example.org", HostName::Below("example.org".to_owned())),
            ("127.0.0.1", HostName::Exact("127.0.0.1".to_owned())),
            ("[::1]", HostName::Exact("[::1]".to_owned())),
        ] {
            assert_eq!(host_name(text), Ok(name), "{text}");
        }
        for text in [
            "", "*", "*.", "a:80", "a b", "*.*.a", "a.*", "http://a", "a/b", "%41", "[::1]:80", ".",
        ] {
            assert!(host_name(text).is_err(), "{text}");
        }
    }

    #[test]
    fn h_j27_redirect_targets_cannot_be_opened_by_a_path() {
        for text in [
            "/new",
            "/new/*",
            "/*",
            "https://example.org/*",
            "http://[::1]:8080/a?b#c",
            "https://example.org",
        ] {
            assert_eq!(redirect_target(text).as_deref(), Ok(text));
        }
        for text in [
            "",
            "new",
            "//evil.test",
            "/\\evil.test",
            "https://example.org*",
            "https://*",
            "https://*/",
            "https:///x",
            "javascript:x",
            "/a*",
            "/a*/b",
            "/*/*",
            "/a?b=/*",
            "/a b",
            "/a\r\nX: y",
            "/ü",
            "ftp://a/",
            "https://u@a/",
        ] {
            assert!(redirect_target(text).is_err(), "{text}");
        }
    }

    #[test]
    fn fields_and_methods() {
        assert!(field("X-Frame-Options", "DENY").is_ok());
        for (name, value) in [
            ("Content-Length", "1"),
            ("Date", "x"),
            ("X A", "1"),
            ("X", "a\r\nb"),
            ("", ""),
        ] {
            assert!(field(name, value).is_err(), "{name}");
        }
        assert!(method("GET").is_ok() && method("PROPFIND").is_ok());
        for text in ["", "get", "HEAD", "TRACE", "CONNECT", "A B"] {
            assert!(method(text).is_err(), "{text}");
        }
    }

    #[test]
    fn paths_of_routes() {
        for text in ["/", "/a", "/a/", "/a b/ü"] {
            assert!(route_path(text).is_ok(), "{text}");
        }
        for text in ["", "a", "//", "/a//b", "/a/../b", "/.", "/\0"] {
            assert!(route_path(text).is_err(), "{text}");
        }
    }
}
