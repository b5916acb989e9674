//! The reference and the annotated example, printed from the table of keys.

use std::fmt::Write;

use super::draft::SiteDraft;
use super::key::{Row, SectionText, describe, rows};
use super::keys::SETTINGS;

/// What stands before the keys in the reference.
const INTRODUCTION: &str = include_str!("introduction.md");

/// `docs/configuration.md`.
#[must_use]
pub fn reference() -> String {
    let mut text = INTRODUCTION.to_owned();
    let site = describe::<SiteDraft>();
    let settings = rows(SETTINGS);
    reference_section(&mut text, &site, 0);
    text.push_str("\n## Settings of the top, a server or a route\n\n");
    text.push_str("Each may stand at the top of the file, in a `[[server]]` and in a `[[server.route]]`. A server has what is said at the top, a route what is said in its server, unless they say otherwise; a list or a table replaces the inherited one. The headings below are those within a server; within a route they begin with `server.route`.\n");
    reference_rows(&mut text, &settings, 1);
    text
}

fn reference_section(text: &mut String, section: &SectionText, depth: usize) {
    let level = "#".repeat((depth + 2).min(4));
    let heading = if section.heading.starts_with('[') {
        format!("`{}`", section.heading)
    } else {
        "The top of the file".to_owned()
    };
    // Writing to memory cannot fail.
    let _ = write!(text, "\n{level} {heading}\n\n{}\n", section.about);
    reference_rows(text, &section.rows, depth);
    if section.has_settings && depth > 0 {
        text.push_str("\nBesides, all settings below may stand here.\n");
    }
}

fn reference_rows(text: &mut String, rows: &[Row], depth: usize) {
    let plain = rows.iter().filter(|row| row.section.is_none());
    text.push_str("\n| key | value | default | |\n|---|---|---|---|\n");
    for row in plain {
        let form = cell(&row.form);
        let default = match row.default {
            "" => "none".to_owned(),
            default => format!("`{}`", cell(default)),
        };
        let about = cell(row.about);
        let example = cell(row.example);
        let _ = writeln!(
            text,
            "| `{}` | {form}: `{example}` | {default} | {about} |",
            row.name
        );
    }
    for row in rows {
        if let Some(section) = &row.section {
            if section.heading == "[timeouts]" && depth > 0 {
                continue;
            }
            reference_section(text, section, depth + 1);
            let _ = write!(text, "\n`{}`: {}\n", row.name, row.about);
        }
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// `examples/webserv.toml`.
#[must_use]
pub fn example() -> String {
    let mut text = String::from(
        "# An annotated configuration of webserv: every key, with an example where it is commented\n\
         # out. Check it with `webserv check -c webserv.toml`, serve it with\n\
         # `webserv run -c webserv.toml`. docs/configuration.md has the same keys as a table.\n",
    );
    let site = describe::<SiteDraft>();
    example_rows(&mut text, &site.rows, &[]);
    for row in &site.rows {
        let Some(section) = &row.section else {
            continue;
        };
        match section.heading {
            "[[server]]" => example_server(&mut text, section),
            heading => example_table(&mut text, heading, section, true),
        }
    }
    text
}

/// The server is the part that is not commented out.
fn example_server(text: &mut String, server: &SectionText) {
    let settings = rows(SETTINGS);
    comment(text, server.about, "\n");
    text.push_str("[[server]]\n");
    let live = [
        ("listen", "[\"127.0.0.1:8080\"]"),
        ("root", "\"../www\""),
        ("listing", "true"),
    ];
    example_rows(text, &server.rows, &live);
    comment(
        text,
        "The following may also stand at the top of the file, for all servers, and in a route.",
        "\n",
    );
    example_rows(text, &settings, &live);
    for row in settings.iter().chain(&server.rows) {
        if let Some(section) = &row.section {
            let heading = match section.heading {
                "[timeouts]" => "[server.timeouts]",
                heading => heading,
            };
            example_table(text, heading, section, section.heading != "[timeouts]");
        }
    }
}

fn example_table(text: &mut String, heading: &str, section: &SectionText, is_full: bool) {
    comment(text, section.about, "\n");
    let _ = writeln!(text, "#{heading}");
    if !is_full {
        text.push_str("#idle = \"5m\"\n");
        return;
    }
    // Exactly one of three keys names the paths of a route.
    let one_of = |row: &&Row| !matches!(row.name, "exact" | "suffix");
    for row in section.rows.iter().filter(one_of) {
        example_row(text, row, None);
    }
    for row in &section.rows {
        if let Some(section) = &row.section {
            example_table(text, section.heading, section, true);
        }
    }
}

fn example_rows(text: &mut String, rows: &[Row], live: &[(&str, &str)]) {
    for row in rows {
        let value = live.iter().find(|(name, _)| *name == row.name);
        example_row(text, row, value.map(|(_, value)| *value));
    }
}

/// A key with its example, commented out unless a value is given.
fn example_row(text: &mut String, row: &Row, live: Option<&str>) {
    if row.section.is_some() {
        return;
    }
    comment(text, row.about, "\n");
    let _ = match live {
        Some(value) => writeln!(text, "{} = {value}", row.name),
        None => writeln!(text, "#{} = {}", row.name, row.example),
    };
}

/// A comment of lines that are not too long.
fn comment(text: &mut String, about: &str, before: &str) {
    text.push_str(before);
    let mut line = String::from("#");
    for word in about.split(' ') {
        if line.len() + word.len() >= 100 {
            text.push_str(&line);
            text.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read::read;

    /// The text without the marks before keys and headings.
    fn uncommented(text: &str) -> String {
        let lines = text.lines().map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') => rest,
            _ => line,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_example_is_valid() {
        let text = uncommented(&example());
        let (draft, faults) = read(&text);
        assert_eq!(faults.into_sorted(), [], "{text}");
        assert_eq!(draft.servers.len(), 1);
        assert_eq!(draft.servers[0].routes.len(), 1);
        assert_eq!(draft.listens.len(), 1);
    }

    #[test]
    fn every_default_is_what_it_says() {
        fn defaults(rows: &[Row], heading: &str, text: &mut String) {
            let _ = writeln!(text, "{heading}");
            for row in rows.iter().filter(|row| !row.default.is_empty()) {
                let _ = writeln!(text, "{} = {}", row.name, row.default);
            }
        }
        let site = describe::<SiteDraft>();
        let mut text = String::new();
        defaults(&site.rows, "", &mut text);
        defaults(&rows(SETTINGS), "", &mut text);
        for row in &site.rows {
            if let Some(section) = &row.section
                && matches!(section.heading, "[log]" | "[timeouts]")
            {
                defaults(&section.rows, section.heading, &mut text);
            }
        }
        let (draft, faults) = read(&text);
        assert_eq!(faults.into_sorted(), [], "{text}");
        let plain = SiteDraft::default();
        assert_eq!(draft.timeouts, plain.timeouts);
        assert_eq!(draft.log, plain.log);
        let shown = |draft: &SiteDraft| {
            let mut settings = draft.settings.clone();
            settings.root = None;
            format!("{settings:?}")
        };
        assert_eq!(shown(&draft), shown(&plain));
    }
}
