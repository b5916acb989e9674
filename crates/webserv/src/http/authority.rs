//! Host and port: the value of Host, and the authority of an absolute-form target
//! (RFC 9110 section 7.2, RFC 3986 section 3.2).

use std::net::Ipv6Addr;

use super::status::Fault;

/// A host with an optional port, checked and normalised so that it can choose a virtual host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Authority {
    host: String,
    port: Option<u16>,
}

impl Authority {
    /// Parses `host [ ":" [ port ] ]`. User information is refused: it has no use in a request
    /// and serves to deceive readers of a link (RFC 9110 section 4.2.4).
    ///
    /// An empty host is allowed: it is what a target without authority leaves.
    ///
    /// # Errors
    ///
    /// [`Fault::Authority`] when the text is not of that form.
    pub fn parse(text: &[u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(text).map_err(|_| Fault::Authority)?;
        let (host, port) = split_port(text)?;
        let port = match port {
            None | Some("") => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().map_err(|_| Fault::Authority)?)
            }
            Some(_) => return Err(Fault::Authority),
        };
        let is_valid = match host.strip_prefix('[') {
            Some(literal) => literal.strip_suffix(']').is_some_and(is_ip_literal),
            None => is_registered_name(host),
        };
        if !is_valid {
            return Err(Fault::Authority);
        }
        let name = host.strip_suffix('.').unwrap_or(host);
        Ok(Authority {
            host: name.to_ascii_lowercase(),
            port,
        })
    }

    /// The host in lower case, without a final dot; an IPv6 address keeps its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, if one was named.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }
}

/// Cuts the port off, minding the colons of an IPv6 address in brackets.
fn split_port(text: &str) -> Result<(&str, Option<&str>), Fault> {
    if text.starts_with('[') {
        let (literal, rest) = text.split_once(']').ok_or(Fault::Authority)?;
        let host = text.get(..=literal.len()).ok_or(Fault::Authority)?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(Fault::Authority),
        };
    }
    match text.split_once(':') {
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((text, None)),
    }
}

/// `IPv6address` or `IPvFuture`, without the brackets.
fn is_ip_literal(text: &str) -> bool {
    if let Some(future) = text.strip_prefix(['v', 'V']) {
        let Some((version, address)) = future.split_once('.') else {
            return false;
        };
        let is_address_byte =
            |byte: u8| is_unreserved(byte) || is_sub_delimiter(byte) || byte == b':';
        return !version.is_empty()
            && version.bytes().all(|byte| byte.is_ascii_hexdigit())
            && !address.is_empty()
            && address.bytes().all(is_address_byte);
    }
    text.parse::<Ipv6Addr>().is_ok()
}

/// `reg-name`: unreserved, sub-delims and percent-encoded bytes. IPv4 addresses are among them.
fn is_registered_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_valid = match byte {
            b'%' => [bytes.next(), bytes.next()]
                .iter()
                .all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit())),
            _ => is_unreserved(byte) || is_sub_delimiter(byte),
        };
        if !is_valid {
            return false;
        }
    }
    true
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn is_sub_delimiter(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_normalised() {
        for (text, host, port) in [
            ("localhost", "localhost", None),
            ("LOCALHOST", "localhost", None),
            ("localhost.", "localhost", None),
            ("localhost:8080", "localhost", Some(8080)),
            ("localhost:", "localhost", None),
            ("127.0.0.1:1", "127.0.0.1", Some(1)),
            ("[::1]:80", "[::1]", Some(80)),
            ("[::ffff:127.0.0.1]", "[::ffff:127.0.0.1]", None),
            ("[v1.a:b]", "[v1.a:b]", None),
            ("a,b", "a,b", None),
            ("x%41", "x%41", None),
            ("", "", None),
        ] {
            let authority = Authority::parse(text.as_bytes()).unwrap();
            assert_eq!((authority.host(), authority.port()), (host, port), "{text}");
        }
    }

    #[test]
    fn malformed_hosts_are_refused() {
        for text in [
            "a b",
            "[::1",
            "a:b:c",
            "<x>",
            "u@localhost",
            "u:p@localhost",
            "../../etc",
            "a/b",
            "a:99999",
            "a:-1",
            "[::1]x",
            "[]",
            "[1.2.3.4]",
            "x%4",
            "a\\b",
            "a?b",
            "::1",
            "é",
        ] {
            assert_eq!(
                Authority::parse(text.as_bytes()),
                Err(Fault::Authority),
                "{text}"
            );
        }
    }
}
