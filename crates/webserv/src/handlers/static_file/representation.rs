//! The form in which a file is sent, and what its head says: all that is known about a file
//! before a request's conditions are asked.
//!
//! This is the one place where a file becomes an open descriptor, metadata and field lines, so a
//! cache can stand before it: its key is the path with the codings that the client takes.

use std::borrow::Cow;
use std::os::fd::OwnedFd;

use ::http::StatusCode;
use ::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderValue, LAST_MODIFIED,
    VARY, X_CONTENT_TYPE_OPTIONS,
};
use rustix::fs::Stat;

use super::super::files::Place;
use super::asks_for_range;
use crate::http::date::HttpDate;
use crate::http::media_type::{self, Compressibility};
use crate::http::negotiation::{AcceptedCodings, Coding};
use crate::http::precondition::{EntityTag, Validators};
use crate::http::request::Request;
use crate::limits::COMPRESSED_FILE_BYTES_MAX;
use crate::response::compression;
use crate::response::head::Response;
use crate::route::resolve::{FoundFile, open_file};

/// A file in the form that the client gets.
#[derive(Debug)]
pub(super) struct Representation {
    /// The file whose bytes are sent: the one that was asked for, or its sibling.
    pub(super) file: OwnedFd,
    /// Its length in bytes.
    pub(super) length: u64,
    pub(super) content_type: Cow<'static, str>,
    pub(super) validators: Validators,
    /// The coding that the bytes of the file have yet to be given.
    pub(super) coding_to_make: Option<Coding>,
    /// The coding of what is sent.
    coding: Option<Coding>,
    /// Whether another client could get another form.
    varies: bool,
    cache_control: Option<HeaderValue>,
}

impl Representation {
    /// Chooses the form of `found` for a client.
    pub(super) fn choose(place: &Place<'_>, request: &Request, found: FoundFile) -> Self {
        let compression = &place.route.compression;
        let content_type = media_type::of_file_name(found.name());
        let compressibility = media_type::compressibility(&content_type);
        let may_have_sibling =
            compression.uses_siblings && compressibility != Compressibility::None;
        let may_be_coded = compression.is_on_the_fly && compressibility == Compressibility::High;
        let varies = may_have_sibling || may_be_coded;
        let mut this = Representation {
            length: file_size(&found.stat),
            content_type,
            validators: validators(&found.stat, place.now),
            coding_to_make: None,
            coding: None,
            varies,
            cache_control: place.route.cache_control.clone(),
            file: found.file,
        };
        if !varies {
            return this;
        }
        let accepted = AcceptedCodings::of(&request.fields);
        if may_have_sibling
            && !accepted.is_plain_only()
            && let Some((sibling, coding)) = find_sibling(place, &found.path, &found.stat, accepted)
        {
            this.validators = validators(&sibling.stat, place.now);
            this.set_coding(coding, false);
            this.length = file_size(&sibling.stat);
            this.file = sibling.file;
            return this;
        }
        let is_worth_it = this.length >= compression.bytes_min.max(1)
            || accepted.refuses_plain() && this.length > 0;
        if may_be_coded
            && is_worth_it
            && this.length <= COMPRESSED_FILE_BYTES_MAX
            // A range is one of bytes that stay the same.
            && !asks_for_range(request)
            && let Some(coding) = accepted.in_order().find(|&it| compression::is_available(it))
        {
            this.set_coding(coding, true);
            this.coding_to_make = Some(coding);
        }
        this
    }

    /// Gives the entity tag of this form, which is weak where its bytes are made anew each time.
    fn set_coding(&mut self, coding: Coding, is_weak: bool) {
        self.coding = Some(coding);
        self.validators.entity_tag = self.validators.entity_tag.map(|tag| EntityTag {
            coding: Some(coding),
            is_weak,
            ..tag
        });
    }

    /// The plain form of the same file, for when its coded form cannot be had.
    pub(super) fn into_plain(mut self) -> Self {
        self.coding = None;
        self.coding_to_make = None;
        self.validators.entity_tag = self.validators.entity_tag.map(|tag| EntityTag {
            coding: None,
            is_weak: false,
            ..tag
        });
        self
    }

    /// The fields that 200 and 206 share.
    pub(super) fn head(&self, status: StatusCode) -> Response {
        let mut response = Response::new(status)
            .with(&CONTENT_TYPE, &self.content_type)
            .with(&X_CONTENT_TYPE_OPTIONS, "nosniff");
        if let Some(coding) = self.coding {
            response.fields.push(&CONTENT_ENCODING, coding.token());
        }
        if self.coding_to_make.is_none() {
            response.fields.push(&ACCEPT_RANGES, "bytes");
        }
        self.with_state(response)
    }

    /// 304: what the client needs to keep its copy in order (RFC 9110 section 15.4.5).
    pub(super) fn not_modified(&self) -> Response {
        self.with_state(Response::new(StatusCode::NOT_MODIFIED))
    }

    /// The fields that 200, 206 and 304 share.
    fn with_state(&self, mut response: Response) -> Response {
        if let Some(tag) = self.validators.entity_tag {
            response.fields.push(&ETAG, tag);
        }
        if let Some(date) = self.validators.last_modified {
            response.fields.push(&LAST_MODIFIED, date);
        }
        if self.varies {
            response.fields.push(&VARY, "Accept-Encoding");
        }
        if let Some(text) = self.cache_control.as_ref().and_then(|it| it.to_str().ok()) {
            response.fields.push(&CACHE_CONTROL, text);
        }
        response
    }
}

/// The best precompressed form beside a file. One that is older than its file is left alone: it is
/// what the file once was.
fn find_sibling(
    place: &Place<'_>,
    path: &[u8],
    plain: &Stat,
    accepted: AcceptedCodings,
) -> Option<(FoundFile, Coding)> {
    accepted.in_order().find_map(|coding| {
        let name = [path, coding.extension().as_bytes()].concat();
        let sibling = open_file(&place.beneath, &name).ok().flatten()?;
        (sibling.stat.st_mtime >= plain.st_mtime).then_some((sibling, coding))
    })
}

/// What the file's metadata says about its state.
///
/// Last-Modified is never later than Date (RFC 9110 section 8.8.2.1), and a file from before 1970
/// has none. The date counts as strong only when its second has passed: within it the file may
/// change again.
pub(crate) fn validators(stat: &Stat, now: HttpDate) -> Validators {
    let (seconds, nanoseconds) = modification_time(stat);
    let modified = HttpDate::from_unix_seconds(seconds);
    Validators {
        entity_tag: Some(EntityTag {
            inode: stat.st_ino,
            size: file_size(stat),
            modified_seconds: seconds,
            modified_nanoseconds: nanoseconds,
            coding: None,
            is_weak: false,
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
