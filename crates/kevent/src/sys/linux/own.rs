//! `Own`: a descriptor that a queue has made for itself, and which the program knows nothing of.
//!
//! The number is noted (`closing::numbers`), so that who sees the program's calls can keep a close
//! of every number there is away from it, and close it in a forked child.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use crate::closing::numbers;

/// A descriptor of a queue's own.
#[derive(Debug)]
pub(crate) struct Own(OwnedFd);

impl From<OwnedFd> for Own {
    /// Not a number that programs use for a file of their choice, where there is another.
    fn from(fd: OwnedFd) -> Self {
        let fd = match fd.as_raw_fd() {
            0..=2 => fd.try_clone().unwrap_or(fd),
            _ => fd,
        };
        numbers::own(fd.as_raw_fd());
        Self(fd)
    }
}

impl AsFd for Own {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Own {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // Before it is closed: afterwards the number may be another's.
        numbers::disown(self.0.as_raw_fd());
    }
}
