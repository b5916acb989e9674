//! Counting what one request costs a server: N and 2 N requests on one connection, one after the
//! other, then SIGTERM.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::program::{Scratch, TURNS, collected, under_callgrind, under_strace};
use super::strace;
use crate::build;
use crate::web::site::Site;

/// A server of ours, and what it is asked for.
pub(crate) struct CountedServer {
    /// Its name in the budgets.
    pub(crate) name: String,
    program: PathBuf,
    arguments: Vec<String>,
    /// Kept for as long as the server needs its files.
    _site: Option<Site>,
}

/// The steps of W1.
pub(crate) fn all() -> io::Result<Vec<CountedServer>> {
    let mut servers = Vec::new();
    for layer in ["bare", "queue", "executor"] {
        servers.push(CountedServer {
            name: format!("request-{layer}"),
            program: std::env::current_exe()?,
            arguments: vec!["serve".to_owned(), layer.to_owned()],
            _site: None,
        });
    }
    let site = Site::new(&[("1k.html", 1_024)])?;
    let directory = site.root().to_string_lossy().into_owned();
    let fixed = ["--listen", "127.0.0.1:0", "--workers", "1"];
    let arguments = [directory]
        .into_iter()
        .chain(fixed.map(str::to_owned))
        .collect();
    servers.push(CountedServer {
        name: "request-webserv".to_owned(),
        program: build::release("webserv", "webserv")?,
        arguments,
        _site: Some(site),
    });
    Ok(servers)
}

impl CountedServer {
    /// System calls for one request.
    pub(crate) fn calls_per_request(&self) -> io::Result<f64> {
        let count = |requests: u32| {
            let table = Scratch::new("server-strace")?;
            self.serve(under_strace(table.path()), requests)?;
            Ok(strace::total(&strace::parse(&table.read()?)) as f64)
        };
        per_request(count)
    }

    /// Instructions for one request.
    pub(crate) fn instructions_per_request(&self) -> io::Result<f64> {
        let count = |requests: u32| {
            let log = Scratch::new("server-callgrind")?;
            self.serve(under_callgrind(log.path()), requests)?;
            collected(&log.read()?)
        };
        per_request(count)
    }

    fn serve(&self, mut counter: Command, requests: u32) -> io::Result<()> {
        let mut child = counter
            .arg(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let outcome = address_of(&mut child).and_then(|address| ask(address, requests));
        stop(&mut child)?;
        outcome
    }
}

fn per_request(count: impl Fn(u32) -> io::Result<f64>) -> io::Result<f64> {
    Ok((count(2 * TURNS)? - count(TURNS)?) / f64::from(TURNS))
}

/// The address at the end of the line that each of our servers prints.
fn address_of(child: &mut Child) -> io::Result<SocketAddr> {
    let output = child.stdout.take();
    let output = output.ok_or_else(|| io::Error::other("the server has no output"))?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let address = line.trim_end().trim_end_matches('/').rsplit('/').next();
    address
        .and_then(|address| address.parse().ok())
        .ok_or_else(|| io::Error::other(format!("the server printed no address, but {line:?}")))
}

fn ask(address: SocketAddr, requests: u32) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let request = format!("GET /1k.html HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let mut answer = vec![0; 64 * 1_024];
    let mut length = 0;
    for _ in 0..requests {
        stream.write_all(request.as_bytes())?;
        // The first answer tells how long each is: a head and 1,024 bytes.
        if length == 0 {
            length = crate::web::sink::read_first_answer(&mut stream, &mut answer)?;
            continue;
        }
        let room = answer.get_mut(..length).unwrap_or_default();
        stream.read_exact(room)?;
        if !room.starts_with(b"HTTP/1.1 200") {
            return Err(io::Error::other("the server did not answer 200"));
        }
    }
    Ok(())
}

/// Ends the server under the counter, and waits until the counter has written.
fn stop(child: &mut Child) -> io::Result<()> {
    let own = child.id();
    // strace starts the server as its child; valgrind becomes the server.
    let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children"));
    let server = children
        .ok()
        .and_then(|list| list.split_whitespace().next()?.parse().ok())
        .unwrap_or(own);
    if let Some(pid) = i32::try_from(server).ok().and_then(Pid::from_raw) {
        kill_process(pid, Signal::TERM)?;
    }
    child.wait().map(drop)
}
