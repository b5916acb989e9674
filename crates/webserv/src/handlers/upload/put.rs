//! PUT, and POST of a file under its own path: the content becomes the file (RFC 9110 section
//! 9.3.4).

use ::http::StatusCode;
use ::http::header::{ETAG, IF_MATCH, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, LOCATION};
use kevent_async::spawn_blocking;
use rustix::io::Errno;

use super::destination::{Directory, check_preconditions, existing};
use super::refused::Refused;
use super::staging::{Placement, Stored};
use super::{check_content, name, receive};
use crate::connection::content::RequestContent;
use crate::handlers::files::Place;
use crate::handlers::static_file::validators;
use crate::http::request::Request;
use crate::response::head::Response;
use crate::site::Upload;

/// 201 for a new file, 204 for one that was replaced.
///
/// # Errors
///
/// A [`Refused`]; everything that can be known before the content is asked for is refused before.
pub(super) async fn respond(
    place: &Place<'_>,
    upload: &Upload,
    request: &Request,
    content: &mut RequestContent,
) -> Result<Response, Refused> {
    check_content(request)?;
    let (directory, name) = Directory::of_file(place, upload)?;
    name::check(&name, place.route)?;
    content.limit(place.route.content_bytes_max)?;
    let looked = name.clone();
    let (directory, found) = spawn_blocking(move || {
        let directory = open_parent(&directory)?;
        let found = existing(&directory, &looked)?;
        Ok::<_, Refused>((directory, found))
    })
    .await?;
    check_preconditions(request, found.as_ref(), place.now)?;
    if found.is_some() && !upload.may_replace {
        return Err(Refused::Exists);
    }
    let placement = Placement {
        name,
        may_replace: upload.may_replace,
        is_synced: upload.is_synced,
        expected: is_conditional(request).then_some(found),
    };
    let stored = receive::file(content, directory, placement).await?;
    Ok(answer(place, &stored))
}

/// Opens the directory of a file that is to be stored. Blocks.
pub(super) fn open_parent(directory: &Directory) -> Result<rustix::fd::OwnedFd, Refused> {
    directory.open().map_err(|errno| match errno {
        // The client has to make the directory first (RFC 4918 section 9.7.1 has it so as well).
        Errno::NOENT | Errno::NOTDIR => Refused::NoDirectory,
        errno => errno.into(),
    })
}

/// Whether the request says which state of the file it is about.
fn is_conditional(request: &Request) -> bool {
    [IF_MATCH, IF_NONE_MATCH, IF_UNMODIFIED_SINCE]
        .iter()
        .any(|name| request.fields.first(name).is_some())
}

/// The content was stored as it came, so its validator may be told (RFC 9110 section 9.3.4).
fn answer(place: &Place<'_>, stored: &Stored) -> Response {
    let status = if stored.is_new {
        StatusCode::CREATED
    } else {
        StatusCode::NO_CONTENT
    };
    let mut response = Response::new(status).with(&LOCATION, place.asked);
    if let Some(tag) = validators(&stored.stat, place.now).entity_tag {
        response = response.with(&ETAG, tag);
    }
    response
}
