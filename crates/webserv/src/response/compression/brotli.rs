//! Brotli (RFC 7932).

use std::io::{self, Write};
use std::mem;

use ::brotli::CompressorWriter;
use ::brotli::enc::BrotliEncoderParams;

/// Of 0 to 11: the last level before the slow search for the best match begins.
const LEVEL: i32 = 4;

/// Base-2 logarithm of the window: at most 512 KiB, which is what an encoder holds several times
/// over, and no more than short content can use.
const WINDOW_BITS: std::ops::RangeInclusive<u32> = 16..=19;

/// The encoder's own buffer in bytes.
const BUFFER_BYTES: usize = 4096;

/// A brotli stream in the making; up to 4 MiB.
pub(crate) struct Encoder(Box<CompressorWriter<Vec<u8>>>);

impl Encoder {
    pub(super) fn new(length: Option<u64>) -> Self {
        let (smallest, largest) = (*WINDOW_BITS.start(), *WINDOW_BITS.end());
        let bits = length.map_or(largest, |length| {
            length.next_power_of_two().ilog2().clamp(smallest, largest)
        });
        let parameters = BrotliEncoderParams {
            quality: LEVEL,
            // Between 16 and 19.
            lgwin: i32::try_from(bits).unwrap_or_default(),
            size_hint: length.map_or(0, |length| usize::try_from(length).unwrap_or(0)),
            ..BrotliEncoderParams::default()
        };
        let writer = CompressorWriter::with_params(Vec::new(), BUFFER_BYTES, &parameters);
        Encoder(Box::new(writer))
    }

    pub(super) fn push(&mut self, content: &[u8]) -> io::Result<Vec<u8>> {
        self.0.write_all(content)?;
        Ok(mem::take(self.0.get_mut()))
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0.into_inner()
    }
}
