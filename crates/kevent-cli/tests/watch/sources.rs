//! Signals, timers, descriptors, links, mounts, and the form of the output.

use std::io::Write;

use rustix::process::Signal;
use serde_json::Value;

use crate::fixture::{Watching, command};

#[test]
fn a_timer_ends_after_count_events() {
    let watching = Watching::start(&["--timer", "5ms", "--count", "3"]);
    let (lines, status) = watching.end();
    assert_eq!(status.code(), Some(0));
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(
        lines
            .iter()
            .all(|line| line.contains("TIMER") && line.contains("5ms"))
    );
}

#[test]
fn standard_input_is_told_unread_and_its_end_ends_the_watch() {
    let mut watching = Watching::start(&["--fd", "0"]);
    let mut input = watching.child.stdin.take().unwrap();
    input.write_all(b"hello").unwrap();
    watching.line(&["READ", "data=5", "5 bytes to read"]);
    drop(input);
    watching.line(&["READ", "EOF"]);
    assert_eq!(watching.end().1.code(), Some(0));
}

#[test]
fn a_signal_is_told_and_does_nothing_else() {
    let watching = Watching::start(&["--signal", "usr1", "SIGHUP"]);
    watching.send(Signal::USR1);
    watching.line(&["SIGNAL", "SIGUSR1", "1 delivery"]);
    watching.send(Signal::HUP);
    watching.line(&["SIGHUP"]);
    watching.stop();
}

#[test]
fn sigterm_that_is_watched_does_not_end_the_watch() {
    let watching = Watching::start(&["--signal", "TERM", "--count", "2"]);
    watching.send(Signal::TERM);
    watching.line(&["SIGTERM"]);
    watching.send(Signal::TERM);
    watching.line(&["SIGTERM"]);
    assert_eq!(watching.end().1.code(), Some(0));
}

#[test]
fn links_and_mounts_are_watched_beside_each_other() {
    let watching = Watching::start(&["--link", "lo", "any", "--mounts", "--timer", "5ms"]);
    watching.line(&["TIMER"]);
    watching.stop();
}

#[test]
fn json_is_one_object_per_line() {
    let arguments = [
        "--json", "--timer", "5ms", "--signal", "USR2", "--count", "2",
    ];
    let watching = Watching::start(&arguments);
    let (lines, _) = watching.end();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    for line in lines {
        let object: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["filter"], "TIMER");
        assert_eq!(object["what"], "5ms");
        assert!(object["data"].as_i64().unwrap() >= 1);
        assert!(object["notes"].as_array().unwrap().is_empty());
        assert!(object["time"].as_str().unwrap().ends_with('Z'));
    }
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_watch() {
    let mut child = command(&["--timer", "1ms"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
