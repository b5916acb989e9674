//! The content of the request on its way into a program's standard input.
//!
//! What the program does not want is read on and thrown away, because the client may not listen
//! before it has sent everything.

use std::io::PipeWriter;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_lite::AsyncWrite;
use kevent_async::Io;

use crate::connection::content::RequestContent;
use crate::http::status::Fault;
use crate::limits::CGI_PIECE_BYTES;

/// Feeds one program.
#[derive(Debug)]
pub(super) struct Feed {
    /// Until the program has closed its end, or everything is written.
    stdin: Option<Io<PipeWriter>>,
    content: RequestContent,
    /// Read and not yet written: `start..end`.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    is_done: bool,
}

impl Feed {
    /// Feeds nothing yet.
    pub(super) fn new(stdin: Option<Io<PipeWriter>>) -> Self {
        Feed {
            is_done: stdin.is_none(),
            stdin,
            content: RequestContent::default(),
            buffer: Vec::new(),
            start: 0,
            end: 0,
        }
    }

    /// Feeds a content as it comes.
    pub(super) fn set_content(&mut self, content: RequestContent) {
        self.content = content;
    }

    /// Feeds bytes that are there.
    pub(super) fn set_bytes(&mut self, bytes: Vec<u8>) {
        self.end = bytes.len();
        self.buffer = bytes;
    }

    /// Whether there is nothing more to be read of the content.
    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Feeds as much as is there and as there is space for; ready when everything is done.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        while !self.is_done {
            if self.start < self.end {
                ready!(self.poll_write(context));
                continue;
            }
            if self.content.is_complete() {
                // Closing the pipe is the end that the program sees.
                self.stdin = None;
                self.buffer = Vec::new();
                self.is_done = true;
                break;
            }
            if self.buffer.is_empty() {
                self.buffer = vec![0; CGI_PIECE_BYTES];
            }
            (self.start, self.end) = (0, 0);
            self.end = ready!(self.content.poll_read(context, &mut self.buffer))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what has been read; a program that has closed its end gets nothing more.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let bytes = self.buffer.get(self.start..self.end).unwrap_or_default();
        let written = match &mut self.stdin {
            None => Ok(bytes.len()),
            Some(stdin) => ready!(Pin::new(stdin).poll_write(context, bytes)),
        };
        match written {
            Ok(count) => self.start += count,
            Err(_) => self.stdin = None,
        }
        Poll::Ready(())
    }
}
