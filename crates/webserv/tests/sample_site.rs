//! What a newcomer sees: `webserv` without a directory serves `www`, and everything that its front
//! page offers is there.

#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

mod fixture;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use fixture::process::command;
use fixture::routed::message;
use fixture::{Client, Process};

/// A copy of the sample site, which the server may write to whoever it runs as.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o777)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn start(listen: &str) -> (tempfile::TempDir, Process) {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let www = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../www"));
    copy(www, &directory.path().join("www"));
    let mut command = command();
    command
        .args(["--listen", listen, "--workers", "1"])
        .current_dir(directory.path());
    (directory, Process::spawn(command))
}

#[test]
fn everything_on_the_front_page_is_there() {
    let (_directory, server) = start("127.0.0.1:0");
    let get = |target: &str| {
        let mut client = Client::connect(server.address());
        client.send(message("GET", target, "", b""));
        client.answer()
    };
    let page = get("/").text();
    let links: Vec<&str> = page
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(links.len() > 5, "{links:?}");
    for link in links {
        let status = get(&format!("/{link}")).status;
        let expected = if link == "nothing-here" { 404 } else { 200 };
        assert_eq!(status, expected, "{link}");
    }
    assert!(get("/upload/").text().contains("multipart/form-data"));

    let mut client = Client::connect(server.address());
    client.send(message("PUT", "/upload/notes.txt", "", b"remember"));
    assert_eq!(client.answer_to(b"PUT").status, 201);
    assert_eq!(get("/upload/notes.txt").text(), "remember");
    let mut client = Client::connect(server.address());
    client.send(message("PUT", "/notes.txt", "", b"remember"));
    assert_eq!(client.answer_to(b"PUT").status, 405);
    let mut client = Client::connect(server.address());
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    client.send(message("POST", "/cgi/greet.sh", form, b"name=Ada+%3C"));
    assert!(client.answer_to(b"POST").text().contains("Ada &lt;"));
}

#[test]
fn what_others_can_reach_takes_no_uploads_and_runs_no_programs() {
    let (_directory, server) = start("0.0.0.0:0");
    let mut client = Client::connect(server.address());
    client.send(message("PUT", "/upload/notes.txt", "", b"remember"));
    assert_eq!(client.answer_to(b"PUT").status, 405);
    let mut client = Client::connect(server.address());
    client.send(message("GET", "/cgi/greet.sh", "", b""));
    assert!(client.answer().text().starts_with("#!/bin/sh"));
}
