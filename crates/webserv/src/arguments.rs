//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use webserv::limits::WORKERS_MAX;

/// Serves the files of a directory over HTTP, or what a configuration says.
///
/// SIGTERM stops it when the running answers are finished, SIGINT (Ctrl-C) at once; a second one
/// ends the process. SIGHUP reads the configuration again, SIGUSR1 opens the logs anew.
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    after_help = "Exit codes: 0 stopped, 1 could not start or was cut short, 2 wrong usage.\n\
                  A directory with the name of a command is served by its path, such as ./run."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) directory: Directory,
}

/// What `webserv [DIR]` takes.
#[derive(Debug, Args)]
pub(crate) struct Directory {
    /// The directory to serve; without it, `www` in the current directory, with uploads to its
    /// `upload` and the scripts of its `cgi` as long as only this machine can reach them.
    #[arg(value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,

    /// The address to listen on, such as 127.0.0.1:8080, 0.0.0.0:80 or [::]:8080; may be repeated.
    /// Port 0 lets the system choose.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) listen: Vec<SocketAddr>,

    /// The number of workers, each a thread; without it, one per processor.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(WORKERS_MAX)))]
    pub(crate) workers: Option<u16>,

    /// Say more on standard error: -v for what happens, -vv for each request.
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serves what a configuration says.
    Run {
        /// The configuration, a TOML file.
        #[arg(short, long, value_name = "FILE")]
        config: PathBuf,

        /// Say more than the configuration asks for: -v for what happens, -vv for each request.
        #[arg(short, long, action = clap::ArgAction::Count)]
        verbose: u8,
    },

    /// Tells all that is wrong with a configuration.
    #[command(after_help = "Exit codes: 0 ok, 1 not usable, 2 wrong usage.")]
    Check {
        /// The configuration, a TOML file.
        #[arg(short, long, value_name = "FILE")]
        config: PathBuf,
    },

    /// Reads a password and prints its hash, for `users` in a configuration.
    HashPassword,
}
