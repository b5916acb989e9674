//! The steps of `crates/kevent/tests/model.rs`, from any bytes: the queue against the reference.
#![no_main]

#[path = "../../crates/kevent/tests/model/reference.rs"]
mod reference;
#[path = "../../crates/kevent/tests/model/versus.rs"]
mod versus;

use libfuzzer_sys::fuzz_target;
use versus::{Step, Versus};

/// Bytes of a step; what a step does not use is skipped.
const STEP_BYTES: usize = 18;
const STEPS_MAX: usize = 200;

fuzz_target!(|bytes: &[u8]| {
    let mut versus = Versus::new();
    for step in bytes.chunks(STEP_BYTES).take(STEPS_MAX) {
        versus.step(&Step::decode(step));
    }
});
