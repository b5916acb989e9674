//! One thread: its executor and queue, its listening sockets, its connections.
//!
//! Workers share nothing on the path of a request. From outside a worker hears one thing, that it
//! is to stop; then it accepts what is waiting, closes its listening sockets, answers requests that
//! are on their way with "close", shuts idle connections for reading (so they wake, serve what has
//! arrived, and end), and gives the busy ones their time.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::net::{self, Shutdown};
use std::path::PathBuf;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Instant, SystemTime};

use kevent_async::{Notify, Task, TcpListener, TcpStream, spawn, timeout, yield_now};
use slab::Slab;

use crate::buffers::BufferPool;
use crate::connection;
use crate::http::date::HttpDate;
use crate::limits::{STOP_GRACE, Timeouts};
use crate::listener;
use crate::route::root::Root;

/// What a worker needs to begin; it crosses into the worker's thread.
#[derive(Debug)]
pub(crate) struct Equipment {
    pub(crate) directory: PathBuf,
    pub(crate) listeners: Vec<net::TcpListener>,
    pub(crate) timeouts: Timeouts,
}

/// What the tasks of a worker share.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) root: Root,
    pub(crate) timeouts: Timeouts,
    pub(crate) buffers: BufferPool,
    connections: RefCell<Slab<Occupant>>,
    phase: Cell<Phase>,
    /// Who waits for the last connection to end.
    departure: RefCell<Option<Waker>>,
}

/// How far a worker is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// As long as nobody says otherwise.
    Serving,
    /// Each answer is the last of its connection; for a moment, connections may still wait for a
    /// request that is on its way.
    Stopping,
    /// No connection waits any more.
    Closing,
}

/// A connection as its worker sees it.
#[derive(Debug)]
struct Occupant {
    stream: Rc<TcpStream>,
    task: Option<Task<()>>,
    is_idle: bool,
}

impl Worker {
    /// A worker without connections.
    ///
    /// # Errors
    ///
    /// The directory cannot be opened.
    fn new(equipment: &Equipment) -> io::Result<Self> {
        Ok(Worker {
            root: Root::open(&equipment.directory, Instant::now())?,
            timeouts: equipment.timeouts,
            buffers: BufferPool::default(),
            connections: RefCell::default(),
            phase: Cell::new(Phase::Serving),
            departure: RefCell::default(),
        })
    }

    /// Whether answers should end their connections.
    pub(crate) fn is_stopping(&self) -> bool {
        self.phase.get() != Phase::Serving
    }

    /// Whether no connection should wait for another request.
    pub(crate) fn is_closing(&self) -> bool {
        self.phase.get() == Phase::Closing
    }

    /// The time of day, for Date and for what is compared with it.
    pub(crate) fn date(&self) -> HttpDate {
        HttpDate::from_system_time(SystemTime::now())
    }

    /// Starts the task of a new connection.
    pub(crate) fn welcome(self: &Rc<Self>, stream: TcpStream) {
        self.seat_with(stream, connection::serve);
    }

    /// Gives a connection a seat, and a task that `serve` makes.
    fn seat_with<F>(
        self: &Rc<Self>,
        stream: TcpStream,
        serve: impl FnOnce(Seat, Rc<TcpStream>) -> F,
    ) where
        F: Future<Output = ()> + 'static,
    {
        let stream = Rc::new(stream);
        let occupant = Occupant {
            stream: Rc::clone(&stream),
            task: None,
            is_idle: false,
        };
        let key = self.connections.borrow_mut().insert(occupant);
        let seat = Seat {
            worker: Rc::clone(self),
            key,
        };
        let task = spawn(serve(seat, stream));
        if let Some(occupant) = self.connections.borrow_mut().get_mut(key) {
            occupant.task = Some(task);
        }
    }

    /// Wakes the idle connections: they read what has arrived, or the end, and do not come back.
    fn shut_idle_connections(&self) {
        for (_, occupant) in self.connections.borrow().iter() {
            if occupant.is_idle {
                // A connection that is broken already wakes by itself.
                let _ = occupant.stream.shutdown(Shutdown::Read);
            }
        }
    }

    /// Waits for the last connection to end.
    async fn emptied(&self) {
        poll_fn(|context| {
            if self.connections.borrow().is_empty() {
                return Poll::Ready(());
            }
            *self.departure.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// A connection's place in its worker's table, given up when the connection's task ends, however
/// it ends.
///
/// A panic in a task ends that task alone: the executor keeps it from the others, the panic hook
/// has written what and where, and the table is left in order here.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) worker: Rc<Worker>,
    key: usize,
}

impl Seat {
    /// Says whether the connection waits for a request.
    pub(crate) fn set_idle(&self, is_idle: bool) {
        if let Some(occupant) = self.worker.connections.borrow_mut().get_mut(self.key) {
            occupant.is_idle = is_idle;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("a connection's task panicked; the connection is closed");
        }
        let occupant = self.worker.connections.borrow_mut().try_remove(self.key);
        // The task is ending by itself; its handle must not cancel it in the middle of that.
        if let Some(task) = occupant.and_then(|occupant| occupant.task) {
            task.detach();
        }
        if self.worker.connections.borrow().is_empty()
            && let Some(waker) = self.worker.departure.borrow_mut().take()
        {
            waker.wake();
        }
    }
}

/// The whole life of a worker, from its first connection to its last; `stop` is its only order.
/// `started` is called when it accepts.
///
/// # Errors
///
/// The directory cannot be opened, or a listening socket cannot be watched.
pub(crate) async fn run(
    equipment: Equipment,
    stop: &Notify,
    started: impl FnOnce(),
) -> io::Result<()> {
    let worker = Rc::new(Worker::new(&equipment)?);
    let mut listeners = Vec::new();
    for listener in equipment.listeners {
        let listener = Rc::new(TcpListener::from_std(listener)?);
        let task = spawn(listener::accept_all(
            Rc::clone(&worker),
            Rc::clone(&listener),
        ));
        listeners.push((listener, task));
    }
    // Let the listeners' tasks begin, so that their knotes are there.
    yield_now().await;
    started();
    stop.notified().await;
    worker.phase.set(Phase::Stopping);
    for (listener, task) in listeners {
        task.cancel().await;
        listener::accept_waiting(&worker, &listener);
    }
    // Whoever waits for nothing but our end must not wait longer than for the last connection.
    let _ = timeout(STOP_GRACE, worker.emptied()).await;
    worker.phase.set(Phase::Closing);
    worker.shut_idle_connections();
    if timeout(worker.timeouts.stop, worker.emptied())
        .await
        .is_err()
    {
        let count = worker.connections.borrow().len();
        tracing::warn!(
            count,
            "connections were cut off: they took longer than the stop time-out"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_panic_ends_one_connection_and_gives_up_its_seat() {
        let root = tempfile::tempdir().unwrap();
        let equipment = Equipment {
            directory: root.path().to_owned(),
            listeners: Vec::new(),
            timeouts: Timeouts::default(),
        };
        kevent_async::block_on(async {
            let worker = Rc::new(Worker::new(&equipment).unwrap());
            let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let listener = TcpListener::from_std(listener).unwrap();
            let mut client = net::TcpStream::connect(address).unwrap();
            let (stream, _peer) = listener.accept().await.unwrap();
            worker.seat_with(stream, |seat, stream| async move {
                let _kept = (seat, stream);
                panic!("this panic is part of a test");
            });
            worker.emptied().await;
            let mut rest = Vec::new();
            assert_eq!(client.read_to_end(&mut rest).unwrap(), 0);
        });
    }

    #[test]
    fn the_task_of_an_idle_connection_is_small() {
        fn size_of_output<A, B, F>(_: fn(A, B) -> F) -> usize {
            size_of::<F>()
        }
        let bytes = size_of_output(connection::serve);
        assert!(
            bytes <= 256,
            "{bytes} bytes; is something large held while waiting?"
        );
    }
}
