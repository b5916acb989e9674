//! A server that was started for a measurement: pinned, awaited, its processor time read, ended.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::processor;

/// A server that does not listen after this long never will.
const START_MAX: Duration = Duration::from_secs(10);

/// A running server; it ends when this is dropped.
pub(crate) struct Server {
    name: String,
    address: SocketAddr,
    child: Child,
}

impl Server {
    /// Starts `command` on the first processor and waits until it listens at `address`.
    ///
    /// What it prints goes to the file `log`, whose last line says why it did not start.
    pub(crate) fn start(
        name: &str,
        mut command: Command,
        address: SocketAddr,
        log: &Path,
    ) -> io::Result<Self> {
        let output = File::create(log)?;
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        // What a thread starts runs where the thread does.
        processor::pin(&processor::first()?)?;
        let child = command.spawn();
        processor::pin(&processor::last()?)?;
        let mut server = Self {
            name: name.to_owned(),
            address,
            child: child?,
        };
        server.wait_until_it_listens().map_err(|error| {
            let text = fs::read_to_string(log).unwrap_or_default();
            let last = text.lines().last().unwrap_or("it printed nothing");
            io::Error::other(format!("{error}: {last}"))
        })?;
        Ok(server)
    }

    /// What the table calls it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Processor time of all its threads so far.
    pub(crate) fn processor_time(&self) -> io::Result<Duration> {
        let mut nanoseconds = 0;
        for process in self.processes() {
            for thread in threads_of(process)? {
                let path = format!("/proc/{process}/task/{thread}/schedstat");
                // A thread that has ended meanwhile takes its time along.
                let Ok(text) = fs::read_to_string(path) else {
                    continue;
                };
                let first = text
                    .split(' ')
                    .next()
                    .and_then(|word| word.parse::<u64>().ok());
                nanoseconds += first.unwrap_or_default();
            }
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Anonymous memory of all its processes, in bytes: what it allocated itself.
    pub(crate) fn anonymous_bytes(&self) -> io::Result<u64> {
        let mut kibibytes = 0;
        for process in self.processes() {
            let status = fs::read_to_string(format!("/proc/{process}/status"))?;
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("RssAnon:"));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            kibibytes += number.unwrap_or_default();
        }
        Ok(kibibytes * 1_024)
    }

    /// The server's process and those it started.
    fn processes(&self) -> BTreeSet<u32> {
        let mut found = BTreeSet::new();
        let mut next = vec![self.child.id()];
        while let Some(process) = next.pop() {
            if !found.insert(process) {
                continue;
            }
            for thread in threads_of(process).unwrap_or_default() {
                let path = format!("/proc/{process}/task/{thread}/children");
                let list = fs::read_to_string(path).unwrap_or_default();
                next.extend(
                    list.split_whitespace()
                        .filter_map(|word| word.parse::<u32>().ok()),
                );
            }
        }
        found
    }

    fn wait_until_it_listens(&mut self) -> io::Result<()> {
        let start = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("it ended at once ({status})")));
            }
            if start.elapsed() > START_MAX {
                return Err(io::Error::other("it does not listen after 10 s"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid
            && kill_process(pid, Signal::TERM).is_ok()
        {
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(3) {
                if matches!(self.child.try_wait(), Ok(Some(_))) {
                    return;
                }
                thread::sleep(Duration::from_millis(10));
            }
        }
        // It had its chance to end by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn threads_of(process: u32) -> io::Result<Vec<u32>> {
    let mut threads = Vec::new();
    for entry in fs::read_dir(format!("/proc/{process}/task"))? {
        threads.extend(
            entry?
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<u32>().ok()),
        );
    }
    Ok(threads)
}

/// An address that nobody listens at now.
pub(crate) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}
