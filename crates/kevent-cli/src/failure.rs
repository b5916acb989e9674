//! Why the program ends with exit code 1: one sentence that names the thing and the remedy.

use std::fmt;
use std::io;

/// The sentence, without the program's name.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Puts what was tried before the system's reason.
pub(crate) fn because(tried: &str) -> impl FnOnce(io::Error) -> Failure {
    move |error| Failure(format!("{tried}: {error}"))
}
