//! File name to media type (RFC 9110 section 8.3.1).
//!
//! `mime_guess` has the table. Text is declared to be UTF-8, as nearly all text is; a name without
//! a known extension is `application/octet-stream`, which a browser saves instead of guessing.

use std::borrow::Cow;

/// The type of content whose kind is not known.
pub const OCTET_STREAM: &str = "application/octet-stream";

/// The type of pages that the server makes itself.
pub const HTML: &str = "text/html; charset=utf-8";

/// The type of the same in JSON, which is UTF-8 without saying so (RFC 8259).
pub const JSON: &str = "application/json";

/// The type of the same as text.
pub const PLAIN: &str = "text/plain; charset=utf-8";

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

/// What comes to mind when a type is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compressibility {
    /// Text in some form: it becomes a fraction of itself.
    High,
    /// Nobody knows; a precompressed sibling is taken, but nothing is tried.
    Unknown,
    /// It is compressed already.
    None,
}

/// Whether content of that type is worth compressing.
#[must_use]
pub fn compressibility(content_type: &str) -> Compressibility {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let (kind, subtype) = essence.split_once('/').unwrap_or((essence, ""));
    match (kind, subtype) {
        // Events must arrive one by one, not when a block is full.
        ("text", "event-stream") => Compressibility::None,
        ("text", _)
        | (
            "application",
            "json" | "javascript" | "xml" | "wasm" | "rtf" | "postscript" | "x-sh" | "sql"
            | "x-tar" | "x-ndjson" | "toml" | "yaml" | "vnd.ms-fontobject",
        )
        | ("image", "svg+xml" | "bmp" | "x-icon" | "vnd.microsoft.icon")
        | ("font", "ttf" | "otf" | "collection")
        | ("model", "obj" | "stl") => Compressibility::High,
        (_, structured) if structured.ends_with("+json") || structured.ends_with("+xml") => {
            Compressibility::High
        }
        ("image" | "audio" | "video" | "font", _)
        | (
            "application",
            "zip" | "gzip" | "zstd" | "x-xz" | "x-bzip2" | "x-7z-compressed" | "pdf"
            | "java-archive" | "vnd.rar" | "x-rar-compressed" | "epub+zip",
        ) => Compressibility::None,
        _ => Compressibility::Unknown,
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

    #[test]
    fn text_is_worth_compressing() {
        for (name, expected) in [
            ("a.html", Compressibility::High),
            ("a.js", Compressibility::High),
            ("a.json", Compressibility::High),
            ("a.svg", Compressibility::High),
            ("a.wasm", Compressibility::High),
            ("a.atom", Compressibility::High),
            ("a.ttf", Compressibility::High),
            ("a.png", Compressibility::None),
            ("a.woff2", Compressibility::None),
            ("a.mp4", Compressibility::None),
            ("a.zip", Compressibility::None),
            ("a.gz", Compressibility::None),
            ("a.bin", Compressibility::Unknown),
            ("a", Compressibility::Unknown),
        ] {
            let content_type = of_file_name(name.as_bytes());
            assert_eq!(compressibility(&content_type), expected, "{name}");
        }
        assert_eq!(compressibility("text/event-stream"), Compressibility::None);
    }
}
