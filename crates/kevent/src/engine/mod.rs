//! The engine: registration, activation, scan and waiting. It knows no filter by name.
//!
//! It follows the BSD kernels' `kern_event.c` (`docs/semantics.md`, section 1), with one
//! difference that Linux asks for: events of pollable descriptors never enter a ready queue of
//! our own. The kernel's epoll set is their ready queue, and a batch of it is walked directly.
//! The ready queue here holds what exists in user space only: timers, user events, descriptors
//! that epoll refuses, and the rare surplus.
//!
//! Lock order: the state of a queue, then that of a queue nested in it (asking for its count);
//! never the other way round. Then a service's (`source::process_events`), then a mailbox's. The
//! lock is never held while waiting.
//!
//! The life of a call: `call` takes the lock, `register` applies each change (`descriptor` for
//! descriptor filters, `register` itself for the rest), `interest` tells the kernel, `wait`
//! sleeps, `scan` turns what came into events, `settle` leaves the queue's descriptor readable
//! exactly while something is left.

pub(crate) mod call;
pub(crate) mod closed;
pub(crate) mod descriptor;
pub(crate) mod eventlist;
pub(crate) mod files;
pub(crate) mod interest;
pub(crate) mod knote;
pub(crate) mod mail;
pub(crate) mod poller;
pub(crate) mod ready;
pub(crate) mod register;
pub(crate) mod scan;
pub(crate) mod settle;
pub(crate) mod state;
pub(crate) mod table;
pub(crate) mod unpollable;
pub(crate) mod wait;

#[cfg(test)]
mod tests;
