//! The program `kevent`: arguments in, exit code out.

#![forbid(unsafe_code)]

#[cfg(not(target_os = "linux"))]
compile_error!("kevent watch runs on Linux only: it opens paths with O_PATH and names links");

mod arguments;
mod clock;
mod decode;
mod failure;
mod run;
mod subject;
mod watch;
mod watched_file;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use watch::Watch;

fn main() -> ExitCode {
    let Command::Watch(request) = Arguments::parse().command;
    match Watch::start(&request).and_then(Watch::until_the_end) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nothing is left to do if even this cannot be written.
            let _ = writeln!(io::stderr(), "kevent: {failure}");
            ExitCode::FAILURE
        }
    }
}
