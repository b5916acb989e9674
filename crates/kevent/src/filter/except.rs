//! EVFILT_EXCEPT: urgent data (NOTE_OOB) on sockets and terminals. Not in FreeBSD; as macOS and
//! OpenBSD have it (`docs/semantics.md`, C4 and D4).
//!
//! Urgent data is rare, so poll(2) confirms every event, and one that another thread has
//! consumed is not returned.

use std::io;
use std::os::fd::RawFd;

use crate::flags::NoteIo;
use crate::source::descriptor::{HUP, Interest, Kind, PRI, RDHUP, Verdict, never_connected};
use crate::source::socket_error;
use crate::sys;

/// Whether a descriptor can have urgent data.
///
/// # Errors
/// EBADF: not open. EINVAL: neither a socket nor a terminal.
pub(crate) fn attach_check(fd: RawFd) -> io::Result<()> {
    let is_socket = sys::descriptor::fstat(fd)?.file_type() == libc::S_IFSOCK;
    if is_socket || sys::descriptor::is_tty(fd) {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(libc::EINVAL))
    }
}

/// The condition now. What epoll reported does not matter: poll(2) is asked.
pub(crate) fn event(fd: RawFd, kind: &mut Kind, _ready: u32, interest: &Interest) -> Verdict {
    event_of(fd, kind, interest).into()
}

fn event_of(fd: RawFd, kind: &mut Kind, interest: &Interest) -> io::Result<Verdict> {
    let kind = kind.learnt(fd)?;
    let bits = sys::descriptor::poll(fd)?;
    let eof = bits & (RDHUP | HUP) != 0 && !(kind.is_stream_socket() && never_connected(bits));
    if bits & PRI != 0 {
        // Read the urgent byte first; the error comes with the next event.
        return Ok(Verdict::Active {
            data: 0,
            fflags: NoteIo::OOB.bits(),
            eof,
        });
    }
    if eof {
        return Ok(interest.eof(0, socket_error::of(fd, kind, bits, interest)?));
    }
    Ok(Verdict::Inactive)
}
