//! Names of files as clients send them, made safe or refused.

use super::refused::Refused;
use crate::limits::FILE_NAME_BYTES_MAX;
use crate::site::Route;

/// The last component of a name as a form sends it: some clients send their whole path, with
/// either kind of slash.
pub(super) fn base_name(name: &[u8]) -> &[u8] {
    name.rsplit(|&byte| matches!(byte, b'/' | b'\\'))
        .next()
        .unwrap_or_default()
}

/// Whether a file may be stored or removed under that name, which is one component.
///
/// Refused is what no file is called (`.`, `..`), what is hidden where hidden files are not
/// served, what is not UTF-8 or holds control characters (which would confuse whoever lists the
/// directory), and what this route would run as a program.
///
/// # Errors
///
/// [`Refused::Name`], or [`Refused::Forbidden`] for a program.
pub(super) fn check(name: &[u8], route: &Route) -> Result<(), Refused> {
    let text = std::str::from_utf8(name).map_err(|_| Refused::Name)?;
    let is_hidden = text.starts_with('.') && !route.serves_hidden;
    if matches!(text, "" | "." | "..")
        || is_hidden
        || name.len() > FILE_NAME_BYTES_MAX
        || text
            .contains(|character: char| character.is_control() || matches!(character, '/' | '\\'))
    {
        return Err(Refused::Name);
    }
    let is_program = route
        .cgi
        .iter()
        .any(|program| text.ends_with(program.extension.as_str()));
    if is_program {
        return Err(Refused::Forbidden);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::site::CgiProgram;

    #[test]
    fn names_are_one_component_without_surprises() {
        let mut route = Route::of_directory("/".into());
        route.cgi.push(CgiProgram {
            extension: ".py".to_owned(),
            interpreter: None,
            timeout: Duration::from_secs(1),
            concurrent_max: 1,
            environment: Vec::new(),
        });
        for (sent, stored) in [
            (&b"x.txt"[..], Ok("x.txt")),
            (b"../../x", Ok("x")),
            (b"C:\\dir\\x", Ok("x")),
            (b"a/b", Ok("b")),
            (b"-rf", Ok("-rf")),
            (b"%2e%2e%2fx", Ok("%2e%2e%2fx")),
            (b"a\"b", Ok("a\"b")),
            ("naïve ☃".as_bytes(), Ok("naïve ☃")),
            (b"", Err(Refused::Name)),
            (b"a/", Err(Refused::Name)),
            (b"..", Err(Refused::Name)),
            (b".htaccess", Err(Refused::Name)),
            (b"a\0b", Err(Refused::Name)),
            (b"a\nb", Err(Refused::Name)),
            (b"a\x1b[1m", Err(Refused::Name)),
            (b"a\x7f", Err(Refused::Name)),
            ("a\u{9b}b".as_bytes(), Err(Refused::Name)),
            (b"caf\xe9", Err(Refused::Name)),
            (b"run.py", Err(Refused::Forbidden)),
        ] {
            let name = base_name(sent);
            let outcome = check(name, &route).map(|()| std::str::from_utf8(name).unwrap());
            assert_eq!(outcome, stored, "{}", sent.escape_ascii());
        }
        assert_eq!(check(&[b'n'; 256], &route), Err(Refused::Name));
        assert_eq!(check(&[b'n'; 255], &route), Ok(()));
        route.serves_hidden = true;
        assert_eq!(check(b".htaccess", &route), Ok(()));
        assert_eq!(check(b"..", &route), Err(Refused::Name));
    }
}
