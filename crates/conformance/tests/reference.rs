//! The table against `docs/semantics.md`: every row of the reference that Rust can express has
//! exactly one case, every other row a test of the C library, and every case quotes its row in the
//! reference's words.
#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use conformance::cases;

const REFERENCE: &str = include_str!("../../../docs/semantics.md");

/// The groups whose filters exist.
const GROUPS: &[&str] = &[
    "F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "F10", "F11",
];

/// Rows about what only C can express (raw numbers for queues, null pointers, negative counts,
/// invalid times, the C library itself). Their tests are in the C library's `tests`.
const ONLY_IN_C: &[&str] = &[
    "A-06", "A-07", "A-08", "A-09", "A-10", "A-12", "A-13", "A-14", "A-15", "A-41", "A-42", "A-51",
    "A-54", "L-05", "L-06", "L-08", "L-09", "S-16", "C-01", "C-02", "C-03", "C-04", "C-05", "C-06",
    "C-07", "C-08", "C-09",
];

/// All rows of section F: id to words.
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
        if is_wanted && is_row {
            rows.insert(
                id.to_owned(),
                normal(words.trim_end().trim_end_matches('|')),
            );
        }
    }
    rows
}

/// A test of the C library: the row it names, and the words that it quotes if it is written in C.
struct TestInC {
    name: String,
    words: Option<String>,
}

impl TestInC {
    fn id(&self) -> String {
        let mut parts = self.name.split('_').skip(1);
        let (group, number) = (parts.next().unwrap(), parts.next().unwrap());
        format!("{}-{number}", group.to_uppercase())
    }
}

/// `CASE(q_..., "row")` of the C programs and `fn q_...()` of the Rust tests beside them.
fn tests_in_c() -> Vec<TestInC> {
    let mut tests = Vec::new();
    for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../libkqueue/tests")) {
        let text = fs::read_to_string(&path).unwrap();
        for call in text.split("\nCASE(q_").skip(1) {
            let (name, rest) = call.split_once(',').unwrap();
            tests.push(TestInC {
                name: format!("q_{name}"),
                words: Some(normal(&string_literals(rest))),
            });
        }
        for function in text.split("\nfn q_").skip(1) {
            let (name, _) = function.split_once('(').unwrap();
            tests.push(TestInC {
                name: format!("q_{name}"),
                words: None,
            });
        }
    }
    tests
}

/// Every source file in the directory and below.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let files = paths.flat_map(|path| {
        if path.is_dir() {
            sources(&path)
        } else {
            vec![path]
        }
    });
    files.collect()
}

/// What the string literals at the front of a C text say together.
fn string_literals(text: &str) -> String {
    let mut words = String::new();
    let mut rest = text.trim_start();
    while let Some(literal) = rest.strip_prefix('"') {
        let (content, after) = literal.split_once('"').unwrap();
        words.push_str(content);
        rest = after.trim_start();
    }
    words
}

fn normal(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_case_of_the_reference_has_a_test() {
    let rows = reference_rows();
    assert!(
        rows.len() > 280,
        "the reference was read: {} rows",
        rows.len()
    );
    let in_c: BTreeSet<_> = tests_in_c().iter().map(TestInC::id).collect();
    let mut complaints = Vec::new();
    for (id, words) in &rows {
        let count = cases::all().filter(|case| case.id() == *id).count();
        let is_only_in_c = ONLY_IN_C.contains(&id.as_str());
        if count != usize::from(!is_only_in_c) {
            complaints.push(format!("{id} has {count} cases: {words}"));
        }
        if is_only_in_c && !in_c.contains(id) {
            complaints.push(format!("{id} has no test in C: {words}"));
        }
    }
    for id in ONLY_IN_C.iter().filter(|id| !rows.contains_key(**id)) {
        complaints.push(format!("the reference has no row {id}"));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn every_case_quotes_its_row() {
    let rows = reference_rows();
    let in_rust = cases::all().map(|case| (case.id(), case.name.to_owned(), normal(case.row)));
    let in_c = tests_in_c().into_iter().filter_map(|test| {
        let id = test.id();
        test.words.map(|words| (id, test.name, words))
    });
    let mut complaints = Vec::new();
    for (id, name, quoted) in in_rust.chain(in_c) {
        match rows.get(&id) {
            None => complaints.push(format!("{name}: the reference has no row {id}")),
            Some(words) if *words == quoted => {}
            Some(words) => complaints.push(format!("{id}\n  reference: {words}\n  case: {quoted}")),
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn every_name_is_a_statement_in_snake_case() {
    let in_rust = cases::all().map(|case| case.name.to_owned());
    for name in in_rust.chain(tests_in_c().into_iter().map(|test| test.name)) {
        let words: Vec<_> = name.split('_').collect();
        let is_snake = name
            .chars()
            .all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit());
        assert!(is_snake && words[0] == "q" && words.len() > 4, "{name}");
        assert_eq!(words[2].len(), 2, "two digits: {name}");
    }
}
