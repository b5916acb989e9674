//! The only unsafe code of the benchmarks: a C library loaded at run time, select(2), a socket
//! option, and an allocator that counts.
#![expect(
    unsafe_code,
    reason = "dlopen(3), select(2), TCP_DEFER_ACCEPT and a global allocator have no safe form"
)]

pub(crate) mod allocator;
pub(crate) mod library;
pub(crate) mod select;
pub(crate) mod socket;
