//! Values with parameters, such as `form-data; name="a"; filename="b"` (RFC 9110 section 5.6.6).

use super::field::trim;

/// A value and its parameters, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameterized<'v> {
    /// What stands before the first semicolon: a media type, a disposition.
    pub value: &'v [u8],
    parameters: Vec<(&'v [u8], Vec<u8>)>,
}

/// A value that does not have this form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl<'v> Parameterized<'v> {
    /// Parses a value. Empty parameters (`;;`) are skipped. In a quoted string `\"` is a quote;
    /// any other backslash stands for itself, because browsers send them bare in file names.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for a parameter without a name or a value, and for a quote that is not closed.
    pub fn parse(text: &'v [u8]) -> Result<Self, Malformed> {
        let end = text.iter().position(|&byte| byte == b';');
        let (value, mut rest) = text.split_at(end.unwrap_or(text.len()));
        let mut parameters = Vec::new();
        while let [b';', after @ ..] = rest {
            let after = trim(after);
            if after.is_empty() || after.starts_with(b";") {
                rest = after;
                continue;
            }
            let (parameter, after) = parameter(after)?;
            parameters.push(parameter);
            rest = trim(after);
        }
        if rest.is_empty() {
            Ok(Parameterized {
                value: trim(value),
                parameters,
            })
        } else {
            Err(Malformed)
        }
    }

    /// The value of the parameter of that name, which is compared without regard to case.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if it occurs twice.
    pub fn parameter(&self, name: &[u8]) -> Result<Option<&[u8]>, Malformed> {
        let mut found = self
            .parameters
            .iter()
            .filter(|(other, _)| other.eq_ignore_ascii_case(name));
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(Malformed),
            (first, None) => Ok(first.map(|(_, value)| value.as_slice())),
        }
    }
}

type Parameter<'v> = (&'v [u8], Vec<u8>);

/// `name=value`, and what follows it.
fn parameter(text: &[u8]) -> Result<(Parameter<'_>, &[u8]), Malformed> {
    let equals = text
        .iter()
        .position(|&byte| byte == b'=')
        .ok_or(Malformed)?;
    let (name, value) = text.split_at(equals);
    if name.is_empty() || !name.iter().all(|&byte| is_token(byte)) {
        return Err(Malformed);
    }
    let value = value.get(1..).unwrap_or_default();
    if let Some(quoted) = value.strip_prefix(b"\"") {
        let (value, rest) = quoted_string(quoted)?;
        return Ok(((name, value), rest));
    }
    let end = value
        .iter()
        .position(|&byte| matches!(byte, b';' | b' ' | b'\t'));
    let (value, rest) = value.split_at(end.unwrap_or(value.len()));
    if value.is_empty() || !value.iter().all(|&byte| is_token(byte) || byte >= 0x80) {
        return Err(Malformed);
    }
    Ok(((name, value.to_vec()), rest))
}

/// What stands before the closing quote, and what after it.
fn quoted_string(text: &[u8]) -> Result<(Vec<u8>, &[u8]), Malformed> {
    let mut value = Vec::new();
    let mut rest = text;
    loop {
        match rest {
            [b'\\', b'"', after @ ..] => {
                value.push(b'"');
                rest = after;
            }
            [b'"', after @ ..] => return Ok((value, after)),
            [byte, after @ ..] => {
                value.push(*byte);
                rest = after;
            }
            [] => return Err(Malformed),
        }
    }
}

/// A character of a token (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter_of(text: &str, name: &str) -> Result<Option<String>, Malformed> {
        let parsed = Parameterized::parse(text.as_bytes())?;
        let value = parsed.parameter(name.as_bytes())?;
        Ok(value.map(|value| String::from_utf8_lossy(value).into_owned()))
    }

    #[test]
    fn parameters_are_tokens_or_quoted() {
        let some = |text: &str| Ok(Some(text.to_owned()));
        for (text, name, expected) in [
            ("form-data; name=a", "name", some("a")),
            ("form-data; NAME=a", "name", some("a")),
            ("form-data;name=\"a b\" ; x=y", "name", some("a b")),
            ("form-data;name=\"a b\" ; x=y", "x", some("y")),
            ("x;;; name=a;", "name", some("a")),
            ("x; name=\"a\\\"b\"", "name", some("a\"b")),
            ("x; name=\"C:\\x\"", "name", some("C:\\x")),
            ("x; name=\"a;b=c\"", "b", Ok(None)),
            ("x; name=\"\"", "name", some("")),
            ("x", "name", Ok(None)),
            ("x; name", "name", Err(Malformed)),
            ("x; name=", "name", Err(Malformed)),
            ("x; =a", "name", Err(Malformed)),
            ("x; name=\"a", "name", Err(Malformed)),
            ("x; name=\"a\"b", "name", Err(Malformed)),
            ("x; name=a b", "name", Err(Malformed)),
            ("x; name=a; name=b", "name", Err(Malformed)),
        ] {
            assert_eq!(parameter_of(text, name), expected, "{text}");
        }
    }
}
