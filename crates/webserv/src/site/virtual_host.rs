//! A virtual host: the names it answers for and its routes.

use std::path::PathBuf;

use super::route::Route;
use crate::limits::Timeouts;

/// A host of a site.
#[derive(Debug, Clone)]
pub struct VirtualHost {
    /// The names it answers for; empty: any.
    pub names: Vec<HostName>,
    /// In the order in which they are tried: exact paths, then suffixes, then the longest prefix
    /// (the reader of the configuration sorts them). The last one matches everything.
    pub routes: Vec<Route>,
    /// How long each phase of a connection may take here; none: as [`Site::timeouts`] says. What
    /// happens before a request is known (the head, idling) goes by the first host of its
    /// [`Listen`].
    ///
    /// [`Site::timeouts`]: super::Site::timeouts
    /// [`Listen`]: super::Listen
    pub timeouts: Option<Timeouts>,
}

/// A name that a host answers for, in lower case and without a final dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostName {
    /// This name and no other.
    Exact(String),
    /// Any name that ends in a dot and this one: `*.example.org` holds `example.org`.
    Below(String),
}

impl VirtualHost {
    /// A host that answers for any name with the files of `root`.
    #[must_use]
    pub fn of_directory(root: PathBuf) -> Self {
        VirtualHost {
            names: Vec::new(),
            routes: vec![Route::of_directory(root)],
            timeouts: None,
        }
    }
}
