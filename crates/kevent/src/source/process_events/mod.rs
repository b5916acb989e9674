//! The process events of the whole system, for the knotes that asked: one netlink socket and one
//! service thread per process, made at the first need and kept until the process ends.
//!
//! The connector (`sys::process_events`) may be silent, or speak of another namespace's numbers.
//! It is trusted only after it has acknowledged our request and has then told of a thread that
//! we started ourselves: the service thread. Where that fails, subscribing answers ENOTSUP.
//!
//! Whoever reads the socket (the thread, or a queue that wants to be up to date: `catch_up`)
//! reads in order and under one lock, posts to the mailboxes of the queues concerned, and rings
//! their doorbells. Lock order: a queue's state, then the service, then a mailbox. The service
//! never takes a queue's lock.
//!
//! A forked child has neither thread nor socket of its own: it makes new ones at need.

mod message;
mod news;
mod rescan;
mod service;
#[cfg(test)]
mod tests;
mod trust;

pub(crate) use news::{Letter, Mailbox, News};
pub(crate) use service::{Subscription, catch_up, subscribe};
