//! Linux: the system calls that only it has.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, RenameFlags, ResolveFlags, linkat, openat, openat2, renameat_with,
    sendfile,
};
use rustix::io::Errno;
use rustix::net::SendFlags;
use socket2::Socket;
use std::os::fd::AsRawFd;

use super::FILE_MODE;

/// Sends nothing yet: more follows at once (MSG_MORE).
pub(crate) const MORE: SendFlags = SendFlags::MORE;

/// A connection that is gone is an error and no signal.
pub(crate) const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;

/// Opens a place in the tree to look at it, without asking for rights to it.
pub(crate) const LOOK: OFlags = OFlags::PATH;

/// Opens a directory to walk on from it.
pub(crate) const WALK: OFlags = OFlags::PATH.union(OFlags::DIRECTORY);

/// Opens `path` beneath `directory`, whatever links and renames do meanwhile; not through /proc's
/// links either, which lead anywhere.
///
/// # Errors
///
/// Those of openat2(2): EXDEV where the path leads outside, EAGAIN where a rename made the kernel
/// unsure, ENOSYS before Linux 5.6.
pub(crate) fn open_beneath(
    directory: impl AsFd,
    path: &[u8],
    flags: OFlags,
) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    openat2(directory, path, flags, Mode::empty(), resolve)
}

/// Sends up to `count` bytes of a file from `offset` on, which moves along; 0 at its end.
///
/// # Errors
///
/// Those of sendfile(2).
pub(crate) fn send_file(
    socket: impl AsFd,
    file: impl AsFd,
    offset: &mut u64,
    count: usize,
) -> io::Result<usize> {
    Ok(sendfile(socket, file, Some(offset), count)?)
}

/// Limits the unsent bytes that the kernel holds for a connection (TCP_NOTSENT_LOWAT).
///
/// # Errors
///
/// Those of setsockopt(2).
pub(crate) fn limit_unsent(socket: &Socket, bytes: u32) -> io::Result<()> {
    socket.set_tcp_notsent_lowat(bytes)
}

/// Lets several listening sockets share a port, and the kernel spread connections over them.
///
/// # Errors
///
/// Those of setsockopt(2).
pub(crate) fn share_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

/// Lets a signal be counted by EVFILT_SIGNAL knotes alone: its default action would end the
/// process. Programs that are started have the default action again.
///
/// # Errors
///
/// Those of sigaction(2).
pub(crate) fn take_signal(signal: i32) -> io::Result<()> {
    kevent::signal::set_disposition(signal, kevent::signal::Disposition::ignore())?;
    Ok(())
}

/// Makes a file in a directory that has no name there yet (O_TMPFILE).
///
/// # Errors
///
/// Those of openat(2): EOPNOTSUPP where the file system cannot do it.
pub(crate) fn open_unnamed(directory: impl AsFd) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    openat(directory, ".", flags, FILE_MODE)
}

/// Gives a file of [`open_unnamed`] a name that must be free.
///
/// # Errors
///
/// Those of linkat(2): EEXIST; ENOENT where /proc is not mounted.
pub(crate) fn link_unnamed(
    file: impl AsFd,
    directory: impl AsFd,
    name: &[u8],
) -> rustix::io::Result<()> {
    let place = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    linkat(CWD, place, directory, name, AtFlags::SYMLINK_FOLLOW)
}

/// Renames within a directory to a name that must be free.
///
/// # Errors
///
/// Those of renameat2(2): EEXIST.
pub(crate) fn rename_new(directory: impl AsFd, old: &[u8], new: &[u8]) -> rustix::io::Result<()> {
    let directory = directory.as_fd();
    match renameat_with(directory, old, directory, new, RenameFlags::NOREPLACE) {
        // A file system that does not know the flag.
        Err(Errno::INVAL) => super::rename_by_link(directory, old, new),
        outcome => outcome,
    }
}
