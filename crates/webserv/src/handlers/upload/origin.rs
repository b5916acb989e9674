//! Whether a page of another site makes a browser send an upload.
//!
//! Any page may post a form to any address that its reader's browser can reach, a server on the
//! reader's own machine included. Browsers say where a request comes from (Fetch Metadata,
//! `Sec-Fetch-Site`; `Origin`, RFC 6454 section 7); other clients say neither, and are not meant.

use ::http::HeaderName;
use ::http::header::{HOST, ORIGIN};

use super::refused::Refused;
use crate::http::request::Request;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses what another site's page has sent.
///
/// # Errors
///
/// [`Refused::Forbidden`].
pub(super) fn check(request: &Request) -> Result<(), Refused> {
    let is_own = if let Some(site) = request.fields.first(&SEC_FETCH_SITE) {
        // `none`: the user's own doing, by no page at all.
        matches!(site, b"same-origin" | b"none")
    } else if let Some(origin) = request.fields.first(&ORIGIN) {
        let place = memchr::memmem::find(origin, b"://");
        let authority = place.and_then(|place| origin.get(place + 3..));
        match (authority, request.fields.first(&HOST)) {
            (Some(authority), Some(host)) => authority.eq_ignore_ascii_case(host),
            // `null`: a page that hides where it is from.
            _ => false,
        }
    } else {
        true
    };
    if is_own {
        Ok(())
    } else {
        Err(Refused::Forbidden)
    }
}
