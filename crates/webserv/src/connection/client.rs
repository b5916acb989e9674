//! What a handler may know of the client beside its request: the addresses, and whether it is
//! still there.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use kevent_async::{Direction, sleep};
use rustix::net::sockopt::socket_error;
use rustix::net::{RecvFlags, recv};

use super::content::send_now;
use super::stream::Stream;
use crate::http::request_line::Version;
use crate::limits::PRESENCE_CHECK;

/// What asks a client that has ended its side for a sign of life.
const PROCESSING: &[u8] = b"HTTP/1.1 102 Processing\r\n\r\n";

/// The client of one request, until its answer begins.
#[derive(Debug)]
pub(crate) struct Client {
    stream: Rc<Stream>,
    version: Version,
    /// Whether the readiness of the stream was touched.
    is_watched: Cell<bool>,
}

impl Client {
    /// The client at the other end of a connection.
    pub(crate) fn new(stream: Rc<Stream>, version: Version) -> Self {
        Client {
            stream,
            version,
            is_watched: Cell::new(false),
        }
    }

    /// The client's address.
    ///
    /// # Errors
    ///
    /// ENOTCONN if the client is gone.
    pub(crate) fn remote_address(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }

    /// The address at which the client has reached this server.
    ///
    /// # Errors
    ///
    /// As getsockname(2).
    pub(crate) fn local_address(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }

    /// Waits until the client is gone; for a client that stays, for ever.
    ///
    /// The end of its sending side is no proof: a client may send its request, shut down that side
    /// and wait for the answer. So it is asked by an interim response, which every HTTP/1.1
    /// client skips (RFC 9110 section 15.2), and which a client that is gone answers with a reset.
    /// Only for a request whose content has been read, or that has none.
    pub(crate) async fn gone(&self) {
        if self.ended().await.is_err() {
            return;
        }
        let mut has_asked = false;
        loop {
            sleep(PRESENCE_CHECK).await;
            if !matches!(socket_error(self.stream.get_ref()), Ok(Ok(()))) {
                return;
            }
            if self.version >= Version::Http11 && !has_asked {
                has_asked = true;
                match send_now(&self.stream, PROCESSING) {
                    Err(error) if error.kind() != io::ErrorKind::WouldBlock => return,
                    _ => {}
                }
            }
        }
    }

    /// Waits until the client has ended its sending side; what it has sent before stays unread.
    async fn ended(&self) -> io::Result<()> {
        self.is_watched.set(true);
        let mut byte = [0];
        loop {
            match recv(self.stream.get_ref(), &mut byte, RecvFlags::PEEK) {
                Ok((_, 0)) => return Ok(()),
                // The next request waits. Only an event tells of more; if reading stays ready,
                // that is because the end is behind it.
                Ok(_) => {
                    self.stream.clear_ready(Direction::Read);
                    if self.stream.is_ready(Direction::Read) {
                        return Ok(());
                    }
                }
                Err(rustix::io::Errno::AGAIN) => self.stream.clear_ready(Direction::Read),
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            poll_fn(|context| self.stream.poll_ready(Direction::Read, context)).await?;
        }
    }
}

/// Whatever was seen, the burst's next read is tried.
impl Drop for Client {
    fn drop(&mut self) {
        if self.is_watched.get() {
            self.stream.assume_ready(Direction::Read);
        }
    }
}
