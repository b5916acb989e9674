//! The two layouts of `struct kevent` and the numbers that go with them.
//!
//! A C program has one of them compiled in: [`PortableKevent`], 32 bytes with the numbers of the
//! other library of this name, or [`FreebsdKevent`], 64 bytes with FreeBSD's. The engine knows
//! FreeBSD's numbers alone, and each layout translates at the border, per filter.
//!
//! No number is lost: what the engine knows by another number, or not at all, it is told under a
//! number that it does not know either, and refuses the change. So translation has no errors, and
//! an answer names the change as the program wrote it.
//!
//! `include/sys/event.h` is the other side; `tests/abi.rs` compares it with [`constants`].

use kevent::{Filter, Kevent, NoteIo};

pub mod constants;
mod freebsd;
mod portable;
#[cfg(test)]
mod tests;

pub use freebsd::FreebsdKevent;
pub use portable::PortableKevent;

/// A `struct kevent` as a C program has it. [`kevent::binding::Layout`] writes events in it.
pub trait Layout: kevent::binding::Layout + Copy {
    /// What a changelist's entry asks for, in the engine's numbers.
    fn change(&self) -> Kevent;

    /// Whether this is a question to the library (`EVFILT_LIBKQUEUE`), not to a queue.
    fn is_query(&self) -> bool;
}

/// Without the notes of [`NoteIo`] that belong to the Rust interface alone: a C program that sets
/// these bits means nothing by them.
fn without_private_notes(filter: Filter, fflags: u32) -> u32 {
    match filter {
        Filter::READ | Filter::WRITE | Filter::EXCEPT => {
            fflags & !u32::from(NoteIo::NO_DATA | NoteIo::WITH_DATA)
        }
        _ => fflags,
    }
}
