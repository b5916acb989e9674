//! Why a server does not start.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::site::Address;

/// Why a server did not start or did not go on. Each is one sentence with the remedy.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The directory cannot be served.
    Directory(PathBuf, io::Error),
    /// A site that makes no sense: a sentence.
    Site(&'static str),
    /// An address cannot be listened on.
    Listen(Address, io::Error),
    /// A log file cannot be opened.
    Log(PathBuf, io::Error),
    /// A worker could not be started, or ended by itself.
    Worker(io::Error),
    /// The process cannot become that user.
    User(String, io::Error),
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
            Error::Site(sentence) => formatter.write_str(sentence),
            Error::Listen(address, error) => match error.kind() {
                io::ErrorKind::NotFound if matches!(address, Address::Inherited(_)) => write!(
                    formatter,
                    "{address} was not passed on; start webserv from its socket unit, and check the name there"
                ),
                io::ErrorKind::AlreadyExists => write!(
                    formatter,
                    "{address}: there is a file of that name; remove it or choose another name"
                ),
                io::ErrorKind::AddrInUse => write!(
                    formatter,
                    "{address} is in use by another program; stop it or choose another address with --listen or in the configuration"
                ),
                io::ErrorKind::PermissionDenied => write!(
                    formatter,
                    "this user may not listen on {address}; choose a port from 1024 up, or start as root with `user` in the configuration"
                ),
                io::ErrorKind::AddrNotAvailable => write!(
                    formatter,
                    "{address} is no address of this machine; choose another with --listen or in the configuration"
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
            Error::Log(path, error) => write!(
                formatter,
                "cannot open the log {}: {error}; make its directory, or choose another path",
                path.display()
            ),
            Error::User(name, error) => write!(
                formatter,
                "cannot become the user {name}: {error}; start as root, or leave `user` out"
            ),
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
            | Error::Log(_, error)
            | Error::User(_, error)
            | Error::Signals(error) => Some(error),
            Error::Site(_) => None,
        }
    }
}
