//! The C library's functions that this library stands in front of.
//!
//! Each is the program's function of that name as long as this library comes before the C library
//! in the order of symbol lookup: linked to the program or preloaded. In one that came by
//! dlopen(3) it is not, and a program's close is then none of ours.
//!
//! Nothing here is called by itself: the calls of this crate and of Rust's standard library come
//! here too, with numbers that are no longer a queue's, and are forwarded.

mod descriptor;
mod exec;
pub(crate) mod signal;
mod stream;

/// Looks the originals up, when the library is loaded.
pub(super) fn find_all() {
    descriptor::find_all();
    exec::find_all();
    signal::find_all();
    stream::find_all();
}
