//! Linux: one function per system call.

use super::check;

pub(crate) mod clock;
pub(crate) mod descriptor;
pub(crate) mod epoll;
pub(crate) mod force;
pub(crate) mod fork;
pub(crate) mod inotify;
pub(crate) mod link;
pub(crate) mod number;
pub(crate) mod own;
pub(crate) mod per_process;
pub(crate) mod process;
pub(crate) mod process_events;
pub(crate) mod signal;
pub(crate) mod socket;
pub(crate) mod sparse;
pub(crate) mod timerfd;
pub(crate) mod wake;
