//! Making the service, and finding out whether the connector tells the truth here.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use super::message::Message;
use super::service::Service;
use crate::sys::clock::Clock;
use crate::sys::{self, force, process_events as connector};

/// How long the connector may take for each of its two proofs. It gives them before the call
/// that asks for them returns, so this is only waited for where there will be none.
const PATIENCE: Duration = Duration::from_secs(1);

/// A service whose connector has proved itself, and whose thread runs.
///
/// # Errors
/// `EMFILE`, `ENFILE`, `ENOMEM`, `EAGAIN`: no descriptor or thread to be had. `ENOTSUP`: the
/// connector cannot be used here.
pub(super) fn establish() -> io::Result<Arc<Service>> {
    if force::is_forced("no_process_events") {
        return Err(unsupported());
    }
    let socket = connector::socket().map_err(refused)?;
    // Every listener hears every answer. In a namespace where our request is ignored that to
    // another's must not pass for ours: events would come only as long as the other listens.
    let ours = mark();
    connector::listen(socket.as_fd(), ours).map_err(refused)?;
    let answered = await_message(&socket, |message| match message {
        Message::Answer { mark, errno } => (mark == ours).then_some(errno),
        _ => None,
    });
    if answered != Some(0) {
        return Err(unsupported());
    }
    let service = Arc::new(Service::new(socket));
    let thread = connector::with_signals_blocked(|| Thread::start(&service))?;
    let own = std::process::id().cast_signed();
    let told = await_message(service.socket(), |message| match message {
        Message::Fork {
            child_thread,
            child,
            ..
        } => (child == own && child_thread == thread.id).then_some(()),
        _ => None,
    });
    thread.release(told.is_some());
    told.map(|()| service).ok_or_else(unsupported)
}

/// A mark that no other request carries: this process at this moment.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the lower half tells moments apart"
)]
fn mark() -> u32 {
    let moment = sys::clock::now(Clock::Monotonic) as u32;
    moment ^ std::process::id().rotate_left(16)
}

/// The service's thread, which waits for the verdict.
struct Thread {
    id: i32,
    verdict: SyncSender<bool>,
}

impl Thread {
    fn start(service: &Arc<Service>) -> io::Result<Self> {
        let (tell, id) = sync_channel(1);
        let (verdict, hear) = sync_channel(1);
        let service = Arc::clone(service);
        std::thread::Builder::new()
            .name("kevent-proc".to_owned())
            .spawn(move || run(&service, &tell, &hear))?;
        let id = id.recv().map_err(io::Error::other)?;
        Ok(Self { id, verdict })
    }

    fn release(&self, is_trusted: bool) {
        // Fails where the thread is gone, which then needs no release.
        let _ = self.verdict.send(is_trusted);
    }
}

fn run(service: &Arc<Service>, tell: &SyncSender<i32>, verdict: &Receiver<bool>) {
    let is_told = tell.send(connector::thread_id()).is_ok();
    if is_told && verdict.recv() == Ok(true) {
        service.serve();
    }
}

/// Reads until `find` has found what it wants, or time is up.
fn await_message<T>(socket: &impl AsFd, find: impl Fn(Message) -> Option<T>) -> Option<T> {
    let started = Instant::now();
    let mut buffer = [0; 1024];
    loop {
        match connector::receive(socket.as_fd(), &mut buffer) {
            Ok(length) => {
                let message = buffer.get(..length).and_then(Message::parse);
                if let Some(found) = message.and_then(&find) {
                    return Some(found);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let left = PATIENCE.saturating_sub(started.elapsed());
                if left.is_zero() {
                    return None;
                }
                let milliseconds = i32::try_from(left.as_millis()).unwrap_or(i32::MAX);
                let _ = connector::await_events(socket.as_fd(), milliseconds.max(1));
            }
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {}
            Err(_) => return None,
        }
        if started.elapsed() > PATIENCE {
            return None;
        }
    }
}

fn refused(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::ENOBUFS) => error,
        _ => unsupported(),
    }
}

pub(super) fn unsupported() -> io::Error {
    io::Error::from_raw_os_error(libc::ENOTSUP)
}
