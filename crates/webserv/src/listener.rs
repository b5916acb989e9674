//! Listening sockets: opening them so that a busy port is found, and accepting from them.
//!
//! Each worker has its own socket per address (SO_REUSEPORT), and the kernel spreads connections
//! over them. That option would also let a second server share the port unnoticed, so one bind
//! without it comes first.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::rc::Rc;

use kevent_async::{Direction, TcpListener, sleep, yield_now};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

use crate::limits::{ACCEPT_PAUSE, ACCEPTS_PER_TURN_MAX, LISTEN_BACKLOG, UNSENT_BYTES_MAX};
use crate::platform;
use crate::worker::Worker;

/// How often another port is tried when the system was asked to choose one and somebody else took
/// it in between.
const PORT_ATTEMPTS_MAX: usize = 8;

/// Opens one socket per worker at `address`, and tells the address with its real port.
///
/// # Errors
///
/// Those of bind(2) and listen(2): EADDRINUSE, EACCES, EADDRNOTAVAIL.
pub(crate) fn open(
    address: SocketAddr,
    worker_count: usize,
) -> io::Result<(SocketAddr, Vec<StdListener>)> {
    let mut attempt = 1;
    loop {
        match try_open(address, worker_count) {
            Err(error)
                if address.port() == 0
                    && error.kind() == io::ErrorKind::AddrInUse
                    && attempt < PORT_ATTEMPTS_MAX =>
            {
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

fn try_open(
    address: SocketAddr,
    worker_count: usize,
) -> io::Result<(SocketAddr, Vec<StdListener>)> {
    let probe = socket(address)?;
    probe.bind(&address.into())?;
    let address = probe.local_addr()?.as_socket().unwrap_or(address);
    drop(probe);
    let mut listeners = Vec::with_capacity(worker_count);
    for _ in 0..worker_count {
        let socket = socket(address)?;
        platform::share_port(&socket)?;
        // Accepted connections inherit this and the limit, which saves two calls on each.
        socket.set_tcp_nodelay(true)?;
        if let Err(error) = platform::limit_unsent(&socket, UNSENT_BYTES_MAX) {
            // The kernel then holds more for a slow reader; nothing else changes.
            tracing::debug!(%error, "TCP_NOTSENT_LOWAT is not available");
        }
        socket.bind(&address.into())?;
        socket.listen(LISTEN_BACKLOG)?;
        listeners.push(socket.into());
    }
    Ok((address, listeners))
}

/// A socket that may take over an address whose old connections are still being forgotten.
fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    Ok(socket)
}

/// Accepts connections for as long as the worker wants any.
pub(crate) async fn accept_all(worker: Rc<Worker>, listener: Rc<TcpListener>) {
    let mut accepted_count: usize = 0;
    let mut is_exhausted = false;
    loop {
        match listener.accept().await {
            Ok((stream, _peer)) => {
                is_exhausted = false;
                worker.welcome(stream);
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
pub(crate) fn accept_waiting(worker: &Rc<Worker>, listener: &TcpListener) {
    listener.assume_ready(Direction::Read);
    while let Ok((stream, _peer)) = listener.try_accept() {
        worker.welcome(stream);
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
    fn a_busy_port_is_found() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (address, listeners) = open(any, 3).unwrap();
        assert_ne!(address.port(), 0);
        assert_eq!(listeners.len(), 3);
        let error = open(address, 1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn errors_of_one_connection_are_told_from_exhaustion() {
        assert!(is_about_one_connection(&Errno::CONNABORTED.into()));
        assert!(is_about_one_connection(&Errno::PROTO.into()));
        assert!(!is_about_one_connection(&Errno::MFILE.into()));
    }
}
