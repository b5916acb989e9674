//! Closes that are announced: who sees every close(2) of its process, as the C library does, can
//! give a closed descriptor BSD's meaning exactly.
//!
//! An announcement takes no lock and allocates nothing, so it may be made in a signal handler. It
//! goes: [`numbers::announce`], which tells who watches the number; for each such queue
//! [`list::ClosedNumbers::push`], so that the queue forgets what it knows before it does anything
//! else, and the removal from the kernel's sets; the close itself; [`numbers::Closing::end`].
//!
//! A registration that runs into a close, seen by the stamp of the number before and after, is
//! made once more, as if it came after the close.

pub(crate) mod list;
pub(crate) mod numbers;
