//! System calls that the cases need and no safe crate offers: the only unsafe code here.
#![expect(unsafe_code, reason = "system calls live here and nowhere else")]

mod child;
mod eventlist;
mod namespace;
mod signal;
mod signalfd;
mod socket;

pub use child::{Child, fork, go_last};
pub use eventlist::kevent_into;
pub use namespace::{Interface, Namespace, leave, mount_tmpfs, own_mounts, own_network, unmount};
pub use signal::{
    IntervalTimer, block_signal, count_signal, ignore_signal, installed_handler, is_signal_pending,
    kill_self, kill_thread, signal_count, take_signal, thread_id, told_handler, unblock_signal,
};
pub use signalfd::readable_signalfd;
pub use socket::{duplicate_onto, select_readable, set_receive_low_water};
