//! The server as a whole: opens the listening sockets, starts a thread per worker, and keeps a
//! thread of its own that carries out what a [`Handle`] asks for and replaces workers that fail.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::error::Error;
use crate::site::{Address, Site};
use crate::supervisor::{Command, Supervisor};

/// A running server.
///
/// Dropping it stops nothing; its threads run until [`Handle::stop`] or the end of the process.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::{SocketAddr, TcpStream};
/// use std::num::NonZeroU16;
/// use webserv::Server;
/// use webserv::site::Site;
///
/// let listen = [SocketAddr::from(([127, 0, 0, 1], 0))];
/// let site = Site::of_directory(std::env::temp_dir(), &listen, NonZeroU16::MIN);
/// let server = Server::start(site)?;
/// let mut client = TcpStream::connect(server.addresses()[0])?;
/// client.write_all(b"OPTIONS * HTTP/1.0\r\n\r\n")?;
/// let mut answer = String::new();
/// client.read_to_string(&mut answer)?;
/// assert!(answer.starts_with("HTTP/1.1 204 No Content\r\n"));
/// server.handle().stop();
/// server.wait()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Server {
    bound: Vec<Address>,
    handle: Handle,
    supervisor: JoinHandle<Result<(), Error>>,
}

/// Tells a server what to do, from any thread.
#[derive(Debug, Clone)]
pub struct Handle {
    commands: mpsc::Sender<Command>,
}

impl Handle {
    /// Asks for the end: no new connections, idle ones end, running answers finish within
    /// [`Timeouts::stop`]. Returns at once; [`Server::wait`] waits. Asking twice changes nothing.
    ///
    /// [`Timeouts::stop`]: crate::limits::Timeouts::stop
    pub fn stop(&self) {
        self.tell(Command::Stop);
    }

    /// Asks for the end without delay: running answers are cut off.
    pub fn stop_now(&self) {
        self.tell(Command::StopNow);
    }

    /// Serves another site from now on, and returns when all workers do.
    ///
    /// Addresses that both sites have keep their sockets and connections, whose next requests are
    /// answered by the new site. New addresses are opened. Those that are gone are closed when what
    /// was waiting there has been accepted; their connections end with their next answer.
    ///
    /// # Errors
    ///
    /// [`Error`], and the server goes on as before.
    pub fn reload(&self, site: Site) -> Result<(), Error> {
        let (sender, receiver) = mpsc::channel();
        self.tell(Command::Reload(Box::new(site), sender));
        // No answer: the server has stopped meanwhile.
        receiver.recv().unwrap_or(Ok(()))
    }

    /// Opens the file of the access log anew under its name, and returns when that is done. If it
    /// fails the old one stays, and the error log says so.
    pub fn reopen_logs(&self) {
        let (sender, receiver) = mpsc::channel();
        self.tell(Command::ReopenLogs(sender));
        // It is dropped when it is done.
        let _ = receiver.recv();
    }

    fn tell(&self, command: Command) {
        // Whoever has stopped needs no command any more.
        let _ = self.commands.send(command);
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
    pub fn start(site: Site) -> Result<Server, Error> {
        raise_descriptor_limit();
        let (sender, receiver) = mpsc::channel();
        let supervisor = Supervisor::start(site, sender.clone())?;
        let bound = supervisor.bound();
        let supervisor = thread::Builder::new()
            .name("supervisor".to_owned())
            .spawn(move || supervisor.run(&receiver))
            .map_err(Error::Worker)?;
        Ok(Server {
            bound,
            handle: Handle { commands: sender },
            supervisor,
        })
    }

    /// The TCP addresses it began with, in the order they were asked for, with their real ports.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let tcp = |address: &Address| match address {
            Address::Tcp(address) => Some(*address),
            _ => None,
        };
        self.bound.iter().filter_map(tcp).collect()
    }

    /// All addresses it began with, in the order they were asked for, with their real ports.
    #[must_use]
    pub fn bound(&self) -> &[Address] {
        &self.bound
    }

    /// A handle that reloads and stops the server.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Waits until all workers have ended, as a [`Handle`] asked them to.
    ///
    /// # Errors
    ///
    /// [`Error::Worker`] if a worker failed while it stopped.
    pub fn wait(self) -> Result<(), Error> {
        self.supervisor
            .join()
            .unwrap_or_else(|_| Err(Error::Worker(io::Error::other("the supervisor panicked"))))
    }
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
