//! A descriptor number is closed, duplicated, or becomes another file.

use std::ffi::c_int;
use std::os::fd::RawFd;

use kevent::binding::{Closing, Watcher, announce_close, announce_unwatched, is_own, watcher};

use super::queue;
use crate::seat;
use crate::sys::{self, errno};
use crate::trace;

/// Closes a number by `real`, and takes its knotes along. Takes no lock, allocates nothing, keeps
/// errno, but for a queue's number (`queue::close`).
#[inline]
pub(crate) fn close(fd: RawFd, real: impl FnOnce(RawFd) -> c_int) -> c_int {
    match announce_unwatched(fd) {
        Some(closing) => {
            let result = real(fd);
            closing.end();
            result
        }
        None => close_known(fd, real),
    }
}

#[cold]
fn close_known(fd: RawFd, real: impl FnOnce(RawFd) -> c_int) -> c_int {
    if !sys::fork::is_ours() {
        return real(fd);
    }
    if is_own(fd) {
        // To the program this number is not open. It may be closing all that there are.
        return not_open();
    }
    if let Some(pin) = seat::enter(fd) {
        let closing = announce(fd);
        let is_closed = errno::keep(|| queue::close(&pin));
        errno::keep(|| drop(pin));
        closing.end();
        return if is_closed { 0 } else { not_open() };
    }
    if seat::is_closing(fd) {
        return not_open();
    }
    let closing = announce(fd);
    let result = real(fd);
    closing.end();
    result
}

/// Whether a close of this number concerns a queue.
pub(crate) fn is_known(fd: RawFd) -> bool {
    fd >= 0 && (watcher(fd) != Watcher::Nobody || seat::is_taken(fd))
}

/// A close that the C library does by itself (fclose(3)), within `real`.
pub(crate) fn closes_within<R>(fd: RawFd, real: impl FnOnce() -> R) -> R {
    let closing = errno::keep(|| begin_replacement(fd));
    let result = real();
    if let Some(closing) = closing {
        closing.end();
    }
    result
}

/// `new` becomes another name of the file `old`, by `real`: what watched it before does so no
/// longer, and a queue by that name is closed.
pub(crate) fn replace(old: RawFd, new: RawFd, real: impl FnOnce() -> c_int) -> c_int {
    let closing = match announce_unwatched(new) {
        Some(closing) => Some(closing),
        // It fails: nothing is closed.
        None if !sys::number::is_open(old) => return real(),
        None if is_own(new) && sys::fork::is_ours() => {
            // The queue needs it, and the program could not know.
            errno::set(libc::EBUSY);
            return -1;
        }
        None => errno::keep(|| begin_replacement(new)),
    };
    let result = duplicate(old, real);
    if let Some(closing) = closing {
        closing.end();
    }
    result
}

/// A known number is about to be another file, or none.
fn begin_replacement(fd: RawFd) -> Option<Closing> {
    if !is_known(fd) || !sys::fork::is_ours() {
        return None;
    }
    let closing = announce(fd);
    if let Some(pin) = seat::enter(fd) {
        queue::lose(&pin, false);
        pin.await_solitude();
    }
    Some(closing)
}

/// A number is made another name of the file `old`, by `real`. If that is a queue, so is the new
/// number, and it is closed by execve(2).
#[inline]
pub(crate) fn duplicate(old: RawFd, real: impl FnOnce() -> c_int) -> c_int {
    match seat::enter(old) {
        None => real(),
        Some(pin) => duplicate_queue(&pin, real),
    }
}

#[cold]
fn duplicate_queue(pin: &seat::Pin, real: impl FnOnce() -> c_int) -> c_int {
    let new = real();
    if new >= 0 && sys::fork::is_ours() {
        errno::keep(|| {
            sys::number::close_on_exec(new);
            queue::duplicated(pin, new);
        });
    }
    new
}

/// Announces that a number of this process is about to be closed, and takes it out of the queues
/// that watch it. Keeps errno.
fn announce(fd: RawFd) -> Closing {
    let closing = announce_close(fd);
    if trace::is_on() && closing.watcher != Watcher::Nobody {
        trace::number_closes(fd, closing.watcher);
    }
    errno::keep(|| match closing.watcher {
        Watcher::Nobody => {}
        Watcher::One(queue) => {
            if let Some(pin) = seat::enter(queue) {
                tell(&pin, fd);
            }
        }
        Watcher::Any => seat::each(|pin| tell(pin, fd)),
    });
    closing
}

fn tell(pin: &seat::Pin, fd: RawFd) {
    if let Some(shared) = pin.shared() {
        shared.queue.number_closes(fd);
    }
}

fn not_open() -> c_int {
    errno::set(libc::EBADF);
    -1
}
