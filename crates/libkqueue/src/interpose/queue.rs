//! A queue's number is closed or duplicated.

use std::os::fd::{AsRawFd, RawFd};

use crate::seat::{self, Pin};
use crate::{sys, trace};

/// Closes a queue's number: with its last number a queue goes, and whoever waits in it returns
/// `EBADF`. The number itself is given back by the last one to leave. False where another thread
/// was faster.
///
/// Where the queue has one number, and somebody is inside it, this takes no lock and allocates
/// nothing: a signal handler may do so, and what it has interrupted does the rest.
pub(crate) fn close(pin: &Pin) -> bool {
    let is_closed = pin.close_seat();
    if is_closed {
        if trace::is_on() {
            trace::queue_closes(pin.number());
        }
        leave(pin, pin.is_shared());
    }
    is_closed
}

/// The number is about to be another file's, or is already (`is_gone`): then nobody can be woken by
/// it.
pub(crate) fn lose(pin: &Pin, is_gone: bool) {
    if !pin.lose_seat() {
        return;
    }
    if is_gone && trace::is_on() {
        trace::queue_was_closed(pin.number());
    }
    leave(pin, !is_gone && pin.is_shared());
    if let Some(shared) = pin.shared()
        && shared.queue.as_raw_fd() == pin.number()
    {
        sys::number::move_queue_away(&shared.queue);
    }
}

/// The queue goes by this number no longer.
fn leave(pin: &Pin, is_awaited: bool) {
    let Some(shared) = pin.shared() else { return };
    let fd = pin.number();
    let mut numbers = shared.numbers();
    numbers.retain(|&number| number != fd);
    match numbers.first() {
        None => shared.queue.condemn(is_awaited),
        Some(&other) if shared.queue.as_raw_fd() == fd => {
            sys::number::move_queue(&shared.queue, other);
        }
        Some(_) => {}
    }
}

/// A queue's number was duplicated.
pub(crate) fn duplicated(pin: &Pin, duplicate: RawFd) {
    if let Some(shared) = pin.share() {
        seat::take_duplicate(duplicate, shared);
    }
}
