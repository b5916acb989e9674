//! The page behind an error status: small, without anything the client has sent.

use ::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use ::http::{HeaderName, StatusCode};

use super::content::Content;
use super::head::Response;
use crate::http::media_type::HTML;
use crate::http::status::Fault;
use crate::limits::RETRY_AFTER_SECONDS;

/// The style of all pages that the server makes itself.
pub(crate) const STYLE: &str = include_str!("style.css");

/// The policy of these pages: nothing is loaded, nothing runs, whatever a file is called.
pub(crate) const POLICY: (&HeaderName, &str) = (
    &CONTENT_SECURITY_POLICY,
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
);

/// An answer with that status code and its page.
pub(crate) fn respond(status: StatusCode) -> Response {
    respond_with(status, explanation(status))
}

/// The answer to a request that has a fault.
pub(crate) fn respond_to_fault(fault: Fault) -> Response {
    let mut sentence = fault.to_string();
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence.push('.');
    respond_with(fault.status(), &sentence)
}

fn respond_with(status: StatusCode, sentence: &str) -> Response {
    let code = status.as_str();
    let reason = status.canonical_reason().unwrap_or_default();
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{code} {reason}</title>\n<style>\n{STYLE}</style>\n\
         <main class=\"e\">\n<h1><b>{code}</b> {reason}</h1>\n<p>{sentence}</p>\n</main>\n</html>\n"
    );
    let mut response = Response::new(status)
        .with(&CONTENT_TYPE, HTML)
        .with(&X_CONTENT_TYPE_OPTIONS, "nosniff")
        .with(POLICY.0, POLICY.1);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response = response.with(&RETRY_AFTER, RETRY_AFTER_SECONDS);
    }
    response.content = Content::Bytes(page.into_bytes());
    response
}

/// One sentence for the person in front of the browser.
fn explanation(status: StatusCode) -> &'static str {
    match status {
        StatusCode::MOVED_PERMANENTLY => "This page has another address.",
        StatusCode::FORBIDDEN => "The server may not read this file.",
        StatusCode::NOT_FOUND => "There is nothing at this address.",
        StatusCode::METHOD_NOT_ALLOWED => "This address can only be read.",
        StatusCode::PRECONDITION_FAILED => "The file is not in the state the request asks for.",
        StatusCode::PAYLOAD_TOO_LARGE => "The content is too large.",
        StatusCode::RANGE_NOT_SATISFIABLE => "The file has no such part.",
        StatusCode::NOT_IMPLEMENTED => "The server does not know this method.",
        StatusCode::SERVICE_UNAVAILABLE => "The server is busy. Please try again in a moment.",
        _ => "The server could not answer this request.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_its_status() {
        let response = respond(StatusCode::NOT_FOUND);
        let Content::Bytes(page) = response.content else {
            panic!("an error has a page")
        };
        let page = String::from_utf8(page).unwrap();
        assert!(page.contains("<title>404 Not Found</title>"));
        assert!(page.contains("There is nothing at this address."));
    }

    #[test]
    fn a_fault_is_explained() {
        let response = respond_to_fault(Fault::HostMissing);
        assert_eq!(response.status, StatusCode::BAD_REQUEST);
        let Content::Bytes(page) = response.content else {
            panic!("an error has a page")
        };
        assert!(
            String::from_utf8(page)
                .unwrap()
                .contains("<p>The Host field is missing.</p>")
        );
    }
}
