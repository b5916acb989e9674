//! The only unsafe code of this crate: the exported functions, the wait, and what is asked of libc.
#![expect(unsafe_code, reason = "C's functions live here and nowhere else")]

pub(crate) mod cancel;
pub(crate) mod environment;
pub(crate) mod errno;
pub(crate) mod export;
pub(crate) mod fork;
pub(crate) mod held;
pub(crate) mod interposed;
pub(crate) mod kevent;
pub(crate) mod number;
pub(crate) mod output;
pub(crate) mod real;
pub(crate) mod scope;
pub(crate) mod string;
