//! The floor: epoll, and a table of connections by descriptor.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::net::{SocketFlags, accept_with, sockopt};

use super::answer::{Answers, Turn, turn};

/// Room for events in one wait.
pub(crate) const ROOM: usize = 512;
/// Room for what one read brings.
pub(crate) const BUFFER_BYTES: usize = 64 * 1_024;

/// Serves until the process is ended.
pub(crate) fn serve(listener: &TcpListener, is_closing: bool) -> io::Result<()> {
    let answers = Answers::new(is_closing);
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    let listening = data_of(listener.as_raw_fd());
    epoll::add(&epoll, listener, listening, EventFlags::IN)?;
    let mut connections = Connections::default();
    let mut events: Vec<epoll::Event> = Vec::with_capacity(ROOM);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        events.clear();
        epoll::wait(&epoll, spare_capacity(&mut events), None)?;
        for event in &events {
            let data = event.data;
            let number = usize::try_from(data.u64()).unwrap_or(usize::MAX);
            if data.u64() != listening.u64() {
                if let Some(socket) = connections.get(number)
                    && turn(&answers, socket, &mut buffer) == Turn::Over
                {
                    connections.remove(number);
                }
                continue;
            }
            while let Some(socket) = accept(listener)? {
                if is_closing {
                    // Its request is here already, and closing ends it.
                    turn(&answers, &socket, &mut buffer);
                    continue;
                }
                let data = data_of(socket.as_raw_fd());
                epoll::add(&epoll, &socket, data, EventFlags::IN)?;
                connections.insert(socket);
            }
        }
    }
}

fn data_of(fd: RawFd) -> EventData {
    EventData::new_u64(u64::try_from(fd).unwrap_or_default())
}

/// A connection, if one waits.
pub(crate) fn accept(listener: &TcpListener) -> io::Result<Option<OwnedFd>> {
    match accept_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
        Ok(socket) => {
            sockopt::set_tcp_nodelay(&socket, true)?;
            Ok(Some(socket))
        }
        Err(error) if io::Error::from(error).kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Connections by the number of their descriptor.
#[derive(Default)]
pub(crate) struct Connections(Vec<Option<OwnedFd>>);

impl Connections {
    /// The one with this number.
    pub(crate) fn get(&self, number: usize) -> Option<&OwnedFd> {
        self.0.get(number)?.as_ref()
    }

    /// Keeps it.
    pub(crate) fn insert(&mut self, socket: OwnedFd) {
        let number = usize::try_from(socket.as_raw_fd()).unwrap_or_default();
        if self.0.len() <= number {
            self.0.resize_with(number + 1, || None);
        }
        if let Some(place) = self.0.get_mut(number) {
            *place = Some(socket);
        }
    }

    /// Closes it.
    pub(crate) fn remove(&mut self, number: usize) {
        if let Some(place) = self.0.get_mut(number) {
            *place = None;
        }
    }
}
