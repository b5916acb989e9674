//! Opening the sockets of an address. They belong to the process; workers get duplicates.
//!
//! Over TCP each worker has a socket of its own (SO_REUSEPORT), and the kernel spreads connections
//! over them. That option would also let a second server share the port unnoticed, so one bind
//! without it comes first. A unix socket, and one that was inherited, is shared by all workers.

use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use listenfd::ListenFd;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::limits::{LISTEN_BACKLOG, UNSENT_BYTES_MAX};
use crate::platform;
use crate::site::{Address, Listen};

/// How often another port is tried when the system was asked to choose one and somebody else took
/// it in between.
const PORT_ATTEMPTS_MAX: usize = 8;

/// An address that is listened on.
#[derive(Debug)]
pub(crate) struct Opening {
    /// As it was asked for.
    pub(crate) address: Address,
    /// As it is: with the real port.
    pub(crate) bound: Address,
    /// One for each worker, or one for all.
    pub(crate) sockets: Vec<Socket>,
    /// The file of a unix socket, with device and inode: it is removed with the socket, but not
    /// when another has taken its place.
    file: Option<(PathBuf, (u64, u64))>,
}

impl Opening {
    /// Opens an address for so many workers.
    ///
    /// # Errors
    ///
    /// Those of bind(2) and listen(2): EADDRINUSE, EACCES, EADDRNOTAVAIL. NotFound for an inherited
    /// socket that is not there.
    pub(crate) fn new(
        listen: &Listen,
        worker_count: usize,
        inherited: &mut Inherited,
    ) -> io::Result<Self> {
        let mut opening = Opening {
            address: listen.address.clone(),
            bound: listen.address.clone(),
            sockets: Vec::new(),
            file: None,
        };
        match &listen.address {
            Address::Tcp(address) => {
                let (address, sockets) = open_tcp(*address, worker_count)?;
                opening.bound = Address::Tcp(address);
                opening.sockets = sockets;
            }
            Address::Unix(path) => {
                let (socket, identity) = open_unix(path, listen.unix_mode)?;
                opening.sockets.push(socket);
                opening.file = Some((path.clone(), identity));
            }
            Address::Inherited(name) => {
                let socket = inherited.take(name)?;
                if let Some(address) = socket.local_addr()?.as_socket() {
                    opening.bound = Address::Tcp(address);
                }
                opening.sockets.push(socket);
            }
        }
        Ok(opening)
    }

    /// Makes sure that there is a socket for each of so many workers.
    ///
    /// # Errors
    ///
    /// Those of bind(2) and listen(2).
    pub(crate) fn grow(&mut self, worker_count: usize) -> io::Result<()> {
        if let (Address::Tcp(_), Address::Tcp(bound)) = (&self.address, &self.bound) {
            while self.sockets.len() < worker_count {
                self.sockets.push(listening_socket(*bound)?);
            }
        }
        Ok(())
    }

    /// Whether all workers accept from the same socket.
    pub(crate) fn is_shared(&self) -> bool {
        !matches!(self.address, Address::Tcp(_))
    }

    /// Sets who may connect to a unix socket.
    ///
    /// # Errors
    ///
    /// Those of chmod(2).
    pub(crate) fn set_mode(&self, mode: u32) -> io::Result<()> {
        match &self.file {
            Some((path, _)) => fs::set_permissions(path, Permissions::from_mode(mode)),
            None => Ok(()),
        }
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        if let Some((path, identity)) = &self.file
            && fs::symlink_metadata(path).is_ok_and(|found| (found.dev(), found.ino()) == *identity)
        {
            // Whoever comes next finds a socket without a listener, and removes it.
            let _ = fs::remove_file(path);
        }
    }
}

fn open_tcp(address: SocketAddr, worker_count: usize) -> io::Result<(SocketAddr, Vec<Socket>)> {
    let mut attempt = 1;
    loop {
        match try_open_tcp(address, worker_count) {
            Err(error)
                if address.port() == 0
                    && error.kind() == io::ErrorKind::AddrInUse
                    && attempt < PORT_ATTEMPTS_MAX =>
            {
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

fn try_open_tcp(address: SocketAddr, worker_count: usize) -> io::Result<(SocketAddr, Vec<Socket>)> {
    let probe = socket(address)?;
    probe.bind(&address.into())?;
    let address = probe.local_addr()?.as_socket().unwrap_or(address);
    drop(probe);
    let sockets: io::Result<_> = (0..worker_count)
        .map(|_| listening_socket(address))
        .collect();
    Ok((address, sockets?))
}

/// One of the sockets that share a port.
fn listening_socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = socket(address)?;
    platform::share_port(&socket)?;
    prepare(&socket)?;
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    Ok(socket)
}

/// Accepted connections inherit these options, which saves two calls on each.
fn prepare(socket: &Socket) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    if let Err(error) = platform::limit_unsent(socket, UNSENT_BYTES_MAX) {
        // The kernel then holds more for a slow reader; nothing else changes.
        tracing::debug!(%error, "TCP_NOTSENT_LOWAT is not available");
    }
    Ok(())
}

/// A socket that may take over an address whose old connections are still being forgotten. One for
/// IPv6 is for IPv6 alone, so that `[::]:80` and `0.0.0.0:80` stand beside each other.
fn socket(address: SocketAddr) -> io::Result<Socket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

/// Opens a unix socket. It is made under another name and renamed when it is complete, so nobody
/// meets it with the wrong mode, or before it listens.
fn open_unix(path: &Path, mode: u32) -> io::Result<(Socket, (u64, u64))> {
    if let Ok(found) = fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        probe.set_nonblocking(true)?;
        match probe.connect(&SockAddr::unix(path)?) {
            // Nobody listens: it was left behind.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // Connected, or a queue that is full.
            _ => return Err(io::ErrorKind::AddrInUse.into()),
        }
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let temporary = PathBuf::from(name);
    // One that a killed process of the same number left.
    let _ = fs::remove_file(&temporary);
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(&temporary)?)?;
    let finish = || -> io::Result<_> {
        fs::set_permissions(&temporary, Permissions::from_mode(mode))?;
        socket.listen(LISTEN_BACKLOG)?;
        let made = fs::symlink_metadata(&temporary)?;
        fs::rename(&temporary, path)?;
        Ok((made.dev(), made.ino()))
    };
    let identity = finish().inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })?;
    Ok((socket, identity))
}

/// The sockets that the service manager has opened (sd_listen_fds(3)), until they are taken.
#[derive(Debug, Default)]
pub(crate) struct Inherited {
    by_name: HashMap<String, Socket>,
}

impl Inherited {
    /// Takes them over from the environment; nothing is there the second time.
    pub(crate) fn from_environment() -> Self {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut descriptors = ListenFd::from_env();
        let mut by_name = HashMap::new();
        for place in 0..descriptors.len() {
            let name = names.next().unwrap_or_default();
            let tcp = descriptors.take_tcp_listener(place).ok().flatten();
            let socket = match tcp {
                Some(listener) => Some(Socket::from(listener)),
                None => {
                    let unix = descriptors.take_unix_listener(place).ok().flatten();
                    unix.map(Socket::from)
                }
            };
            let Some(socket) = socket else {
                tracing::warn!(place, "an inherited descriptor is no stream socket");
                continue;
            };
            let name = match name {
                "" | "unknown" => place.to_string(),
                name if by_name.contains_key(name) => place.to_string(),
                name => name.to_owned(),
            };
            by_name.insert(name, socket);
        }
        Inherited { by_name }
    }

    /// Takes the socket of an address that is given up, if it was inherited: a later site may ask
    /// for it again, and it cannot be opened anew.
    pub(crate) fn give_back(&mut self, mut opening: Opening) {
        if let Address::Inherited(name) = &opening.address
            && let Some(socket) = opening.sockets.pop()
        {
            self.by_name.insert(name.clone(), socket);
        }
    }

    fn take(&mut self, name: &str) -> io::Result<Socket> {
        let socket = self.by_name.remove(name).ok_or(io::ErrorKind::NotFound)?;
        if !socket.local_addr()?.is_unix() {
            prepare(&socket)?;
        }
        Ok(socket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(address: Address, worker_count: usize) -> io::Result<Opening> {
        let listen = Listen::new(address, 0);
        Opening::new(&listen, worker_count, &mut Inherited::default())
    }

    #[test]
    fn a_busy_port_is_found() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let opening = open(Address::Tcp(any), 3).unwrap();
        assert_ne!(opening.bound, opening.address);
        assert_eq!(opening.sockets.len(), 3);
        let error = open(opening.bound.clone(), 1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn a_unix_socket_that_was_left_behind_is_replaced() {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().join("socket");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let opening = open(Address::Unix(path.clone()), 3).unwrap();
        assert_eq!(opening.sockets.len(), 1);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o666);
        let error = open(Address::Unix(path.clone()), 1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        drop(opening);
        assert_eq!(fs::read_dir(top.path()).unwrap().count(), 0);
        fs::write(&path, "a file").unwrap();
        let error = open(Address::Unix(path.clone()), 1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "a file");
    }

    #[test]
    fn the_file_of_another_socket_is_left_alone() {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().join("socket");
        let opening = open(Address::Unix(path.clone()), 1).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "another").unwrap();
        drop(opening);
        assert!(path.exists());
    }
}
