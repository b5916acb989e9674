//! The exported functions, found as the dynamic loader finds them: the only unsafe code here.
#![expect(unsafe_code, reason = "C functions are called here and nowhere else")]

use std::ffi::{CStr, c_int, c_uint, c_void};
use std::io;
use std::mem::transmute;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

/// kqueuex(2): a copy of the queue in a forked child.
pub(super) const KQUEUE_CPONFORK: c_uint = 2;

type Kqueue1 = unsafe extern "C" fn(c_int) -> c_int;
type Kqueuex = unsafe extern "C" fn(c_uint) -> c_int;
type KeventOf = unsafe extern "C-unwind" fn(
    c_int,
    *const c_void,
    c_int,
    *mut c_void,
    c_int,
    *const libc::timespec,
) -> c_int;

/// The library's functions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Functions {
    kqueue1: Kqueue1,
    kqueuex: Kqueuex,
    kevent: KeventOf,
}

impl Functions {
    /// The functions of the loaded library, with the kevent(2) of this name; `None` if it is not
    /// loaded.
    pub(super) fn find(kevent: &CStr) -> Option<Self> {
        let kqueue1 = symbol(c"kqueue1")?;
        let kqueuex = symbol(c"kqueuex")?;
        let kevent = symbol(kevent)?;
        Some(Self {
            // SAFETY: `<sys/event.h>` declares it with this type.
            kqueue1: unsafe { transmute::<*mut c_void, Kqueue1>(kqueue1) },
            // SAFETY: as above.
            kqueuex: unsafe { transmute::<*mut c_void, Kqueuex>(kqueuex) },
            // SAFETY: as above; the pointers' type is the layout that the name stands for.
            kevent: unsafe { transmute::<*mut c_void, KeventOf>(kevent) },
        })
    }

    pub(super) fn kqueue1(&self, flags: c_int) -> io::Result<OwnedFd> {
        // SAFETY: takes no pointer.
        own(unsafe { (self.kqueue1)(flags) })
    }

    pub(super) fn kqueuex(&self, flags: c_uint) -> io::Result<OwnedFd> {
        // SAFETY: takes no pointer.
        own(unsafe { (self.kqueuex)(flags) })
    }

    /// kevent(2) with arrays of `L`, which is the layout that belongs to the name found.
    pub(super) fn kevent<L: super::Layout>(
        &self,
        kq: RawFd,
        changelist: &[L],
        eventlist: &mut [L],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        let timeout = timeout.map(|timeout| libc::timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let counts = (count(changelist.len()), count(eventlist.len()));
        // SAFETY: the arrays are as long as said and outlive the call, as does the time.
        let result = unsafe {
            (self.kevent)(
                kq,
                changelist.as_ptr().cast(),
                counts.0,
                eventlist.as_mut_ptr().cast(),
                counts.1,
                timeout.as_ref().map_or(ptr::null(), ptr::from_ref),
            )
        };
        usize::try_from(result).map_err(|_| io::Error::last_os_error())
    }
}

/// close(2), as a C program calls it.
pub(super) fn close(fd: RawFd) {
    // SAFETY: takes no pointer; the number is the caller's.
    unsafe { libc::close(fd) };
}

/// The number as a descriptor. It is one until the queue is closed.
pub(super) fn borrow<'a>(fd: RawFd) -> BorrowedFd<'a> {
    // SAFETY: the queue's owner borrows it no longer than it keeps the number; after an explicit
    // close nothing is done with it but to see it refused.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

fn symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: the name is a C string; RTLD_DEFAULT is a handle.
    let symbol = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!symbol.is_null()).then_some(symbol)
}

fn own(fd: c_int) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has just made this descriptor; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn count(length: usize) -> c_int {
    c_int::try_from(length).expect("an int")
}
