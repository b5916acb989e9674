//! inotify(7), on files known by descriptor number.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use super::check;

/// What one event says: the watch it belongs to, and what happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notice {
    /// The watch; -1 when the kernel's queue overflowed.
    pub(crate) watch: i32,
    /// `IN_` bits.
    pub(crate) mask: u32,
}

/// `IN_MODIFY`.
pub(crate) const MODIFY: u32 = libc::IN_MODIFY;
/// `IN_Q_OVERFLOW`.
pub(crate) const OVERFLOW: u32 = libc::IN_Q_OVERFLOW;
/// `IN_IGNORED`: the watch is gone.
pub(crate) const IGNORED: u32 = libc::IN_IGNORED;

/// inotify_init1(2), close-on-exec and non-blocking.
pub(crate) fn create() -> io::Result<OwnedFd> {
    // SAFETY: takes no pointer.
    let fd = check(unsafe { libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK) })?;
    // SAFETY: the call has just made this descriptor; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// inotify_add_watch(2) on the file behind a descriptor number; adds to an existing mask.
pub(crate) fn watch(inotify: BorrowedFd<'_>, fd: RawFd, mask: u32) -> io::Result<i32> {
    let path = CString::new(format!("/proc/self/fd/{fd}"))?;
    let mask = mask | libc::IN_MASK_ADD;
    // SAFETY: `path` is a C string that outlives the call.
    check(unsafe { libc::inotify_add_watch(inotify.as_raw_fd(), path.as_ptr(), mask) })
}

/// inotify_rm_watch(2).
pub(crate) fn unwatch(inotify: BorrowedFd<'_>, watch: i32) -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { libc::inotify_rm_watch(inotify.as_raw_fd(), watch) }).map(drop)
}

/// Reads what is there, one buffer full, and hands each notice on. Whether anything was read.
pub(crate) fn read(inotify: BorrowedFd<'_>, mut each: impl FnMut(Notice)) -> io::Result<bool> {
    let mut buffer = [0_u8; 4096];
    // SAFETY: the buffer is valid for its length.
    let count = unsafe {
        libc::read(
            inotify.as_raw_fd(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
        )
    };
    let Ok(count) = usize::try_from(count) else {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::WouldBlock {
            Ok(false)
        } else {
            Err(error)
        };
    };
    let mut rest = buffer.get(..count).unwrap_or(&[]);
    // struct inotify_event: wd, mask, cookie, len (four bytes each), then len bytes of name.
    while let Some((head, tail)) = rest.split_first_chunk::<16>() {
        let [w0, w1, w2, w3, m0, m1, m2, m3, _, _, _, _, l0, l1, l2, l3] = *head;
        each(Notice {
            watch: i32::from_ne_bytes([w0, w1, w2, w3]),
            mask: u32::from_ne_bytes([m0, m1, m2, m3]),
        });
        let name_len = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3])).unwrap_or(0);
        rest = tail.get(name_len..).unwrap_or(&[]);
    }
    Ok(count > 0)
}
