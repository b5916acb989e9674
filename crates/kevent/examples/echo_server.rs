//! A TCP echo server on one queue and one thread.
//!
//! ```sh
//! cargo run -p kevent --example echo_server            # a free port of 127.0.0.1
//! cargo run -p kevent --example echo_server 0.0.0.0:7  # or the address you name
//! ```
//!
//! What it shows: `data` of a listening socket is the number of connections to accept; READ is
//! level-triggered, so what one turn leaves in the socket comes back in the next; WRITE is
//! watched only while output waits, and READ rests meanwhile, so a client that never reads
//! cannot fill our memory.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use kevent::{Events, Filter, Kevent, Kqueue};

struct Connection {
    stream: TcpStream,
    /// What the client has not taken yet.
    output: Vec<u8>,
}

fn main() -> io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:0".into());
    let listener = TcpListener::bind(&address)?;
    listener.set_nonblocking(true)?;
    println!("listening on {}", listener.local_addr()?);

    let queue = Kqueue::new()?;
    queue.apply(&[Kevent::read(&listener)])?;
    let mut connections: HashMap<usize, Connection> = HashMap::new();
    let mut events = Events::with_capacity(64);
    loop {
        queue.wait(&[], &mut events, None)?;
        for event in &events {
            if let Some(connection) = connections.get_mut(&event.ident) {
                let is_open = connection.turn(&queue, event.filter).unwrap_or(false);
                if !is_open {
                    // Before the number is closed: BSD's kernel sees a close, Linux tells nobody.
                    queue.forget_fd(connection.stream.as_raw_fd());
                    connections.remove(&event.ident);
                }
            } else {
                for _ in 0..event.data {
                    // A client that has gone again takes its place in the backlog with it.
                    let Ok((stream, _)) = listener.accept() else {
                        break;
                    };
                    stream.set_nonblocking(true)?;
                    let watch = Kevent::read(&stream);
                    queue.apply(&[watch])?;
                    connections.insert(
                        watch.ident,
                        Connection {
                            stream,
                            output: Vec::new(),
                        },
                    );
                }
            }
        }
    }
}

impl Connection {
    /// One event's work: read once if that is what happened, write what waits, and watch for
    /// whichever of the two is next. False at end of file.
    fn turn(&mut self, queue: &Kqueue, filter: Filter) -> io::Result<bool> {
        if filter == Filter::READ {
            let mut buffer = [0; 16 * 1024];
            let count = self.stream.read(&mut buffer)?;
            if count == 0 {
                return Ok(false);
            }
            self.output.extend(buffer.iter().take(count));
        }
        match self.stream.write(&self.output) {
            Ok(count) => drop(self.output.drain(..count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        let (read, write) = (Kevent::read(&self.stream), Kevent::write(&self.stream));
        match (filter, self.output.is_empty()) {
            (Filter::READ, false) => queue.apply(&[read.disable(), write])?,
            (Filter::WRITE, true) => queue.apply(&[write.delete(), read.enable()])?,
            _ => {}
        }
        Ok(true)
    }
}
