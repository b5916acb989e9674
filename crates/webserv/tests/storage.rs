//! K13 and K15: a file that is too large for the disk, and a server that is killed. In a file of
//! their own, because the first changes a limit of the process, and the second is a process.

mod fixture;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use fixture::routed::{Routed, everything, message};
use fixture::{Client, NEXT, eventually};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A process that is started while the limit is low would have it as well.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What tells a process of this file that it is the server.
const SERVE: &str = "WEBSERV_TEST_SERVE";

#[test]
fn h_k13_a_full_disk_leaves_nothing() {
    let _alone = ONE_AT_A_TIME.lock();
    let server = Routed::new(everything);
    server.site.write("up/old", "old");
    // A limit on the size of files is the disk that is full for this process alone. Nothing else
    // in this file writes so much, and the site is there already.
    let before = getrlimit(Resource::Fsize);
    let limit = Rlimit {
        current: Some(1 << 20),
        maximum: before.maximum,
    };
    setrlimit(Resource::Fsize, limit).unwrap();
    let content = vec![b'x'; (1 << 20) + 1];
    let statuses = [
        server.send("PUT", "/up/x", "", &content).status,
        server.send("PUT", "/up/old", "", &content).status,
        server
            .send(
                "POST",
                "/up/",
                "Content-Type: a/b\r\nContent-Disposition: a; filename=y\r\n",
                &content,
            )
            .status,
    ];
    let fits = server.send("PUT", "/up/fits", "", &content[1..]).status;
    setrlimit(Resource::Fsize, before).unwrap();
    assert_eq!((statuses, fits), ([507; 3], 201));
    assert_eq!(server.get("/up/old").text(), "old");
    assert_eq!(server.names("up"), ["fits", "old"]);
    server.finish();
}

/// Serves until it is killed, when another test has started it; nothing otherwise.
#[test]
fn serve_for_another_test() {
    if std::env::var_os(SERVE).is_none() {
        return;
    }
    let server = Routed::new(everything);
    let mut output = std::io::stdout().lock();
    writeln!(
        output,
        "\n{}\n{}",
        server.address(),
        server.site.root().display()
    )
    .unwrap();
    loop {
        std::thread::park();
    }
}

#[test]
fn h_k15_a_killed_server_leaves_no_half_file() {
    let _alone = ONE_AT_A_TIME.lock();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "serve_for_another_test", "--nocapture"])
        .env(SERVE, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = lines.find_map(|line| line.unwrap().parse().ok()).unwrap();
    let root = lines.next().unwrap().unwrap();
    let up = std::path::Path::new(&root).join("up");
    let content = vec![b'x'; 1_000_000];
    let mut client = Client::connect(address);
    client.send(&message("PUT", "/up/x", "", &content)[..900_000]);
    // The server has written some of it when it holds a file without a name.
    let descriptors = format!("/proc/{}/fd", child.id());
    eventually("half of it is written", || {
        let entries = std::fs::read_dir(&descriptors).unwrap();
        entries
            .filter_map(|entry| std::fs::metadata(entry.ok()?.path()).ok())
            .any(|file| file.is_file() && (1..1_000_000).contains(&file.len()))
    });
    let mut other = Client::connect(address);
    other.send(NEXT);
    assert_eq!(other.answer().status, 200);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(up.read_dir().unwrap().count(), 0);
    std::fs::remove_dir_all(up.parent().unwrap().parent().unwrap()).unwrap();
}
