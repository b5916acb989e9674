//! A program's standard error goes to the log, line by line and within limits; it is read to its
//! end in any case, so that a program that complains a lot is not held up by it.

use std::io::PipeReader;
use std::path::PathBuf;
use std::time::Instant;

use futures_lite::AsyncReadExt;
use kevent_async::{Io, timeout};

use crate::limits::{CGI_ERROR_BYTES_MAX, CGI_ERROR_LINE_BYTES_MAX};

/// Logs what a script writes, until it closes the pipe or its time is over.
pub(super) async fn log(mut pipe: Io<PipeReader>, script: PathBuf, until: Instant) {
    let mut lines = Lines::default();
    let mut piece = [0; 4096];
    loop {
        let time = until.saturating_duration_since(Instant::now());
        let Ok(Ok(count @ 1..)) = timeout(time, pipe.read(&mut piece)).await else {
            break;
        };
        lines.add(piece.get(..count).unwrap_or_default(), |line| {
            tracing::warn!(script = %script.display(), "{}", line.escape_ascii());
        });
    }
    lines.end(|line| tracing::warn!(script = %script.display(), "{}", line.escape_ascii()));
    if lines.skipped_bytes > 0 {
        let bytes = lines.skipped_bytes;
        tracing::warn!(script = %script.display(), bytes, "more was written to standard error");
    }
}

/// Cuts what comes into lines of a limited length and number.
#[derive(Debug, Default)]
struct Lines {
    line: Vec<u8>,
    logged_bytes: usize,
    skipped_bytes: usize,
}

impl Lines {
    fn add(&mut self, bytes: &[u8], mut log: impl FnMut(&[u8])) {
        for &byte in bytes {
            if byte == b'\n' {
                self.end(&mut log);
            } else if self.line.len() < CGI_ERROR_LINE_BYTES_MAX
                && self.logged_bytes < CGI_ERROR_BYTES_MAX
            {
                self.line.push(byte);
                self.logged_bytes += 1;
            } else {
                self.skipped_bytes += 1;
            }
        }
    }

    fn end(&mut self, mut log: impl FnMut(&[u8])) {
        if !self.line.is_empty() {
            log(self.line.strip_suffix(b"\r").unwrap_or(&self.line));
            self.line.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_limits() {
        let mut lines = Lines::default();
        let mut logged = Vec::new();
        for piece in ["one\ntw", "o\r\n\n", "th", "ree"] {
            lines.add(piece.as_bytes(), |line| logged.push(line.to_vec()));
        }
        lines.end(|line| logged.push(line.to_vec()));
        assert_eq!(logged, [&b"one"[..], b"two", b"three"]);
        assert_eq!(lines.skipped_bytes, 0);

        let mut longest = 0;
        let mut total = 0;
        for _ in 0..200 {
            let line = [&vec![b'x'; 2000][..], b"\n"].concat();
            lines.add(&line, |line| {
                longest = longest.max(line.len());
                total += line.len();
            });
        }
        assert_eq!(longest, CGI_ERROR_LINE_BYTES_MAX);
        assert!(total <= CGI_ERROR_BYTES_MAX);
        assert!(lines.skipped_bytes >= 200 * 2000 - CGI_ERROR_BYTES_MAX);
    }
}
