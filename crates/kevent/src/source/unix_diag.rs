//! What only sock_diag(7) knows about AF_UNIX sockets: the backlog of a listener, and which
//! directions a socket has shut.
//!
//! One question is a socket, a send and a receive, some microseconds; asked only where no
//! cheaper call answers. The module unix_diag may be missing from a kernel, and then nothing is
//! known.

use std::io;
use std::os::fd::RawFd;

use crate::sys;

/// Sizes and numbers of linux/netlink.h, linux/sock_diag.h and linux/unix_diag.h.
const HEADER_BYTES: usize = 16;
const REQUEST_BYTES: usize = HEADER_BYTES + 24;
const ANSWER_BYTES: usize = HEADER_BYTES + 16;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const UDIAG_SHOW_RQLEN: u32 = 0x10;
const UNIX_DIAG_RQLEN: u16 = 4;
const UNIX_DIAG_SHUTDOWN: u16 = 6;
const SEND_SHUTDOWN: u8 = 2;

/// Connections waiting to be accepted on a listening unix socket.
///
/// # Errors
/// EBADF: closed. Any other: the kernel does not say.
pub(crate) fn backlog(fd: RawFd) -> io::Result<i64> {
    // The attribute is struct unix_diag_rqlen, of which the receive queue comes first.
    ask(fd, UNIX_DIAG_RQLEN, |value| {
        value.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
    })
    .map(i64::from)
}

/// Whether this unix socket's own sending direction is shut.
///
/// # Errors
/// As [`backlog`].
pub(crate) fn is_send_shut(fd: RawFd) -> io::Result<bool> {
    ask(fd, UNIX_DIAG_SHUTDOWN, |value| {
        value.first().map(|bits| bits & SEND_SHUTDOWN != 0)
    })
}

fn ask<T>(fd: RawFd, attribute: u16, read: impl FnOnce(&[u8]) -> Option<T>) -> io::Result<T> {
    if sys::force::is_forced("no_sock_diag") {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let inode = sys::descriptor::fstat(fd)?.inode;
    let inode = u32::try_from(inode).map_err(|_large| io::ErrorKind::Unsupported)?;
    let diag = sys::socket::sock_diag()?;
    sys::socket::send(&diag, &request(inode))?;
    let mut answer = [0; 512];
    let bytes = sys::socket::receive(&diag, &mut answer)?;
    let answer = answer.get(..bytes).unwrap_or_default();
    find(answer, attribute)
        .and_then(read)
        .ok_or_else(|| io::ErrorKind::Unsupported.into())
}

/// A netlink header and struct unix_diag_req.
fn request(inode: u32) -> [u8; REQUEST_BYTES] {
    let mut message = [0; REQUEST_BYTES];
    let no_cookie = u32::MAX.to_ne_bytes();
    let fields: [&[u8]; 11] = [
        &40_u32.to_ne_bytes(),
        &SOCK_DIAG_BY_FAMILY.to_ne_bytes(),
        &NLM_F_REQUEST.to_ne_bytes(),
        // Sequence number and port: one question, one answer.
        &0_u32.to_ne_bytes(),
        &0_u32.to_ne_bytes(),
        // AF_UNIX, protocol 0 and padding.
        &[1, 0, 0, 0],
        // States: all.
        &u32::MAX.to_ne_bytes(),
        &inode.to_ne_bytes(),
        &UDIAG_SHOW_RQLEN.to_ne_bytes(),
        &no_cookie,
        &no_cookie,
    ];
    for (to, from) in message.iter_mut().zip(fields.into_iter().flatten()) {
        *to = *from;
    }
    message
}

/// The value of an attribute in an answer of the right type.
fn find(answer: &[u8], wanted: u16) -> Option<&[u8]> {
    let message_type = u16::from_ne_bytes(*answer.get(4..)?.first_chunk()?);
    if message_type != SOCK_DIAG_BY_FAMILY {
        return None;
    }
    let mut rest = answer.get(ANSWER_BYTES..)?;
    loop {
        let length = usize::from(u16::from_ne_bytes(*rest.first_chunk()?));
        let attribute = u16::from_ne_bytes(*rest.get(2..)?.first_chunk()?);
        // The length counts its own header of four bytes; zero would never end.
        let value = rest.get(4..length)?;
        if attribute == wanted {
            return Some(value);
        }
        rest = rest.get(length.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Shutdown;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn the_backlog_counts_connections_not_yet_accepted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(backlog(listener.as_raw_fd()).unwrap(), 0);
        let _clients = [(); 3].map(|()| UnixStream::connect(&path).unwrap());
        assert_eq!(backlog(listener.as_raw_fd()).unwrap(), 3);
        let _accepted = listener.accept().unwrap();
        assert_eq!(backlog(listener.as_raw_fd()).unwrap(), 2);
    }

    #[test]
    fn a_shut_sending_direction_is_seen() {
        let (a, b) = UnixStream::pair().unwrap();
        assert!(!is_send_shut(a.as_raw_fd()).unwrap());
        a.shutdown(Shutdown::Write).unwrap();
        assert!(is_send_shut(a.as_raw_fd()).unwrap());
        assert!(!is_send_shut(b.as_raw_fd()).unwrap());
    }

    #[test]
    fn a_refusal_is_no_answer() {
        let (reader, _writer) = io::pipe().unwrap();
        assert!(backlog(reader.as_raw_fd()).is_err());
        assert!(find(&[], UNIX_DIAG_RQLEN).is_none());
        assert!(find(&[0; ANSWER_BYTES + 8], UNIX_DIAG_RQLEN).is_none());
    }
}
