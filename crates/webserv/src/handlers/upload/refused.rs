//! Why an upload is refused, and the one function that maps it to an answer.

use ::http::StatusCode;
use ::http::header::ACCEPT_ENCODING;
use rustix::io::Errno;

use super::super::files::Place;
use crate::http::status::Fault;
use crate::response::error_page;
use crate::response::head::Response;

/// Why an upload is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// The content cannot be read, or is malformed or too large.
    Fault(Fault),
    /// Content-Range: parts of files are not taken.
    ContentRange,
    /// A content coding.
    ContentCoding,
    /// A type of content that has no meaning here.
    MediaType,
    /// A file name that could harm, or is none.
    Name,
    /// The route does not let anybody write there.
    Forbidden,
    /// The path names a directory, or the like, where a file is wanted.
    NotAFile,
    /// There is such a file, and it may not be replaced.
    Exists,
    /// The directory is not there.
    NoDirectory,
    /// There is nothing to delete.
    NotFound,
    /// A precondition failed.
    Precondition,
    /// The system's word.
    System(Errno),
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Refused::Fault(fault)
    }
}

impl From<Errno> for Refused {
    fn from(errno: Errno) -> Self {
        Refused::System(errno)
    }
}

impl Refused {
    /// The answer. What the administrator should know goes to the log.
    pub(super) fn respond(self, place: &Place<'_>) -> Response {
        if let Refused::Fault(fault) = self {
            return error_page::respond_to_fault(fault);
        }
        let status = self.status();
        if let Refused::System(error) = self
            && status.is_server_error()
        {
            tracing::warn!(path = %place.asked, %error, "cannot store an upload");
        }
        let response = error_page::respond(status);
        match self {
            // No coding at all.
            Refused::ContentCoding => response.with(&ACCEPT_ENCODING, "identity"),
            _ => response,
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Refused::Fault(fault) => fault.status(),
            Refused::ContentRange | Refused::Name => StatusCode::BAD_REQUEST,
            Refused::ContentCoding | Refused::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refused::Forbidden => StatusCode::FORBIDDEN,
            Refused::NotAFile | Refused::Exists | Refused::NoDirectory => StatusCode::CONFLICT,
            Refused::NotFound => StatusCode::NOT_FOUND,
            Refused::Precondition => StatusCode::PRECONDITION_FAILED,
            Refused::System(errno) => status_of(errno),
        }
    }
}

fn status_of(errno: Errno) -> StatusCode {
    match errno {
        // EFBIG: the limit on the size of files (RLIMIT_FSIZE), or of the file system.
        Errno::NOSPC | Errno::DQUOT | Errno::FBIG => StatusCode::INSUFFICIENT_STORAGE,
        // EXDEV: the path leads out of the root.
        Errno::ACCESS | Errno::PERM | Errno::ROFS | Errno::XDEV | Errno::LOOP => {
            StatusCode::FORBIDDEN
        }
        Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG => StatusCode::NOT_FOUND,
        Errno::EXIST | Errno::ISDIR | Errno::NOTEMPTY | Errno::BUSY => StatusCode::CONFLICT,
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
