//! Group L: programs that are slow, large, loud, many, or left alone; and how they end.

#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

mod fixture;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use fixture::routed::{Routed, everything, program};
use fixture::{H, NEXT, Site, eventually};
use webserv::limits::Timeouts;
use webserv::site::Route;

const SHORT: Duration = Duration::from_millis(500);

/// A server whose shell scripts have this long, and this many of them at a time.
fn limited(timeout: Duration, concurrent_max: u16) -> Routed {
    Routed::new(limit(timeout, concurrent_max))
}

fn limit(timeout: Duration, concurrent_max: u16) -> impl FnOnce(&mut Route) {
    move |route| {
        everything(route);
        let mut shell = program(".sh", Some("/bin/sh"));
        shell.timeout = timeout;
        shell.concurrent_max = concurrent_max;
        route.cgi = vec![shell];
    }
}

/// Processes that were given this directory's name, by their state: `Z` is a zombie.
fn processes(directory: &Path) -> Vec<String> {
    let wanted = directory.to_str().unwrap();
    let mut states = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let directory = entry.path().join("environ");
        // Those of others cannot be read, and those of zombies are empty.
        let environment = fs::read(directory).unwrap_or_default();
        if String::from_utf8_lossy(&environment).contains(&format!("DOCUMENT_ROOT={wanted}")) {
            let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
            states.extend(status.lines().nth(2).map(str::to_owned));
        }
    }
    states
}

/// Children of this process that have ended and not been reaped.
fn zombies() -> usize {
    let own = std::process::id();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter(|entry| {
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
            rest.starts_with(&format!("Z {own} "))
        })
        .count()
}

#[track_caller]
fn all_end(server: &Routed) {
    let root = server.site.root();
    eventually("every program has ended", || processes(&root).is_empty());
    eventually("every program is reaped", || zombies() == 0);
}

#[test]
fn h_l20_a_large_output_is_streamed() {
    let server = limited(Duration::from_secs(60), 8);
    server.script(
        "cgi/large.sh",
        "echo Content-Type: application/octet-stream\necho\nhead -c 300000000 /dev/zero\n",
    );
    let before = peak_kilobytes();
    let mut client = server.connect();
    client.send(format!("GET /cgi/large.sh HTTP/1.0\r\n{H}\r\n"));
    let mut total = 0;
    let mut piece = vec![0; 1 << 16];
    loop {
        match client.stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => total += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert!((300_000_000..300_001_000).contains(&total), "{total}");
    let grown = peak_kilobytes().saturating_sub(before);
    assert!(grown < 100_000, "{grown} kB more at the peak");
    all_end(&server);
    server.finish();
}

fn peak_kilobytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn h_l20_m03_a_client_that_reads_nothing_ends_the_program() {
    let timeouts = Timeouts {
        send: SHORT,
        ..Timeouts::default()
    };
    let server = Routed::with(Site::new(), timeouts, limit(Duration::from_secs(60), 8));
    server.script(
        "cgi/endless.sh",
        "echo Content-Type: text/plain\necho\nexec yes\n",
    );
    let mut client = server.connect();
    client.send(format!("GET /cgi/endless.sh HTTP/1.1\r\n{H}\r\n"));
    eventually("the program runs", || {
        !processes(&server.site.root()).is_empty()
    });
    all_end(&server);
    assert!(
        !client.rest().ends_with(b"0\r\n\r\n"),
        "the answer is cut, and shows it"
    );
    server.finish();
}

#[test]
fn h_l21_a_loud_standard_error_blocks_nothing() {
    let server = limited(Duration::from_secs(60), 8);
    server.script(
        "cgi/loud.sh",
        "head -c 1000000 /dev/zero | tr '\\0' e >&2\necho Content-Type: text/plain\necho\necho done\n",
    );
    assert_eq!(server.get("/cgi/loud.sh").text(), "done\n");
    all_end(&server);
    server.finish();
}

#[test]
fn h_l22_a_program_that_closes_its_output_goes_on() {
    let server = limited(Duration::from_secs(60), 8);
    let mark = server.site.path("mark");
    server.script(
        "cgi/background.sh",
        &format!(
            "echo Content-Type: text/plain\necho\necho answered\nexec >&- 2>&-\n\
             while [ ! -e go ]; do sleep 0.02; done\ntouch {}\n",
            mark.display()
        ),
    );
    assert_eq!(server.get("/cgi/background.sh").text(), "answered\n");
    assert!(!mark.exists(), "the answer did not wait for the program");
    fs::write(server.site.path("cgi/go"), "").unwrap();
    eventually("the program goes on", || mark.exists());
    all_end(&server);
    server.finish();
}

#[test]
fn h_l23_a_program_that_takes_too_long() {
    let server = limited(SHORT, 8);
    // It ignores SIGTERM, and has a child that does as well.
    server.script(
        "cgi/before.sh",
        "trap '' TERM\nsleep 1000 &\nwhile :; do sleep 1000; done\n",
    );
    server.script(
        "cgi/middle.sh",
        "echo Content-Type: text/plain\necho\necho begun\nsleep 1000\n",
    );
    let start = Instant::now();
    let answer = server.get("/cgi/before.sh");
    assert_eq!(answer.status, 504);
    assert!(start.elapsed() >= SHORT, "not before the limit");
    let mut client = server.connect();
    client.send(format!("GET /cgi/middle.sh HTTP/1.1\r\n{H}\r\n{NEXT}"));
    let all = String::from_utf8(client.rest()).unwrap();
    assert!(
        all.ends_with("begun\n\r\n"),
        "no last chunk, and NEXT is not answered: {all}"
    );
    // Without chunks only a reset tells the end from the ordinary one.
    let mut client = server.connect();
    client.send("GET /cgi/middle.sh HTTP/1.0\r\n\r\n");
    let error = loop {
        match client.stream.read(&mut [0; 4096]) {
            Ok(0) => panic!("this looks like a whole answer"),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    all_end(&server);
    server.finish();
}

#[test]
fn h_l24_how_a_program_ends() {
    let server = limited(Duration::from_secs(60), 8);
    server.script("cgi/killed.sh", "kill -9 $$\n");
    server.script("cgi/half.sh", "echo Content-Type: text/plain\nkill -9 $$\n");
    server.script(
        "cgi/fails.sh",
        "echo Content-Type: text/plain\necho\necho whole\nexit 1\n",
    );
    assert_eq!(server.get("/cgi/killed.sh").status, 502);
    assert_eq!(server.get("/cgi/half.sh").status, 502);
    let answer = server.get("/cgi/fails.sh");
    assert_eq!((answer.status, &*answer.text()), (200, "whole\n"));
    all_end(&server);
    server.finish();
}

#[test]
fn h_l25_a_grandchild_that_keeps_the_output_open() {
    let server = limited(SHORT, 8);
    server.script(
        "cgi/grandchild.sh",
        "echo Content-Type: text/plain\necho Content-Length: 6\necho\necho first\nsleep 1000 &\n",
    );
    // The announced length is there, so the answer is whole at once.
    assert_eq!(server.get("/cgi/grandchild.sh").text(), "first\n");
    server.script(
        "cgi/open.sh",
        "echo Content-Type: text/plain\necho\necho first\nsleep 1000 &\n",
    );
    let mut client = server.connect();
    client.send(format!("GET /cgi/open.sh HTTP/1.1\r\n{H}\r\n"));
    assert!(
        client.rest().ends_with(b"first\n\r\n"),
        "cut off at the time-out"
    );
    all_end(&server);
    server.finish();
}

#[test]
fn h_l26_a_client_that_leaves_ends_its_program() {
    let server = limited(Duration::from_secs(600), 8);
    let mark = server.site.path("cgi/ended");
    let ready = server.site.path("cgi/ready");
    // SIGTERM comes first, so that a program can tidy up.
    server.script(
        "cgi/silent.sh",
        "trap 'touch ended; exit' TERM\ntouch ready\nsleep 1000 & wait\n",
    );
    server.script(
        "cgi/talking.sh",
        "touch ready\necho Content-Type: text/plain\necho\nwhile :; do echo x; sleep 0.02; done\n",
    );
    server.script("cgi/reading.sh", "touch ready\ncat >/dev/null\n");
    for (request, is_reset) in [
        (format!("GET /cgi/silent.sh HTTP/1.1\r\n{H}\r\n"), false),
        (
            format!("GET /cgi/silent.sh HTTP/1.1\r\n{H}\r\n{NEXT}"),
            false,
        ),
        (format!("GET /cgi/silent.sh HTTP/1.1\r\n{H}\r\n"), true),
        (format!("GET /cgi/talking.sh HTTP/1.1\r\n{H}\r\n"), false),
        (
            format!("POST /cgi/reading.sh HTTP/1.1\r\n{H}Content-Length: 9\r\n\r\nhello"),
            false,
        ),
    ] {
        let mut client = server.connect();
        client.send(&request);
        eventually("the program runs", || ready.exists());
        fs::remove_file(&ready).unwrap();
        if is_reset {
            let socket = socket2::SockRef::from(&client.stream);
            socket.set_linger(Some(Duration::ZERO)).unwrap();
        }
        drop(client);
        all_end(&server);
        if request.contains("silent") {
            assert!(mark.exists(), "{request}");
            fs::remove_file(&mark).unwrap();
        }
    }
    server.finish();
}

#[test]
fn h_f09_a_client_that_only_ends_its_side_gets_the_answer_of_a_program() {
    let server = limited(Duration::from_secs(60), 8);
    server.script(
        "cgi/slow.sh",
        "sleep 2.5\necho Content-Type: text/plain\necho\necho slow\n",
    );
    let mut client = server.connect();
    client.send(format!("GET /cgi/slow.sh HTTP/1.1\r\n{H}\r\n"));
    client.finish_sending();
    let mut answer = client.answer();
    while answer.status < 200 {
        assert_eq!(answer.status, 102, "the question whether it is still there");
        answer = client.answer();
    }
    assert_eq!(answer.text(), "slow\n");
    all_end(&server);
    server.finish();
}

#[test]
fn h_l26_a_thousand_runs_leave_no_zombie() {
    let server = limited(Duration::from_secs(60), 8);
    server.script(
        "cgi/hi.sh",
        "echo Content-Type: text/plain\necho\necho hi\n",
    );
    let mut client = server.connect();
    for _ in 0..1000 {
        client.send(format!("GET /cgi/hi.sh HTTP/1.1\r\n{H}\r\n"));
        assert_eq!(client.answer().text(), "hi\n");
    }
    all_end(&server);
    drop(client);
    server.finish();
}

#[test]
fn h_l31_programs_queue_and_files_do_not_wait() {
    let server = limited(Duration::from_secs(60), 2);
    server.script(
        "cgi/wait.sh",
        "while [ ! -e go ]; do sleep 0.02; done\necho Content-Type: text/plain\necho\necho ran\n",
    );
    // Two run, eight wait, and the others are turned away.
    let mut clients: Vec<_> = (0..15).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(format!("GET /cgi/wait.sh HTTP/1.1\r\n{H}\r\n"));
        // Files do not wait, and when one has come, this request has its place.
        assert_eq!(server.get("/k1.txt").status, 200);
    }
    let mut refused = 0;
    let mut waiting = Vec::new();
    for (number, mut client) in clients.into_iter().enumerate() {
        if number < 10 {
            waiting.push(client);
            continue;
        }
        let answer = client.answer();
        assert_eq!(answer.status, 503);
        assert!(answer.field("retry-after").is_some());
        refused += 1;
    }
    assert_eq!(refused, 5);
    // One that waits goes away, and nobody notices.
    drop(waiting.remove(5));
    fs::write(server.site.path("cgi/go"), "").unwrap();
    for client in &mut waiting {
        assert_eq!(client.answer().text(), "ran\n");
    }
    all_end(&server);
    server.finish();
}

#[test]
fn h_l26_l31_a_client_that_leaves_the_queue_starts_no_program() {
    let server = limited(Duration::from_secs(60), 1);
    server.script(
        "cgi/wait.sh",
        "echo x >>runs\nwhile [ ! -e go ]; do sleep 0.02; done\n\
         echo Content-Type: text/plain\necho\necho ran\n",
    );
    let runs = || fs::read_to_string(server.site.path("cgi/runs")).unwrap_or_default();
    let request = format!("GET /cgi/wait.sh HTTP/1.1\r\n{H}\r\n");
    let mut first = server.connect();
    first.send(&request);
    eventually("the program runs", || runs() == "x\n");
    let mut waiting: Vec<_> = (0..4).map(|_| server.connect()).collect();
    for client in &mut waiting {
        client.send(&request);
    }
    assert_eq!(server.get("/cgi/wait.sh").status, 503, "the queue is full");
    drop(waiting);
    // When those who left are noticed there is room again.
    let mut last = server.connect();
    eventually("there is room in the queue", || {
        last.send(&request);
        // Only a refusal comes at once.
        last.stream
            .set_read_timeout(Some(Duration::from_millis(300)))
            .unwrap();
        match last.stream.peek(&mut [0; 1]) {
            Ok(_) => {
                assert_eq!(last.answer().status, 503);
                false
            }
            Err(_) => true,
        }
    });
    last.stream
        .set_read_timeout(Some(fixture::DEADLINE))
        .unwrap();
    fs::write(server.site.path("cgi/go"), "").unwrap();
    assert_eq!(first.answer().text(), "ran\n");
    assert_eq!(last.answer().text(), "ran\n");
    assert_eq!(runs(), "x\nx\n");
    all_end(&server);
    drop((first, last));
    server.finish();
}

#[test]
fn a_server_that_stops_takes_its_programs_along() {
    let timeouts = Timeouts {
        stop: SHORT,
        ..Timeouts::default()
    };
    let server = Routed::with(Site::new(), timeouts, limit(Duration::from_secs(600), 8));
    server.script(
        "cgi/endless.sh",
        "trap '' TERM\nwhile :; do sleep 1000; done\n",
    );
    let root = server.site.root();
    let mut client = server.connect();
    client.send(format!("GET /cgi/endless.sh HTTP/1.1\r\n{H}\r\n"));
    eventually("the program runs", || !processes(&root).is_empty());
    server.finish();
    eventually("every program has ended", || processes(&root).is_empty());
}
