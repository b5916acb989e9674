//! File name to media type (RFC 9110 section 8.3.1).
//!
//! `mime_guess` has the table. Text is declared to be UTF-8, as nearly all text is; a name without
//! a known extension is `application/octet-stream`, which a browser saves instead of guessing.

use std::borrow::Cow;

/// The type of content whose kind is not known.
pub const OCTET_STREAM: &str = "application/octet-stream";

/// The type of pages that the server makes itself.
pub const HTML: &str = "text/html; charset=utf-8";

/// The Content-Type of a file of that name.
#[must_use]
pub fn of_file_name(name: &[u8]) -> Cow<'static, str> {
    let Some(dot) = name.iter().rposition(|&byte| byte == b'.') else {
        return Cow::Borrowed(OCTET_STREAM);
    };
    let extension = name
        .get(dot + 1..)
        .and_then(|bytes| std::str::from_utf8(bytes).ok());
    let guess = extension.and_then(|extension| mime_guess::from_ext(extension).first_raw());
    match guess {
        None => Cow::Borrowed(OCTET_STREAM),
        Some("text/html") => Cow::Borrowed(HTML),
        // RFC 9239 made the other name obsolete; modules (.mjs) still have it in the table.
        Some("application/javascript") => Cow::Borrowed("text/javascript; charset=utf-8"),
        Some(text) if text.starts_with("text/") => Cow::Owned(format!("{text}; charset=utf-8")),
        Some(other) => Cow::Borrowed(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_files_have_their_types() {
        for (name, media_type) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a.css", "text/css; charset=utf-8"),
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.mjs", "text/javascript; charset=utf-8"),
            ("a.json", "application/json"),
            ("a.svg", "image/svg+xml"),
            ("a.png", "image/png"),
            ("A.PNG", "image/png"),
            ("a.jpg", "image/jpeg"),
            ("a.webp", "image/webp"),
            ("a.avif", "image/avif"),
            ("a.wasm", "application/wasm"),
            ("a.txt", "text/plain; charset=utf-8"),
            ("a.pdf", "application/pdf"),
            ("a.mp4", "video/mp4"),
            ("a.woff2", "font/woff2"),
            ("a.tar.gz", "application/gzip"),
            ("k1.txt~", OCTET_STREAM),
            ("big.bin", OCTET_STREAM),
            ("README", OCTET_STREAM),
            ("x.", OCTET_STREAM),
        ] {
            assert_eq!(of_file_name(name.as_bytes()), media_type, "{name}");
        }
        assert_eq!(of_file_name(b"x.\xff"), OCTET_STREAM);
    }
}
