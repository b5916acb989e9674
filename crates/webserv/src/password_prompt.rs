//! `webserv hash-password`: asks for a password where a person sits at a terminal, and reads a line
//! where a program writes to it.

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use webserv::password;

/// Longest password in bytes.
const PASSWORD_BYTES_MAX: usize = 4096;

/// Prints the hash of a password.
pub(crate) fn hash_password() -> Result<ExitCode, String> {
    let password = if io::stdin().is_terminal() {
        let first = ask("Password: ")?;
        if first != ask("Again: ")? {
            return Err("webserv: the passwords differ; start again".to_owned());
        }
        first
    } else {
        read_line()?
    };
    if password.is_empty() {
        return Err("webserv: an empty password protects nothing; choose another".to_owned());
    }
    let hash = password::hash(&password).map_err(|error| format!("webserv: {error}"))?;
    writeln!(io::stdout(), "{hash}").map_err(|error| format!("webserv: {error}"))?;
    Ok(ExitCode::SUCCESS)
}

/// Asks without showing what is typed.
fn ask(question: &str) -> Result<Vec<u8>, String> {
    let failed = |error: io::Error| format!("webserv: the terminal fails: {error}");
    let mut output = io::stderr();
    let _ = write!(output, "{question}");
    let _ = output.flush();
    let before = tcgetattr(io::stdin()).map_err(|error| failed(error.into()))?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(io::stdin(), OptionalActions::Flush, &silent)
        .map_err(|error| failed(error.into()))?;
    let line = read_line();
    let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &before);
    let _ = writeln!(output);
    line
}

fn read_line() -> Result<Vec<u8>, String> {
    let mut line = Vec::new();
    let input = io::stdin().lock();
    let mut input = io::Read::take(input, PASSWORD_BYTES_MAX as u64 + 2);
    input
        .read_until(b'\n', &mut line)
        .map_err(|error| format!("webserv: cannot read the password: {error}"))?;
    if line.ends_with(b"\n") {
        line.pop();
    }
    if line.ends_with(b"\r") {
        line.pop();
    }
    if line.len() > PASSWORD_BYTES_MAX {
        return Err(format!(
            "webserv: the password is longer than {PASSWORD_BYTES_MAX} bytes; choose another"
        ));
    }
    Ok(line)
}
