//! Names, sizes and dates as they stand on a page. A name is bytes chosen by whoever made the
//! file, so it is escaped here and nowhere else.

use std::fmt::{self, Display, Write};

use crate::http::media_type;

/// A file name as text in HTML: what is not UTF-8, would not be visible, or would turn the text
/// around it, becomes a replacement character; what has a meaning in HTML is escaped.
pub(super) struct Text<'n>(pub(super) &'n [u8]);

impl Display for Text<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in String::from_utf8_lossy(self.0).chars() {
            match character {
                '&' => formatter.write_str("&amp;")?,
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '"' => formatter.write_str("&quot;")?,
                '\'' => formatter.write_str("&#39;")?,
                hidden if is_invisible(hidden) => {
                    formatter.write_char(char::REPLACEMENT_CHARACTER)?;
                }
                other => formatter.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// Controls, line separators, and the marks that change the direction of the text around them or
/// take no room, so that two names could look the same.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061c}'
                | '\u{200b}'
                | '\u{200e}' | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}'
                | '\u{feff}'
        )
}

/// A size as people read it, in powers of 1,000.
pub(super) struct Size(pub(super) u64);

impl Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut unit = 1_u64;
        for name in ["B", "kB", "MB", "GB", "TB", "PB"] {
            let whole = self.0 / unit;
            if whole < 1000 || name == "PB" {
                return if whole < 10 && unit > 1 {
                    write!(formatter, "{whole}.{} {name}", self.0 % unit * 10 / unit)
                } else {
                    write!(formatter, "{whole} {name}")
                };
            }
            unit *= 1000;
        }
        Ok(())
    }
}

/// `1 file`, `2 files`.
pub(super) struct Count(
    pub(super) usize,
    pub(super) &'static str,
    pub(super) &'static str,
);

impl Display for Count {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Count(count, one, many) = *self;
        let noun = if count == 1 { one } else { many };
        write!(formatter, "{count} {noun}")
    }
}

/// The icon that stands for a file of that name, by what kind of content it promises.
pub(super) fn icon_of_file(name: &[u8]) -> Icon {
    let media_type = media_type::of_file_name(name);
    let essence = media_type.split(';').next().unwrap_or_default();
    let (kind, subtype) = essence.split_once('/').unwrap_or((essence, ""));
    Icon(match (kind, subtype) {
        ("image", _) => "image",
        ("audio", _) => "sound",
        ("video", _) => "video",
        ("text", "plain" | "markdown") | ("application", "pdf" | "rtf" | "msword") => "text",
        ("text", _) | ("application", "json" | "wasm" | "xml" | "x-sh") => "code",
        (
            "application",
            "zip" | "gzip" | "zstd" | "x-tar" | "x-xz" | "x-bzip2" | "x-7z-compressed",
        ) => "archive",
        _ => "file",
    })
}

/// A reference to one of [`ICONS`].
pub(super) struct Icon(pub(super) &'static str);

impl Display for Icon {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Icon(name) = self;
        write!(
            formatter,
            "<svg class=\"i {name}\" aria-hidden=\"true\"><use href=\"#{name}\"/></svg>"
        )
    }
}

/// The icons, drawn once and used on every line.
pub(super) const ICONS: &str = "<svg class=\"n\">\
    <symbol id=\"directory\" viewBox=\"0 0 16 16\"><path d=\"M1.5 3.5h4.6l1.5 2h6.9v8h-13z\"/></symbol>\
    <symbol id=\"up\" viewBox=\"0 0 16 16\"><path d=\"M8 13.5v-11M3.5 7 8 2.5 12.5 7\"/></symbol>\
    <symbol id=\"file\" viewBox=\"0 0 16 16\"><path d=\"M3.5 1.5h6l3 3v10h-9zM9.5 1.5v3h3\"/></symbol>\
    <symbol id=\"text\" viewBox=\"0 0 16 16\"><path d=\"M3.5 1.5h6l3 3v10h-9zM9.5 1.5v3h3M5.5 7.5h5M5.5 9.5h5M5.5 11.5h3\"/></symbol>\
    <symbol id=\"code\" viewBox=\"0 0 16 16\"><path d=\"M5.5 4.5 2 8l3.5 3.500M10.5 4.5 14 8l-3.5 3.500M9 3.5 7 12.5\"/></symbol>\
    <symbol id=\"image\" viewBox=\"0 0 16 16\"><path d=\"M1.5 3h13v10h-13zM1.5 11l3.5-3.5 3 3 2.5-2.5 4 4M10.5 5.500h.1\"/></symbol>\
    <symbol id=\"sound\" viewBox=\"0 0 16 16\"><path d=\"M5.5 12.500v-9l7-1.500v9M5.5 12.500a2 1.5 0 1 1-4 0 2 1.5 0 1 1 4 0M12.5 11a2 1.5 0 1 1-4 0 2 1.5 0 1 1 4 0\"/></symbol>\
    <symbol id=\"video\" viewBox=\"0 0 16 16\"><path d=\"M1.5 3h13v10h-13zM6.5 5.500v5l4-2.500z\"/></symbol>\
    <symbol id=\"archive\" viewBox=\"0 0 16 16\"><path d=\"M1.5 2.500h13v3h-13zM2.5 5.500v8h11v-8M6 8h4\"/></symbol>\
    </svg>\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_harmless() {
        for (name, text) in [
            (&b"<img onerror=x>"[..], "&lt;img onerror=x&gt;"),
            (b"a&b", "a&amp;b"),
            (b"\"q\" 'q'", "&quot;q&quot; &#39;q&#39;"),
            (b"caf\xe9", "caf\u{fffd}"),
            (
                b"new\nline\x1b[1m\x7f",
                "new\u{fffd}line\u{fffd}[1m\u{fffd}",
            ),
            ("a\u{202e}gpj.exe".as_bytes(), "a\u{fffd}gpj.exe"),
            (
                "a\u{200b}b\u{2066}\u{feff}".as_bytes(),
                "a\u{fffd}b\u{fffd}\u{fffd}",
            ),
            ("naïve 日本".as_bytes(), "naïve 日本"),
        ] {
            assert_eq!(Text(name).to_string(), text);
        }
    }

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (12_345, "12 kB"),
            (268_435_456, "268 MB"),
            (u64::MAX, "18446 PB"),
        ] {
            assert_eq!(Size(bytes).to_string(), text);
        }
    }

    #[test]
    fn every_icon_is_drawn() {
        for name in ["a.png", "a.mp3", "a.mp4", "a.txt", "a.rs", "a.zip", "a"] {
            let Icon(icon) = icon_of_file(name.as_bytes());
            assert!(ICONS.contains(&format!("id=\"{icon}\"")), "{name}: {icon}");
        }
    }
}
