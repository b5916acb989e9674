//! Uploads: PUT, POST and DELETE on the files of a route that takes them.
//!
//! ```text
//! check the head ─► destination ─► preconditions ─► receive into a staging ─► commit ─► answer
//! ```
//!
//! A file is received into a [`staging::Staging`], which has no name that anybody sees, and gets
//! its name in one step when all of it is there: whoever reads sees the old file or the new one.
//! On whatever failure the staging is dropped, and nothing is left. What may block (opening,
//! writing, syncing, renaming) runs on other threads.

mod delete;
mod destination;
mod form;
mod name;
mod origin;
mod put;
mod receive;
mod refused;
mod staging;

use ::http::Method;
use ::http::header::{CONTENT_ENCODING, CONTENT_RANGE};

use self::refused::Refused;
use super::files::Place;
use crate::connection::content::RequestContent;
use crate::http::request::Request;
use crate::response::head::Response;
use crate::site::Upload;

/// The answer to PUT, POST or DELETE.
pub(crate) async fn answer(
    place: &Place<'_>,
    upload: &Upload,
    request: &Request,
    content: &mut RequestContent,
) -> Response {
    if let Err(refused) = origin::check(request) {
        return refused.respond(place);
    }
    let outcome = match request.method {
        Method::DELETE => delete::respond(place, upload, request, content).await,
        Method::PUT => put::respond(place, upload, request, content).await,
        _ => form::respond(place, upload, request, content).await,
    };
    outcome.unwrap_or_else(|refused| refused.respond(place))
}

/// Refuses contents that are not what they seem: a part of a file (RFC 9110 section 14.4), and one
/// that would have to be decoded first (section 15.5.16).
fn check_content(request: &Request) -> Result<(), Refused> {
    if request.fields.first(&CONTENT_RANGE).is_some() {
        return Err(Refused::ContentRange);
    }
    let mut codings = request.fields.list(&CONTENT_ENCODING);
    if codings.any(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
        return Err(Refused::ContentCoding);
    }
    Ok(())
}
