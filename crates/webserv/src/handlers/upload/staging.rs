//! A file on its way: written where nobody sees it, then put in place in one step.
//!
//! Where the file system can, it has no name at all until then (O_TMPFILE), so that even a killed
//! server leaves nothing behind; elsewhere it has a hidden name, which is removed when the staging
//! is dropped. Everything here blocks, and runs on a thread that may.

use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::BuildHasher;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::Once;
use std::sync::atomic::AtomicBool;

use rustix::fs::{AtFlags, Mode, OFlags, Stat, fchmod, fstat, fsync, openat, renameat, unlinkat};
use rustix::io::Errno;

use super::refused::Refused;
use crate::handlers::static_file::modification_time;
use crate::limits::HIDDEN_NAME_ATTEMPTS_MAX;
use crate::platform;

/// A file that is not in place yet.
#[derive(Debug)]
pub(super) struct Staging {
    directory: OwnedFd,
    file: File,
    /// Its name, if it had to get one.
    hidden: Option<Vec<u8>>,
}

/// How a file is put in place.
#[derive(Debug, Clone)]
pub(super) struct Placement {
    /// The name it gets.
    pub(super) name: Vec<u8>,
    /// Whether it may take the place of another.
    pub(super) may_replace: bool,
    /// Whether it must be on the disk before it counts as stored.
    pub(super) is_synced: bool,
    /// The state that the preconditions were asked of, where there were any; it must still be that
    /// state.
    pub(super) expected: Option<Option<Stat>>,
}

/// What became of a file.
#[derive(Debug)]
pub(super) struct Stored {
    /// Whether there was no file of that name before.
    pub(super) is_new: bool,
    /// The metadata of the stored file.
    pub(super) stat: Stat,
}

impl Staging {
    /// An empty file in that directory.
    ///
    /// # Errors
    ///
    /// Those of open(2).
    pub(super) fn create(directory: OwnedFd) -> Result<Self, Errno> {
        survive_size_limit();
        match platform::open_unnamed(&directory) {
            Ok(file) => Ok(Staging {
                directory,
                file: file.into(),
                hidden: None,
            }),
            // EISDIR: a kernel or a file system that does not know the flag.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL) => {
                Self::create_hidden(directory)
            }
            Err(error) => Err(error),
        }
    }

    fn create_hidden(directory: OwnedFd) -> Result<Self, Errno> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mut attempt = 1;
        loop {
            let hidden = hidden_name();
            match openat(&directory, &*hidden, flags, platform::FILE_MODE) {
                Ok(file) => {
                    return Ok(Staging {
                        directory,
                        file: file.into(),
                        hidden: Some(hidden),
                    });
                }
                Err(Errno::EXIST) if attempt < HIDDEN_NAME_ATTEMPTS_MAX => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Adds to the file.
    ///
    /// # Errors
    ///
    /// Those of write(2).
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        self.file
            .write_all(bytes)
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
    }

    /// Gives the file its name.
    ///
    /// # Errors
    ///
    /// [`Refused::Exists`] if there is another that may not be replaced,
    /// [`Refused::Precondition`] if that one has changed since it was looked at; otherwise those
    /// of linkat(2), renameat(2) and fsync(2).
    pub(super) fn commit(mut self, placement: &Placement) -> Result<Stored, Refused> {
        if placement.is_synced {
            fsync(&self.file)?;
        }
        let existing = super::destination::existing(&self.directory, &placement.name)?;
        if let Some(expected) = &placement.expected
            && !is_same(expected.as_ref(), existing.as_ref())
        {
            return Err(Refused::Precondition);
        }
        let is_new = match existing {
            None => self.place_new(&placement.name)?,
            Some(_) => false,
        };
        if !is_new {
            // Also where somebody took the name in between.
            if !placement.may_replace {
                return Err(Refused::Exists);
            }
            if matches!(placement.expected, Some(None)) {
                return Err(Refused::Precondition);
            }
            if let Some(stat) = existing {
                // The new content keeps who may read it; where that fails the default is right.
                let _ = fchmod(
                    &self.file,
                    Mode::from_raw_mode(stat.st_mode) & Mode::from(0o777),
                );
            }
            self.replace(&placement.name)?;
        }
        if placement.is_synced {
            fsync(&self.directory)?;
        }
        Ok(Stored {
            is_new,
            stat: fstat(&self.file)?,
        })
    }

    /// Takes a name that is free; tells whether it was.
    fn place_new(&mut self, name: &[u8]) -> Result<bool, Errno> {
        let placed = match &self.hidden {
            None => platform::link_unnamed(&self.file, &self.directory, name),
            Some(hidden) => platform::rename_new(&self.directory, hidden, name),
        };
        match placed {
            Ok(()) => {
                self.hidden = None;
                Ok(true)
            }
            Err(Errno::EXIST) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes a name that is another file's. A file without a name needs one first, because only
    /// renaming replaces.
    fn replace(&mut self, name: &[u8]) -> Result<(), Errno> {
        let hidden = match self.hidden.take() {
            Some(hidden) => hidden,
            None => {
                let hidden = hidden_name();
                platform::link_unnamed(&self.file, &self.directory, &hidden)?;
                hidden
            }
        };
        let renamed = renameat(&self.directory, &*hidden, &self.directory, name);
        if renamed.is_err() {
            self.hidden = Some(hidden);
        }
        renamed
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if let Some(hidden) = self.hidden.take() {
            // If it cannot be removed there is nothing more to be done; its name says what it is.
            let _ = unlinkat(&self.directory, &*hidden, AtFlags::empty());
        }
    }
}

/// Removes a file that was just stored, when those it belongs to could not be.
pub(super) fn withdraw(directory: impl AsFd, name: &[u8]) {
    let _ = unlinkat(directory, name, AtFlags::empty());
}

/// Whether two looks at a name have seen the same state of the same file, or both nothing.
fn is_same(one: Option<&Stat>, other: Option<&Stat>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => {
            (one.st_dev, one.st_ino, one.st_size) == (other.st_dev, other.st_ino, other.st_size)
                && modification_time(one) == modification_time(other)
        }
        (None, None) => true,
        _ => false,
    }
}

/// A name that no client can ask for, and nobody can guess.
fn hidden_name() -> Vec<u8> {
    let random = RandomState::new();
    format!(".upload-{:016x}", random.hash_one(std::process::id())).into_bytes()
}

/// A file that grows beyond RLIMIT_FSIZE raises SIGXFSZ, which ends a process that does not catch
/// it. Caught, the write fails with EFBIG. A handler, unlike an ignored signal, is not passed on
/// to programs that are started.
fn survive_size_limit() {
    static CAUGHT: Once = Once::new();
    CAUGHT.call_once(|| {
        let flag = Arc::new(AtomicBool::new(false));
        if let Err(error) = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, flag) {
            tracing::debug!(%error, "SIGXFSZ cannot be caught");
        }
    });
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn open(path: &Path) -> OwnedFd {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        rustix::fs::open(path, flags, Mode::empty()).unwrap()
    }

    fn placement(name: &str, may_replace: bool) -> Placement {
        Placement {
            name: name.into(),
            may_replace,
            is_synced: true,
            expected: None,
        }
    }

    /// With a name and without: both ways do the same.
    const WAYS: [fn(OwnedFd) -> Result<Staging, Errno>; 2] =
        [Staging::create, Staging::create_hidden];

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        for create in WAYS {
            let top = tempfile::tempdir().unwrap();
            let names = || fs::read_dir(top.path()).unwrap().count();
            let mut staging = create(open(top.path())).unwrap();
            staging.write(b"hello").unwrap();
            assert!(!top.path().join("x").exists());
            let stored = staging.commit(&placement("x", false)).unwrap();
            assert!(stored.is_new);
            assert_eq!(fs::read(top.path().join("x")).unwrap(), b"hello");
            assert_eq!(names(), 1);

            let mut staging = create(open(top.path())).unwrap();
            staging.write(b"other").unwrap();
            let refused = staging.commit(&placement("x", false)).unwrap_err();
            assert_eq!(refused, Refused::Exists);
            assert_eq!(fs::read(top.path().join("x")).unwrap(), b"hello");
            assert_eq!(names(), 1);

            let mut staging = create(open(top.path())).unwrap();
            staging.write(b"other").unwrap();
            let stored = staging.commit(&placement("x", true)).unwrap();
            assert!(!stored.is_new);
            assert_eq!(fs::read(top.path().join("x")).unwrap(), b"other");
            drop(create(open(top.path())).unwrap());
            assert_eq!(names(), 1);
        }
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_kept() {
        let top = tempfile::tempdir().unwrap();
        fs::write(top.path().join("x"), "one").unwrap();
        let directory = open(top.path());
        let seen = super::super::destination::existing(&directory, b"x").unwrap();
        fs::write(top.path().join("y"), "three").unwrap();
        fs::rename(top.path().join("y"), top.path().join("x")).unwrap();
        for expected in [seen, None] {
            let staging = Staging::create(open(top.path())).unwrap();
            let placement = Placement {
                expected: Some(expected),
                ..placement("x", true)
            };
            assert_eq!(
                staging.commit(&placement).unwrap_err(),
                Refused::Precondition
            );
        }
        assert_eq!(fs::read(top.path().join("x")).unwrap(), b"three");
    }

    #[test]
    fn a_directory_is_not_replaced() {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir(top.path().join("d")).unwrap();
        for create in WAYS {
            let staging = create(open(top.path())).unwrap();
            let refused = staging.commit(&placement("d", true)).unwrap_err();
            assert_eq!(refused, Refused::NotAFile);
        }
        assert_eq!(fs::read_dir(top.path()).unwrap().count(), 1);
    }
}
