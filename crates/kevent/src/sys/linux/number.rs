//! What can be asked of a bare descriptor number, and moving an open file onto one.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use super::{check, force};

/// dup3(2): makes `number` another name of `file`; whatever it was before is closed.
///
/// The caller owns `number`.
pub(crate) fn replace(number: BorrowedFd<'_>, file: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: takes no pointer; both numbers are open, and the target stays open throughout.
    check(unsafe { libc::dup3(file.as_raw_fd(), number.as_raw_fd(), libc::O_CLOEXEC) }).map(drop)
}

/// A duplicate of `file` at exactly `number`, if that number is free; never disturbs another.
pub(crate) fn duplicate_at(file: RawFd, number: RawFd) -> Option<OwnedFd> {
    // SAFETY: takes no pointer. F_DUPFD picks the lowest free number from `number` on.
    let fd = check(unsafe { libc::fcntl(file, libc::F_DUPFD_CLOEXEC, number) }).ok()?;
    // SAFETY: the call has just made this descriptor; nobody else owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    (fd.as_raw_fd() == number).then_some(fd)
}

/// kcmp(2) with `KCMP_EPOLL_TFD`: whether `file` is the open file that the epoll set watches
/// under `number`, as its `nth` entry of that number.
///
/// # Errors
/// `ENOENT`: there is no such entry. `EBADF`: there is, but `file` is not open. `EPERM`,
/// `ENOSYS`: the call is not to be had.
pub(crate) fn is_watched_file(
    set: BorrowedFd<'_>,
    number: RawFd,
    nth: u32,
    file: RawFd,
) -> io::Result<bool> {
    #[repr(C)]
    struct Slot {
        efd: u32,
        tfd: u32,
        toff: u32,
    }
    const KCMP_EPOLL_TFD: libc::c_int = 7;
    if force::is_forced("no_kcmp") {
        return Err(io::Error::from_raw_os_error(libc::ENOSYS));
    }
    let slot = Slot {
        efd: set.as_raw_fd().cast_unsigned(),
        tfd: number.cast_unsigned(),
        toff: nth,
    };
    let pid = std::process::id();
    // SAFETY: `slot` is valid for the duration of the call and laid out as the kernel's
    // struct kcmp_epoll_slot.
    let order = unsafe {
        libc::syscall(
            libc::SYS_kcmp,
            pid,
            pid,
            KCMP_EPOLL_TFD,
            file,
            &raw const slot,
        )
    };
    if order < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(order == 0)
    }
}

/// The open descriptor numbers of this process; none where /proc is not to be had.
pub(crate) fn open_numbers() -> Vec<RawFd> {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else {
        return Vec::new();
    };
    let numbers = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.collect()
}
