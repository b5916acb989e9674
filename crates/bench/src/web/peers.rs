//! The servers of others, each as its documentation tunes it for one worker and static files.
//!
//! Every configuration raises the limits that a benchmark meets and nobody else does: requests of
//! one connection, idle time, connections, the queue of the listening socket.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use super::site::Site;
use crate::machine::first_line_of;

/// A server that may be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Nginx(Nginx),
    H2o,
    Lighttpd,
    Caddy,
}

/// nginx, configured for one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nginx {
    /// At its best for small files: read and written, not sendfile.
    Small,
    /// The usual advice: sendfile and tcp_nopush.
    Sendfile,
    /// For a connection per request: the accept is deferred until the request is there.
    Deferred,
    /// With a buffered access log.
    Logging,
}

impl Peer {
    /// All, with nginx for small files.
    pub(crate) const SMALL: [Self; 4] = [
        Self::Nginx(Nginx::Small),
        Self::H2o,
        Self::Lighttpd,
        Self::Caddy,
    ];
    /// All, with nginx for large files.
    pub(crate) const LARGE: [Self; 4] = [
        Self::Nginx(Nginx::Sendfile),
        Self::H2o,
        Self::Lighttpd,
        Self::Caddy,
    ];

    /// What the table calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nginx(Nginx::Small | Nginx::Sendfile) => "nginx",
            Self::Nginx(Nginx::Deferred) => "nginx, deferred",
            Self::Nginx(Nginx::Logging) => "nginx, access log",
            Self::H2o => "h2o",
            Self::Lighttpd => "lighttpd",
            Self::Caddy => "caddy",
        }
    }

    /// The name of its program.
    pub(crate) const fn program(self) -> &'static str {
        match self {
            Self::Nginx(_) => "nginx",
            Self::H2o => "h2o",
            Self::Lighttpd => "lighttpd",
            Self::Caddy => "caddy",
        }
    }

    /// Where the program is, if it is installed. Servers often lie outside a user's PATH.
    fn path(self) -> Option<PathBuf> {
        let search = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&search)
            .chain(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from))
            .map(|directory| directory.join(self.program()))
            .find(|path| path.is_file())
    }

    /// Its version, if it is installed.
    pub(crate) fn version(self) -> Option<String> {
        let path = self.path()?;
        let option = match self {
            Self::Caddy => "version",
            _ => "-v",
        };
        first_line_of(path.to_str()?, &[option])
    }

    /// The command that starts it at `address`, with its configuration in the site's directory.
    ///
    /// # Errors
    /// It is not installed; the configuration cannot be written.
    pub(crate) fn command(self, site: &Site, address: SocketAddr) -> io::Result<Command> {
        let path = self.path().ok_or_else(|| {
            let program = self.program();
            let message = format!("{program} is not installed (scripts/install-peers)");
            io::Error::new(io::ErrorKind::NotFound, message)
        })?;
        let file = site.path(&format!("{}-{}.conf", self.program(), address.port()));
        fs::write(&file, self.configuration(site, address))?;
        let mut command = Command::new(path);
        match self {
            Self::Nginx(_) => {
                let log = site.path("log/nginx-start.log");
                command.arg("-e").arg(log).arg("-c").arg(file);
            }
            Self::H2o => {
                command.arg("-c").arg(file);
            }
            Self::Lighttpd => {
                command.arg("-D").arg("-f").arg(file);
            }
            Self::Caddy => {
                command.args(["run", "--adapter", "caddyfile", "--config"]);
                // One worker, and nothing in the home directory of whoever measures.
                command.arg(file).env("GOMAXPROCS", "1");
                command.env("XDG_DATA_HOME", site.path("log"));
                command.env("XDG_CONFIG_HOME", site.path("log"));
            }
        }
        Ok(command)
    }

    fn configuration(self, site: &Site, address: SocketAddr) -> String {
        let root = site.root().display().to_string();
        let log = site.path("log").display().to_string();
        let (ip, port) = (address.ip(), address.port());
        match self {
            Self::Nginx(purpose) => nginx(purpose, &root, &log, address),
            Self::H2o => format!(
                "num-threads: 1\n\
                 max-connections: 18000\n\
                 http1-request-timeout: 600\n\
                 pid-file: {log}/h2o-{port}.pid\n\
                 error-log: {log}/h2o-{port}.log\n\
                 {user}\
                 hosts:\n  \
                   \"{address}\":\n    \
                     listen:\n      \
                       host: {ip}\n      \
                       port: {port}\n    \
                     paths:\n      \
                       \"/\":\n        \
                         file.dir: {root}\n",
                user = if is_root() { "user: root\n" } else { "" },
            ),
            Self::Lighttpd => format!(
                "server.document-root = \"{root}\"\n\
                 server.bind = \"{ip}\"\n\
                 server.port = {port}\n\
                 server.errorlog = \"{log}/lighttpd-{port}.log\"\n\
                 server.max-fds = 19000\n\
                 server.max-connections = 18000\n\
                 server.listen-backlog = 4096\n\
                 server.max-keep-alive-requests = 100000000\n\
                 server.max-keep-alive-idle = 600\n\
                 server.max-read-idle = 600\n\
                 server.network-backend = \"sendfile\"\n\
                 mimetype.assign = ( \".html\" => \"text/html\", \"\" => \"application/octet-stream\" )\n"
            ),
            Self::Caddy => format!(
                "{{\n\tadmin off\n\tauto_https off\n\
                 \tservers {{\n\t\ttimeouts {{\n\t\t\tidle 10m\n\t\t}}\n\t}}\n}}\n\
                 http://{address} {{\n\tbind {ip}\n\troot * {root}\n\tfile_server\n}}\n"
            ),
        }
    }
}

fn nginx(purpose: Nginx, root: &str, log: &str, address: SocketAddr) -> String {
    let files = match purpose {
        Nginx::Small | Nginx::Deferred => "sendfile off; output_buffers 2 64k;",
        Nginx::Sendfile | Nginx::Logging => "sendfile on; tcp_nopush on;",
    };
    let access_log = match purpose {
        Nginx::Logging => format!("{log}/access.log combined buffer=64k flush=1s"),
        _ => "off".to_owned(),
    };
    let deferred = if purpose == Nginx::Deferred {
        " deferred"
    } else {
        ""
    };
    let user = if is_root() { "user root;" } else { "" };
    let port = address.port();
    format!(
        "daemon off; worker_processes 1; worker_rlimit_nofile 20000; {user}\n\
         pid {log}/nginx-{port}.pid; error_log {log}/nginx-{port}.log warn;\n\
         events {{ worker_connections 18000; multi_accept on; use epoll; }}\n\
         http {{\n  \
           types {{ text/html html; }} default_type application/octet-stream;\n  \
           client_body_temp_path {log}/body; proxy_temp_path {log}/proxy;\n  \
           fastcgi_temp_path {log}/fastcgi; uwsgi_temp_path {log}/uwsgi;\n  \
           scgi_temp_path {log}/scgi;\n  \
           keepalive_requests 1000000000; keepalive_timeout 600s; client_header_timeout 600s;\n  \
           tcp_nodelay on; access_log {access_log}; {files}\n  \
           open_file_cache max=10000 inactive=600s; open_file_cache_valid 60s;\n  \
           open_file_cache_min_uses 1;\n  \
           server {{ listen {address}{deferred} reuseport backlog=4096; root {root}; }}\n\
         }}\n"
    )
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
