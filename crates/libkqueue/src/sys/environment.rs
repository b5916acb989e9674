//! The environment, read without a lock or an allocation: the first look may be in a signal
//! handler.

use std::ffi::{CStr, c_char};

/// Whether the variable has this value.
pub(crate) fn is(name: &CStr, value: &str) -> bool {
    get(name).is_some_and(|found| found == value.as_bytes())
}

/// The variable's value.
pub(crate) fn get(name: &CStr) -> Option<&'static [u8]> {
    // SAFETY: the name ends with 0. A program that changes its environment while its first queue
    // is made races with every reader of it.
    let value = unsafe { libc::getenv(name.as_ptr()) };
    if value.is_null() {
        return None;
    }
    // SAFETY: a value of the environment ends with 0.
    Some(unsafe { CStr::from_ptr(value) }.to_bytes())
}

/// All of it, as execve(2) takes it.
pub(crate) fn all() -> *const *const c_char {
    unsafe extern "C" {
        static environ: *const *const c_char;
    }
    // SAFETY: the C library's variable, which holds a pointer at all times.
    unsafe { environ }
}
