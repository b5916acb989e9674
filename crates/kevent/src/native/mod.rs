//! BSD and macOS: the same public types straight onto the system's own kqueue.
//!
//! The twin of what `queue` and everything below it is on Linux. The kernel does the work; what
//! is left is to keep the promises of the public types where the systems differ:
//!
//! - `queue`: one kevent() call, closing, forgetting, triggering.
//! - `change`: what a system lacks is refused, never silently ignored; private notes are taken
//!   off.
//! - `user`: the `udata` of user events, for the systems where a trigger would overwrite it.
//! - `number`, `occupancy`: who is inside the queue's descriptor, so that its number is given back
//!   safely.
//!
//! Left to the kernel, so that it differs: what only `docs/semantics.md`, section G, promises
//! (G1, G2, G8, G21), limits, and the order of errors. `change`, `user` and
//! `occupancy` need no such kernel and are tested on Linux.

pub(crate) mod change;
#[cfg(not(target_os = "linux"))]
mod number;
mod occupancy;
#[cfg(not(target_os = "linux"))]
mod queue;
mod user;

#[cfg(not(target_os = "linux"))]
pub(crate) use queue::{Queue, Trigger};
