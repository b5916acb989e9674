//! What the kernel says about any descriptor of the program's: its type, how much it holds,
//! whether it is ready.
//!
//! All on plain numbers, because the program may close its descriptors at any time: EBADF is an
//! ordinary answer here.

use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::path::PathBuf;

use super::check;

/// The part of `struct stat` that filters look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stat {
    pub(crate) mode: u32,
    pub(crate) size: i64,
    pub(crate) inode: u64,
    pub(crate) device: u64,
    pub(crate) links: u64,
    pub(crate) owner: u32,
    pub(crate) group: u32,
    /// When the content changed last: seconds and nanoseconds.
    pub(crate) modified: (i64, i64),
    /// When anything changed last.
    pub(crate) changed: (i64, i64),
}

impl Stat {
    /// The file type bits, S_IFMT.
    pub(crate) const fn file_type(&self) -> u32 {
        self.mode & libc::S_IFMT
    }
}

pub(crate) fn fstat(fd: RawFd) -> io::Result<Stat> {
    let mut stat = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: `stat` has room for the structure.
    check(unsafe { libc::fstat(fd, stat.as_mut_ptr()) })?;
    // SAFETY: all zero is a value of this structure of integers, and the call has filled it in.
    let stat = unsafe { stat.assume_init() };
    Ok(Stat {
        mode: stat.st_mode,
        size: stat.st_size,
        inode: stat.st_ino,
        device: stat.st_dev,
        #[expect(clippy::useless_conversion, reason = "32 bits on some architectures")]
        links: stat.st_nlink.into(),
        owner: stat.st_uid,
        group: stat.st_gid,
        modified: (stat.st_mtime, stat.st_mtime_nsec),
        changed: (stat.st_ctime, stat.st_ctime_nsec),
    })
}

/// FIONREAD: the bytes that can be read.
pub(crate) fn readable_bytes(fd: RawFd) -> io::Result<i64> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: FIONREAD writes one int.
    check(unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut bytes) })?;
    Ok(bytes.into())
}

/// The file offset. ESPIPE: this kind has none.
pub(crate) fn offset(fd: RawFd) -> io::Result<i64> {
    // SAFETY: lseek(2) takes no pointer, and moving by nothing moves nothing.
    let offset = unsafe { libc::lseek(fd, 0, libc::SEEK_CUR) };
    if offset < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(offset)
    }
}

/// O_RDONLY, O_WRONLY or O_RDWR.
pub(crate) fn access_mode(fd: RawFd) -> io::Result<i32> {
    // SAFETY: F_GETFL takes no argument.
    let flags = check(unsafe { libc::fcntl(fd, libc::F_GETFL) })?;
    Ok(flags & libc::O_ACCMODE)
}

/// EBADF unless the number is open.
pub(crate) fn check_open(fd: RawFd) -> io::Result<()> {
    // SAFETY: F_GETFD takes no argument.
    check(unsafe { libc::fcntl(fd, libc::F_GETFD) }).map(drop)
}

/// The capacity of a pipe, in bytes.
pub(crate) fn pipe_bytes(fd: RawFd) -> io::Result<i64> {
    // SAFETY: F_GETPIPE_SZ takes no argument.
    check(unsafe { libc::fcntl(fd, libc::F_GETPIPE_SZ) }).map(i64::from)
}

/// Whether the descriptor is a terminal.
pub(crate) fn is_tty(fd: RawFd) -> bool {
    // SAFETY: isatty(3) takes no pointer.
    unsafe { libc::isatty(fd) == 1 }
}

/// What poll(2) says now, as EPOLL bits (the numbers are the same): IN, OUT, PRI, RDHUP, ERR and
/// HUP. EBADF where poll says NVAL.
pub(crate) fn poll(fd: RawFd) -> io::Result<u32> {
    let events = libc::POLLIN | libc::POLLOUT | libc::POLLPRI | libc::POLLRDHUP;
    let mut entry = libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    // SAFETY: one entry, valid for the call.
    check(unsafe { libc::poll(&raw mut entry, 1, 0) })?;
    if entry.revents & libc::POLLNVAL != 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    Ok(u32::from(entry.revents.cast_unsigned()))
}

/// Where `/proc/self/fd` points for this descriptor: a path, or a name such as
/// `anon_inode:[eventfd]`.
pub(crate) fn link(fd: RawFd) -> io::Result<PathBuf> {
    fs::read_link(format!("/proc/self/fd/{fd}"))
}

/// The counter of an eventfd. The kernel prints it in hexadecimal.
pub(crate) fn eventfd_count(fd: RawFd) -> io::Result<u64> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{fd}"))?;
    info.lines()
        .find_map(|line| line.strip_prefix("eventfd-count:"))
        .and_then(|count| u64::from_str_radix(count.trim(), 16).ok())
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

    use super::*;

    /// A pseudo terminal: the master and the slave, in canonical mode.
    pub(crate) fn open_pty() -> (OwnedFd, OwnedFd) {
        let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
        // SAFETY: posix_openpt(3) takes no pointer.
        let master = own(unsafe { libc::posix_openpt(flags) });
        // SAFETY: grantpt(3) takes no pointer.
        check(unsafe { libc::grantpt(master.as_raw_fd()) }).unwrap();
        // SAFETY: unlockpt(3) takes no pointer.
        check(unsafe { libc::unlockpt(master.as_raw_fd()) }).unwrap();
        // SAFETY: TIOCGPTPEER takes the flags by value.
        let slave = own(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags) });
        (master, slave)
    }

    /// A FIFO under this path, of which no end is open.
    pub(crate) fn make_fifo(path: &std::path::Path) {
        let path = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).unwrap();
        // SAFETY: the path ends in a zero byte.
        check(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }).unwrap();
    }

    /// The new descriptor that a call has answered.
    pub(crate) fn own(fd: RawFd) -> OwnedFd {
        assert!(fd >= 0, "{}", io::Error::last_os_error());
        // SAFETY: the caller has just made this descriptor, and nothing else owns it.
        unsafe { OwnedFd::from_raw_fd(fd) }
    }

    #[test]
    fn the_fdinfo_of_an_eventfd_is_hexadecimal() {
        // SAFETY: eventfd(2) takes no pointer.
        let fd = own(unsafe { libc::eventfd(31, libc::EFD_CLOEXEC) });
        assert_eq!(eventfd_count(fd.as_raw_fd()).unwrap(), 31);
    }
}
