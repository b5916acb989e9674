//! Each example is started, talked to, and its answers checked.

#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// No answer takes longer than this.
const DEADLINE: Duration = Duration::from_secs(10);

/// An example that runs until the test ends.
struct Example {
    child: Child,
    address: SocketAddr,
}

impl Example {
    /// Starts it, and reads from its first line where it listens.
    fn start(name: &str) -> Self {
        let path = path(name);
        let mut child = Command::new(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", path.display()));
        let stdout = child.stdout.take().unwrap();
        let (sender, line) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).unwrap();
            sender.send(line)
        });
        let line = line.recv_timeout(DEADLINE).unwrap();
        let address = line
            .trim_end()
            .strip_prefix("listening on ")
            .unwrap_or(&line);
        Self {
            child,
            address: address.parse().unwrap(),
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // Either fails only if it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The built example: `target/PROFILE/examples/NAME`, beside `target/PROFILE/deps/THIS`.
#[track_caller]
fn path(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let path = this.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(
        path.exists(),
        "{} is not built: run `cargo build --examples`",
        path.display()
    );
    path
}

#[test]
fn hyper_server_answers_over_http() {
    let server = Example::start("hyper_server");
    let mut client = server.connect();
    // Two requests on one connection, then the end.
    let head = |connection| {
        format!("GET /page HTTP/1.1\r\nHost: localhost\r\nConnection: {connection}\r\n\r\n")
    };
    client.write_all(head("keep-alive").as_bytes()).unwrap();
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let mut answer = String::new();
    while !answer.ends_with("on our own queue\n") {
        assert_ne!(
            reader.read_line(&mut answer).unwrap(),
            0,
            "after {answer:?}"
        );
    }
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("GET /page on our own queue\n"), "{answer}");

    client.write_all(head("close").as_bytes()).unwrap();
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert!(rest.starts_with("HTTP/1.1 200 OK\r\n"), "{rest}");
    assert!(rest.ends_with("GET /page on our own queue\n"), "{rest}");
}

#[test]
fn hyper_server_answers_nonsense_with_400() {
    let server = Example::start("hyper_server");
    let mut client = server.connect();
    client.write_all(b"nonsense\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[test]
fn chat_hands_each_line_to_all_others() {
    let server = Example::start("chat");
    let mut clients: Vec<_> = Vec::new();
    for number in 1..=3 {
        // Announced to all before the next one comes.
        let client = BufReader::new(server.connect());
        for (other, client) in (1..).zip(&mut clients) {
            assert_eq!(
                next_line(client),
                format!("* {number} has come\n"),
                "to {other}"
            );
        }
        clients.push(client);
    }
    clients[1]
        .get_mut()
        .write_all("grüße\n".as_bytes())
        .unwrap();
    assert_eq!(next_line(&mut clients[0]), "2: grüße\n");
    assert_eq!(next_line(&mut clients[2]), "2: grüße\n");
    drop(clients.remove(0));
    for client in &mut clients {
        assert_eq!(next_line(client), "* 1 has left\n");
    }
}

fn next_line(client: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    client.read_line(&mut line).unwrap();
    line
}
