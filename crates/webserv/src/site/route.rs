//! A route: which requests it takes and what becomes of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use ::http::{HeaderName, HeaderValue, Method, StatusCode};

/// A route of a virtual host.
#[derive(Debug, Clone)]
pub struct Route {
    /// Which paths it takes.
    pub matcher: Matcher,
    /// The directory whose files it serves. What a prefix matcher matched is taken off the path
    /// first where `is_alias` says so.
    pub root: PathBuf,
    /// Whether the matched prefix is replaced by the root (alias) or stays in front.
    pub is_alias: bool,
    /// The files that answer for their directory, in this order.
    pub index: Vec<String>,
    /// Whether a directory without an index file shows what it holds.
    pub has_listing: bool,
    /// Whether names that begin with a dot are served.
    pub serves_hidden: bool,
    /// Whether symbolic links may lead out of the root.
    pub follows_links_out: bool,
    /// The methods that are answered; others get 405. HEAD comes with GET, OPTIONS always.
    pub methods: Vec<Method>,
    /// Redirect instead of serving.
    pub redirect: Option<Redirect>,
    /// Programs for files with these extensions.
    pub cgi: Vec<CgiProgram>,
    /// Whether and how uploads are taken.
    pub upload: Option<Upload>,
    /// Largest content of a request in bytes; larger is answered with 413.
    pub content_bytes_max: u64,
    /// Pages for status codes: a file below the root, or an absolute path.
    pub error_pages: BTreeMap<u16, PathBuf>,
    /// Field lines that every answer of this route gets.
    pub fields: Vec<(HeaderName, HeaderValue)>,
    /// The Cache-Control field of files.
    pub cache_control: Option<HeaderValue>,
    /// Who may see it.
    pub authentication: Option<Authentication>,
    /// How answers are compressed.
    pub compression: Compression,
}

/// Which paths a route takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Matcher {
    /// Paths that begin with this, at a segment's end: `/a` takes `/a`, `/a/` and `/a/b`, not
    /// `/ab`. `/` takes everything.
    Prefix(String),
    /// This path alone.
    Exact(String),
    /// Paths whose last segment ends so: `.php`.
    Suffix(String),
}

/// A redirection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// 301, 302, 303, 307 or 308.
    pub status: StatusCode,
    /// A URL or an absolute path. Where it ends in `*`, that is replaced by what follows the
    /// matched prefix, with the query.
    pub to: String,
}

/// A CGI program for files with an extension (RFC 3875).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CgiProgram {
    /// The extension with its dot.
    pub extension: String,
    /// The interpreter, which is given the script's path; none: the file itself is run.
    pub interpreter: Option<PathBuf>,
    /// How long a program may take in all.
    pub timeout: Duration,
    /// How many may run at a time in a worker; more wait in a queue of four times that length.
    pub concurrent_max: u16,
    /// Further variables of its environment.
    pub environment: Vec<(String, String)>,
}

/// How uploads are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The directory they go to; none: where the target's path points.
    pub store: Option<PathBuf>,
    /// Whether an existing file may be replaced.
    pub may_replace: bool,
    /// Whether DELETE removes files.
    pub may_delete: bool,
    /// Whether an upload is on the disk before it is answered.
    pub is_synced: bool,
}

/// Basic authentication (RFC 7617).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentication {
    /// What the browser shows.
    pub realm: String,
    /// User names and their hashed passwords (PHC strings or `$2y$`, as `htpasswd -B` makes them).
    pub users: BTreeMap<String, String>,
}

/// How answers are compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compression {
    /// Whether `FILE.zst`, `FILE.br` and `FILE.gz` answer for FILE.
    pub uses_siblings: bool,
    /// Whether compressible answers are compressed as they are sent.
    pub is_on_the_fly: bool,
    /// Shorter answers are sent as they are, in bytes.
    pub bytes_min: u64,
}

impl Default for Compression {
    fn default() -> Self {
        Compression {
            uses_siblings: true,
            is_on_the_fly: true,
            bytes_min: 1024,
        }
    }
}

/// Largest content of a request, in bytes, where nothing else is said: 1 MiB.
pub(crate) const CONTENT_BYTES_MAX_DEFAULT: u64 = 1024 * 1024;

impl Route {
    /// The files of a directory, for every path, with listings and nothing else.
    #[must_use]
    pub fn of_directory(root: PathBuf) -> Self {
        Route {
            matcher: Matcher::Prefix("/".to_owned()),
            root,
            is_alias: false,
            index: vec!["index.html".to_owned()],
            has_listing: true,
            serves_hidden: false,
            follows_links_out: false,
            methods: vec![Method::GET, Method::HEAD],
            redirect: None,
            cgi: Vec::new(),
            upload: None,
            content_bytes_max: CONTENT_BYTES_MAX_DEFAULT,
            error_pages: BTreeMap::new(),
            fields: Vec::new(),
            cache_control: None,
            authentication: None,
            compression: Compression::default(),
        }
    }
}
