//! The only unsafe code of this crate: system calls, one function each, and the two places where
//! an eventlist's written part is called initialised.
//!
//! `bsd` says what a port to another system with a kqueue must provide, `linux` is what the engine
//! stands on. What a port to another kernel without kqueue must provide: `epoll` (a
//! readiness set that is itself pollable), `clock` and `timerfd` (one alarm per clock), `inotify`
//! (files that change), `descriptor` and `socket` (what a descriptor holds), `number` (moving open
//! files), `fork` (noticing that this is a forked child), `signal` (counting deliveries),
//! `eventfd` inside the doorbell (`source/wake`).
#![expect(unsafe_code, reason = "system calls live here and nowhere else")]

use std::io;

#[cfg(not(target_os = "linux"))]
mod bsd;
mod eventlist;
#[cfg(target_os = "linux")]
mod linux;

#[cfg(not(target_os = "linux"))]
pub(crate) use bsd::*;
pub(crate) use eventlist::{assume_init, assume_len};
#[cfg(target_os = "linux")]
pub(crate) use linux::*;

/// The C convention: -1 means errno.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
