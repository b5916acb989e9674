//! A service without a thread, whose socket has room for a few events only.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::News;
use super::service::Service;
use crate::flags::{Filter, NoteProc};
use crate::source::wake::{Doorbell, Home};
use crate::sys::{self, process_events as connector};

/// Two hundred children come and go while nobody reads; then one that stays.
const SCRIPT: &str = "exec 3<&0; echo started; read x; i=0
    while [ $i -lt 200 ]; do (exit 0); i=$((i+1)); done
    (read x <&3) & echo $!; wait";

#[test]
fn lost_events_are_said_to_be_and_made_good() {
    let Ok(socket) = connector::socket() else {
        eprintln!("SKIPPED: no process events here");
        return;
    };
    connector::tests::shrink(socket.as_fd());
    if connector::listen(socket.as_fd(), 1).is_err() {
        eprintln!("SKIPPED: no process events here");
        return;
    }
    let service = Arc::new(Service::new(socket));
    let set = sys::epoll::create().unwrap();
    let doorbell = Arc::new(Doorbell::new(set.as_raw_fd(), 1, Arc::new(Home::new())).unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-c", SCRIPT]);
    let mut shell = shell
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(shell.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "started");

    let pid = i32::try_from(shell.id()).unwrap();
    let key = (Filter::PROC, shell.id() as usize);
    let subscription = service.enter(&doorbell, key, pid, NoteProc::TRACK);
    shell.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    let stays: i32 = lines.next().unwrap().unwrap().parse().unwrap();
    service.catch_up();

    let (letters, is_lossy) = doorbell.mailbox().take();
    assert!(!is_lossy, "the mailbox had room");
    let of_shell = letters
        .iter()
        .filter(|letter| letter.subscription == subscription.number());
    let mut is_said = false;
    let mut found = 0;
    for letter in of_shell {
        match &letter.news {
            News::Lost => is_said = true,
            News::Forked {
                child, followed, ..
            } if *child == stays => {
                assert!(is_said, "found after the loss was noticed");
                assert_eq!(followed.as_ref().map(|s| s.pid()), Some(stays));
                found += 1;
            }
            _ => {}
        }
    }
    assert!(
        is_said && letters.len() < 400,
        "events were lost, and said to be"
    );
    assert_eq!(found, 1, "the one that stays is found");
    assert!(doorbell.is_armed());
    shell.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    shell.wait().unwrap();
}
