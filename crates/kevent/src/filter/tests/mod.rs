//! READ, WRITE and EXCEPT against real descriptors, with the bits that poll(2) reports for them.
//!
//! The names R-, W- and X- are those of `docs/semantics.md`, F3 and F4.

mod excepting;
mod reading_files;
mod reading_sockets;
mod writing;

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::time::{Duration, Instant};

use super::{except, read, write};
use crate::flags::NoteIo;
use crate::source::descriptor::{ERR, HUP, IN, Interest, Kind, OUT, PRI, RDHUP, Verdict};
use crate::sys::clock::Clock;
use crate::sys::descriptor::poll;
use crate::sys::descriptor::tests::{make_fifo, open_pty};
use crate::sys::socket::tests::{
    bind_loopback, connect_loopback, listen, receive_urgent, send_urgent, set_receive_low_water,
    set_reset_on_close, socket, socketpair,
};
use crate::sys::timerfd;

const PLAIN: Interest = Interest {
    notes: NoteIo::empty(),
    low_water: 0,
    want_data: true,
    exact_errors: false,
};

fn low_water(bytes: i64) -> Interest {
    Interest {
        notes: NoteIo::LOWAT,
        low_water: bytes,
        ..PLAIN
    }
}

const fn active(data: i64) -> Verdict {
    Verdict::Active {
        data,
        fflags: 0,
        eof: false,
    }
}

const fn eof(data: i64, fflags: i32) -> Verdict {
    Verdict::Active {
        data,
        fflags: fflags.cast_unsigned(),
        eof: true,
    }
}

/// What epoll would report now for an entry of this filter: it always adds ERR and HUP.
fn bits(fd: &impl AsRawFd, mask: u32) -> u32 {
    poll(fd.as_raw_fd()).unwrap() & (mask | ERR | HUP)
}

fn reads(fd: &impl AsRawFd) -> Verdict {
    reads_with(fd, &PLAIN)
}

fn reads_with(fd: &impl AsRawFd, interest: &Interest) -> Verdict {
    let bits = bits(fd, IN | RDHUP);
    read::event(fd.as_raw_fd(), &mut Kind::Unknown, bits, interest)
}

fn writes(fd: &impl AsRawFd) -> Verdict {
    writes_with(fd, &PLAIN)
}

fn writes_with(fd: &impl AsRawFd, interest: &Interest) -> Verdict {
    let bits = bits(fd, OUT);
    write::event(fd.as_raw_fd(), &mut Kind::Unknown, bits, interest)
}

fn excepts(fd: &impl AsRawFd) -> Verdict {
    let bits = bits(fd, PRI | RDHUP);
    except::event(fd.as_raw_fd(), &mut Kind::Unknown, bits, &PLAIN)
}

/// Waits until poll(2) says any of these bits: what one end of a connection does, the other end
/// sees a little later.
#[track_caller]
fn wait_for(fd: &impl AsRawFd, wanted: u32) {
    wait_until(|| poll(fd.as_raw_fd()).unwrap() & wanted != 0);
}

#[track_caller]
fn wait_until(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(
            Instant::now() < deadline,
            "the condition did not come true in ten seconds"
        );
        std::thread::yield_now();
    }
}

#[track_caller]
fn assert_space(verdict: Verdict) -> i64 {
    match verdict {
        Verdict::Active {
            data,
            fflags: 0,
            eof: false,
        } if data > 0 => data,
        other => panic!("not active with space: {other:?}"),
    }
}

fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    client.set_nonblocking(true).unwrap();
    server.set_nonblocking(true).unwrap();
    (client, server)
}

/// Writes until EAGAIN.
fn fill(writer: &mut impl Write) {
    let block = [0; 65536];
    loop {
        match writer.write(&block) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) => panic!("{error}"),
        }
    }
}

impl Verdict {
    /// The error of an end of file.
    fn eof_errno(self) -> Option<i32> {
        match self {
            Self::Active {
                fflags, eof: true, ..
            } => Some(fflags.cast_signed()),
            _ => None,
        }
    }
}
