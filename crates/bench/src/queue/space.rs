//! Q7 and Q8: descriptors and bytes of 10,000 watched files, and bytes of 19,000 watched sockets.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};

use kevent::{Filter, Flags, Kevent, NoteVnode};

use super::side::{CQueue, Data, KEVENT, Poller, Queue, RustQueue};
use super::sockets::unix;
use super::timer::open_descriptors;
use crate::report::Row;
use crate::rounds::Kit;
use crate::sys::allocator::{bytes_kept, malloc_bytes};
use crate::sys::library::Library;
use crate::table::grouped;

const FILES: usize = 10_000;
const SOCKETS: usize = 19_000;
/// Descriptors that this process needs for itself.
const RESERVE: usize = 1_000;

/// Q7: VNODE watches.
pub(crate) fn q7(kit: &mut Kit, libraries: &[Library], limit: usize) -> io::Result<()> {
    let wanted = if kit.is_quick { 1_000 } else { FILES };
    let count = wanted.min(limit.saturating_sub(RESERVE));
    kit.progress.say("Q7 watched files", "making them");
    let directory = Directory::new(count)?;
    let files = directory.open(count)?;
    let mut descriptors = Row::new(
        "Q7",
        format!("{} VNODE watches", grouped(count as f64)),
        "descriptors",
    );
    let mut bytes = Row::new(
        "Q7",
        format!("{} VNODE watches", grouped(count as f64)),
        "bytes per watch",
    );

    let before = open_descriptors()?;
    let (kept, queue) = bytes_kept(|| watch_files(RustQueue::new(Data::Without)?, &files));
    let queue = queue?;
    // The queue itself is not counted.
    let used = open_descriptors()?.saturating_sub(before + 1);
    drop(queue);
    descriptors.exact(KEVENT, used as f64);
    descriptors.claim_figure(KEVENT, 1.0);
    bytes.exact(KEVENT, kept as f64 / count as f64);

    for library in libraries {
        let (before, heap) = (open_descriptors()?, malloc_bytes());
        match CQueue::new(library).and_then(|queue| watch_files(queue, &files)) {
            Ok(_queue) => {
                let kept = malloc_bytes() - heap;
                let used = open_descriptors()?.saturating_sub(before + 1);
                descriptors.exact(library.name(), used as f64);
                bytes.exact(library.name(), kept as f64 / count as f64);
            }
            Err(failure) => {
                let name = library.name();
                descriptors.notes.push(format!("{name}: {failure}"));
            }
        }
    }
    for mut row in [descriptors, bytes] {
        row.claim_ratio(super::side::OURS_IN_C, super::side::PEER, Some(1.0));
        kit.rows.push(row);
    }
    Ok(())
}

fn watch_files<Q: Queue>(mut queue: Q, files: &[File]) -> io::Result<Q> {
    let notes = NoteVnode::WRITE | NoteVnode::DELETE;
    for file in files {
        let number = usize::try_from(file.as_raw_fd()).unwrap_or_default();
        let flags = Flags::ADD | Flags::CLEAR;
        let change = Kevent::new(number, Filter::VNODE, flags).fflags(notes);
        queue.apply(&[Q::change(change)])?;
    }
    Ok(queue)
}

/// A directory of small files that goes away again.
struct Directory(PathBuf);

impl Directory {
    fn new(count: usize) -> io::Result<Self> {
        let name = format!("kevent-bench-{}", std::process::id());
        let directory = Self(std::env::temp_dir().join(name));
        fs::create_dir(&directory.0)?;
        for number in 0..count {
            fs::write(directory.0.join(number.to_string()), b"")?;
        }
        Ok(directory)
    }

    fn open(&self, count: usize) -> io::Result<Vec<File>> {
        let open = |number: usize| File::open(self.path().join(number.to_string()));
        (0..count).map(open).collect()
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What cannot be removed is a handful of empty files in the system's own place for them.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Q8: memory of watched sockets.
pub(crate) fn q8(kit: &mut Kit, libraries: &[Library], limit: usize) -> io::Result<()> {
    let wanted = if kit.is_quick { 1_000 } else { SOCKETS };
    let count = wanted.min(limit.saturating_sub(RESERVE));
    kit.progress.say("Q8 watched sockets", "making them");
    let sockets = unix(count)?;
    let title = format!("memory of {} watched sockets", grouped(count as f64));
    let mut row = Row::new("Q8", title, "bytes per descriptor");
    let (kept, queue) = bytes_kept(|| watch_all(RustQueue::new(Data::Without)?, &sockets));
    drop(queue?);
    row.exact(KEVENT, kept as f64 / sockets.len() as f64);
    row.claim_figure(KEVENT, 80.0);
    for library in libraries {
        let heap = malloc_bytes();
        match CQueue::new(library).and_then(|queue| watch_all(queue, &sockets)) {
            Ok(_queue) => {
                let kept = malloc_bytes() - heap;
                row.exact(library.name(), kept as f64 / sockets.len() as f64);
            }
            Err(failure) => row.notes.push(format!("{}: {failure}", library.name())),
        }
    }
    row.claim_ratio(super::side::OURS_IN_C, super::side::PEER, Some(1.0));
    row.notes.push(
        "of the crate what it asks the allocator for, of a C library what malloc(3) holds"
            .to_owned(),
    );
    kit.rows.push(row);
    Ok(())
}

fn watch_all<P: Poller>(mut poller: P, sockets: &[impl AsFd]) -> io::Result<P> {
    for (token, socket) in sockets.iter().enumerate() {
        poller.watch(socket.as_fd(), token)?;
    }
    Ok(poller)
}
