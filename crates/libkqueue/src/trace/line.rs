//! One line of the trace: who and when, then what.

use std::cell::Cell;
use std::ffi::CStr;
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{PREFIX, PRINTER};
use crate::sys::{self, string::Printer};

/// The prefix and the 0 behind it.
pub(super) const PREFIX_SIZE: usize = 32;

/// The longest line: an entry with every flag and note named takes 600 bytes.
const SIZE: usize = 1024;

/// What a line has where it was too long.
const CUT: &[u8] = b"...";

/// When the last line was begun, in nanoseconds of the monotonic clock; 0: there was none.
static LAST: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The program's function prints a line of this thread, and may itself make calls.
    static IS_PRINTING: Cell<bool> = const { Cell::new(false) };
}

/// Prints a line: on stderr, or by the program's function.
pub(super) fn print(what: fmt::Arguments<'_>) {
    sys::errno::keep(|| {
        let Some(printer) = sys::string::printer_at(PRINTER.load(Ordering::Relaxed)) else {
            return sys::output::to_stderr(Line::new(what).terminated_by(b"\n"));
        };
        if !IS_PRINTING.replace(true) {
            by(printer, &mut Line::new(what));
            IS_PRINTING.set(false);
        }
    });
}

fn by(printer: Printer, line: &mut Line) {
    if let Ok(line) = CStr::from_bytes_until_nul(line.terminated_by(b"\0")) {
        sys::output::by_printer(printer, line);
    }
}

struct Line {
    /// As many as [`CUT`] are kept for it, and one for the end.
    bytes: [u8; SIZE],
    length: usize,
    is_cut: bool,
}

impl Line {
    fn new(what: fmt::Arguments<'_>) -> Self {
        let mut line = Self {
            bytes: [0; SIZE],
            length: 0,
            is_cut: false,
        };
        line.begin();
        // Fails only where it is cut, and then says so at its end.
        let _ = line.write_fmt(what);
        line
    }

    /// Prefix, process and thread, and the time since the line before.
    fn begin(&mut self) {
        let before = self.length;
        for place in &PREFIX {
            match place.load(Ordering::Relaxed) {
                0 => break,
                byte => self.push(&[byte]),
            }
        }
        if self.length == before {
            self.push(b"KQ");
        }
        let (process, thread) = sys::output::process_and_thread();
        let _ = match process == thread {
            true => write!(self, " [{process}]"),
            false => write!(self, " [{process}/{thread}]"),
        };
        let now = sys::output::now();
        let last = LAST.swap(now, Ordering::Relaxed);
        let since = if last == 0 {
            0
        } else {
            now.saturating_sub(last)
        };
        let (seconds, micros) = (since / 1_000_000_000, since % 1_000_000_000 / 1_000);
        let _ = write!(self, " +{seconds}.{micros:06} ");
    }

    fn push(&mut self, bytes: &[u8]) {
        let free = self.bytes.get_mut(self.length..SIZE - CUT.len() - 1);
        let free = free.unwrap_or_default();
        let count = free.len().min(bytes.len());
        for (place, byte) in free.iter_mut().zip(bytes) {
            *place = *byte;
        }
        self.length += count;
        self.is_cut |= count < bytes.len();
    }

    fn terminated_by(&mut self, end: &[u8]) -> &[u8] {
        let cut = if self.is_cut { CUT } else { b"" };
        let places = self.bytes.iter_mut().skip(self.length);
        for (place, byte) in places.zip(cut.iter().chain(end)) {
            *place = *byte;
        }
        let length = self.length + cut.len() + end.len();
        self.bytes.get(..length).unwrap_or_default()
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        if self.is_cut { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn a_line_that_is_too_long_is_cut_and_ends() {
        let long = "x".repeat(2 * super::SIZE);
        let mut line = Line::new(format_args!("{long}"));
        let told = line.terminated_by(b"\n");
        assert_eq!(told.len(), super::SIZE);
        assert!(told.ends_with(b"xxx...\n"));
        let whole = Line::new(format_args!("xyz")).terminated_by(b"\0").to_vec();
        assert!(whole.ends_with(b" xyz\0"));
    }
}
