//! A chat server: each line that a client sends goes to all others.
//!
//! Prints where it listens. Run it with `cargo run -p kevent-async --example chat`, then
//! `nc 127.0.0.1 PORT` in two terminals.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

use futures_lite::io::BufReader;
use futures_lite::{AsyncBufReadExt, AsyncWriteExt};
use kevent_async::{TcpListener, TcpStream, block_on, sleep, spawn, timeout};

/// A line may have so many bytes, so that no client fills our memory.
const LINE_BYTES_MAX: u64 = 4096;
/// A client that takes nothing for so long is left out.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// Everyone who is here, by number. One thread, so neither locks nor atomics.
type Room = Rc<RefCell<BTreeMap<usize, Rc<TcpStream>>>>;

fn main() -> io::Result<()> {
    block_on(async {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0))?;
        writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
        let room = Room::default();
        for number in 1.. {
            let stream = match listener.accept().await {
                Ok((stream, _peer)) => Rc::new(stream),
                Err(error) => {
                    writeln!(io::stderr(), "accept: {error}")?;
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            spawn(visit(number, stream, Rc::clone(&room))).detach();
        }
        Ok(())
    })
}

/// The life of one client.
async fn visit(number: usize, stream: Rc<TcpStream>, room: Room) {
    room.borrow_mut().insert(number, Rc::clone(&stream));
    tell_others(number, format!("* {number} has come\n"), &room).await;
    // An error ends the visit like an end of file: either way the client is gone.
    drop(hand_on_lines(number, &stream, &room).await);
    room.borrow_mut().remove(&number);
    tell_others(number, format!("* {number} has left\n"), &room).await;
}

async fn hand_on_lines(number: usize, stream: &TcpStream, room: &Room) -> io::Result<()> {
    let mut lines = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        let mut limited = futures_lite::AsyncReadExt::take(&mut lines, LINE_BYTES_MAX);
        if limited.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line);
        tell_others(number, format!("{number}: {}\n", text.trim_end()), room).await;
    }
}

async fn tell_others(number: usize, line: String, room: &Room) {
    let others: Vec<_> = room
        .borrow()
        .iter()
        .map(|(key, one)| (*key, Rc::clone(one)))
        .collect();
    for (other, stream) in others {
        if other == number {
            continue;
        }
        let sent = timeout(SEND_TIMEOUT, (&*stream).write_all(line.as_bytes())).await;
        if !matches!(sent, Ok(Ok(()))) {
            room.borrow_mut().remove(&other);
        }
    }
}
