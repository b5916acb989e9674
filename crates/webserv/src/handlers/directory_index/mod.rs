//! A directory without an index file: what it holds, as a page or as JSON.
//!
//! Reading a large directory takes its time, so it is read and sorted on the blocking pool. A
//! short listing is made there as well; a long one is written while it is sent, a piece a turn.
//! The page needs no script and loads nothing.

mod entry;
mod order;
mod page;
mod text;
mod writing;

use std::os::fd::OwnedFd;

use ::http::header::{CONTENT_ENCODING, CONTENT_TYPE, VARY, X_CONTENT_TYPE_OPTIONS};
use ::http::{Method, StatusCode};
use kevent_async::spawn_blocking;

use self::entry::Reader;
use self::order::Order;
use self::writing::{Form, Listing};
use super::files::Place;
use crate::http::media_type::{HTML, JSON};
use crate::http::negotiation::{AcceptedCodings, Coding, preferred_type};
use crate::http::precondition::{self, Outcome, Validators};
use crate::http::request::Request;
use crate::response::compression::{self, Permit};
use crate::response::error_page::{self, POLICY, POLICY_WITH_FORM};
use crate::response::head::Response;
use crate::route::resolve::Refusal;

/// Answers GET or HEAD with what a directory holds.
///
/// # Errors
///
/// A [`Refusal`] when the directory cannot be read.
pub(crate) async fn respond(
    place: &Place<'_>,
    request: &Request,
    directory: OwnedFd,
) -> Result<Response, Refusal> {
    let fields = &request.fields;
    // A listing has no validators, but `*` still means that something is there.
    let nothing = Validators::default();
    match precondition::evaluate(&request.method, fields, &nothing, place.now) {
        Outcome::Failed => {
            let status = StatusCode::PRECONDITION_FAILED;
            return Ok(error_page::respond_to(fields, status));
        }
        Outcome::NotModified => {
            return Ok(with_variants(Response::new(StatusCode::NOT_MODIFIED)));
        }
        Outcome::Proceed => {}
    }
    let form = match preferred_type(fields, &["text/html", "application/json"]) {
        1 => Form::Json,
        _ => Form::Page,
    };
    let order = Order::of_query(place.query.unwrap_or_default());
    let reader = Reader::new(place, directory);
    let asked = place.asked.clone();
    let may_upload = place.route.upload.is_some() && place.route.methods.contains(&Method::POST);
    let coding = coding(place, request);
    let bytes_min = place.route.compression.bytes_min;
    let job = move || {
        let (entries, has_more) = reader.read(order)?;
        let listing = Listing {
            asked,
            order,
            has_more,
            may_upload,
            entries,
        };
        Ok::<_, Refusal>(listing.write(form, coding, bytes_min))
    };
    let (written, coding) = spawn_blocking(job).await?;
    let mut response = head(form, may_upload);
    if let Some(coding) = coding {
        response.fields.push(&CONTENT_ENCODING, coding.token());
    }
    response.content = written.into_content();
    Ok(response)
}

fn head(form: Form, may_upload: bool) -> Response {
    let response = Response::new(StatusCode::OK).with(&X_CONTENT_TYPE_OPTIONS, "nosniff");
    with_variants(match form {
        Form::Json => response.with(&CONTENT_TYPE, JSON),
        Form::Page => {
            let (name, policy) = if may_upload { POLICY_WITH_FORM } else { POLICY };
            response.with(&CONTENT_TYPE, HTML).with(name, policy)
        }
    })
}

fn with_variants(response: Response) -> Response {
    response.with(&VARY, "Accept, Accept-Encoding")
}

/// The coding of the listing, with the permit that a long one needs.
fn coding(place: &Place<'_>, request: &Request) -> Option<(Coding, Permit)> {
    if !place.route.compression.is_on_the_fly {
        return None;
    }
    let coding = AcceptedCodings::of(&request.fields)
        .in_order()
        .find(|&coding| compression::is_available(coding))?;
    Some((coding, Permit::take()?))
}
