//! What hostile clients may cost: memory and descriptors.

mod fixture;

use std::net::TcpStream;
use std::process::Stdio;

use fixture::{Client, Fixture, H, NEXT, Process, Site};

#[test]
fn h_m06_connections_without_a_request_leave_nothing() {
    let fixture = Fixture::new();
    for _ in 0..2000 {
        drop(TcpStream::connect(fixture.server.address()).unwrap());
    }
    fixture.finish();
}

#[test]
fn h_m07_a_client_that_never_reads_is_not_read_from() {
    let fixture = Fixture::new();
    let client = fixture.connect();
    client.stream.set_nonblocking(true).unwrap();
    let request = format!("GET /big.bin HTTP/1.1\r\n{H}\r\n");
    let many = request.repeat(10_000);
    let before = fixture.server.status_kilobytes("VmHWM");
    // The kernel's buffers take some of it; the server must not take the rest.
    let mut sent = 0;
    let mut refusals = 0;
    while refusals < 100 && sent < many.len() {
        match std::io::Write::write(&mut (&client.stream), &many.as_bytes()[sent..]) {
            Ok(count) => sent += count,
            Err(_) => {
                refusals += 1;
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        }
    }
    assert_eq!(fixture.get("/k1.txt").status, 200);
    let grown = fixture.server.status_kilobytes("VmHWM") - before;
    assert!(grown < 8 * 1024, "{grown} kB more");
    drop(client);
    fixture.finish();
}

#[test]
fn h_m08_other_protocols_are_refused() {
    let fixture = Fixture::new();
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\x00"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.7\r\n",
        b"\xff\xfe\0\0\n\n\n",
    ] {
        let mut client = fixture.connect();
        client.send(bytes);
        assert!(matches!(client.answer().status, 400 | 505));
        assert_eq!(client.rest(), b"");
    }
    fixture.finish();
}

/// The server has a limit of few descriptors; more clients come than it can take.
#[test]
fn h_n01_out_of_descriptors_and_back() {
    let site = Site::new();
    let server = Process::start_limited(site.root(), 40);
    let mut clients: Vec<Client> = (0..60).map(|_| Client::connect(server.address())).collect();
    for client in &mut clients {
        client.send(NEXT);
    }
    fixture::eventually("the table is full", || server.descriptor_count() >= 39);
    let before = server.processor_ticks();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let ticks = server.processor_ticks() - before;
    // A tick is 10 ms; a busy loop would take 50.
    assert!(
        ticks < 10,
        "{ticks} ticks of processor time while out of descriptors"
    );
    // The first ones go; all others are served.
    for mut client in clients.drain(..) {
        let answer = client.answer();
        assert!(matches!(answer.status, 200 | 503), "{}", answer.status);
    }
    fixture::eventually("descriptors are back", || server.descriptor_count() < 20);
    let mut client = Client::connect(server.address());
    client.send(NEXT);
    assert_eq!(client.answer().status, 200);
}

/// Idle connections hold all descriptors but those that are open already; one of the first asks.
#[test]
fn h_n02_no_descriptor_left_to_open_a_file() {
    let site = Site::new();
    let server = Process::start_limited(site.root(), 40);
    let mut early = Client::connect(server.address());
    early.send(NEXT);
    assert_eq!(early.answer().status, 200);
    let idle: Vec<Client> = (0..60).map(|_| Client::connect(server.address())).collect();
    fixture::eventually("the table is full", || server.descriptor_count() >= 40);
    early.send(NEXT);
    let answer = early.answer();
    assert_eq!(
        (answer.status, answer.field("retry-after")),
        (503, Some("1"))
    );
    drop(idle);
    fixture::eventually("the same connection is served again", || {
        early.send(NEXT);
        early.answer().status == 200
    });
}

#[test]
fn h_n18_standard_streams_may_be_closed() {
    let site = Site::new();
    // The shell closes all three, then becomes the server.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut child = std::process::Command::new("sh")
        .args(["-c", "exec \"$0\" \"$1\" --listen \"$2\" <&- >&- 2>&-"])
        .arg(env!("CARGO_BIN_EXE_webserv"))
        .arg(site.root())
        .arg(format!("127.0.0.1:{port}"))
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    fixture::eventually("the server listens", || {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    let mut client = Client::connect(([127, 0, 0, 1], port).into());
    client.send(NEXT);
    let answer = client.answer();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!((answer.status, answer.body), (200, fixture::site::k1()));
}
