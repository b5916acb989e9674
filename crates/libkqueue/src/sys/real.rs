//! The C library's own functions behind the ones of the same name here.
//!
//! They are looked up once, when the library is loaded. Where that has not happened yet, or there
//! is nothing to be found (a static program), the system call is made directly.

use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// A function to be found.
#[derive(Debug)]
pub(crate) struct Real {
    name: &'static CStr,
    found: AtomicPtr<c_void>,
    is_libc: AtomicBool,
    /// It was looked up, perhaps in vain.
    is_looked_up: AtomicBool,
}

impl Real {
    pub(crate) const fn new(name: &'static CStr) -> Self {
        Self {
            name,
            found: AtomicPtr::new(ptr::null_mut()),
            is_libc: AtomicBool::new(false),
            is_looked_up: AtomicBool::new(false),
        }
    }

    /// Its address, or null.
    #[inline]
    pub(crate) fn address(&self) -> *mut c_void {
        self.found.load(Ordering::Acquire)
    }

    /// Its address, looked up if need be, or null. Not in a signal handler.
    pub(crate) fn address_or_find(&self) -> *mut c_void {
        if !self.is_looked_up.load(Ordering::Acquire) {
            self.find();
        }
        self.address()
    }

    /// Whether the C library's own follows at once, no other library's that wants to see the call.
    #[inline]
    pub(crate) fn is_libc(&self) -> bool {
        self.is_libc.load(Ordering::Relaxed)
    }

    /// Looks it up. Not in a signal handler.
    pub(crate) fn find(&self) {
        // SAFETY: the name ends with 0; RTLD_NEXT asks for the definition after ours.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        self.found.store(found, Ordering::Release);
        self.is_looked_up.store(true, Ordering::Release);
        // glibc has each system call by two names; whoever stands in front has one of them.
        let mut underscored = [b'_'; 16];
        let name = self.name.to_bytes_with_nul();
        let Some(room) = underscored.get_mut(2..2 + name.len()) else {
            return;
        };
        room.copy_from_slice(name);
        // SAFETY: the name ends with 0.
        let other = unsafe { libc::dlsym(libc::RTLD_NEXT, underscored.as_ptr().cast()) };
        let is_libc = !found.is_null() && found == other;
        self.is_libc.store(is_libc, Ordering::Release);
    }
}

/// An array of functions to call at load time: the linker's convention of ELF.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_LOAD: extern "C" fn() = at_load;

extern "C" fn at_load() {
    super::interposed::find_all();
    super::kevent::find_all();
    super::fork::watch();
    let _ = crate::interpose::is_on();
    let _ = crate::trace::is_on();
}
