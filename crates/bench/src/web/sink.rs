//! The load generator: asks, and throws the answers away in the kernel (`MSG_TRUNC`), so that the
//! server is measured and not the client.
//!
//! A first request tells how long an answer is; every later one has to begin with status 200 and
//! be exactly as long.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

/// What is asked for, and how.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// Whom.
    pub(crate) address: SocketAddr,
    /// The request target.
    pub(crate) path: &'static str,
    /// How many connections ask at a time.
    pub(crate) connections: usize,
    /// Requests sent in one write, before the answer to the first.
    pub(crate) pipeline: u32,
    /// Whether each request has a connection of its own.
    pub(crate) is_closing: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// Answers that were complete.
    pub(crate) requests: u64,
    /// Bytes of answers.
    pub(crate) bytes: u64,
    /// How long it took.
    pub(crate) elapsed: Duration,
}

/// Read from a connection before its first bytes are looked at, and at most so many are kept.
const HEAD_BYTES: usize = 16 * 1_024;
/// Thrown away by one call.
const DISCARD_BYTES: usize = 4 << 20;
/// An answer that has not come after this long never will.
const PATIENCE: Duration = Duration::from_secs(10);
const STATUS: &[u8] = b"HTTP/1.1 200";

/// Connections that have been opened, and asked once.
pub(crate) struct Sink {
    load: Load,
    request: Vec<u8>,
    /// Bytes of one answer.
    answer: u64,
    epoll: OwnedFd,
    connections: Vec<Connection>,
    head: Vec<u8>,
    discard: Vec<u8>,
}

struct Connection {
    socket: OwnedFd,
    /// Bytes still to come of what was asked for.
    left: u64,
    /// Whether the next byte is the first of an answer.
    is_at_start: bool,
    /// Whether a request was sent; with a connection per request there is no second one.
    has_asked: bool,
}

impl Sink {
    /// Opens the connections and finds out how long an answer is.
    pub(crate) fn open(load: &Load) -> io::Result<Self> {
        let answer = probe(load)?;
        let request = request(load);
        let mut sink = Self {
            request: request.repeat(usize::try_from(load.pipeline).unwrap_or(1)),
            answer,
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            connections: Vec::new(),
            head: vec![0; HEAD_BYTES],
            discard: vec![0; DISCARD_BYTES],
            load: load.clone(),
        };
        for number in 0..load.connections {
            let socket = connect(load.address)?;
            sink.watch(&socket, number)?;
            sink.connections.push(Connection {
                socket,
                left: 0,
                is_at_start: true,
                has_asked: false,
            });
        }
        Ok(sink)
    }

    /// Asks for as long as `duration`.
    pub(crate) fn run(&mut self, duration: Duration) -> io::Result<Outcome> {
        let start = Instant::now();
        let end = start + duration;
        let mut outcome = Outcome {
            requests: 0,
            bytes: 0,
            elapsed: Duration::ZERO,
        };
        for number in 0..self.connections.len() {
            // Those of the last run go on: one that waits for the end of file, too.
            if !self.connection(number)?.has_asked {
                self.ask(number)?;
            }
        }
        let mut events: Vec<epoll::Event> = Vec::with_capacity(256);
        let limit = Timespec::try_from(PATIENCE).map_err(io::Error::other)?;
        while Instant::now() < end {
            events.clear();
            if epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&limit))? == 0 {
                return Err(io::Error::other("the server has not answered for 10 s"));
            }
            for event in &events {
                let data = event.data;
                self.read(
                    usize::try_from(data.u64()).unwrap_or(usize::MAX),
                    &mut outcome,
                )?;
            }
        }
        outcome.elapsed = start.elapsed();
        Ok(outcome)
    }

    fn connection(&mut self, number: usize) -> io::Result<&mut Connection> {
        let connection = self.connections.get_mut(number);
        connection.ok_or_else(|| io::Error::other("an event of no connection"))
    }

    fn watch(&self, socket: &OwnedFd, number: usize) -> io::Result<()> {
        let data = EventData::new_u64(number as u64);
        Ok(epoll::add(&self.epoll, socket, data, EventFlags::IN)?)
    }

    fn ask(&mut self, number: usize) -> io::Result<()> {
        let left = self.answer * u64::from(self.load.pipeline);
        let Some(connection) = self.connections.get_mut(number) else {
            return Ok(());
        };
        connection.left = left;
        connection.is_at_start = true;
        connection.has_asked = true;
        // Some hundred bytes into an empty buffer: never short.
        let written = rustix::io::write(&connection.socket, &self.request)?;
        if written != self.request.len() {
            return Err(io::Error::other("a request did not fit into the socket"));
        }
        Ok(())
    }

    fn read(&mut self, number: usize, outcome: &mut Outcome) -> io::Result<()> {
        let Some(count) = self.receive(number)? else {
            return Ok(());
        };
        outcome.bytes += count;
        let left = self.connection(number)?.left;
        match (count, left) {
            (0, 0) if self.load.is_closing => {
                outcome.requests += 1;
                self.reopen(number)
            }
            (0, _) => Err(io::Error::other("the server closed within an answer")),
            (_, 0) if !self.load.is_closing => {
                outcome.requests += u64::from(self.load.pipeline);
                self.ask(number)
            }
            _ => Ok(()),
        }
    }

    /// Takes what has come, by one call; `None` if nothing has.
    fn receive(&mut self, number: usize) -> io::Result<Option<u64>> {
        let Some(connection) = self.connections.get_mut(number) else {
            return Ok(None);
        };
        let (buffer, flags) = if connection.is_at_start {
            (&mut self.head, RecvFlags::DONTWAIT)
        } else {
            (&mut self.discard, RecvFlags::DONTWAIT | RecvFlags::TRUNC)
        };
        let count = match recv(&connection.socket, buffer.as_mut_slice(), flags) {
            Ok((_, count)) => count,
            Err(Errno::AGAIN) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if connection.is_at_start && count > 0 {
            let seen = buffer.get(..count.min(STATUS.len())).unwrap_or_default();
            if !STATUS.starts_with(seen) {
                let seen = String::from_utf8_lossy(seen).into_owned();
                return Err(io::Error::other(format!("the server answered {seen:?}")));
            }
            connection.is_at_start = false;
        }
        let left = connection.left.checked_sub(count as u64);
        connection.left = left.ok_or_else(|| io::Error::other("an answer is too long"))?;
        Ok(Some(count as u64))
    }

    fn reopen(&mut self, number: usize) -> io::Result<()> {
        let socket = connect(self.load.address)?;
        self.watch(&socket, number)?;
        // The old one is closed here, and leaves the set by that.
        self.connection(number)?.socket = socket;
        self.ask(number)
    }
}

fn request(load: &Load) -> Vec<u8> {
    let (path, address) = (load.path, load.address);
    let close = if load.is_closing {
        "Connection: close\r\n"
    } else {
        ""
    };
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{close}\r\n").into_bytes()
}

/// Blocking, so that the next call finds it connected; everything else says `MSG_DONTWAIT`.
fn connect(address: SocketAddr) -> io::Result<OwnedFd> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    Ok(stream.into())
}

/// Asks once and returns the length of the answer, head and content.
fn probe(load: &Load) -> io::Result<u64> {
    let mut stream = TcpStream::connect(load.address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&request(load))?;
    let mut head = vec![0; HEAD_BYTES];
    let mut count = 0;
    let (head_bytes, content) = loop {
        let room = head.get_mut(count..).unwrap_or_default();
        count += read_some(&mut stream, room)?;
        if let Some(lengths) = lengths(head.get(..count).unwrap_or_default())? {
            break lengths;
        }
    };
    Ok(head_bytes as u64 + content)
}

/// Reads one whole answer into `buffer`; returns its length.
pub(crate) fn read_first_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    loop {
        let room = buffer.get_mut(count..).unwrap_or_default();
        count += read_some(stream, room)?;
        if let Some((head, content)) = lengths(buffer.get(..count).unwrap_or_default())? {
            let length = head.saturating_add(usize::try_from(content).unwrap_or(usize::MAX));
            let rest = buffer.get_mut(count..length);
            let rest = rest.ok_or_else(|| io::Error::other("the answer is too long"))?;
            stream.read_exact(rest)?;
            return Ok(length);
        }
    }
}

fn read_some(stream: &mut impl Read, room: &mut [u8]) -> io::Result<usize> {
    match stream.read(room)? {
        0 => Err(io::Error::other(
            "the server's first answer ends within its head, or has none",
        )),
        count => Ok(count),
    }
}

/// Bytes of the head and of the content, once the head is complete.
fn lengths(input: &[u8]) -> io::Result<Option<(usize, u64)>> {
    let Some(end) = memchr::memmem::find(input, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(input.get(..end).unwrap_or_default()).into_owned();
    if !head.as_bytes().starts_with(STATUS) {
        let line = head.lines().next().unwrap_or_default();
        return Err(io::Error::other(format!("the server answered {line:?}")));
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse().ok())?
    });
    let length = length.ok_or_else(|| io::Error::other("an answer has no Content-Length"))?;
    Ok(Some((end + 4, length)))
}

/// Connections that have asked once and wait.
pub(crate) struct Idle {
    streams: Vec<TcpStream>,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Idle {
    /// So many of them.
    pub(crate) fn open(load: &Load, count: usize) -> io::Result<Self> {
        let length = usize::try_from(probe(load)?).unwrap_or_default();
        let mut idle = Self {
            streams: Vec::with_capacity(count),
            request: request(load),
            answer: vec![0; length],
        };
        for _ in 0..count {
            let stream = TcpStream::connect(load.address)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_nodelay(true)?;
            idle.streams.push(stream);
        }
        idle.refresh()?;
        Ok(idle)
    }

    /// Asks on each once, so that no server's patience with idle connections ends.
    pub(crate) fn refresh(&mut self) -> io::Result<()> {
        for stream in &mut self.streams {
            stream.write_all(&self.request)?;
            stream.read_exact(&mut self.answer)?;
        }
        Ok(())
    }
}

/// The latency that a client sees who asks at fixed times, whatever the server does: from the
/// time at which a request was due to its answer. In microseconds, of 99 in 100 requests.
pub(crate) fn latency_p99(load: &Load, per_second: u32, duration: Duration) -> io::Result<f64> {
    let mut sink = Sink::open(load)?;
    let mut free: Vec<usize> = (0..sink.connections.len()).rev().collect();
    let mut due_of = vec![Instant::now(); sink.connections.len()];
    let mut latencies = Vec::new();
    let interval = Duration::from_secs(1) / per_second.max(1);
    let start = Instant::now();
    let (mut due, end) = (start, start + duration);
    let mut events: Vec<epoll::Event> = Vec::with_capacity(256);
    while due < end || free.len() < due_of.len() {
        if Instant::now() > end + PATIENCE {
            return Err(io::Error::other("the server has not answered for 10 s"));
        }
        while due < end && due <= Instant::now() {
            // With all connections busy the request waits, and its time counts from when it was due.
            let Some(number) = free.pop() else { break };
            if let Some(place) = due_of.get_mut(number) {
                *place = due;
            }
            sink.ask(number)?;
            due += interval;
        }
        events.clear();
        // Without sleeping: to wake up would take longer than what is measured.
        let now = Timespec::default();
        epoll::wait(&sink.epoll, spare_capacity(&mut events), Some(&now))?;
        for event in &events {
            let data = event.data;
            let number = usize::try_from(data.u64()).unwrap_or(usize::MAX);
            match sink.receive(number)? {
                None => continue,
                Some(0) => return Err(io::Error::other("the server closed a connection")),
                Some(_) => {}
            }
            if sink.connection(number)?.left == 0 {
                let since = due_of.get(number).map_or(Duration::ZERO, Instant::elapsed);
                latencies.push(since.as_nanos() as f64 / 1e3);
                free.push(number);
            }
        }
    }
    latencies.sort_by(f64::total_cmp);
    let rank = latencies.len() * 99 / 100;
    let found = latencies.get(rank.min(latencies.len().saturating_sub(1)));
    found
        .copied()
        .ok_or_else(|| io::Error::other("no request was made"))
}
