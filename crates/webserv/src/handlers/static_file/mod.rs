//! A regular file: whole, in part, or not at all because the client has it.
//!
//! [`representation`] chooses the form of the file (plain, a precompressed sibling, compressed as
//! it is sent) and writes down what is said about it. Then the preconditions are asked in their
//! order, and last the ranges (RFC 9110 section 13.2.2).

mod coded;
mod parts;
mod representation;

pub(crate) use representation::{modification_time, validators};

use ::http::header::{CONTENT_RANGE, RANGE};
use ::http::{Method, StatusCode};
use rustix::io::Errno;

use self::representation::Representation;
use super::files::Place;
use crate::http::precondition::{self, Outcome};
use crate::http::range::{self, Selection};
use crate::http::request::Request;
use crate::response::content::{Content, FilePart};
use crate::response::error_page;
use crate::response::head::Response;
use crate::route::resolve::{FoundFile, Refusal};

/// Answers GET or HEAD with a file.
///
/// # Errors
///
/// The file could not be read.
pub(crate) async fn respond(
    place: &Place<'_>,
    request: &Request,
    found: FoundFile,
) -> Result<Response, Refusal> {
    let representation = Representation::choose(place, request, found);
    let validators = &representation.validators;
    let fields = &request.fields;
    match precondition::evaluate(&request.method, fields, validators, place.now) {
        Outcome::Failed => {
            return Ok(error_page::respond_to(
                fields,
                StatusCode::PRECONDITION_FAILED,
            ));
        }
        Outcome::NotModified => return Ok(representation.not_modified()),
        Outcome::Proceed => {}
    }
    if let Some(coding) = representation.coding_to_make {
        return coded::respond(representation, coding).await;
    }
    Ok(match selection(place, request, &representation) {
        Selection::Whole => whole(representation),
        Selection::Part(range) => {
            let mut response = representation.head(StatusCode::PARTIAL_CONTENT);
            let last = range.end.saturating_sub(1);
            let value = format_args!("bytes {}-{last}/{}", range.start, representation.length);
            response.fields.push(&CONTENT_RANGE, value);
            response.content = Content::File(FilePart {
                file: representation.file,
                offset: range.start,
                length: range.end - range.start,
            });
            response
        }
        Selection::Parts(ranges) => parts::respond(representation, ranges),
        Selection::Unsatisfiable => {
            let response = error_page::respond_to(fields, StatusCode::RANGE_NOT_SATISFIABLE);
            let length = representation.length;
            response.with(&CONTENT_RANGE, format_args!("bytes */{length}"))
        }
    })
}

/// Whether a Range field may lead to a part; it is defined for GET alone (RFC 9110 section 14.2).
fn asks_for_range(request: &Request) -> bool {
    request.method == Method::GET && request.fields.first(&RANGE).is_some()
}

fn selection(place: &Place<'_>, request: &Request, representation: &Representation) -> Selection {
    if !asks_for_range(request) {
        return Selection::Whole;
    }
    let fields = &request.fields;
    let mut ranges = fields.values(&RANGE);
    match (ranges.next(), ranges.next()) {
        (Some(value), None)
            if precondition::allows_range(fields, &representation.validators, place.now) =>
        {
            range::select(value, representation.length)
        }
        // Two such lines are malformed; the whole is always a right answer.
        _ => Selection::Whole,
    }
}

fn whole(representation: Representation) -> Response {
    let mut response = representation.head(StatusCode::OK);
    response.content = Content::File(FilePart {
        offset: 0,
        length: representation.length,
        file: representation.file,
    });
    response
}

/// The file that is to be read has become shorter, or its medium fails.
fn unreadable(error: &std::io::Error) -> Refusal {
    Refusal::from(Errno::from_io_error(error).unwrap_or(Errno::IO))
}
