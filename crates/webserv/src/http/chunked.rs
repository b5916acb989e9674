//! The chunked transfer coding (RFC 9112 section 7.1), decoded as the bytes come.
//!
//! ```text
//!          digit            LF (size > 0)        size bytes         CR LF
//! Size ──► Digits ──► [Extension] ──► SizeLF ──► Data ──► DataCR ──► DataLF ──► Size
//!                                       │ LF (size 0)
//!                                       ▼
//!                                   TrailerStart ◄──► TrailerLine        empty line ──► Complete
//! ```
//!
//! Chunk lines must end in CR LF: the licence for bare LF covers other lines only, and lenient
//! chunk lines are a known way to smuggle requests. Extensions and trailers are dropped; what they
//! may cost is limited in total, so nothing grows with the number of chunks.

use std::ops::Range;

use super::status::Fault;
use crate::limits::{
    CHUNK_EXTENSION_BYTES_MAX, CHUNK_SIZE_DIGITS_MAX, CONTENT_BYTES_MAX, TRAILER_SECTION_BYTES_MAX,
};

/// Decodes one chunked content.
#[derive(Debug, Clone)]
pub struct Decoder {
    state: State,
    /// Bytes of the current chunk that are still to come.
    remaining: u64,
    digits: u32,
    extension_bytes: usize,
    trailer: Trailer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    Digits,
    Extension,
    SizeLineFeed,
    Data,
    DataCarriageReturn,
    DataLineFeed,
    TrailerStart,
    TrailerLine,
    TrailerLineFeed,
    FinalLineFeed,
    Complete,
}

/// What is known of the trailer section; its lines are checked but not kept.
#[derive(Debug, Clone, Copy, Default)]
struct Trailer {
    bytes: usize,
    /// Whether the current line has its colon.
    has_colon: bool,
}

/// One step of decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Bytes of the input that are done with.
    pub consumed: usize,
    /// Where in the input content stands, if the step met any.
    pub content: Range<usize>,
    /// Whether the content has ended; the bytes after `consumed` belong to the next message.
    pub is_complete: bool,
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder::new()
    }
}

impl Decoder {
    /// A decoder at the start of a content.
    #[must_use]
    pub fn new() -> Self {
        Decoder {
            state: State::Size,
            remaining: 0,
            digits: 0,
            extension_bytes: 0,
            trailer: Trailer::default(),
        }
    }

    /// Decodes from the start of `input` up to the end of the first run of content, the end of the
    /// input, or the end of the message, whichever comes first.
    ///
    /// # Errors
    ///
    /// [`Fault::Chunk`] for a malformed chunk or trailer line, [`Fault::ContentTooLarge`],
    /// [`Fault::ChunkExtensionTooLarge`] and [`Fault::TrailerSectionTooLarge`] for limits. The
    /// decoder is of no use after an error.
    pub fn decode(&mut self, input: &[u8]) -> Result<Decoded, Fault> {
        let mut position = 0;
        while let Some(&byte) = input.get(position) {
            match self.state {
                State::Complete => break,
                State::Data => {
                    let available = input.len() - position;
                    let run = usize::try_from(self.remaining)
                        .unwrap_or(usize::MAX)
                        .min(available);
                    // `run` came of `remaining`, so it is not larger.
                    self.remaining -= run as u64;
                    if self.remaining == 0 {
                        self.state = State::DataCarriageReturn;
                    }
                    let end = position + run;
                    return Ok(Decoded {
                        consumed: end,
                        content: position..end,
                        is_complete: false,
                    });
                }
                _ => self.state = self.step(byte)?,
            }
            position += 1;
        }
        let is_complete = self.state == State::Complete;
        Ok(Decoded {
            consumed: position,
            content: position..position,
            is_complete,
        })
    }

    /// The state after one byte that is not content.
    fn step(&mut self, byte: u8) -> Result<State, Fault> {
        match (self.state, byte) {
            (State::Size, _) => {
                self.remaining = 0;
                self.digits = 0;
                self.digit(byte)
            }
            (State::Digits, b'\r') | (State::Extension, b'\r') => Ok(State::SizeLineFeed),
            (State::Digits, b';' | b' ' | b'\t') => self.extension(byte),
            (State::Digits, _) => self.digit(byte),
            (State::Extension, _) => self.extension(byte),
            (State::SizeLineFeed, b'\n') if self.remaining > 0 => Ok(State::Data),
            (State::SizeLineFeed, b'\n') => Ok(State::TrailerStart),
            (State::DataCarriageReturn, b'\r') => Ok(State::DataLineFeed),
            (State::DataLineFeed, b'\n') => Ok(State::Size),
            (State::TrailerStart, b'\r') => Ok(State::FinalLineFeed),
            (State::TrailerStart, _) => {
                self.trailer.has_colon = false;
                self.trailer(byte)
            }
            (State::TrailerLine, b'\r') if self.trailer.has_colon => Ok(State::TrailerLineFeed),
            (State::TrailerLine, _) => self.trailer(byte),
            (State::TrailerLineFeed, b'\n') => Ok(State::TrailerStart),
            (State::FinalLineFeed, b'\n') => Ok(State::Complete),
            _ => Err(Fault::Chunk),
        }
    }

    fn digit(&mut self, byte: u8) -> Result<State, Fault> {
        let digit = char::from(byte).to_digit(16).ok_or(Fault::Chunk)?;
        self.digits += 1;
        if self.digits > CHUNK_SIZE_DIGITS_MAX {
            return Err(Fault::Chunk);
        }
        // Sixteen digits are 64 bits, so nothing is shifted out.
        self.remaining = self.remaining << 4 | u64::from(digit);
        if self.remaining > CONTENT_BYTES_MAX {
            return Err(Fault::ContentTooLarge);
        }
        Ok(State::Digits)
    }

    /// Skips an extension; a quoted string in it may hold anything but control characters.
    fn extension(&mut self, byte: u8) -> Result<State, Fault> {
        self.extension_bytes += 1;
        if self.extension_bytes > CHUNK_EXTENSION_BYTES_MAX {
            return Err(Fault::ChunkExtensionTooLarge);
        }
        if byte != b'\t' && byte.is_ascii_control() {
            return Err(Fault::Chunk);
        }
        Ok(State::Extension)
    }

    /// Skips a trailer line, which must at least look like `name: value`.
    fn trailer(&mut self, byte: u8) -> Result<State, Fault> {
        self.trailer.bytes += 1;
        if self.trailer.bytes > TRAILER_SECTION_BYTES_MAX {
            return Err(Fault::TrailerSectionTooLarge);
        }
        let is_line_start = self.state == State::TrailerStart;
        match byte {
            b':' if is_line_start => Err(Fault::Chunk),
            b':' => {
                self.trailer.has_colon = true;
                Ok(State::TrailerLine)
            }
            b' ' | b'\t' if !self.trailer.has_colon => Err(Fault::Chunk),
            b'\t' => Ok(State::TrailerLine),
            byte if byte.is_ascii_control() => Err(Fault::Chunk),
            _ => Ok(State::TrailerLine),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes `input` in pieces of the given size; returns the content and what is left over.
    fn decode(input: &[u8], piece: usize) -> Result<(Vec<u8>, Option<usize>), Fault> {
        let mut decoder = Decoder::new();
        let mut content = Vec::new();
        let mut position = 0;
        while position < input.len() {
            let end = (position + piece).min(input.len());
            while position < end {
                let step = decoder.decode(&input[position..end])?;
                content.extend_from_slice(&input[position..end][step.content]);
                position += step.consumed;
                if step.is_complete {
                    return Ok((content, Some(input.len() - position)));
                }
            }
        }
        Ok((content, None))
    }

    #[test]
    fn any_split_gives_the_same_content() {
        let input = b"5;name=\"quo;ted\"\r\nhello\r\n00a ; x\r\n0123456789\r\n000\r\nA: b\r\nC: d\r\n\r\nGET";
        for piece in 1..=input.len() {
            let (content, rest) = decode(input, piece).unwrap();
            assert_eq!(content, b"hello0123456789");
            assert_eq!(rest, Some(3), "pieces of {piece}");
        }
    }

    #[test]
    fn malformed_chunks_are_refused_however_they_arrive() {
        for input in [
            &b"g\r\nhello"[..],
            b"5g\r\nhello",
            b"+5\r\n",
            b"-5\r\n",
            b"5.\r\n",
            b"\xd9\xa5\r\n",
            b"\r\n",
            b"5\nhello\n0\n\n",
            b"5\rhello\r\n0\r\n\r\n",
            b"5\r\nhello\r0\r\n\r\n",
            b"5\r\nhell\r\n0\r\n\r\n",
            b"5\r\nhello!\r\n0\r\n\r\n",
            b"5;a\nb\r\nhello",
            b"5;a\0\r\nhello",
            b"00000000000000000000000000000000000000005\r\nhello",
            b"0\r\nX\r\n\r\n",
            b"0\r\n: x\r\n\r\n",
            b"0\r\n folded: x\r\n\r\n",
            b"0\r\nA: b\nC: d\r\n\r\n",
        ] {
            for piece in [1, 2, input.len()] {
                assert_eq!(
                    decode(input, piece),
                    Err(Fault::Chunk),
                    "{}",
                    input.escape_ascii()
                );
            }
        }
    }

    #[test]
    fn sizes_do_not_wrap_around() {
        for size in ["FFFFFFFFFFFFFFFF", "8000000000000000"] {
            let input = format!("{size}\r\nhello");
            assert_eq!(decode(input.as_bytes(), 64), Err(Fault::ContentTooLarge));
        }
        assert_eq!(
            decode(b"100000005\r\nhello", 64),
            Ok((b"hello".to_vec(), None))
        );
    }

    #[test]
    fn extensions_and_trailers_are_limited_in_total() {
        let chunk = [&b"1;"[..], &[b'e'; 1000], b"\r\nx\r\n"].concat();
        assert_eq!(
            decode(&chunk.repeat(20), 4096),
            Err(Fault::ChunkExtensionTooLarge)
        );
        let trailer = [&b"0\r\n"[..], &b"A: b\r\n".repeat(20_000)].concat();
        assert_eq!(decode(&trailer, 4096), Err(Fault::TrailerSectionTooLarge));
    }

    #[test]
    fn an_unfinished_content_is_not_complete() {
        for input in [&b"5\r\nhel"[..], b"5\r\nhello\r\n", b"0\r\n", b"0\r\n\r"] {
            assert_eq!(decode(input, 64).unwrap().1, None);
        }
    }
}
