//! From a parsed request and its route to an answer: who asks, the method, then what is found.

use std::time::Instant;

use ::http::StatusCode;

use crate::connection::client::Client;
use crate::connection::content::RequestContent;
use crate::entrance::Entrance;
use crate::handlers::cgi::{self, Answered, Script};
use crate::handlers::files::{self, Place};
use crate::handlers::method::{self, Resource};
use crate::handlers::{authentication, configured_redirect, upload};
use crate::http::request::Request;
use crate::http::target::Target;
use crate::limits::LOCAL_REDIRECTS_MAX;
use crate::response::custom_error_page;
use crate::response::error_page;
use crate::response::head::Response;
use crate::route::location::Location;
use crate::route::resolve::Refusal;
use crate::worker::Worker;

/// Handling this path panics in a test.
#[cfg(test)]
pub(crate) const PANIC: &[u8] = b"a handler that panics";

/// The answer to a request that came in at an entrance, by the route that takes it. A handler that
/// wants the content of the request reads it; what is left is the caller's. Programs may send a
/// request elsewhere, a few times.
pub(crate) async fn answer(
    worker: &Worker,
    entrance: &Entrance,
    location: &Location,
    client: &Client,
    request: &Request,
    content: &mut RequestContent,
) -> Response {
    let target = match answer_once(worker, location, client, request, content).await {
        Answered::Response(response) => return finish(location, response),
        Answered::Redirect(target) => target,
    };
    let mut request = request.redirected(target);
    for _ in 1..LOCAL_REDIRECTS_MAX {
        let mut nothing = RequestContent::default();
        let location = entrance.locate(&request);
        match answer_once(worker, &location, client, &request, &mut nothing).await {
            Answered::Response(response) => return finish(&location, response),
            Answered::Redirect(target) => request = request.redirected(target),
        }
    }
    tracing::warn!(target = ?request.target, "CGI programs redirect in a circle");
    finish(
        location,
        error_page::respond(StatusCode::INTERNAL_SERVER_ERROR),
    )
}

/// What a route adds to every answer: its pages for errors, and its field lines.
fn finish(location: &Location, mut response: Response) -> Response {
    let route = &location.route;
    if !route.error_pages.is_empty()
        && let Some(path) = route.error_pages.get(&response.status.as_u16())
    {
        custom_error_page::put(&mut response, &location.root, path);
    }
    for (name, value) in &route.fields {
        response.fields.push_value(name, value);
    }
    response
}

async fn answer_once(
    worker: &Worker,
    location: &Location,
    client: &Client,
    request: &Request,
    content: &mut RequestContent,
) -> Answered {
    let route = &location.route;
    if let Some(required) = &route.authentication
        && let Some(refusal) = authentication::refuse(worker, required, request).await
    {
        return Answered::Response(refusal);
    }
    // The parser lets the other forms through with OPTIONS and CONNECT only.
    let Target::Resource { path, query, .. } = &request.target else {
        let response = method::check(request, Resource::Directory, route);
        return Answered::Response(
            response.unwrap_or_else(|| error_page::respond(StatusCode::BAD_REQUEST)),
        );
    };
    if let Some(redirect) = &route.redirect {
        let refusal = method::check(request, Resource::Elsewhere, route);
        return Answered::Response(
            refusal.unwrap_or_else(|| configured_redirect::respond(location, redirect, request)),
        );
    }
    let beneath = match location.root.beneath(Instant::now()) {
        Ok(beneath) => beneath.following_links_out(route.follows_links_out),
        Err(error) => {
            return Answered::Response(error_page::respond(Refusal::from(error).status()));
        }
    };
    let stripped = route.is_alias.then(|| location.path_in_root(path));
    let place = Place {
        route,
        beneath,
        asked: path,
        path: stripped.as_ref().unwrap_or(path),
        query: query.as_deref(),
        now: worker.date(),
    };
    handle(&place, worker, client, request, content).await
}

/// Finds who answers: a program, an upload, or the files.
async fn handle(
    place: &Place<'_>,
    worker: &Worker,
    client: &Client,
    request: &Request,
    content: &mut RequestContent,
) -> Answered {
    #[cfg(test)]
    assert!(
        place.path.as_bytes() != PANIC,
        "this panic is part of a test"
    );
    let script = Script::find(place);
    let resource = match script {
        Some(_) => Resource::Program,
        None => Resource::of_path(place),
    };
    if let Some(response) = method::check(request, resource, place.route) {
        return Answered::Response(response);
    }
    // Boxed, because most requests are for files, and would have the size of these.
    if let Some(script) = script {
        let answer = cgi::answer(place, &worker.gates, client, &script, request, content);
        return Box::pin(answer).await;
    }
    if !request.method.is_safe()
        && let Some(upload) = &place.route.upload
    {
        let answer = upload::answer(place, upload, request, content);
        return Answered::Response(Box::pin(answer).await);
    }
    // Content has no meaning here. It is read first, because it may show that this is no request.
    if let Err(fault) = content.limit(place.route.content_bytes_max) {
        return Answered::Response(error_page::respond_to_fault(fault));
    }
    if let Err(fault) = content.drain().await {
        return Answered::Response(error_page::respond_to_fault(fault));
    }
    Answered::Response(files::answer(place, request).await)
}
