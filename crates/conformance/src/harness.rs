//! Runs the table: each case alone in a process of its own.
//!
//! Cases exhaust limits, reuse descriptor numbers, fork and change signals, so none may share a
//! process with another. The test binary runs itself again for each case with [`CASE_VARIABLE`]
//! set; standard input is null, output is captured, and a case that runs for [`DEADLINE`] is
//! killed with all its descendants. The command line is libtest's: names filter, `--list` lists,
//! and `--nocapture` shows what passing cases say too: the figures that no assertion bounds.
//!
//! `KEVENT_FORCE=name,...` forces fallbacks of the implementation. Only builds with
//! `--cfg kevent_test` read it, so another build refuses to run with it rather than to run the
//! wrong thing.

use std::env;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use crate::case::{Case, Run};
use crate::cases;
use crate::front::Front;

/// Names the one case that this process is to run.
pub const CASE_VARIABLE: &str = "KEVENT_CONFORMANCE_CASE";

/// How long one case may take before it is killed.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The `main` of a test binary that tries `front` against the whole table.
#[must_use]
pub fn main(front: &dyn Front) -> ExitCode {
    run_table(front, &cases::all().collect::<Vec<_>>())
}

/// [`main`] with a table of one's own.
#[must_use]
pub fn run_table(front: &dyn Front, table: &[&'static Case]) -> ExitCode {
    if let Some(forced) = env::var_os("KEVENT_FORCE")
        && !cfg!(kevent_test)
    {
        eprintln!(
            "KEVENT_FORCE={} needs a build with --cfg kevent_test",
            forced.display()
        );
        return ExitCode::FAILURE;
    }
    match env::var(CASE_VARIABLE) {
        Ok(name) => run_here(front, table, &name),
        Err(_) => run_each_in_a_child(table),
    }
}

fn run_here(front: &dyn Front, table: &[&'static Case], name: &str) -> ExitCode {
    let Some(case) = table.iter().find(|case| case.name == name) else {
        eprintln!("no case is named {name}");
        return ExitCode::FAILURE;
    };
    if let Some(reason) = case.gate.closed() {
        Run::new(front).skip(reason);
    }
    if let Some(reason) = front.cannot(&case.id()) {
        Run::new(front).skip(reason);
    }
    (case.run)(&Run::new(front));
    ExitCode::SUCCESS
}

fn run_each_in_a_child(table: &[&'static Case]) -> ExitCode {
    let arguments = Arguments::from_args();
    let shows_output = arguments.nocapture;
    let trial = |case: &'static Case| {
        Trial::ignorable_test(case.name, move || run_in_a_child(case, shows_output))
    };
    let trials = table.iter().copied().map(trial).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn run_in_a_child(case: &Case, shows_output: bool) -> Result<Completion, Failed> {
    let mut command = Command::new(env::current_exe()?);
    command.env(CASE_VARIABLE, case.name);
    let title = format!("{} | {}", case.id(), case.row);
    let limits = Limits {
        deadline: DEADLINE,
        shows_output,
    };
    run_alone(&mut command, case.name, &limits)
        .map_err(|report| Failed::from(format!("{title}\n{report}")))
}

/// How [`run_alone`] runs a program.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long the program may take before it is killed with all its descendants.
    pub deadline: Duration,
    /// Whether what it says is shown where it succeeds, too.
    pub shows_output: bool,
}

/// Runs a program that is one test, `name`: alone in a process group, with nothing to read. It
/// passes by exit code 0, skips by [`Run::SKIPPED`] and a line that begins with `SKIPPED`, and
/// fails otherwise.
///
/// # Errors
/// What the program said, and how it ended.
pub fn run_alone(command: &mut Command, name: &str, limits: &Limits) -> Result<Completion, String> {
    let started = Instant::now();
    let (status, text) = run_to_end(command, limits.deadline)
        .map_err(|error| format!("{name} cannot be run: {error}"))?;
    if limits.shows_output && !text.is_empty() {
        eprint!("{name}:\n{text}");
    }
    if status.success() {
        return Ok(Completion::Completed);
    }
    if status.code() == Some(Run::SKIPPED) {
        let reason = text
            .lines()
            .find(|line| line.starts_with("SKIPPED"))
            .unwrap_or("SKIPPED");
        return Ok(Completion::ignored_with(reason));
    }
    let how = describe(status, started.elapsed(), limits.deadline);
    Err(format!("{how}\n{text}"))
}

/// How the program ended, and what it printed.
fn run_to_end(command: &mut Command, deadline: Duration) -> io::Result<(ExitStatus, String)> {
    let mut output = tempfile::tempfile()?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?)
        .process_group(0)
        .spawn()?;
    let status = wait_or_kill(&mut child, deadline)?;
    Ok((status, read_back(&mut output)?))
}

/// Waits for the child until the deadline; then kills its process group.
fn wait_or_kill(child: &mut Child, allowed: Duration) -> io::Result<ExitStatus> {
    let pid = Pid::from_child(child);
    let ended = pidfd_open(pid, PidfdFlags::empty())?;
    let deadline = Instant::now() + allowed;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&ended, PollFlags::IN)], Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => break,
        }
    }
    // The child is not reaped yet, so the number still names its group. What the case left
    // behind goes as well.
    kill_process_group(pid, Signal::KILL)?;
    child.wait()
}

fn read_back(output: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    output.seek(SeekFrom::Start(0))?;
    output.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn describe(status: ExitStatus, elapsed: Duration, deadline: Duration) -> String {
    if elapsed >= deadline {
        return format!("killed after {} s", deadline.as_secs());
    }
    match status.signal() {
        Some(signal) => format!("died of signal {signal}"),
        None => format!("ended with {status}"),
    }
}
