//! The behaviour table of `docs/semantics.md`, section F, through the C functions, with the
//! default binary interface: the 32-byte structure and the other library's numbers.
//!
//! `cargo test -p libkqueue --test conformance -- q_a_01` runs one case.
#![cfg(target_os = "linux")]

mod c_abi;
#[path = "c_abi/portable.rs"]
mod portable;

use std::process::ExitCode;

fn main() -> ExitCode {
    c_abi::main::<portable::Portable>()
}
