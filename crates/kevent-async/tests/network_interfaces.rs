//! Network interfaces: changes are told to those who asked for all and to those who asked for one.

#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

mod fixture;

use std::io;
use std::process::Command;

use fixture::run;
use futures_lite::future::poll_once;
use kevent::NoteNetdev;
use kevent_async::{NetworkInterfaces, spawn, yield_now};

/// ip(8).
fn ip(arguments: &[&str]) -> bool {
    Command::new("ip")
        .args(arguments)
        .status()
        .is_ok_and(|status| status.success())
}

/// The index of an interface of this network namespace.
fn index_of(name: &str) -> u32 {
    let output = Command::new("ip")
        .args(["-o", "link", "show", name])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split(':').next().unwrap().parse().unwrap()
}

/// Runs the tests below in a network namespace of their own, where interfaces may be changed.
#[test]
fn in_a_namespace_of_its_own() {
    let is_possible = ["ip", "unshare"]
        .iter()
        .all(|program| Command::new(program).arg("-V").output().is_ok())
        && Command::new("unshare")
            .args(["-rn", "ip", "link", "set", "lo", "up"])
            .output()
            .is_ok_and(|output| output.status.success());
    if !is_possible {
        eprintln!("SKIPPED: no network namespaces for us here");
        return;
    }
    for name in ["a_change_is_told", "a_removed_interface_ends_its_source"] {
        let output = Command::new("unshare")
            .arg("-rn")
            .arg(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", name, "--nocapture"])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{name}: {output:?}"
        );
    }
}

#[test]
#[ignore = "needs a network namespace: in_a_namespace_of_its_own runs it"]
fn a_change_is_told() {
    run(|| async {
        let mut every = NetworkInterfaces::new()?;
        let mut one = NetworkInterfaces::one(index_of("lo"))?;
        assert!(poll_once(every.changed()).await.is_none());
        assert!(ip(&["link", "set", "lo", "up"]));
        assert_eq!(one.changed().await?, NoteNetdev::LINKUP);
        assert!(every.changed().await?.contains(NoteNetdev::LINKUP));
        let waiting = spawn(async move { one.changed().await });
        yield_now().await;
        assert!(ip(&["link", "set", "lo", "down"]));
        assert_eq!(waiting.await?, NoteNetdev::LINKDOWN);
        Ok::<(), io::Error>(())
    })
    .unwrap();
}

#[test]
#[ignore = "needs a network namespace: in_a_namespace_of_its_own runs it"]
fn a_removed_interface_ends_its_source() {
    if !ip(&["link", "add", "kq0", "type", "veth", "peer", "name", "kq1"]) {
        eprintln!("SKIPPED: interfaces cannot be made here");
        return;
    }
    run(|| async {
        let mut one = NetworkInterfaces::one(index_of("kq0"))?;
        assert!(ip(&["link", "delete", "kq0"]));
        while !one.changed().await?.contains(NoteNetdev::LINKINV) {}
        let end = one.changed().await.unwrap_err();
        assert_eq!(end.raw_os_error(), Some(libc::ENXIO));
        Ok::<(), io::Error>(())
    })
    .unwrap();
}

#[test]
fn an_interface_that_is_not_there_is_refused() {
    let refused = run(|| async { NetworkInterfaces::one(0x7fff_0000).unwrap_err() });
    assert_eq!(refused.raw_os_error(), Some(libc::ENXIO));
}
