//! What can be asked of a bare descriptor number, and entries of an epoll set by number.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use super::force;

/// An open file of ours whose number may change, because the program closes that one and keeps a
/// duplicate.
#[derive(Debug)]
pub(crate) struct Movable {
    number: AtomicI32,
    /// The number that somebody else closes, or -1.
    given_up: AtomicI32,
}

impl Movable {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self {
            number: AtomicI32::new(fd.into_raw_fd()),
            given_up: AtomicI32::new(-1),
        }
    }

    /// The number it has now is closed by somebody else, after it is dropped.
    pub(crate) fn give_up(&self) {
        let number = self.number.load(Ordering::Acquire);
        self.given_up.store(number, Ordering::Release);
    }

    /// Goes by another number of the same open file from now on. Both are ours until this
    /// returns; the old one, which is returned, is then the caller's to close.
    pub(crate) fn move_to(&self, number: OwnedFd) -> OwnedFd {
        let old = self.number.swap(number.into_raw_fd(), Ordering::AcqRel);
        // SAFETY: the number was ours, and after the swap nothing here names it.
        unsafe { OwnedFd::from_raw_fd(old) }
    }
}

impl AsFd for Movable {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the number is open as long as `self` goes by it. Who has it moved closes the old
        // number only when no call that may have read it is still under way.
        unsafe { BorrowedFd::borrow_raw(self.number.load(Ordering::Acquire)) }
    }
}

impl Drop for Movable {
    fn drop(&mut self) {
        let number = *self.number.get_mut();
        if number == *self.given_up.get_mut() {
            return;
        }
        // By the system call: in the C library a close(3) of a queue's number is the program's.
        // SAFETY: the number is ours, and nobody can name it through `self` any more.
        unsafe { libc::syscall(libc::SYS_close, number) };
    }
}

/// dup3(2): makes `number` another name of `file`; whatever it was before is closed.
///
/// The caller owns `number`.
pub(crate) fn replace(number: BorrowedFd<'_>, file: BorrowedFd<'_>) -> io::Result<()> {
    let (file, number) = (file.as_raw_fd(), number.as_raw_fd());
    // By the system call: in the C library a dup3(2) over a queue's number is the program's, and
    // closes the queue.
    // SAFETY: takes no pointer; both numbers are open, and the target stays open throughout.
    match unsafe { libc::syscall(libc::SYS_dup3, file, number, libc::O_CLOEXEC) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Removes the entry of an epoll set that watches `file` under `number`, whatever that number is
/// in this process.
///
/// epoll_ctl(2) names an entry by a number that is the file, and this process's number may be
/// another file, or become one at any moment. So a child does it, which has a copy of the
/// descriptors, in which `number` can be made the file without anybody noticing. Who watches this
/// process for forks sees one.
pub(crate) fn unwatch_in_a_copy(set: BorrowedFd<'_>, number: RawFd, file: RawFd) -> bool {
    let blocked = block_signals();
    // By the system call: no handler that the program has for fork(3) is to run. The child's end
    // sends no signal, so no wait(2) of the program's sees it.
    // SAFETY: without flags and a stack this is fork(2): the child has a copy of everything, and
    // makes system calls only until it ends.
    let child = unsafe { libc::syscall(libc::SYS_clone, 0, 0, 0, 0, 0) };
    if child == 0 {
        let code = unwatch(set.as_raw_fd(), number, file);
        // SAFETY: ends the child, and nothing else of it is run.
        unsafe { libc::syscall(libc::SYS_exit_group, code) };
    }
    let mut status = -1;
    if child > 0 {
        // SAFETY: `status` is valid for the call.
        let reaped = unsafe {
            libc::syscall(
                libc::SYS_wait4,
                child,
                &raw mut status,
                libc::__WALL,
                std::ptr::null_mut::<libc::c_void>(),
            )
        };
        if reaped != child {
            status = -1;
        }
    }
    unblock_signals(&blocked);
    status == 0
}

/// In the child: 0 if the entry is gone. The C functions of these names may be the program's own.
fn unwatch(set: RawFd, number: RawFd, file: RawFd) -> libc::c_int {
    // SAFETY: takes no pointer; the descriptors are the child's own copies.
    let moved = unsafe { libc::syscall(libc::SYS_dup3, file, number, libc::O_CLOEXEC) };
    if moved < 0 {
        return 1;
    }
    let mut event = libc::epoll_event { events: 0, u64: 0 };
    // SAFETY: `event` is valid for the call.
    let deleted = unsafe {
        libc::syscall(
            libc::SYS_epoll_ctl,
            set,
            libc::EPOLL_CTL_DEL,
            number,
            &raw mut event,
        )
    };
    libc::c_int::from(deleted < 0)
}

fn block_signals() -> libc::sigset_t {
    let mut all = MaybeUninit::zeroed();
    // SAFETY: sigfillset(3) initialises the set it is given.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    let mut before = MaybeUninit::zeroed();
    // SAFETY: both sets are valid for the call.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) };
    // SAFETY: all zeros is an empty set, and the call wrote the mask into it.
    unsafe { before.assume_init() }
}

fn unblock_signals(before: &libc::sigset_t) {
    // SAFETY: the mask that was in force.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, std::ptr::null_mut()) };
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
