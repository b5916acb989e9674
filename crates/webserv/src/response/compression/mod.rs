//! Content codings made as the content is sent: gzip, brotli, zstd.
//!
//! An [`Encoder`] is fed in slices and gives back what is ready, so that its caller decides how
//! much is done at a time, and where. The levels are those at which a core still compresses faster
//! than most networks take the result. Whoever streams through an encoder holds a [`Permit`]: each
//! costs up to a few megabytes, and clients decide how long it is needed.

mod brotli;
mod gzip;
#[cfg_attr(not(feature = "zstd"), path = "zstd_absent.rs")]
mod zstd;

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::http::negotiation::Coding;
use crate::limits::COMPRESSED_STREAMS_MAX;

/// One stream of content that is being compressed.
pub(crate) enum Encoder {
    Zstd(zstd::Encoder),
    Brotli(brotli::Encoder),
    Gzip(gzip::Encoder),
}

/// Whether an [`Encoder`] for that coding can be made.
pub(crate) fn is_available(coding: Coding) -> bool {
    coding != Coding::Zstd || zstd::IS_AVAILABLE
}

impl Encoder {
    /// An encoder for content of so many bytes, if that is known.
    ///
    /// # Errors
    ///
    /// Out of memory, or the coding is not available.
    pub(crate) fn new(coding: Coding, length: Option<u64>) -> io::Result<Self> {
        Ok(match coding {
            Coding::Zstd => Encoder::Zstd(zstd::Encoder::new(length)?),
            Coding::Brotli => Encoder::Brotli(brotli::Encoder::new(length)),
            Coding::Gzip => Encoder::Gzip(gzip::Encoder::new()),
        })
    }

    /// Takes more content, and gives back what of the coded form is ready; it may be nothing.
    ///
    /// # Errors
    ///
    /// The encoder failed, which ends the content.
    pub(crate) fn push(&mut self, content: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Encoder::Zstd(encoder) => encoder.push(content),
            Encoder::Brotli(encoder) => encoder.push(content),
            Encoder::Gzip(encoder) => encoder.push(content),
        }
    }

    /// The end of the coded form.
    ///
    /// # Errors
    ///
    /// As for [`Self::push`]; also when there was less content than announced.
    pub(crate) fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Encoder::Zstd(encoder) => encoder.finish(),
            Encoder::Brotli(encoder) => Ok(encoder.finish()),
            Encoder::Gzip(encoder) => encoder.finish(),
        }
    }
}

/// All of a content in one go.
///
/// # Errors
///
/// Those of an [`Encoder`].
pub(crate) fn compress(coding: Coding, content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = Encoder::new(coding, Some(content.len() as u64))?;
    let mut coded = encoder.push(content)?;
    coded.append(&mut encoder.finish()?);
    Ok(coded)
}

/// How many [`Permit`]s there are.
static STREAM_COUNT: AtomicUsize = AtomicUsize::new(0);

/// The right to keep an encoder while a client takes its time.
#[derive(Debug)]
pub(crate) struct Permit(());

impl Permit {
    /// A permit, unless [`COMPRESSED_STREAMS_MAX`] of them are out.
    pub(crate) fn take() -> Option<Self> {
        // Only a count: nothing is published through it.
        let taken = STREAM_COUNT.fetch_add(1, Ordering::Relaxed);
        let permit = Permit(());
        (taken < COMPRESSED_STREAMS_MAX).then_some(permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        STREAM_COUNT.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn decoded(coding: Coding, coded: &[u8]) -> Vec<u8> {
        let mut content = Vec::new();
        match coding {
            Coding::Gzip => flate2::read::GzDecoder::new(coded).read_to_end(&mut content),
            Coding::Brotli => ::brotli::Decompressor::new(coded, 4096).read_to_end(&mut content),
            Coding::Zstd => zstd::decode(coded).map(|mut all| {
                content.append(&mut all);
                content.len()
            }),
        }
        .unwrap();
        content
    }

    #[test]
    fn what_is_coded_can_be_decoded() {
        let text: Vec<u8> = (0..20_000)
            .flat_map(|n| format!("{n}\n").into_bytes())
            .collect();
        for coding in Coding::ALL
            .into_iter()
            .filter(|&coding| is_available(coding))
        {
            for content in [&text[..], &text[..1], b""] {
                let coded = compress(coding, content).unwrap();
                assert!(decoded(coding, &coded) == content, "{coding:?}");
            }
            let mut encoder = Encoder::new(coding, Some(text.len() as u64)).unwrap();
            let mut coded = Vec::new();
            for slice in text.chunks(7001) {
                coded.append(&mut encoder.push(slice).unwrap());
            }
            coded.append(&mut encoder.finish().unwrap());
            assert!(coded.len() < text.len() / 2, "{coding:?}: {}", coded.len());
            assert!(decoded(coding, &coded) == text, "{coding:?}");
        }
    }

    #[test]
    fn permits_are_counted() {
        let permits: Vec<_> = std::iter::from_fn(Permit::take)
            .take(COMPRESSED_STREAMS_MAX + 1)
            .collect();
        assert_eq!(permits.len(), COMPRESSED_STREAMS_MAX);
        drop(permits);
        assert!(Permit::take().is_some());
    }
}
