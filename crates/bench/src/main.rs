//! `bench`: measures the queue and the server beside their floors and their peers.
//!
//! | module | what |
//! |---|---|
//! | `queue` | the cases Q1 to Q11 |
//! | `web`, `serve` | the cases W1 to W13, and the small servers they are compared with |
//! | `count` | instructions and system calls, and their budgets |
//! | `rounds`, `statistics` | the method: interleaved rounds, ratios, intervals, verdicts |
//! | `report`, `table`, `plot` | values, text, charts |
//! | `sys` | the only unsafe code |
//!
//! `docs/benchmarks/README.md` says how to run it and what each row means.

#[cfg(not(target_os = "linux"))]
compile_error!("the benchmarks compare with epoll and read /proc: they run on Linux only");

mod arguments;
mod build;
mod count;
mod machine;
mod plot;
mod processor;
mod progress;
mod queue;
mod report;
mod rounds;
mod serve;
mod statistics;
mod sys;
mod table;
mod web;

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command, Run};
use machine::Machine;
use queue::side::{CQueue, Data, OURS_IN_C, RustQueue};
use report::Report;
use rounds::Kit;
use sys::library::Library;

/// Counts nothing unless a case asks for it.
#[global_allocator]
static ALLOCATOR: sys::allocator::Counting = sys::allocator::Counting;

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            // Nothing is left to do if even this cannot be written.
            let _ = writeln!(io::stderr(), "bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> io::Result<ExitCode> {
    match command {
        Command::Queue(options) => measure("queue", &options)?,
        Command::Web(options) => measure("web", &options)?,
        Command::All(options) => measure("all", &options)?,
        Command::Guard(options) => {
            let (text, is_kept) = count::guard::run(&options)?;
            write!(io::stdout(), "{text}")?;
            return Ok(if is_kept {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
        Command::Plot { json, directory } => {
            let report: Report = serde_json::from_str(&fs::read_to_string(json)?)?;
            plot::draw(&report, &directory)?;
        }
        Command::Scenario {
            name,
            turns,
            library,
        } => run_scenario(&name, turns, library.as_deref())?,
        Command::Serve(options) => serve::run(&options)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn run_scenario(name: &str, turns: u32, library: Option<&Path>) -> io::Result<()> {
    let scenario = count::scenario::named(name);
    let scenario = scenario.ok_or_else(|| io::Error::other(format!("no scenario {name}")))?;
    match library {
        None => (scenario.run)(&mut RustQueue::new(Data::With)?, turns),
        Some(path) => {
            let library = Library::open(OURS_IN_C, path)?;
            (scenario.run)(&mut CQueue::new(&library)?, turns)
        }
    }
}

fn measure(group: &str, options: &Run) -> io::Result<()> {
    let mut machine = Machine::describe();
    // Before anything narrows them.
    processor::all()?;
    let mut kit = Kit::new(options.quick);
    if let Some(warning) = machine.distrust() {
        writeln!(io::stderr(), "WARNING: {warning}")?;
    }
    if group != "web" {
        queue::run(&mut kit, options)?;
    }
    if group != "queue" {
        web::run(&mut kit, options, &mut machine.versions)?;
    }
    kit.progress.clear();
    let report = Report {
        command: command_line(),
        machine,
        rounds: kit.rounds,
        rows: kit.rows,
        skipped: kit.skipped,
    };
    write!(io::stdout(), "{}", table::text_of(&report))?;
    if let Some(path) = &options.json {
        fs::write(path, serde_json::to_string_pretty(&report)? + "\n")
            .map_err(|error| at(path, &error))?;
    }
    if let Some(directory) = &options.plot {
        plot::draw(&report, directory).map_err(|error| at(directory, &error))?;
    }
    Ok(())
}

/// How this run can be repeated. Paths are somebody's own and stay out.
fn command_line() -> String {
    let mut words = vec!["cargo run --release -p bench --".to_owned()];
    let mut is_path = false;
    for word in std::env::args().skip(1) {
        if std::mem::take(&mut is_path) {
            let name = Path::new(&word).file_name().unwrap_or_default();
            words.push(name.to_string_lossy().into_owned());
            continue;
        }
        is_path = matches!(word.as_str(), "--json" | "--plot" | "--peer");
        words.push(word);
    }
    words.join(" ")
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
