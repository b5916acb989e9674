//! The rows, one or two files per group of `docs/semantics.md`, section F.
//!
//! A case is written as its row: the name, the row's words, then the code. Marks that the
//! reference explains stay in the words: `(L)`, what Linux answers where it differs; `(slow)`,
//! more than a second; `(thr)`, threads; `(G1)`, a deliberate deviation. Lower bounds of time are
//! asserted; upper bounds are the fixtures' deadline of 10 s, and the figure is printed.

use crate::case::Case;

mod api_changes;
mod api_wait;
mod empty;
mod except;
mod flags_attributes;
mod flags_order;
mod lifecycle;
mod nesting;
mod proc_child;
mod proc_follow;
mod proc_other;
mod procdesc;
mod read_close;
mod read_datagram;
mod read_file;
mod read_pipe;
mod read_stream;
mod signal;
mod signal_blocked;
mod system;
mod threads;
mod timer;
mod timer_absolute;
mod user;
mod vnode;
mod vnode_directory;
mod vnode_file;
mod vnode_kinds;
mod write_other;
mod write_socket;

/// Every group of the reference.
const GROUPS: &[&[Case]] = &[
    api_wait::CASES,
    api_changes::CASES,
    flags_attributes::CASES,
    flags_order::CASES,
    read_stream::CASES,
    read_datagram::CASES,
    read_pipe::CASES,
    read_file::CASES,
    read_close::CASES,
    write_socket::CASES,
    write_other::CASES,
    empty::CASES,
    except::CASES,
    proc_child::CASES,
    proc_other::CASES,
    proc_follow::CASES,
    procdesc::CASES,
    timer::CASES,
    timer_absolute::CASES,
    user::CASES,
    vnode_file::CASES,
    vnode::CASES,
    vnode_directory::CASES,
    vnode_kinds::CASES,
    signal::CASES,
    signal_blocked::CASES,
    system::CASES,
    nesting::CASES,
    lifecycle::CASES,
    threads::CASES,
];

/// Every case of the table.
pub fn all() -> impl Iterator<Item = &'static Case> {
    GROUPS.iter().copied().flatten()
}
