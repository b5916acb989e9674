//! One thread: its executor and queue, its listening sockets, its connections.
//!
//! Workers share nothing on the path of a request. From outside a worker hears [`Order`]s: to serve
//! a site, and to stop. To serve another site it puts other hosts into the entrances that stay
//! ([`crate::entrance`]), opens new ones, and closes those that are gone. To stop it accepts what
//! is waiting, closes its listening sockets, answers requests that are on their way with "close",
//! shuts idle connections for reading (so they wake, serve what has arrived, and end), and gives
//! the busy ones their time.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use kevent_async::{Notify, Task, sleep, spawn, timeout, yield_now};
use slab::Slab;

use crate::buffers::BufferPool;
use crate::connection;
use crate::connection::stream::Stream;
use crate::entrance::{Entrance, Phase};
use crate::handlers::authentication::Verified;
use crate::handlers::cgi::Gates;
use crate::http::date::HttpDate;
use crate::limits::STOP_GRACE;
use crate::listener::{self, Accepted, Listener, Socket};
use crate::log::access::{self, AccessLines};
use crate::log::file::OpenLog;
use crate::route::virtual_host::Plan;

/// What a worker is told.
#[derive(Debug)]
pub(crate) enum Order {
    /// Serve this, and nothing else any more.
    Serve(Assignment),
    /// Stop, and let the running answers finish.
    Stop,
    /// Stop at once.
    StopNow,
    /// Panic outside all tasks, as a fault of the reactor would.
    #[cfg(test)]
    Panic,
}

/// What a worker is to serve.
#[derive(Debug)]
pub(crate) struct Assignment {
    pub(crate) plan: Arc<Plan>,
    pub(crate) sockets: Vec<Share>,
    /// Where the lines for answers go.
    pub(crate) access_file: Option<Arc<OpenLog>>,
    /// Told when the worker has done it.
    pub(crate) done: mpsc::Sender<io::Result<()>>,
}

/// A listening socket that a worker is to accept from.
#[derive(Debug)]
pub(crate) struct Share {
    /// Which address: the same number means the same sockets for as long as the server runs.
    pub(crate) entrance: u64,
    /// Which of its sockets.
    pub(crate) number: usize,
    /// The address's place in the site.
    pub(crate) listen: usize,
    /// A duplicate of the server's.
    pub(crate) socket: Socket,
}

/// What the tasks of a worker share.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) buffers: BufferPool,
    /// How many CGI programs run.
    pub(crate) gates: Gates,
    pub(crate) verified: Verified,
    pub(crate) access_lines: AccessLines,
    connections: RefCell<Slab<Occupant>>,
    phase: Cell<Phase>,
    /// Who waits for the last connection to end.
    departure: RefCell<Option<Waker>>,
}

/// A connection as its worker sees it.
#[derive(Debug)]
struct Occupant {
    stream: Rc<Stream>,
    entrance: Rc<Entrance>,
    peer: Option<SocketAddr>,
    task: Option<Task<()>>,
    is_idle: bool,
}

impl Worker {
    /// A worker without connections.
    fn new() -> Self {
        Worker {
            buffers: BufferPool::default(),
            gates: Gates::default(),
            verified: Verified::default(),
            access_lines: AccessLines::default(),
            connections: RefCell::default(),
            phase: Cell::new(Phase::Serving),
            departure: RefCell::default(),
        }
    }

    /// Whether it goes on.
    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// The time of day, for Date and for what is compared with it.
    pub(crate) fn date(&self) -> HttpDate {
        HttpDate::from_system_time(SystemTime::now())
    }

    /// Starts the task of a new connection.
    pub(crate) fn welcome(self: &Rc<Self>, accepted: Accepted, entrance: &Rc<Entrance>) {
        self.seat_with(accepted, entrance, connection::serve);
    }

    /// Gives a connection a seat, and a task that `serve` makes.
    fn seat_with<F>(
        self: &Rc<Self>,
        accepted: Accepted,
        entrance: &Rc<Entrance>,
        serve: impl FnOnce(Seat, Rc<Stream>) -> F,
    ) where
        F: Future<Output = ()> + 'static,
    {
        let Accepted { stream, peer } = accepted;
        let stream = Rc::new(stream);
        let occupant = Occupant {
            stream: Rc::clone(&stream),
            entrance: Rc::clone(entrance),
            peer,
            task: None,
            is_idle: false,
        };
        let key = self.connections.borrow_mut().insert(occupant);
        let seat = Seat {
            worker: Rc::clone(self),
            entrance: Rc::clone(entrance),
            key,
        };
        let task = spawn(serve(seat, stream));
        if let Some(occupant) = self.connections.borrow_mut().get_mut(key) {
            occupant.task = Some(task);
        }
    }

    /// Wakes the idle connections that `is_meant` chooses by their entrance: they read what has
    /// arrived, or the end, and do not come back.
    fn shut_idle_connections(&self, is_meant: impl Fn(&Rc<Entrance>) -> bool) {
        for (_, occupant) in self.connections.borrow().iter() {
            if occupant.is_idle && is_meant(&occupant.entrance) {
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
    pub(crate) entrance: Rc<Entrance>,
    key: usize,
}

impl Seat {
    /// Who is at the other end; none over a unix socket.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        let connections = self.worker.connections.borrow();
        connections.get(self.key).and_then(|occupant| occupant.peer)
    }

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

/// The listening sockets of a worker, each with its task.
#[derive(Debug)]
struct Doors {
    worker: Rc<Worker>,
    entrances: HashMap<u64, Rc<Entrance>>,
    doors: HashMap<(u64, usize), Door>,
    /// For running answers after an order to stop.
    stop_timeout: Duration,
}

#[derive(Debug)]
struct Door {
    listener: Rc<Listener>,
    entrance: Rc<Entrance>,
    task: Task<()>,
}

impl Doors {
    /// Serves what the assignment says. What cannot be opened is left out, and the first such
    /// error is returned at the end.
    async fn serve(&mut self, assignment: Assignment) -> io::Result<()> {
        let Assignment {
            plan,
            sockets,
            access_file,
            ..
        } = assignment;
        let form = plan.site.log.access;
        self.worker.access_lines.set(form, access_file);
        self.stop_timeout = plan.site.timeouts.stop;
        let hosts = plan.hosts(Instant::now());
        let mut kept = HashMap::new();
        let mut outcome = Ok(());
        for share in sockets {
            let Some(hosts) = hosts.get(share.listen) else {
                continue;
            };
            let entrance = self
                .entrances
                .entry(share.entrance)
                .or_insert_with(|| Rc::new(Entrance::new(Rc::clone(hosts))));
            entrance.set_hosts(Rc::clone(hosts));
            let key = (share.entrance, share.number);
            let door = match self.doors.remove(&key) {
                Some(door) => Ok(door),
                None => open_door(&self.worker, share.socket, entrance),
            };
            match door {
                Ok(door) => drop(kept.insert(key, door)),
                Err(error) => outcome = Err(error),
            }
        }
        let gone = std::mem::replace(&mut self.doors, kept);
        self.close(gone).await;
        // Let the listeners' tasks begin, so that their knotes are there.
        yield_now().await;
        outcome
    }

    /// Closes doors. Where an address has no door left, its connections end; another worker may
    /// have got the door of an address that stays, with what is waiting there.
    async fn close(&mut self, gone: HashMap<(u64, usize), Door>) {
        for ((entrance, _), door) in gone {
            door.task.cancel().await;
            if !self.doors.keys().any(|(kept, _)| *kept == entrance) {
                listener::accept_waiting(&self.worker, &door.listener, &door.entrance);
            }
        }
        let doors = &self.doors;
        let closed = self
            .entrances
            .extract_if(|entrance, _| !doors.keys().any(|(kept, _)| kept == entrance));
        for (_, entrance) in closed {
            entrance.set_phase(Phase::Stopping);
            let worker = Rc::clone(&self.worker);
            spawn(async move {
                sleep(STOP_GRACE).await;
                entrance.set_phase(Phase::Closing);
                worker.shut_idle_connections(|other| Rc::ptr_eq(other, &entrance));
            })
            .detach();
        }
    }

    /// Closes everything, and waits for the connections.
    async fn stop(mut self) {
        let worker = Rc::clone(&self.worker);
        worker.phase.set(Phase::Stopping);
        let gone = std::mem::take(&mut self.doors);
        self.close(gone).await;
        // Whoever waits for nothing but our end must not wait longer than for the last connection.
        let _ = timeout(STOP_GRACE, worker.emptied()).await;
        worker.phase.set(Phase::Closing);
        worker.shut_idle_connections(|_| true);
        if timeout(self.stop_timeout, worker.emptied()).await.is_err() {
            let count = worker.connections.borrow().len();
            tracing::warn!(
                count,
                "connections were cut off: they took longer than the stop time-out"
            );
        }
    }
}

fn open_door(worker: &Rc<Worker>, socket: Socket, entrance: &Rc<Entrance>) -> io::Result<Door> {
    let listener = Rc::new(Listener::new(socket)?);
    let task = spawn(listener::accept_all(
        Rc::clone(worker),
        Rc::clone(&listener),
        Rc::clone(entrance),
    ));
    Ok(Door {
        listener,
        entrance: Rc::clone(entrance),
        task,
    })
}

/// The whole life of a worker, from its first connection to its last. `wake` is notified when there
/// is an order.
pub(crate) async fn run(orders: mpsc::Receiver<Order>, wake: &Notify) {
    let mut doors = Doors {
        worker: Rc::new(Worker::new()),
        entrances: HashMap::new(),
        doors: HashMap::new(),
        stop_timeout: Duration::ZERO,
    };
    spawn(access::write_all(Rc::clone(&doors.worker))).detach();
    loop {
        match orders.try_recv() {
            Ok(Order::Serve(assignment)) => {
                let done = assignment.done.clone();
                // Nobody may be waiting for it.
                let _ = done.send(doors.serve(assignment).await);
            }
            Ok(Order::StopNow) => return,
            // Without the server there is nobody left to serve for.
            Ok(Order::Stop) | Err(mpsc::TryRecvError::Disconnected) => break,
            #[cfg(test)]
            Ok(Order::Panic) => panic!("this panic is part of a test"),
            Err(mpsc::TryRecvError::Empty) => wake.notified().await,
        }
    }
    let cut_short = async {
        loop {
            wake.notified().await;
            if orders
                .try_iter()
                .any(|order| matches!(order, Order::StopNow))
            {
                return;
            }
        }
    };
    futures_lite::future::or(doors.stop(), cut_short).await;
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net;
    use std::num::NonZeroU16;

    use kevent_async::TcpListener;

    use super::*;
    use crate::site::{Address, Listen, Site};

    #[test]
    fn a_panic_ends_one_connection_and_gives_up_its_seat() {
        let root = tempfile::tempdir().unwrap();
        let mut site = Site::of_directory(root.path().to_owned(), &[], NonZeroU16::MIN);
        site.listen = vec![Listen::new(Address::Unix("x".into()), 0)];
        let hosts = Plan::new(site).unwrap().hosts(Instant::now()).remove(0);
        kevent_async::block_on(async {
            let worker = Rc::new(Worker::new());
            let entrance = Rc::new(Entrance::new(hosts));
            let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let listener = TcpListener::from_std(listener).unwrap();
            let mut client = net::TcpStream::connect(address).unwrap();
            let (stream, peer) = listener.accept().await.unwrap();
            let accepted = Accepted {
                stream: Stream::Tcp(stream),
                peer: Some(peer),
            };
            worker.seat_with(accepted, &entrance, |seat, stream| async move {
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
