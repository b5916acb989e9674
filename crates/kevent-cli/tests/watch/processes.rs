//! Processes, and their descendants.

use std::collections::HashSet;
use std::io::Write;
use std::process::{Child, Command, Stdio};

use crate::fixture::Watching;

/// A shell that waits for a line before it runs this.
fn waiting_shell(script: &str) -> Child {
    Command::new("sh")
        .args(["-c", &format!("read line; {script}")])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap()
}

fn go(shell: &mut Child) {
    shell.stdin.take().unwrap().write_all(b"go\n").unwrap();
}

#[test]
fn an_exit_is_told_with_its_status_and_ends_the_watch() {
    let mut shell = waiting_shell("exit 7");
    let pid = shell.id().to_string();
    // Mentioned twice, it is still one process.
    let watching = Watching::start(&["--pid", &pid, &pid]);
    go(&mut shell);
    let line = watching.line(&["PROC", &pid, "EXIT"]);
    assert!(line.ends_with("exit status: 7"), "{line}");
    let (rest, status) = watching.end();
    assert_eq!((rest, status.code()), (Vec::new(), Some(0)));
    // Nothing was reaped behind the parent's back.
    assert_eq!(shell.wait().unwrap().code(), Some(7));
}

#[test]
fn the_watch_ends_with_the_last_of_several_processes() {
    let mut shells = [waiting_shell("exit 1"), waiting_shell("kill -KILL $$")];
    let pids = shells.each_ref().map(|shell| shell.id().to_string());
    let watching = Watching::start(&["--pid", &pids[0], &pids[1]]);
    go(&mut shells[0]);
    watching.line(&[&pids[0], "exit status: 1"]);
    go(&mut shells[1]);
    watching.line(&[&pids[1], "SIGKILL"]);
    assert_eq!(watching.end().1.code(), Some(0));
    for shell in &mut shells {
        shell.wait().unwrap();
    }
}

/// The watch of a tree; none, with the reason printed, where the system does not tell of forks.
fn watching_tree(shell: &mut Child) -> Option<Watching> {
    match Watching::try_start(&["--pid", &shell.id().to_string(), "--tree"]) {
        Ok(watching) => Some(watching),
        Err(sentence) => {
            let is_refusal = sentence.contains("cannot follow the children of process");
            assert!(is_refusal, "{sentence}");
            eprintln!("skipped: {sentence}");
            go(shell);
            shell.wait().unwrap();
            None
        }
    }
}

fn count(lines: &[String], part: &str) -> usize {
    lines.iter().filter(|line| line.contains(part)).count()
}

#[test]
fn a_tree_tells_of_forks_execs_and_exits_to_the_last_descendant() {
    // The first process ends before its descendants do.
    let mut shell = waiting_shell("(sleep 0.1; /bin/true; exit 5) & exit 3");
    let Some(watching) = watching_tree(&mut shell) else {
        return;
    };
    go(&mut shell);
    let (lines, status) = watching.end();
    assert_eq!(status.code(), Some(0));
    let child = format!("child of {}", shell.id());
    assert_eq!(count(&lines, &child), 1, "{lines:#?}");
    assert_eq!(count(&lines, "exit status: 3"), 1, "{lines:#?}");
    assert_eq!(count(&lines, "exit status: 5"), 1, "{lines:#?}");
    // The subshell, sleep and true.
    assert_eq!(count(&lines, "CHILD"), 3, "{lines:#?}");
    assert_eq!(count(&lines, "EXEC"), 2, "{lines:#?}");
    assert_eq!(count(&lines, "EXIT"), 4, "{lines:#?}");
    assert_eq!(shell.wait().unwrap().code(), Some(3));
}

#[test]
fn of_200_short_processes_each_is_told_once_and_in_order() {
    let rounds = "i=0; while [ $i -lt 100 ]; do /bin/true | /bin/true; i=$((i+1)); done; exit 0";
    let mut shell = waiting_shell(rounds);
    let Some(watching) = watching_tree(&mut shell) else {
        return;
    };
    go(&mut shell);
    let (lines, status) = watching.end();
    assert_eq!(status.code(), Some(0));
    assert!(shell.wait().unwrap().success());
    // An ordinary user's buffer in the kernel is small: a loss is told, never silent.
    if count(&lines, "TRACKERR") == 0 {
        assert_eq!(count(&lines, "CHILD"), 200, "{lines:#?}");
        assert_eq!(count(&lines, "EXEC"), 200, "{lines:#?}");
        assert_eq!(count(&lines, "EXIT"), 201, "{lines:#?}");
    }
    let mut alive = HashSet::from([shell.id().to_string()]);
    for line in &lines {
        let pid = line.split_whitespace().nth(2).unwrap();
        if line.contains("CHILD") {
            assert!(alive.insert(pid.to_owned()), "born twice: {line}");
        }
        assert!(alive.contains(pid), "not born, or dead already: {line}");
        if line.contains("EXIT") {
            alive.remove(pid);
        }
    }
    assert!(alive.is_empty(), "{alive:?}");
}
