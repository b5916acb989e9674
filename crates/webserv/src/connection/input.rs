//! Bytes in: one buffer per burst, from which heads and contents are taken in order.

use std::io;

use kevent_async::TcpStream;

use super::timeouts::{Deadline, Waited};
use crate::http::chunked::Decoder;
use crate::http::framing::Framing;
use crate::http::request::{HeadScanner, Request};
use crate::http::status::Fault;
use crate::limits::{CONTENT_DRAIN_BYTES_MAX, INPUT_BUFFER_BYTES, INPUT_BUFFER_BYTES_MAX};

/// The input of a burst.
#[derive(Debug)]
pub(crate) struct Input {
    /// Initialised throughout; `start..end` has been read and not been used.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    scanner: HeadScanner,
}

/// What reading brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// At least one byte.
    Some,
    /// Nothing for the moment.
    WouldBlock,
    /// The client has ended its side.
    End,
}

impl Input {
    /// An empty input on a buffer of the pool.
    pub(crate) fn new(buffer: Vec<u8>) -> Self {
        Input {
            buffer,
            start: 0,
            end: 0,
            scanner: HeadScanner::default(),
        }
    }

    /// Gives the buffer back.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    /// Whether nothing is left that has been read.
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether what is pending looks like a HEAD request, whose answer has no content.
    pub(crate) fn is_head_method(&self) -> bool {
        let pending = self.pending();
        pending
            .strip_prefix(b"\r\n")
            .unwrap_or(pending)
            .starts_with(b"HEAD ")
    }

    fn pending(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.is_empty() {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Takes the next request out of what has been read; none if its head is not complete.
    pub(crate) fn next_request(&mut self) -> Result<Option<Request>, Fault> {
        let pending = self.buffer.get(self.start..self.end).unwrap_or_default();
        let Some(head) = self.scanner.advance(pending)? else {
            return Ok(None);
        };
        let request = Request::parse(pending, &head)?;
        self.scanner = HeadScanner::default();
        self.consume(head.end());
        Ok(Some(request))
    }

    /// Reads once, without waiting.
    pub(crate) fn read(&mut self, stream: &TcpStream) -> io::Result<Read> {
        self.make_space();
        let space = self.buffer.get_mut(self.end..).unwrap_or_default();
        match stream.try_read(space) {
            Ok(0) => Ok(Read::End),
            Ok(count) => {
                self.end += count;
                Ok(Read::Some)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Read::WouldBlock),
            Err(error) => Err(error),
        }
    }

    /// Reads once, waiting until the deadline.
    pub(crate) async fn read_before(
        &mut self,
        stream: &TcpStream,
        deadline: &mut Deadline,
    ) -> io::Result<Result<Read, Fault>> {
        loop {
            match self.read(stream)? {
                Read::WouldBlock => {}
                read => return Ok(Ok(read)),
            }
            if deadline.readable(stream).await? == Waited::TimedOut {
                return Ok(Err(Fault::Timeout));
            }
        }
    }

    /// Makes room behind what is pending: moves it to the front, then grows. The limits on heads
    /// keep it below [`INPUT_BUFFER_BYTES_MAX`].
    fn make_space(&mut self) {
        if self.end < self.buffer.len() {
            return;
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            let grown = (self.buffer.len() * 2).clamp(INPUT_BUFFER_BYTES, INPUT_BUFFER_BYTES_MAX);
            self.buffer.resize(grown.max(self.buffer.len()), 0);
        }
    }

    /// A reader of the content that follows the head taken last.
    pub(crate) fn content(&mut self, framing: Framing) -> ContentReader<'_> {
        let state = match framing {
            Framing::Length(length) => State::Length { remaining: length },
            Framing::Chunked => State::Chunked(Decoder::new()),
        };
        ContentReader {
            input: self,
            state,
            content_bytes: 0,
        }
    }
}

/// Reads the content of one request and throws it away.
#[derive(Debug)]
pub(crate) struct ContentReader<'i> {
    input: &'i mut Input,
    state: State,
    content_bytes: u64,
}

#[derive(Debug)]
enum State {
    Length { remaining: u64 },
    Chunked(Decoder),
}

impl ContentReader<'_> {
    /// Reads to the end of the content.
    ///
    /// # Errors
    ///
    /// Those of the socket outside; inside a [`Fault`] of the content, with
    /// [`Fault::ContentTooLarge`] beyond [`CONTENT_DRAIN_BYTES_MAX`].
    pub(crate) async fn drain(
        mut self,
        stream: &TcpStream,
        deadline: &mut Deadline,
    ) -> io::Result<Result<(), Fault>> {
        loop {
            match self.take_pending() {
                Ok(true) => return Ok(Ok(())),
                Ok(false) => {}
                Err(fault) => return Ok(Err(fault)),
            }
            match self.input.read_before(stream, deadline).await? {
                Ok(Read::End) => return Ok(Err(Fault::ContentCut)),
                Ok(_) => {}
                Err(fault) => return Ok(Err(fault)),
            }
        }
    }

    /// Uses up what has been read; whether the content has ended.
    fn take_pending(&mut self) -> Result<bool, Fault> {
        match &mut self.state {
            State::Length { remaining } => {
                let available = self.input.pending().len() as u64;
                let count = available.min(*remaining);
                *remaining -= count;
                let is_complete = *remaining == 0;
                // `count` is at most the length of a slice.
                self.input
                    .consume(usize::try_from(count).unwrap_or(usize::MAX));
                Ok(is_complete)
            }
            State::Chunked(decoder) => loop {
                let step = decoder.decode(self.input.pending())?;
                self.content_bytes += step.content.len() as u64;
                self.input.consume(step.consumed);
                if self.content_bytes > CONTENT_DRAIN_BYTES_MAX {
                    return Err(Fault::ContentTooLarge);
                }
                if step.is_complete || self.input.is_empty() {
                    return Ok(step.is_complete);
                }
            },
        }
    }
}
