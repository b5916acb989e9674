//! `user`: the process becomes somebody else in all its threads.

mod fixture;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use fixture::Site;
use fixture::process::command;
use rustix::process::getuid;

#[test]
fn no_thread_keeps_the_rights_of_root() {
    if !getuid().is_root() {
        eprintln!("SKIPPED: only root can become another user");
        return;
    }
    let site = Site::new();
    let path = site.configure(
        "workers = 3\nuser = \"65534\"\ngroup = \"65534\"\n\
         [[server]]\nlisten = \"127.0.0.1:0\"\nroot = \"root\"\n",
    );
    let mut child = command()
        .args(["run", "-c"])
        .arg(path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let output = child.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    assert!(line.starts_with("Serving "), "{line}");
    let mut thread_count = 0;
    for task in fs::read_dir(format!("/proc/{}/task", child.id())).unwrap() {
        let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let value = |key: &str| {
            let line = status.lines().find(|line| line.starts_with(key));
            let words = line.unwrap().split_whitespace().skip(1);
            words.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(value("Uid:"), ["65534"; 4]);
        assert_eq!(value("Gid:"), ["65534"; 4]);
        assert!(!value("Groups:").contains(&"0".to_owned()));
        assert_eq!(value("CapEff:"), ["0000000000000000"]);
        thread_count += 1;
    }
    assert!(thread_count >= 4, "{thread_count}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn somebody_else_is_told_that_it_needs_root() {
    if getuid().is_root() {
        eprintln!("SKIPPED: root can become another user");
        return;
    }
    let site = Site::new();
    let path =
        site.configure("user = \"root\"\n[[server]]\nlisten = \"127.0.0.1:0\"\nroot = \"root\"\n");
    let output = command().args(["run", "-c"]).arg(path).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(
        complaint.contains("cannot become the user root"),
        "{complaint}"
    );
}
