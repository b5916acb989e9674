//! A resource path becomes an open file, an open directory, a redirection, or a refusal.

use std::os::fd::OwnedFd;

use ::http::StatusCode;
use rustix::fs::{FileType, OFlags, Stat, fstat};
use rustix::io::Errno;

use super::beneath::Beneath;
use crate::http::target::ResourcePath;
use crate::site::Route;

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
    /// Its path beneath the root.
    pub(crate) path: Vec<u8>,
}

impl FoundFile {
    /// The last component of its path, for the media type.
    pub(crate) fn name(&self) -> &[u8] {
        self.path
            .rsplit(|&byte| byte == b'/')
            .next()
            .unwrap_or_default()
    }
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

/// Finds what a path names beneath the root of a route.
///
/// # Errors
///
/// A [`Refusal`].
pub(crate) fn resolve(
    beneath: &Beneath,
    route: &Route,
    path: &ResourcePath,
) -> Result<Found, Refusal> {
    if !route.serves_hidden && is_hidden(path) {
        return Err(Refusal::NotFound);
    }
    if path.is_directory_form() {
        return resolve_directory(beneath, route, path);
    }
    match open_file(beneath, path.as_bytes())? {
        Some(found) => Ok(Found::File(found)),
        None => Ok(Found::NeedsSlash),
    }
}

/// The first index file that is there, or else the directory itself. The index is tried first, so
/// that the front page of a site costs one open.
fn resolve_directory(
    beneath: &Beneath,
    route: &Route,
    path: &ResourcePath,
) -> Result<Found, Refusal> {
    for name in &route.index {
        let index = join(path, name.as_bytes());
        match open_file(beneath, &index) {
            Ok(Some(found)) => return Ok(Found::File(found)),
            Ok(None) | Err(Refusal::NotFound) => {}
            Err(refusal) => return Err(refusal),
        }
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let directory = beneath.open(path.as_bytes(), flags)?;
    if route.has_listing {
        Ok(Found::Directory(directory))
    } else {
        Err(Refusal::Forbidden)
    }
}

/// The path of a file in a directory.
pub(crate) fn join(directory: &ResourcePath, name: &[u8]) -> Vec<u8> {
    if directory.is_root() {
        name.to_vec()
    } else {
        [directory.as_bytes(), b"/", name].concat()
    }
}

/// Opens a regular file; none for a directory. O_NONBLOCK: a FIFO or a device must not hold up the
/// worker, and is refused as soon as it is known.
///
/// # Errors
///
/// A [`Refusal`]; what is neither file nor directory is not found.
pub(crate) fn open_file(beneath: &Beneath, path: &[u8]) -> Result<Option<FoundFile>, Refusal> {
    let file = beneath.open(path, OFlags::RDONLY | OFlags::NONBLOCK)?;
    let stat = fstat(&file)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {
            let path = path.to_vec();
            Ok(Some(FoundFile { file, stat, path }))
        }
        FileType::Directory => Ok(None),
        _ => Err(Refusal::NotFound),
    }
}

/// Whether a name on the path begins with a dot. `/.well-known/` is open, what is hidden in it is
/// not.
pub(crate) fn is_hidden(path: &ResourcePath) -> bool {
    path.segments()
        .enumerate()
        .any(|(depth, name)| name.starts_with(b".") && !(depth == 0 && name == WELL_KNOWN))
}

/// Whether a directory entry is left out of listings.
pub(crate) fn is_unlisted(serves_hidden: bool, name: &[u8]) -> bool {
    !serves_hidden && name.starts_with(b".")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn find_by(route: &Route, path: &str) -> Result<String, Refusal> {
        let beneath = Beneath::new(&route.root).unwrap();
        let path = ResourcePath::decode(path).unwrap();
        resolve(&beneath, route, &path).map(|found| match found {
            Found::File(found) => String::from_utf8(found.path).unwrap(),
            Found::Directory(_) => "directory".to_owned(),
            Found::NeedsSlash => "needs slash".to_owned(),
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
        let route = Route::of_directory(top.path().to_owned());
        for (path, expected) in [
            ("/", Ok("directory")),
            ("/sub", Ok("needs slash")),
            ("/sub/", Ok("directory")),
            ("/sub/x", Ok("sub/x")),
            ("/sub/x/", Err(Refusal::NotFound)),
            ("/sub/x/y", Err(Refusal::NotFound)),
            ("/idx/", Ok("idx/index.html")),
            ("/odd/", Ok("directory")),
            ("/fifo", Err(Refusal::NotFound)),
            ("/none", Err(Refusal::NotFound)),
            ("/none/", Err(Refusal::NotFound)),
            ("/.git/x", Err(Refusal::NotFound)),
            ("/.well-known/x", Ok(".well-known/x")),
            ("/sub/.well-known/x", Err(Refusal::NotFound)),
        ] {
            let expected = expected.map(str::to_owned);
            assert_eq!(find_by(&route, path), expected, "{path}");
        }
    }

    #[test]
    fn a_route_says_what_is_found() {
        let top = tempfile::tempdir().unwrap();
        for directory in ["a", "b", "none"] {
            fs::create_dir(top.path().join(directory)).unwrap();
        }
        for file in ["a/first", "a/second", "b/second", ".hidden"] {
            fs::write(top.path().join(file), "").unwrap();
        }
        let route = Route {
            index: vec!["first".to_owned(), "second".to_owned()],
            has_listing: false,
            serves_hidden: true,
            ..Route::of_directory(top.path().to_owned())
        };
        for (path, expected) in [
            ("/a/", Ok("a/first")),
            ("/b/", Ok("b/second")),
            ("/none/", Err(Refusal::Forbidden)),
            ("/nothing/", Err(Refusal::NotFound)),
            ("/.hidden", Ok(".hidden")),
        ] {
            let expected = expected.map(str::to_owned);
            assert_eq!(find_by(&route, path), expected, "{path}");
        }
    }
}
