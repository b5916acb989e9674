//! Sockets as futures: one file per address family.
//!
//! Each type is a thin layer over [`Io`](crate::Io) of the standard library's socket, which it
//! dereferences to: waiting, readiness and operations of one's own come from there.

mod by_reference;
mod tcp;
mod unix;

use by_reference::{close_writing, io_by_reference, stream_by_reference};
pub use tcp::{TcpListener, TcpStream};
pub use unix::{UnixListener, UnixStream};
