//! The content of a request, as the handler that wants it reads it.
//!
//! A handler gets a [`RequestContent`] and takes from it what it needs, when it needs it: the
//! client is asked to send (100 Continue) by the first read and not before, and what nobody reads
//! stays in the kernel's buffers, which slows the client down. The reader may move into the
//! answer's stream, so that a program is fed while its output is already on its way.
//!
//! ```text
//! burst ── lend ──► RequestContent (has the input) ── dropped ──► Loan ── take back ──► burst
//! ```
//!
//! Waiting is on credit: a client may be silent for the content time-out in all, and earns time
//! back with what it sends, at [`CONTENT_RATE_MIN`]. So a slow client is cut off and a long
//! content is not.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use kevent_async::{Direction, Timer};
use rustix::net::send;

use super::input::{Input, Read};
use super::stream::Stream;
use crate::http::chunked::Decoder;
use crate::http::framing::Framing;
use crate::http::request::Request;
use crate::http::status::Fault;
use crate::limits::{CONTENT_DRAIN_BYTES_MAX, CONTENT_PIECE_BYTES, CONTENT_RATE_MIN};
use crate::platform;

/// What asks a client to send its content.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The content of one request; nothing, if the request has none.
#[derive(Debug, Default)]
pub(crate) struct RequestContent {
    reading: Option<Box<Reading>>,
}

/// A content that is being read.
#[derive(Debug)]
struct Reading {
    input: Input,
    stream: Rc<Stream>,
    loan: Rc<Loan>,
    framing: Framing,
    state: State,
    /// Content bytes that have been read, and that may be.
    read_bytes: u64,
    bytes_max: u64,
    /// What is left to send of [`CONTINUE`].
    invitation: &'static [u8],
    patience: Patience,
    /// Set by the first fault; every later read repeats it.
    fault: Option<Fault>,
}

#[derive(Debug)]
enum State {
    Length { remaining: u64 },
    Chunked(Box<Decoder>),
    Complete,
}

/// The burst's side of a content that is being read.
#[derive(Debug, Default)]
pub(crate) struct Loan {
    returned: RefCell<Option<Box<Reading>>>,
    is_complete: Cell<bool>,
}

/// A content that has come back to the burst.
#[derive(Debug)]
pub(crate) struct Returned {
    /// What has been read and belongs to the next request.
    pub(crate) input: Input,
    /// Whether the content has been read to its end, so that the next request can be found.
    pub(crate) is_complete: bool,
}

impl Loan {
    /// Whether the content has been read to its end, wherever it is now.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_complete.get()
    }

    /// Takes the input back when the reader is gone.
    ///
    /// # Errors
    ///
    /// Somebody still has the reader, which is a bug: the connection cannot go on.
    pub(crate) fn take_back(&self) -> io::Result<Returned> {
        let reading = self.returned.borrow_mut().take();
        let reading =
            reading.ok_or_else(|| io::Error::other("the content of a request was kept"))?;
        Ok(Returned {
            input: reading.input,
            is_complete: self.is_complete.get(),
        })
    }
}

/// Puts the input back where the burst finds it.
impl Drop for RequestContent {
    fn drop(&mut self) {
        if let Some(reading) = self.reading.take() {
            let loan = Rc::clone(&reading.loan);
            *loan.returned.borrow_mut() = Some(reading);
        }
    }
}

impl RequestContent {
    /// A reader of what follows the head of `request`. What was sent to the client before must
    /// have left, because the reader may send 100 (Continue) by itself.
    pub(crate) fn lend(
        input: Input,
        stream: Rc<Stream>,
        request: &Request,
        timeout: Duration,
    ) -> (Self, Rc<Loan>) {
        let loan = Rc::new(Loan::default());
        let state = match request.framing {
            Framing::Length(remaining) => State::Length { remaining },
            Framing::Chunked => State::Chunked(Box::default()),
        };
        // A client that has begun to send does not wait for an invitation.
        let is_waiting = request.expects_continue && input.is_empty();
        let reading = Reading {
            input,
            stream,
            loan: Rc::clone(&loan),
            framing: request.framing,
            state,
            read_bytes: 0,
            bytes_max: u64::MAX,
            invitation: if is_waiting { CONTINUE } else { b"" },
            patience: Patience::new(timeout),
            fault: None,
        };
        let content = RequestContent {
            reading: Some(Box::new(reading)),
        };
        (content, loan)
    }

    /// Moves the reader out, to where the rest of the content is needed.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// The length that was announced; none for a chunked content.
    pub(crate) fn length(&self) -> Option<u64> {
        match self.reading.as_ref().map(|reading| reading.framing) {
            None => Some(0),
            Some(Framing::Length(length)) => Some(length),
            Some(Framing::Chunked) => None,
        }
    }

    /// Whether everything has been read.
    pub(crate) fn is_complete(&self) -> bool {
        self.reading
            .as_ref()
            .is_none_or(|reading| matches!(reading.state, State::Complete))
    }

    /// Limits the content.
    ///
    /// # Errors
    ///
    /// [`Fault::ContentTooLarge`] if the announced length is over the limit already; a chunked
    /// content has that fault when it passes the limit.
    pub(crate) fn limit(&mut self, bytes_max: u64) -> Result<(), Fault> {
        let Some(reading) = &mut self.reading else {
            return Ok(());
        };
        reading.bytes_max = reading.bytes_max.min(bytes_max);
        match reading.framing {
            Framing::Length(length) if length > bytes_max => {
                Err(reading.fail(Fault::ContentTooLarge))
            }
            _ => Ok(()),
        }
    }

    /// Reads some content into `buffer`; 0 bytes are its end.
    ///
    /// # Errors
    ///
    /// [`Fault::ContentCut`] if the client is gone, [`Fault::Timeout`], [`Fault::ContentTooLarge`],
    /// and those of [`Decoder::decode`]. The connection ends behind the answer then.
    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        poll_fn(|context| self.poll_read(context, buffer)).await
    }

    /// [`read`](Self::read) for hand-written futures.
    pub(crate) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, Fault>> {
        match &mut self.reading {
            Some(reading) => reading.poll_read(context, buffer),
            None => Poll::Ready(Ok(0)),
        }
    }

    /// Reads until `buffer` is full or the content ends; returns how many bytes.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub(crate) async fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        let mut filled = 0;
        while let Some(space) = buffer.get_mut(filled..).filter(|space| !space.is_empty()) {
            match self.read(space).await? {
                0 => break,
                count => filled += count,
            }
        }
        Ok(filled)
    }

    /// Reads what is left and throws it away. What the client holds back until it is asked, and
    /// what is announced to be too much, is not asked for.
    ///
    /// # Errors
    ///
    /// [`Fault::ContentTooLarge`] beyond [`CONTENT_DRAIN_BYTES_MAX`]; as [`read`](Self::read).
    pub(crate) async fn drain(&mut self) -> Result<(), Fault> {
        if self.is_complete() {
            return Ok(());
        }
        self.limit(CONTENT_DRAIN_BYTES_MAX)?;
        let mut piece = vec![0; CONTENT_PIECE_BYTES];
        while self.read(&mut piece).await? > 0 {}
        Ok(())
    }

    /// Whether the client waits to be asked for the content, and has not been.
    pub(crate) fn is_held_back(&self) -> bool {
        self.reading
            .as_ref()
            .is_some_and(|reading| reading.invitation.len() == CONTINUE.len())
    }

    /// The fault that reading has met, if it has.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.reading.as_ref().and_then(|reading| reading.fault)
    }
}

impl Reading {
    fn fail(&mut self, fault: Fault) -> Fault {
        self.fault = Some(fault);
        fault
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, Fault>> {
        if let Some(fault) = self.fault {
            return Poll::Ready(Err(fault));
        }
        let outcome = ready!(self.poll_some(context, buffer));
        Poll::Ready(match outcome {
            Ok(count) => {
                self.read_bytes += count as u64;
                if self.read_bytes > self.bytes_max {
                    return Poll::Ready(Err(self.fail(Fault::ContentTooLarge)));
                }
                Ok(count)
            }
            Err(fault) => Err(self.fail(fault)),
        })
    }

    fn poll_some(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, Fault>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        loop {
            if let Some(count) = self.take_pending(buffer)? {
                return Poll::Ready(Ok(count));
            }
            ready!(self.poll_invite(context))?;
            // Nothing is pending here, so a content with a length goes where it is wanted.
            let direct = match &mut self.state {
                State::Length { remaining } => Some(remaining),
                _ => None,
            };
            let read = match direct {
                Some(remaining) => {
                    let space = limited(buffer, *remaining);
                    match self.stream.try_read(space) {
                        Ok(0) => Ok(Read::End),
                        Ok(count) => {
                            self.patience.earn(count);
                            *remaining -= count as u64;
                            if *remaining == 0 {
                                self.complete();
                            }
                            return Poll::Ready(Ok(count));
                        }
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                            Ok(Read::WouldBlock)
                        }
                        Err(error) => Err(error),
                    }
                }
                None => self.input.read(&self.stream),
            };
            match read {
                Ok(Read::Some) => self.patience.earn(self.input.pending().len()),
                Ok(Read::WouldBlock) => {
                    let waited = self.patience.poll(&self.stream, Direction::Read, context);
                    ready!(waited)?;
                }
                Ok(Read::End) | Err(_) => return Poll::Ready(Err(Fault::ContentCut)),
            }
        }
    }

    /// Content that has been read already; none if there is nothing, and the end is not known.
    fn take_pending(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Fault> {
        match &mut self.state {
            State::Complete => Ok(Some(0)),
            State::Length { remaining } => {
                let space = limited(buffer, *remaining);
                let count = self.input.take(space);
                *remaining -= count as u64;
                if *remaining == 0 {
                    self.complete();
                    return Ok(Some(count));
                }
                Ok((count > 0).then_some(count))
            }
            State::Chunked(decoder) => {
                while !self.input.is_empty() {
                    // No more than there is space for, so that nothing decoded must be kept.
                    let pending = self.input.pending();
                    let pending = pending.get(..buffer.len()).unwrap_or(pending);
                    let step = decoder.decode(pending)?;
                    let count = copy(pending, step.content, buffer);
                    self.input.consume(step.consumed);
                    if step.is_complete {
                        self.complete();
                        return Ok(Some(count));
                    }
                    if count > 0 {
                        return Ok(Some(count));
                    }
                }
                Ok(None)
            }
        }
    }

    fn complete(&mut self) {
        self.state = State::Complete;
        self.loan.is_complete.set(true);
    }

    /// Asks the client for the content, if it waits for that.
    fn poll_invite(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        while !self.invitation.is_empty() {
            match send_now(&self.stream, self.invitation) {
                Ok(count) => {
                    self.invitation = self.invitation.get(count..).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let waited = self.patience.poll(&self.stream, Direction::Write, context);
                    ready!(waited)?;
                }
                Err(_) => return Poll::Ready(Err(Fault::ContentCut)),
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Sends what there is space for.
pub(super) fn send_now(stream: &Stream, bytes: &[u8]) -> io::Result<usize> {
    stream.try_io(Direction::Write, || {
        Ok(send(stream.get_ref(), bytes, platform::NO_SIGNAL)?)
    })
}

/// The part of a buffer that may be filled.
fn limited(buffer: &mut [u8], bytes_max: u64) -> &mut [u8] {
    let length = usize::try_from(bytes_max).map_or(buffer.len(), |max| max.min(buffer.len()));
    buffer.split_at_mut(length).0
}

/// Copies a range of the input to the front of the buffer, which has space for it.
fn copy(input: &[u8], range: Range<usize>, buffer: &mut [u8]) -> usize {
    let content = input.get(range).unwrap_or_default();
    if let Some(space) = buffer.get_mut(..content.len()) {
        space.copy_from_slice(content);
    }
    content.len()
}

/// How long a client may still be waited for.
#[derive(Debug)]
struct Patience {
    timer: Timer,
    /// When the wait that is going on began.
    since: Option<Instant>,
    credit: Duration,
    credit_max: Duration,
}

impl Patience {
    fn new(credit: Duration) -> Self {
        Patience {
            timer: Timer::never(),
            since: None,
            credit,
            credit_max: credit,
        }
    }

    /// Waits for the client, on credit.
    fn poll(
        &mut self,
        stream: &Stream,
        direction: Direction,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Fault>> {
        if self.since.is_none() {
            self.since = Some(Instant::now());
            self.timer.reset(self.credit);
        }
        match stream.poll_ready(direction, context) {
            Poll::Ready(outcome) => {
                self.settle();
                Poll::Ready(outcome.map_err(|_| Fault::ContentCut))
            }
            Poll::Pending => std::pin::Pin::new(&mut self.timer)
                .poll(context)
                .map(|()| Err(Fault::Timeout)),
        }
    }

    /// Nobody waits any more: what the wait took is paid.
    fn settle(&mut self) {
        if let Some(since) = self.since.take() {
            self.credit = self.credit.saturating_sub(since.elapsed());
            self.timer.clear();
        }
    }

    /// The client has sent something.
    fn earn(&mut self, bytes: usize) {
        // It may have come before the wait for it was asked again.
        self.settle();
        let earned = Duration::from_millis(bytes as u64 * 1000 / CONTENT_RATE_MIN);
        self.credit = self.credit.saturating_add(earned).min(self.credit_max);
    }
}
