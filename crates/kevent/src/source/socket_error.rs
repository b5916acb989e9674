//! The error of a socket that has come to its end, without taking it from the program.
//!
//! BSD shows `so_error` beside EV_EOF and leaves it in place. On Linux both SO_ERROR and a peek
//! consume it, and the program's next read would then see a plain end of file. So the error is
//! inferred (`docs/semantics.md`, G7), unless the queue was built to have it exact.

use std::io;
use std::os::fd::RawFd;

use super::descriptor::{ERR, Interest, Kind, unless_closed};
use crate::sys;
use crate::sys::socket::TcpInfo;

/// TCP_CLOSE of the kernel's `tcp_states.h`: the state that every error leaves behind.
const TCP_CLOSE: u8 = 7;
/// With this many retransmissions unanswered it was the peer's silence that ended the
/// connection: RFC 1122, section 4.2.3.5, has at least that many, Linux 15 (`tcp_retries2`).
const RETRANSMITS_RUN_OUT: u8 = 8;

/// The errno for `fflags` beside EV_EOF, or 0. `bits` are the poll bits just seen.
///
/// # Errors
/// EBADF: the descriptor was closed.
pub(crate) fn of(fd: RawFd, kind: Kind, bits: u32, interest: &Interest) -> io::Result<u32> {
    if bits & ERR == 0 {
        return Ok(0);
    }
    let errno = if interest.exact_errors {
        unless_closed(sys::socket::take_error(fd))?.unwrap_or(0)
    } else {
        match kind {
            Kind::Tcp => inferred_tcp(fd)?,
            Kind::UnixStream { .. } | Kind::UnixSeqpacket | Kind::OtherStream => libc::ECONNRESET,
            _ => 0,
        }
    };
    Ok(u32::try_from(errno).unwrap_or(0))
}

fn inferred_tcp(fd: RawFd) -> io::Result<i32> {
    let Some(info) = unless_closed(sys::socket::tcp_info(fd))? else {
        return Ok(libc::ECONNRESET);
    };
    if info.state != TCP_CLOSE {
        // A message in the error queue raises the same bit.
        return Ok(0);
    }
    let timed_out = if info.rtt_us == 0 {
        let tries = unless_closed(sys::socket::tcp_syn_count(fd))?.unwrap_or(i32::MAX);
        i32::from(info.retransmits) >= tries
    } else {
        has_run_out(fd, &info)?
    };
    Ok(match (timed_out, info.rtt_us) {
        (true, _) => libc::ETIMEDOUT,
        (false, 0) => libc::ECONNREFUSED,
        (false, _) => libc::ECONNRESET,
    })
}

/// Whether an established connection ended because the peer was silent for too long: too many
/// retransmissions or probes, or the program's own limit has passed.
fn has_run_out(fd: RawFd, info: &TcpInfo) -> io::Result<bool> {
    if info.retransmits >= RETRANSMITS_RUN_OUT {
        return Ok(true);
    }
    if info.retransmits == 0 && info.probes == 0 {
        return Ok(false);
    }
    let probes_max = unless_closed(sys::socket::tcp_keepalive_count(fd))?.unwrap_or(i32::MAX);
    let limit_ms = unless_closed(sys::socket::tcp_user_timeout_ms(fd))?.unwrap_or(0);
    let limit_passed = limit_ms != 0 && info.last_ack_ms >= limit_ms;
    Ok(i32::from(info.probes) >= probes_max || limit_passed)
}
