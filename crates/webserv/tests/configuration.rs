//! `webserv check`, and the documents that are printed from the table of keys. N17.

#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

mod fixture;

use std::fs;
use std::path::{Path, PathBuf};

use fixture::Site;
use fixture::process::command;

fn check(path: &Path) -> (Option<i32>, String, String) {
    let output = command().args(["check", "-c"]).arg(path).output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// The file is refused; its lines without the path and the colon before them.
#[track_caller]
fn faults(text: &str) -> Vec<String> {
    let site = Site::new();
    let path = site.configure(text);
    let (code, output, complaints) = check(&path);
    assert_eq!((code, &*output), (Some(1), ""), "{complaints}");
    let before = format!("{}:", path.display());
    let lines = complaints.lines().map(|line| {
        let rest = line
            .strip_prefix(&before)
            .unwrap_or_else(|| panic!("{line}"));
        rest.to_owned()
    });
    lines.collect()
}

#[test]
fn a_good_file_is_ok() {
    let site = Site::new();
    let path = site.configure("[[server]]\nroot = \"root\"\n");
    assert_eq!(check(&path), (Some(0), "ok\n".to_owned(), String::new()));
}

#[test]
fn h_n17_five_faults_are_told_at_once() {
    let found = faults(
        "workers = 0\n\
         [timeouts]\n\
         idle = \"soon\"\n\
         [[server]]\n\
         lisen = [\"127.0.0.1:0\"]\n\
         root = \"nowhere\"\n\
         [[server.route]]\n\
         path = \"pictures\"\n",
    );
    let expected: [(&str, &[&str]); 5] = [
        (
            "1:11: 0; expected a number from 1 to 1024; ",
            &["workers = 4"],
        ),
        (
            "3:8: \"soon\"; expected a duration such as",
            &["idle = \"5m\""],
        ),
        (
            "5:1: unknown key lisen; expected a key of [[server]]; ",
            &["did you mean listen?"],
        ),
        (
            "6:8: root ",
            &["nowhere", "No such file", "expected a directory"],
        ),
        (
            "8:8: \"pictures\"; expected a path that begins with /",
            &["\"/pictures\""],
        ),
    ];
    assert!(found.len() >= expected.len(), "{found:#?}");
    for (start, parts) in expected {
        let line = found.iter().find(|line| line.starts_with(start));
        let line = line.unwrap_or_else(|| panic!("{start} in {found:#?}"));
        for part in parts {
            assert!(line.contains(part), "{part} in {line}");
        }
    }
}

/// Texts, and how the line of a fault in each begins.
const WHOLE: &[(&str, &str)] = &[
    (
        "",
        "1:1: no server; expected at least one [[server]]; add one, with a root",
    ),
    (
        "[[server]]\nroot = \"root\"\n[[server]]\nroot = \"root\"",
        "3:1: a second server without names; expected one server at 127.0.0.1:8080",
    ),
    (
        "[[server]]\nroot = \"root\"\nlisten = \"[::1]:80\"\nnames = [\"a\"]\ndefault = true\n[[server]]\nroot = \"root\"\nlisten = \"[::1]:80\"\nnames = [\"b\"]\ndefault = true",
        "8:10: a second default server; expected one server at [::1]:80",
    ),
    (
        "[[server]]\nroot = \"root\"\nnames = [\"a\"]\n[[server]]\nroot = \"root\"\nnames = [\"b\", \"A.\"]",
        "6:15: \"A.\"; expected each name once at 127.0.0.1:8080",
    ),
    (
        "[[server]]\nroot = \"root\"\nlisten = [\"127.0.0.1:80\", \"127.0.0.1:80\"]",
        "3:27: \"127.0.0.1:80\"; expected each address once",
    ),
    (
        "group = \"g\"\n[[server]]\nroot = \"root\"",
        "1:9: a group alone; expected a user with it",
    ),
    ("[[server]]\nroot = \"root/k1.txt\"", "2:8: root "),
    ("[[server]]", "1:1: root "),
    (
        "[[listen]]\naddress = \"unix:x\"\n[[server]]\nroot = \"root\"",
        "2:11: \"unix:x\"; expected an address that a server listens on",
    ),
    (
        "[[server]]\nroot = \"root\"\n[[server.route]]\npath = \"/a\"\n[[server.route]]\npath = \"/a/\"",
        "6:8: \"/a/\"; expected each path once in a server",
    ),
    (
        "[[server]]\nroot = \"root\"\n[[server.route]]\npath = \"/a\"\nexact = \"/b\"",
        "5:9: a second path of a route; expected one of path, exact and suffix",
    ),
    (
        "[[server]]\nroot = \"root\"\n[[server.route]]\nindex = []",
        "3:1: a route without a path",
    ),
    (
        "[[server]]\nroot = \"root\"\n[[server.route]]\npath = \"/a\"\nredirect = { to = \"//evil.test\" }",
        "5:19: \"//evil.test\"; expected a path that begins with one slash",
    ),
    (
        "[[server]]\nroot = \"root\"\n[[server.route]]\npath = \"/a\"\nredirect = { to = \"/b\", status = 304 }",
        "5:12: another status; expected status 301, 302, 303, 307 or 308",
    ),
    (
        "[[server]]\nroot = \"root\"\nerror_pages = { 404 = \"no.html\" }",
        "3:23: there is no file ",
    ),
    (
        "[[server]]\nroot = \"root\"\nauthentication = { users = { ann = \"secret\" } }",
        "3:36: no password hash for ann; expected a password hash",
    ),
    (
        "[[server]]\nroot = \"root\"\nfields = { Content-Length = \"5\" }",
        "3:29: Content-Length; expected a field that the server does not write itself",
    ),
    (
        "[[server]]\nroot = \"root\"\nroot = \"x\"",
        "3:1: duplicate key; expected TOML",
    ),
    (
        "[[server]]\nroot = 5",
        "2:8: 5; expected the path of a directory; write for example root = \"/srv/www\"",
    ),
    ("server = 5", "1:10: 5; expected tables"),
    ("[[server]\nroot = \"root\"", "1:"),
];

#[test]
fn h_n17_what_only_shows_in_the_whole() {
    for (text, line) in WHOLE {
        let found = faults(text);
        assert!(
            found.iter().any(|fault| fault.starts_with(*line)),
            "{line} in {found:#?}"
        );
        assert!(
            found.iter().all(|fault| !fault.contains("secret")),
            "{found:?}"
        );
    }
}

#[test]
fn h_n17_a_huge_file_and_a_deep_one_are_told_of() {
    let comments = "# 0123456789 0123456789 0123456789\n".repeat(300_000);
    let found = faults(&format!("{comments}{}x = 1\n", "a = 1\n".repeat(1000)));
    assert!(found.len() > 1000, "{}", found.len());
    let last = found.last().unwrap();
    assert!(last.starts_with("301001:1: unknown key x"), "{last}");
    let found = faults(&format!(
        "a = {}1{}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    ));
    assert!(!found.is_empty());
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let (code, _, complaint) = check(Path::new("/no/such/file.toml"));
    assert_eq!(code, Some(1));
    assert!(
        complaint.contains("cannot read /no/such/file.toml"),
        "{complaint}"
    );
    let output = command().arg("check").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

/// A document of the repository is what the table of keys prints. With KEYS_WRITE it is made so.
#[track_caller]
fn is_up_to_date(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(name);
    if std::env::var_os("KEYS_WRITE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == text,
        "{name} is not what the table of keys says; make it anew with KEYS_WRITE=1"
    );
}

#[test]
fn the_reference_is_printed_from_the_table() {
    is_up_to_date("docs/configuration.md", &webserv::config::reference());
}

#[test]
fn the_example_is_printed_from_the_table_and_usable() {
    is_up_to_date("examples/webserv.toml", &webserv::config::example());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/webserv.toml");
    assert_eq!(check(&path), (Some(0), "ok\n".to_owned(), String::new()));
}

#[test]
fn a_hash_of_a_password_can_be_used() {
    use std::io::Write;
    use std::process::Stdio;

    let mut child = command()
        .arg("hash-password")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"open sesame\n")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let hash = String::from_utf8(output.stdout).unwrap();
    assert!(webserv::password::verify(b"open sesame", hash.trim_end()));
}
