//! The behaviour table: what a kqueue must do, row by row, and a harness that runs it.
//!
//! Every case of `docs/semantics.md`, section F, that Rust can express is one [`Case`]: its row's
//! words stand beside the code that does what they say, with the real kernel. The cases speak to
//! an implementation through [`Front`] alone, so that the library, its C interface and a system's
//! own kqueue can run the same table.
//!
//! - [`cases`]: the rows, one file per group of the reference.
//! - [`fixture`]: what the rows call `kq`, `a,b`, `c,s`, `l`, `r,w`, `f`, `d` and `poll0`.
//! - [`harness`]: runs each case alone in a process of its own, and reports.
//! - [`sys`]: the system calls the cases need and no safe crate offers.
//!
//! To add a case: write the row into the reference, then a [`Case`] with the row's words into the
//! group's file. A test compares the two, so that neither is without the other.
#![expect(
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a case states what it expects by panicking when it is not so"
)]

mod case;
pub mod cases;
pub mod fixture;
mod front;
pub mod harness;
pub mod sys;

pub use case::{Case, Gate, Run};
pub use front::{Front, Options, QueueFront};
