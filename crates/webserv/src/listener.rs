//! Listening sockets as a worker uses them: accepting.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use kevent_async::{Direction, TcpListener, TcpStream, UnixListener, UnixStream, sleep, yield_now};
use rustix::io::Errno;
pub(crate) use socket2::Socket;

use crate::connection::stream::Stream;
use crate::entrance::Entrance;
use crate::limits::{ACCEPT_PAUSE, ACCEPTS_PER_TURN_MAX};
use crate::worker::Worker;

/// A listening socket in a worker's queue.
#[derive(Debug)]
pub(crate) enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A unix socket.
    Unix(UnixListener),
}

impl Listener {
    /// Watches a listening socket.
    ///
    /// # Errors
    ///
    /// As [`kevent_async::Io::new`].
    pub(crate) fn new(socket: Socket) -> io::Result<Self> {
        let is_unix = socket.local_addr()?.is_unix();
        let socket = OwnedFd::from(socket);
        if is_unix {
            UnixListener::from_std(socket.into()).map(Listener::Unix)
        } else {
            TcpListener::from_std(socket.into()).map(Listener::Tcp)
        }
    }

    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Listener::Tcp(listener) => listener.accept().await.map(Accepted::from_tcp),
            Listener::Unix(listener) => listener.accept().await.map(Accepted::from_unix),
        }
    }

    fn try_accept(&self) -> io::Result<Accepted> {
        match self {
            Listener::Tcp(listener) => listener.try_accept().map(Accepted::from_tcp),
            Listener::Unix(listener) => listener.try_accept().map(Accepted::from_unix),
        }
    }
}

/// A connection that has just come.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) stream: Stream,
    /// Who is at the other end; none over a unix socket.
    pub(crate) peer: Option<SocketAddr>,
}

impl Accepted {
    fn from_tcp((stream, peer): (TcpStream, SocketAddr)) -> Self {
        Accepted {
            stream: Stream::Tcp(stream),
            peer: Some(peer),
        }
    }

    fn from_unix((stream, _): (UnixStream, std::os::unix::net::SocketAddr)) -> Self {
        Accepted {
            stream: Stream::Unix(stream),
            peer: None,
        }
    }
}

/// Accepts connections for as long as the worker wants any.
pub(crate) async fn accept_all(worker: Rc<Worker>, listener: Rc<Listener>, entrance: Rc<Entrance>) {
    let mut accepted_count: usize = 0;
    let mut is_exhausted = false;
    loop {
        match listener.accept().await {
            Ok(accepted) => {
                is_exhausted = false;
                worker.welcome(accepted, &entrance);
                accepted_count = accepted_count.wrapping_add(1);
                if accepted_count.is_multiple_of(ACCEPTS_PER_TURN_MAX) {
                    yield_now().await;
                }
            }
            Err(error) if is_about_one_connection(&error) => {
                tracing::debug!(%error, "a connection was gone before it was accepted");
            }
            Err(error) => {
                // Mostly EMFILE or ENFILE. The connections wait in the kernel's queue; asking
                // again at once would only burn time until others end.
                if !is_exhausted {
                    tracing::warn!(%error, "cannot accept; connections wait");
                }
                is_exhausted = true;
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Accepts what is waiting and no more: the clients have been promised an answer by the kernel.
pub(crate) fn accept_waiting(worker: &Rc<Worker>, listener: &Listener, entrance: &Rc<Entrance>) {
    match listener {
        Listener::Tcp(listener) => listener.assume_ready(Direction::Read),
        Listener::Unix(listener) => listener.assume_ready(Direction::Read),
    }
    while let Ok(accepted) = listener.try_accept() {
        worker.welcome(accepted, entrance);
    }
}

/// accept(2): errors that were pending on the new connection, not on the listening socket.
fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(
            Errno::CONNABORTED
                | Errno::PROTO
                | Errno::PERM
                | Errno::NETDOWN
                | Errno::NOPROTOOPT
                | Errno::HOSTDOWN
                | Errno::HOSTUNREACH
                | Errno::OPNOTSUPP
                | Errno::NETUNREACH
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_one_connection_are_told_from_exhaustion() {
        assert!(is_about_one_connection(&Errno::CONNABORTED.into()));
        assert!(is_about_one_connection(&Errno::PROTO.into()));
        assert!(!is_about_one_connection(&Errno::MFILE.into()));
    }
}
