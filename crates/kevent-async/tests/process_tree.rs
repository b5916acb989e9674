//! Process trees: each birth, exec and exit, once, to everyone who asked.

mod fixture;

use std::collections::BTreeSet;
use std::io;
use std::process::{Command, Stdio};

use fixture::run;
use kevent_async::{Child, ProcessEvent, ProcessTree};

/// A shell that waits for the end of its input, then runs `script`.
fn shell(script: &str) -> io::Result<Child> {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("read line; {script}")]);
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    Child::spawn(&mut command)
}

/// Follows a process; `None` where the system does not tell of processes.
fn follow(child: &Child) -> Option<ProcessTree> {
    match ProcessTree::new(child.id()) {
        Ok(tree) => Some(tree),
        Err(error) => {
            assert_eq!(error.raw_os_error(), Some(libc::ENOTSUP));
            eprintln!("SKIPPED: there are no process events here");
            None
        }
    }
}

async fn all_of(tree: &mut ProcessTree) -> io::Result<Vec<ProcessEvent>> {
    let mut events = Vec::new();
    while let Some(event) = tree.next().await? {
        events.push(event);
    }
    Ok(events)
}

/// Checks that every process that was born has ended, once each, and gives their number.
#[track_caller]
fn check(root: u32, events: &[ProcessEvent]) -> usize {
    let mut alive = BTreeSet::from([root]);
    let mut births = 0;
    for event in events {
        match *event {
            ProcessEvent::Born { pid, parent } => {
                assert!(alive.contains(&parent), "{parent} in {events:?}");
                assert!(alive.insert(pid), "{pid} twice in {events:?}");
                births += 1;
            }
            ProcessEvent::Executed { pid } => assert!(alive.contains(&pid), "{pid} in {events:?}"),
            ProcessEvent::Exited { pid, .. } => assert!(alive.remove(&pid), "{pid} in {events:?}"),
            _ => panic!("lost some: {events:?}"),
        }
    }
    assert!(alive.is_empty(), "{alive:?} left in {events:?}");
    births
}

#[test]
fn every_descendant_is_told_of() {
    run(|| async {
        let mut root = shell("(sh -c 'true; exit 4'; exit 3) | cat; exit 7")?;
        let Some(mut tree) = follow(&root) else {
            return Ok(());
        };
        assert_eq!(tree.alive_count(), 1);
        drop(root.stdin.take());
        let events = all_of(&mut tree).await?;
        // The two sides of the pipe, and the inner shell.
        assert_eq!(check(root.id(), &events), 3, "{events:?}");
        let codes: BTreeSet<_> = events
            .iter()
            .filter_map(|event| match event {
                ProcessEvent::Exited { status, .. } => status.code(),
                _ => None,
            })
            .collect();
        assert_eq!(codes, BTreeSet::from([0, 3, 4, 7]), "{events:?}");
        assert!(
            events
                .iter()
                .any(|event| matches!(event, ProcessEvent::Executed { .. }))
        );
        assert_eq!(tree.next().await?, None, "and so it stays");
        root.status().await.map(drop)
    })
    .unwrap();
}

#[test]
fn two_trees_follow_the_same_processes() {
    run(|| async {
        let mut root = shell("/bin/true; (exit 2); exit 0")?;
        let (Some(mut first), Some(mut second)) = (follow(&root), follow(&root)) else {
            return Ok(());
        };
        drop(root.stdin.take());
        let seen = [all_of(&mut first).await?, all_of(&mut second).await?];
        for events in &seen {
            assert_eq!(check(root.id(), events), 2, "{events:?}");
        }
        root.status().await.map(drop)
    })
    .unwrap();
}

#[test]
fn a_child_that_outlives_its_parents_is_followed_to_its_end() {
    run(|| async {
        for _ in 0..50 {
            let mut root = shell("(sleep 0.02; exit 2) & exit 0")?;
            let Some(mut tree) = follow(&root) else {
                break;
            };
            drop(root.stdin.take());
            let events = all_of(&mut tree).await?;
            assert_eq!(check(root.id(), &events), 2, "{events:?}");
            root.status().await?;
        }
        Ok::<(), io::Error>(())
    })
    .unwrap();
}

#[test]
fn a_dropped_tree_tells_the_next_one_nothing() {
    run(|| async {
        let mut former = shell("/bin/true; /bin/true")?;
        let Some(tree) = follow(&former) else {
            return Ok(());
        };
        drop(former.stdin.take());
        drop(tree);
        let mut root = shell("(exit 2); exit 0")?;
        let Some(mut tree) = follow(&root) else {
            return Ok(());
        };
        drop(root.stdin.take());
        let events = all_of(&mut tree).await?;
        assert_eq!(check(root.id(), &events), 1, "{events:?}");
        former.status().await?;
        root.status().await.map(drop)
    })
    .unwrap();
}

#[test]
fn nobody_cannot_be_followed() {
    run(|| async {
        let mut child = shell("exit")?;
        child.status().await?;
        let refused = ProcessTree::new(child.id()).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::ESRCH));
        Ok::<(), io::Error>(())
    })
    .unwrap();
}
