//! The served directory: held open, and looked up again by its name now and then, so that a
//! directory that was replaced (or a link that was switched to a new release) is noticed.

use std::cell::RefCell;
use std::path::PathBuf;
use std::time::Instant;

use rustix::fs::{fstat, stat};
use rustix::io::Errno;

use super::beneath::Beneath;
use crate::limits::ROOT_RECHECK;

/// A worker's view of the served directory.
#[derive(Debug)]
pub(crate) struct Root {
    path: PathBuf,
    current: RefCell<Current>,
}

#[derive(Debug)]
struct Current {
    beneath: Option<Beneath>,
    checked: Instant,
}

impl Root {
    /// Opens the directory; `path` should be absolute. If that fails it is tried again, as for one
    /// that was replaced.
    pub(crate) fn open(path: PathBuf, now: Instant) -> Self {
        let current = RefCell::new(Current {
            beneath: Beneath::new(&path).ok(),
            checked: now,
        });
        Root { path, current }
    }

    /// The directory to open files beneath. While the name leads nowhere, the old directory stays:
    /// if it was removed it is empty, so every file in it is "not found".
    ///
    /// # Errors
    ///
    /// ENOENT: the name has never led anywhere.
    pub(crate) fn beneath(&self, now: Instant) -> Result<Beneath, Errno> {
        let mut current = self.current.borrow_mut();
        if now.duration_since(current.checked) >= ROOT_RECHECK {
            current.checked = now;
            let is_same = current
                .beneath
                .as_ref()
                .is_some_and(|beneath| self.is_same(beneath));
            if !is_same && let Ok(beneath) = Beneath::new(&self.path) {
                current.beneath = Some(beneath);
            }
        }
        current.beneath.clone().ok_or(Errno::NOENT)
    }

    fn is_same(&self, beneath: &Beneath) -> bool {
        match (stat(&self.path), fstat(beneath.directory())) {
            (Ok(named), Ok(held)) => (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::fs::OFlags;

    use super::*;

    #[test]
    fn a_replaced_directory_is_noticed() {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().join("root");
        fs::create_dir(&path).unwrap();
        let start = Instant::now();
        let root = Root::open(path.clone(), start);
        assert!(
            root.beneath(start)
                .unwrap()
                .open(b"new", OFlags::RDONLY)
                .is_err()
        );
        fs::rename(&path, top.path().join("old")).unwrap();
        let later = start + ROOT_RECHECK;
        assert!(
            root.beneath(later)
                .unwrap()
                .open(b"new", OFlags::RDONLY)
                .is_err()
        );
        fs::create_dir(&path).unwrap();
        fs::write(path.join("new"), "").unwrap();
        assert!(
            root.beneath(later + ROOT_RECHECK)
                .unwrap()
                .open(b"new", OFlags::RDONLY)
                .is_ok()
        );
    }
}
