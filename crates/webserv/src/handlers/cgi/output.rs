//! The content of a program's answer, as a stream that takes its output as fast as the client
//! takes the answer, and feeds the program meanwhile.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_lite::Stream;

use super::failed::Failed;
use super::process::Process;
use crate::limits::CGI_PIECE_BYTES;

/// What a program writes behind its head.
#[derive(Debug)]
pub(super) struct Output {
    process: Process,
    /// What came with the head.
    first: Vec<u8>,
    /// Where the output is read to.
    space: Vec<u8>,
    has_ended: bool,
}

impl Output {
    /// The rest of the output of a program, which begins with what has been read of it.
    pub(super) fn new(process: Process, first: Vec<u8>) -> Self {
        Output {
            process,
            first,
            space: vec![0; CGI_PIECE_BYTES],
            has_ended: false,
        }
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Vec<u8>>, Failed>> {
        if !self.first.is_empty() {
            return Poll::Ready(Ok(Some(std::mem::take(&mut self.first))));
        }
        let fed = self.process.feed.poll(context);
        if let Poll::Ready(Err(fault)) = fed {
            return Poll::Ready(Err(Failed::Content(fault)));
        }
        if !self.has_ended {
            let count = ready!(self.process.poll_output(context, &mut self.space))?;
            if count > 0 {
                let piece = self.space.get(..count).unwrap_or_default();
                return Poll::Ready(Ok(Some(piece.to_vec())));
            }
            self.has_ended = true;
            self.process.leave();
        }
        // A client that sends before it listens must be able to send everything.
        ready!(fed).map_err(Failed::Content)?;
        Poll::Ready(Ok(None))
    }
}

impl Stream for Output {
    type Item = io::Result<Vec<u8>>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Vec<u8>>>> {
        self.poll_piece(context).map(|piece| match piece {
            Ok(piece) => piece.map(Ok),
            Err(failed) => {
                let reason = failed
                    .reason()
                    .unwrap_or_else(|| "its client left".to_owned());
                tracing::debug!(reason, "a CGI program's answer was cut short");
                Some(Err(io::Error::other(reason)))
            }
        })
    }
}
