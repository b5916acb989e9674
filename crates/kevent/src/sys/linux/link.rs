//! rtnetlink(7): a socket that hears of network interfaces, and reading it.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::check;

/// A netlink socket of the interfaces, non-blocking. With `hears` it is told of every change;
/// without, it only answers.
pub(crate) fn open(hears: bool) -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: socket(2) takes no pointer.
    let fd = check(unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_ROUTE) })?;
    // SAFETY: the call has just made this descriptor, and nothing else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    if hears {
        join(socket.as_fd())?;
    }
    Ok(socket)
}

fn join(socket: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: all bits zero are an address of this structure of integers.
    let mut address: libc::sockaddr_nl = unsafe { MaybeUninit::zeroed().assume_init() };
    address.nl_family = u16::try_from(libc::AF_NETLINK).unwrap_or(0);
    address.nl_groups = libc::RTMGRP_LINK.cast_unsigned();
    let bytes = libc::socklen_t::try_from(size_of_val(&address)).unwrap_or(0);
    let address = (&raw const address).cast();
    // SAFETY: the address is initialised, of this many bytes, and lives through the call.
    check(unsafe { libc::bind(socket.as_raw_fd(), address, bytes) }).map(drop)
}
