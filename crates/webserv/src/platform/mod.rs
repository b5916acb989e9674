//! What differs between Linux and the systems with a kqueue of their own: the one place where this
//! crate asks which system it is on.
//!
//! Both variants have the same items. The portable one does without openat2(2), `O_PATH`,
//! sendfile(2), `MSG_MORE` and `TCP_NOTSENT_LOWAT`; its parts are tested on Linux,
//! the whole is only ever type-checked.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(test, not(target_os = "linux")))]
mod portable;

#[cfg(target_os = "linux")]
pub(crate) use linux::*;
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::*;

use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, Mode, linkat, unlinkat};

/// The mode of files that are made, before the umask.
pub(crate) const FILE_MODE: Mode = Mode::from_raw_mode(0o666);

/// Renames by way of a second link, which is refused where the name is taken.
fn rename_by_link(directory: BorrowedFd<'_>, old: &[u8], new: &[u8]) -> rustix::io::Result<()> {
    linkat(directory, old, directory, new, AtFlags::empty())?;
    unlinkat(directory, old, AtFlags::empty())
}
