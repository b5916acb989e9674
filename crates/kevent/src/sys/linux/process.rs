//! pidfd_open(2) and what a pidfd tells: whether its process has exited, was reaped, and how it
//! ended. Nothing here reaps a process.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;

use super::{check, force};

/// A descriptor of the process `pid`, which may be a zombie.
///
/// # Errors
/// `ESRCH`: no such process. `ENOENT`, before Linux 6.9 `EINVAL`: a thread, or not a number of a
/// process at all. `EMFILE`, `ENFILE`, `ENOMEM`.
pub(crate) fn open(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: takes two numbers and no pointer.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = RawFd::try_from(fd).unwrap_or(-1);
    check(fd)?;
    // SAFETY: the call has just made this descriptor; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A duplicate of a descriptor that the program may close at any time.
pub(crate) fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointer; a closed number is answered with EBADF.
    let fd = check(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0) })?;
    // SAFETY: the call has just made this descriptor; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Whether the process was reaped: nothing is left of it.
pub(crate) fn is_reaped(pidfd: BorrowedFd<'_>) -> bool {
    let info = std::ptr::null_mut::<libc::siginfo_t>();
    // SAFETY: signal 0 only asks; a null pointer stands for the default information.
    let answer =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), 0, info, 0) };
    answer == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH)
}

/// Whether a process has this number, a zombie or not.
pub(crate) fn exists(pid: i32) -> bool {
    // SAFETY: signal 0 only asks, and the call takes no pointer.
    let answer = unsafe { libc::kill(pid, 0) };
    answer == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// The status of our own child that has exited and was not reaped, as wait(2) has it.
///
/// # Errors
/// `ECHILD`: not our child, or reaped.
pub(crate) fn child_status(pidfd: BorrowedFd<'_>) -> io::Result<Option<i32>> {
    let id = pidfd.as_raw_fd().cast_unsigned();
    let options = libc::WEXITED | libc::WNOWAIT | libc::WNOHANG | libc::__WALL;
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: `info` has room for the structure.
    check(unsafe { libc::waitid(libc::P_PIDFD, id, info.as_mut_ptr(), options) })?;
    // SAFETY: all zero is a value of this structure, and the call has filled it in.
    let info = unsafe { info.assume_init() };
    // SAFETY: the structure is that of SIGCHLD, or all zero if nothing was found.
    let status = unsafe { info.si_status() };
    Ok(match info.si_code {
        libc::CLD_EXITED => Some((status & 0xff) << 8),
        libc::CLD_KILLED => Some(status & 0x7f),
        libc::CLD_DUMPED => Some(status & 0x7f | 0x80),
        _ => None,
    })
}

/// The kernel's `struct pidfd_info` in its first size.
#[repr(C)]
#[derive(Default)]
struct Info {
    mask: u64,
    cgroup: u64,
    ids: [u32; 11],
    exit_code: i32,
}

/// `PIDFD_GET_INFO`: the status of a process that was reaped, as wait(2) has it. `None`: it was
/// not, or the kernel does not tell (before Linux 6.15).
pub(crate) fn reaped_status(pidfd: BorrowedFd<'_>) -> Option<i32> {
    const PIDFD_GET_INFO: libc::Ioctl = 0xc040_ff0b_u32 as libc::Ioctl;
    const PIDFD_INFO_EXIT: u64 = 1 << 3;
    if force::is_forced("no_pidfd_info") {
        return None;
    }
    let mut info = Info {
        mask: PIDFD_INFO_EXIT,
        ..Info::default()
    };
    // SAFETY: the request's number holds the size of the structure, which is valid for the call.
    check(unsafe { libc::ioctl(pidfd.as_raw_fd(), PIDFD_GET_INFO, &raw mut info) }).ok()?;
    (info.mask & PIDFD_INFO_EXIT != 0).then_some(info.exit_code)
}

/// Whether poll(2) reports a hang-up on a pidfd when its process is reaped (Linux 6.9, with the
/// file system of pidfds).
pub(crate) fn reports_reaping() -> bool {
    const PID_FS_MAGIC: u32 = 0x5049_4446;
    static KNOWN: OnceLock<bool> = OnceLock::new();
    *KNOWN.get_or_init(|| {
        if force::is_forced("no_pidfd_hup") {
            return false;
        }
        let Some(own) = i32::try_from(std::process::id()).ok() else {
            return false;
        };
        open(own).is_ok_and(|fd| file_system(fd.as_fd()) == Some(PID_FS_MAGIC))
    })
}

fn file_system(fd: BorrowedFd<'_>) -> Option<u32> {
    let mut statfs = MaybeUninit::<libc::statfs>::zeroed();
    // SAFETY: `statfs` has room for the structure.
    check(unsafe { libc::fstatfs(fd.as_raw_fd(), statfs.as_mut_ptr()) }).ok()?;
    // SAFETY: all zero is a value of this structure of integers, and the call has filled it in.
    let statfs = unsafe { statfs.assume_init() };
    u32::try_from(statfs.f_type).ok()
}

/// Whether two descriptors are the same open file.
pub(crate) fn is_same_open_file(one: RawFd, other: RawFd) -> io::Result<bool> {
    const KCMP_FILE: libc::c_int = 0;
    if force::is_forced("no_kcmp") {
        return Err(io::Error::from_raw_os_error(libc::ENOSYS));
    }
    let pid = std::process::id();
    // SAFETY: takes numbers only; closed ones are answered with EBADF.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, pid, pid, KCMP_FILE, one, other) };
    if order == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(order == 0)
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    fn pidfd(child: &Child) -> OwnedFd {
        open(i32::try_from(child.id()).unwrap()).unwrap()
    }

    fn until(mut condition: impl FnMut() -> bool) {
        let started = std::time::Instant::now();
        while !condition() {
            assert!(started.elapsed().as_secs() < 10);
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_zombie_tells_its_status_as_often_as_asked_and_is_not_reaped() {
        let mut child = Command::new("sh").args(["-c", "exit 7"]).spawn().unwrap();
        let pidfd = pidfd(&child);
        until(|| child_status(pidfd.as_fd()).unwrap().is_some());
        assert_eq!(child_status(pidfd.as_fd()).unwrap(), Some(7 << 8));
        assert!(!is_reaped(pidfd.as_fd()));
        assert_eq!(child.wait().unwrap().code(), Some(7));
        assert!(is_reaped(pidfd.as_fd()));
        assert!(child_status(pidfd.as_fd()).is_err());
        if let Some(status) = reaped_status(pidfd.as_fd()) {
            assert_eq!(status, 7 << 8);
        }
    }

    #[test]
    fn duplicates_are_the_same_open_file() {
        let own = i32::try_from(std::process::id()).unwrap();
        let one = open(own).unwrap();
        let two = open(own).unwrap();
        let again = duplicate(one.as_raw_fd()).unwrap();
        if let Ok(is_same) = is_same_open_file(one.as_raw_fd(), again.as_raw_fd()) {
            assert!(is_same);
            assert!(!is_same_open_file(one.as_raw_fd(), two.as_raw_fd()).unwrap());
        }
    }
}
