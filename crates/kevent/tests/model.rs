//! Random change lists, triggers, bytes and closes, against a small BSD-style reference.
//!
//! `PROPTEST_CASES=100000 cargo test -p kevent --test model` looks further than the gate does.
//! `fuzz/` runs the same steps.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    reason = "a test states what it expects by panicking; its numbers are small"
)]

#[path = "model/reference.rs"]
mod reference;
#[path = "model/versus.rs"]
mod versus;

use std::io::Write;
use std::mem::MaybeUninit;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use kevent::{Filter, Kevent, Kqueue};
use proptest::collection::vec;
use proptest::prelude::*;
use versus::{Step, Versus};

/// A few seconds without optimisation.
const CASES: u32 = 4096;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = vec(any::<u8>(), 2..20).prop_map(|bytes| Step::decode(&bytes));
    vec(step, 1..60)
}

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").map_or(CASES, |cases| cases.parse().unwrap());
    ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..ProptestConfig::with_cases(cases)
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_queue_answers_as_the_reference_does(steps in steps()) {
        let mut versus = Versus::new();
        for step in &steps {
            versus.step(step);
        }
    }
}

/// The event had no room in one call, and news of the same descriptor came before the next.
#[test]
fn a_knote_comes_once_in_a_call() {
    let queue = Kqueue::new().unwrap();
    let (a, b) = UnixStream::pair().unwrap();
    let poll = |changes: &[Kevent], room: usize| {
        let mut list = [MaybeUninit::uninit(); 8];
        let events = queue.kevent(changes, &mut list[..room], Some(Duration::ZERO));
        events
            .unwrap()
            .iter()
            .map(|event| event.filter)
            .collect::<Vec<_>>()
    };
    assert_eq!(poll(&[Kevent::write(&a).clear()], 8), [Filter::WRITE]);
    (&b).write_all(b"x").unwrap();
    // One entry of the kernel has both events, and one of them has no room.
    assert_eq!(poll(&[Kevent::read(&a).clear()], 1).len(), 1);
    let returned = poll(&[Kevent::read(&a)], 8);
    for filter in [Filter::READ, Filter::WRITE] {
        let times = returned.iter().filter(|of| **of == filter).count();
        assert!(times <= 1, "{filter:?} came {times} times");
    }
}
