//! Opening files that cannot lie outside a directory, whatever links and renames do meanwhile;
//! unless its owner wants links to lead wherever they lead.
//!
//! The kernel does it in one call, openat2(2) with RESOLVE_BENEATH. Where that call is missing or
//! a sandbox refuses it (ENOSYS, EPERM), the same rules are applied one component at a time: no
//! component is opened through a symbolic link; links are read and walked like the rest, `..`
//! returns to a directory that is already open, and nothing returns above the root.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, open, openat, readlinkat, statat};
use rustix::io::Errno;

use crate::limits::{OPEN_ATTEMPTS_MAX, SYMLINKS_MAX};
use crate::platform::{LOOK, WALK, open_beneath};

/// A directory beneath which files are opened. Clones share the descriptor.
#[derive(Debug, Clone)]
pub(crate) struct Beneath {
    directory: Arc<OwnedFd>,
    has_openat2: bool,
    follows_links_out: bool,
}

impl Beneath {
    /// Opens the directory itself, by any path.
    ///
    /// # Errors
    ///
    /// Those of open(2); ENOTDIR if it is no directory.
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        let flags = WALK | OFlags::CLOEXEC;
        let directory = Arc::new(open(path, flags, Mode::empty())?);
        let probe = open_beneath(&directory, b".", flags);
        let has_openat2 = !matches!(probe, Err(Errno::NOSYS | Errno::PERM));
        Ok(Beneath {
            directory,
            has_openat2,
            follows_links_out: false,
        })
    }

    /// The same directory, but links in it may lead out of it where that is said. A path still
    /// cannot: it holds no `..`.
    #[must_use]
    pub(crate) fn following_links_out(mut self, follows_links_out: bool) -> Self {
        self.follows_links_out = follows_links_out;
        self
    }

    /// The directory's descriptor, good for looking at it (on Linux O_PATH).
    pub(crate) fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Opens `path`, relative to the directory, with `flags`; nothing is created.
    ///
    /// # Errors
    ///
    /// Those of openat2(2); EXDEV where the path leads outside and may not.
    pub(crate) fn open(&self, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let path = if path.is_empty() { b"." } else { path };
        let mut flags = flags | OFlags::CLOEXEC;
        // openat2 refuses flags that mean nothing together.
        if !flags.contains(LOOK) {
            flags |= OFlags::NOCTTY;
        }
        if self.follows_links_out {
            components(path)?.try_for_each(|name| match &*name {
                b".." => Err(Errno::XDEV),
                _ => Ok(()),
            })?;
            return openat(&self.directory, path, flags, Mode::empty());
        }
        if !self.has_openat2 {
            return walk(self.directory.as_fd(), path, flags);
        }
        let mut attempt = 1;
        loop {
            match open_beneath(&self.directory, path, flags) {
                Err(Errno::INTR) => {}
                // A rename elsewhere in the tree made the kernel unsure; it asks to try again.
                Err(Errno::AGAIN) if attempt < OPEN_ATTEMPTS_MAX => attempt += 1,
                outcome => return outcome,
            }
        }
    }
}

/// openat2's RESOLVE_BENEATH in user space.
fn walk(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let mut open_directories: Vec<OwnedFd> = Vec::new();
    let mut pending: VecDeque<Vec<u8>> = components(path)?.collect();
    let mut links = 0;
    while let Some(name) = pending.pop_front() {
        if name == b".." {
            // Above the root there is nothing to return to.
            open_directories.pop().ok_or(Errno::XDEV)?;
            continue;
        }
        let parent = open_directories.last().map_or(root, AsFd::as_fd);
        let place = statat(parent, &*name, AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(place.st_mode) {
            FileType::Symlink => {
                links += 1;
                if links > SYMLINKS_MAX {
                    return Err(Errno::LOOP);
                }
                let target = readlinkat(parent, &*name, Vec::new())?;
                for name in components(target.as_bytes())?.rev() {
                    pending.push_front(name);
                }
            }
            // Should it have become a link meanwhile, NOFOLLOW refuses it.
            FileType::Directory => {
                let flags = WALK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                open_directories.push(openat(parent, &*name, flags, Mode::empty())?);
            }
            _ if pending.is_empty() => {
                return openat(parent, &*name, flags | OFlags::NOFOLLOW, Mode::empty());
            }
            _ => return Err(Errno::NOTDIR),
        }
    }
    let directory = open_directories.last().map_or(root, AsFd::as_fd);
    openat(directory, ".", flags, Mode::empty())
}

/// The components of a path; an absolute one leads outside.
fn components(path: &[u8]) -> rustix::io::Result<impl DoubleEndedIterator<Item = Vec<u8>>> {
    if path.starts_with(b"/") {
        return Err(Errno::XDEV);
    }
    let parts = path.split(|&byte| byte == b'/');
    Ok(parts
        .filter(|name| !matches!(*name, b"" | b"."))
        .map(<[u8]>::to_vec))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A tree with links that stay inside and links that do not.
    fn tree() -> tempfile::TempDir {
        let top = tempfile::tempdir().unwrap();
        let root = top.path().join("root");
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/b/file"), "inside").unwrap();
        fs::write(top.path().join("secret"), "outside").unwrap();
        for (target, link) in [
            ("a/b/file", "link"),
            ("../a/b", "a/up"),
            ("../secret", "out"),
            ("/etc/passwd", "absolute"),
            ("loop", "loop"),
            ("a/up/../../link", "long"),
            ("..", "parent"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        top
    }

    fn read(beneath: &Beneath, path: &str) -> Result<String, Errno> {
        let file = beneath.open(path.as_bytes(), OFlags::RDONLY)?;
        Ok(io::read_to_string(fs::File::from(file)).expect("the file can be read"))
    }

    #[test]
    fn kernel_and_walk_agree() {
        let top = tree();
        let kernel = Beneath::new(&top.path().join("root")).unwrap();
        let walk = Beneath {
            has_openat2: false,
            ..kernel.clone()
        };
        for beneath in [&kernel, &walk] {
            for path in [
                "a/b/file",
                "link",
                "a/up/file",
                "long",
                "a/../a/b/file",
                "./a//b/file",
            ] {
                assert_eq!(read(beneath, path).as_deref(), Ok("inside"), "{path}");
            }
            for (path, error) in [
                ("out", Errno::XDEV),
                ("../secret", Errno::XDEV),
                ("parent/secret", Errno::XDEV),
                ("parent", Errno::XDEV),
                ("absolute", Errno::XDEV),
                ("/etc/passwd", Errno::XDEV),
                ("loop", Errno::LOOP),
                ("none", Errno::NOENT),
                ("a/none/x", Errno::NOENT),
                ("link/x", Errno::NOTDIR),
            ] {
                assert_eq!(read(beneath, path), Err(error), "{path}");
            }
            assert!(
                beneath
                    .open(b"", OFlags::RDONLY | OFlags::DIRECTORY)
                    .is_ok()
            );
            assert!(
                beneath
                    .open(b"a/up", OFlags::RDONLY | OFlags::DIRECTORY)
                    .is_ok()
            );
            let long = vec![b'n'; 300];
            assert_eq!(
                beneath.open(&long, OFlags::RDONLY).unwrap_err(),
                Errno::NAMETOOLONG
            );
        }
    }

    #[test]
    fn links_may_be_allowed_to_lead_out() {
        let top = tree();
        let beneath = Beneath::new(&top.path().join("root")).unwrap();
        let beneath = beneath.following_links_out(true);
        for (path, expected) in [
            ("out", Ok("outside")),
            ("link", Ok("inside")),
            ("parent/secret", Ok("outside")),
            ("../secret", Err(Errno::XDEV)),
            ("a/../../secret", Err(Errno::XDEV)),
            ("/etc/passwd", Err(Errno::XDEV)),
            ("loop", Err(Errno::LOOP)),
        ] {
            let expected = expected.map(str::to_owned);
            assert_eq!(read(&beneath, path), expected, "{path}");
        }
    }

    #[test]
    fn the_root_must_be_a_directory() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Beneath::new(file.path()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
    }
}
