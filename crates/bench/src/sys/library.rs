//! kqueue() and kevent() of a shared library, loaded at run time: ours, or the peer's.
//!
//! The library is loaded privately, so that several can be measured in one process, and stays
//! loaded until the process ends, because some leave threads and handlers behind.

use std::ffi::{CStr, CString, c_int, c_void};
use std::io;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;
use std::time::Duration;

/// `struct kevent` of the default C interface: 32 bytes, the same in both libraries.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct CKevent {
    pub(crate) ident: usize,
    pub(crate) filter: i16,
    pub(crate) flags: u16,
    pub(crate) fflags: u32,
    pub(crate) data: isize,
    pub(crate) udata: usize,
}

impl CKevent {
    /// Room for an event.
    pub(crate) const EMPTY: Self = Self {
        ident: 0,
        filter: 0,
        flags: 0,
        fflags: 0,
        data: 0,
        udata: 0,
    };
}

type KqueueFunction = unsafe extern "C" fn() -> c_int;
type CloseFunction = unsafe extern "C" fn(c_int) -> c_int;
type KeventFunction = unsafe extern "C" fn(
    c_int,
    *const CKevent,
    c_int,
    *mut CKevent,
    c_int,
    *const libc::timespec,
) -> c_int;

/// A loaded library with the C interface of kqueue(2).
pub(crate) struct Library {
    name: String,
    path: PathBuf,
    kqueue: KqueueFunction,
    kevent: KeventFunction,
    close: CloseFunction,
}

impl Library {
    /// Loads it.
    ///
    /// # Errors
    /// The loader's message: no such file, not a library for this system, or it lacks a symbol.
    pub(crate) fn open(name: &str, path: &Path) -> io::Result<Self> {
        let file = CString::new(path.as_os_str().as_bytes())?;
        // SAFETY: `file` is a string with its end; the library's constructors are trusted, as the
        // program that a user asks us to measure is.
        let handle = unsafe { libc::dlopen(file.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if handle.is_null() {
            return Err(loader_error());
        }
        let kqueue = symbol(handle, c"kqueue")?;
        let kevent = symbol(handle, c"kevent")?;
        // The library's own, if it has one, else the C library's: it may have to know.
        let close = symbol(handle, c"close")?;
        Ok(Self {
            name: name.to_owned(),
            path: path.to_owned(),
            // SAFETY: a symbol of this name in such a library has this type, by kqueue(2).
            kqueue: unsafe { std::mem::transmute::<*mut c_void, KqueueFunction>(kqueue) },
            // SAFETY: likewise by kevent(2), with the layout above.
            kevent: unsafe { std::mem::transmute::<*mut c_void, KeventFunction>(kevent) },
            // SAFETY: likewise by close(2).
            close: unsafe { std::mem::transmute::<*mut c_void, CloseFunction>(close) },
        })
    }

    /// What the table calls it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where it was loaded from.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A queue, closed by [`close`](Self::close).
    pub(crate) fn kqueue(&self) -> io::Result<RawFd> {
        // SAFETY: it takes nothing and returns a descriptor or -1.
        answer(unsafe { (self.kqueue)() })
    }

    /// One call; returns how many events were written to `eventlist`.
    pub(crate) fn kevent(
        &self,
        queue: RawFd,
        changelist: &[CKevent],
        eventlist: &mut [CKevent],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        let timeout = timeout.map(timespec);
        let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: both lists are given with their lengths, the library writes only to the second,
        // every bit pattern is a valid `CKevent`, and `timeout` lives until the call returns.
        let count = unsafe {
            (self.kevent)(
                queue,
                changelist.as_ptr(),
                length(changelist),
                eventlist.as_mut_ptr(),
                length(eventlist),
                timeout,
            )
        };
        answer(count).map(|count| usize::try_from(count).unwrap_or_default())
    }

    /// Closes a queue by the library's own close(), where it has one.
    pub(crate) fn close(&self, queue: RawFd) {
        // SAFETY: the caller owns the number, and it is a queue that this library made.
        unsafe { (self.close)(queue) };
    }
}

fn symbol(handle: *mut c_void, name: &CStr) -> io::Result<*mut c_void> {
    // SAFETY: the handle is open and `name` is a string with its end.
    let address = unsafe { libc::dlsym(handle, name.as_ptr()) };
    if address.is_null() {
        return Err(loader_error());
    }
    Ok(address)
}

fn loader_error() -> io::Error {
    // SAFETY: dlerror takes nothing and returns a string of its own, or null.
    let message = unsafe { libc::dlerror() };
    if message.is_null() {
        return io::Error::other("the loader failed and does not say why");
    }
    // SAFETY: it is a string with its end, which lives until the loader's next call.
    let message = unsafe { CStr::from_ptr(message) };
    io::Error::other(message.to_string_lossy().into_owned())
}

fn answer(code: c_int) -> io::Result<c_int> {
    if code < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(code)
    }
}

fn length(list: &[CKevent]) -> c_int {
    c_int::try_from(list.len()).unwrap_or(c_int::MAX)
}

fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: libc::time_t::try_from(duration.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}
