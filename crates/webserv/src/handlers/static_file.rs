//! A regular file: whole, in part, or not at all because the client has it.

use ::http::header::{
    ACCEPT_RANGES, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use ::http::{Method, StatusCode};
use rustix::fs::Stat;

use crate::http::date::HttpDate;
use crate::http::media_type;
use crate::http::precondition::{self, EntityTag, Outcome, Validators};
use crate::http::range::{self, Selection};
use crate::http::request::Request;
use crate::response::content::{Content, FilePart};
use crate::response::error_page;
use crate::response::head::Response;
use crate::route::resolve::FoundFile;

/// Answers GET or HEAD with a file.
pub(crate) fn respond(request: &Request, found: FoundFile, now: HttpDate) -> Response {
    let validators = validators(&found.stat, now);
    match precondition::evaluate(&request.method, &request.fields, &validators, now) {
        Outcome::Failed => return error_page::respond(StatusCode::PRECONDITION_FAILED),
        Outcome::NotModified => {
            return with_validators(Response::new(StatusCode::NOT_MODIFIED), &validators);
        }
        Outcome::Proceed => {}
    }
    let size = file_size(&found.stat);
    match selection(request, &validators, size, now) {
        Selection::Whole => whole(found, size, &validators),
        Selection::Part(range) => {
            let mut response = representation(StatusCode::PARTIAL_CONTENT, &found, &validators);
            let last = range.end.saturating_sub(1);
            let value = format_args!("bytes {}-{last}/{size}", range.start);
            response.fields.push(&CONTENT_RANGE, value);
            let length = range.end - range.start;
            let part = FilePart {
                file: found.file,
                offset: range.start,
                length,
            };
            response.content = Content::File(part);
            response
        }
        Selection::Unsatisfiable => error_page::respond(StatusCode::RANGE_NOT_SATISFIABLE)
            .with(&CONTENT_RANGE, format_args!("bytes */{size}")),
    }
}

/// What the Range field selects; it is defined for GET alone (RFC 9110 section 14.2).
fn selection(request: &Request, validators: &Validators, size: u64, now: HttpDate) -> Selection {
    let mut ranges = request.fields.values(&RANGE);
    match (ranges.next(), ranges.next()) {
        (Some(value), None)
            if request.method == Method::GET
                && precondition::allows_range(&request.fields, validators, now) =>
        {
            range::select(value, size)
        }
        _ => Selection::Whole,
    }
}

fn whole(found: FoundFile, size: u64, validators: &Validators) -> Response {
    let mut response = representation(StatusCode::OK, &found, validators);
    response.content = Content::File(FilePart {
        file: found.file,
        offset: 0,
        length: size,
    });
    response
}

/// The fields that 200 and 206 share.
fn representation(status: StatusCode, found: &FoundFile, validators: &Validators) -> Response {
    let response = Response::new(status)
        .with(&CONTENT_TYPE, media_type::of_file_name(&found.name))
        .with(&X_CONTENT_TYPE_OPTIONS, "nosniff")
        .with(&ACCEPT_RANGES, "bytes");
    with_validators(response, validators)
}

fn with_validators(mut response: Response, validators: &Validators) -> Response {
    if let Some(tag) = validators.entity_tag {
        response.fields.push(&ETAG, tag);
    }
    if let Some(date) = validators.last_modified {
        response.fields.push(&LAST_MODIFIED, date);
    }
    response
}

/// What the file's metadata says about its state.
///
/// Last-Modified is never later than Date (RFC 9110 section 8.8.2.1), and a file from before 1970
/// has none. The date counts as strong only when its second has passed: within it the file may
/// change again.
fn validators(stat: &Stat, now: HttpDate) -> Validators {
    let (seconds, nanoseconds) = modification_time(stat);
    let modified = HttpDate::from_unix_seconds(seconds);
    Validators {
        entity_tag: Some(EntityTag {
            inode: stat.st_ino,
            size: file_size(stat),
            modified_seconds: seconds,
            modified_nanoseconds: nanoseconds,
        }),
        last_modified: modified.map(|date| date.min(now)),
        is_date_strong: modified.is_some_and(|date| date < now),
    }
}

/// The size in bytes; a regular file's is never negative.
fn file_size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

/// Seconds since the epoch and nanoseconds of the last modification. The types of the fields
/// differ from one architecture to the next.
pub(crate) fn modification_time(stat: &Stat) -> (i64, u32) {
    (
        stat.st_mtime,
        u32::try_from(stat.st_mtime_nsec).unwrap_or(0),
    )
}
