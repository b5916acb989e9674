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

use rustix::process::{Pid, Signal, kill_process};

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

/// An example that ends by itself, and its lines as they come.
struct Program {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Program {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            stdout
                .lines()
                .try_for_each(|line| sender.send(line.unwrap()))
        });
        Self { child, lines }
    }

    #[track_caller]
    fn next(&self) -> String {
        self.lines.recv_timeout(DEADLINE).unwrap()
    }

    /// The lines that are left, once it has ended well.
    #[track_caller]
    fn rest(mut self) -> Vec<String> {
        let mut rest = Vec::new();
        loop {
            match self.lines.recv_timeout(DEADLINE) {
                Ok(line) => rest.push(line),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("no end after {rest:?}"),
            }
        }
        assert!(self.child.wait().unwrap().success());
        rest
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Either fails only if it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn signals_reloads_and_ends() {
    let program = Program::start(&mut Command::new(path("signals")));
    let id = program.child.id();
    assert_eq!(
        program.next(),
        format!("{id} waits for SIGURG and SIGWINCH")
    );
    let pid = Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
    for _ in 0..3 {
        kill_process(pid, Signal::URG).unwrap();
        assert_eq!(program.next(), "reloaded, asked 1 times");
    }
    kill_process(pid, Signal::WINCH).unwrap();
    assert_eq!(program.rest(), ["ended"]);
}

#[test]
fn run_command_tells_output_and_status() {
    let script = "echo one; echo two; exit 3";
    let program = Program::start(Command::new(path("run_command")).arg(script));
    assert_eq!(program.rest(), ["| one", "| two", "exit status: 3"]);
}

#[test]
fn watch_files_tells_of_changes_until_the_removal() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let name = file.path().display().to_string();
    let program = Program::start(Command::new(path("watch_files")).arg(&name));
    assert_eq!(program.next(), format!("watching {name}"));
    file.as_file().write_all(b"hello").unwrap();
    assert_eq!(program.next(), format!("{name}: WRITE EXTEND"));
    drop(file);
    let rest = program.rest();
    assert!(
        rest.last().is_some_and(|line| line.contains("DELETE")),
        "{rest:?}"
    );
}

#[test]
fn watch_tree_tells_of_every_process() {
    let script = "(exit 4); /bin/true; exit 5";
    let lines = Program::start(Command::new(path("watch_tree")).arg(script)).rest();
    if lines == ["this system does not tell of processes"] {
        eprintln!("SKIPPED: there are no process events here");
        return;
    }
    let count = |part: &str| lines.iter().filter(|line| line.contains(part)).count();
    assert_eq!(count(" made "), 2, "{lines:?}");
    assert_eq!(count(" runs a program"), 1, "{lines:?}");
    assert_eq!(count(" ended: exit status: 4"), 1, "{lines:?}");
    assert_eq!(count(" ended: exit status: 0"), 1, "{lines:?}");
    let last = "all ended, the first with exit status: 5";
    assert_eq!(lines.last().unwrap(), last, "{lines:?}");
}

#[test]
fn watch_links_tells_that_an_interface_is_up() {
    let in_namespace = |script: &str| {
        let mut command = Command::new("unshare");
        command
            .args(["-rn", "sh", "-c", script])
            .arg(path("watch_links"));
        command
    };
    let probe = in_namespace("ip link set lo up").output();
    if !probe.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: no network namespaces for us here");
        return;
    }
    // The interface goes up once the first line says that it is watched.
    let script = r#""$0" 1 | { read first; ip link set lo up; cat; }"#;
    assert_eq!(Program::start(&mut in_namespace(script)).rest(), ["LINKUP"]);
}
