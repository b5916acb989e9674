//! Where an upload goes: an open directory, and what has the name already.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::fs::{AtFlags, FileType, OFlags, Stat, statat};
use rustix::io::Errno;

use super::refused::Refused;
use crate::handlers::files::Place;
use crate::handlers::static_file::validators;
use crate::http::date::HttpDate;
use crate::http::precondition::{self, Outcome, Validators};
use crate::http::request::Request;
use crate::route::beneath::Beneath;
use crate::route::resolve::is_hidden;
use crate::site::{Matcher, Upload};
use ::http::header::IF_MATCH;

/// The directory that a path leads to, not yet opened: what crosses to another thread.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    top: Top,
    /// Relative to the top; empty for the top itself.
    path: Vec<u8>,
}

#[derive(Debug, Clone)]
enum Top {
    Root(Beneath),
    Store(PathBuf),
}

impl Directory {
    /// The directory of the path itself.
    ///
    /// # Errors
    ///
    /// [`Refused::NotFound`] for hidden paths.
    pub(super) fn of_path(place: &Place<'_>, upload: &Upload) -> Result<Self, Refused> {
        if !place.route.serves_hidden && is_hidden(place.path) {
            return Err(Refused::NotFound);
        }
        Ok(match &upload.store {
            None => Directory {
                top: Top::Root(place.beneath.clone()),
                path: place.path.as_bytes().to_vec(),
            },
            Some(store) => Directory {
                top: Top::Store(store.clone()),
                path: below_prefix(place).to_vec(),
            },
        })
    }

    /// The directory that holds what the path names, and the name.
    ///
    /// # Errors
    ///
    /// [`Refused::NotAFile`] for a path that can only name a directory; as
    /// [`of_path`](Self::of_path).
    pub(super) fn of_file(place: &Place<'_>, upload: &Upload) -> Result<(Self, Vec<u8>), Refused> {
        if place.path.is_directory_form() {
            return Err(Refused::NotAFile);
        }
        Self::of_path(place, upload)?
            .split()
            .ok_or(Refused::NotAFile)
    }

    /// Takes the last component off; none for the top itself.
    pub(super) fn split(mut self) -> Option<(Self, Vec<u8>)> {
        let start = self.path.iter().rposition(|&byte| byte == b'/');
        let name = match start {
            Some(start) => self.path.split_off(start + 1),
            None => std::mem::take(&mut self.path),
        };
        self.path.pop();
        (!name.is_empty()).then_some((self, name))
    }

    /// Opens it. Blocks.
    ///
    /// # Errors
    ///
    /// Those of open(2); EXDEV where the path leads outside.
    pub(super) fn open(&self) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        match &self.top {
            Top::Root(beneath) => beneath.open(&self.path, flags),
            Top::Store(store) => Beneath::new(store)
                .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?
                .open(&self.path, flags),
        }
    }
}

/// The path without the prefix that the route matched: what it is relative to a store.
fn below_prefix<'p>(place: &'p Place<'_>) -> &'p [u8] {
    let path = place.asked.as_bytes();
    let Matcher::Prefix(prefix) = &place.route.matcher else {
        return path;
    };
    let prefix = prefix.trim_matches('/').as_bytes();
    let rest = path.strip_prefix(prefix).unwrap_or(path);
    rest.strip_prefix(b"/").unwrap_or(rest)
}

/// What has a name in a directory; nothing, if it is free. Blocks.
///
/// # Errors
///
/// [`Refused::NotAFile`] for anything but a regular file: a link is not followed, so that nothing
/// outside can be named by one.
pub(super) fn existing(directory: &OwnedFd, name: &[u8]) -> Result<Option<Stat>, Refused> {
    match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => {
            Ok(Some(stat))
        }
        Ok(_) => Err(Refused::NotAFile),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// The preconditions of a request that changes what has the name (RFC 9110 section 13.2.2).
///
/// # Errors
///
/// [`Refused::Precondition`].
pub(super) fn check_preconditions(
    request: &Request,
    existing: Option<&Stat>,
    now: HttpDate,
) -> Result<(), Refused> {
    let outcome = match existing {
        Some(stat) => {
            let validators: Validators = validators(stat, now);
            precondition::evaluate(&request.method, &request.fields, &validators, now)
        }
        // Nothing matches what is not there.
        None if request.fields.first(&IF_MATCH).is_some() => Outcome::Failed,
        None => Outcome::Proceed,
    };
    match outcome {
        Outcome::Proceed => Ok(()),
        Outcome::NotModified | Outcome::Failed => Err(Refused::Precondition),
    }
}
