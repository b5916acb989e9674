//! Zstandard (RFC 8878), by the reference library.

use std::io::{self, Write};
use std::mem;

/// Whether this build has it.
pub(super) const IS_AVAILABLE: bool = true;

/// The library's own choice; its window of 2 MiB is well below the 8 MiB that clients must take
/// (RFC 9659).
const LEVEL: i32 = 3;

/// A zstd stream in the making; up to 4 MiB, less for short content.
pub(crate) struct Encoder(::zstd::Encoder<'static, Vec<u8>>);

impl Encoder {
    pub(super) fn new(length: Option<u64>) -> io::Result<Self> {
        let mut encoder = ::zstd::Encoder::new(Vec::new(), LEVEL)?;
        // The library takes less memory for what it knows to be short.
        encoder.set_pledged_src_size(length)?;
        Ok(Encoder(encoder))
    }

    pub(super) fn push(&mut self, content: &[u8]) -> io::Result<Vec<u8>> {
        self.0.write_all(content)?;
        Ok(mem::take(self.0.get_mut()))
    }

    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        self.0.finish()
    }
}

#[cfg(test)]
pub(super) fn decode(coded: &[u8]) -> io::Result<Vec<u8>> {
    ::zstd::decode_all(coded)
}
