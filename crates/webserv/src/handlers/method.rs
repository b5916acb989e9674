//! Which methods a path takes, and what is said to the others (RFC 9110 sections 9.1 and 10.2.1).

use ::http::header::ALLOW;
use ::http::{Method, StatusCode};

use super::files::Place;
use crate::http::request::Request;
use crate::response::error_page;
use crate::response::head::Response;
use crate::site::{Route, Upload};

/// What a path is, as far as methods are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    /// A program decides by itself.
    Program,
    /// A file, or the place of one.
    File,
    /// A path that can only name a directory.
    Directory,
    /// A redirection: what is there answers elsewhere.
    Elsewhere,
}

impl Resource {
    /// What a path names that is not a program's.
    pub(crate) fn of_path(place: &Place<'_>) -> Self {
        if place.path.is_directory_form() {
            Resource::Directory
        } else {
            Resource::File
        }
    }

    /// Whether a method of the route has a meaning for it.
    fn takes(self, method: &Method, upload: Option<&Upload>) -> bool {
        match *method {
            Method::GET | Method::HEAD => true,
            _ if matches!(self, Resource::Program | Resource::Elsewhere) => true,
            Method::POST => upload.is_some(),
            Method::PUT => upload.is_some() && self == Resource::File,
            Method::DELETE => {
                self == Resource::File && upload.is_some_and(|upload| upload.may_delete)
            }
            _ => false,
        }
    }

    fn allows(self, method: &Method, route: &Route) -> bool {
        let is_configured = match *method {
            Method::HEAD => route.methods.contains(&Method::GET),
            _ => route.methods.contains(method),
        };
        is_configured && self.takes(method, route.upload.as_ref())
    }

    /// What Allow lists. OPTIONS is always answered.
    fn allowed(self, route: &Route) -> String {
        let mut allowed = String::new();
        let known = [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::PATCH,
        ];
        for method in known {
            if self.allows(&method, route) {
                allowed += method.as_str();
                allowed += ", ";
            }
        }
        allowed + "OPTIONS"
    }
}

/// The answer to a request that can be answered by its method alone; none where a handler has to
/// do it.
///
/// A method that RFC 9110 or RFC 5789 define, and that this path does not take, is not allowed
/// here (405); any other is not implemented (501).
pub(crate) fn check(request: &Request, resource: Resource, route: &Route) -> Option<Response> {
    if resource.allows(&request.method, route) {
        return None;
    }
    let allowed = resource.allowed(route);
    match request.method {
        Method::OPTIONS => Some(Response::new(StatusCode::NO_CONTENT).with(&ALLOW, allowed)),
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::DELETE
        | Method::PATCH
        | Method::TRACE
        | Method::CONNECT => {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            Some(error_page::respond_to(&request.fields, status).with(&ALLOW, allowed))
        }
        _ => Some(error_page::respond_to(
            &request.fields,
            StatusCode::NOT_IMPLEMENTED,
        )),
    }
}
