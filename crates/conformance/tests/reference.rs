//! The table against `docs/semantics.md`: every row of the reference that Rust can express has
//! exactly one case, and every case quotes its row in the reference's words.

use std::collections::BTreeMap;

use conformance::cases;

const REFERENCE: &str = include_str!("../../../docs/semantics.md");

/// The groups whose filters exist.
const GROUPS: &[&str] = &[
    "F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "F10", "F11",
];

/// Rows about what only C can express (raw numbers for queues, null pointers, negative counts,
/// invalid times), which belong to the C library's tests.
const ONLY_IN_C: &[&str] = &[
    "A-06", "A-07", "A-08", "A-09", "A-10", "A-12", "A-13", "A-14", "A-15", "A-41", "A-42", "A-51",
    "A-54", "L-05", "L-06", "L-08", "L-09", "S-16",
];

/// `C-*` is about the C library itself.
const NOT_HERE: &[&str] = &["C-"];

/// The rows of section F that must have a case: id to words.
fn reference_rows() -> BTreeMap<String, String> {
    let mut is_wanted = false;
    let mut rows = BTreeMap::new();
    for line in REFERENCE.lines() {
        if let Some(title) = line.strip_prefix("### ") {
            is_wanted = title
                .split(' ')
                .next()
                .is_some_and(|group| GROUPS.contains(&group));
        } else if line.starts_with('#') {
            is_wanted = false;
        }
        let Some((id, words)) = line
            .strip_prefix("| ")
            .and_then(|row| row.split_once(" | "))
        else {
            continue;
        };
        let is_row = id.contains('-') && id.ends_with(|last: char| last.is_ascii_digit());
        let is_elsewhere =
            ONLY_IN_C.contains(&id) || NOT_HERE.iter().any(|group| id.starts_with(group));
        if is_wanted && is_row && !is_elsewhere {
            rows.insert(
                id.to_owned(),
                normal(words.trim_end().trim_end_matches('|')),
            );
        }
    }
    rows
}

fn normal(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_case_of_the_reference_has_a_test() {
    let rows = reference_rows();
    assert!(
        rows.len() > 250,
        "the reference was read: {} rows",
        rows.len()
    );
    let mut complaints = Vec::new();
    for (id, words) in &rows {
        let count = cases::all().filter(|case| case.id() == *id).count();
        if count != 1 {
            complaints.push(format!("{id} has {count} cases: {words}"));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn every_case_quotes_its_row() {
    let rows = reference_rows();
    let mut complaints = Vec::new();
    for case in cases::all() {
        let id = case.id();
        match rows.get(&id) {
            None => complaints.push(format!("{}: the reference has no row {id}", case.name)),
            Some(words) if *words == normal(case.row) => {}
            Some(words) => {
                complaints.push(format!("{id}\n  reference: {words}\n  case: {}", case.row))
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn every_name_is_a_statement_in_snake_case() {
    for case in cases::all() {
        let words: Vec<_> = case.name.split('_').collect();
        let is_snake = case
            .name
            .chars()
            .all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit());
        assert!(
            is_snake && words[0] == "q" && words.len() > 4,
            "{}",
            case.name
        );
        assert_eq!(words[2].len(), 2, "two digits: {}", case.name);
    }
}
