//! The site of `webserv` without a directory: the sample files, with what a configuration adds.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::http::Method;

use super::{CgiProgram, Matcher, Route, Site, Upload};

/// Room for a picture from a telephone, in bytes.
const UPLOAD_BYTES_MAX: u64 = 16 * 1024 * 1024;

impl Site {
    /// The sample site: the files of `root`, uploads to its `upload`, and the shell scripts of its
    /// `cgi`.
    ///
    /// Uploads and programs are there only where every address is this machine's own: nobody is
    /// to write to, or run programs on, a machine whose owner only wanted to have a look.
    #[must_use]
    pub fn demonstration(root: PathBuf, listen: &[SocketAddr], workers: NonZeroU16) -> Self {
        let mut site = Site::of_directory(root.clone(), listen, workers);
        if listen.iter().all(|address| address.ip().is_loopback())
            && let Some(host) = site.hosts.first_mut()
        {
            host.routes = vec![uploads(&root), programs(&root), Route::of_directory(root)];
        }
        site
    }
}

fn uploads(root: &Path) -> Route {
    Route {
        matcher: Matcher::Prefix("/upload".to_owned()),
        methods: vec![Method::GET, Method::HEAD, Method::POST, Method::PUT],
        upload: Some(Upload {
            store: None,
            may_replace: false,
            may_delete: false,
            is_synced: false,
        }),
        content_bytes_max: UPLOAD_BYTES_MAX,
        ..Route::of_directory(root.to_path_buf())
    }
}

fn programs(root: &Path) -> Route {
    Route {
        matcher: Matcher::Prefix("/cgi".to_owned()),
        methods: vec![Method::GET, Method::HEAD, Method::POST],
        cgi: vec![CgiProgram {
            extension: ".sh".to_owned(),
            interpreter: Some(PathBuf::from("/bin/sh")),
            timeout: Duration::from_secs(10),
            concurrent_max: 4,
            environment: Vec::new(),
        }],
        ..Route::of_directory(root.to_path_buf())
    }
}
