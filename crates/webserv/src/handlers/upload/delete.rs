//! DELETE of a file (RFC 9110 section 9.3.5).

use ::http::StatusCode;
use kevent_async::spawn_blocking;
use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;

use super::destination::{Directory, check_preconditions, existing};
use super::name;
use super::refused::Refused;
use crate::connection::content::RequestContent;
use crate::handlers::files::Place;
use crate::http::request::Request;
use crate::response::head::Response;
use crate::site::Upload;

/// 204, when the file is gone.
///
/// # Errors
///
/// A [`Refused`].
pub(super) async fn respond(
    place: &Place<'_>,
    upload: &Upload,
    request: &Request,
    content: &mut RequestContent,
) -> Result<Response, Refused> {
    // Content has no meaning here, and may show that this is no request.
    content.drain().await?;
    let (directory, name) = Directory::of_file(place, upload)?;
    name::check(&name, place.route)?;
    let looked = name.clone();
    let (directory, found) = spawn_blocking(move || {
        let directory = directory.open().map_err(|errno| match errno {
            Errno::NOENT | Errno::NOTDIR => Refused::NotFound,
            errno => errno.into(),
        })?;
        let found = existing(&directory, &looked)?.ok_or(Refused::NotFound)?;
        Ok::<_, Refused>((directory, found))
    })
    .await?;
    check_preconditions(request, Some(&found), place.now)?;
    spawn_blocking(move || unlinkat(&directory, &*name, AtFlags::empty())).await?;
    Ok(Response::new(StatusCode::NO_CONTENT))
}
