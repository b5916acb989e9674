//! The program `webserv`: arguments, the line that says where to look, and the exit code.

#![forbid(unsafe_code)]

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use webserv::limits::{Timeouts, WORKERS_MAX};
use webserv::{Error, Options, Server, Signals};

/// Serves the files of a directory over HTTP.
///
/// SIGINT (Ctrl-C) and SIGTERM stop it when the running answers are finished; a second one stops
/// it at once.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 stopped, 1 could not start or was cut short, 2 wrong usage."
)]
struct Arguments {
    /// The directory to serve; without it, `www` in the current directory.
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,

    /// The address to listen on, such as 127.0.0.1:8080, 0.0.0.0:80 or [::]:8080; may be repeated.
    /// Port 0 lets the system choose.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    listen: Vec<SocketAddr>,

    /// The number of workers, each a thread; without it, one per processor.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(WORKERS_MAX)))]
    workers: Option<u16>,

    /// Say more on standard error: -v for what happens, -vv for each request.
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_log(arguments.verbose);
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            // Nothing is left to do if even this cannot be written.
            let _ = writeln!(io::stderr(), "webserv: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let available = thread::available_parallelism().map_or(1, usize::from);
    let workers = arguments.workers.or_else(|| u16::try_from(available).ok());
    let signals = Signals::catch()?;
    let server = Server::start(&Options {
        directory: arguments.directory.unwrap_or_else(|| PathBuf::from("www")),
        listen: arguments.listen,
        workers: workers.and_then(NonZeroU16::new).unwrap_or(NonZeroU16::MIN),
        timeouts: Timeouts::default(),
    })?;
    announce(&server);
    signals.serve(server)
}

/// One line per address that can be opened as it stands.
fn announce(server: &Server) {
    let mut output = io::stdout().lock();
    for &address in server.addresses() {
        let mut link = address;
        if address.ip().is_unspecified() {
            // Nobody can open 0.0.0.0; this machine's own address always answers.
            link.set_ip(match address {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        let directory = server.directory().display();
        // Whoever closed standard output does not want to know.
        let _ = writeln!(output, "Serving {directory} at http://{link}/");
    }
    let _ = output.flush();
}

fn start_log(verbosity: u8) {
    let level = match verbosity {
        0 => tracing::Level::WARN,
        1 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .init();
}
