//! The life of one connection, as one task read top to bottom.
//!
//! ```text
//! accept ─► loop { wait for a request ─► burst } ─► close, with or without lingering
//! ```
//!
//! A burst ([`crate::http1`]) is a future of its own in a box: it has the buffers, and is gone when
//! nothing is left to do. So an idle connection costs its socket's slot, its timer and the small
//! [`Connection`]. Only this module and its children read or write client sockets.

pub(crate) mod client;
pub(crate) mod content;
pub(crate) mod input;
pub(crate) mod output;
pub(crate) mod stream;
pub(crate) mod timeouts;

use std::io;
use std::net::Shutdown;
use std::rc::Rc;

use kevent_async::Direction;

use self::stream::Stream;
use self::timeouts::{Deadline, Waited};
use crate::entrance::{Entrance, Phase};
use crate::http1;
use crate::limits::{LINGER_BYTES_MAX, Timeouts};
use crate::worker::{Seat, Worker};

/// What lives as long as the connection does.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) seat: Seat,
    pub(crate) stream: Rc<Stream>,
    /// When the current phase is over; one timer, moved lazily.
    pub(crate) deadline: Deadline,
}

/// What becomes of a connection after a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// Wait for the next request.
    Idle,
    /// Close: the client has ended it, or expects the end and has sent nothing more.
    Close,
    /// Close, but read on for a moment: the client may still be sending, and a close with unread
    /// data would be a reset that can take our last answer away from it.
    Linger,
}

/// Serves a connection until it ends. `seat` is its place among the worker's connections.
pub(crate) async fn serve(seat: Seat, stream: Rc<Stream>) {
    let deadline = Deadline::after(seat.entrance.timeouts().header);
    let mut connection = Connection {
        seat,
        stream,
        deadline,
    };
    loop {
        if !connection.is_request_coming().await {
            return;
        }
        // Boxed: its size counts while it runs, not while the connection is idle.
        match Box::pin(http1::serve_burst(&mut connection)).await {
            Ok(After::Idle) => {}
            Ok(After::Close) => return,
            Ok(After::Linger) => return Box::pin(connection.linger()).await,
            Err(error) => {
                // Clients go away for reasons of their own; that is no error of ours.
                tracing::debug!(%error, "connection ended");
                return;
            }
        }
    }
}

impl Connection {
    /// The worker that serves it.
    pub(crate) fn worker(&self) -> &Worker {
        &self.seat.worker
    }

    /// Where it came in: whose hosts answer on it.
    pub(crate) fn entrance(&self) -> &Entrance {
        &self.seat.entrance
    }

    /// How long each of its phases may take before a request says which host it is for.
    pub(crate) fn timeouts(&self) -> Timeouts {
        self.seat.entrance.timeouts()
    }

    /// Whether its next answer is its last.
    pub(crate) fn is_ending(&self) -> bool {
        self.worker().phase() != Phase::Serving || self.entrance().phase() != Phase::Serving
    }

    /// Waits for the first byte of a request. A worker that stops shuts idle connections for
    /// reading, so they wake here, serve what has arrived, and end.
    async fn is_request_coming(&mut self) -> bool {
        if (self.worker().phase() == Phase::Closing || self.entrance().phase() == Phase::Closing)
            && !self.stream.is_ready(Direction::Read)
        {
            return false;
        }
        self.seat.set_idle(true);
        let waited = self.deadline.readable(&self.stream).await;
        self.seat.set_idle(false);
        matches!(waited, Ok(Waited::Ready))
    }

    /// Ends the sending side and reads on, for a short bounded time and amount, until the client
    /// has seen the end and closes (RFC 9112 section 9.6).
    async fn linger(mut self) {
        if self.stream.shutdown(Shutdown::Write).is_err() {
            return;
        }
        self.deadline.set(self.timeouts().linger);
        let mut buffer = self.worker().buffers.take_input();
        let mut read_bytes = 0;
        while read_bytes < LINGER_BYTES_MAX {
            match self.stream.try_read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => read_bytes += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !matches!(
                        self.deadline.readable(&self.stream).await,
                        Ok(Waited::Ready)
                    ) {
                        break;
                    }
                }
                Err(_) => break,
            }
        }
        self.worker().buffers.give_input(buffer);
    }
}
