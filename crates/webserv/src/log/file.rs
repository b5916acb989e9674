//! A file that lines are added to, and that can be opened anew under its name.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Error;
use crate::site::LogFile;

/// Where a log goes.
#[derive(Debug)]
pub(crate) struct OpenLog {
    place: LogFile,
    /// None: the standard stream.
    file: Mutex<Option<Arc<File>>>,
    standard: Standard,
}

/// A standard stream.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Standard {
    Output,
    Error,
}

impl OpenLog {
    /// Opens a log.
    ///
    /// # Errors
    ///
    /// [`Error::Log`].
    pub(crate) fn open(place: &LogFile, standard: Standard) -> Result<Self, Error> {
        let log = OpenLog {
            place: place.clone(),
            file: Mutex::new(None),
            standard,
        };
        log.reopen()?;
        Ok(log)
    }

    /// Opens the file anew under its name; if that fails, the old one stays.
    ///
    /// # Errors
    ///
    /// [`Error::Log`].
    pub(crate) fn reopen(&self) -> Result<(), Error> {
        if let LogFile::Path(path) = &self.place {
            let opened = append_to(path).map_err(|error| Error::Log(path.clone(), error))?;
            *self.file.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(opened));
        }
        Ok(())
    }

    /// Where it goes.
    pub(crate) fn place(&self) -> &LogFile {
        &self.place
    }

    /// Adds whole lines, in one write where the system takes them so.
    ///
    /// # Errors
    ///
    /// Those of write(2).
    pub(crate) fn write(&self, lines: &[u8]) -> io::Result<()> {
        let file = self
            .file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match (file, self.standard) {
            (Some(file), _) => (&*file).write_all(lines),
            (None, Standard::Output) => io::stdout().lock().write_all(lines),
            (None, Standard::Error) => io::stderr().lock().write_all(lines),
        }
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    // Lines tell who was here; others need not read them.
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .open(path)
}
