//! The behaviour table of `docs/semantics.md`, section F, through the C functions, with FreeBSD's
//! binary interface: `kevent_freebsd`, the 64-byte structure and FreeBSD's numbers.
//!
//! `cargo test -p libkqueue --test conformance_freebsd -- q_a_01` runs one case.
#![cfg(target_os = "linux")]

mod c_abi;
#[path = "c_abi/freebsd.rs"]
mod freebsd;

use std::process::ExitCode;

fn main() -> ExitCode {
    c_abi::main::<freebsd::Freebsd>()
}
