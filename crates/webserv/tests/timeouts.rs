//! Time-outs, with periods of a second or less: never early, and at last.

mod fixture;

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

use fixture::{Client, H, NEXT, Site};
use webserv::Server;
use webserv::limits::Timeouts;

const SHORT: Duration = Duration::from_millis(400);

/// Long against `SHORT`, so that the wrong time-out shows.
const LONG: Duration = Duration::from_secs(60);

/// A server in this process with one time-out short.
fn serve(site: &Site, change: impl FnOnce(&mut Timeouts)) -> Server {
    let mut timeouts = Timeouts {
        header: LONG,
        content: LONG,
        idle: LONG,
        send: LONG,
        linger: LONG,
        stop: LONG,
    };
    change(&mut timeouts);
    let listen = [SocketAddr::from(([127, 0, 0, 1], 0))];
    let mut served = webserv::site::Site::of_directory(site.root(), &listen, NonZeroU16::MIN);
    served.timeouts = timeouts;
    Server::start(served).expect("the server starts")
}

#[track_caller]
fn stop(server: Server) {
    server.handle().stop();
    server.wait().expect("no worker failed");
}

#[test]
fn h_f13_a_silent_client_is_closed() {
    let site = Site::new();
    let server = serve(&site, |timeouts| timeouts.header = SHORT);
    let start = Instant::now();
    let mut client = Client::connect(server.addresses()[0]);
    assert_eq!(client.rest(), b"");
    assert!(start.elapsed() >= SHORT, "not before the limit");
    stop(server);
}

#[test]
fn h_m01_a_slow_head_is_not_given_more_time_by_each_byte() {
    let site = Site::new();
    let server = serve(&site, |timeouts| {
        timeouts.header = SHORT;
        timeouts.linger = SHORT;
    });
    let mut client = Client::connect(server.addresses()[0]);
    client
        .stream
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    let start = Instant::now();
    client.send("GET / HTTP/1.1\r\nX: ");
    // A byte every 20 ms, until something comes back.
    let mut piece = [0; 4096];
    let count = loop {
        client.send_quietly("x");
        match std::io::Read::read(&mut client.stream, &mut piece) {
            Ok(count) => break count,
            Err(_) => assert!(
                start.elapsed() < fixture::DEADLINE,
                "the head took for ever"
            ),
        }
    };
    assert!(start.elapsed() >= SHORT, "not before the limit");
    assert!(piece[..count].starts_with(b"HTTP/1.1 408 "));
    stop(server);
}

#[test]
fn h_f14_an_idle_connection_is_closed() {
    let site = Site::new();
    let server = serve(&site, |timeouts| timeouts.idle = SHORT);
    let mut client = Client::connect(server.addresses()[0]);
    client.send(NEXT);
    assert_eq!(client.answer().status, 200);
    let start = Instant::now();
    assert_eq!(client.rest(), b"");
    // The server's period began when it had sent the answer, a little before it was read.
    assert!(start.elapsed() >= SHORT / 2, "not before the limit");
    stop(server);
}

#[test]
fn a_request_within_the_idle_time_extends_it() {
    let site = Site::new();
    let server = serve(&site, |timeouts| timeouts.idle = SHORT * 2);
    let mut client = Client::connect(server.addresses()[0]);
    for _ in 0..4 {
        client.send(NEXT);
        assert_eq!(client.answer().status, 200);
        std::thread::sleep(SHORT);
    }
    client.send(NEXT);
    assert_eq!(client.answer().status, 200);
    stop(server);
}

#[test]
fn h_m02_a_slow_content_is_ended() {
    let site = Site::new();
    let server = serve(&site, |timeouts| {
        timeouts.content = SHORT;
        timeouts.linger = SHORT;
    });
    let mut client = Client::connect(server.addresses()[0]);
    let start = Instant::now();
    client.send(format!(
        "POST /k1.txt HTTP/1.1\r\n{H}Content-Length: 10\r\n\r\nhello"
    ));
    assert_eq!(client.answer().status, 408);
    assert!(start.elapsed() >= SHORT, "not before the limit");
    stop(server);
}

#[test]
fn h_m03_a_client_that_reads_nothing_is_closed() {
    let site = Site::new();
    let server = serve(&site, |timeouts| timeouts.send = SHORT);
    let mut client = Client::connect(server.addresses()[0]);
    client.send(format!("GET /big.bin HTTP/1.1\r\n{H}\r\n"));
    let start = Instant::now();
    // The sender's view of the connection is the kernel's table: wait until it is gone from there.
    let port = client.stream.local_addr().unwrap().port();
    fixture::eventually("the server closes its side", || !is_established(port));
    assert!(start.elapsed() >= SHORT, "not before the limit");
    assert!(client.rest().len() < fixture::site::BIG_BYTES);
    stop(server);
}

/// Whether the side of a connection whose peer has that port is established.
fn is_established(peer_port: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux has this table");
    let peer = format!("0100007F:{peer_port:04X}");
    table.lines().any(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        columns.get(2) == Some(&&*peer) && columns.get(3) == Some(&"01")
    })
}

#[test]
fn the_end_of_a_lingering_connection_comes() {
    let site = Site::new();
    let server = serve(&site, |timeouts| timeouts.linger = SHORT);
    let mut client = Client::connect(server.addresses()[0]);
    client.send("nonsense\r\n");
    assert_eq!(client.answer().status, 400);
    let port = client.stream.local_addr().unwrap().port();
    // The client does not close; the server does.
    fixture::eventually("the server is done", || {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        !table.lines().any(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            // FIN_WAIT2 with an inode: still held by the server.
            columns.get(2) == Some(&&*format!("0100007F:{port:04X}"))
                && columns.get(9).is_some_and(|inode| *inode != "0")
        })
    });
    stop(server);
}
