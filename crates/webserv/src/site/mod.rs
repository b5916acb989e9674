//! What is to be served, and how: plain values, checked when they are made, never changed while
//! they serve.
//!
//! The configuration is read into a [`Site`]; `webserv DIR` makes one without a file. Workers share
//! one behind an `Arc`, and a reload puts another in its place: a request keeps the one it began
//! with.

mod demonstration;
mod log;
mod route;
mod virtual_host;

pub use log::{AccessLog, ErrorLog, Level, Log, LogFile};
pub(crate) use route::CONTENT_BYTES_MAX_DEFAULT;
pub use route::{Authentication, CgiProgram, Compression, Matcher, Redirect, Route, Upload};
pub use virtual_host::{HostName, VirtualHost};

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;

use crate::limits::Timeouts;

/// Everything that one process serves.
#[derive(Debug, Clone)]
pub struct Site {
    /// The addresses to listen on, each with the hosts that answer there.
    pub listen: Vec<Listen>,
    /// The hosts; a [`Listen`] names them by their place here.
    pub hosts: Vec<VirtualHost>,
    /// How many workers, each a thread.
    pub workers: NonZeroU16,
    /// How long each phase of a connection may take, where a host does not say otherwise.
    pub timeouts: Timeouts,
    /// Where is written what happens.
    pub log: Log,
    /// The user to become when the sockets are open; none: stay.
    pub user: Option<User>,
    /// Whether the configuration is read again when its file changes.
    pub is_reloaded_on_change: bool,
}

/// Whom a process becomes, by name or number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user.
    pub name: String,
    /// The group; none: the user's own.
    pub group: Option<String>,
}

/// One address and who answers there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Where.
    pub address: Address,
    /// The hosts that answer there, by their place in [`Site::hosts`]; at least one. The first is
    /// asked where no name matches.
    pub hosts: Vec<usize>,
    /// Connections begin with a PROXY protocol header (version 1 or 2) that tells the client's
    /// address.
    pub is_behind_proxy: bool,
    /// The mode of a unix socket: who may connect. Default 0o666, as far as the directory lets
    /// them through.
    pub unix_mode: u32,
}

/// The mode of a unix socket where nothing else is said.
pub(crate) const UNIX_MODE_DEFAULT: u32 = 0o666;

impl Listen {
    /// An address at which one host answers.
    #[must_use]
    pub fn new(address: Address, host: usize) -> Self {
        Listen {
            address,
            hosts: vec![host],
            is_behind_proxy: false,
            unix_mode: UNIX_MODE_DEFAULT,
        }
    }
}

/// Where connections are accepted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// TCP; port 0 lets the system choose.
    Tcp(SocketAddr),
    /// A unix stream socket of this name.
    Unix(PathBuf),
    /// A socket that the service manager has opened, by its name (`FileDescriptorName=`), or by its
    /// place from 0.
    Inherited(String),
}

impl Site {
    /// The site of `webserv DIR`: one host that answers for any name with the files of `root`.
    #[must_use]
    pub fn of_directory(root: PathBuf, listen: &[SocketAddr], workers: NonZeroU16) -> Self {
        let listen = listen
            .iter()
            .map(|&address| Listen::new(Address::Tcp(address), 0));
        Site {
            listen: listen.collect(),
            hosts: vec![VirtualHost::of_directory(root)],
            workers,
            timeouts: Timeouts::default(),
            log: Log::default(),
            user: None,
            is_reloaded_on_change: false,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => address.fmt(formatter),
            Address::Unix(path) => write!(formatter, "unix:{}", path.display()),
            Address::Inherited(name) => write!(formatter, "inherited:{name}"),
        }
    }
}
