//! The harness on trial: a case that passes, one that fails, one that dies and three that skip are
//! each reported as what they are.
//!
//! This binary has its own `main`: it runs itself as the test binary of a small table and reads
//! the report.

use std::env;
use std::io;
use std::process::{Command, ExitCode, Output};

use conformance::{Case, Front, Gate, Options, QueueFront, harness};
use libtest_mimic::{Arguments, Failed, Trial};

/// The implementation is not what is tried here.
struct Nothing;

impl Front for Nothing {
    fn name(&self) -> &'static str {
        "nothing"
    }

    fn open(&self, _: Options) -> io::Result<Box<dyn QueueFront>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn is_ignored(&self, _: i32) -> bool {
        false
    }

    fn cannot(&self, id: &str) -> Option<&'static str> {
        (id == "H-07").then_some("it has no words for it")
    }
}

const TABLE: &[Case] = &[
    Case::new("q_h_01_a_case_passes", "nothing | nothing", |t| {
        t.note("a figure")
    }),
    Case::new("q_h_02_a_case_fails", "one | two", |t| {
        t.note("the last words");
        assert_eq!(1, 2, "one is not two");
    }),
    Case::new("q_h_03_a_case_dies", "abort | nothing", |_| {
        std::process::abort()
    }),
    Case::new("q_h_04_a_case_skips_itself", "nothing | nothing", |t| {
        t.skip("no moon")
    }),
    Case::new("q_h_05_a_gate_is_closed", "nothing | nothing", |_| {
        unreachable!("it is closed")
    })
    .needs(Gate::Descriptors(u64::MAX)),
    Case::new(
        "q_h_06_a_case_has_its_own_process",
        "nothing | nothing",
        |_| {
            let stdin = std::fs::read_link("/proc/self/fd/0").expect("standard input");
            assert_eq!(stdin.to_str(), Some("/dev/null"));
        },
    ),
    Case::new("q_h_07_a_front_cannot_ask_it", "nothing | nothing", |_| {
        unreachable!("the front said so")
    }),
];

const INNER: &str = "KEVENT_CONFORMANCE_HARNESS_ON_TRIAL";

fn main() -> ExitCode {
    if env::var_os(INNER).is_some() {
        return harness::run_table(&Nothing, &TABLE.iter().collect::<Vec<_>>());
    }
    let trials = vec![
        Trial::test(
            "each_case_is_reported_as_what_it_is",
            each_case_is_reported_as_what_it_is,
        ),
        Trial::test("names_filter_and_list", names_filter_and_list),
        Trial::test("figures_are_shown_on_demand", figures_are_shown_on_demand),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn each_case_is_reported_as_what_it_is() -> Result<(), Failed> {
    let (is_success, report) = run(&[]);
    assert!(!is_success, "a failure fails the run: {report}");
    for line in [
        "q_h_01_a_case_passes              ... ok",
        "q_h_02_a_case_fails               ... FAILED",
        "q_h_03_a_case_dies                ... FAILED",
        "q_h_04_a_case_skips_itself        ... ignored (SKIPPED: no moon)",
        "q_h_05_a_gate_is_closed           ... ignored (SKIPPED: needs 18446744073709551615",
        "q_h_06_a_case_has_its_own_process ... ok",
        "q_h_07_a_front_cannot_ask_it      ... ignored (SKIPPED: it has no words for it)",
        "H-02 | one | two",
        "the last words",
        "one is not two",
        "died of signal 6",
        "2 passed; 2 failed; 3 ignored",
    ] {
        assert!(report.contains(line), "no {line:?} in: {report}");
    }
    Ok(())
}

fn names_filter_and_list() -> Result<(), Failed> {
    let (is_success, report) = run(&["--exact", "q_h_06_a_case_has_its_own_process"]);
    assert!(
        is_success && report.contains("1 passed; 0 failed"),
        "{report}"
    );
    let (is_success, report) = run(&["--list"]);
    assert!(
        is_success && report.lines().count() == TABLE.len(),
        "{report}"
    );
    Ok(())
}

fn figures_are_shown_on_demand() -> Result<(), Failed> {
    let (is_success, report) = run(&["q_h_01"]);
    assert!(is_success && !report.contains("a figure"), "{report}");
    let (is_success, report) = run(&["q_h_01", "--nocapture"]);
    assert!(is_success && report.contains("note: a figure"), "{report}");
    Ok(())
}

/// Runs the small table; whether that succeeded, and what it printed.
fn run(arguments: &[&str]) -> (bool, String) {
    let this = env::current_exe().expect("this binary");
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(this)
        .args(arguments)
        .env(INNER, "1")
        .env_remove("KEVENT_FORCE")
        .output()
        .expect("this binary runs");
    let report = [stdout, stderr].concat();
    (
        status.success(),
        String::from_utf8_lossy(&report).into_owned(),
    )
}
