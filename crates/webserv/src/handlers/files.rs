//! GET and HEAD on a directory tree: a file, a listing, or the way to them.

use ::http::StatusCode;

use super::{directory_index, redirect, static_file};
use crate::http::date::HttpDate;
use crate::http::request::Request;
use crate::http::target::ResourcePath;
use crate::response::error_page;
use crate::response::head::Response;
use crate::route::beneath::Beneath;
use crate::route::resolve::{Found, Refusal, resolve};
use crate::site::Route;

/// Where a request leads.
#[derive(Debug)]
pub(crate) struct Place<'r> {
    /// The route that took it.
    pub(crate) route: &'r Route,
    /// The route's root; it follows links as the route says
    /// ([`Beneath::following_links_out`]).
    pub(crate) beneath: Beneath,
    /// The path that the client asked for, as links and redirections show it.
    pub(crate) asked: &'r ResourcePath,
    /// The path beneath the root: another one where the route is an alias.
    pub(crate) path: &'r ResourcePath,
    /// The query of the target.
    pub(crate) query: Option<&'r str>,
    /// The time of the answer.
    pub(crate) now: HttpDate,
}

impl Place<'_> {
    /// What the path names: the route's rules about hidden names, index files, listings and links
    /// hold.
    ///
    /// # Errors
    ///
    /// A [`Refusal`].
    pub(crate) fn find(&self) -> Result<Found, Refusal> {
        if self.path.is_directory_form() && !self.asked.is_directory_form() {
            // The prefix of an alias, without its slash.
            return Ok(Found::NeedsSlash);
        }
        resolve(&self.beneath, self.route, self.path)
    }
}

/// The answer to GET or HEAD.
pub(crate) async fn answer(place: &Place<'_>, request: &Request) -> Response {
    let outcome = match place.find() {
        Ok(found) => respond(place, request, found).await,
        Err(refusal) => Err(refusal),
    };
    outcome.unwrap_or_else(|refusal| refuse(place, request, refusal))
}

/// The answer to GET or HEAD with what was found.
///
/// # Errors
///
/// A [`Refusal`] if it could not be read.
pub(crate) async fn respond(
    place: &Place<'_>,
    request: &Request,
    found: Found,
) -> Result<Response, Refusal> {
    match found {
        Found::File(found) => static_file::respond(place, request, found).await,
        Found::NeedsSlash => Ok(redirect::respond(place.asked, place.query)),
        Found::Directory(directory) => directory_index::respond(place, request, directory).await,
    }
}

/// The answer where there is nothing to answer with.
pub(crate) fn refuse(place: &Place<'_>, request: &Request, refusal: Refusal) -> Response {
    if let Refusal::Failed(error) = refusal {
        tracing::warn!(path = %place.asked, %error, "cannot open");
    }
    let status: StatusCode = refusal.status();
    error_page::respond_to(&request.fields, status)
}
