//! Descriptor numbers that are given away and taken back.

use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd, RawFd};

use kevent::Kqueue;

/// close(2) itself, by number; a call of the program's is not at hand here.
pub(crate) fn close(fd: RawFd) {
    // SAFETY: takes no pointer; the caller owns the number.
    unsafe { libc::syscall(libc::SYS_close, fd) };
}

/// The queue goes by another of its numbers. Its old one is its caller's from now on.
pub(crate) fn move_queue(queue: &Kqueue, number: RawFd) {
    // SAFETY: the number is a duplicate that the program made of the queue's, and is the queue's
    // from now on: the program's close of it comes to this library.
    let number = unsafe { OwnedFd::from_raw_fd(number) };
    let _ = queue.move_to(number).into_raw_fd();
}

/// The queue's number is another file: it gets one that means nothing.
pub(crate) fn move_queue_away(queue: &Kqueue) {
    // SAFETY: takes no pointer.
    let number = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) };
    if number >= 0 {
        move_queue(queue, number);
    }
}

/// The number is closed by execve(2), as every queue is.
pub(crate) fn close_on_exec(fd: RawFd) {
    // SAFETY: takes no pointer.
    unsafe { libc::syscall(libc::SYS_fcntl, fd, libc::F_SETFD, libc::FD_CLOEXEC) };
}

/// kcmp(2): whether two numbers are one open file. False where the call is not to be had.
pub(crate) fn is_same_file(one: RawFd, other: RawFd) -> bool {
    const KCMP_FILE: libc::c_int = 0;
    let process = std::process::id();
    // SAFETY: takes no pointer.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, process, process, KCMP_FILE, one, other) };
    order == 0
}

/// Whether the number is an open descriptor.
pub(crate) fn is_open(fd: RawFd) -> bool {
    // SAFETY: takes no pointer.
    let flags = unsafe { libc::syscall(libc::SYS_fcntl, fd, libc::F_GETFD) };
    flags >= 0
}
