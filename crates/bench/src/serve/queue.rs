//! The floor with the crate `kevent` in place of epoll.

use std::io;
use std::net::TcpListener;
use std::os::fd::AsRawFd;

use kevent::{Events, Kevent, Kqueue};

use super::answer::{Answers, Turn, turn};
use super::bare::{BUFFER_BYTES, Connections, ROOM, accept};

/// Serves until the process is ended.
pub(crate) fn serve(listener: &TcpListener, is_closing: bool) -> io::Result<()> {
    let answers = Answers::new(is_closing);
    let queue = Kqueue::new()?;
    let listening = usize::try_from(listener.as_raw_fd()).unwrap_or_default();
    queue.apply(&[Kevent::read(listener).without_data()])?;
    let mut connections = Connections::default();
    let mut events = Events::with_capacity(ROOM);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        queue.wait(&[], &mut events, None)?;
        for event in &events {
            if event.ident != listening {
                if let Some(socket) = connections.get(event.ident)
                    && turn(&answers, socket, &mut buffer) == Turn::Over
                {
                    queue.forget_fd(socket.as_raw_fd());
                    connections.remove(event.ident);
                }
                continue;
            }
            while let Some(socket) = accept(listener)? {
                if is_closing {
                    // Its request is here already, and closing ends it.
                    turn(&answers, &socket, &mut buffer);
                    continue;
                }
                queue.apply(&[Kevent::read(&socket).without_data()])?;
                connections.insert(socket);
            }
        }
    }
}
