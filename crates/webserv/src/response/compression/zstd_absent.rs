//! The place of Zstandard in a build without it.

use std::io;

/// Whether this build has it.
pub(super) const IS_AVAILABLE: bool = false;

/// There is none.
pub(crate) enum Encoder {}

impl Encoder {
    pub(super) fn new(_length: Option<u64>) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn push(&mut self, _content: &[u8]) -> io::Result<Vec<u8>> {
        match *self {}
    }

    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        match self {}
    }
}

#[cfg(test)]
pub(super) fn decode(_coded: &[u8]) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::Unsupported.into())
}
