//! 100,000 timers on one queue, served by one descriptor.
//!
//! ```sh
//! cargo run -p kevent --example many_timers          # 100,000 timers
//! cargo run -p kevent --example many_timers 1000000  # or as many as you name
//! ```
//!
//! What it shows: a timer costs memory, not a descriptor. All of them share one, however many
//! they are, so the limit on open files does not limit timers. Each fires once, and never early.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::io;
use std::time::{Duration, Instant};

use kevent::{Events, Kevent, Kqueue};

fn main() -> io::Result<()> {
    let count = match std::env::args().nth(1) {
        Some(word) => word
            .parse()
            .map_err(|_| io::Error::other("how many timers?"))?,
        None => 100_000_u32,
    };
    let queue = Kqueue::new()?;
    let before = open_descriptors()?;

    // Timer i fires at i * 10 us after now, in a scattered order of registration.
    let start = Instant::now();
    let mut changes = Vec::with_capacity(1024);
    for step in 0..count {
        changes.push(timer(scatter(step, count)));
        if changes.len() == changes.capacity() || step + 1 == count {
            queue.apply(&changes)?;
            changes.clear();
        }
    }
    let used = open_descriptors()? - before;
    println!("{count} timers registered; descriptors they use: {used}");

    let mut events = Events::with_capacity(1024);
    let (mut fired, mut early) = (0_u32, 0_u32);
    while fired < count {
        queue.wait(&[], &mut events, None)?;
        let elapsed = start.elapsed();
        for event in &events {
            fired += 1;
            if elapsed < period(event.ident) {
                early += 1;
            }
        }
    }
    println!("{fired} timers fired, {early} of them early");
    Ok(())
}

fn timer(ident: usize) -> Kevent {
    Kevent::timer(ident, period(ident)).oneshot()
}

fn period(ident: usize) -> Duration {
    Duration::from_micros(10) * u32::try_from(ident).unwrap_or(u32::MAX)
}

/// A permutation of 0..count: the multiplier is prime and no divisor of any sensible count.
fn scatter(step: u32, count: u32) -> usize {
    const PRIME: u64 = 2_147_483_647;
    usize::try_from(u64::from(step) * PRIME % u64::from(count)).unwrap_or(0)
}

/// How many descriptors this process has open, beside the one that counts them.
fn open_descriptors() -> io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/fd")?.count() - 1)
}
