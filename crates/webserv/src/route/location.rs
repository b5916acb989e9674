//! Which route a path takes.

use std::rc::Rc;

use super::root::Root;
use crate::http::target::ResourcePath;
use crate::limits::Timeouts;
use crate::site::{Matcher, Route};

/// A route with what a worker needs to serve it.
#[derive(Debug)]
pub(crate) struct Location {
    /// The route, as the site says.
    pub(crate) route: Route,
    /// The directory whose files it serves.
    pub(crate) root: Rc<Root>,
    /// How long each phase of a connection may take at this host.
    pub(crate) timeouts: Timeouts,
}

impl Location {
    /// The path in the root: without the prefix of the route if the root stands in its place.
    pub(crate) fn path_in_root(&self, path: &ResourcePath) -> ResourcePath {
        match &self.route.matcher {
            Matcher::Prefix(prefix) if self.route.is_alias => {
                path.without_prefix(relative(prefix).len())
            }
            _ => path.clone(),
        }
    }
}

impl Matcher {
    /// Whether the route takes this path. It is compared as it is opened: decoded, without empty
    /// and dot segments.
    #[must_use]
    pub fn matches(&self, path: &ResourcePath) -> bool {
        match self {
            Matcher::Prefix(prefix) => {
                let prefix = relative(prefix);
                match path.as_bytes().strip_prefix(prefix) {
                    Some(rest) => prefix.is_empty() || rest.is_empty() || rest.starts_with(b"/"),
                    None => false,
                }
            }
            Matcher::Exact(text) => {
                path.as_bytes() == relative(text) && path.is_directory_form() == text.ends_with('/')
            }
            Matcher::Suffix(suffix) => {
                !path.is_directory_form() && path.file_name().ends_with(suffix.as_bytes())
            }
        }
    }
}

/// A path without the slashes at its ends, as [`ResourcePath::as_bytes`] has it.
fn relative(path: &str) -> &[u8] {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.strip_suffix('/').unwrap_or(path).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matcher_takes_whole_segments() {
        let prefix = |text: &str| Matcher::Prefix(text.to_owned());
        let exact = |text: &str| Matcher::Exact(text.to_owned());
        let suffix = |text: &str| Matcher::Suffix(text.to_owned());
        for (matcher, path, is_taken) in [
            (prefix("/"), "/", true),
            (prefix("/"), "/a/b", true),
            (prefix("/a"), "/a", true),
            (prefix("/a"), "/a/", true),
            (prefix("/a/"), "/a/b", true),
            (prefix("/a"), "/ab", false),
            (prefix("/a"), "/", false),
            (prefix("/a"), "/x/a", false),
            (prefix("/a"), "/%61/b", true),
            (prefix("/a"), "/x/../a/b", true),
            (prefix("/a"), "/a/../b", false),
            (exact("/a"), "/a", true),
            (exact("/a"), "/a/", false),
            (exact("/a/"), "/a/", true),
            (exact("/a"), "/a/b", false),
            (exact("/"), "/", true),
            (exact("/"), "/a", false),
            (suffix(".php"), "/x/a.php", true),
            (suffix(".php"), "/a.php/", false),
            (suffix(".php"), "/a.php/x", false),
            (suffix(".php"), "/.php", true),
            (suffix(".php"), "/a.PHP", false),
        ] {
            let decoded = ResourcePath::decode(path).unwrap();
            assert_eq!(matcher.matches(&decoded), is_taken, "{matcher:?} {path}");
        }
    }
}
