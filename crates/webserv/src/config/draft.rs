//! What has been read, before it is checked as a whole: values with their places, and settings that
//! are inherited from the top by servers and from these by routes.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use ::http::{HeaderName, HeaderValue, Method, StatusCode};

use super::key::Placed;
use crate::limits::Timeouts;
use crate::site::{Address, Compression, HostName, Log, Matcher};

/// The whole file.
#[derive(Debug, Default)]
pub(crate) struct SiteDraft {
    pub(crate) workers: Option<u16>,
    pub(crate) user: Option<Placed<String>>,
    pub(crate) group: Option<Placed<String>>,
    pub(crate) is_reloaded_on_change: bool,
    pub(crate) log: Log,
    pub(crate) timeouts: Timeouts,
    pub(crate) listens: Vec<ListenDraft>,
    pub(crate) servers: Vec<ServerDraft>,
    pub(crate) settings: Settings,
}

/// Options of an address: `[[listen]]`.
#[derive(Debug, Clone)]
pub(crate) struct ListenDraft {
    pub(crate) at: Range<usize>,
    pub(crate) address: Option<Placed<Address>>,
    pub(crate) unix_mode: u32,
}

impl Default for ListenDraft {
    fn default() -> Self {
        ListenDraft {
            at: 0..0,
            address: None,
            unix_mode: crate::site::UNIX_MODE_DEFAULT,
        }
    }
}

/// A server: `[[server]]`.
#[derive(Debug, Default)]
pub(crate) struct ServerDraft {
    pub(crate) at: Range<usize>,
    pub(crate) listen: Vec<Placed<Address>>,
    pub(crate) names: Vec<Placed<HostName>>,
    pub(crate) is_default: bool,
    pub(crate) timeouts: Timeouts,
    pub(crate) settings: Settings,
    pub(crate) routes: Vec<RouteDraft>,
}

/// A route: `[[server.route]]`.
#[derive(Debug, Default)]
pub(crate) struct RouteDraft {
    pub(crate) at: Range<usize>,
    pub(crate) matchers: Vec<Placed<Matcher>>,
    pub(crate) is_alias: bool,
    pub(crate) redirect: Option<RedirectDraft>,
    pub(crate) settings: Settings,
}

/// A redirection.
#[derive(Debug, Clone)]
pub(crate) struct RedirectDraft {
    pub(crate) at: Range<usize>,
    pub(crate) to: Option<Placed<String>>,
    /// None: a number between the codes that are allowed.
    pub(crate) status: Option<StatusCode>,
}

impl Default for RedirectDraft {
    fn default() -> Self {
        RedirectDraft {
            at: 0..0,
            to: None,
            status: Some(StatusCode::FOUND),
        }
    }
}

/// What a route does, and what it may inherit.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) root: Option<Placed<PathBuf>>,
    pub(crate) index: Vec<String>,
    pub(crate) has_listing: bool,
    pub(crate) serves_hidden: bool,
    pub(crate) follows_links_out: bool,
    pub(crate) methods: Option<Vec<Method>>,
    pub(crate) content_bytes_max: u64,
    pub(crate) error_pages: BTreeMap<u16, Placed<PathBuf>>,
    pub(crate) fields: Vec<(HeaderName, HeaderValue)>,
    pub(crate) cache_control: Option<HeaderValue>,
    pub(crate) compression: Compression,
    pub(crate) authentication: Option<AuthenticationDraft>,
    pub(crate) upload: Option<UploadDraft>,
    pub(crate) cgi: Vec<CgiDraft>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            root: None,
            index: vec!["index.html".to_owned()],
            has_listing: false,
            serves_hidden: false,
            follows_links_out: false,
            methods: None,
            content_bytes_max: crate::site::CONTENT_BYTES_MAX_DEFAULT,
            error_pages: BTreeMap::new(),
            fields: Vec::new(),
            cache_control: None,
            compression: Compression::default(),
            authentication: None,
            upload: None,
            cgi: Vec::new(),
        }
    }
}

/// Who may see a route.
#[derive(Debug, Clone)]
pub(crate) struct AuthenticationDraft {
    pub(crate) at: Range<usize>,
    pub(crate) realm: String,
    pub(crate) users: BTreeMap<String, String>,
}

impl Default for AuthenticationDraft {
    fn default() -> Self {
        AuthenticationDraft {
            at: 0..0,
            realm: "restricted".to_owned(),
            users: BTreeMap::new(),
        }
    }
}

/// How uploads are taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct UploadDraft {
    pub(crate) store: Option<Placed<PathBuf>>,
    pub(crate) may_replace: bool,
    pub(crate) may_delete: bool,
    pub(crate) is_synced: bool,
}

/// A program for files with an extension.
#[derive(Debug, Clone)]
pub(crate) struct CgiDraft {
    pub(crate) at: Range<usize>,
    pub(crate) extension: Option<Placed<String>>,
    pub(crate) interpreter: Option<Placed<PathBuf>>,
    pub(crate) timeout: Duration,
    pub(crate) concurrent_max: u16,
    pub(crate) environment: Vec<(String, String)>,
}

impl Default for CgiDraft {
    fn default() -> Self {
        CgiDraft {
            at: 0..0,
            extension: None,
            interpreter: None,
            timeout: Duration::from_secs(30),
            concurrent_max: 16,
            environment: Vec::new(),
        }
    }
}
