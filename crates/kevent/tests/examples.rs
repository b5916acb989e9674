//! Runs each example as its own process, and checks what it prints and does.
//!
//! `cargo test` has built the examples beside this test.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test states what it expects by panicking"
)]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime};

const DEADLINE: Duration = Duration::from_secs(10);

/// The built example: `target/PROFILE/examples/NAME`, beside `target/PROFILE/deps/THIS`.
#[track_caller]
fn example(name: &str) -> Command {
    let this = std::env::current_exe().unwrap();
    let built = this.ancestors().nth(2).unwrap().join("examples").join(name);
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = package.join("examples").join(name).with_extension("rs");
    // `cargo test --test examples` alone builds no example: an old one must not pass for new.
    let is_current = modified(&built) >= modified(&source).max(modified(&package.join("src")));
    assert!(
        is_current,
        "{} is missing or old: run `cargo build --examples`",
        built.display()
    );
    Command::new(built)
}

/// When the file, or the newest file in the directory, was last written; `None` if it is missing.
fn modified(path: &Path) -> Option<SystemTime> {
    if let Ok(entries) = path.read_dir() {
        return entries
            .filter_map(|entry| modified(&entry.unwrap().path()))
            .max();
    }
    path.metadata()
        .ok()
        .map(|metadata| metadata.modified().unwrap())
}

/// What the example prints until it ends, which it must do with success.
#[track_caller]
fn output_of(name: &str) -> String {
    let output = example(name)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{name}: {}, having printed:\n{text}",
        output.status
    );
    text
}

/// A running example, killed when the test ends, however it ends.
struct Running(Child);

impl Running {
    fn start(mut command: Command) -> Self {
        Self(
            command
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap(),
        )
    }

    /// Its next line, waited for until the deadline.
    fn line(&mut self) -> String {
        let output = self.0.stdout.take().unwrap();
        let (sender, line) = mpsc::channel();
        thread::spawn(move || {
            let mut text = String::new();
            BufReader::new(output).read_line(&mut text).unwrap();
            sender.send(text)
        });
        line.recv_timeout(DEADLINE).unwrap().trim_end().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn connect(address: &str) -> TcpStream {
    let client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    client.set_write_timeout(Some(DEADLINE)).unwrap();
    client
}

#[test]
fn echo_server_returns_what_many_clients_send() {
    let mut server = Running::start(example("echo_server"));
    let line = server.line();
    let address = line.strip_prefix("listening on ").unwrap();

    let mut clients: Vec<TcpStream> = (0..50).map(|_| connect(address)).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client
            .write_all(format!("client {number}").as_bytes())
            .unwrap();
    }
    for (number, mut client) in clients.into_iter().enumerate() {
        client.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, format!("client {number}"));
    }
}

#[test]
fn echo_server_returns_more_than_all_socket_buffers_hold() {
    let mut server = Running::start(example("echo_server"));
    let line = server.line();
    let mut reader = connect(line.strip_prefix("listening on ").unwrap());
    let sent: Vec<u8> = (0..32 << 20)
        .map(|position: u32| position.to_le_bytes()[1])
        .collect();
    // Nobody reads until the first write would block, so the server has to wait for space.
    let mut writer = reader.try_clone().unwrap();
    let copy = sent.clone();
    let filled = fill(&writer, &copy);
    let writing = thread::spawn(move || {
        writer.write_all(&copy[filled..]).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut answer = Vec::new();
    reader.read_to_end(&mut answer).unwrap();
    writing.join().unwrap();
    assert!(
        answer == sent,
        "{} of {} bytes came back, or others",
        answer.len(),
        sent.len()
    );
}

/// Writes until the socket takes no more; how many bytes it took.
fn fill(mut socket: &TcpStream, bytes: &[u8]) -> usize {
    socket.set_nonblocking(true).unwrap();
    let mut taken = 0;
    loop {
        match socket.write(&bytes[taken..]) {
            Ok(count) => taken += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    socket.set_nonblocking(false).unwrap();
    taken
}

#[test]
fn many_timers_use_one_descriptor() {
    let text = output_of("many_timers");
    assert_eq!(
        text,
        "100000 timers registered; descriptors they use: 1\n\
         100000 timers fired, 0 of them early\n"
    );
}

#[test]
fn cross_thread_wake_receives_every_result() {
    let text = output_of("cross_thread_wake");
    let mut lines: Vec<&str> = text.lines().collect();
    let summary = lines.pop().unwrap();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "worker 1: the sum of 1 to 1,000,000 is 500000500000",
            "worker 2: the sum of 1 to 2,000,000 is 2000001000000",
            "worker 3: the sum of 1 to 3,000,000 is 4500001500000",
            "worker 4: the sum of 1 to 4,000,000 is 8000002000000",
        ]
    );
    let wakes = summary.strip_prefix("4 results with ").unwrap();
    let wakes: u32 = wakes.strip_suffix(" wake-ups").unwrap().parse().unwrap();
    assert!((1..=4).contains(&wakes), "{wakes} wake-ups for 4 triggers");
}
