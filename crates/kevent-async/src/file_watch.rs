//! `FileWatch`: what happens to an open file or directory.

use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::task::{Context, Poll};

use kevent::{Kevent, NoteVnode};
use rustix::fs::{Mode, OFlags};

use crate::source::Source;

/// A file, directory, FIFO or symbolic link that is watched: one `EVFILT_VNODE` knote.
///
/// It belongs to the open file, not to its name, and goes on after a rename and after the removal
/// of the last name. To follow a name, watch its directory for [`NoteVnode::WRITE`], and open the
/// name anew when that says so.
///
/// Changes are seen from the moment it is made, and gathered until they are asked for. It belongs
/// to the thread that made it, and one descriptor number must be in one `FileWatch` of the thread
/// at a time; a file may be open, and watched, any number of times. Dropping it deletes the knote,
/// then closes the descriptor if `T` does.
///
/// # Examples
/// ```
/// use kevent::NoteVnode;
/// use kevent_async::{FileWatch, block_on};
/// use std::io::Write;
///
/// block_on(async {
///     let mut file = tempfile::NamedTempFile::new()?;
///     let watch = FileWatch::open(file.path(), NoteVnode::WRITE)?;
///     file.write_all(b"hello")?;
///     assert!(watch.changed().await.contains(NoteVnode::WRITE));
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # References
/// kqueue(2), FreeBSD 15, `EVFILT_VNODE`; `docs/semantics.md`, C6.
#[derive(Debug)]
pub struct FileWatch<T: AsFd> {
    // Before `file`, so that the knote is deleted before the number is free.
    source: Source,
    file: T,
}

impl FileWatch<OwnedFd> {
    /// Opens the file or directory of this name to watch it.
    ///
    /// # Errors
    /// As open(2) for reading, and as [`new`](Self::new).
    pub fn open(path: impl AsRef<Path>, notes: NoteVnode) -> io::Result<Self> {
        // Without O_NONBLOCK, opening a FIFO waits for its writer.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open(path.as_ref(), flags, Mode::empty())?;
        Self::new(file, notes)
    }
}

impl<T: AsFd> FileWatch<T> {
    /// Watches an open file for these changes.
    ///
    /// # Errors
    /// As [`Kevent::vnode`] tells:
    /// - `EINVAL`: not a file: a socket, a pipe, a queue.
    /// - `ENOTSUP`: a note that this system does not have; no `/proc`; the deletion of a directory
    ///   whose parent may not be read.
    /// - `EACCES`: the file may not be read.
    /// - `EMFILE`, `ENFILE`, `ENOMEM`, `ENOSPC`: the limits on descriptors or watches are reached.
    pub fn new(file: T, notes: NoteVnode) -> io::Result<Self> {
        let change = Kevent::vnode(file.as_fd().as_raw_fd(), notes).clear();
        let source = Source::watch(change)?;
        Ok(Self { source, file })
    }

    /// What it watches.
    #[must_use]
    pub fn get_ref(&self) -> &T {
        &self.file
    }

    /// Stops watching, and gives the descriptor back, open.
    #[must_use]
    pub fn into_inner(self) -> T {
        let Self { source, file } = self;
        drop(source);
        file
    }

    /// Waits for a change: all that has happened since the last time. It may be more than was
    /// asked for, as [`NoteVnode`] tells.
    ///
    /// Of several tasks that wait, one gets it. Dropping the future loses nothing.
    pub async fn changed(&self) -> NoteVnode {
        poll_fn(|context| self.poll_changed(context)).await
    }

    /// [`changed`](Self::changed) for hand-written futures.
    pub fn poll_changed(&self, context: &mut Context<'_>) -> Poll<NoteVnode> {
        self.source
            .poll_notes(context)
            .map(NoteVnode::from_bits_truncate)
    }
}
