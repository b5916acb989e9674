//! System calls that the cases need and no safe crate offers: the only unsafe code here.
#![expect(unsafe_code, reason = "system calls live here and nowhere else")]

mod child;
mod eventlist;
mod signal;
mod signalfd;
mod socket;

pub use child::{Child, fork};
pub use eventlist::kevent_into;
pub use signal::{IntervalTimer, count_signal, kill_thread, signal_count, thread_id};
pub use signalfd::readable_signalfd;
pub use socket::{select_readable, set_receive_low_water};
