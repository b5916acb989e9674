//! The C library: kqueue(2) and kevent(2) for programs that know nothing of Rust.
//!
//! - [`abi`]: the two layouts of `struct kevent` and the numbers that go with them.
//! - `sys`: the exported functions, and every call to the system; the only unsafe code.
//! - `call`: a kevent() call, from the program's arrays and back, in the parts before and after
//!   the wait, which happens in `sys::kevent`.
//! - `seat`: which descriptor numbers are queues, and who is inside one.
//! - `close`: a queue's number is closed; `interpose`: any number is.
//! - `query`: questions to the library itself (`EVFILT_LIBKQUEUE`).
//! - `trace`: `KQUEUE_DEBUG=1`.
#![cfg(target_os = "linux")]

pub mod abi;
mod call;
mod create;
mod interpose;
mod query;
mod seat;
mod sys;
mod trace;

pub use sys::export::{
    kevent, kevent_freebsd, kqueue, kqueue1, kqueuex, libkqueue_drain_pending_close,
};
