//! Several ranges of a file in one answer: `multipart/byteranges`.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::vec;

use ::http::StatusCode;
use futures_lite::stream;
use kevent_async::spawn_blocking;

use super::coded::read_exactly;
use super::representation::Representation;
use super::whole;
use crate::http::byteranges::{Boundary, Byteranges, Part};
use crate::limits::{COMPRESSED_SLICE_BYTES, INLINE_FILE_BYTES_MAX};
use crate::response::content::{Content, Streamed};
use crate::response::head::Response;

/// Answers with these parts of a file; with the whole of it where that is shorter.
pub(super) fn respond(mut representation: Representation, ranges: Vec<Range<u64>>) -> Response {
    let answer = Byteranges::new(
        ranges,
        representation.length,
        &representation.content_type,
        random_boundary(),
    );
    if answer.length() >= representation.length {
        return whole(representation);
    }
    representation.content_type = answer.content_type().into();
    let mut response = representation.head(StatusCode::PARTIAL_CONTENT);
    response.content = Content::Stream(Streamed {
        length: Some(answer.length()),
        pieces: Box::pin(stream::try_unfold(
            Progress::new(representation.file, answer),
            Progress::next,
        )),
    });
    response
}

/// 128 bits that differ from one answer to the next and cannot be foreseen: the standard library
/// takes its keys from the system.
fn random_boundary() -> Boundary {
    let half = || u128::from(RandomState::new().hash_one(()));
    Boundary(half() << 64 | half())
}

/// What is still to be sent.
struct Progress {
    file: Arc<OwnedFd>,
    parts: vec::IntoIter<Part>,
    /// The rest of the part whose head has been sent.
    current: Range<u64>,
    /// Taken when all parts have been sent.
    end: Option<String>,
}

impl Progress {
    fn new(file: OwnedFd, answer: Byteranges) -> Self {
        Progress {
            file: Arc::new(file),
            current: 0..0,
            end: Some(answer.end()),
            parts: answer.into_parts().into_iter(),
        }
    }

    /// The next piece: a part's head, a slice of its bytes, or the end.
    async fn next(mut self) -> io::Result<Option<(Vec<u8>, Self)>> {
        if !self.current.is_empty() {
            let offset = self.current.start;
            let size = usize::try_from(self.current.end - offset)
                .map_or(COMPRESSED_SLICE_BYTES, |size| {
                    size.min(COMPRESSED_SLICE_BYTES)
                });
            self.current.start += size as u64;
            let file = Arc::clone(&self.file);
            let piece = if size as u64 <= INLINE_FILE_BYTES_MAX {
                read_exactly(&file, offset, size)?
            } else {
                spawn_blocking(move || read_exactly(&file, offset, size)).await?
            };
            return Ok(Some((piece, self)));
        }
        let text = match self.parts.next() {
            Some(part) => {
                self.current = part.range;
                Some(part.head)
            }
            None => self.end.take(),
        };
        Ok(text.map(|text| (text.into_bytes(), self)))
    }
}
