//! Files and directories.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::fixture::Watching;

/// Replaces a file as editors do: all of the new content, then the name.
pub(crate) fn save_by_rename(path: &Path, content: &str) {
    let new = path.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::rename(&new, path).unwrap();
}

fn append(path: &Path, content: &str) {
    let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(content.as_bytes()).unwrap();
}

#[test]
fn a_file_that_changes_is_told_with_its_notes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.txt");
    fs::write(&path, "one").unwrap();
    let name = path.to_str().unwrap();
    let watching = Watching::start(&["--file", name]);
    append(&path, "two");
    let line = watching.line(&[name, "WRITE|EXTEND"]);
    assert!(line.contains("Z VNODE "), "{line}");
    fs::write(&path, "").unwrap();
    watching.line(&[name, "TRUNCATE"]);
    watching.stop();
}

#[test]
fn a_file_saved_by_rename_is_watched_on_under_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.txt");
    fs::write(&path, "one").unwrap();
    let watching = Watching::start(&["--file", path.to_str().unwrap()]);
    for _ in 0..3 {
        save_by_rename(&path, "two");
        watching.line(&["DELETE"]);
    }
    append(&path, "three");
    watching.line(&["WRITE|EXTEND"]);
    watching.stop();
}

#[test]
fn a_file_that_was_away_is_told_and_watched_when_it_is_there_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.txt");
    fs::write(&path, "one").unwrap();
    let watching = Watching::start(&["--file", path.to_str().unwrap()]);
    fs::rename(&path, directory.path().join("b.txt")).unwrap();
    watching.line(&["RENAME"]);
    // A name that does not matter.
    fs::write(directory.path().join("c.txt"), "other").unwrap();
    fs::write(&path, "two").unwrap();
    watching.line(&["there again"]);
    append(&path, "three");
    watching.line(&["WRITE|EXTEND"]);
    let rest = watching.stop();
    assert!(
        !rest.iter().any(|line| line.contains("there again")),
        "{rest:#?}"
    );
}

#[test]
fn a_file_whose_directory_is_gone_is_given_up_with_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let path = inner.join("a.txt");
    fs::write(&path, "one").unwrap();
    let watching = Watching::start(&["--file", path.to_str().unwrap()]);
    fs::remove_file(&path).unwrap();
    watching.line(&["DELETE"]);
    fs::remove_dir(&inner).unwrap();
    let sentence = watching.error();
    assert!(sentence.contains("is no longer watched"), "{sentence}");
    let (_, status) = watching.end();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_link_is_followed_to_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let (path, link) = (
        directory.path().join("a.txt"),
        directory.path().join("link"),
    );
    fs::write(&path, "one").unwrap();
    symlink(&path, &link).unwrap();
    let watching = Watching::start(&["--file", link.to_str().unwrap()]);
    save_by_rename(&path, "two");
    watching.line(&["DELETE"]);
    append(&path, "three");
    watching.line(&["link", "WRITE|EXTEND"]);
    watching.stop();
}

#[test]
fn a_directory_tells_of_names_and_ends_the_watch_when_it_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let watching = Watching::start(&["--dir", inner.to_str().unwrap()]);
    fs::write(inner.join("name"), "").unwrap();
    watching.line(&["VNODE", "WRITE"]);
    fs::create_dir(inner.join("sub")).unwrap();
    watching.line(&["LINK"]);
    fs::remove_dir_all(&inner).unwrap();
    let (rest, status) = watching.end();
    assert!(rest.iter().any(|line| line.contains("DELETE")), "{rest:#?}");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_line_stays_one_line_whatever_the_path_holds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("two\nlines");
    fs::write(&path, "one").unwrap();
    let watching = Watching::start(&["--file", path.to_str().unwrap()]);
    append(&path, "two");
    watching.line(&["two\\nlines", "WRITE|EXTEND"]);
    watching.stop();
}

#[test]
fn access_is_told_when_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.txt");
    fs::write(&path, "one").unwrap();
    let watching = Watching::start(&["--access", "--file", path.to_str().unwrap()]);
    fs::read(&path).unwrap();
    let mut seen = String::new();
    while !["OPEN", "READ", "CLOSE"]
        .iter()
        .all(|note| seen.contains(note))
    {
        seen.push_str(&watching.line(&["VNODE"]));
    }
    watching.stop();
}
