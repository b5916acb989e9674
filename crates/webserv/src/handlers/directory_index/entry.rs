//! What a directory holds, as far as it can be served.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, FileType, Stat, fstat, statat};

use super::order::Order;
use crate::handlers::files::Place;
use crate::handlers::static_file::modification_time;
use crate::http::date::HttpDate;
use crate::http::target::ResourcePath;
use crate::limits::LISTING_ENTRIES_MAX;
use crate::platform::LOOK;
use crate::route::beneath::Beneath;
use crate::route::resolve::{Refusal, is_unlisted, join};

/// One line of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The name as bytes, as the file system has it.
    pub(super) name: Vec<u8>,
    pub(super) is_directory: bool,
    /// In bytes; 0 for a directory.
    pub(super) size: u64,
    /// None for a time that HTTP cannot write.
    pub(super) modified: Option<HttpDate>,
}

/// What is needed to read a directory on another thread.
pub(super) struct Reader {
    beneath: Beneath,
    path: ResourcePath,
    directory: OwnedFd,
    serves_hidden: bool,
}

impl Reader {
    pub(super) fn new(place: &Place<'_>, directory: OwnedFd) -> Self {
        Reader {
            beneath: place.beneath.clone(),
            path: place.path.clone(),
            directory,
            serves_hidden: place.route.serves_hidden,
        }
    }

    /// The entries in that order, and whether there are more than can be shown. Blocks.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] when the directory cannot be read.
    pub(super) fn read(&self, order: Order) -> Result<(Vec<Entry>, bool), Refusal> {
        let mut entries = Vec::new();
        let mut has_more = false;
        for entry in Dir::read_from(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") || is_unlisted(self.serves_hidden, name) {
                continue;
            }
            if entries.len() == LISTING_ENTRIES_MAX {
                has_more = true;
                break;
            }
            entries.extend(self.look_up(name));
        }
        entries.sort_unstable_by(|this, that| order.compare(this, that));
        Ok((entries, has_more))
    }

    /// None for what could not be served: links that lead outside or nowhere, sockets, FIFOs,
    /// devices, and files that vanished meanwhile.
    fn look_up(&self, name: &[u8]) -> Option<Entry> {
        let mut stat = statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
            stat = self.stat_link(name)?;
        }
        let is_directory = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => true,
            FileType::RegularFile => false,
            _ => return None,
        };
        Some(Entry {
            name: name.to_vec(),
            is_directory,
            size: if is_directory {
                0
            } else {
                u64::try_from(stat.st_size).unwrap_or(0)
            },
            modified: HttpDate::from_unix_seconds(modification_time(&stat).0),
        })
    }

    /// The metadata of what a request for a symbolic link would open.
    fn stat_link(&self, name: &[u8]) -> Option<Stat> {
        let place = self.beneath.open(&join(&self.path, name), LOOK).ok()?;
        fstat(&place).ok()
    }
}
