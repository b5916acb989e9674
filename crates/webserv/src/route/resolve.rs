//! A resource path becomes an open file, an open directory, a redirection, or a refusal.

use std::os::fd::OwnedFd;

use ::http::StatusCode;
use rustix::fs::{FileType, OFlags, Stat, fstat};
use rustix::io::Errno;

use super::beneath::Beneath;
use crate::http::target::ResourcePath;

/// The file that answers for its directory.
const INDEX: &[u8] = b"index.html";

/// Names that begin with a dot are hidden, but for this one (RFC 8615).
const WELL_KNOWN: &[u8] = b".well-known";

/// What a path names.
#[derive(Debug)]
pub(crate) enum Found {
    /// A regular file, open for reading.
    File(FoundFile),
    /// A directory without an index file, open for reading.
    Directory(OwnedFd),
    /// A directory that was named without its final slash.
    NeedsSlash,
}

/// A regular file and what was known of it when it was opened.
#[derive(Debug)]
pub(crate) struct FoundFile {
    /// The open file.
    pub(crate) file: OwnedFd,
    /// Its metadata, taken from the open file.
    pub(crate) stat: Stat,
    /// The last component of its name, for the media type.
    pub(crate) name: Vec<u8>,
}

/// Why a path cannot be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is nothing, or nothing that may be seen.
    NotFound,
    /// It exists, but may not be read, or is a link that leads outside.
    Forbidden,
    /// Out of descriptors or memory for the moment.
    Unavailable,
    /// Anything else that should not happen.
    Failed(Errno),
}

impl Refusal {
    /// The status code of the answer.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Refusal::NotFound => StatusCode::NOT_FOUND,
            Refusal::Forbidden => StatusCode::FORBIDDEN,
            Refusal::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        match errno {
            // ENXIO and ENODEV: a socket, a FIFO or a device without anything behind it;
            // EOPNOTSUPP: a socket on BSD.
            Errno::NOENT
            | Errno::NOTDIR
            | Errno::NAMETOOLONG
            | Errno::LOOP
            | Errno::NXIO
            | Errno::NODEV
            | Errno::OPNOTSUPP
            | Errno::ILSEQ
            | Errno::INVAL => Refusal::NotFound,
            Errno::ACCESS | Errno::PERM | Errno::XDEV => Refusal::Forbidden,
            Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN => Refusal::Unavailable,
            other => Refusal::Failed(other),
        }
    }
}

/// Finds what a path names beneath the root.
///
/// # Errors
///
/// A [`Refusal`].
pub(crate) fn resolve(beneath: &Beneath, path: &ResourcePath) -> Result<Found, Refusal> {
    if is_hidden(path) {
        return Err(Refusal::NotFound);
    }
    if path.is_directory_form() {
        return resolve_directory(beneath, path);
    }
    match open_file(beneath, path.as_bytes())? {
        Some(found) => Ok(Found::File(found)),
        None => Ok(Found::NeedsSlash),
    }
}

/// The index file, or else the directory itself. The index is tried first, so that the front page
/// of a site costs one open.
fn resolve_directory(beneath: &Beneath, path: &ResourcePath) -> Result<Found, Refusal> {
    let index = [path.as_bytes(), b"/", INDEX].concat();
    let index = index.strip_prefix(b"/").unwrap_or(&index);
    match open_file(beneath, index) {
        Ok(Some(found)) => return Ok(Found::File(found)),
        Ok(None) | Err(Refusal::NotFound) => {}
        Err(refusal) => return Err(refusal),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    Ok(Found::Directory(beneath.open(path.as_bytes(), flags)?))
}

/// Opens a regular file; none for a directory. O_NONBLOCK: a FIFO or a device must not hold up the
/// worker, and is refused as soon as it is known.
fn open_file(beneath: &Beneath, path: &[u8]) -> Result<Option<FoundFile>, Refusal> {
    let file = beneath.open(path, OFlags::RDONLY | OFlags::NONBLOCK)?;
    let stat = fstat(&file)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {
            let name = path
                .rsplit(|&byte| byte == b'/')
                .next()
                .unwrap_or_default()
                .to_vec();
            Ok(Some(FoundFile { file, stat, name }))
        }
        FileType::Directory => Ok(None),
        _ => Err(Refusal::NotFound),
    }
}

/// Whether a name on the path begins with a dot. `/.well-known/` is open, what is hidden in it is
/// not.
fn is_hidden(path: &ResourcePath) -> bool {
    path.segments()
        .enumerate()
        .any(|(depth, name)| name.starts_with(b".") && !(depth == 0 && name == WELL_KNOWN))
}

/// Whether a directory entry is left out of listings.
pub(crate) fn is_unlisted(name: &[u8]) -> bool {
    name.starts_with(b".")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn find(root: &Path, path: &str) -> Result<&'static str, Refusal> {
        let beneath = Beneath::new(root).unwrap();
        resolve(&beneath, &ResourcePath::decode(path).unwrap()).map(|found| match found {
            Found::File(_) => "file",
            Found::Directory(_) => "directory",
            Found::NeedsSlash => "needs slash",
        })
    }

    #[test]
    fn paths_name_files_directories_and_nothing() {
        let top = tempfile::tempdir().unwrap();
        for directory in [
            "sub",
            "idx",
            "odd/index.html",
            ".git",
            ".well-known",
            "sub/.well-known",
        ] {
            fs::create_dir_all(top.path().join(directory)).unwrap();
            fs::write(top.path().join(directory).join("x"), "").unwrap();
        }
        fs::write(top.path().join("idx/index.html"), "").unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            top.path().join("fifo"),
            FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        for (path, expected) in [
            ("/", Ok("directory")),
            ("/sub", Ok("needs slash")),
            ("/sub/", Ok("directory")),
            ("/sub/x", Ok("file")),
            ("/sub/x/", Err(Refusal::NotFound)),
            ("/sub/x/y", Err(Refusal::NotFound)),
            ("/idx/", Ok("file")),
            ("/odd/", Ok("directory")),
            ("/fifo", Err(Refusal::NotFound)),
            ("/none", Err(Refusal::NotFound)),
            ("/none/", Err(Refusal::NotFound)),
            ("/.git/x", Err(Refusal::NotFound)),
            ("/.well-known/x", Ok("file")),
            ("/sub/.well-known/x", Err(Refusal::NotFound)),
        ] {
            assert_eq!(find(top.path(), path), expected, "{path}");
        }
    }
}
