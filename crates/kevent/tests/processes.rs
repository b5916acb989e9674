//! Processes in numbers: many children, many rounds, many descendants, and nothing left behind.
//!
//! `KEVENT_PROCESS_ROUNDS` sets how many rounds the long tests make; the full size is 10,000 and the
//! default takes a second. One process, one test at a time: they count this process's descriptors and children.
#![expect(clippy::unwrap_used, reason = "a test says so by panicking")]
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use kevent::{Events, Kevent, Kqueue, NoteProc};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// The tests take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn rounds(default: usize) -> usize {
    std::env::var("KEVENT_PROCESS_ROUNDS").map_or(default, |word| word.parse().unwrap())
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Waits for at least one event.
fn wait(queue: &Kqueue, events: &mut Events) {
    let deadline = Some(Duration::from_secs(10));
    assert_ne!(queue.wait(&[], events, deadline).unwrap(), 0, "in time");
}

fn shell(script: &str) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().unwrap()
}

fn has_process_events(queue: &Kqueue) -> bool {
    let own = Kevent::proc(std::process::id(), NoteProc::FORK);
    match queue.apply(&[own]) {
        Ok(()) => {
            queue.apply(&[own.delete()]).unwrap();
            true
        }
        Err(error) => {
            assert_eq!(error.raw_os_error(), Some(libc::ENOTSUP));
            eprintln!("SKIPPED: there are no process events here");
            false
        }
    }
}

#[test]
fn every_exit_is_told_once_with_its_status() {
    let _alone = alone();
    let queue = Kqueue::new().unwrap();
    let mut events = Events::with_capacity(64);
    let before = descriptors();
    let (mut started, total) = (0, rounds(1000));
    let mut children: BTreeMap<usize, (Child, i32)> = BTreeMap::new();
    while started < total || !children.is_empty() {
        while started < total && children.len() < 32 {
            let code = i32::try_from(started % 251).unwrap();
            let child = Command::new("/bin/sh")
                .args(["-c", &format!("exit {code}")])
                .spawn()
                .unwrap();
            queue
                .apply(&[Kevent::proc(child.id(), NoteProc::EXIT)])
                .unwrap();
            children.insert(child.id() as usize, (child, code));
            started += 1;
        }
        wait(&queue, &mut events);
        for event in &events {
            let (mut child, code) = children.remove(&event.ident).expect("each once");
            assert_eq!(
                event.exit_status().and_then(|status| status.code()),
                Some(code)
            );
            assert_eq!(
                child.wait().unwrap().code(),
                Some(code),
                "it was not reaped"
            );
        }
    }
    assert_eq!(descriptors(), before);
}

#[test]
fn adding_and_deleting_leaves_nothing_behind() {
    let _alone = alone();
    let queue = Kqueue::new().unwrap();
    let mut child = shell("read x");
    let pid = Pid::from_child(&child);
    let fd: OwnedFd = pidfd_open(pid, PidfdFlags::empty()).unwrap();
    let mut notes = NoteProc::EXIT;
    if has_process_events(&queue) {
        notes |= NoteProc::FORK | NoteProc::TRACK;
    }
    let before = descriptors();
    for _ in 0..10 * rounds(200) {
        let by_number = Kevent::proc(child.id(), notes);
        let by_descriptor = Kevent::procdesc(&fd, NoteProc::EXIT);
        queue.apply(&[by_number, by_descriptor]).unwrap();
        queue
            .apply(&[by_number.delete(), by_descriptor.delete()])
            .unwrap();
    }
    assert_eq!(descriptors(), before);
    drop(child.stdin.take());
    child.wait().unwrap();
    let mut events = Events::with_capacity(8);
    queue.wait(&[], &mut events, Some(Duration::ZERO)).unwrap();
    assert!(events.is_empty());
}

/// What a process tree did, as its events tell it.
#[derive(Default)]
struct Tree {
    alive: BTreeSet<usize>,
    births: usize,
    execs: usize,
    exits: BTreeMap<i64, usize>,
}

impl Tree {
    fn note(&mut self, event: &Kevent) {
        let notes = NoteProc::from_bits_retain(event.fflags);
        assert!(!notes.contains(NoteProc::TRACKERR), "nothing was lost");
        if notes.contains(NoteProc::CHILD) {
            let parent = usize::try_from(event.data).unwrap();
            assert!(
                self.alive.contains(&parent),
                "a parent that was born, and lives"
            );
            assert!(self.alive.insert(event.ident), "born once");
            self.births += 1;
        } else {
            assert!(self.alive.contains(&event.ident), "born before: {event:?}");
        }
        self.execs += usize::from(notes.contains(NoteProc::EXEC));
        if notes.contains(NoteProc::EXIT) {
            self.alive.remove(&event.ident);
            *self.exits.entry(event.data).or_default() += 1;
        }
    }
}

/// A shell starts 200 short programs; each birth, exec and exit is told once, births first.
/// Without privilege the kernel's buffer is small; then lost events are said to be lost, and this
/// test, which wants none, is for root.
#[test]
fn a_shell_of_two_hundred_programs_is_followed_exactly() {
    let _alone = alone();
    let queue = Kqueue::new().unwrap();
    if !has_process_events(&queue) || !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: needs root and process events");
        return;
    }
    let mut child = shell(
        "echo started; read x; i=0; while [ $i -lt 200 ]; do /bin/true & i=$((i+1)); done; wait; \
         exit 7",
    );
    let mut started = [0; 8];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut started)
        .unwrap();
    let root = child.id() as usize;
    let notes = NoteProc::TRACK | NoteProc::EXEC | NoteProc::EXIT;
    queue.apply(&[Kevent::proc(child.id(), notes)]).unwrap();
    child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    let mut tree = Tree::default();
    tree.alive.insert(root);
    let mut events = Events::with_capacity(16);
    while !tree.alive.is_empty() {
        wait(&queue, &mut events);
        events.iter().for_each(|event| tree.note(event));
    }
    assert_eq!((tree.births, tree.execs), (200, 200));
    assert_eq!(tree.exits, BTreeMap::from([(0, 200), (7 << 8, 1)]));
    child.wait().unwrap();
}

/// A queue that does not look in time has the descendants that are already gone, too.
#[test]
fn descendants_that_are_gone_are_told_of_in_order() {
    let _alone = alone();
    let queue = Kqueue::new().unwrap();
    if !has_process_events(&queue) {
        return;
    }
    let mut child = shell("echo started; read x; (exit 3); (exit 4); exit 5");
    let mut started = [0; 8];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut started)
        .unwrap();
    let notes = NoteProc::TRACK | NoteProc::EXIT;
    queue
        .apply(&[Kevent::proc(child.id(), notes).udata(9)])
        .unwrap();
    drop(child.stdin.take());
    child.wait().unwrap();
    let mut events = Events::with_capacity(16);
    let mut seen = Vec::new();
    while seen.len() < 5 {
        wait(&queue, &mut events);
        seen.extend(events.iter().copied());
    }
    let told: Vec<_> = seen
        .iter()
        .map(|event| (event.fflags, event.data))
        .collect();
    let born = (NoteProc::CHILD.bits(), i64::from(child.id()));
    let over = |code: i64| (NoteProc::EXIT.bits(), code << 8);
    assert_eq!(told[..4], [born, over(3), born, over(4)]);
    assert_eq!(told[4].0, NoteProc::EXIT.bits());
    assert!(seen.iter().all(|event| event.udata == 9));
}

/// EV_DELETE of a followed child takes the notice of its birth along, and nothing comes after it.
#[test]
fn deleting_a_child_deletes_its_notice() {
    let _alone = alone();
    let queue = Kqueue::new().unwrap();
    if !has_process_events(&queue) {
        return;
    }
    let mut child = shell("exec 3<&0; echo started; read x; (read x <&3; exit 3) & echo $!; wait");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "started");
    let follow = Kevent::proc(child.id(), NoteProc::TRACK);
    queue.apply(&[follow]).unwrap();
    child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    let grandchild = lines.next().unwrap().unwrap().parse().unwrap();
    let delete = Kevent::proc(grandchild, NoteProc::empty()).delete();
    queue.apply(&[delete]).unwrap();
    let again = queue.apply(&[delete]).unwrap_err();
    assert_eq!(again.raw_os_error(), Some(libc::ENOENT));
    let mut events = Events::with_capacity(8);
    queue.wait(&[], &mut events, Some(Duration::ZERO)).unwrap();
    assert!(events.is_empty());
    drop(child.stdin.take());
    child.wait().unwrap();
}

/// The library's thread leaves the program's signals to the program's threads.
#[test]
fn the_thread_takes_no_signals() {
    let _alone = alone();
    let queue = Kqueue::new().unwrap();
    if !has_process_events(&queue) {
        return;
    }
    let read = |task: &Path, name: &str| std::fs::read_to_string(task.join(name)).unwrap();
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let mut paths = tasks.map(|task| task.unwrap().path());
    let service = paths
        .find(|task| read(task, "comm").trim() == "kevent-proc")
        .expect("the thread has its name");
    let status = read(&service, "status");
    let blocked = status
        .lines()
        .find_map(|line| line.strip_prefix("SigBlk:"))
        .map(|mask| u64::from_str_radix(mask.trim(), 16).unwrap())
        .expect("a mask");
    for signal in [libc::SIGHUP, libc::SIGTERM, libc::SIGCHLD, libc::SIGUSR1] {
        assert_ne!(blocked & (1 << (signal - 1)), 0, "{signal}");
    }
}

#[test]
fn notes_that_mean_nothing_are_refused() {
    let _alone = alone();
    let queue = Kqueue::new().unwrap();
    let own = Kevent::proc(std::process::id(), NoteProc::EXIT);
    let state_changes = 0x1000_0000;
    for (notes, errno) in [(state_changes, libc::ENOTSUP), (0x0100_0000, libc::EINVAL)] {
        let refused = queue.apply(&[own.fflags(own.fflags | notes)]);
        assert_eq!(refused.unwrap_err().raw_os_error(), Some(errno));
    }
}

#[test]
fn a_descriptor_tells_of_forks_with_the_last_childs_number() {
    let _alone = alone();
    let queue = Kqueue::new().unwrap();
    if !has_process_events(&queue) {
        return;
    }
    let mut child = shell("exec 3<&0; echo started; read x; read x <&3 & echo $!; wait; exit 7");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "started");
    let fd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).unwrap();
    let notes = NoteProc::FORK | NoteProc::EXIT;
    queue.apply(&[Kevent::procdesc(&fd, notes)]).unwrap();
    child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    let grandchild: i64 = lines.next().unwrap().unwrap().parse().unwrap();
    let mut events = Events::with_capacity(8);
    wait(&queue, &mut events);
    assert_eq!(
        (events[0].fflags, events[0].data),
        (NoteProc::FORK.bits(), grandchild)
    );
    drop(child.stdin.take());
    wait(&queue, &mut events);
    assert_eq!(
        (events[0].fflags, events[0].data),
        (NoteProc::EXIT.bits(), 7 << 8)
    );
    child.wait().unwrap();
}

/// A short eventlist gives what happened piece by piece, and forgets nothing.
#[test]
fn a_short_eventlist_loses_nothing() {
    let _alone = alone();
    let queue = Kqueue::new().unwrap();
    let children: Vec<_> = (0..20).map(|code| shell(&format!("exit {code}"))).collect();
    for child in &children {
        queue
            .apply(&[Kevent::proc(child.id(), NoteProc::EXIT)])
            .unwrap();
    }
    let mut events = Events::with_capacity(1);
    let mut seen = BTreeMap::new();
    while seen.len() < children.len() {
        wait(&queue, &mut events);
        let code = events[0].exit_status().and_then(|status| status.code());
        assert_eq!(seen.insert(events[0].ident, code), None, "each once");
    }
    for (mut child, code) in children.into_iter().zip(0..) {
        assert_eq!(seen[&(child.id() as usize)], Some(code));
        assert_eq!(child.wait().unwrap().code(), Some(code));
    }
}
