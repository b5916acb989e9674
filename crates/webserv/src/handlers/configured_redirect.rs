//! A route that sends its clients elsewhere.
//!
//! Where the target ends in `*`, the rest of the path takes its place. That rest is made of
//! decoded, normalised segments and is encoded again, so it holds no line end, cannot begin with a
//! slash, and stands behind a slash of the configuration: it cannot name another host.

use std::fmt::Write;

use ::http::header::LOCATION;

use crate::http::request::Request;
use crate::http::target::{ResourcePath, Target, encode_path};
use crate::response::error_page;
use crate::response::head::Response;
use crate::route::location::Location;
use crate::site::{Matcher, Redirect};

/// The redirection that the route asks for.
pub(crate) fn respond(location: &Location, redirect: &Redirect, request: &Request) -> Response {
    let response = error_page::respond(redirect.status);
    let Some(stem) = redirect.to.strip_suffix('*') else {
        return response.with(&LOCATION, &redirect.to);
    };
    let Target::Resource { path, query, .. } = &request.target else {
        return response.with(&LOCATION, stem);
    };
    let mut to = stem.to_owned();
    // Writing to memory cannot fail.
    let _ = push_rest(&mut to, &location.route.matcher, path, query.as_deref());
    response.with(&LOCATION, to)
}

fn push_rest(
    to: &mut String,
    matcher: &Matcher,
    path: &ResourcePath,
    query: Option<&str>,
) -> std::fmt::Result {
    let rest = match matcher {
        Matcher::Prefix(prefix) => {
            let prefix = prefix.trim_matches('/');
            path.without_prefix(prefix.len())
        }
        Matcher::Exact(_) => path.without_prefix(path.as_bytes().len()),
        Matcher::Suffix(_) => path.clone(),
    };
    write!(to, "{}", encode_path(rest.as_bytes()))?;
    if path.is_directory_form() && !rest.is_root() {
        to.push('/');
    }
    if let Some(query) = query {
        write!(to, "?{query}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(prefix: &str, target: &str) -> String {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let mut to = "/n/".to_owned();
        let matcher = Matcher::Prefix(prefix.to_owned());
        let path = ResourcePath::decode(path).unwrap();
        push_rest(&mut to, &matcher, &path, query).unwrap();
        to
    }

    #[test]
    fn h_j27_the_rest_is_a_path_below_the_target() {
        for (prefix, target, to) in [
            ("/", "/", "/n/"),
            ("/", "/a/b", "/n/a/b"),
            ("/", "//evil.test/x", "/n/evil.test/x"),
            ("/o", "/o", "/n/"),
            ("/o", "/o/", "/n/"),
            ("/o/", "/o/a/", "/n/a/"),
            ("/o", "/o//evil.test", "/n/evil.test"),
            ("/o", "/o/a%0d%0aX:%20y", "/n/a%0D%0AX%3A%20y"),
            ("/o", "/o/%5cevil.test", "/n/%5Cevil.test"),
            ("/o", "/o/a?b=c&d", "/n/a?b=c&d"),
            ("/o", "/o/a?", "/n/a?"),
        ] {
            assert_eq!(rest(prefix, target), to, "{prefix} {target}");
        }
    }
}
