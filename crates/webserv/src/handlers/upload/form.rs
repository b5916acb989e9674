//! POST to a directory: the files of a form (RFC 7578), or one file as it is.
//!
//! All files of a form are received before the first gets its name, and when one cannot get it
//! those before it are taken back. What the form holds beside files is skipped.

use std::os::fd::OwnedFd;

use ::http::StatusCode;
use ::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION, X_CONTENT_TYPE_OPTIONS,
};
use kevent_async::spawn_blocking;
use rustix::io::Errno;

use super::destination::{Directory, existing};
use super::refused::Refused;
use super::staging::{Placement, Staging, withdraw};
use super::{check_content, name, put, receive};
use crate::connection::content::RequestContent;
use crate::handlers::files::Place;
use crate::http::field::members;
use crate::http::multipart::{Event, Parser};
use crate::http::parameter::Parameterized;
use crate::http::request::Request;
use crate::http::status::Fault;
use crate::http::target::encode_path;
use crate::limits::{FORM_FILES_MAX, UPLOAD_PIECE_BYTES};
use crate::response::content::Content;
use crate::response::head::Response;
use crate::site::{Route, Upload};

/// 201 with the places of the files, or 303 back to the listing for a browser.
///
/// # Errors
///
/// A [`Refused`]; nothing is stored then.
pub(super) async fn respond(
    place: &Place<'_>,
    upload: &Upload,
    request: &Request,
    content: &mut RequestContent,
) -> Result<Response, Refused> {
    let kind = kind(request)?;
    check_content(request)?;
    content.limit(place.route.content_bytes_max)?;
    let directory = Directory::of_path(place, upload)?;
    let opened = spawn_blocking(move || directory.open()).await;
    let directory = match opened {
        Ok(directory) => directory,
        // No directory: a file is posted under the path that it shall have.
        Err(Errno::NOENT | Errno::NOTDIR)
            if matches!(kind, Kind::File) && !place.path.is_directory_form() =>
        {
            return put::respond(place, upload, request, content).await;
        }
        Err(Errno::NOENT | Errno::NOTDIR) => return Err(Refused::NoDirectory),
        Err(errno) => return Err(errno.into()),
    };
    let names = match kind {
        Kind::Form(parser) => {
            let mut form = Form::new(directory, place.route, upload);
            form.receive(*parser, content).await?;
            form.commit().await?
        }
        Kind::File => {
            let placement = placement(file_name(request, place.route)?, upload);
            let name = placement.name.clone();
            let stored = receive::file(content, directory, placement);
            stored.await?;
            vec![name]
        }
    };
    Ok(answer(place, request, &names))
}

/// What is posted.
#[derive(Debug)]
enum Kind {
    Form(Box<Parser>),
    File,
}

/// By its Content-Type. What a form without files sends has no meaning here.
fn kind(request: &Request) -> Result<Kind, Refused> {
    let mut values = request.fields.values(&CONTENT_TYPE);
    let (value, None) = (values.next().unwrap_or_default(), values.next()) else {
        return Err(Refused::MediaType);
    };
    let end = value.iter().position(|&byte| byte == b';');
    let kind = value.get(..end.unwrap_or(value.len())).unwrap_or_default();
    let kind = crate::http::field::trim(kind).to_ascii_lowercase();
    match kind.as_slice() {
        b"multipart/form-data" => Ok(Kind::Form(Box::new(Parser::new(value)?))),
        b"application/x-www-form-urlencoded" | b"text/plain" => Err(Refused::MediaType),
        kind if kind.starts_with(b"multipart/") || kind.starts_with(b"message/") => {
            Err(Refused::MediaType)
        }
        _ => Ok(Kind::File),
    }
}

/// The name that Content-Disposition gives a file that is posted to a directory.
fn file_name(request: &Request, route: &Route) -> Result<Vec<u8>, Refused> {
    let disposition = request
        .fields
        .first(&CONTENT_DISPOSITION)
        .unwrap_or_default();
    let disposition = Parameterized::parse(disposition).map_err(|_| Refused::Name)?;
    let sent = disposition
        .parameter(b"filename")
        .map_err(|_| Refused::Name)?;
    let name = name::base_name(sent.ok_or(Refused::Name)?);
    name::check(name, route)?;
    Ok(name.to_vec())
}

fn placement(name: Vec<u8>, upload: &Upload) -> Placement {
    Placement {
        name,
        may_replace: upload.may_replace,
        is_synced: upload.is_synced,
        expected: None,
    }
}

/// The files of a form, as far as they have come.
struct Form<'r> {
    directory: OwnedFd,
    route: &'r Route,
    upload: &'r Upload,
    files: Vec<(Option<Staging>, Placement)>,
    /// Content of the last file that is not written yet.
    piece: Vec<u8>,
    part: Part,
}

/// What the current part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// A field, or no part at all.
    Skipped,
    /// A file input in which nothing was chosen, as browsers send it; it must stay empty.
    Unchosen,
    File,
}

impl<'r> Form<'r> {
    fn new(directory: OwnedFd, route: &'r Route, upload: &'r Upload) -> Self {
        Form {
            directory,
            route,
            upload,
            files: Vec::new(),
            piece: Vec::new(),
            part: Part::Skipped,
        }
    }

    /// Reads the content to its end, which must be behind the end of the form.
    async fn receive(
        &mut self,
        mut parser: Parser,
        content: &mut RequestContent,
    ) -> Result<(), Refused> {
        let mut buffer = vec![0; UPLOAD_PIECE_BYTES.max(2 * Parser::lookahead_bytes_max())];
        let mut end = 0;
        let mut has_ended = false;
        loop {
            let space = buffer.get_mut(end..).unwrap_or_default();
            match content.read(space).await? {
                0 if has_ended => return Ok(()),
                0 => return Err(Fault::Multipart.into()),
                count => end += count,
            }
            let mut start = 0;
            loop {
                let input = buffer.get(start..end).unwrap_or_default();
                let step = parser.step(input)?;
                let is_waiting = matches!(step.event, Event::NeedsMore | Event::End);
                has_ended |= step.event == Event::End;
                self.take(step.event, input).await?;
                start += step.consumed;
                if is_waiting {
                    break;
                }
            }
            // A form that has ended wants nothing of what follows.
            if has_ended {
                start = end;
            }
            buffer.copy_within(start..end, 0);
            end -= start;
        }
    }

    async fn take(&mut self, event: Event, input: &[u8]) -> Result<(), Refused> {
        match event {
            Event::Part(head) => match head.file_name {
                None => self.part = Part::Skipped,
                Some(sent) if sent.is_empty() => self.part = Part::Unchosen,
                Some(sent) => {
                    self.part = Part::File;
                    self.begin(name::base_name(&sent)).await?;
                }
            },
            Event::Data(range) if !range.is_empty() => match self.part {
                Part::Skipped => {}
                Part::Unchosen => return Err(Refused::Name),
                Part::File => {
                    self.piece
                        .extend_from_slice(input.get(range).unwrap_or_default());
                    if self.piece.len() >= UPLOAD_PIECE_BYTES {
                        self.write().await?;
                    }
                }
            },
            Event::PartEnd => {
                if self.part == Part::File {
                    self.write().await?;
                }
                self.part = Part::Skipped;
            }
            Event::Data(_) | Event::NeedsMore | Event::End => {}
        }
        Ok(())
    }

    /// Begins a file. What will be refused at the end is refused now.
    async fn begin(&mut self, name: &[u8]) -> Result<(), Refused> {
        name::check(name, self.route)?;
        if self.files.len() >= FORM_FILES_MAX {
            return Err(Fault::MultipartTooLarge.into());
        }
        if self.files.iter().any(|(_, other)| other.name == name) {
            return Err(Refused::Name);
        }
        let placement = placement(name.to_vec(), self.upload);
        let (looked, may_replace) = (placement.name.clone(), placement.may_replace);
        let directory = rustix::io::fcntl_dupfd_cloexec(&self.directory, 3)?;
        let staging = spawn_blocking(move || {
            if existing(&directory, &looked)?.is_some() && !may_replace {
                return Err(Refused::Exists);
            }
            Ok(Staging::create(directory)?)
        })
        .await?;
        self.files.push((Some(staging), placement));
        Ok(())
    }

    /// Writes what has been gathered to the last file.
    async fn write(&mut self) -> Result<(), Refused> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let slot = self.files.last_mut().map(|(slot, _)| slot);
        let Some((slot, mut staging)) = slot.and_then(|slot| slot.take().map(|it| (slot, it)))
        else {
            return Ok(());
        };
        let piece = std::mem::take(&mut self.piece);
        let (staging, mut piece) = spawn_blocking(move || {
            staging.write(&piece)?;
            Ok::<_, Refused>((staging, piece))
        })
        .await?;
        piece.clear();
        *slot = Some(staging);
        self.piece = piece;
        Ok(())
    }

    /// Puts all files in place, or none; tells their names.
    async fn commit(self) -> Result<Vec<Vec<u8>>, Refused> {
        let Form {
            directory, files, ..
        } = self;
        if files.is_empty() {
            return Err(Fault::Multipart.into());
        }
        spawn_blocking(move || {
            let mut names = Vec::new();
            let mut new = Vec::new();
            for (staging, placement) in files {
                let stored = match staging {
                    Some(staging) => staging.commit(&placement),
                    None => Err(Refused::System(Errno::IO)),
                };
                match stored {
                    Ok(stored) if stored.is_new => new.push(placement.name.clone()),
                    Ok(_) => {}
                    Err(refused) => {
                        for name in &new {
                            withdraw(&directory, name);
                        }
                        return Err(refused);
                    }
                }
                names.push(placement.name);
            }
            Ok(names)
        })
        .await
    }
}

/// A browser goes back to the directory; other clients get the places of the files.
fn answer(place: &Place<'_>, request: &Request, names: &[Vec<u8>]) -> Response {
    let directory = if place.asked.is_directory_form() {
        place.asked.to_string()
    } else {
        format!("{}/", place.asked)
    };
    let is_browser = request.fields.values(&ACCEPT).any(|value| {
        members(value).any(|member| member.to_ascii_lowercase().starts_with(b"text/html"))
    });
    if is_browser {
        return Response::new(StatusCode::SEE_OTHER).with(&LOCATION, directory);
    }
    let mut places: Vec<String> = names
        .iter()
        .map(|name| format!("{directory}{}", encode_path(name)))
        .collect();
    let mut response = Response::new(StatusCode::CREATED)
        .with(&CONTENT_TYPE, "text/plain; charset=utf-8")
        .with(&X_CONTENT_TYPE_OPTIONS, "nosniff")
        .with(&CACHE_CONTROL, "no-store");
    if let Some(first) = places.first() {
        response = response.with(&LOCATION, first);
    }
    places.push(String::new());
    response.content = Content::Bytes(places.join("\n").into_bytes());
    response
}
