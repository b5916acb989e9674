//! The content of an answer: bytes in memory, a part of an open file, or a stream that is made
//! while it is sent.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;

use futures_lite::Stream;

/// What follows the head of an answer.
#[derive(Debug)]
pub(crate) enum Content {
    /// Nothing.
    Empty,
    /// Bytes made for this answer.
    Bytes(Vec<u8>),
    /// A part of a regular file, sent without a copy through this process where that pays.
    File(FilePart),
    /// Pieces that are asked for as fast as the client takes them.
    Stream(Streamed),
}

/// A content that is made piece by piece.
///
/// The next piece is asked for when the one before it has been taken by the kernel or gathered
/// with others, so a slow client slows its source down. Dropping it, which happens when the client
/// is gone, ends the source. A source that fails, or ends before its announced length, ends the
/// connection so that the client notices.
pub(crate) struct Streamed {
    /// The pieces; an empty one means nothing.
    pub(crate) pieces: Pieces,
    /// The length in bytes, if it is known; what exceeds it is not sent.
    pub(crate) length: Option<u64>,
}

/// The source of a stream.
pub(crate) type Pieces = Pin<Box<dyn Stream<Item = io::Result<Vec<u8>>>>>;

impl fmt::Debug for Streamed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Streamed")
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// A run of bytes of an open file.
#[derive(Debug)]
pub(crate) struct FilePart {
    /// The file, open for reading.
    pub(crate) file: OwnedFd,
    /// Where the run begins, in bytes from the start of the file.
    pub(crate) offset: u64,
    /// How many bytes it has. If the file turns out shorter, the connection is closed short.
    pub(crate) length: u64,
}

impl Content {
    /// The length in bytes, as Content-Length announces it; none if only the end will show it.
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Content::Empty => Some(0),
            Content::Bytes(bytes) => Some(bytes.len() as u64),
            Content::File(part) => Some(part.length),
            Content::Stream(streamed) => streamed.length,
        }
    }
}
