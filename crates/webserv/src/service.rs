//! From a parsed request to its answer: method, then target, then what is found there.

use std::time::Instant;

use ::http::header::ALLOW;
use ::http::{Method, StatusCode};
use kevent_async::spawn_blocking;

use crate::handlers::{directory_index, redirect, static_file};
use crate::http::precondition::{self, Outcome, Validators};
use crate::http::request::Request;
use crate::http::target::{ResourcePath, Target};
use crate::response::error_page;
use crate::response::head::Response;
use crate::route::resolve::{Found, Refusal, resolve};
use crate::worker::Worker;

/// The methods of a file or directory, as Allow lists them.
const ALLOWED: &str = "GET, HEAD, OPTIONS";

/// The answer to a request that can be answered by its method alone; none for GET and HEAD.
///
/// A method that RFC 9110 and RFC 5789 define is not allowed here (405), any other is not
/// implemented (501).
pub(crate) fn refuse(request: &Request) -> Option<Response> {
    match request.method {
        Method::GET | Method::HEAD => None,
        Method::OPTIONS => Some(Response::new(StatusCode::NO_CONTENT).with(&ALLOW, ALLOWED)),
        Method::POST
        | Method::PUT
        | Method::DELETE
        | Method::PATCH
        | Method::TRACE
        | Method::CONNECT => {
            Some(error_page::respond(StatusCode::METHOD_NOT_ALLOWED).with(&ALLOW, ALLOWED))
        }
        _ => Some(error_page::respond(StatusCode::NOT_IMPLEMENTED)),
    }
}

/// The answer to GET or HEAD.
pub(crate) async fn answer(worker: &Worker, request: &Request) -> Response {
    // The parser lets the other forms through with OPTIONS and CONNECT only.
    let Target::Resource { path, query, .. } = &request.target else {
        return error_page::respond(StatusCode::BAD_REQUEST);
    };
    match find(worker, request, path, query.as_deref()).await {
        Ok(response) => response,
        Err(refusal) => {
            if let Refusal::Failed(error) = refusal {
                tracing::warn!(path = %path, %error, "cannot open");
            }
            error_page::respond(refusal.status())
        }
    }
}

async fn find(
    worker: &Worker,
    request: &Request,
    path: &ResourcePath,
    query: Option<&str>,
) -> Result<Response, Refusal> {
    let beneath = worker.root.beneath(Instant::now());
    let now = worker.date();
    match resolve(&beneath, path)? {
        Found::File(found) => Ok(static_file::respond(request, found, now)),
        Found::NeedsSlash => Ok(redirect::respond(path, query)),
        Found::Directory(directory) => {
            let path = path.clone();
            let page =
                spawn_blocking(move || directory_index::read_page(&beneath, &path, directory))
                    .await?;
            let nothing = Validators::default();
            match precondition::evaluate(&request.method, &request.fields, &nothing, now) {
                Outcome::Failed => Ok(error_page::respond(StatusCode::PRECONDITION_FAILED)),
                Outcome::NotModified => Ok(Response::new(StatusCode::NOT_MODIFIED)),
                Outcome::Proceed => Ok(directory_index::respond(page)),
            }
        }
    }
}
