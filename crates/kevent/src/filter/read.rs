//! EVFILT_READ: is there something to read, and how much?
//!
//! epoll is nearly right; this file is the difference (`docs/semantics.md`, C1 and D1). The plain
//! case costs one FIONREAD, or nothing where `data` is not wanted. It is also what notices that
//! another thread has read the data, or closed the number, in between.
//!
//! As FreeBSD has it, low water marks are for sockets; end of file and errors override them.
//!
//! Not exact: a datagram socket tells the size of the next datagram only; a TCP socket whose
//! SO_RCVLOWAT is above the knote's NOTE_LOWAT is woken by the kernel at the former; urgent data
//! of a unix socket (it alone in the queue) is seen where `data` is wanted.

use std::io;
use std::os::fd::RawFd;

use crate::flags::NoteIo;
use crate::source::descriptor::{
    ERR, HUP, IN, Interest, Kind, RDHUP, Verdict, never_connected, still, unless_closed,
};
use crate::source::{socket_error, unix_diag};
use crate::sys;

/// What a read of an expired timerfd returns: its counter.
const TIMERFD_BYTES: i64 = 8;

/// The condition now. `ready` is what epoll reported; 0 asks poll(2) instead, which is also the
/// way for descriptors that epoll refuses.
#[inline]
pub(crate) fn event(fd: RawFd, kind: &mut Kind, ready: u32, interest: &Interest) -> Verdict {
    let bits = ready & (IN | RDHUP | HUP | ERR);
    if !interest.want_data && bits == IN && !interest.notes.contains(NoteIo::LOWAT) {
        return interest.active(0);
    }
    event_of(fd, kind, bits, interest).into()
}

/// The condition of a kind that counts its bytes, of which epoll reported IN and nothing else,
/// for a knote without notes.
#[inline]
pub(crate) fn plain_event(fd: RawFd, kind: Kind, interest: impl Fn() -> Interest) -> Verdict {
    let counted = sys::descriptor::readable_bytes(fd);
    // The one byte of a unix socket may be an urgent one.
    let least = if matches!(kind, Kind::UnixStream { .. }) {
        2
    } else {
        1
    };
    match counted {
        Ok(bytes) if bytes >= least => Verdict::Active {
            data: bytes,
            fflags: 0,
            eof: false,
        },
        counted => unless_closed(counted)
            .and_then(|bytes| counted_event(fd, kind, bytes, &interest()))
            .into(),
    }
}

fn event_of(fd: RawFd, kind: &mut Kind, bits: u32, interest: &Interest) -> io::Result<Verdict> {
    let kind = kind.learnt(fd)?;
    match kind {
        Kind::Regular | Kind::Directory => return file(fd, interest),
        Kind::PipeWriter => return wrong_end(fd, interest),
        _ => {}
    }
    let bits = if bits == 0 {
        sys::descriptor::poll(fd)?
    } else {
        bits
    };
    if bits & (RDHUP | HUP) != 0 {
        return ended(fd, kind, interest);
    }
    if kind.is_datagram_socket() && bits & ERR != 0 {
        // An ICMP error: FreeBSD calls it active, and no end of file.
        let data = if interest.want_data {
            amount(fd)?.unwrap_or(0)
        } else {
            0
        };
        return Ok(interest.active(data));
    }
    if bits & IN == 0 {
        return Ok(Verdict::Inactive);
    }
    match kind {
        Kind::Epoll => Ok(interest.active(1)),
        Kind::Eventfd => counter(fd, interest),
        _ => waiting(fd, kind, interest),
    }
}

/// IN alone: data of a known or unknown amount, or a connection.
fn waiting(fd: RawFd, kind: Kind, interest: &Interest) -> io::Result<Verdict> {
    counted_event(fd, kind, amount(fd)?, interest)
}

fn counted_event(
    fd: RawFd,
    kind: Kind,
    bytes: Option<i64>,
    interest: &Interest,
) -> io::Result<Verdict> {
    let Some(bytes) = bytes else {
        if is_listener(fd, kind)? {
            return backlog(fd, kind, interest);
        }
        return still_readable(fd, kind, interest);
    };
    if bytes == 0 {
        return still_readable(fd, kind, interest);
    }
    if bytes < low_water(fd, kind, interest)? || is_urgent_only(fd, kind, bytes)? {
        return Ok(Verdict::Inactive);
    }
    Ok(interest.active(bytes))
}

/// Nothing to count. Still readable: an empty datagram, a terminal's end of file character, a
/// kind that has no count. Else another thread was quicker.
fn still_readable(fd: RawFd, kind: Kind, interest: &Interest) -> io::Result<Verdict> {
    let bits = sys::descriptor::poll(fd)?;
    if bits & (RDHUP | HUP) != 0 {
        return ended(fd, kind, interest);
    }
    if bits & IN == 0 || low_water(fd, kind, interest)? > 0 {
        return Ok(Verdict::Inactive);
    }
    let data = if kind == Kind::Timerfd {
        TIMERFD_BYTES
    } else {
        0
    };
    Ok(interest.active(data))
}

/// A hang-up of either sort: end of file, except for a socket that was never connected. What
/// epoll reported need not be the full set, so poll(2) is asked.
fn ended(fd: RawFd, kind: Kind, interest: &Interest) -> io::Result<Verdict> {
    let bits = sys::descriptor::poll(fd)?;
    if bits & (RDHUP | HUP) == 0 {
        // A FIFO that has got a writer again.
        return match bits & IN {
            0 => Ok(Verdict::Inactive),
            _ => waiting(fd, kind, interest),
        };
    }
    if kind.is_stream_socket() && never_connected(bits) {
        return Ok(Verdict::Inactive);
    }
    let data = if interest.want_data {
        amount(fd)?.unwrap_or(0)
    } else {
        0
    };
    Ok(interest.eof(data, socket_error::of(fd, kind, bits, interest)?))
}

/// The bytes that can be read, where FIONREAD tells.
fn amount(fd: RawFd) -> io::Result<Option<i64>> {
    unless_closed(sys::descriptor::readable_bytes(fd))
}

/// The mark for this knote: its own, or the socket's where poll(2) does not look at it.
fn low_water(fd: RawFd, kind: Kind, interest: &Interest) -> io::Result<i64> {
    let is_socket = kind.is_stream_socket() || kind.is_datagram_socket();
    match (interest.own_low_water(), kind) {
        (Some(bytes), _) if is_socket => Ok(bytes),
        (
            None,
            Kind::UnixStream {
                has_low_water: true,
            },
        ) => Ok(unless_closed(sys::socket::receive_low_water(fd))?.map_or(0, i64::from)),
        _ => Ok(0),
    }
}

/// Whether the one byte there is lies outside of the stream: a unix socket counts an urgent byte
/// that a plain read does not get.
fn is_urgent_only(fd: RawFd, kind: Kind, bytes: i64) -> io::Result<bool> {
    if bytes != 1 || !matches!(kind, Kind::UnixStream { .. }) {
        return Ok(false);
    }
    match sys::socket::peek_nothing(fd) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
        result => unless_closed(result).map(|_| false),
    }
}

/// FIONREAD answers EINVAL on a listening socket.
fn is_listener(fd: RawFd, kind: Kind) -> io::Result<bool> {
    if !kind.is_stream_socket() {
        return Ok(false);
    }
    Ok(unless_closed(sys::socket::is_listening(fd))?.unwrap_or(false))
}

/// A listening socket: `data` is the number of connections to accept, 1 where the kernel does
/// not tell. A low water mark means nothing here.
fn backlog(fd: RawFd, kind: Kind, interest: &Interest) -> io::Result<Verdict> {
    let waiting = match kind {
        Kind::Tcp => unless_closed(sys::socket::tcp_info(fd))?.map(|info| i64::from(info.unacked)),
        Kind::UnixStream { .. } | Kind::UnixSeqpacket if interest.want_data => {
            unless_closed(unix_diag::backlog(fd))?
        }
        _ => None,
    };
    match waiting {
        Some(0) => Ok(Verdict::Inactive),
        Some(connections) => Ok(interest.active(connections)),
        None => Ok(interest.active(1)),
    }
}

/// An eventfd: `data` is its counter.
fn counter(fd: RawFd, interest: &Interest) -> io::Result<Verdict> {
    match unless_closed(sys::descriptor::eventfd_count(fd))? {
        Some(0) => Ok(Verdict::Inactive),
        Some(count) => Ok(interest.active(i64::try_from(count).unwrap_or(i64::MAX))),
        None => still_readable(fd, Kind::Other, interest),
    }
}

/// A regular file or directory: `data` is how far the offset is from the end, below 0 beyond it.
fn file(fd: RawFd, interest: &Interest) -> io::Result<Verdict> {
    let stat = still(fd, &[libc::S_IFREG, libc::S_IFDIR])?;
    let offset = unless_closed(sys::descriptor::offset(fd))?.unwrap_or(0);
    let data = stat.size.saturating_sub(offset);
    if data == 0 && !interest.notes.contains(NoteIo::FILE_POLL) {
        return Ok(Verdict::Inactive);
    }
    Ok(interest.active(data))
}

/// The write end of a pipe has nothing to read; Linux raises ERR on it when the reader goes.
fn wrong_end(fd: RawFd, interest: &Interest) -> io::Result<Verdict> {
    let bits = sys::descriptor::poll(fd)?;
    Ok(if bits & (ERR | HUP) == 0 {
        Verdict::Inactive
    } else {
        interest.eof(0, 0)
    })
}
