//! What a line of the trace is made of and where it goes: all but the program's own function is
//! async-signal-safe, and none is a point where a thread is cancelled.

use std::ffi::CStr;

use super::string::Printer;

/// Writes the line to stderr: by one write(2), unless it is taken in parts. Changes errno.
///
/// What cannot be written is lost, as with any program's messages.
pub(crate) fn to_stderr(mut line: &[u8]) {
    while !line.is_empty() {
        // By number, because write(3) is a point where a thread is cancelled.
        // SAFETY: the pointer and the length are the slice's.
        let count = unsafe {
            libc::syscall(
                libc::SYS_write,
                libc::STDERR_FILENO,
                line.as_ptr(),
                line.len(),
            )
        };
        match usize::try_from(count) {
            Ok(count) if count > 0 => line = line.get(count..).unwrap_or_default(),
            Err(_) if super::errno::get() == libc::EINTR => {}
            _ => return,
        }
    }
}

/// Hands the line to the program's function.
pub(crate) fn by_printer(printer: Printer, line: &CStr) {
    // SAFETY: the program gave it as a function like printf(3); the arguments fit the format.
    unsafe { printer(c"%s\n".as_ptr(), line.as_ptr()) };
}

/// The monotonic clock in nanoseconds.
pub(crate) fn now() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the time is valid for the call.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// The numbers of this process and thread.
pub(crate) fn process_and_thread() -> (libc::c_long, libc::c_long) {
    // By number, as in a child of a raw clone(2) a libc may remember the parent's.
    // SAFETY: takes no argument.
    let process = unsafe { libc::syscall(libc::SYS_getpid) };
    // SAFETY: takes no argument.
    let thread = unsafe { libc::syscall(libc::SYS_gettid) };
    (process, thread)
}
