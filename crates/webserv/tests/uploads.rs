//! Groups G and K: PUT, POST of one file, DELETE, and what is left when they fail.

#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

mod fixture;

use std::fs;
use std::io::Write;
use std::time::Duration;

use fixture::routed::{Routed, everything, message};
use fixture::{H, NEXT, Site, eventually};
use http::Method;
use webserv::limits::Timeouts;
use webserv::site::Upload;

fn uploads(may_replace: bool) -> Routed {
    Routed::new(|route| {
        everything(route);
        route.upload = Some(Upload {
            store: None,
            may_replace,
            may_delete: true,
            is_synced: true,
        });
    })
}

#[test]
fn h_g08_d01_a_new_file_is_created() {
    let server = uploads(false);
    let mut client = server.connect();
    client.send(message("PUT", "/up/new%20file.txt", "", b"hello"));
    client.send(NEXT);
    let answer = client.answer();
    assert_eq!(answer.status, 201);
    assert_eq!(answer.field("location"), Some("/up/new%20file.txt"));
    assert_eq!(client.answer().body.len(), 1000);
    let stored = server.get("/up/new%20file.txt");
    assert_eq!(stored.text(), "hello");
    assert_eq!(stored.field("etag"), answer.field("etag"));
    // Sizes around those of the pieces in which it is written.
    for size in [0, 1, 131_071, 131_072, 131_073, 5_000_000] {
        let content = &fixture::site::big()[..size];
        let target = format!("/up/{size}");
        assert_eq!(server.send("PUT", &target, "", content).status, 201);
        assert!(server.get(&target).body == content, "{size}");
    }
    assert_eq!(server.names("up").len(), 7);
    drop(client);
    server.finish();
}

#[test]
fn h_g09_an_existing_file_is_replaced_whole() {
    let server = uploads(true);
    let (old, new) = (vec![b'a'; 300_000], vec![b'b'; 400_000]);
    server.site.write("up/x", &old);
    let mut client = server.connect();
    let bytes = message("PUT", "/up/x", "", &new);
    client.send(&bytes[..200_000]);
    for _ in 0..5 {
        assert!(
            server.get("/up/x").body == old,
            "the old one while it is sent"
        );
    }
    client.send(&bytes[200_000..]);
    let answer = client.answer();
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert!(server.get("/up/x").body == new);
    assert_eq!(server.names("up"), ["x"]);
    drop(client);
    server.finish();
    let server = uploads(false);
    server.site.write("up/x", "old");
    assert_eq!(server.send("PUT", "/up/x", "", b"new").status, 409);
    assert_eq!(server.get("/up/x").text(), "old");
    server.finish();
}

#[test]
fn h_g10_k19_parts_and_codings_are_refused() {
    let server = uploads(true);
    server.site.write("up/x", "old");
    let ranged = server.send("PUT", "/up/x", "Content-Range: bytes 0-2/3\r\n", b"new");
    assert_eq!(ranged.status, 400);
    let coded = server.send("PUT", "/up/x", "Content-Encoding: gzip\r\n", b"new");
    assert_eq!(coded.status, 415);
    assert_eq!(coded.field("accept-encoding"), Some("identity"));
    assert_eq!(server.get("/up/x").text(), "old");
    let plain = server.send("PUT", "/up/x", "Content-Encoding: identity\r\n", b"new");
    assert_eq!(plain.status, 204);
    server.finish();
}

#[test]
fn h_g11_g12_files_are_deleted_and_directories_are_not() {
    let server = uploads(true);
    server.site.write("up/x", "x");
    let answer = server.request("DELETE", "/up/x", "");
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(server.request("DELETE", "/up/x", "").status, 404);
    for (target, status) in [
        ("/sub", 409),
        ("/sub/", 405),
        ("/", 405),
        ("/up/..", 405),
        ("/up/.", 405),
        ("/.hidden", 404),
        ("/link-in", 409),
        ("/fifo", 409),
        ("/directory-out/outside.txt", 403),
        ("/none/x", 404),
        ("/k1.txt/x", 404),
    ] {
        let answer = server.request("DELETE", target, "");
        assert_eq!(answer.status, status, "{target}");
    }
    assert_eq!(server.get("/sub/x").status, 200);
    assert_eq!(server.get("/link-in").status, 200);
    server.finish();
}

#[test]
fn deleting_can_be_forbidden() {
    let server = Routed::new(|route| {
        everything(route);
        route.upload.as_mut().unwrap().may_delete = false;
    });
    let answer = server.request("DELETE", "/k1.txt", "");
    assert_eq!(
        (answer.status, answer.field("allow")),
        (405, Some("GET, HEAD, POST, PUT, OPTIONS"))
    );
    server.finish();
}

#[test]
fn h_g13_paths_that_cannot_be_written() {
    let server = uploads(true);
    for (target, status) in [
        ("/up/nodir/x", 409),
        ("/k1.txt/x", 409),
        ("/sub", 409),
        ("/link-in", 409),
        ("/fifo", 409),
        ("/directory-out/x", 403),
        ("/.hidden", 404),
        ("/up/.x", 404),
        ("/up/a%0db", 400),
        ("/up/a%5cb", 400),
        ("/up/%ff", 400),
        ("/up/run.py", 403),
        ("/up/", 405),
        ("/", 405),
    ] {
        let answer = server.send("PUT", target, "", b"x");
        assert_eq!(answer.status, status, "{target}");
    }
    let long = format!("/up/{}", "n".repeat(256));
    assert_eq!(server.send("PUT", &long, "", b"x").status, 400);
    assert_eq!(server.names("up"), [""; 0]);
    assert!(!server.site.root().join("../x").exists());
    server.finish();
}

#[test]
fn h_g14_g16_preconditions_hold_for_changes() {
    let server = uploads(true);
    server.site.write("up/x", "old");
    let tag = server.get("/up/x").field("etag").unwrap().to_owned();
    for (method, target, lines) in [
        ("PUT", "/up/x", "If-None-Match: *\r\n"),
        ("PUT", "/up/x", "If-Match: \"stale\"\r\n"),
        ("PUT", "/up/x", &format!("If-None-Match: {tag}\r\n")),
        (
            "PUT",
            "/up/x",
            "If-Unmodified-Since: Wed, 01 Jan 2020 00:00:00 GMT\r\n",
        ),
        ("PUT", "/up/none", "If-Match: *\r\n"),
        ("DELETE", "/up/x", "If-Match: \"stale\"\r\n"),
        ("DELETE", "/up/x", "If-None-Match: *\r\n"),
    ] {
        let answer = server.send(method, target, lines, b"new");
        assert_eq!(answer.status, 412, "{method} {target} {lines}");
        assert_eq!(server.get("/up/x").text(), "old");
        assert_eq!(server.names("up"), ["x"]);
    }
    let lines = format!("If-Match: {tag}\r\n");
    assert_eq!(server.send("PUT", "/up/x", &lines, b"new").status, 204);
    assert_eq!(server.send("PUT", "/up/x", &lines, b"newer").status, 412);
    let create = "If-None-Match: *\r\n";
    assert_eq!(server.send("PUT", "/up/y", create, b"y").status, 201);
    let date = "If-Unmodified-Since: Wed, 01 Jan 2020 00:00:00 GMT\r\n";
    assert_eq!(server.send("PUT", "/up/z", date, b"z").status, 201);
    assert_eq!(server.names("up"), ["x", "y", "z"]);
    server.finish();
}

#[test]
fn h_g14_a_file_that_changes_while_it_is_sent_is_kept() {
    let server = uploads(true);
    server.site.write("up/x", "old");
    let tag = server.get("/up/x").field("etag").unwrap().to_owned();
    let mut client = server.connect();
    client.send(format!(
        "PUT /up/x HTTP/1.1\r\n{H}If-Match: {tag}\r\nExpect: 100-continue\r\n\
         Content-Length: 5\r\n\r\n"
    ));
    // The content is asked for when the preconditions hold, and the file changes after that.
    assert_eq!(client.answer().status, 100);
    assert_eq!(server.send("PUT", "/up/x", "", b"other").status, 204);
    client.send("hello");
    assert_eq!(client.answer().status, 412);
    assert_eq!(server.get("/up/x").text(), "other");
    drop(client);
    server.finish();
}

#[test]
fn h_g02_g07_g15_q04_methods_of_a_route() {
    let server = uploads(true);
    for (target, allow) in [
        ("/k1.txt", "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
        ("/up/", "GET, HEAD, POST, OPTIONS"),
    ] {
        let answer = server.request("OPTIONS", target, "");
        assert_eq!((answer.status, answer.field("allow")), (204, Some(allow)));
        let answer = server.request("PATCH", target, "");
        assert_eq!((answer.status, answer.field("allow")), (405, Some(allow)));
    }
    server.finish();
    let server = Routed::new(|route| {
        everything(route);
        route.methods = vec![Method::GET, Method::PUT];
    });
    for method in ["POST", "DELETE"] {
        let answer = server.send(method, "/k1.txt", "", b"x");
        assert_eq!(
            (answer.status, answer.field("allow")),
            (405, Some("GET, HEAD, PUT, OPTIONS"))
        );
    }
    assert_eq!(server.get("/k1.txt").body, fixture::site::k1());
    server.finish();
}

#[test]
fn h_k17_one_file_is_posted_under_its_path_or_with_a_name() {
    let server = uploads(false);
    let kind = "Content-Type: application/octet-stream\r\n";
    let answer = server.send("POST", "/up/posted", kind, b"hello");
    assert_eq!(
        (answer.status, answer.field("location")),
        (201, Some("/up/posted"))
    );
    let named = format!("{kind}Content-Disposition: attachment; filename=\"a b\"\r\n");
    let answer = server.send("POST", "/up/", &named, b"named");
    assert_eq!(
        (answer.status, answer.field("location"), &*answer.text()),
        (201, Some("/up/a%20b"), "/up/a%20b\n")
    );
    assert_eq!(server.get("/up/a%20b").text(), "named");
    assert_eq!(server.send("POST", "/up/", kind, b"nameless").status, 400);
    assert_eq!(server.send("POST", "/none/", kind, b"x").status, 409);
    for kind in [
        "application/x-www-form-urlencoded",
        "APPLICATION/X-WWW-FORM-URLENCODED; charset=utf-8",
        "text/plain",
        "multipart/mixed; boundary=x",
    ] {
        let line = format!("Content-Type: {kind}\r\n");
        assert_eq!(
            server.send("POST", "/up/", &line, b"a=b").status,
            415,
            "{kind}"
        );
    }
    assert_eq!(server.names("up"), ["a b", "posted"]);
    server.finish();
}

#[test]
fn h_k12_d22_d23_f16_a_content_over_the_limit() {
    let server = Routed::new(|route| {
        everything(route);
        route.content_bytes_max = 200_000;
    });
    let at_limit = vec![b'x'; 200_000];
    assert_eq!(server.send("PUT", "/up/x", "", &at_limit).status, 201);
    // The length says so at once: no byte of content is sent, and no 100 comes.
    for lines in ["", "Expect: 100-continue\r\n"] {
        let answer = server.request(
            "PUT",
            "/up/y",
            &format!("{lines}Content-Length: 200001\r\n"),
        );
        assert_eq!(
            (answer.status, answer.field("connection")),
            (413, Some("close"))
        );
    }
    let mut client = server.connect();
    client.send(format!(
        "PUT /up/y HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n"
    ));
    let chunk = [&b"c350\r\n"[..], &[b'x'; 50_000], b"\r\n"].concat();
    for _ in 0..4 {
        client.send(&chunk);
    }
    client.send_quietly(&chunk);
    client.send_quietly(b"0\r\n\r\n");
    client.send_quietly(NEXT);
    let answer = client.answer();
    assert_eq!(
        (answer.status, answer.field("connection")),
        (413, Some("close"))
    );
    assert_eq!(client.rest(), b"");
    assert_eq!(server.names("up"), ["x"]);
    server.finish();
}

#[test]
fn h_f15_f16_f17_the_content_is_asked_for_when_it_is_wanted() {
    let server = uploads(false);
    let head = |target: &str| {
        format!("PUT {target} HTTP/1.1\r\n{H}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    };
    let mut client = server.connect();
    client.send(head("/up/x"));
    assert_eq!(client.answer().status, 100);
    client.send("hello");
    assert_eq!(client.answer().status, 201);
    client.send(NEXT);
    assert_eq!(client.answer().status, 200);
    for (target, status) in [("/up/x", 409), ("/up/", 405), ("/none/x", 409)] {
        let mut client = server.connect();
        client.send(head(target));
        let answer = client.answer();
        assert_eq!(
            (answer.status, answer.field("connection")),
            (status, Some("close")),
            "{target}"
        );
        assert_eq!(client.rest(), b"");
    }
    let answer = server.exchange(head("/up/y") + "hello");
    assert_eq!(answer.status, 201);
    drop(client);
    server.finish();
}

#[test]
fn h_d20_e13_e14_m02_k14_an_upload_that_is_cut_off_leaves_nothing() {
    let timeouts = Timeouts {
        content: Duration::from_millis(300),
        ..Timeouts::default()
    };
    let server = Routed::with(Site::new(), timeouts, everything);
    let half = vec![b'x'; 500_000];
    for end in ["fin", "reset", "silence"] {
        for (lines, content) in [
            ("Content-Length: 1000000\r\n", half.clone()),
            (
                "Transfer-Encoding: chunked\r\n",
                [&b"7a120\r\n"[..], &half, b"\r\n"].concat(),
            ),
            (
                "Transfer-Encoding: chunked\r\n",
                [&b"7a120\r\n"[..], &half, b"\r\n0\r\n"].concat(),
            ),
        ] {
            let mut client = server.connect();
            client.send(format!("PUT /up/x HTTP/1.1\r\n{H}{lines}\r\n"));
            client.send(content);
            match end {
                "fin" => {
                    client.finish_sending();
                    assert_eq!(client.answer().status, 400);
                }
                "silence" => assert_eq!(client.answer().status, 408),
                _ => socket2::SockRef::from(&client.stream)
                    .set_linger(Some(Duration::ZERO))
                    .unwrap(),
            }
        }
    }
    assert_eq!(server.names("up"), [""; 0]);
    server.finish();
}

#[test]
fn a_long_upload_may_take_longer_than_a_silence() {
    let timeouts = Timeouts {
        content: Duration::from_millis(600),
        ..Timeouts::default()
    };
    let server = Routed::with(Site::new(), timeouts, everything);
    let mut client = server.connect();
    client.send(format!(
        "PUT /up/x HTTP/1.1\r\n{H}Content-Length: 8192\r\n\r\n"
    ));
    // In all this takes twice the silence that is allowed; each piece earns it back.
    for _ in 0..8 {
        client.send([b'x'; 1024]);
        std::thread::sleep(Duration::from_millis(150));
    }
    assert_eq!(client.answer().status, 201);
    drop(client);
    server.finish();
}

#[test]
fn h_e01_e02_e16_e18_chunked_uploads() {
    let server = uploads(true);
    let mut client = server.connect();
    client.send(format!(
        "PUT /up/x HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n"
    ));
    let mut content = b"5\r\nhello\r\n00a;x\r\n0123456789\r\n".to_vec();
    content.extend(b"1\r\ny\r\n".repeat(1000));
    content.extend(b"0\r\nA: b\r\n\r\n");
    for byte in &content[..40] {
        client.send([*byte]);
    }
    client.send(&content[40..]);
    client.send(NEXT);
    assert_eq!(client.answer().status, 201);
    assert_eq!(client.answer().body.len(), 1000);
    let expected = [&b"hello0123456789"[..], &[b'y'; 1000]].concat();
    assert_eq!(server.get("/up/x").body, expected);
    // E07, E12: what is malformed is not stored.
    for content in ["5g\r\nhello\r\n0\r\n\r\n", "5\r\nhello!\r\n0\r\n\r\n"] {
        let answer = server.exchange(format!(
            "PUT /up/y HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n{content}"
        ));
        assert_eq!(answer.status, 400);
    }
    assert_eq!(server.names("up"), ["x"]);
    drop(client);
    server.finish();
}

#[test]
fn h_k11_two_uploads_of_one_name_do_not_mix() {
    let server = uploads(true);
    let contents = [vec![b'a'; 300_000], vec![b'b'; 300_000]];
    std::thread::scope(|scope| {
        for content in &contents {
            let server = &server;
            scope.spawn(move || {
                for _ in 0..10 {
                    let status = server.send("PUT", "/up/x", "", content).status;
                    assert!(matches!(status, 201 | 204), "{status}");
                }
            });
        }
    });
    let stored = server.get("/up/x").body;
    assert!(contents.contains(&stored));
    assert_eq!(server.names("up"), ["x"]);
    server.finish();
}

#[test]
fn a_store_stands_for_the_prefix_of_its_route() {
    let store = tempfile::tempdir().unwrap();
    let server = Routed::new(|route| {
        everything(route);
        route.upload.as_mut().unwrap().store = Some(store.path().to_owned());
    });
    assert_eq!(server.send("PUT", "/x", "", b"stored").status, 201);
    assert_eq!(fs::read(store.path().join("x")).unwrap(), b"stored");
    assert_eq!(server.send("PUT", "/../x", "", b"stored").status, 400);
    assert_eq!(server.get("/x").status, 404);
    server.finish();
}

#[test]
fn h_k13_a_directory_that_cannot_be_written() {
    // Nobody, not even root, makes files here.
    let server = Routed::new(|route| {
        everything(route);
        route.upload.as_mut().unwrap().store = Some("/sys/kernel".into());
    });
    assert_eq!(server.send("PUT", "/x", "", b"stored").status, 403);
    server.finish();
}

#[test]
fn h_k18_a_large_upload_takes_constant_memory() {
    let server = Routed::new(|route| {
        everything(route);
        route.content_bytes_max = 1 << 40;
    });
    let length: u64 = 300 << 20;
    let before = peak_kilobytes();
    let mut client = server.connect();
    client.send(format!(
        "PUT /up/x HTTP/1.1\r\n{H}Content-Length: {length}\r\n\r\n"
    ));
    let piece = vec![0x55; 1 << 20];
    for _ in 0..300 {
        client.stream.write_all(&piece).unwrap();
    }
    assert_eq!(client.answer().status, 201);
    assert_eq!(
        fs::metadata(server.site.path("up/x")).unwrap().len(),
        length
    );
    let grown = peak_kilobytes().saturating_sub(before);
    assert!(grown < 100_000, "{grown} kB more at the peak");
    drop(client);
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
fn pages_of_other_sites_change_nothing() {
    let server = uploads(true);
    server.site.write("up/x", "old");
    for (lines, is_taken) in [
        ("Origin: http://localhost\r\n", true),
        ("Origin: http://LOCALHOST\r\n", true),
        (
            "Sec-Fetch-Site: same-origin\r\nOrigin: http://a.test\r\n",
            true,
        ),
        ("Sec-Fetch-Site: none\r\n", true),
        ("Origin: http://evil.test\r\n", false),
        ("Origin: http://localhost:81\r\n", false),
        ("Origin: null\r\n", false),
        ("Sec-Fetch-Site: cross-site\r\n", false),
        (
            "Sec-Fetch-Site: same-site\r\nOrigin: http://localhost\r\n",
            false,
        ),
    ] {
        let statuses =
            ["PUT", "DELETE"].map(|method| server.send(method, "/up/x", lines, b"new").status);
        let expected = if is_taken { [204, 204] } else { [403, 403] };
        assert_eq!(statuses, expected, "{lines}");
        let form = format!("{lines}Content-Type: multipart/form-data; boundary=B\r\n");
        let part = "--B\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\nold\r\n--B--";
        let status = server.send("POST", "/up/", &form, part.as_bytes()).status;
        assert_eq!(status, if is_taken { 201 } else { 403 }, "{lines}");
        assert_eq!(server.get("/up/x").text(), "old");
    }
    server.finish();
}

#[test]
fn uploads_hold_no_descriptors() {
    let server = uploads(true);
    assert_eq!(server.send("PUT", "/up/x", "", b"x").status, 201);
    assert_eq!(
        server
            .send("PUT", "/up/x", "If-Match: \"x\"\r\n", b"x")
            .status,
        412
    );
    let directory = server.site.path("up");
    eventually("nothing in the directory is open", || {
        let entries = fs::read_dir("/proc/self/fd").unwrap();
        entries
            .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
            .all(|target| !target.starts_with(&directory))
    });
    server.finish();
}
