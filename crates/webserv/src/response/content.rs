//! The content of an answer: bytes in memory, or a part of an open file.

use std::os::fd::OwnedFd;

/// What follows the head of an answer.
#[derive(Debug)]
pub(crate) enum Content {
    /// Nothing.
    Empty,
    /// Bytes made for this answer.
    Bytes(Vec<u8>),
    /// A part of a regular file, sent without a copy through this process where that pays.
    File(FilePart),
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
    /// The length in bytes, as Content-Length announces it.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Content::Empty => 0,
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::File(part) => part.length,
        }
    }
}
