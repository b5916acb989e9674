//! The chunked decoder: any bytes give the same content and the same end however they are split.
#![no_main]

use libfuzzer_sys::fuzz_target;
use webserv::http::chunked::Decoder;
use webserv::http::status::Fault;

const SPLITS_MAX: usize = 64;

/// The content, and how many bytes the message took if it is complete.
type Answer = Result<(Vec<u8>, Option<usize>), Fault>;

/// Decodes the bytes as they come, each once.
fn decode(input: &[u8], ends: impl Iterator<Item = usize>) -> Answer {
    let mut decoder = Decoder::new();
    let mut content = Vec::new();
    let mut position = 0;
    for end in ends.chain([input.len()]) {
        while position < end {
            let piece = &input[position..end];
            let step = decoder.decode(piece)?;
            assert!(step.content.end <= step.consumed && step.consumed <= piece.len());
            assert!(step.consumed > 0, "no progress");
            content.extend_from_slice(&piece[step.content]);
            position += step.consumed;
            if step.is_complete {
                return Ok((content, Some(position)));
            }
        }
    }
    Ok((content, None))
}

fuzz_target!(|input: &[u8]| {
    let whole = decode(input, std::iter::empty());
    assert_eq!(decode(input, 0..input.len()), whole, "byte by byte");
    let step = input.len() / SPLITS_MAX + 1;
    for split in (0..input.len()).step_by(step) {
        assert_eq!(
            decode(input, [split].into_iter()),
            whole,
            "split at {split}"
        );
    }
    if let Ok((content, Some(end))) = whole {
        assert!(content.len() < end, "framing takes bytes");
    }
});
