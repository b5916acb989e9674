//! Whether the program's calls of the C library come to this library first.
//!
//! They do where the program itself is linked to it, and with `LD_PRELOAD`. They do not where only
//! another library needs it (the C library then comes first in the search order), and where it
//! was loaded by dlopen(3) later.

use std::ffi::{CStr, c_void};
use std::mem::MaybeUninit;
use std::ptr;

/// Anything of ours.
static HERE: u8 = 0;

/// Whether the function that the program finds by this name belongs to this library. Not in a
/// signal handler.
pub(crate) fn is_ours(name: &CStr) -> bool {
    // SAFETY: the name ends with 0.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    // Nothing is found in a program without dynamic linking: there is but one of each.
    found.is_null() || object_of(found) == object_of((&raw const HERE).cast())
}

/// The address at which the object with this address is loaded.
fn object_of(address: *const c_void) -> *mut c_void {
    let mut info = MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: the place is valid for the call; any address may be asked for.
    if unsafe { libc::dladdr(address, info.as_mut_ptr()) } == 0 {
        return ptr::null_mut();
    }
    // SAFETY: filled, as the result says.
    unsafe { info.assume_init() }.dli_fbase
}
