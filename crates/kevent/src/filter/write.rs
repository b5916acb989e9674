//! EVFILT_WRITE: is there space to write, and how much?
//!
//! poll(2) says OUT in cases where BSD is silent (never connected) or says end of file (the own
//! sending direction is shut); this file is the difference (`docs/semantics.md`, C2 and D2). The
//! plain case on a socket costs two calls, one for the space and one for the shut direction; or
//! nothing where `data` is not wanted, and then a shut direction is not seen until the peer's is
//! shut too.
//!
//! The space is that of the kernel's accounting, which charges more than the payload; 1 at least
//! while the kernel says OUT. Not seen: the own shutdown of a UDP socket, and that of a unix
//! datagram or seqpacket socket where the kernel has no sock_diag for them.

use std::io;
use std::os::fd::RawFd;

use crate::flags::NoteIo;
use crate::source::descriptor::{
    ERR, HUP, Interest, Kind, OUT, RDHUP, Verdict, never_connected, still, unless_closed,
};
use crate::source::{socket_error, unix_diag};
use crate::sys;

/// What a write to a pipe needs for sure: a free slot, PIPE_BUF bytes.
const PIPE_BUF: i64 = 4096;
/// The largest value of an eventfd's counter.
const COUNTER_MAX: u64 = u64::MAX - 1;

/// The condition now. `ready` is what epoll reported; 0 asks poll(2) instead, which is also the
/// way for descriptors that epoll refuses.
#[inline]
pub(crate) fn event(fd: RawFd, kind: &mut Kind, ready: u32, interest: &Interest) -> Verdict {
    let bits = ready & (OUT | RDHUP | HUP | ERR);
    if !interest.want_data && bits == OUT && !interest.notes.contains(NoteIo::LOWAT) {
        return interest.active(0);
    }
    event_of(fd, kind, bits, interest).into()
}

fn event_of(fd: RawFd, kind: &mut Kind, bits: u32, interest: &Interest) -> io::Result<Verdict> {
    let kind = kind.learnt(fd)?;
    if matches!(kind, Kind::Regular | Kind::Directory) {
        still(fd, &[libc::S_IFREG, libc::S_IFDIR])?;
        return Ok(interest.active(0));
    }
    // Only OUT means the same everywhere; what epoll reported beside it need not be the full set.
    let bits = if bits == OUT {
        bits
    } else {
        sys::descriptor::poll(fd)?
    };
    if let Some(verdict) = ended(fd, kind, bits, interest)? {
        return Ok(verdict);
    }
    if bits & OUT == 0 {
        return Ok(Verdict::Inactive);
    }
    match kind {
        Kind::PipeWriter | Kind::PipeBoth => pipe(fd, interest),
        Kind::PipeReader => Ok(Verdict::Inactive),
        Kind::Eventfd => counter(fd, interest),
        // The kernel does not tell how much room a terminal's queue has.
        Kind::Tty => Ok(interest.active(1)),
        Kind::Epoll | Kind::Timerfd | Kind::Other => {
            sys::descriptor::check_open(fd)?;
            Ok(interest.active(0))
        }
        _ => socket(fd, kind, bits, interest),
    }
}

/// What ERR and HUP mean: end of file, nothing at all, or not what they say (`None`).
fn ended(fd: RawFd, kind: Kind, bits: u32, interest: &Interest) -> io::Result<Option<Verdict>> {
    if bits & (ERR | HUP) == 0 {
        return Ok(None);
    }
    if kind.is_stream_socket() {
        if never_connected(bits) {
            return Ok(Some(Verdict::Inactive));
        }
        if bits & HUP == 0 {
            // A message in the error queue, not an end.
            return Ok(None);
        }
        let errno = socket_error::of(fd, kind, bits, interest)?;
        return Ok(Some(interest.eof(space(fd, kind)?.unwrap_or(0), errno)));
    }
    if kind.is_datagram_socket() {
        // An ICMP error is no end; both directions shut is one.
        return Ok(Some(match bits & HUP {
            0 => interest.active(space(fd, kind)?.unwrap_or(0)),
            _ => interest.eof(0, 0),
        }));
    }
    // A pipe without a reader, a terminal without its other side.
    Ok(Some(interest.eof(0, 0)))
}

/// A socket with OUT.
fn socket(fd: RawFd, kind: Kind, bits: u32, interest: &Interest) -> io::Result<Verdict> {
    let free = space(fd, kind)?;
    if is_send_shut(fd, kind)? {
        return Ok(interest.eof(free.unwrap_or(0), 0));
    }
    debug_assert!(bits & OUT != 0, "the floor of 1 rests on it");
    let free = free.map_or(1, |bytes| bytes.max(1));
    match interest.own_low_water() {
        Some(bytes) if free < bytes => Ok(Verdict::Inactive),
        _ => Ok(interest.active(free)),
    }
}

/// The free bytes of the send buffer; not below 0. TCP charges its write queue, the others what
/// is under way.
fn space(fd: RawFd, kind: Kind) -> io::Result<Option<i64>> {
    let Some(memory) = unless_closed(sys::socket::send_memory(fd))? else {
        return Ok(None);
    };
    let used = if kind == Kind::Tcp {
        memory.queued
    } else {
        memory.allocated
    };
    Ok(Some((memory.limit - used).max(0)))
}

/// Whether the program has shut the sending direction, of which poll(2) says nothing.
fn is_send_shut(fd: RawFd, kind: Kind) -> io::Result<bool> {
    match kind {
        Kind::Tcp => {
            let info = unless_closed(sys::socket::tcp_info(fd))?;
            Ok(info.is_some_and(|info| tcp_state::cannot_send(info.state)))
        }
        // Only streams: on the others this would send an empty packet.
        Kind::UnixStream { .. } => match sys::socket::send_nothing(fd) {
            Err(error) if error.raw_os_error() == Some(libc::EPIPE) => Ok(true),
            result => unless_closed(result).map(|_| false),
        },
        Kind::UnixSeqpacket | Kind::UnixDatagram => {
            Ok(unless_closed(unix_diag::is_send_shut(fd))?.unwrap_or(false))
        }
        _ => Ok(false),
    }
}

/// The states of the kernel's `tcp_states.h`.
mod tcp_state {
    const FIN_WAIT1: u8 = 4;
    const FIN_WAIT2: u8 = 5;
    const TIME_WAIT: u8 = 6;
    const CLOSE: u8 = 7;
    const LAST_ACK: u8 = 9;
    const CLOSING: u8 = 11;

    /// Our FIN is sent or queued, or there is no connection any more.
    pub(super) const fn cannot_send(state: u8) -> bool {
        matches!(
            state,
            FIN_WAIT1 | FIN_WAIT2 | TIME_WAIT | CLOSE | LAST_ACK | CLOSING
        )
    }
}

/// A pipe: what its slots could hold at most. poll(2) is asked again where a slot need not be
/// free, because another thread may have filled it.
fn pipe(fd: RawFd, interest: &Interest) -> io::Result<Verdict> {
    let capacity = unless_closed(sys::descriptor::pipe_bytes(fd))?.unwrap_or(PIPE_BUF);
    let queued = unless_closed(sys::descriptor::readable_bytes(fd))?.unwrap_or(0);
    let free = (capacity - queued).max(1);
    if free < PIPE_BUF && sys::descriptor::poll(fd)? & OUT == 0 {
        return Ok(Verdict::Inactive);
    }
    Ok(interest.active(free))
}

/// An eventfd: the value that can be added without blocking.
fn counter(fd: RawFd, interest: &Interest) -> io::Result<Verdict> {
    let count = unless_closed(sys::descriptor::eventfd_count(fd))?;
    match count.map(|count| COUNTER_MAX.saturating_sub(count)) {
        Some(0) => Ok(Verdict::Inactive),
        Some(room) => Ok(interest.active(i64::try_from(room).unwrap_or(i64::MAX))),
        None => Ok(interest.active(1)),
    }
}
