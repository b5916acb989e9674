//! Running a program under strace or callgrind, with N turns and with 2 N.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::scenario::Scenario;
use super::strace::{self, Calls};

/// Turns of the shorter run.
pub(crate) const TURNS: u32 = 100;

/// Whether strace is there and may look at a process, which some containers forbid.
///
/// # Errors
/// What to do about it.
pub(crate) fn check_strace() -> Result<(), String> {
    check(under_strace(Path::new("/dev/null")))
}

/// Whether valgrind is there and works.
///
/// # Errors
/// What to do about it.
pub(crate) fn check_valgrind() -> Result<(), String> {
    check(under_callgrind(Path::new("/dev/null")))
}

fn check(mut tool: Command) -> Result<(), String> {
    let name = tool.get_program().to_string_lossy().into_owned();
    match tool.arg("true").stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let message = String::from_utf8_lossy(&output.stderr).into_owned();
            let last = message.lines().last().unwrap_or_default();
            Err(format!("{name} does not work here: {last}"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(format!("{name} is not installed (apt-get install {name})"))
        }
        Err(error) => Err(format!("{name}: {error}")),
    }
}

/// System calls of one turn, by name; of the crate, or of the C library at this path.
pub(crate) fn calls_per_turn(
    scenario: &Scenario,
    library: Option<&Path>,
) -> io::Result<BTreeMap<String, f64>> {
    let fewer = calls(scenario, library, TURNS)?;
    let more = calls(scenario, library, 2 * TURNS)?;
    Ok(strace::per_turn(&fewer, &more, TURNS))
}

fn calls(scenario: &Scenario, library: Option<&Path>, turns: u32) -> io::Result<Calls> {
    let file = Scratch::new("strace")?;
    let mut command = under_strace(file.path());
    add_scenario(&mut command, scenario, turns)?;
    if let Some(library) = library {
        command.arg("--library").arg(library);
    }
    run(&mut command)?;
    Ok(strace::parse(&file.read()?))
}

/// Instructions of one turn.
pub(crate) fn instructions_per_turn(scenario: &Scenario) -> io::Result<f64> {
    let fewer = instructions(scenario, TURNS)?;
    let more = instructions(scenario, 2 * TURNS)?;
    Ok((more - fewer) / f64::from(TURNS))
}

fn instructions(scenario: &Scenario, turns: u32) -> io::Result<f64> {
    let log = Scratch::new("callgrind")?;
    let mut command = under_callgrind(log.path());
    run(add_scenario(&mut command, scenario, turns)?)?;
    collected(&log.read()?)
}

/// `strace -c` that writes its table to `table`.
pub(crate) fn under_strace(table: &Path) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-c", "-o"]).arg(table).arg("--");
    command
}

/// callgrind that writes its messages, with the count, to `log`, and no profile.
pub(crate) fn under_callgrind(log: &Path) -> Command {
    let mut log_option = std::ffi::OsString::from("--log-file=");
    log_option.push(log);
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(log_option);
    command
}

/// The number of instructions in callgrind's messages.
pub(crate) fn collected(log: &str) -> io::Result<f64> {
    let number = log.lines().rev().find_map(|line| {
        let (_, number) = line.split_once("Collected :")?;
        number.trim().parse().ok()
    });
    number.ok_or_else(|| io::Error::other(format!("callgrind printed no count, but: {log}")))
}

fn add_scenario<'c>(
    command: &'c mut Command,
    scenario: &Scenario,
    turns: u32,
) -> io::Result<&'c mut Command> {
    Ok(command
        .arg(std::env::current_exe()?)
        .arg("scenario")
        .arg(scenario.name)
        .arg(turns.to_string()))
}

fn run(command: &mut Command) -> io::Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(command, &error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(failed(command, &format!("{}: {message}", output.status)))
}

fn failed(command: &Command, message: &str) -> io::Error {
    let program = command.get_program().to_string_lossy();
    io::Error::other(format!("{program}: {message}"))
}

/// A file that goes away again.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Its name; nothing is created yet.
    pub(crate) fn new(purpose: &str) -> io::Result<Self> {
        let name = format!("kevent-bench-{}-{purpose}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // What an earlier process of this number left is not our result.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(Self(path)),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// What somebody wrote into it.
    pub(crate) fn read(&self) -> io::Result<String> {
        fs::read_to_string(&self.0)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It was perhaps never written.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_count_of_callgrind_is_taken() {
        let log = "==7== Callgrind, a call-graph generating cache profiler\n\
                   ==7== Collected : 12\n==7== \n==7== Collected : 345678\n";
        assert_eq!(collected(log).unwrap(), 345_678.0);
        assert!(collected("==7== nothing\n").is_err());
    }
}
