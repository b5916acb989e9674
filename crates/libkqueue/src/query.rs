//! Questions to the library itself: `EVFILT_LIBKQUEUE`, answered in the call that asks.

use kevent::{Flags, Kevent};

use crate::abi::constants::{
    NOTE_DEBUG, NOTE_DEBUG_FUNC, NOTE_DEBUG_PREFIX, NOTE_FILE_POLL_INTERVAL, NOTE_FORK_CLEANUP,
    NOTE_THREAD_SAFE, NOTE_VERSION, NOTE_VERSION_STR,
};
use crate::{sys, trace};

/// The version as a C string.
const VERSION_STRING: &std::ffi::CStr = match std::ffi::CStr::from_bytes_with_nul(
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes(),
) {
    Ok(string) => string,
    Err(_) => c"",
};

/// The version packed as the other library packs it: MMmmpprr, major, minor, patch, candidate.
fn version() -> i64 {
    let number = |text: &str| text.parse::<i64>().unwrap_or(0) & 0xff;
    let (major, minor, patch) = (
        number(env!("CARGO_PKG_VERSION_MAJOR")),
        number(env!("CARGO_PKG_VERSION_MINOR")),
        number(env!("CARGO_PKG_VERSION_PATCH")),
    );
    (major << 24) | (minor << 16) | (patch << 8)
}

/// Answers a question; with nothing where it was an order and no receipt was asked for. What is to
/// be set stands in `data`, and the receipt has what it was before; but the prefix, which is
/// copied.
///
/// # Errors
/// `ENOSYS`: files are never polled here. `EINVAL`: an unknown question.
pub(crate) fn answer(question: &Kevent) -> Result<Option<Kevent>, i32> {
    let mut answer = *question;
    let mut is_answered = question.flags.contains(Flags::RECEIPT);
    match question.fflags {
        NOTE_VERSION => {
            answer.data = version();
            is_answered = true;
        }
        NOTE_VERSION_STR => {
            answer.udata = VERSION_STRING.as_ptr() as usize;
            is_answered = true;
        }
        // Always; there is nothing to switch off.
        NOTE_THREAD_SAFE | NOTE_FORK_CLEANUP => answer.data = 1,
        NOTE_DEBUG => answer.data = i64::from(trace::set_on(question.data > 0)),
        NOTE_DEBUG_PREFIX => trace::set_prefix(sys::string::at(question.data)),
        NOTE_DEBUG_FUNC => answer.data = trace::set_printer(question.data),
        NOTE_FILE_POLL_INTERVAL => return Err(libc::ENOSYS),
        _ => return Err(libc::EINVAL),
    }
    Ok(is_answered.then_some(answer))
}
