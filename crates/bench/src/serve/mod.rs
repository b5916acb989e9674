//! Small servers that give every request the same answer: the floors, and the steps between them
//! and `webserv`.
//!
//! | layer | what it adds |
//! |---|---|
//! | `bare` | epoll, read, write |
//! | `queue` | the crate `kevent` instead of epoll |
//! | `executor` | `kevent-async`: a task for each connection |
//!
//! `file` is the floor of large files, by sendfile(2). None parses: a request is whatever ends in an empty line. They are the physical limit of what
//! a server on the same layer can reach, not servers.

mod answer;
mod bare;
mod executor;
mod file;
mod queue;

use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};

use crate::arguments::{Layer, Serve};
use crate::sys::socket::set_defer_accept;

/// Serves until the process is ended. Prints where.
pub(crate) fn run(options: &Serve) -> io::Result<()> {
    let is_closing = options.close;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
    listener.set_nonblocking(true)?;
    // The standard library asks for a queue of 128; a connection per request needs more.
    rustix::net::listen(&listener, 4_096)?;
    if is_closing {
        set_defer_accept(&listener, 1)?;
    }
    let mut output = io::stdout();
    writeln!(output, "Serving at http://{}/", listener.local_addr()?)?;
    output.flush()?;
    if let Some(path) = &options.file {
        return file::serve(&listener, path);
    }
    match options.layer {
        Layer::Bare => bare::serve(&listener, is_closing),
        Layer::Queue => queue::serve(&listener, is_closing),
        Layer::Executor => executor::serve(listener, is_closing),
    }
}
