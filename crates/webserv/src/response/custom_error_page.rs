//! A site's own pages for errors.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Instant;

use ::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use rustix::fs::{FileType, Mode, OFlags, fstat, open};

use super::content::{Content, FilePart};
use super::head::Response;
use crate::http::media_type;
use crate::route::root::Root;

/// Puts the page of that path in the place of the one the server made; the status stays. If there
/// is no such file, or it cannot be read, the server's own page stays: an error page never has
/// another error. What a program has answered is left alone.
pub(crate) fn put(response: &mut Response, root: &Root, path: &Path) {
    if !matches!(response.content, Content::Bytes(_) | Content::Empty) {
        return;
    }
    match page(root, path) {
        Ok(part) => {
            response.content = Content::File(part);
            response.fields.remove(&CONTENT_TYPE);
            // The policy is for the server's own page.
            response.fields.remove(&CONTENT_SECURITY_POLICY);
            let media_type = media_type::of_file_name(path.as_os_str().as_bytes());
            response.fields.push(&CONTENT_TYPE, media_type);
        }
        Err(error) => {
            let path = path.display();
            tracing::warn!(%path, %error, "cannot open the error page");
        }
    }
}

/// A path that is not absolute is one below the root.
fn page(root: &Root, path: &Path) -> rustix::io::Result<FilePart> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = if path.is_absolute() {
        open(path, flags, Mode::empty())?
    } else {
        let beneath = root.beneath(Instant::now())?;
        beneath.open(path.as_os_str().as_bytes(), flags)?
    };
    let stat = fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(rustix::io::Errno::INVAL);
    }
    Ok(FilePart {
        file,
        offset: 0,
        // A regular file's size is never negative.
        length: u64::try_from(stat.st_size).unwrap_or(0),
    })
}
