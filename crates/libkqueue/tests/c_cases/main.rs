//! C programs that use the library as C programs do: `tests/c`.
//!
//! Each program is compiled by gcc or g++ with warnings as errors and linked to the library that
//! stands beside this test; each of its cases runs alone in a process. The programs are built in
//! three ways:
//!
//! - linked to the shared library, with the default binary interface;
//! - `freebsd::`: the same with FreeBSD's interface (`KEVENT_FREEBSD`);
//! - `static::`: linked to `libkqueue.a`.
//!
//! `tests/c/tutorial_server.cpp` is tried by a hundred clients. Environment variables for
//! full-size runs: `KQUEUE_ROUNDS`, `KQUEUE_WAKE_ROUNDS`, `KQUEUE_STRIKES`, `KQUEUE_STORM_TURNS`
//! say how often (see the programs). `KQUEUE_LIBRARY` is the directory of another library to be
//! tried, and `KQUEUE_CFLAGS` are further options for the compilers, such as `-fsanitize=thread`.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

mod build;
mod tutorial;

use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use conformance::harness::{DEADLINE, Limits, run_alone};
use libtest_mimic::{Arguments, Trial};

use build::{Linking, Program, Workshop};

/// Every program of cases, and the ways it is built in.
const PROGRAMS: &[(&str, &[Linking])] = &[
    ("api.c", EVERY_WAY),
    ("border.c", SHARED),
    ("cancel.c", EVERY_WAY),
    ("closed.c", EVERY_WAY),
    ("costs.c", SHARED),
    ("early.cpp", EVERY_WAY),
    ("handler.c", DEFAULT),
    ("lifecycle.c", EVERY_WAY),
    ("loaded.c", SHARED),
    ("preinit.c", EVERY_WAY),
    ("process.c", EVERY_WAY),
    ("rounds.c", DEFAULT),
    ("signal.c", EVERY_WAY),
    ("threads.c", DEFAULT),
    ("uninterposed.c", EVERY_WAY),
];

const EVERY_WAY: &[Linking] = &[Linking::Default, Linking::Freebsd, Linking::Static];
const SHARED: &[Linking] = &[Linking::Default, Linking::Freebsd];
const DEFAULT: &[Linking] = &[Linking::Default];

/// How long a case of full size may take.
const FULL_SIZE_DEADLINE: Duration = Duration::from_secs(1800);

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let workshop = Arc::new(Workshop::new());
    let limits = Limits {
        deadline: if std::env::var_os("KQUEUE_ROUNDS").is_some() {
            FULL_SIZE_DEADLINE
        } else {
            DEADLINE
        },
        shows_output: arguments.nocapture,
    };
    let mut trials = Vec::new();
    for program in build_all(&workshop) {
        for case in program.cases() {
            let name = format!("{}{case}", program.linking.prefix());
            let path = program.path.clone();
            let directory = workshop.directory().to_owned();
            trials.push(Trial::ignorable_test(name.clone(), move || {
                let mut command = Command::new(path);
                // For the program that loads the library by its name.
                command.arg(case).env("LD_LIBRARY_PATH", directory);
                Ok(run_alone(&mut command, &name, &limits)?)
            }));
        }
    }
    for linking in [Linking::Default, Linking::Freebsd] {
        let workshop = Arc::clone(&workshop);
        let name = format!(
            "{}the_tutorials_server_serves_100_clients",
            linking.prefix()
        );
        trials.push(Trial::test(name, move || {
            tutorial::serves_a_hundred_clients(&workshop.build("tutorial_server.cpp", linking));
            Ok(())
        }));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Compiles the programs, as many at a time as there are processors.
fn build_all(workshop: &Workshop) -> Vec<Program> {
    let wanted: Vec<_> = PROGRAMS
        .iter()
        .flat_map(|(source, ways)| ways.iter().map(move |&linking| (*source, linking)))
        .filter(|&(_, linking)| linking != Linking::Static || !workshop.is_sanitized())
        .collect();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let share = wanted.len().div_ceil(processors).max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = wanted
            .chunks(share)
            .map(|share| {
                scope.spawn(move || {
                    let build = |&(source, linking)| workshop.build(source, linking);
                    share.iter().map(build).collect::<Vec<_>>()
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    })
}
