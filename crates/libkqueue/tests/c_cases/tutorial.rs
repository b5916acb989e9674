//! A hundred clients of `tests/c/tutorial_server.cpp`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::build::Program;

const CLIENTS: usize = 100;
/// Every so many clients one says nothing at all.
const SILENT: usize = 5;
/// Requests that each of the others makes.
const REQUESTS: usize = 3;
/// After so long the server closes who is idle. Long enough for whoever is not.
const IDLE_MILLISECONDS: &str = "3000";
/// How long a client waits for what must come.
const DEADLINE: Duration = Duration::from_secs(30);

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";

/// All are connected at the same time; who asks is answered, and who is idle is closed: the
/// silent ones, and in the end those that were answered, unless they leave by themselves.
pub(crate) fn serves_a_hundred_clients(server: &Program) {
    let mut server = Server::start(server);
    let clients: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
    thread::scope(|scope| {
        for (index, client) in clients.into_iter().enumerate() {
            scope.spawn(move || match index % SILENT {
                0 => expect_end(client),
                1 => ask(client, Leave::ByEnd),
                _ => ask(client, Leave::WhenIdle),
            });
        }
    });
    let silent = CLIENTS / SILENT;
    let answered = (CLIENTS - silent) * REQUESTS;
    let left = CLIENTS / SILENT;
    assert_eq!(
        server.stop(),
        format!(
            "{CLIENTS} accepted, {answered} answered, {} idle",
            CLIENTS - left
        )
    );
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Leave {
    /// The client closes its side.
    ByEnd,
    /// The server's timer does it.
    WhenIdle,
}

fn ask(mut client: TcpStream, leave: Leave) {
    for _ in 0..REQUESTS {
        client.write_all(REQUEST).unwrap();
        let mut answer = vec![0; ANSWER.len()];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(answer, ANSWER);
    }
    if leave == Leave::ByEnd {
        client.shutdown(std::net::Shutdown::Write).unwrap();
    }
    expect_end(client);
}

/// The server closes the connection, and says nothing more.
fn expect_end(mut client: TcpStream) {
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}

struct Server {
    child: Child,
    output: BufReader<ChildStdout>,
    port: u16,
}

impl Server {
    fn start(program: &Program) -> Self {
        let mut child = Command::new(&program.path)
            .arg(IDLE_MILLISECONDS)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        output.read_line(&mut port).unwrap();
        let port = port.trim().parse().unwrap();
        Self {
            child,
            output,
            port,
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    }

    /// Ends it by SIGTERM, which is an event to it; returns its last words.
    fn stop(&mut self) -> String {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let mut words = String::new();
        self.output.read_to_string(&mut words).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "the server ends with {status}");
        words.trim_end().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Where the test failed, the server still runs.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
