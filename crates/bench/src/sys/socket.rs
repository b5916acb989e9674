//! `TCP_DEFER_ACCEPT`: a connection is there only when its first bytes are.

use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr;

/// Defers accepting by at most so many seconds.
pub(crate) fn set_defer_accept(listener: impl AsFd, seconds: c_int) -> io::Result<()> {
    let fd = listener.as_fd().as_raw_fd();
    let bytes = libc::socklen_t::try_from(size_of::<c_int>()).unwrap_or_default();
    let value = ptr::from_ref(&seconds).cast::<c_void>();
    // SAFETY: the option's value is an int, and `seconds` lives until the call returns.
    let code =
        unsafe { libc::setsockopt(fd, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, value, bytes) };
    if code == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
