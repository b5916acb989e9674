//! A directory named without its final slash: the client is sent to the name with it, so that the
//! links on its page lead to the right place.

use ::http::StatusCode;
use ::http::header::LOCATION;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::http::target::ResourcePath;
use crate::response::error_page;
use crate::response::head::Response;

/// What browsers leave bare in a query although RFC 3986 has no place for it.
const BARE_IN_QUERIES: &AsciiSet = &CONTROLS
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'[')
    .add(b']');

/// 301 to the same path with a slash. The Location is a path, never a host: Host is what a client
/// says, and a path made of normalised segments cannot begin with two slashes.
pub(crate) fn respond(path: &ResourcePath, query: Option<&str>) -> Response {
    let response = error_page::respond(StatusCode::MOVED_PERMANENTLY);
    match query {
        Some(query) => {
            let query = utf8_percent_encode(query, BARE_IN_QUERIES);
            response.with(&LOCATION, format_args!("{path}/?{query}"))
        }
        None => response.with(&LOCATION, format_args!("{path}/")),
    }
}
