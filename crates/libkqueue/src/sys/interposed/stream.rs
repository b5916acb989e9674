//! fclose(3) and others that close a descriptor within the C library, where no close(2) of the
//! program is seen. A stream of a number that nobody watches is none of ours.
//!
//! freopen(3) is not among them: a static program could not reach the original. What it replaces
//! is found out as any close behind the queue's back (`docs/differences.md`).

use std::ffi::c_int;
use std::mem::transmute;

use libc::{DIR, FILE};

use crate::interpose::{self, descriptor};
use crate::sys::real::Real;
use crate::sys::{cancel, errno};

static FCLOSE: Real = Real::new(c"fclose");
static PCLOSE: Real = Real::new(c"pclose");
static CLOSEDIR: Real = Real::new(c"closedir");

pub(super) fn find_all() {
    for real in [&FCLOSE, &PCLOSE, &CLOSEDIR] {
        real.find();
    }
}

/// fclose(3).
///
/// # Safety
/// As fclose(3).
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn fclose(stream: *mut FILE) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { close_stream(&FCLOSE, stream) }
}

/// pclose(3).
///
/// # Safety
/// As pclose(3).
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn pclose(stream: *mut FILE) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { close_stream(&PCLOSE, stream) }
}

/// # Safety
/// The stream is open.
#[inline]
unsafe fn close_stream(real: &'static Real, stream: *mut FILE) -> c_int {
    let fd = if interpose::is_on() && !stream.is_null() {
        // SAFETY: the caller's promise. A stream without a descriptor has number -1.
        errno::keep(|| unsafe { libc::fileno(stream) })
    } else {
        -1
    };
    if !descriptor::is_known(fd) {
        // SAFETY: the caller's promise.
        return unsafe { real_close_stream(real, stream) };
    }
    // Nor is it left half-way where it waits to write.
    let before = cancel::disable();
    let result = descriptor::closes_within(fd, || {
        // SAFETY: the caller's promise.
        unsafe { real_close_stream(real, stream) }
    });
    cancel::restore(before);
    result
}

/// # Safety
/// As fclose(3).
unsafe fn real_close_stream(real: &'static Real, stream: *mut FILE) -> c_int {
    type Close = unsafe extern "C-unwind" fn(*mut FILE) -> c_int;
    let address = real.address_or_find();
    #[cfg(target_env = "gnu")]
    if address.is_null() {
        unsafe extern "C-unwind" {
            // Both functions by another name, also where the program is static.
            fn _IO_fclose(stream: *mut FILE) -> c_int;
        }
        // SAFETY: the caller's promise.
        return unsafe { _IO_fclose(stream) };
    }
    if address.is_null() {
        errno::set(libc::ENOSYS);
        return -1;
    }
    // SAFETY: the address is that of the C library's function, which has this type.
    let close: Close = unsafe { transmute(address) };
    // SAFETY: the caller's promise.
    unsafe { close(stream) }
}

/// closedir(3).
///
/// # Safety
/// As closedir(3).
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn closedir(directory: *mut DIR) -> c_int {
    let fd = if interpose::is_on() && !directory.is_null() {
        // SAFETY: the caller's promise.
        unsafe { libc::dirfd(directory) }
    } else {
        -1
    };
    if !descriptor::is_known(fd) {
        // SAFETY: the caller's promise.
        return unsafe { real_closedir(directory) };
    }
    let before = cancel::disable();
    let result = descriptor::closes_within(fd, || {
        // SAFETY: the caller's promise.
        unsafe { real_closedir(directory) }
    });
    cancel::restore(before);
    result
}

/// # Safety
/// As closedir(3).
unsafe fn real_closedir(directory: *mut DIR) -> c_int {
    type Close = unsafe extern "C-unwind" fn(*mut DIR) -> c_int;
    let address = CLOSEDIR.address_or_find();
    if !address.is_null() {
        // SAFETY: the address is that of the C library's closedir, which has this type.
        let closedir: Close = unsafe { transmute(address) };
        // SAFETY: the caller's promise.
        return unsafe { closedir(directory) };
    }
    if directory.is_null() {
        errno::set(libc::EINVAL);
        return -1;
    }
    // A static program: this is what glibc's and musl's do.
    // SAFETY: the caller's promise.
    let fd = unsafe { libc::dirfd(directory) };
    // SAFETY: both C libraries allocate a DIR as a whole by malloc(3).
    unsafe { libc::free(directory.cast()) };
    // SAFETY: takes no pointer; the number was the directory's.
    let result = unsafe { libc::syscall(libc::SYS_close, fd) };
    c_int::try_from(result).unwrap_or(-1)
}
