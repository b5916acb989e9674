//! The only unsafe code of this crate: system calls, one function each, and the two places where
//! an eventlist's written part is called initialised.
//!
//! What a port to another kernel without kqueue must provide: `epoll` (a readiness set that is
//! itself pollable), `clock` and `timerfd` (one alarm per clock), `inotify` (files that change),
//! `descriptor` and `socket` (what a descriptor holds), `number` (moving open files), `fork`
//! (noticing that this is a forked child), `signal` (counting deliveries), `eventfd` inside the doorbell (`source/wake`).
#![expect(unsafe_code, reason = "system calls live here and nowhere else")]

use std::io;

pub(crate) mod clock;
pub(crate) mod descriptor;
pub(crate) mod epoll;
mod eventlist;
pub(crate) mod force;
pub(crate) mod fork;
pub(crate) mod inotify;
pub(crate) mod link;
pub(crate) mod number;
pub(crate) mod signal;
pub(crate) mod socket;
pub(crate) mod timerfd;
pub(crate) mod wake;

pub(crate) use eventlist::{assume_init, assume_len};

/// The C convention: -1 means errno.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
