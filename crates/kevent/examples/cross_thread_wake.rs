//! Worker threads wake a thread that waits in its queue.
//!
//! ```sh
//! cargo run -p kevent --example cross_thread_wake
//! ```
//!
//! What it shows: a `TriggerHandle` wakes the queue's thread from anywhere, without a lock and
//! without a pipe. Triggers that come before the wait returns merge into one event, so the event
//! says "look", and a channel carries what there is to see.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::io;
use std::sync::mpsc;
use std::thread;

use kevent::{Events, Kevent, Kqueue};

const RESULTS_READY: usize = 1;
const WORKERS: u64 = 4;

fn main() -> io::Result<()> {
    let queue = Kqueue::new()?;
    // EV_CLEAR: each delivery takes the trigger back, so the next wait sleeps again.
    queue.apply(&[Kevent::user(RESULTS_READY).clear()])?;
    let (sender, results) = mpsc::channel();

    for worker in 1..=WORKERS {
        let wake = queue.trigger_handle(RESULTS_READY)?;
        let sender = sender.clone();
        thread::spawn(move || {
            let sum: u64 = (1..=worker * 1_000_000).sum();
            // First the result, then the trigger: whoever is woken by it will find the result.
            if sender.send((worker, sum)).is_ok() {
                wake.trigger();
            }
        });
    }

    let mut events = Events::with_capacity(4);
    let (mut received, mut wakes) = (0, 0);
    while received < WORKERS {
        queue.wait(&[], &mut events, None)?;
        wakes += 1;
        for (worker, sum) in results.try_iter() {
            println!("worker {worker}: the sum of 1 to {worker},000,000 is {sum}");
            received += 1;
        }
    }
    println!("{received} results with {wakes} wake-ups");
    Ok(())
}
