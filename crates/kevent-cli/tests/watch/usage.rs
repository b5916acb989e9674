//! Bad input: one sentence with the thing and the remedy, and the exit code.

use crate::fixture::command;

fn refusal(arguments: &[&str]) -> (Option<i32>, String) {
    let output = command(arguments).output().unwrap();
    assert!(output.stdout.is_empty());
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn what_cannot_be_watched_is_named_with_a_remedy() {
    let cases: [(&[&str], &str, &str); 6] = [
        (&["--file", "/nonexistent/file"], "/nonexistent", "--dir"),
        (
            &["--dir", "/nonexistent/dir"],
            "/nonexistent/dir",
            "make it first",
        ),
        (
            &["--dir", "/proc/self/status"],
            "/proc/self/status is no directory",
            "--file",
        ),
        (&["--pid", "2147483647"], "no process 2147483647", "ps -e"),
        (&["--fd", "77"], "descriptor 77", "77<FILE"),
        (
            &["--link", "none0"],
            "no network interface none0",
            "ip link",
        ),
    ];
    for (arguments, thing, remedy) in cases {
        let (code, sentence) = refusal(arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {sentence}");
        assert!(
            sentence.contains(thing) && sentence.contains(remedy),
            "{sentence}"
        );
        assert_eq!(sentence.lines().count(), 1, "{sentence}");
    }
}

#[test]
fn wrong_usage_is_told_with_exit_code_2() {
    let cases: [(&[&str], &str); 8] = [
        (&[], "--file"),
        (&["--signal", "NOPE"], "no such signal"),
        (&["--signal", "KILL"], "choose another"),
        (&["--timer", "5"], "500ms"),
        (&["--timer", "0s"], "above zero"),
        (&["--timer", "99999999999h"], "292 years"),
        (&["--mounts", "--tree"], "--pid"),
        (&["--mounts", "--access", "--exec", "true"], "--access"),
    ];
    for (arguments, part) in cases {
        let (code, message) = refusal(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {message}");
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn the_help_tells_the_exit_codes_and_examples() {
    let output = command(&["--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for part in ["Exit codes:", "Examples:", "--exec"] {
        assert!(help.contains(part), "{help}");
    }
}
