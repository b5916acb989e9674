//! Why a program did not answer, and what the client and the log are told.

use std::io;

use ::http::StatusCode;
use rustix::io::Errno;

use super::head::Malformed;
use crate::http::status::Fault;

/// Why a program did not answer.
#[derive(Debug)]
pub(super) enum Failed {
    /// The content of the request has a fault.
    Content(Fault),
    /// The content is chunked, and too large to be gathered.
    LengthRequired,
    /// The script may not be run, or read.
    NotExecutable,
    /// Too many programs run and wait.
    Busy,
    /// The program cannot be started.
    Start(io::Error),
    /// No descriptors, processes or memory for the moment.
    Exhausted(io::Error),
    /// Its output is no CGI answer.
    Output(&'static str),
    /// It ended without an answer.
    Ended,
    /// It had no answer in time.
    TimedOut,
    /// Nobody waits for the answer any more.
    ClientGone,
}

impl Failed {
    /// What the administrator should know; nothing about what only the client did.
    pub(super) fn reason(&self) -> Option<String> {
        Some(match self {
            Failed::Content(_) | Failed::LengthRequired | Failed::ClientGone => return None,
            Failed::NotExecutable => "it may not be run or read: change its mode".to_owned(),
            Failed::Busy => "too many programs run and wait: raise its limit".to_owned(),
            Failed::Start(error) | Failed::Exhausted(error) => {
                format!("it cannot be started: {error}")
            }
            Failed::Output(what) => format!("its output is no CGI answer: {what}"),
            Failed::Ended => "it ended without an answer".to_owned(),
            Failed::TimedOut => "it took too long to answer: raise its time-out".to_owned(),
        })
    }

    /// The status code of the answer.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Failed::Content(fault) => fault.status(),
            Failed::LengthRequired => StatusCode::LENGTH_REQUIRED,
            Failed::NotExecutable => StatusCode::FORBIDDEN,
            Failed::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Failed::Start(_) | Failed::Output(_) | Failed::Ended => StatusCode::BAD_GATEWAY,
            Failed::Exhausted(_) => StatusCode::SERVICE_UNAVAILABLE,
            Failed::TimedOut | Failed::ClientGone => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// A program that could not be started.
    pub(super) fn to_start(error: io::Error) -> Self {
        match Errno::from_io_error(&error) {
            Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN) => {
                Failed::Exhausted(error)
            }
            _ => Failed::Start(error),
        }
    }
}

impl From<Malformed> for Failed {
    fn from(malformed: Malformed) -> Self {
        Failed::Output(malformed.0)
    }
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Failed::Content(fault)
    }
}
