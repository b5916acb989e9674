//! Linux mechanisms that filters share; what each costs in descriptors stands in its header.

pub(crate) mod descriptor;
pub(crate) mod epoll;
pub(crate) mod exit_status;
pub(crate) mod inotify;
pub(crate) mod links;
pub(crate) mod mounts;
pub(crate) mod pidfd;
pub(crate) mod process;
pub(crate) mod process_events;
pub(crate) mod socket_error;
pub(crate) mod timers;
pub(crate) mod unix_diag;
pub(crate) mod wake;
