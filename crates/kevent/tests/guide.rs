//! The guide and the reference agree: what the reference corrects, the guide quotes in full.
//!
//! The guide's programs run as documentation tests.
#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

use std::fs;
use std::path::Path;

fn document(name: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    fs::read_to_string(docs.join(name)).unwrap()
}

#[test]
fn every_corrected_statement_is_quoted_in_the_guide() {
    let reference = document("semantics.md");
    let (_, section) = reference.split_once("\n## E. ").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    // Line breaks are the guide's own.
    let guide = document("guide/mistakes.md")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let statements: Vec<&str> = section
        .lines()
        .filter_map(|row| row.strip_prefix("| ")?.split(" | ").next())
        .filter(|&cell| cell != "Statement")
        .collect();
    assert!(
        statements.len() > 20,
        "the table of section E was not found"
    );
    for statement in statements {
        let quote = format!("**\"{statement}\"**");
        assert!(guide.contains(&quote), "the guide lacks {quote}");
    }
}
