//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Measures the queue and the server beside their floors and their peers.
///
/// Ratios count, not figures: each is the median of 15 pairs that were measured in interleaved
/// rounds, with its 95 % interval. A verdict is "met", "not met", or "undecided" when the bound
/// lies in the interval. docs/benchmarks/README.md says what each row means.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 measured, 1 could not measure or beyond a budget, 2 wrong usage."
)]
pub(crate) struct Arguments {
    /// What to measure.
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The queue: the crate `kevent` and the C library beside bare epoll, poll and select.
    Queue(Run),
    /// The server: `webserv` beside a floor and the servers found installed.
    Web(Run),
    /// Both.
    All(Run),
    /// Counts instructions and system calls of fixed scenarios, and compares them with the
    /// budgets.
    Guard(Guard),
    /// Draws the charts again from figures that --json wrote.
    Plot {
        /// The figures.
        #[arg(value_name = "FILE")]
        json: PathBuf,
        /// Where the charts go.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// One scenario of `guard`, so many turns of it: what valgrind and strace look at.
    #[command(hide = true)]
    Scenario {
        /// Its name in the budgets.
        name: String,
        /// How often.
        turns: u32,
        /// By this C library instead of the crate.
        #[arg(long, value_name = "PATH")]
        library: Option<PathBuf>,
    },
    /// A small server that answers everything alike: the steps below `webserv`.
    #[command(hide = true)]
    Serve(Serve),
}

/// Options of a measurement.
#[derive(Args, Debug)]
pub(crate) struct Run {
    /// Writes the figures to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Draws charts (SVG) into this directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) plot: Option<PathBuf>,
    /// The shared library of mheily/libkqueue, to compare ours with.
    #[arg(long, value_name = "PATH")]
    pub(crate) peer: Option<PathBuf>,
    /// A trial: 6 rounds of short samples and smaller sizes, to see that everything runs.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only these cases, such as Q3 or W1; may be repeated.
    #[arg(long, value_name = "CASE")]
    pub(crate) only: Vec<String>,
}

impl Run {
    /// Whether a case is wanted.
    pub(crate) fn wants(&self, case: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only.eq_ignore_ascii_case(case))
    }
}

/// Options of the guard.
#[derive(Args, Debug)]
pub(crate) struct Guard {
    /// Writes the counts into the budgets instead of comparing them.
    #[arg(long)]
    pub(crate) write: bool,
    /// The budgets.
    #[arg(long, value_name = "FILE", default_value = "crates/bench/budgets.toml")]
    pub(crate) budgets: PathBuf,
}

/// Options of a small server.
#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// How much of the stack it stands on.
    pub(crate) layer: Layer,
    /// Ends each connection after its answer, and lets the kernel defer the accept.
    #[arg(long)]
    pub(crate) close: bool,
    /// The port on 127.0.0.1; without it, any that is free.
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// Sends this file, on bare epoll, instead of 1 KB.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// What a small server stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Layer {
    /// epoll and nothing else: the floor.
    Bare,
    /// The crate `kevent`.
    Queue,
    /// `kevent-async`.
    Executor,
}
