//! What stands behind a status code: a small page without anything the client has sent, or its
//! text or JSON form for a client that prefers that.

use std::fmt::{self, Display};

use ::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use ::http::{HeaderName, StatusCode};

use super::content::Content;
use super::head::Response;
use crate::http::field::FieldSection;
use crate::http::media_type::{HTML, JSON, PLAIN};
use crate::http::negotiation::preferred_type;
use crate::http::status::Fault;
use crate::limits::RETRY_AFTER_SECONDS;

/// The style of all pages that the server makes itself.
pub(crate) const STYLE: &str = include_str!("style.css");

/// The start of these pages, up to their title. The icon is there so that no browser asks for one.
pub(crate) const PAGE_START: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
    <link rel=\"icon\" href=\"data:,\">\n";

/// A policy for these pages: nothing is loaded, nothing runs, and no style counts but [`STYLE`],
/// whatever a file is called. The hash is that of the style; a test tells the new one.
macro_rules! policy {
    ($form_action:literal) => {
        concat!(
            "default-src 'none'; style-src 'sha256-3dJHnkncuS2QFu2EVtaXNqq5R3zr+lyN3+gtnsFjD60='; ",
            "img-src data:; base-uri 'none'; frame-ancestors 'none'; form-action ",
            $form_action
        )
    };
}

/// The policy of pages without a form.
pub(crate) const POLICY: (&HeaderName, &str) = (&CONTENT_SECURITY_POLICY, policy!("'none'"));

/// The policy of pages with a form: it may send to its own server.
pub(crate) const POLICY_WITH_FORM: (&HeaderName, &str) =
    (&CONTENT_SECURITY_POLICY, policy!("'self'"));

/// An answer with that status code and its page.
pub(crate) fn respond(status: StatusCode) -> Response {
    Form::Page.respond(status, explanation(status))
}

/// The same in the form that the client of a request prefers.
pub(crate) fn respond_to(fields: &FieldSection, status: StatusCode) -> Response {
    let place = preferred_type(fields, &["text/html", "application/json", "text/plain"]);
    let form = [Form::Page, Form::Json, Form::Plain]
        .into_iter()
        .nth(place)
        .unwrap_or(Form::Page);
    form.respond(status, explanation(status))
        .with(&VARY, "Accept")
}

/// The answer to a request that has a fault.
pub(crate) fn respond_to_fault(fault: Fault) -> Response {
    let mut sentence = fault.to_string();
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence.push('.');
    Form::Page.respond(fault.status(), &sentence)
}

/// An answer with that status code and the fields that belong to it, but no content yet.
pub(crate) fn without_page(status: StatusCode) -> Response {
    let response = Response::new(status).with(&X_CONTENT_TYPE_OPTIONS, "nosniff");
    if status == StatusCode::SERVICE_UNAVAILABLE {
        return response.with(&RETRY_AFTER, RETRY_AFTER_SECONDS);
    }
    response
}

/// The forms of such an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Page,
    Json,
    Plain,
}

impl Form {
    fn respond(self, status: StatusCode, sentence: &str) -> Response {
        let response = without_page(status);
        let error = Error { status, sentence };
        let (mut response, content) = match self {
            Form::Page => (
                response.with(&CONTENT_TYPE, HTML).with(POLICY.0, POLICY.1),
                error.page(),
            ),
            Form::Json => (response.with(&CONTENT_TYPE, JSON), error.json()),
            Form::Plain => (response.with(&CONTENT_TYPE, PLAIN), error.plain()),
        };
        response.content = Content::Bytes(content.into_bytes());
        response
    }
}

/// What is to be said.
struct Error<'s> {
    status: StatusCode,
    sentence: &'s str,
}

impl Error<'_> {
    fn page(&self) -> String {
        let code = self.status.as_str();
        let reason = Reason(self.status);
        let sentence = self.sentence;
        format!(
            "{PAGE_START}<title>{code} {reason}</title>\n<style>{STYLE}</style>\n\
             <main class=\"e\">\n<h1><b>{code}</b> {reason}</h1>\n<p>{sentence}</p>\n\
             </main>\n</html>\n"
        )
    }

    /// Neither a reason nor a sentence holds a quotation mark or a backslash.
    fn json(&self) -> String {
        format!(
            "{{\"status\":{},\"reason\":\"{}\",\"message\":\"{}\"}}\n",
            self.status.as_str(),
            Reason(self.status),
            self.sentence
        )
    }

    fn plain(&self) -> String {
        format!(
            "{} {}\n{}\n",
            self.status.as_str(),
            Reason(self.status),
            self.sentence
        )
    }
}

/// The reason phrase, or a word for what the first digit says.
struct Reason(StatusCode);

impl Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = if self.0.is_client_error() {
            "Request Refused"
        } else if self.0.is_server_error() {
            "Server Error"
        } else {
            "Answer"
        };
        formatter.write_str(self.0.canonical_reason().unwrap_or(class))
    }
}

/// One sentence for the person in front of the browser.
fn explanation(status: StatusCode) -> &'static str {
    match status {
        StatusCode::CREATED => "The file is stored.",
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::SEE_OTHER
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => "This page has another address.",
        StatusCode::BAD_REQUEST => "The server does not understand this request.",
        StatusCode::UNAUTHORIZED => "This page is for those who have a name and a password here.",
        StatusCode::FORBIDDEN => "This may not be seen.",
        StatusCode::NOT_FOUND => "There is nothing at this address.",
        StatusCode::METHOD_NOT_ALLOWED => "This address does not take such a request.",
        StatusCode::NOT_ACCEPTABLE => "There is no form of this page that the client takes.",
        StatusCode::REQUEST_TIMEOUT => "The request took too long to arrive.",
        StatusCode::CONFLICT => "What is at this address stands in the way of the request.",
        StatusCode::GONE => "What was at this address is gone for good.",
        StatusCode::LENGTH_REQUIRED => "The request must say how long its content is.",
        StatusCode::PRECONDITION_FAILED => "The file is not in the state the request asks for.",
        StatusCode::PAYLOAD_TOO_LARGE => "The content is too large.",
        StatusCode::URI_TOO_LONG => "The address is too long.",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "This address does not take content of that kind.",
        StatusCode::RANGE_NOT_SATISFIABLE => "The file has no such part.",
        StatusCode::EXPECTATION_FAILED => "The server cannot do what the request expects.",
        StatusCode::MISDIRECTED_REQUEST => "This server does not speak for that host.",
        StatusCode::UNPROCESSABLE_ENTITY => "The content cannot be used.",
        StatusCode::TOO_MANY_REQUESTS => "These were too many requests. Please wait a moment.",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "The fields of the request are too large.",
        StatusCode::INTERNAL_SERVER_ERROR => "The server has made a mistake.",
        StatusCode::NOT_IMPLEMENTED => "The server does not know this method.",
        StatusCode::BAD_GATEWAY => "The program behind this page gave no proper answer.",
        StatusCode::SERVICE_UNAVAILABLE => "The server is busy. Please try again in a moment.",
        StatusCode::GATEWAY_TIMEOUT => "The program behind this page took too long.",
        StatusCode::HTTP_VERSION_NOT_SUPPORTED => "The server does not speak this version of HTTP.",
        StatusCode::INSUFFICIENT_STORAGE => "There is no room left to store this.",
        _ => "The server could not answer this request.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(response: Response) -> String {
        let Content::Bytes(page) = response.content else {
            panic!("an error has a page")
        };
        String::from_utf8(page).unwrap()
    }

    /// RFC 4648 section 4.
    fn base64(bytes: &[u8]) -> String {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for group in bytes.chunks(3) {
            let bits = (0..3).fold(0, |bits, place| {
                bits << 8 | usize::from(group.get(place).copied().unwrap_or(0))
            });
            for place in 0..4 {
                if place <= group.len() {
                    text.push(char::from(ALPHABET[bits >> (18 - 6 * place) & 63]));
                } else {
                    text.push('=');
                }
            }
        }
        text
    }

    #[test]
    fn the_policy_knows_the_style() {
        use sha2::Digest;
        let hash = base64(&sha2::Sha256::digest(STYLE));
        for policy in [POLICY.1, POLICY_WITH_FORM.1] {
            let part = format!("style-src 'sha256-{hash}';");
            assert!(policy.contains(&part), "the policy should say {part}");
        }
    }

    #[test]
    fn a_page_names_its_status() {
        let page = text(respond(StatusCode::NOT_FOUND));
        assert!(page.contains("<title>404 Not Found</title>"));
        assert!(page.contains("There is nothing at this address."));
    }

    #[test]
    fn every_status_has_a_page_and_a_text() {
        for code in 400..600 {
            let status = StatusCode::from_u16(code).unwrap();
            let page = text(respond(status));
            assert!(page.contains(&format!("<b>{code}</b> ")), "{page}");
            let error = Error {
                status,
                sentence: explanation(status),
            };
            assert!(error.plain().starts_with(&format!("{code} ")));
            let json: serde_json::Value = serde_json::from_str(&error.json()).unwrap();
            assert_eq!(json["status"], code);
            assert_eq!(json["message"], explanation(status));
        }
    }

    #[test]
    fn the_client_chooses_the_form() {
        for (accept, start) in [
            ("*/*", "<!DOCTYPE html>"),
            ("application/json", "{\"status\":404,"),
            ("text/plain", "404 Not Found\n"),
        ] {
            let section = format!("Accept: {accept}\r\n\r\n");
            let fields = FieldSection::parse(section.as_bytes()).unwrap();
            let page = text(respond_to(&fields, StatusCode::NOT_FOUND));
            assert!(page.starts_with(start), "{accept}: {page}");
        }
    }

    #[test]
    fn a_fault_is_explained() {
        let response = respond_to_fault(Fault::HostMissing);
        assert_eq!(response.status, StatusCode::BAD_REQUEST);
        assert!(text(response).contains("<p>The Host field is missing.</p>"));
    }
}
