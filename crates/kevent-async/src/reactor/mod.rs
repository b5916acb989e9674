//! The reactor: what this thread waits for, and the one place that calls kevent().
//!
//! A source has a **slot**. Its knotes carry the slot's [`Token`] (index and generation) as
//! `udata`, so an event finds its slot by one index, and an event whose slot has been given to
//! another source since is recognised and dropped. Wishes (watch this direction, arm this timer)
//! are noted in the slot and collected into one changelist, submitted with the next wait; a wish
//! that goes away before that costs nothing.
//!
//! What must not miss anything from the moment it is made, a user event or a watched file, is added
//! to the queue at once instead, and its maker is told of a refusal.
//!
//! Invariants:
//! - No waker is woken or dropped while a slot table is borrowed: either may run any code,
//!   which may come back here.
//! - A source that goes takes its knotes along before any other code runs (a timer's deletion goes
//!   before the next wish), so whoever gets the slot or the descriptor's number next starts fresh.
//! - Only [`Reactor::turn`] waits.

mod slot;
mod table;
mod token;
mod turn;
mod waiters;

pub use slot::Direction;
pub(crate) use slot::{Descriptor, Slot, Timer, User, Watch};
pub(crate) use token::Token;
pub(crate) use turn::Reactor;
