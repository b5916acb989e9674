//! What a question of `EVFILT_LIBKQUEUE` carries as a bare pointer.

use std::ffi::{CStr, c_char};

/// A function that prints a line of the trace, as the program gave it: like printf(3) with one
/// string.
pub(crate) type Printer = unsafe extern "C" fn(*const c_char, ...);

/// The string that the program says is there; `None` for NULL.
pub(crate) fn at(address: i64) -> Option<&'static [u8]> {
    let pointer = address as *const c_char;
    if pointer.is_null() {
        return None;
    }
    // SAFETY: the program promises a string that ends with 0 and outlives the call, by asking for
    // this; nobody keeps it longer.
    Some(unsafe { CStr::from_ptr(pointer) }.to_bytes())
}

/// The function that the program says is there; `None` for NULL.
pub(crate) fn printer_at(address: i64) -> Option<Printer> {
    let pointer = address as *const ();
    // SAFETY: NULL is `None`; the program promises that anything else is such a function.
    unsafe { std::mem::transmute::<*const (), Option<Printer>>(pointer) }
}
