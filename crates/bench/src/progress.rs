//! A line on standard error that says what is being measured.

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

/// The line; on a terminal it is written over, elsewhere each row gets one.
pub(crate) struct Progress {
    start: Instant,
    is_terminal: bool,
    announced: String,
}

impl Progress {
    /// Begins to count the time.
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
            is_terminal: io::stderr().is_terminal(),
            announced: String::new(),
        }
    }

    /// Says what happens now, and how far it is.
    pub(crate) fn say(&mut self, what: &str, detail: &str) {
        let seconds = self.start.elapsed().as_secs();
        let mut output = io::stderr().lock();
        // Whoever closed standard error does not want to know.
        let _ = if self.is_terminal {
            write!(output, "\r\x1b[K[{seconds:>4} s] {what}: {detail}")
        } else if self.announced == what {
            Ok(())
        } else {
            what.clone_into(&mut self.announced);
            writeln!(output, "[{seconds:>4} s] {what}")
        };
        let _ = output.flush();
    }

    /// Removes the line, so that other output begins at the margin.
    pub(crate) fn clear(&mut self) {
        if self.is_terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
