//! Bytes in: one buffer per burst, from which heads and contents are taken in order. Contents are
//! read by `super::content`, which borrows the buffer for that time.

use std::io;

use super::stream::Stream;
use super::timeouts::{Deadline, Waited};
use crate::http::request::{HeadScanner, Request};
use crate::http::status::Fault;
use crate::limits::{INPUT_BUFFER_BYTES, INPUT_BUFFER_BYTES_MAX};

/// The input of a burst.
#[derive(Debug, Default)]
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

    /// What has been read and not been used.
    pub(crate) fn pending(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Uses up so many bytes of what is pending.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.is_empty() {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Moves what is pending to the front of `buffer`, as much as fits; tells how many bytes.
    pub(crate) fn take(&mut self, buffer: &mut [u8]) -> usize {
        let pending = self.pending();
        let count = pending.len().min(buffer.len());
        if let (Some(from), Some(to)) = (pending.get(..count), buffer.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.consume(count);
        count
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
    pub(crate) fn read(&mut self, stream: &Stream) -> io::Result<Read> {
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
        stream: &Stream,
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
}
