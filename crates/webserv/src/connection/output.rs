//! Bytes out: answers are gathered and leave in one write; large files go by sendfile, streams as
//! fast as the client takes them.
//!
//! The head before a file is sent with MSG_MORE, so that it leaves in one packet with the first
//! bytes of the file. The send time-out starts anew whenever the kernel takes bytes.

use std::io;
use std::time::Duration;

use futures_lite::StreamExt;
use futures_lite::future::poll_once;
use kevent_async::{Direction, yield_now};
use rustix::io::pread;
use rustix::net::sockopt::set_socket_linger;
use rustix::net::{SendFlags, send};

use super::stream::Stream;
use super::timeouts::{Deadline, Waited};
use crate::http::date::HttpDate;
use crate::limits::{INLINE_FILE_BYTES_MAX, OUTPUT_GATHER_BYTES, SENDFILE_SLICE_BYTES};
use crate::platform;
use crate::response::content::{Content, FilePart, Streamed};
use crate::response::head::{Delivery, Persistence, Response};

/// The output of a burst.
#[derive(Debug)]
pub(crate) struct Output {
    gathered: Vec<u8>,
    send_timeout: Duration,
}

/// Where the output goes, and until when.
pub(crate) struct Peer<'c> {
    pub(crate) stream: &'c Stream,
    pub(crate) deadline: &'c mut Deadline,
}

/// How an answer leaves, beside what it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) date: HttpDate,
    pub(crate) persistence: Persistence,
    pub(crate) delivery: Delivery,
    /// False for HEAD.
    pub(crate) with_content: bool,
}

impl Output {
    /// An empty output on a buffer of the pool.
    pub(crate) fn new(buffer: Vec<u8>, send_timeout: Duration) -> Self {
        Output {
            gathered: buffer,
            send_timeout,
        }
    }

    /// Sets how long the kernel may take no bytes from here on.
    pub(crate) fn set_send_timeout(&mut self, send_timeout: Duration) {
        self.send_timeout = send_timeout;
    }

    /// Gives the buffer back.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.gathered
    }

    /// Adds an answer and sends as much as should not wait.
    pub(crate) async fn answer(
        &mut self,
        peer: &mut Peer<'_>,
        response: Response,
        manner: Manner,
    ) -> io::Result<()> {
        response.write_head(
            &mut self.gathered,
            manner.date,
            manner.persistence,
            manner.delivery,
        );
        let with_content = manner.with_content && manner.delivery != Delivery::Nothing;
        match response.content {
            Content::File(part) if with_content => self.file(peer, &part).await?,
            Content::Bytes(bytes) if with_content => self.bytes(peer, &bytes).await?,
            // Boxed, because few answers are streams, and all would have its size.
            Content::Stream(streamed) if with_content => {
                Box::pin(self.stream(peer, streamed, manner.delivery)).await?;
            }
            _ => {}
        }
        if self.gathered.len() >= OUTPUT_GATHER_BYTES {
            self.flush(peer).await?;
        }
        Ok(())
    }

    /// Sends what was gathered.
    pub(crate) async fn flush(&mut self, peer: &mut Peer<'_>) -> io::Result<()> {
        self.flush_with(peer, SendFlags::empty()).await
    }

    async fn flush_with(&mut self, peer: &mut Peer<'_>, flags: SendFlags) -> io::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let outcome = send_all(peer, &self.gathered, flags, self.send_timeout).await;
        self.gathered.clear();
        outcome
    }

    /// Content in memory: a small one joins what is gathered, a large one is not copied again.
    async fn bytes(&mut self, peer: &mut Peer<'_>, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() < OUTPUT_GATHER_BYTES {
            self.gathered.extend_from_slice(bytes);
            return Ok(());
        }
        self.flush_with(peer, platform::MORE).await?;
        for slice in bytes.chunks(SENDFILE_SLICE_BYTES) {
            send_all(peer, slice, SendFlags::empty(), self.send_timeout).await?;
            yield_now().await;
        }
        Ok(())
    }

    async fn file(&mut self, peer: &mut Peer<'_>, part: &FilePart) -> io::Result<()> {
        if part.length <= INLINE_FILE_BYTES_MAX {
            return self.small_file(part);
        }
        self.flush_with(peer, platform::MORE).await?;
        send_file(peer, part, self.send_timeout).await
    }

    /// Sends a stream, and sees to it that a client notices when it fails.
    async fn stream(
        &mut self,
        peer: &mut Peer<'_>,
        streamed: Streamed,
        delivery: Delivery,
    ) -> io::Result<()> {
        let outcome = self.pieces(peer, streamed, delivery).await;
        if outcome.is_err() {
            // What has been made is the client's. Then the end comes: a missing last chunk or a
            // missing rest says enough, otherwise only a reset tells it from the ordinary end.
            self.flush(peer).await?;
            if delivery == Delivery::UntilClose {
                set_socket_linger(peer.stream.get_ref(), Some(Duration::ZERO))?;
            }
        }
        outcome
    }

    async fn pieces(
        &mut self,
        peer: &mut Peer<'_>,
        mut streamed: Streamed,
        delivery: Delivery,
    ) -> io::Result<()> {
        let mut remaining = match delivery {
            Delivery::Length(length) => length,
            _ => u64::MAX,
        };
        while remaining > 0 {
            let piece = match poll_once(streamed.pieces.next()).await {
                Some(piece) => piece,
                // While the source thinks, the client gets what there is.
                None => {
                    self.flush(peer).await?;
                    streamed.pieces.next().await
                }
            };
            let Some(mut piece) = piece.transpose()? else {
                break;
            };
            piece.truncate(usize::try_from(remaining).unwrap_or(usize::MAX));
            remaining -= piece.len() as u64;
            self.piece(&piece, delivery);
            if self.gathered.len() >= OUTPUT_GATHER_BYTES {
                self.flush(peer).await?;
                yield_now().await;
            }
        }
        match delivery {
            Delivery::Length(_) if remaining > 0 => return Err(too_short()),
            Delivery::Chunked => self.gathered.extend_from_slice(b"0\r\n\r\n"),
            _ => {}
        }
        Ok(())
    }

    /// Gathers one piece, as a chunk where the content is chunked.
    fn piece(&mut self, piece: &[u8], delivery: Delivery) {
        if delivery != Delivery::Chunked {
            self.gathered.extend_from_slice(piece);
        } else if !piece.is_empty() {
            let size = format!("{:x}\r\n", piece.len());
            self.gathered.extend_from_slice(size.as_bytes());
            self.gathered.extend_from_slice(piece);
            self.gathered.extend_from_slice(b"\r\n");
        }
    }

    /// Reads a small file behind its head.
    fn small_file(&mut self, part: &FilePart) -> io::Result<()> {
        let start = self.gathered.len();
        // At most INLINE_FILE_BYTES_MAX.
        let length = usize::try_from(part.length).unwrap_or(0);
        self.gathered.resize(start + length, 0);
        let mut filled = 0;
        while filled < length {
            let space = self.gathered.get_mut(start + filled..).unwrap_or_default();
            match pread(&part.file, space, part.offset + filled as u64) {
                Ok(0) => return Err(cut_short()),
                Ok(count) => filled += count,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// The content was announced to be longer than it is.
fn too_short() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "a content ended before its announced length",
    )
}

/// Sends all of `bytes`.
async fn send_all(
    peer: &mut Peer<'_>,
    mut bytes: &[u8],
    flags: SendFlags,
    timeout: Duration,
) -> io::Result<()> {
    let flags = flags | platform::NO_SIGNAL;
    while !bytes.is_empty() {
        let outcome = peer.stream.try_io(Direction::Write, || {
            Ok(send(peer.stream.get_ref(), bytes, flags)?)
        });
        let sent = progress(peer, outcome, timeout).await?;
        bytes = bytes.get(sent..).unwrap_or_default();
    }
    Ok(())
}

/// Sends a part of a file, and lets others have their turn after each slice.
async fn send_file(peer: &mut Peer<'_>, part: &FilePart, timeout: Duration) -> io::Result<()> {
    let mut offset = part.offset;
    let end = part.offset.saturating_add(part.length);
    while offset < end {
        let slice = usize::try_from(end - offset).map_or(SENDFILE_SLICE_BYTES, |remaining| {
            remaining.min(SENDFILE_SLICE_BYTES)
        });
        let outcome = peer.stream.try_io(Direction::Write, || {
            match platform::send_file(peer.stream.get_ref(), &part.file, &mut offset, slice)? {
                // The file has become shorter than its announced length.
                0 => Err(cut_short()),
                count => Ok(count),
            }
        });
        if progress(peer, outcome, timeout).await? == slice {
            yield_now().await;
        }
    }
    Ok(())
}

/// The bytes that one call took; when it took none, waits for space, and the send time-out runs.
async fn progress(
    peer: &mut Peer<'_>,
    outcome: io::Result<usize>,
    timeout: Duration,
) -> io::Result<usize> {
    match outcome {
        Ok(sent) => return Ok(sent),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
        Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(0),
        Err(error) => return Err(error),
    }
    peer.deadline.set(timeout);
    match peer.deadline.writable(peer.stream).await? {
        Waited::Ready => Ok(0),
        Waited::TimedOut => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client took no bytes within the send time-out",
        )),
    }
}

/// The answer cannot be completed; the client notices by its length.
fn cut_short() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the file became shorter while it was sent",
    )
}
