//! What keeps the workers going: it owns the listening sockets, hands duplicates of them out, and
//! replaces a worker that ends without having been asked to.
//!
//! The sockets outlive the workers, so what waits in their queues is served by whoever comes next.
//! With fewer workers than sockets, a worker has several.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use kevent_async::{Notifier, Notify, block_on};

use crate::error::Error;
use crate::limits::WORKER_PAUSE;
use crate::log::file::{OpenLog, Standard};
use crate::opening::{Inherited, Opening};
use crate::privileges;
use crate::route::virtual_host::{Plan, Refused};
use crate::site::{AccessLog, Address, Log, Site};
use crate::worker::{self, Assignment, Order, Share};

/// What the server is asked for.
#[derive(Debug)]
pub(crate) enum Command {
    /// Serve another site; tell how it went.
    Reload(Box<Site>, mpsc::Sender<Result<(), Error>>),
    /// Open the log files anew; the sender is dropped when that is done.
    ReopenLogs(mpsc::Sender<()>),
    /// Stop when the running answers are finished.
    Stop,
    /// Stop at once.
    StopNow,
    /// A worker has ended: its number.
    Ended(u64),
    /// Start a worker where one is missing.
    Replace,
}

/// The server's own thread.
#[derive(Debug)]
pub(crate) struct Supervisor {
    plan: Arc<Plan>,
    access_file: Option<Arc<OpenLog>>,
    doors: Vec<Door>,
    doors_made: u64,
    inherited: Inherited,
    workers: Vec<Running>,
    /// Workers that a reload made superfluous, until their connections have ended.
    retiring: Vec<Running>,
    workers_made: u64,
    commands: mpsc::Sender<Command>,
}

/// An address that is listened on, with the number that workers know it by.
#[derive(Debug)]
struct Door {
    number: u64,
    opening: Opening,
}

/// A worker that has been started.
#[derive(Debug)]
struct Running {
    number: u64,
    orders: mpsc::Sender<Order>,
    wake: Notifier,
    thread: JoinHandle<io::Result<()>>,
}

impl Running {
    fn tell(&self, order: Order) {
        // One that has ended is replaced, and its successor is told.
        let _ = self.orders.send(order);
        self.wake.notify();
    }
}

impl Supervisor {
    /// Opens everything and starts the workers; they accept when this returns. `commands` leads to
    /// the receiver of [`run`](Self::run).
    pub(crate) fn start(mut site: Site, commands: mpsc::Sender<Command>) -> Result<Self, Error> {
        make_absolute(&mut site)?;
        let plan = Arc::new(Plan::new(site)?);
        let access_file = open_access_log(&plan.site.log, None)?;
        let mut supervisor = Supervisor {
            plan,
            access_file,
            doors: Vec::new(),
            doors_made: 0,
            inherited: Inherited::from_environment(),
            workers: Vec::new(),
            retiring: Vec::new(),
            workers_made: 0,
            commands,
        };
        let plan = Arc::clone(&supervisor.plan);
        supervisor.open(&plan)?;
        if let Some(user) = &plan.site.user {
            let failed = |error| Error::User(user.name.clone(), error);
            privileges::become_user(user).map_err(failed)?;
        }
        for _ in 0..worker_count(&plan) {
            let worker = supervisor.start_worker().map_err(Error::Worker)?;
            supervisor.workers.push(worker);
        }
        supervisor.assign().map_err(Error::Worker)?;
        Ok(supervisor)
    }

    /// The addresses, with their real ports.
    pub(crate) fn bound(&self) -> Vec<Address> {
        let openings = self.doors.iter().map(|door| &door.opening);
        openings.map(|opening| opening.bound.clone()).collect()
    }

    /// Carries out commands until all workers have stopped.
    pub(crate) fn run(mut self, commands: &mpsc::Receiver<Command>) -> Result<(), Error> {
        let mut is_stopping = false;
        let mut outcome = Ok(());
        // Every worker sends a command when it ends; and one sender is ours.
        while let Ok(command) = commands.recv() {
            match command {
                // Dropping the sender tells that there is no answer.
                Command::Reload(..) | Command::Replace if is_stopping => {}
                Command::Reload(site, reply) => {
                    let reloaded = self.reload(*site);
                    // Nobody may be waiting for it.
                    let _ = reply.send(reloaded);
                }
                Command::ReopenLogs(_done) => {
                    if let Some(Err(error)) = self.access_file.as_ref().map(|log| log.reopen()) {
                        tracing::error!("{error}");
                    }
                }
                Command::Stop => {
                    is_stopping = true;
                    self.stop(|| Order::Stop);
                }
                Command::StopNow => {
                    is_stopping = true;
                    self.stop(|| Order::StopNow);
                }
                Command::Replace => self.replace(),
                Command::Ended(number) => {
                    if let Some(ended) = self.take_ended(number) {
                        match ended {
                            Err(error) if is_stopping => outcome = Err(Error::Worker(error)),
                            Ok(()) if is_stopping => {}
                            Err(error) => {
                                tracing::error!(%error, "a worker failed and is replaced");
                                self.replace();
                            }
                            Ok(()) => {
                                tracing::error!("a worker ended by itself and is replaced");
                                self.replace();
                            }
                        }
                    }
                }
            }
            if is_stopping && self.workers.is_empty() && self.retiring.is_empty() {
                break;
            }
        }
        outcome
    }

    fn stop(&mut self, order: impl Fn() -> Order) {
        // Workers have duplicates, which they close when they have emptied them.
        self.doors.clear();
        for worker in self.workers.iter().chain(&self.retiring) {
            worker.tell(order());
        }
    }

    /// How a worker has ended; none for one that was to end.
    fn take_ended(&mut self, number: u64) -> Option<io::Result<()>> {
        if let Some(place) = self.retiring.iter().position(|one| one.number == number) {
            if let Err(error) = join(self.retiring.swap_remove(place)) {
                tracing::error!(%error, "a worker failed while it stopped");
            }
            return None;
        }
        let place = self.workers.iter().position(|one| one.number == number)?;
        Some(join(self.workers.swap_remove(place)))
    }

    /// Starts a worker in the place of one that failed.
    fn replace(&mut self) {
        // One that fails again and again must not take the processor for itself.
        thread::sleep(WORKER_PAUSE);
        match self.start_worker() {
            Ok(worker) => self.workers.push(worker),
            Err(error) => {
                tracing::error!(%error, "a worker cannot be replaced yet");
                // The receiver is in the loop that called this.
                let _ = self.commands.send(Command::Replace);
            }
        }
        if let Err(error) = self.assign() {
            tracing::error!(%error, "a worker cannot listen");
        }
    }

    /// Puts another site in the place of the present one, or leaves everything as it is.
    fn reload(&mut self, mut site: Site) -> Result<(), Error> {
        make_absolute(&mut site)?;
        let plan = Arc::new(Plan::new(site)?);
        let access_file = open_access_log(&plan.site.log, self.access_file.as_ref())?;
        let wanted = worker_count(&plan);
        while self.workers.len() < wanted {
            let worker = self.start_worker().map_err(Error::Worker)?;
            self.workers.push(worker);
        }
        if let Err(error) = self.open(&plan) {
            // The workers that were started share the old site's sockets.
            if let Err(error) = self.assign() {
                tracing::error!(%error, "a worker cannot listen");
            }
            return Err(error);
        }
        self.plan = plan;
        self.access_file = access_file;
        let surplus = self.workers.split_off(wanted.min(self.workers.len()));
        let outcome = self.assign().map_err(Error::Worker);
        for worker in surplus {
            worker.tell(Order::Stop);
            self.retiring.push(worker);
        }
        outcome
    }

    /// Opens the addresses of a site, in its order. Those that are open already are kept, the
    /// others are given up, unless this fails.
    fn open(&mut self, plan: &Plan) -> Result<(), Error> {
        let worker_count = worker_count(plan);
        let mut places = Vec::new();
        for listen in &plan.site.listen {
            let is_free = |place: &usize| !places.contains(&Ok(*place));
            let mut same = (0..self.doors.len()).filter(|&place| {
                let opening = self.doors.get(place).map(|door| &door.opening.address);
                opening == Some(&listen.address)
            });
            places.push(match same.find(is_free) {
                Some(place) => Ok(place),
                None => Err(places.len()),
            });
        }
        let failed = |address: &Address| {
            let address = address.clone();
            |error| Error::Listen(address, error)
        };
        let mut opened = Vec::new();
        for (listen, place) in plan.site.listen.iter().zip(&places) {
            let outcome = match place {
                Ok(place) => match self.doors.get_mut(*place) {
                    Some(door) => door
                        .opening
                        .grow(worker_count)
                        .and_then(|()| door.opening.set_mode(listen.unix_mode)),
                    None => Ok(()),
                },
                Err(_) => Opening::new(listen, worker_count, &mut self.inherited)
                    .map(|opening| opened.push(opening)),
            };
            outcome.map_err(failed(&listen.address))?;
        }
        let mut kept: Vec<Option<Door>> = self.doors.drain(..).map(Some).collect();
        let mut opened = opened.into_iter();
        for place in places {
            let door = match place {
                Ok(place) => kept.get_mut(place).and_then(Option::take),
                Err(_) => opened.next().map(|opening| {
                    self.doors_made += 1;
                    Door {
                        number: self.doors_made,
                        opening,
                    }
                }),
            };
            self.doors.extend(door);
        }
        for door in kept.into_iter().flatten() {
            self.inherited.give_back(door.opening);
        }
        Ok(())
    }

    /// Tells every worker what to serve, and waits until it does.
    fn assign(&self) -> io::Result<()> {
        let (done, replies) = mpsc::channel();
        for (place, worker) in self.workers.iter().enumerate() {
            worker.tell(Order::Serve(Assignment {
                plan: Arc::clone(&self.plan),
                sockets: self.share(place)?,
                access_file: self.access_file.clone(),
                done: done.clone(),
            }));
        }
        drop(done);
        // A worker that ends meanwhile drops its sender.
        let mut outcome = Ok(());
        for reply in replies {
            outcome = outcome.and(reply);
        }
        outcome
    }

    /// The sockets of one worker.
    fn share(&self, place: usize) -> io::Result<Vec<Share>> {
        let mut shares = Vec::new();
        for (listen, door) in self.doors.iter().enumerate() {
            let sockets = &door.opening.sockets;
            for (number, socket) in sockets.iter().enumerate() {
                if door.opening.is_shared() || number % self.workers.len() == place {
                    shares.push(Share {
                        entrance: door.number,
                        number,
                        listen,
                        socket: socket.try_clone()?,
                    });
                }
            }
        }
        Ok(shares)
    }

    fn start_worker(&mut self) -> io::Result<Running> {
        self.workers_made += 1;
        let number = self.workers_made;
        let (orders, inbox) = mpsc::channel();
        let (started, wake) = mpsc::channel();
        let farewell = Farewell {
            number,
            commands: self.commands.clone(),
        };
        let thread = thread::Builder::new()
            .name(format!("worker-{number}"))
            .spawn(move || run_worker(inbox, &started, &farewell))?;
        // A thread that could not begin drops the sender, and its result says why.
        match wake.recv() {
            Ok(wake) => Ok(Running {
                number,
                orders,
                wake,
                thread,
            }),
            Err(_) => Err(match thread.join() {
                Ok(Err(error)) => error,
                _ => io::Error::other("it ended at once"),
            }),
        }
    }
}

/// The file of the access log; the same one if it stays.
fn open_access_log(log: &Log, open: Option<&Arc<OpenLog>>) -> Result<Option<Arc<OpenLog>>, Error> {
    if log.access == AccessLog::Off {
        return Ok(None);
    }
    match open {
        Some(open) if *open.place() == log.access_file => Ok(Some(Arc::clone(open))),
        _ => OpenLog::open(&log.access_file, Standard::Output).map(|log| Some(Arc::new(log))),
    }
}

/// How many workers a site asks for.
fn worker_count(plan: &Plan) -> usize {
    usize::from(plan.site.workers.get())
}

/// Absolute roots, but with their links unresolved: one of them may be switched later.
fn make_absolute(site: &mut Site) -> Result<(), Error> {
    for route in site.hosts.iter_mut().flat_map(|host| &mut host.routes) {
        route.root = std::path::absolute(&route.root)
            .map_err(|error| Error::Directory(route.root.clone(), error))?;
    }
    Ok(())
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Site(sentence) => Error::Site(sentence),
            Refused::Directory(path, error) => Error::Directory(path, error),
        }
    }
}

/// Says that a worker has ended, however it ends.
struct Farewell {
    number: u64,
    commands: mpsc::Sender<Command>,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        // Without a supervisor there is nobody who wants to know.
        let _ = self.commands.send(Command::Ended(self.number));
    }
}

fn run_worker(
    inbox: mpsc::Receiver<Order>,
    started: &mpsc::Sender<Notifier>,
    _farewell: &Farewell,
) -> io::Result<()> {
    kevent_async::prepare()?;
    let wake = Notify::new()?;
    // The receiver waits for this, so it is there.
    let _ = started.send(wake.notifier());
    block_on(worker::run(inbox, &wake));
    Ok(())
}

fn join(worker: Running) -> io::Result<()> {
    worker
        .thread
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("it panicked")))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpStream};
    use std::num::NonZeroU16;
    use std::time::{Duration, Instant};

    use super::*;

    fn is_served(address: SocketAddr) -> bool {
        let mut client = TcpStream::connect(address).unwrap();
        let mut answer = String::new();
        let outcome = client
            .write_all(b"GET / HTTP/1.0\r\n\r\n")
            .and_then(|()| client.read_to_string(&mut answer));
        outcome.is_ok() && answer.starts_with("HTTP/1.1 200 ")
    }

    #[test]
    fn h_n16_a_worker_that_panics_is_replaced() {
        let top = tempfile::tempdir().unwrap();
        let listen = [SocketAddr::from(([127, 0, 0, 1], 0))];
        let two = NonZeroU16::new(2).unwrap();
        let site = Site::of_directory(top.path().to_owned(), &listen, two);
        let (sender, receiver) = mpsc::channel();
        let supervisor = Supervisor::start(site, sender.clone()).unwrap();
        let Address::Tcp(address) = supervisor.bound()[0] else {
            panic!("it listens on TCP");
        };
        supervisor.workers[0].tell(Order::Panic);
        let running = thread::spawn(move || supervisor.run(&receiver));
        // The kernel spreads them over the sockets of both workers. Those that the worker had
        // accepted before its end are lost with it.
        let start = Instant::now();
        while !(0..32).all(|_| is_served(address)) {
            assert!(start.elapsed() < Duration::from_secs(10));
        }
        sender.send(Command::Stop).unwrap();
        running.join().unwrap().unwrap();
    }
}
