//! The program `webserv`: its commands, the line that says where to look, and the exit code.

#![forbid(unsafe_code)]

mod arguments;
mod password_prompt;

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use webserv::config;
use webserv::site::{Address, Level, LogFile, Site};
use webserv::{Configured, Error, ErrorLogger, Handle, Operator, Server, Signals};

use self::arguments::{Arguments, Command, Directory};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        None => serve_directory(arguments.directory),
        Some(Command::Run { config, verbose }) => run(&config, verbose),
        Some(Command::Check { config }) => check(&config),
        Some(Command::HashPassword) => password_prompt::hash_password(),
    };
    outcome.unwrap_or_else(|complaint| {
        // Nothing is left to do if even this cannot be written.
        let _ = writeln!(io::stderr(), "{complaint}");
        ExitCode::FAILURE
    })
}

/// `webserv [DIR]`.
fn serve_directory(arguments: Directory) -> Result<ExitCode, String> {
    let available = thread::available_parallelism().map_or(1, usize::from);
    let workers = arguments.workers.or_else(|| u16::try_from(available).ok());
    let workers = workers.and_then(NonZeroU16::new).unwrap_or(NonZeroU16::MIN);
    let (directory, site) = match arguments.directory {
        Some(directory) => {
            let site = Site::of_directory(directory.clone(), &arguments.listen, workers);
            (directory, site)
        }
        None => {
            let directory = PathBuf::from("www");
            let site = Site::demonstration(directory.clone(), &arguments.listen, workers);
            (directory, site)
        }
    };
    let _logger = start_log(
        level(arguments.verbose).max(Level::Warn),
        &LogFile::Standard,
    )?;
    let signals = Signals::catch().map_err(sentence)?;
    let server = Server::start(site).map_err(|error| {
        sentence(match error {
            // As it was asked for.
            Error::Directory(_, error) => Error::Directory(directory.clone(), error),
            other => other,
        })
    })?;
    let directory = std::path::absolute(&directory).unwrap_or(directory);
    announce(&server, &format!("{} ", directory.display()));
    signals.serve(server, Unchanging).map_err(sentence)
}

/// `webserv run`.
fn run(path: &Path, verbose: u8) -> Result<ExitCode, String> {
    let site = config::load(path).map_err(|unusable| unusable.to_string())?;
    let level = level(verbose).max(site.log.error.level);
    let logger = start_log(level, &site.log.error.file)?;
    let signals = Signals::catch().map_err(sentence)?;
    let operator = Configured::new(path.to_owned(), &site, logger);
    let server = Server::start(site).map_err(sentence)?;
    announce(&server, "");
    signals.serve(server, operator).map_err(sentence)
}

/// `webserv check`.
fn check(path: &Path) -> Result<ExitCode, String> {
    config::load(path).map_err(|unusable| unusable.to_string())?;
    // Whoever closed standard output looks at the exit code alone.
    let _ = writeln!(io::stdout(), "ok");
    Ok(ExitCode::SUCCESS)
}

fn sentence(error: Error) -> String {
    format!("webserv: {error}")
}

/// A server without a configuration.
struct Unchanging;

impl Operator for Unchanging {
    fn reload(&mut self, _server: &Handle) {
        tracing::warn!("there is no configuration to read again");
    }

    fn reopen_logs(&mut self, _server: &Handle) {}

    fn changed(&mut self) -> impl Future<Output = ()> {
        std::future::pending()
    }
}

/// One line per address that can be opened as it stands.
fn announce(server: &Server, what: &str) {
    let mut output = io::stdout().lock();
    for address in server.bound() {
        // Whoever closed standard output does not want to know.
        let _ = match address {
            Address::Tcp(address) => {
                let mut link = *address;
                if address.ip().is_unspecified() {
                    // Nobody can open 0.0.0.0; this machine's own address always answers.
                    link.set_ip(match address {
                        SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                        SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
                    });
                }
                writeln!(output, "Serving {what}at http://{link}/")
            }
            other => writeln!(output, "Serving {what}at {other}"),
        };
    }
    let _ = output.flush();
}

fn level(verbose: u8) -> Level {
    match verbose {
        0 => Level::Error,
        1 => Level::Info,
        _ => Level::Debug,
    }
}

fn start_log(level: Level, file: &LogFile) -> Result<ErrorLogger, String> {
    let with_colour = *file == LogFile::Standard && io::stderr().is_terminal();
    ErrorLogger::start(level, file, with_colour).map_err(sentence)
}
