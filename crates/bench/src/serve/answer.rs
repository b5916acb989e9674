//! The answer, made once, and how many of them a read asks for.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;

/// Most requests answered by one write.
const BURST_MAX: usize = 64;
const BODY_BYTES: usize = 1_024;

/// As many answers as are ever written at a time, one behind the other.
pub(crate) struct Answers {
    bytes: Vec<u8>,
    one: usize,
    terminator: memchr::memmem::Finder<'static>,
}

impl Answers {
    /// With the fields that a server for files sends.
    pub(crate) fn new(is_closing: bool) -> Self {
        let connection = if is_closing { "close" } else { "keep-alive" };
        let head = format!(
            "HTTP/1.1 200 OK\r\nServer: floor\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
             Content-Type: text/html\r\nContent-Length: {BODY_BYTES}\r\n\
             Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nConnection: {connection}\r\n\
             ETag: \"00000000-400\"\r\nAccept-Ranges: bytes\r\n\r\n"
        );
        let mut one = head.into_bytes();
        one.resize(one.len() + BODY_BYTES, b'x');
        Self {
            one: one.len(),
            bytes: one.repeat(BURST_MAX),
            terminator: memchr::memmem::Finder::new(b"\r\n\r\n"),
        }
    }

    /// What answers the requests that end in `input`.
    pub(crate) fn to(&self, input: &[u8]) -> &[u8] {
        let requests = self.terminator.find_iter(input).count().min(BURST_MAX);
        self.bytes.get(..requests * self.one).unwrap_or_default()
    }
}

/// What came of reading from a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It goes on.
    Open,
    /// It is over.
    Over,
}

/// One read and one write: what the floors do when a connection is readable.
pub(crate) fn turn(answers: &Answers, socket: &OwnedFd, buffer: &mut [u8]) -> Turn {
    let count = match rustix::io::read(socket, &mut *buffer) {
        Ok(0) => return Turn::Over,
        Ok(count) => count,
        Err(Errno::AGAIN | Errno::INTR) => return Turn::Open,
        Err(_) => return Turn::Over,
    };
    let answer = answers.to(buffer.get(..count).unwrap_or_default());
    match write_all(socket, answer) {
        Ok(()) => Turn::Open,
        Err(_) => Turn::Over,
    }
}

/// A burst is smaller than a socket's buffer, so this hardly ever turns twice.
fn write_all(socket: impl AsFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(&socket, bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(Errno::AGAIN | Errno::INTR) => std::thread::yield_now(),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_that_is_complete_gets_its_answer() {
        let answers = Answers::new(false);
        let one = answers.to(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").len();
        assert!(one > BODY_BYTES);
        assert_eq!(answers.to(b"GET / HTTP/1.1\r\nHo").len(), 0);
        assert_eq!(answers.to(b"a\r\n\r\nb\r\n\r\nc").len(), 2 * one);
    }
}
