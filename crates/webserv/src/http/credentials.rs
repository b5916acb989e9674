//! What Authorization says in the Basic scheme (RFC 7617): user name and password.

/// A user name and a password, as bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name; it holds no colon.
    pub user: Vec<u8>,
    /// The password.
    pub password: Vec<u8>,
}

impl std::fmt::Debug for Credentials {
    /// Without the password.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("user", &self.user.escape_ascii().to_string())
            .finish_non_exhaustive()
    }
}

/// Reads the value of an Authorization field; none if it is of another scheme or malformed.
///
/// # Examples
///
/// ```
/// use webserv::http::credentials::parse_basic;
///
/// let credentials = parse_basic(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").unwrap();
/// assert_eq!(credentials.user, b"Aladdin");
/// assert_eq!(credentials.password, b"open sesame");
/// ```
#[must_use]
pub fn parse_basic(value: &[u8]) -> Option<Credentials> {
    let (scheme, rest) = value.split_at_checked(5)?;
    if !scheme.eq_ignore_ascii_case(b"basic") || !rest.starts_with(b" ") {
        return None;
    }
    let decoded = decode_base64(rest.trim_ascii_start())?;
    let colon = decoded.iter().position(|&byte| byte == b':')?;
    let (user, password) = decoded.split_at(colon);
    Some(Credentials {
        user: user.to_vec(),
        password: password.get(1..)?.to_vec(),
    })
}

/// Base64 (RFC 4648 section 4) in whole groups of four, the last one padded.
fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len() / 4 * 3);
    let mut groups = text.chunks(4).peekable();
    while let Some(group) = groups.next() {
        let is_last = groups.peek().is_none();
        let digits = match group {
            [first, second, b'=', b'='] if is_last => &[*first, *second][..],
            [first, second, third, b'='] if is_last => &[*first, *second, *third][..],
            [_, _, _, _] => group,
            _ => return None,
        };
        let mut bits: u32 = 0;
        for &digit in digits {
            bits = bits << 6 | sextet(digit)?;
        }
        bits <<= 6 * (4 - digits.len());
        let [_, bytes @ ..] = bits.to_be_bytes();
        decoded.extend_from_slice(bytes.get(..digits.len() - 1)?);
    }
    Some(decoded)
}

fn sextet(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded() {
        for (text, decoded) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            let found = decode_base64(text.as_bytes()).unwrap();
            assert_eq!(found, decoded.as_bytes());
        }
        for text in [
            "Z", "Zg", "Zg=", "Zg===", "Zg==Zg==", "Z===", "====", "Zm 9", "Zm9v\n",
        ] {
            assert_eq!(decode_base64(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn only_basic_credentials_with_a_colon_are_taken() {
        let parsed = parse_basic(b"bAsIc  YTpiOmM=").unwrap();
        assert_eq!(
            (&parsed.user[..], &parsed.password[..]),
            (&b"a"[..], &b"b:c"[..])
        );
        for value in [
            &b"Basic"[..],
            b"Basic ",
            b"Bearer YTpi",
            b"BasicYTpi",
            b"Basic YWI=",
            b"",
        ] {
            assert_eq!(parse_basic(value), None, "{}", value.escape_ascii());
        }
    }
}
