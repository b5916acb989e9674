//! Calls of the C library that this library stands in front of, made by C programs: `close` and
//! its relatives, `sigaction` and its own, `execve`. Each case runs in a process of its own.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use tempfile::TempDir;

/// The programs, and the library under the name that they ask for.
struct Built {
    place: TempDir,
}

static BUILT: LazyLock<Built> = LazyLock::new(|| {
    let place = tempfile::tempdir().unwrap();
    // Cargo builds it before this test, next to the directory of the test programs.
    let test = std::env::current_exe().unwrap();
    let library = test.parent().unwrap().join("libkqueue.so");
    for name in ["libkqueue.so.0", "libkqueue.so"] {
        std::os::unix::fs::symlink(&library, place.path().join(name)).unwrap();
    }
    for name in ["interpose_descriptor", "interpose_signal"] {
        compile(name, place.path());
    }
    Built { place }
});

fn compile(name: &str, place: &Path) {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("gcc")
        .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-g"])
        .arg("-Wno-deprecated-declarations")
        .arg("-I")
        .arg(here.join("include"))
        .arg(here.join("tests/c").join(name).with_extension("c"))
        .arg("-o")
        .arg(place.join(name))
        .arg("-L")
        .arg(place)
        .args(["-lkqueue", "-lpthread"])
        .output()
        .unwrap_or_else(|error| panic!("gcc: {error}; install gcc"));
    assert!(output.status.success(), "{}", said(&output));
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn run(program: &str, case: &str, is_on: bool) {
    let place = BUILT.place.path();
    let mut command = Command::new(place.join(program));
    command.arg(case).env("LD_LIBRARY_PATH", place);
    if is_on {
        command.env_remove("KQUEUE_INTERPOSE");
    } else {
        command.env("KQUEUE_INTERPOSE", "0");
    }
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{program} {case}: {}\n{}",
        output.status,
        said(&output)
    );
}

macro_rules! cases {
    ($program:literal: $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                run($program, stringify!($case), true);
            }
        )*
    };
}

mod descriptor {
    use super::run;

    cases! { "interpose_descriptor":
        by_close by_dup2 by_range
        a_queue_below_survives_closefrom a_queue_below_survives_a_loop everything_is_closed
        by_stream by_directory queue_by_stream
        duplicates an_unseen_duplicate a_moved_queue_still_hears a_queue_is_replaced
        a_waiter_is_woken_by_close a_waiter_is_woken_by_dup2
        cancelled in_a_child in_a_raw_child in_a_vfork_child forks_in_a_storm
        closed_in_a_handler the_first_three_are_the_programs
    }

    #[test]
    fn switched_off() {
        run("interpose_descriptor", "switched_off", false);
    }
}

mod signal {
    use super::run;

    cases! { "interpose_signal":
        before_or_after a_view_uncounted a_view_counted sigset_family once in_handlers races
        executed in_a_vfork_child in_a_child
    }

    #[test]
    fn switched_off() {
        run("interpose_signal", "a_view_uncounted", false);
    }
}
