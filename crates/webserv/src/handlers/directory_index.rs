//! A page that lists a directory which has no index file.
//!
//! Reading a large directory takes its time, so [`read_page`] is called on the blocking pool. The
//! page needs no script and loads nothing. Names are bytes chosen by whoever made the files: text
//! is escaped for HTML, links are percent-encoded, and each link leads to its file.

use std::cmp::Ordering;
use std::fmt::{self, Display, Write};
use std::os::fd::OwnedFd;

use ::http::StatusCode;
use ::http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use rustix::fs::{AtFlags, Dir, FileType, Stat, fstat, statat};

use super::static_file::modification_time;
use crate::http::date::HttpDate;
use crate::http::media_type::HTML;
use crate::http::target::{ResourcePath, encode_path};
use crate::limits::LISTING_ENTRIES_MAX;
use crate::platform::LOOK;
use crate::response::content::Content;
use crate::response::error_page::{POLICY, STYLE};
use crate::response::head::Response;
use crate::route::beneath::Beneath;
use crate::route::resolve::{Refusal, is_unlisted};

/// The answer with a page that [`read_page`] has made.
pub(crate) fn respond(page: String) -> Response {
    let mut response = Response::new(StatusCode::OK)
        .with(&CONTENT_TYPE, HTML)
        .with(&X_CONTENT_TYPE_OPTIONS, "nosniff")
        .with(POLICY.0, POLICY.1);
    response.content = Content::Bytes(page.into_bytes());
    response
}

/// Reads the directory and makes its page. Blocks.
///
/// # Errors
///
/// A [`Refusal`] when the directory cannot be read.
pub(crate) fn read_page(
    beneath: &Beneath,
    path: &ResourcePath,
    directory: OwnedFd,
) -> Result<String, Refusal> {
    let mut entries = Vec::new();
    let mut has_more = false;
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if is_unlisted(name) {
            continue;
        }
        if entries.len() == LISTING_ENTRIES_MAX {
            has_more = true;
            break;
        }
        entries.extend(Entry::new(beneath, path, &directory, name));
    }
    entries.sort_unstable();
    Ok(Page {
        path,
        entries: &entries,
        has_more,
    }
    .to_string())
}

/// One line of the page.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    name: Vec<u8>,
    is_directory: bool,
    size: u64,
    modified: Option<HttpDate>,
}

impl Entry {
    /// Looks the name up; none for what could not be served: links that lead outside or nowhere,
    /// sockets, FIFOs, devices, and files that vanished meanwhile.
    fn new(
        beneath: &Beneath,
        path: &ResourcePath,
        directory: &OwnedFd,
        name: &[u8],
    ) -> Option<Entry> {
        let mut stat = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
            stat = stat_link(beneath, path, name)?;
        }
        let is_directory = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => true,
            FileType::RegularFile => false,
            _ => return None,
        };
        Some(Entry {
            name: name.to_vec(),
            is_directory,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: HttpDate::from_unix_seconds(modification_time(&stat).0),
        })
    }
}

/// The metadata of what a request for a symbolic link would open.
fn stat_link(beneath: &Beneath, path: &ResourcePath, name: &[u8]) -> Option<Stat> {
    let full = [path.as_bytes(), b"/", name].concat();
    let relative = if path.is_root() { name } else { &full };
    let place = beneath.open(relative, LOOK).ok()?;
    fstat(&place).ok()
}

/// Directories first, then by name: without regard to case where that decides.
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        let this = self.name.iter().map(u8::to_ascii_lowercase);
        let that = other.name.iter().map(u8::to_ascii_lowercase);
        (other.is_directory.cmp(&self.is_directory))
            .then_with(|| this.cmp(that))
            .then_with(|| self.name.cmp(&other.name))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The whole page.
struct Page<'p> {
    path: &'p ResourcePath,
    entries: &'p [Entry],
    has_more: bool,
}

impl Display for Page<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = Text(self.path.as_bytes());
        let slash = if self.path.is_root() { "" } else { "/" };
        write!(
            formatter,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>/{title}{slash}</title>\n<style>\n{STYLE}</style>\n{ICONS}\
             <main>\n<h1>{} <small>{}</small></h1>\n\
             <table>\n<thead><tr><th>Name<th class=\"s\">Size<th class=\"m\">Modified (UTC)</thead>\n<tbody>\n",
            Trail(self.path),
            Count(self.entries),
        )?;
        if !self.path.is_root() {
            writeln!(
                formatter,
                "<tr><td><a href=\"../\">{}Parent directory</a><td class=\"s\"><td class=\"m\">",
                Icon("u")
            )?;
        }
        for entry in self.entries {
            entry.fmt(formatter)?;
        }
        formatter.write_str("</tbody>\n</table>\n")?;
        if self.has_more {
            let count = self.entries.len();
            writeln!(
                formatter,
                "<p>Only the first {count} entries are shown.</p>"
            )?;
        }
        formatter.write_str("<footer>webserv</footer>\n</main>\n</html>\n")
    }
}

impl Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let link = encode_path(&self.name);
        let text = Text(&self.name);
        let (slash, icon) = if self.is_directory {
            ("/", "d")
        } else {
            ("", "f")
        };
        write!(
            formatter,
            "<tr><td><a href=\"{link}{slash}\">{}{text}{slash}</a>",
            Icon(icon)
        )?;
        if self.is_directory {
            formatter.write_str("<td class=\"s\">")?;
        } else {
            let bytes = self.size;
            write!(
                formatter,
                "<td class=\"s\" title=\"{bytes} bytes\">{}",
                Size(bytes)
            )?;
        }
        formatter.write_str("<td class=\"m\">")?;
        if let Some(date) = self.modified {
            // `Sun, 06 Nov 1994 08:49:37 GMT`: from the day to the minute.
            formatter.write_str(date.to_string().get(5..22).unwrap_or_default())?;
        }
        formatter.write_char('\n')
    }
}

/// The path as links to each directory above.
struct Trail<'p>(&'p ResourcePath);

impl Display for Trail<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let depth = self.0.segments().count();
        if depth == 0 {
            return formatter.write_str("/");
        }
        write!(formatter, "<a href=\"{}\">/</a>", "../".repeat(depth))?;
        for (above, name) in (0..depth).rev().zip(self.0.segments()) {
            if above == 0 {
                write!(formatter, "{}/", Text(name))?;
            } else {
                write!(
                    formatter,
                    "<a href=\"{}\">{}</a>/",
                    "../".repeat(above),
                    Text(name)
                )?;
            }
        }
        Ok(())
    }
}

/// `2 directories, 1 file`.
struct Count<'p>(&'p [Entry]);

impl Display for Count<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let directories = self.0.iter().filter(|entry| entry.is_directory).count();
        let files = self.0.len() - directories;
        match (directories, files) {
            (0, 0) => formatter.write_str("empty directory"),
            (0, _) => write!(formatter, "{files} {}", plural(files, "file", "files")),
            (_, 0) => {
                write!(
                    formatter,
                    "{directories} {}",
                    plural(directories, "directory", "directories")
                )
            }
            _ => write!(
                formatter,
                "{directories} {}, {files} {}",
                plural(directories, "directory", "directories"),
                plural(files, "file", "files")
            ),
        }
    }
}

fn plural<'t>(count: usize, one: &'t str, many: &'t str) -> &'t str {
    if count == 1 { one } else { many }
}

/// A size as people read it, in powers of 1,000.
struct Size(u64);

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

/// A file name as text in HTML: what is not UTF-8 or would not be visible becomes a replacement
/// character, what has a meaning in HTML is escaped.
struct Text<'n>(&'n [u8]);

impl Display for Text<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in String::from_utf8_lossy(self.0).chars() {
            match character {
                '&' => formatter.write_str("&amp;")?,
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '"' => formatter.write_str("&quot;")?,
                '\'' => formatter.write_str("&#39;")?,
                // Controls, and the marks that turn the direction of the text around them.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                    formatter.write_char(char::REPLACEMENT_CHARACTER)?;
                }
                control if control.is_control() => {
                    formatter.write_char(char::REPLACEMENT_CHARACTER)?;
                }
                other => formatter.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// A reference to one of [`ICONS`].
struct Icon(&'static str);

impl Display for Icon {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "<svg class=\"i\" aria-hidden=\"true\"><use href=\"#{}\"/></svg>",
            self.0
        )
    }
}

/// Directory, file and up, drawn once and used on every line.
const ICONS: &str = "<svg class=\"n\">\
    <symbol id=\"d\" viewBox=\"0 0 16 16\"><path d=\"M1.5 3.5h4.6l1.5 2h6.9v8h-13z\"/></symbol>\
    <symbol id=\"f\" viewBox=\"0 0 16 16\"><path d=\"M3.5 1.5h6l3 3v10h-9zM9.5 1.5v3h3\"/></symbol>\
    <symbol id=\"u\" viewBox=\"0 0 16 16\"><path d=\"M8 13.5v-11M3.5 7 8 2.5 12.5 7\"/></symbol>\
    </svg>\n";

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::fs::OFlags;

    use super::*;

    fn page(root: &std::path::Path, path: &str) -> String {
        let beneath = Beneath::new(root).unwrap();
        let path = ResourcePath::decode(path).unwrap();
        let directory = beneath.open(path.as_bytes(), OFlags::RDONLY).unwrap();
        read_page(&beneath, &path, directory).unwrap()
    }

    #[test]
    fn names_are_escaped_and_links_are_encoded() {
        use std::os::unix::ffi::OsStrExt;
        let top = tempfile::tempdir().unwrap();
        for (name, link, text) in [
            (
                &b"<img onerror=x>"[..],
                "%3Cimg%20onerror%3Dx%3E",
                "&lt;img onerror=x&gt;",
            ),
            (b"a&b", "a%26b", "a&amp;b"),
            (b"\"q\"", "%22q%22", "&quot;q&quot;"),
            (b"%41", "%2541", "%41"),
            (b"a#b?c", "a%23b%3Fc", "a#b?c"),
            (b"-", "-", "-"),
            (b"javascript:x", "javascript%3Ax", "javascript:x"),
            (b"caf\xe9", "caf%E9", "caf\u{fffd}"),
            (b"new\nline", "new%0Aline", "new\u{fffd}line"),
        ] {
            let file = top.path().join(std::ffi::OsStr::from_bytes(name));
            fs::write(&file, "").unwrap();
            let page = page(top.path(), "/");
            assert!(page.contains(&format!("<a href=\"{link}\">")), "{link}");
            assert!(page.contains(&format!("</svg>{text}</a>")), "{text}");
            fs::remove_file(file).unwrap();
        }
    }

    #[test]
    fn what_cannot_be_served_is_not_listed() {
        let top = tempfile::tempdir().unwrap();
        let sub = top.path().join("sub");
        fs::create_dir_all(sub.join("Zdir")).unwrap();
        fs::write(sub.join("b.txt"), vec![b'x'; 1234]).unwrap();
        fs::write(sub.join("A.txt"), "").unwrap();
        fs::write(sub.join(".hidden"), "").unwrap();
        fs::write(top.path().join("above"), "").unwrap();
        symlink("../above", sub.join("inside")).unwrap();
        symlink("/etc/passwd", sub.join("outside")).unwrap();
        symlink("nothing", sub.join("dangling")).unwrap();
        let page = page(top.path(), "/sub/");
        let links: Vec<&str> = page
            .split("href=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        let links: Vec<&str> = links
            .into_iter()
            .filter(|link| !link.starts_with('#'))
            .collect();
        assert_eq!(links, ["../", "../", "Zdir/", "A.txt", "b.txt", "inside"]);
        assert!(page.contains("1 directory, 3 files"));
        assert!(page.contains("title=\"1234 bytes\">1.2 kB<"));
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
}
