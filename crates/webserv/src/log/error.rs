//! The error log: where the program's messages go, and how many.

use std::fmt;
use std::io;
use std::sync::Arc;

use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

use super::file::{OpenLog, Standard};
use crate::error::Error;
use crate::site::{Level, LogFile};

/// The messages of this process from [`ErrorLogger::start`] on.
#[derive(Clone)]
pub struct ErrorLogger {
    file: Arc<OpenLog>,
    level: reload::Handle<LevelFilter, Registry>,
}

impl fmt::Debug for ErrorLogger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ErrorLogger")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl ErrorLogger {
    /// Sends the messages of this process to a file or to standard error. If the process has
    /// somewhere else for them already, they go there.
    ///
    /// # Errors
    ///
    /// [`Error::Log`] when the file cannot be opened.
    pub fn start(level: Level, file: &LogFile, with_colour: bool) -> Result<Self, Error> {
        let file = Arc::new(OpenLog::open(file, Standard::Error)?);
        let (filter, handle) = reload::Layer::new(level_filter(level));
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(Writer(Arc::clone(&file)))
            .with_ansi(with_colour)
            .with_target(false);
        // Another subscriber hears the messages if there is one.
        let _ = tracing_subscriber::registry()
            .with(filter)
            .with(lines)
            .try_init();
        Ok(ErrorLogger {
            file,
            level: handle,
        })
    }

    /// Changes how much is said.
    pub(crate) fn set_level(&self, level: Level) {
        // It fails when the subscriber is gone, and then nothing is said anyway.
        let _ = self.level.reload(level_filter(level));
    }

    /// Opens the file anew.
    ///
    /// # Errors
    ///
    /// [`Error::Log`]; the old file stays.
    pub(crate) fn reopen(&self) -> Result<(), Error> {
        self.file.reopen()
    }
}

fn level_filter(level: Level) -> LevelFilter {
    match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    }
}

/// Writes each message whole.
#[derive(Debug)]
struct Writer(Arc<OpenLog>);

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Writer {
    type Writer = Writer;

    fn make_writer(&'w self) -> Writer {
        Writer(Arc::clone(&self.0))
    }

    fn make_writer_for(&'w self, _: &Metadata<'_>) -> Writer {
        self.make_writer()
    }
}
