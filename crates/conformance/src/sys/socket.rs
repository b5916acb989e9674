//! A socket option, select(2), and dup2(2).

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::ptr;

/// Sets SO_RCVLOWAT: how many bytes make a stream socket readable.
///
/// # Errors
/// As setsockopt(2).
pub fn set_receive_low_water(socket: &impl AsFd, bytes: i32) -> io::Result<()> {
    let size = libc::socklen_t::try_from(size_of_val(&bytes)).expect("four");
    // SAFETY: the descriptor is borrowed for the call; the value lives through it, and `size` is
    // its size.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVLOWAT,
            (&raw const bytes).cast(),
            size,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Whether select(2) finds the descriptor readable now.
///
/// # Errors
/// As select(2), and `EINVAL` for a number that does not fit into an `fd_set`.
pub fn select_readable(fd: &impl AsFd) -> io::Result<bool> {
    let number = fd.as_fd().as_raw_fd();
    if usize::try_from(number).is_ok_and(|number| number >= libc::FD_SETSIZE) {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    // SAFETY: an fd_set is an array of words, and all bits zero is the empty set.
    let mut set: libc::fd_set = unsafe { std::mem::zeroed() };
    // SAFETY: the number is below FD_SETSIZE, checked above, and the set is initialised.
    unsafe { libc::FD_SET(number, &raw mut set) };
    let mut now = libc::timeval {
        tv_sec: 0,
        tv_usec: 0,
    };
    // SAFETY: the set and the time-out live through the call; the other sets are absent.
    let result = unsafe {
        libc::select(
            number + 1,
            &raw mut set,
            ptr::null_mut(),
            ptr::null_mut(),
            &raw mut now,
        )
    };
    match result {
        -1 => Err(io::Error::last_os_error()),
        count => Ok(count == 1),
    }
}

/// dup2(2): `number` becomes another name of `file`. The C library's function, which a library
/// may stand in front of.
///
/// # Errors
/// As dup2(2).
pub fn duplicate_onto(file: &impl AsFd, number: &mut OwnedFd) -> io::Result<()> {
    // SAFETY: takes no pointer; the number stays its owner's.
    let result = unsafe { libc::dup2(file.as_fd().as_raw_fd(), number.as_raw_fd()) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
