//! inotify(7), on files known by descriptor number. Looking a file up by way of `/proc` opens
//! nothing, so that a watch does not see itself being made.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use super::check;

/// What one event says: the watch it belongs to, and what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// The watch; -1 when the kernel's queue overflowed.
    pub(crate) watch: i32,
    /// `IN_` bits.
    pub(crate) mask: u32,
    /// The same in the two halves of a rename.
    pub(crate) cookie: u32,
    /// It is about a name in the watched directory, not about the watched file itself.
    pub(crate) is_named: bool,
}

/// What to watch, by a descriptor number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The file itself.
    File(RawFd),
    /// The directory that holds the directory with this number.
    Parent(RawFd),
}

/// What becomes of the mask of a file that is watched already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mask {
    /// It gains these bits.
    Widen(u32),
    /// It becomes this.
    Replace(u32),
}

/// inotify_init1(2), close-on-exec and non-blocking.
pub(crate) fn create() -> io::Result<OwnedFd> {
    // SAFETY: takes no pointer.
    let fd = check(unsafe { libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK) })?;
    // SAFETY: the call has just made this descriptor; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// inotify_add_watch(2) on a file known by a descriptor number.
pub(crate) fn watch(inotify: BorrowedFd<'_>, place: Place, mask: Mask) -> io::Result<i32> {
    let path = CString::new(match place {
        Place::File(fd) => format!("/proc/self/fd/{fd}"),
        Place::Parent(fd) => format!("/proc/self/fd/{fd}/.."),
    })?;
    let mask = match mask {
        Mask::Widen(bits) => bits | libc::IN_MASK_ADD,
        Mask::Replace(bits) => bits,
    };
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
        let [
            w0,
            w1,
            w2,
            w3,
            m0,
            m1,
            m2,
            m3,
            c0,
            c1,
            c2,
            c3,
            l0,
            l1,
            l2,
            l3,
        ] = *head;
        let name_len = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3])).unwrap_or(0);
        each(Notice {
            watch: i32::from_ne_bytes([w0, w1, w2, w3]),
            mask: u32::from_ne_bytes([m0, m1, m2, m3]),
            cookie: u32::from_ne_bytes([c0, c1, c2, c3]),
            is_named: name_len > 0,
        });
        rest = tail.get(name_len..).unwrap_or(&[]);
    }
    Ok(count > 0)
}
