//! The listing as a page: where one is, what is here, and the way to all of it.

use super::entry::Entry;
use super::order::Key;
use super::text::{Count, ICONS, Icon, Size, Text, icon_of_file};
use super::writing::{Listing, push};
use crate::http::target::{ResourcePath, encode_path};
use crate::response::error_page::{PAGE_START, STYLE};

/// Everything before the first entry.
pub(super) fn write_start(listing: &Listing, out: &mut String) {
    let path = &listing.asked;
    out.push_str(PAGE_START);
    let slash = if path.is_root() { "" } else { "/" };
    let title = Text(path.as_bytes());
    push(out, format_args!("<title>/{title}{slash}</title>\n"));
    push(out, format_args!("<style>{STYLE}</style>\n{ICONS}<main>\n"));
    out.push_str("<h1>");
    write_trail(path, out);
    out.push_str("<small>");
    write_summary(listing, out);
    out.push_str("</small></h1>\n");
    if listing.may_upload {
        out.push_str(UPLOAD);
    }
    write_columns(listing, out);
    if !path.is_root() {
        let icon = Icon("up");
        push(
            out,
            format_args!(
                "<tr><td><a href=\"../\">{icon}Parent directory</a><td class=\"s\"><td class=\"m\">\n"
            ),
        );
    }
}

/// A form that works without script; files can be dropped onto its field.
const UPLOAD: &str = "<form method=\"post\" enctype=\"multipart/form-data\">\n\
    <label>Choose files, or drop them onto the line below. <input type=\"file\" name=\"file\" multiple required></label>\n\
    <button>Upload</button>\n</form>\n";

/// The path as links to each directory above.
fn write_trail(path: &ResourcePath, out: &mut String) {
    let depth = path.segments().count();
    if depth == 0 {
        out.push('/');
        return;
    }
    let top = "../".repeat(depth);
    push(out, format_args!("<a href=\"{top}\">/</a>"));
    for (above, name) in (0..depth).rev().zip(path.segments()) {
        let name = Text(name);
        if above == 0 {
            push(out, format_args!("<bdi>{name}</bdi>/"));
        } else {
            let link = "../".repeat(above);
            push(
                out,
                format_args!("<a href=\"{link}\"><bdi>{name}</bdi></a>/"),
            );
        }
    }
}

/// `2 directories, 1 file, 12 kB`.
fn write_summary(listing: &Listing, out: &mut String) {
    let entries = &listing.entries;
    let directories = entries.iter().filter(|entry| entry.is_directory).count();
    let files = entries.len() - directories;
    if directories > 0 {
        push(
            out,
            format_args!("{}", Count(directories, "directory", "directories")),
        );
    }
    if files > 0 {
        let comma = if directories > 0 { ", " } else { "" };
        let size = entries
            .iter()
            .fold(0_u64, |sum, entry| sum.saturating_add(entry.size));
        let count = Count(files, "file", "files");
        push(out, format_args!("{comma}{count}, {}", Size(size)));
    }
    if entries.is_empty() {
        out.push_str("empty directory");
    }
}

/// The head of the table, whose words are links to the same page in another order.
fn write_columns(listing: &Listing, out: &mut String) {
    out.push_str("<table>\n<thead><tr>");
    for (key, class, word) in Key::ALL
        .into_iter()
        .zip(["", " class=\"s\"", " class=\"m\""])
        .zip(["Name", "Size", "Changed (UTC)"])
        .map(|((key, class), word)| (key, class, word))
    {
        let sort = match listing.order.is_descending {
            _ if key != listing.order.key => "",
            true => " aria-sort=\"descending\"",
            false => " aria-sort=\"ascending\"",
        };
        let query = listing.order.after_click(key).query();
        push(
            out,
            format_args!("<th{class}{sort}><a href=\"{query}\">{word}</a>"),
        );
    }
    out.push_str("</thead>\n<tbody>\n");
}

/// One line of the table.
pub(super) fn write_entry(entry: &Entry, out: &mut String) {
    let link = encode_path(&entry.name);
    let text = Text(&entry.name);
    if entry.is_directory {
        let icon = Icon("directory");
        push(
            out,
            format_args!(
                "<tr><td><a href=\"{link}/\">{icon}<bdi>{text}</bdi>/</a><td class=\"s\">"
            ),
        );
    } else {
        let icon = icon_of_file(&entry.name);
        let (bytes, size) = (entry.size, Size(entry.size));
        push(
            out,
            format_args!(
                "<tr><td><a href=\"{link}\">{icon}<bdi>{text}</bdi></a>\
                 <td class=\"s\" title=\"{bytes} bytes\">{size}"
            ),
        );
    }
    out.push_str("<td class=\"m\">");
    if let Some(date) = entry.modified {
        // From the year to the minute.
        let text = date.to_rfc3339().replace('T', " ");
        out.push_str(text.get(..16).unwrap_or_default());
    }
    out.push('\n');
}

/// Everything behind the last entry.
pub(super) fn write_end(listing: &Listing, out: &mut String) {
    out.push_str("</table>\n");
    if listing.has_more {
        let count = listing.entries.len();
        push(
            out,
            format_args!("<p>Only the first {count} entries are shown.</p>\n"),
        );
    }
    out.push_str("<footer>webserv</footer>\n</main>\n</html>\n");
}
