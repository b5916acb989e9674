//! Mounted file systems: what has come and gone.
//!
//! `/proc/self/mountinfo` of the queue's own mount namespace, opened with the first FS knote.
//! Every change of the list wakes whoever watches the file, and the list before is compared with
//! the list after.
//!
//! The file also calls a change "priority data", but that state is lost to the first poll of any
//! kind on the open file, such as poll(2) on the queue. It is always readable, so an edge-triggered
//! watch for reading reports every wake-up, whoever else has looked.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::{AsRawFd, RawFd};

use crate::closing::numbers;

/// The open list, and what stood in it.
#[derive(Debug)]
pub(crate) struct Mounts {
    file: File,
    known: HashSet<Mount>,
    news: MountNews,
}

impl Drop for Mounts {
    fn drop(&mut self) {
        numbers::disown(self.number());
    }
}

/// What has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MountNews {
    pub(crate) is_mounted: bool,
    pub(crate) is_unmounted: bool,
}

/// What tells one mount from another: id, device, root and mount point. Its options may change.
type Mount = Vec<u8>;

impl Mounts {
    /// The list as it is.
    pub(crate) fn open() -> io::Result<Self> {
        let mut mounts = Self {
            file: File::open("/proc/self/mountinfo")?,
            known: HashSet::new(),
            news: MountNews::default(),
        };
        // Dropping `mounts` gives the number up.
        numbers::own(mounts.number());
        mounts.known = mounts.read()?;
        Ok(mounts)
    }

    /// The descriptor to watch.
    pub(crate) fn number(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    /// Reads the list again; the difference is the news.
    pub(crate) fn refresh(&mut self) {
        self.news = MountNews::default();
        // Without memory the difference is found at the next change.
        if let Ok(now) = self.read() {
            self.news = MountNews {
                is_mounted: !now.is_subset(&self.known),
                is_unmounted: !self.known.is_subset(&now),
            };
            self.known = now;
        }
    }

    /// What changed at the last refresh.
    pub(crate) const fn news(&self) -> MountNews {
        self.news
    }

    fn read(&mut self) -> io::Result<HashSet<Mount>> {
        let mut text = Vec::new();
        self.file.rewind()?;
        self.file.read_to_end(&mut text)?;
        let lines = text.split(|&byte| byte == b'\n');
        Ok(lines.filter(|line| !line.is_empty()).map(mount).collect())
    }
}

/// The first five fields of a line but the second, the parent's id, which may change.
fn mount(line: &[u8]) -> Mount {
    let fields = line.split(|&byte| byte == b' ').take(5).enumerate();
    let telling = fields.filter(|(place, _)| *place != 1);
    telling
        .map(|(_, field)| field)
        .collect::<Vec<_>>()
        .join(&b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_do_not_tell_mounts_apart() {
        let before = mount(b"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw");
        assert_eq!(before, b"36 98:0 /mnt1 /mnt2");
        assert_eq!(
            before,
            mount(b"36 7 98:0 /mnt1 /mnt2 ro - ext3 /dev/root ro")
        );
    }

    #[test]
    fn nothing_has_changed_at_first() {
        let mut mounts = Mounts::open().unwrap();
        assert!(!mounts.known.is_empty());
        let absent = b"0 0:0 / /nowhere".to_vec();
        mounts.known.insert(absent);
        mounts.refresh();
        assert!(mounts.news().is_unmounted);
    }
}
