//! A file that is compressed as it is sent.
//!
//! A small one is done at once, a middling one by a single job of the blocking pool, so that both
//! have a length. A large one is a stream: each job reads and compresses one slice, and the next
//! begins when the client has taken what came of it.

use std::io;
use std::os::fd::OwnedFd;

use ::http::StatusCode;
use futures_lite::stream;
use kevent_async::spawn_blocking;
use rustix::io::{Errno, pread};

use super::representation::Representation;
use super::{unreadable, whole};
use crate::http::negotiation::Coding;
use crate::limits::{COMPRESSED_INLINE_BYTES_MAX, COMPRESSED_SLICE_BYTES};
use crate::response::compression::{self, Encoder, Permit};
use crate::response::content::{Content, Streamed};
use crate::response::head::Response;
use crate::route::resolve::Refusal;

/// Answers with the file in a coding that it does not have yet.
///
/// # Errors
///
/// The file could not be read.
pub(super) async fn respond(
    representation: Representation,
    coding: Coding,
) -> Result<Response, Refusal> {
    let length = representation.length;
    // Within a slice, so it fits.
    let size = usize::try_from(length).unwrap_or(usize::MAX);
    if size > COMPRESSED_SLICE_BYTES {
        let Some(permit) = Permit::take() else {
            // Too many encoders already wait for their clients.
            return Ok(whole(representation.into_plain()));
        };
        return stream_of(representation, coding, permit).map_err(|error| unreadable(&error));
    }
    let mut response = representation.head(StatusCode::OK);
    let file = representation.file;
    let job = move || compression::compress(coding, &read_exactly(&file, 0, size)?);
    let coded = if length <= COMPRESSED_INLINE_BYTES_MAX {
        job()
    } else {
        spawn_blocking(job).await
    };
    response.content = Content::Bytes(coded.map_err(|error| unreadable(&error))?);
    Ok(response)
}

/// What a job needs and gives back for the next one.
struct Progress {
    file: OwnedFd,
    offset: u64,
    length: u64,
    encoder: Encoder,
    _permit: Permit,
}

fn stream_of(
    representation: Representation,
    coding: Coding,
    permit: Permit,
) -> io::Result<Response> {
    let mut response = representation.head(StatusCode::OK);
    let progress = Progress {
        length: representation.length,
        file: representation.file,
        offset: 0,
        encoder: Encoder::new(coding, Some(representation.length))?,
        _permit: permit,
    };
    let pieces = stream::try_unfold(Some(progress), |progress| async {
        match progress {
            Some(progress) => spawn_blocking(|| next_piece(progress)).await.map(Some),
            None => Ok(None),
        }
    });
    response.content = Content::Stream(Streamed {
        pieces: Box::pin(pieces),
        length: None,
    });
    Ok(response)
}

/// Reads and compresses one slice. Blocks.
fn next_piece(mut progress: Progress) -> io::Result<(Vec<u8>, Option<Progress>)> {
    let remaining = progress.length - progress.offset;
    let size = usize::try_from(remaining).map_or(COMPRESSED_SLICE_BYTES, |remaining| {
        remaining.min(COMPRESSED_SLICE_BYTES)
    });
    let content = read_exactly(&progress.file, progress.offset, size)?;
    progress.offset += content.len() as u64;
    let mut coded = progress.encoder.push(&content)?;
    if progress.offset < progress.length {
        return Ok((coded, Some(progress)));
    }
    coded.append(&mut progress.encoder.finish()?);
    Ok((coded, None))
}

/// Reads so many bytes of a file.
///
/// # Errors
///
/// Those of pread(2); EIO if the file has become shorter.
pub(super) fn read_exactly(file: &OwnedFd, offset: u64, size: usize) -> io::Result<Vec<u8>> {
    let mut content = vec![0; size];
    let mut filled = 0;
    while filled < size {
        let space = content.get_mut(filled..).unwrap_or_default();
        match pread(file, space, offset + filled as u64) {
            Ok(0) => return Err(Errno::IO.into()),
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(content)
}
