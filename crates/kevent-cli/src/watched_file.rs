//! A path whose file is watched, whichever file that is at the time.
//!
//! A knote belongs to a file, not to its name. So when the file was renamed, removed or replaced,
//! the path is opened again, and while nothing is there its directory is watched. Each time the
//! watch is made first and the path looked at afterwards, so that no change falls between.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kevent::{Kevent, Kqueue, NoteVnode};
use rustix::fs::{CWD, Mode, OFlags, fstat, openat};

/// The path, and what is open for it: the file, or else its directory.
#[derive(Debug)]
pub(crate) struct WatchedFile {
    path: PathBuf,
    notes: NoteVnode,
    udata: usize,
    file: Option<OwnedFd>,
    directory: Option<OwnedFd>,
}

/// What an event means for the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It happened to the file.
    OfFile,
    /// The file was gone and is there again.
    CameBack,
    /// The directory has changed, and the file is still not there.
    StillGone,
}

impl WatchedFile {
    /// Watches the file that has this path now.
    ///
    /// # Errors
    /// As open(2), and as `EV_ADD` of the filter VNODE.
    pub(crate) fn new(
        path: &Path,
        notes: NoteVnode,
        udata: usize,
        queue: &Kqueue,
    ) -> io::Result<Self> {
        let mut watched = Self {
            path: path.to_owned(),
            notes,
            udata,
            file: None,
            directory: None,
        };
        watched.find(queue)?;
        if watched.file.is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(watched)
    }

    /// Takes in an event of this path's knotes.
    ///
    /// # Errors
    /// As [`new`](Self::new), where the new file cannot be watched, or the directory is gone too; and whether the
    /// event was the file's own.
    pub(crate) fn happened(
        &mut self,
        event: &Kevent,
        queue: &Kqueue,
    ) -> Result<Change, (bool, io::Error)> {
        let was_there = self.file.is_some();
        let leaves = NoteVnode::DELETE | NoteVnode::RENAME | NoteVnode::REVOKE;
        if !was_there || NoteVnode::from_bits_truncate(event.fflags).intersects(leaves) {
            self.find(queue).map_err(|error| (was_there, error))?;
        }
        Ok(match (was_there, self.file.is_some()) {
            (true, _) => Change::OfFile,
            (false, true) => Change::CameBack,
            (false, false) => Change::StillGone,
        })
    }

    /// Makes sure that the file which has the path is watched, or its directory if none has.
    fn find(&mut self, queue: &Kqueue) -> io::Result<()> {
        loop {
            if let Some(file) = &self.file {
                if is_at(&self.path, file) {
                    Self::let_go(self.directory.take(), queue);
                    return Ok(());
                }
                Self::let_go(self.file.take(), queue);
            }
            match open(&self.path) {
                Ok(file) => {
                    queue.apply(&[self.change(&file, self.notes)])?;
                    self.file = Some(file);
                }
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Err(_) => {
                    let is_watched = |directory: &OwnedFd| is_at(self.parent(), directory);
                    if self.directory.as_ref().is_some_and(is_watched) {
                        return Ok(());
                    }
                    Self::let_go(self.directory.take(), queue);
                    let directory = open(self.parent())?;
                    let notes = NoteVnode::WRITE | NoteVnode::DELETE | NoteVnode::RENAME;
                    queue.apply(&[self.change(&directory, notes)])?;
                    self.directory = Some(directory);
                }
            }
        }
    }

    fn parent(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }

    fn change(&self, file: &OwnedFd, notes: NoteVnode) -> Kevent {
        Kevent::vnode(file, notes).clear().udata(self.udata)
    }

    fn let_go(file: Option<OwnedFd>, queue: &Kqueue) {
        if let Some(file) = file {
            queue.forget_fd(file.as_raw_fd());
        }
    }
}

/// Whether this file is the one that has the path.
fn is_at(path: &Path, file: &OwnedFd) -> bool {
    let (Ok(at_path), Ok(open)) = (fs::metadata(path), fstat(file)) else {
        return false;
    };
    (at_path.dev(), at_path.ino()) == (open.st_dev, open.st_ino)
}

/// Opens for watching alone: no permission to read is needed for it, a FIFO does not block, and
/// nobody else who watches the file sees it opened.
pub(crate) fn open(path: &Path) -> io::Result<OwnedFd> {
    Ok(openat(
        CWD,
        path,
        OFlags::PATH | OFlags::CLOEXEC,
        Mode::empty(),
    )?)
}
