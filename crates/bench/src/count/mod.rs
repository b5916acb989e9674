//! Counting from outside: system calls by strace(1), instructions by valgrind's callgrind.
//!
//! What is counted does not jitter, so a count can be a budget where a time cannot.

pub(crate) mod budget;
pub(crate) mod guard;
pub(crate) mod program;
pub(crate) mod scenario;
pub(crate) mod server;
pub(crate) mod strace;
