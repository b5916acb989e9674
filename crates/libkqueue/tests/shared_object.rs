//! The shared library that `cargo build` makes: its name, its symbols, and that it stays loaded.
//!
//! What `cargo cinstall` makes of it is looked at by `scripts/check-install`.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

use std::path::PathBuf;
use std::process::Command;

/// Cargo builds it before this test, next to the directory of the test programs.
fn shared_object() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().join("libkqueue.so");
    assert!(path.exists(), "{} was not built", path.display());
    path
}

fn printed_by(program: &str, option: &str) -> String {
    let output = Command::new(program)
        .args([option, "--wide"])
        .arg(shared_object())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; install binutils"));
    assert!(output.status.success(), "{program}: {}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn q_c_03_the_functions_are_exported_by_libkqueue_so_0() {
    let dynamic = printed_by("readelf", "--dynamic");
    assert!(dynamic.contains("soname: [libkqueue.so.0]"), "{dynamic}");

    let symbols = printed_by("readelf", "--dyn-syms");
    for name in [
        "kqueue",
        "kqueue1",
        "kqueuex",
        "kevent",
        "kevent_freebsd",
        "libkqueue_drain_pending_close",
    ] {
        let is_exported = symbols.lines().any(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            words.contains(&"FUNC")
                && words.contains(&"GLOBAL")
                && !words.contains(&"UND")
                && words.last() == Some(&name)
        });
        assert!(is_exported, "{name}\n{symbols}");
    }
}

#[test]
fn the_library_stays_when_a_program_closes_it() {
    let dynamic = printed_by("readelf", "--dynamic");
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
}
