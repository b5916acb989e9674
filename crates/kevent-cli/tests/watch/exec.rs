//! `--exec`: a run after the last change, and none that saw less than it should.

use std::fs;
use std::io::Write;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;

use crate::files::save_by_rename;
use crate::fixture::{Watching, command};

/// What the runs have printed: everything but the events.
fn printed(lines: &[String]) -> Vec<&str> {
    let is_event = |line: &&str| line.contains("Z VNODE ");
    lines
        .iter()
        .map(String::as_str)
        .filter(|line| !is_event(line))
        .collect()
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display())
}

#[test]
fn after_many_saves_by_rename_the_last_run_sees_the_last_content() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.txt");
    fs::write(&path, "save 0\n").unwrap();
    let command = format!("cat {}", quoted(&path));
    let watching = Watching::start(&["--file", path.to_str().unwrap(), "--exec", &command]);
    for number in 1..=100 {
        save_by_rename(&path, &format!("save {number}\n"));
    }
    watching.line(&["save 100"]);
    let rest = watching.stop();
    assert!(
        printed(&rest).iter().all(|line| *line == "save 100"),
        "{rest:#?}"
    );
}

#[test]
fn a_change_during_a_run_starts_another_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let (path, gate) = (
        directory.path().join("a.txt"),
        directory.path().join("gate"),
    );
    fs::write(&path, "save 0\n").unwrap();
    mknodat(CWD, &gate, FileType::Fifo, Mode::RWXU, 0).unwrap();
    let mut opener = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&gate)
        .unwrap();
    let command = format!("cat {}; read line < {}", quoted(&path), quoted(&gate));
    let watching = Watching::start(&["--file", path.to_str().unwrap(), "--exec", &command]);
    save_by_rename(&path, "save 1\n");
    watching.line(&["save 1"]);
    save_by_rename(&path, "save 2\n");
    // The queue has told of it, and the first run is still there.
    watching.line(&["DELETE"]);
    opener.write_all(b"go\n").unwrap();
    watching.line(&["save 2"]);
    opener.write_all(b"go\n").unwrap();
    watching.stop();
}

#[test]
fn the_last_counted_event_still_has_its_run_and_a_failure_is_told() {
    let watching = Watching::start(&[
        "--timer",
        "1ms",
        "--count",
        "1",
        "--exec",
        "echo ran; exit 3",
    ]);
    watching.line(&["ran"]);
    let sentence = watching.error();
    assert_eq!(sentence, "kevent: the command ended with exit status: 3");
    let (rest, status) = watching.end();
    assert_eq!((rest, status.code()), (Vec::new(), Some(0)));
}

#[test]
fn a_command_starts_with_the_default_action_of_signals() {
    let command = "kill -USR1 $$; echo survived";
    let watching = Watching::start(&[
        "--timer", "1ms", "--signal", "USR1", "--count", "1", "--exec", command,
    ]);
    let sentence = watching.error();
    assert!(sentence.contains("SIGUSR1"), "{sentence}");
    let (rest, _) = watching.end();
    assert!(
        !rest.iter().any(|line| line.contains("survived")),
        "{rest:#?}"
    );
}

#[test]
fn a_second_sigterm_does_not_wait_for_the_run() {
    // It would run until its input ends.
    let command = "echo started; exec cat >/dev/null 2>&1";
    let mut watching = Watching::start(&["--timer", "1ms", "--exec", command]);
    let input = watching.child.stdin.take();
    watching.line(&["started"]);
    watching.send(Signal::TERM);
    // The same signal twice is one to the kernel while the first is pending.
    assert!(watching.error().contains("the command still runs"));
    watching.send(Signal::TERM);
    assert_eq!(watching.end().1.code(), Some(0));
    drop(input);
}

#[test]
fn quiet_leaves_the_output_to_the_command() {
    let arguments = [
        "--quiet", "--timer", "1ms", "--count", "2", "--exec", "echo ran",
    ];
    let output = command(&arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        !text.is_empty() && text.lines().all(|line| line == "ran"),
        "{text}"
    );
    assert!(output.stderr.is_empty());
}
