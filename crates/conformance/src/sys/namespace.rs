//! Namespaces of a case's own, and what root can do there: mounts and network interfaces.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("a path without zero bytes")
}

/// Gives this thread a mount namespace of its own, whose changes nobody else sees.
///
/// # Errors
/// As unshare(2).
pub fn own_mounts() -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
    let flags = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: the target is a C string; this kind of mount takes nothing else.
    check(unsafe { libc::mount(ptr::null(), c"/".as_ptr(), ptr::null(), flags, ptr::null()) })
        .map(drop)
}

/// Mounts a tmpfs.
///
/// # Errors
/// As mount(2).
pub fn mount_tmpfs(at: &Path) -> io::Result<()> {
    let (at, kind) = (c_path(at), c"tmpfs".as_ptr());
    // SAFETY: three C strings that live through the call, and no data.
    check(unsafe { libc::mount(kind, at.as_ptr(), kind, 0, ptr::null()) }).map(drop)
}

/// Unmounts what is mounted there.
///
/// # Errors
/// As umount(2).
pub fn unmount(at: &Path) -> io::Result<()> {
    let at = c_path(at);
    // SAFETY: a C string that lives through the call.
    check(unsafe { libc::umount(at.as_ptr()) }).map(drop)
}

/// Gives this thread a network namespace of its own, with a loopback interface that is down.
///
/// # Errors
/// As unshare(2).
pub fn own_network() -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { libc::unshare(libc::CLONE_NEWNET) }).map(drop)
}

/// An interface of this network namespace, by name.
#[derive(Debug)]
pub struct Interface {
    request: libc::ifreq,
    /// Keeps an interface of our own in being.
    tap: Option<File>,
}

impl Interface {
    /// The loopback interface.
    #[must_use]
    pub fn loopback() -> Self {
        Self {
            request: request(b"lo"),
            tap: None,
        }
    }

    /// A new Ethernet interface (tap), which is down.
    ///
    /// # Errors
    /// Where the kernel has no /dev/net/tun, or we may not use it.
    pub fn tap() -> io::Result<Self> {
        const TUNSETIFF: libc::Ioctl = 0x4004_54ca;
        let tap = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/net/tun")?;
        let mut request = request(b"tap7");
        let flags = libc::IFF_TAP | libc::IFF_NO_PI;
        request.ifr_ifru.ifru_flags = libc::c_short::try_from(flags).expect("16 bits");
        // SAFETY: the request is initialised and lives through the call.
        check(unsafe { libc::ioctl(tap.as_raw_fd(), TUNSETIFF, &raw mut request) })?;
        Ok(Self {
            request,
            tap: Some(tap),
        })
    }

    /// Its index.
    #[must_use]
    pub fn index(&self) -> u32 {
        // SAFETY: the name is a C string within the request.
        unsafe { libc::if_nametoindex(self.request.ifr_name.as_ptr()) }
    }

    /// Takes it up or down.
    ///
    /// # Errors
    /// As the ioctl SIOCSIFFLAGS.
    pub fn set_up(&self, is_up: bool) -> io::Result<()> {
        // SAFETY: socket(2) takes no pointer.
        let socket = check(unsafe {
            libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0)
        })?;
        // SAFETY: the call has just made this descriptor.
        let socket = unsafe { OwnedFd::from_raw_fd(socket) };
        let mut request = self.request;
        let flags = if is_up { libc::IFF_UP } else { 0 };
        request.ifr_ifru.ifru_flags = libc::c_short::try_from(flags).expect("16 bits");
        // SAFETY: the request is initialised and lives through the call.
        check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw mut request) })
            .map(drop)
    }

    /// Removes it, if it is one of our own.
    pub fn remove(mut self) {
        drop(self.tap.take());
    }
}

fn request(name: &[u8]) -> libc::ifreq {
    // SAFETY: all bits zero are a request: an empty name and numbers.
    let mut request: libc::ifreq = unsafe { MaybeUninit::zeroed().assume_init() };
    for (to, from) in request.ifr_name.iter_mut().zip(name) {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    request
}

/// A kind of namespace.
#[derive(Clone, Copy, Debug)]
pub enum Namespace {
    /// Interfaces and sockets.
    Network,
    /// Process numbers; for the children that come.
    Pid,
    /// Users and privileges.
    User,
}

/// unshare(2).
///
/// # Errors
/// As unshare(2): `EPERM` without privilege.
pub fn leave(namespace: Namespace) -> io::Result<()> {
    let flag = match namespace {
        Namespace::Network => libc::CLONE_NEWNET,
        Namespace::Pid => libc::CLONE_NEWPID,
        Namespace::User => libc::CLONE_NEWUSER,
    };
    // SAFETY: takes a number, and none of the flags that would part what threads share.
    let result = unsafe { libc::unshare(flag) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
