//! Who is started for a case: the floors, `webserv`, and those peers that are installed.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use super::peers::Peer;
use super::server::{Server, free_address};
use super::site::Site;
use crate::build;
use crate::rounds::Kit;

/// The names of the sides that claims are about.
pub(crate) const BARE: &str = "floor: epoll";
pub(crate) const QUEUE: &str = "step: kevent";
pub(crate) const EXECUTOR: &str = "step: kevent-async";
pub(crate) const WEBSERV: &str = "webserv";

/// Starts servers for one site.
pub(crate) struct Fleet<'s> {
    site: &'s Site,
    webserv: PathBuf,
    has_access_log: bool,
}

/// One that may be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Member {
    /// One of the small servers for 1 KB: its name, its layer.
    Step(&'static str, &'static str),
    /// The floor for a connection per request.
    ClosingFloor,
    /// The floor for this file of the site.
    FileFloor(&'static str),
    Webserv,
    /// With its access log.
    WebservLogging,
    Peer(Peer),
}

impl Member {
    /// The floor and the steps up to `webserv`.
    pub(crate) const STEPS: [Self; 4] = [
        Self::Step(BARE, "bare"),
        Self::Step(QUEUE, "queue"),
        Self::Step(EXECUTOR, "executor"),
        Self::Webserv,
    ];

    /// What the table calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Step(name, _) => name,
            Self::ClosingFloor | Self::FileFloor(_) => BARE,
            Self::Webserv => WEBSERV,
            Self::WebservLogging => "webserv, access log",
            Self::Peer(peer) => peer.name(),
        }
    }
}

impl<'s> Fleet<'s> {
    /// Builds `webserv`.
    pub(crate) fn new(site: &'s Site) -> io::Result<Self> {
        let webserv = build::release("webserv", "webserv")?;
        let help = Command::new(&webserv).arg("--help").output()?;
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        Ok(Self {
            site,
            has_access_log: help.contains("--access-log"),
            webserv,
        })
    }

    /// Starts all that can be; whoever cannot is named in the kit's list.
    pub(crate) fn start(&self, kit: &mut Kit, case: &str, members: &[Member]) -> Vec<Server> {
        let mut servers = Vec::new();
        for &member in members {
            kit.progress
                .say(case, &format!("starting {}", member.name()));
            match self.start_one(member) {
                Ok(server) => servers.push(server),
                // Named once, before the first case.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => kit.skip(format!("{case}, {}: {error}", member.name())),
            }
        }
        servers
    }

    /// Starts one.
    ///
    /// # Errors
    /// `NotFound`: it is not installed. Anything else: it does not start.
    pub(crate) fn start_one(&self, member: Member) -> io::Result<Server> {
        let address = free_address()?;
        let mut command = match member {
            Member::Peer(peer) => peer.command(self.site, address)?,
            Member::Step(_, layer) => small_server(layer, address)?,
            Member::ClosingFloor => {
                let mut command = small_server("bare", address)?;
                command.arg("--close");
                command
            }
            Member::FileFloor(file) => {
                let mut command = small_server("bare", address)?;
                command.arg("--file").arg(self.site.root().join(file));
                command
            }
            Member::Webserv | Member::WebservLogging => {
                let mut command = Command::new(&self.webserv);
                command.arg(self.site.root());
                command.args(["--listen", &address.to_string(), "--workers", "1"]);
                command
            }
        };
        if member == Member::WebservLogging {
            if !self.has_access_log {
                return Err(io::Error::other("it has no option --access-log"));
            }
            command
                .arg("--access-log")
                .arg(self.site.path("log/webserv.log"));
        }
        let log = self.site.path(&format!("log/{}.out", address.port()));
        Server::start(member.name(), command, address, &log)
    }
}

fn small_server(layer: &str, address: SocketAddr) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["serve", layer, "--port", &address.port().to_string()]);
    Ok(command)
}
