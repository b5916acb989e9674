//! Q09: a critic of HTTP finds nothing bad in any kind of answer. It is `httplint`, from the Python
//! package of that name; `scripts/web-checks` installs it. The variable HTTPLINT names it where it
//! is not in PATH.

#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

mod fixture;

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use fixture::H;
use fixture::routed::{Routed, everything};

/// What the critic says about a response; none if it is not installed.
fn notes(program: &str, response: &[u8]) -> Option<String> {
    let mut child = Command::new(program)
        .arg("--now")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take().unwrap().write_all(response).unwrap();
    let output = child.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn h_q09_no_answer_has_anything_bad() {
    let server = Routed::new(everything);
    server
        .site
        .write("long.txt", "a line of a long text\n".repeat(1000));
    server
        .site
        .write("longer.txt", "a line of a long text\n".repeat(20_000));
    fs::create_dir(server.site.path("many")).unwrap();
    for number in 0..300 {
        server.site.write(&format!("many/{number}"), "");
    }
    server.script(
        "cgi/page.sh",
        "#!/bin/sh\nprintf 'Content-Type: text/html; charset=utf-8\\n\\n<title>a page</title>'\n",
    );
    let program = std::env::var("HTTPLINT").unwrap_or_else(|_| "httplint".to_owned());
    for (target, lines, status) in [
        ("/k1.txt", "", 200),
        ("/empty.txt", "", 200),
        ("/", "", 200),
        ("/long.txt", "Accept-Encoding: gzip\r\n", 200),
        ("/long.txt", "Accept-Encoding: br\r\n", 200),
        ("/longer.txt", "Accept-Encoding: gzip\r\n", 200),
        ("/sub/", "", 200),
        ("/sub/", "Accept: application/json\r\n", 200),
        ("/many/", "", 200),
        ("/up/", "", 200),
        ("/cgi/page.sh", "", 200),
        ("/k1.txt", "Range: bytes=10-19\r\n", 206),
        // Several parts are left out: the critic asks for a Content-Range beside them, which RFC
        // 9110 section 15.3.7.2 forbids.
        ("/sub", "", 301),
        ("/k1.txt", "If-None-Match: *\r\n", 304),
        ("/%", "", 400),
        ("/link-out", "", 403),
        ("/none", "", 404),
        ("/none", "Accept: application/json\r\n", 404),
        ("/k1.txt", "If-Match: \"x\"\r\n", 412),
        ("/k1.txt", "Range: bytes=5000-\r\n", 416),
    ] {
        let mut client = server.connect();
        client.send(format!(
            "GET {target} HTTP/1.1\r\n{H}{lines}Connection: close\r\n\r\n"
        ));
        let response = client.rest();
        let start = format!("HTTP/1.1 {status} ");
        assert!(response.starts_with(start.as_bytes()), "{target} {lines}");
        let Some(notes) = notes(&program, &response) else {
            eprintln!("SKIPPED: httplint is not installed");
            return;
        };
        assert!(notes.contains("General"), "the critic has read it: {notes}");
        assert!(!notes.contains("[BAD]"), "{target} {lines}\n{notes}");
    }
    server.finish();
}
