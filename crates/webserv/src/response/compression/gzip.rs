//! gzip (RFC 1952), by zlib-rs.

use std::io::{self, Write};
use std::mem;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Of 1 to 9: most of what the higher levels gain, in half their time.
const LEVEL: u32 = 5;

/// A gzip stream in the making; about 300 KiB.
pub(crate) struct Encoder(Box<GzEncoder<Vec<u8>>>);

impl Encoder {
    pub(super) fn new() -> Self {
        let encoder = GzEncoder::new(Vec::new(), Compression::new(LEVEL));
        Encoder(Box::new(encoder))
    }

    pub(super) fn push(&mut self, content: &[u8]) -> io::Result<Vec<u8>> {
        self.0.write_all(content)?;
        Ok(mem::take(self.0.get_mut()))
    }

    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        self.0.finish()
    }
}
