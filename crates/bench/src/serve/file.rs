//! The floor of W3 and W4: one file by sendfile(2), its head sent ahead with `MSG_MORE`.
//!
//! Every connection is watched for both directions at once, edge-triggered, so that a full socket
//! buffer costs no change of the set.

use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fs::sendfile;
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

use super::answer::Turn;
use super::bare::{ROOM, accept};

/// Serves until the process is ended.
pub(crate) fn serve(listener: &TcpListener, path: &Path) -> io::Result<()> {
    let content = Content::open(path)?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    let listening = EventData::new_u64(u64::MAX);
    epoll::add(&epoll, listener, listening, EventFlags::IN)?;
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut events: Vec<epoll::Event> = Vec::with_capacity(ROOM);
    loop {
        events.clear();
        epoll::wait(&epoll, spare_capacity(&mut events), None)?;
        for event in &events {
            let data = event.data;
            if data.u64() != u64::MAX {
                let number = usize::try_from(data.u64()).unwrap_or(usize::MAX);
                let Some(place) = connections.get_mut(number) else {
                    continue;
                };
                let turn = place.as_mut().map(|connection| connection.turn(&content));
                if turn == Some(Turn::Over) {
                    *place = None;
                }
                continue;
            }
            while let Some(socket) = accept(listener)? {
                let number = usize::try_from(socket.as_raw_fd()).unwrap_or_default();
                let both = EventFlags::IN | EventFlags::OUT | EventFlags::ET;
                epoll::add(&epoll, &socket, EventData::new_u64(number as u64), both)?;
                if connections.len() <= number {
                    connections.resize_with(number + 1, || None);
                }
                if let Some(place) = connections.get_mut(number) {
                    *place = Some(Connection::new(socket));
                }
            }
        }
    }
}

struct Content {
    file: File,
    bytes: u64,
    head: Vec<u8>,
}

impl Content {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nServer: floor\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
             Content-Type: application/octet-stream\r\nContent-Length: {bytes}\r\n\
             Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nAccept-Ranges: bytes\r\n\r\n"
        );
        Ok(Self {
            file,
            bytes,
            head: head.into_bytes(),
        })
    }
}

struct Connection {
    socket: OwnedFd,
    /// How much of the file was sent; `None` while no answer is under way.
    sent: Option<u64>,
}

impl Connection {
    const fn new(socket: OwnedFd) -> Self {
        Self { socket, sent: None }
    }

    /// Goes on with the answer, or takes the next request. One that comes before the answer ends
    /// is found when it has ended.
    fn turn(&mut self, content: &Content) -> Turn {
        loop {
            if self.sent.is_none() {
                match self.begin(content) {
                    Ok(true) => {}
                    Ok(false) => return Turn::Open,
                    Err(_) => return Turn::Over,
                }
            }
            match self.go_on(content) {
                Ok(true) => {}
                Ok(false) => return Turn::Open,
                Err(_) => return Turn::Over,
            }
        }
    }

    /// Takes a request, which is whatever has come, and sends the head; false if nothing has.
    fn begin(&mut self, content: &Content) -> io::Result<bool> {
        match rustix::io::read(&self.socket, &mut [0_u8; 4_096]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(Errno::AGAIN | Errno::INTR) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        // Some hundred bytes into a buffer that the last answer has left: never short.
        send(&self.socket, &content.head, SendFlags::MORE)?;
        self.sent = Some(0);
        Ok(true)
    }

    /// Sends of the file what goes; false if the socket is full.
    fn go_on(&mut self, content: &Content) -> io::Result<bool> {
        let mut sent = self.sent.unwrap_or_default();
        while sent < content.bytes {
            let left = usize::try_from(content.bytes - sent).unwrap_or(usize::MAX);
            match sendfile(&self.socket, &content.file, Some(&mut sent), left) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    self.sent = Some(sent);
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.sent = None;
        Ok(true)
    }
}
