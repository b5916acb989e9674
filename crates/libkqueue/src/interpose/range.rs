//! A range of descriptor numbers is closed.
//!
//! Numbers of which something is known are closed one after the other, as by close(2), and what
//! lies between them at once. The range may include descriptors that a queue has made for itself
//! (a timerfd, an eventfd). On BSD there are none: a queue below the range keeps working, and one
//! within it is closed by its own number. So they are left alone; those of a queue that goes, go
//! with it.

use std::os::fd::RawFd;

use kevent::binding::each_known_number;

/// Closes `first` to `last`: one number by `close`, the others by `close_between`, which says
/// whether it could. 0, or -1 and errno.
pub(crate) fn close(
    first: u32,
    last: u32,
    close: impl Fn(RawFd),
    close_between: impl Fn(u32, u32) -> bool,
) -> i32 {
    let mut next = first;
    let mut is_done = true;
    let highest = last.min(RawFd::MAX.cast_unsigned()).cast_signed();
    // Beyond every number there is nothing to be known.
    if let Ok(lowest) = RawFd::try_from(first) {
        each_known_number(lowest..=highest, |fd, is_own| {
            let number = fd.cast_unsigned();
            if is_done && next < number {
                is_done = close_between(next, number - 1);
            }
            if is_done && !is_own {
                close(fd);
            }
            next = number + 1;
        });
    }
    if is_done && next <= last {
        is_done = close_between(next, last);
    }
    if is_done { 0 } else { -1 }
}
