//! Reloads, logs and stops of a configured server: N08, N09, N11, N13.

#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

mod fixture;

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use fixture::{Client, H, NEXT, Process, Site, eventually};
use rustix::process::Signal;

/// The field that tells which configuration answered.
fn generation(address: SocketAddr) -> Option<String> {
    let mut client = Client::connect(address);
    client.send(NEXT);
    client.answer().field("x-generation").map(str::to_owned)
}

fn text(generation: usize, more: &str) -> String {
    format!(
        "workers = 2\n[log]\nerror_path = \"error.log\"\nerror_level = \"info\"\n\
         [[server]]\nlisten = \"127.0.0.1:0\"\nroot = \"root\"\n\
         fields = {{ X-Generation = \"{generation}\" }}\n{more}"
    )
}

fn start(site: &Site) -> Process {
    site.open_top();
    Process::run(site.configure(&text(0, "")))
}

#[track_caller]
fn becomes(server: &Process, wanted: usize) {
    let wanted = wanted.to_string();
    eventually("the new configuration serves", || {
        generation(server.address()).as_deref() == Some(&*wanted)
    });
}

/// Asks without an end, over one connection and over new ones; every request must be answered.
/// Returns how many were.
fn ask(address: SocketAddr, is_over: &AtomicBool) -> usize {
    let mut count = 0;
    let mut kept = Client::connect(address);
    while !is_over.load(Ordering::Relaxed) {
        kept.send(NEXT);
        let answer = kept.answer();
        assert_eq!((answer.status, answer.body.len()), (200, 1000));
        assert_eq!(answer.field("connection"), None, "a connection that stays");
        let mut fresh = Client::connect(address);
        fresh.send(NEXT);
        assert_eq!(fresh.answer().status, 200);
        count += 2;
    }
    count
}

#[test]
fn h_n08_twenty_reloads_under_load_lose_nothing() {
    let site = Site::new();
    let server = start(&site);
    let is_over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let is_over = Arc::clone(&is_over);
            let address = server.address();
            thread::spawn(move || ask(address, &is_over))
        })
        .collect();
    for number in 1..=20 {
        // Every other one has an address more.
        let more = if number % 2 == 0 {
            ""
        } else {
            "[[server]]\nlisten = \"127.0.0.2:0\"\nroot = \"root/sub\"\n"
        };
        site.configure(&text(number, more));
        server.signal(Signal::HUP);
        becomes(&server, number);
    }
    is_over.store(true, Ordering::Relaxed);
    for client in clients {
        assert!(client.join().unwrap() > 20);
    }
    let log = fs::read_to_string(site.open_top().join("error.log")).unwrap();
    assert_eq!(log.matches("was read again").count(), 20, "{log}");
}

#[test]
fn h_n08_a_connection_has_the_new_site_with_its_next_request() {
    let site = Site::new();
    let server = start(&site);
    let mut client = Client::connect(server.address());
    client.send(NEXT);
    assert_eq!(client.answer().field("x-generation"), Some("0"));
    site.configure(&text(1, ""));
    server.signal(Signal::HUP);
    becomes(&server, 1);
    client.send(NEXT);
    let answer = client.answer();
    assert_eq!(
        (answer.field("x-generation"), answer.field("connection")),
        (Some("1"), None)
    );
}

#[test]
fn h_n08_an_address_that_is_given_up_is_closed() {
    let site = Site::new();
    site.open_top();
    let two = |more: &str| {
        format!("workers = 2\n[[server]]\nlisten = [\"127.0.0.1:0\"{more}]\nroot = \"root\"\n")
    };
    let socket = site.open_top().join("socket");
    let unix = format!(", \"127.0.0.2:0\", \"unix:{}\"", socket.display());
    let mut server = Process::run(site.configure(&two(&unix)));
    let line = server.line();
    let given_up: SocketAddr = line
        .split("http://")
        .nth(1)
        .unwrap()
        .trim_end_matches('/')
        .parse()
        .unwrap();
    let mut idle = Client::connect(given_up);
    idle.send(NEXT);
    assert_eq!(idle.answer().status, 200);
    let mut stays = Client::connect(server.address());
    stays.send(NEXT);
    stays.answer();
    assert!(socket.exists());
    site.configure(&two(""));
    server.signal(Signal::HUP);
    eventually("connections are refused", || {
        TcpStream::connect(given_up).is_err()
    });
    eventually("the unix socket is gone", || !socket.exists());
    assert_eq!(idle.rest(), b"");
    stays.send(NEXT);
    assert_eq!(stays.answer().status, 200);
}

#[test]
fn h_n08_the_number_of_workers_changes() {
    let site = Site::new();
    let text = |workers: usize| {
        format!(
            "workers = {workers}\n[[server]]\nlisten = \"127.0.0.1:0\"\nroot = \"root\"\nfields = {{ X-Generation = \"{workers}\" }}\n"
        )
    };
    let server = Process::run(site.configure(&text(1)));
    for workers in [3, 1, 4, 2] {
        site.configure(&text(workers));
        server.signal(Signal::HUP);
        // Workers change over one after the other.
        let wanted = Some(workers.to_string());
        eventually("all workers serve the new configuration", || {
            (0..20).all(|_| generation(server.address()) == wanted)
        });
        eventually("as many workers as were asked for", || {
            worker_count(&server) == workers
        });
    }
}

/// The threads that are workers.
fn worker_count(server: &Process) -> usize {
    let tasks = PathBuf::from(format!("/proc/{}/task", server.pid().as_raw_nonzero()));
    let tasks = fs::read_dir(tasks).unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name.starts_with("worker-")).count()
}

#[test]
fn h_n09_a_configuration_with_a_fault_changes_nothing() {
    let site = Site::new();
    let server = start(&site);
    let log = site.open_top().join("error.log");
    site.configure(&text(1, "rooot = 1\n"));
    server.signal(Signal::HUP);
    logs(&log, "webserv.toml:9:1: unknown key rooot");
    assert_eq!(generation(server.address()).as_deref(), Some("0"));
    // One that is good in itself, but cannot be had.
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let busy_address = busy.local_addr().unwrap();
    site.configure(&text(
        2,
        &format!("[[server]]\nlisten = \"{busy_address}\"\nroot = \"root\"\n"),
    ));
    server.signal(Signal::HUP);
    logs(&log, "is in use by another program");
    assert_eq!(generation(server.address()).as_deref(), Some("0"));
    site.configure(&text(3, ""));
    server.signal(Signal::HUP);
    becomes(&server, 3);
}

#[track_caller]
fn logs(path: &Path, what: &str) {
    eventually(what, || {
        fs::read_to_string(path).is_ok_and(|log| log.contains(what))
    });
}

#[test]
fn h_n08_a_file_that_changes_is_read_by_itself() {
    let site = Site::new();
    let path = site.configure(&format!("reload_on_change = true\n{}", text(0, "")));
    site.open_top();
    let server = Process::run(&path);
    // Replaced, as editors do it; with a fault between; and written into.
    for number in 1..=2 {
        site.configure(&format!("reload_on_change = true\n{}", text(number, "")));
        becomes(&server, number);
    }
    site.configure("reload_on_change = maybe");
    logs(&site.open_top().join("error.log"), "expected");
    fs::write(&path, format!("reload_on_change = true\n{}", text(3, ""))).unwrap();
    becomes(&server, 3);
    fs::write(&path, text(4, "")).unwrap();
    becomes(&server, 4);
}

#[test]
fn h_n11_an_interrupt_cuts_running_answers_off() {
    let site = Site::new();
    let server = start(&site);
    let mut client = Client::connect(server.address());
    client.send(format!("GET /big.bin HTTP/1.1\r\n{H}\r\n"));
    client.fill();
    server.signal(Signal::INT);
    assert_eq!(server.wait().0.code(), Some(0));
    assert!(client.rest().len() < fixture::site::BIG_BYTES);
}

#[test]
fn h_n11_an_interrupt_ends_a_graceful_stop() {
    let site = Site::new();
    let server = start(&site);
    let mut client = Client::connect(server.address());
    client.send(format!("GET /big.bin HTTP/1.1\r\n{H}\r\n"));
    client.fill();
    server.signal(Signal::TERM);
    eventually("connections are refused", || {
        TcpStream::connect(server.address()).is_err()
    });
    server.signal(Signal::INT);
    assert_eq!(server.wait().0.code(), Some(1));
}

#[test]
fn h_n13_the_access_log_is_opened_anew() {
    let site = Site::new();
    let top = site.open_top();
    let path = site.configure(
        "workers = 2\n[log]\naccess = \"json\"\naccess_path = \"access.log\"\n\
         [[server]]\nlisten = \"127.0.0.1:0\"\nroot = \"root\"\n",
    );
    let server = Process::run(path);
    let log = top.join("access.log");
    let old = top.join("access.log.1");
    let lines = |path: &Path| fs::read_to_string(path).unwrap_or_default().lines().count();
    let ask = |count: usize| {
        for _ in 0..count {
            assert_eq!(generation(server.address()), None);
        }
    };
    ask(20);
    eventually("the lines are written", || lines(&log) == 20);
    fs::rename(&log, &old).unwrap();
    ask(5);
    server.signal(Signal::USR1);
    eventually("the file is there again", || log.exists());
    ask(20);
    eventually("no line is lost", || lines(&log) + lines(&old) == 45);
    assert!(lines(&log) >= 20);
    let line = fs::read_to_string(&log).unwrap();
    let line = line.lines().next().unwrap();
    for part in [
        "{\"time\":",
        "\"peer\":\"127.0.0.1\"",
        "\"method\":\"GET\",\"target\":\"/k1.txt\",\"version\":\"HTTP/1.1\",\"host\":\"localhost\"",
        "\"status\":200,\"bytes\":1000}",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    ask(3);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().0.code(), Some(0));
    // What was gathered is written at the end.
    assert_eq!(lines(&log) + lines(&old), 48);
}
