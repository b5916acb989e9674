//! The server as a whole: checks what it was given, opens the listening sockets, starts a thread
//! per worker, and waits for them.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use kevent_async::{Notifier, Notify, block_on};
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::limits::Timeouts;
use crate::listener;
use crate::route::beneath::Beneath;
use crate::worker::{self, Equipment};

/// What a server is to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory to serve.
    pub directory: PathBuf,
    /// The addresses to listen on, at least one; port 0 lets the system choose.
    pub listen: Vec<SocketAddr>,
    /// How many workers, each a thread.
    pub workers: NonZeroU16,
    /// How long each phase of a connection may take.
    pub timeouts: Timeouts,
}

/// Why a server did not start or did not go on. Each is one sentence with the remedy.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The directory cannot be served.
    Directory(PathBuf, io::Error),
    /// An address cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// A worker could not be started, or ended by itself.
    Worker(io::Error),
    /// The signals cannot be caught.
    Signals(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Directory(path, error) => {
                let path = path.display();
                match error.kind() {
                    io::ErrorKind::NotFound => write!(
                        formatter,
                        "there is no directory {path}; name the directory to serve: webserv DIR"
                    ),
                    io::ErrorKind::NotADirectory => write!(
                        formatter,
                        "{path} is not a directory; name the directory that holds the files"
                    ),
                    io::ErrorKind::PermissionDenied => write!(
                        formatter,
                        "the directory {path} may not be read by this user; change its mode or the user"
                    ),
                    _ => write!(formatter, "cannot open the directory {path}: {error}"),
                }
            }
            Error::Listen(address, error) => match error.kind() {
                io::ErrorKind::AddrInUse => write!(
                    formatter,
                    "{address} is in use by another program; stop it or choose another port with --listen"
                ),
                io::ErrorKind::PermissionDenied => write!(
                    formatter,
                    "this user may not listen on {address}; choose a port from 1024 up with --listen"
                ),
                io::ErrorKind::AddrNotAvailable => write!(
                    formatter,
                    "{address} is no address of this machine; choose another with --listen"
                ),
                _ => write!(formatter, "cannot listen on {address}: {error}"),
            },
            Error::Worker(error) => match error
                .raw_os_error()
                .map(rustix::io::Errno::from_raw_os_error)
            {
                Some(rustix::io::Errno::MFILE) => write!(
                    formatter,
                    "the limit on open files is too low to start a worker; raise it with ulimit -n"
                ),
                _ => write!(formatter, "a worker failed: {error}"),
            },
            Error::Signals(error) => write!(formatter, "cannot catch signals: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Directory(_, error)
            | Error::Listen(_, error)
            | Error::Worker(error)
            | Error::Signals(error) => Some(error),
        }
    }
}

/// A running server.
///
/// Dropping it stops nothing; its threads run until [`Stopper::stop`] or the end of the process.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::{SocketAddr, TcpStream};
/// use std::num::NonZeroU16;
/// use webserv::{Options, Server, limits::Timeouts};
///
/// let directory = std::env::temp_dir();
/// let server = Server::start(&Options {
///     directory,
///     listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
///     workers: NonZeroU16::MIN,
///     timeouts: Timeouts::default(),
/// })?;
/// let mut client = TcpStream::connect(server.addresses()[0])?;
/// client.write_all(b"OPTIONS * HTTP/1.0\r\n\r\n")?;
/// let mut answer = String::new();
/// client.read_to_string(&mut answer)?;
/// assert!(answer.starts_with("HTTP/1.1 204 No Content\r\n"));
/// server.stopper().stop();
/// server.wait()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Server {
    directory: PathBuf,
    addresses: Vec<SocketAddr>,
    workers: Vec<JoinHandle<io::Result<()>>>,
    stopper: Stopper,
}

/// Tells a server to stop, from any thread.
#[derive(Debug, Clone)]
pub struct Stopper {
    workers: Arc<[Notifier]>,
}

impl Stopper {
    /// Asks all workers to stop: no new connections, idle ones end, running answers finish within
    /// [`Timeouts::stop`]. Returns at once; [`Server::wait`] waits. Asking twice changes nothing.
    pub fn stop(&self) {
        for worker in self.workers.iter() {
            worker.notify();
        }
    }
}

impl Server {
    /// Starts the server; when this returns, connections are accepted.
    ///
    /// The soft limit on open files is raised to the hard limit first, since each connection
    /// takes a descriptor.
    ///
    /// # Errors
    ///
    /// [`Error`], before anything is served.
    pub fn start(options: &Options) -> Result<Server, Error> {
        raise_descriptor_limit();
        // Absolute, but with its links unresolved: one of them may be switched later.
        let directory = std::path::absolute(&options.directory)
            .map_err(|error| Error::Directory(options.directory.clone(), error))?;
        check_directory(&directory)
            .map_err(|error| Error::Directory(options.directory.clone(), error))?;
        let worker_count = usize::from(options.workers.get());
        let mut addresses = Vec::new();
        let mut equipment: Vec<Equipment> = Vec::new();
        equipment.resize_with(worker_count, || Equipment {
            directory: directory.clone(),
            listeners: Vec::new(),
            timeouts: options.timeouts,
        });
        for &address in &options.listen {
            let (address, listeners) = listener::open(address, worker_count)
                .map_err(|error| Error::Listen(address, error))?;
            addresses.push(address);
            for (worker, listener) in equipment.iter_mut().zip(listeners) {
                worker.listeners.push(listener);
            }
        }
        let (notifiers, workers) = start_workers(equipment).map_err(Error::Worker)?;
        let stopper = Stopper {
            workers: notifiers.into(),
        };
        Ok(Server {
            directory,
            addresses,
            workers,
            stopper,
        })
    }

    /// The addresses, in the order they were asked for, with their real ports.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The directory that is served, as an absolute path.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A handle that stops the server.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Waits until all workers have ended. If one ends without having been asked to, the others
    /// are stopped.
    ///
    /// # Errors
    ///
    /// [`Error::Worker`] if a worker failed.
    pub fn wait(self) -> Result<(), Error> {
        let mut outcome = Ok(());
        for worker in self.workers {
            let ended = worker
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("it panicked")));
            if let Err(error) = ended {
                self.stopper.stop();
                outcome = Err(Error::Worker(error));
            }
        }
        outcome
    }
}

type Started = (Vec<Notifier>, Vec<JoinHandle<io::Result<()>>>);

/// Starts the threads, and waits until each accepts.
fn start_workers(equipment: Vec<Equipment>) -> io::Result<Started> {
    let mut notifiers = Vec::new();
    let mut threads = Vec::new();
    for (index, equipment) in equipment.into_iter().enumerate() {
        let (sender, receiver) = mpsc::channel();
        let thread = thread::Builder::new()
            .name(format!("worker-{index}"))
            .spawn(move || run_worker(equipment, &sender))?;
        // A thread that could not begin drops the sender, and its result says why.
        let Ok(notifier) = receiver.recv() else {
            let ended = thread
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("it panicked")));
            return Err(ended.err().unwrap_or_else(|| io::Error::other("it ended")));
        };
        notifiers.push(notifier);
        threads.push(thread);
    }
    Ok((notifiers, threads))
}

fn run_worker(equipment: Equipment, started: &mpsc::Sender<Notifier>) -> io::Result<()> {
    kevent_async::prepare()?;
    let stop = Notify::new()?;
    // The receiver waits for this, so it is there.
    let tell = || drop(started.send(stop.notifier()));
    block_on(worker::run(equipment, &stop, tell))
}

/// Whether the directory can be opened and read.
fn check_directory(path: &Path) -> io::Result<()> {
    use rustix::fs::OFlags;
    Beneath::new(path)?.open(b"", OFlags::RDONLY | OFlags::DIRECTORY)?;
    Ok(())
}

/// Raises the soft limit on descriptors to the hard limit. If that fails the server still runs.
fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(%error, "the limit on open files stays as it is");
        }
    }
}
