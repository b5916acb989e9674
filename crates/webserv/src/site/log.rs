//! What is written of what happens, and where.

use std::path::PathBuf;

/// The logs of a process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    /// A line for each answer.
    pub access: AccessLog,
    /// Where the lines for answers go.
    pub access_file: LogFile,
    /// What went wrong, and what an operator wants to know.
    pub error: ErrorLog,
}

/// A line for each answer, and its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AccessLog {
    /// None.
    #[default]
    Off,
    /// The combined format that web servers have in common.
    Combined,
    /// A JSON object per line.
    Json,
}

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LogFile {
    /// To standard output for answers, to standard error for errors.
    #[default]
    Standard,
    /// To the end of a file, which is made if it is not there.
    Path(PathBuf),
}

/// The error log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorLog {
    /// Where it goes.
    pub file: LogFile,
    /// How much is said.
    pub level: Level,
}

/// How much is said in the error log; each says more than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// What failed.
    Error,
    /// What may need attention.
    #[default]
    Warn,
    /// What happened: start, reload, stop.
    Info,
    /// Each request.
    Debug,
}
