//! Group L: what programs are told, and what becomes of their output. And what groups B and F say
//! of programs.

mod fixture;

use fixture::routed::{Routed, everything, has_interpreter, interpreter, message, program};
use fixture::{Client, H, NEXT, Process, Site, eventually};

/// A script that prints this head and body.
fn prints(server: &Routed, name: &str, output: &str) {
    server.script(
        &format!("cgi/{name}.sh"),
        &format!("cat <<'END_OF_OUTPUT'\n{output}\nEND_OF_OUTPUT\n"),
    );
}

/// A script that prints its environment, sorted.
fn prints_environment(server: &Routed) {
    server.script(
        "cgi/env.sh",
        "echo Content-Type: text/plain\necho\nenv | sort\n",
    );
}

/// The value of a variable in what such a script printed.
#[track_caller]
fn variable<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut values = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(found, _)| *found == name)
        .map(|(_, value)| value);
    let value = values.next();
    assert_eq!(values.next(), None, "{name} twice");
    value
}

#[test]
fn h_l01_l11_q08_a_plain_answer() {
    let server = Routed::with_everything();
    prints(&server, "hi", "Content-Type: text/plain\n\nhi");
    let mut client = server.connect();
    client.send(format!("GET /cgi/hi.sh HTTP/1.1\r\n{H}\r\n{NEXT}"));
    let answer = client.answer();
    assert_eq!((answer.status, &*answer.text()), (200, "hi\n"));
    assert!(answer.is_chunked());
    assert_eq!(answer.field("content-type"), Some("text/plain"));
    assert_eq!(client.answer().body.len(), 1000);
    // Q08: HTTP/1.0 knows no chunks; the end of the connection is the end of the content.
    for lines in ["", "Connection: keep-alive\r\n"] {
        let mut client = server.connect();
        client.send(format!("GET /cgi/hi.sh HTTP/1.0\r\n{lines}\r\n"));
        let answer = client.answer();
        assert_eq!((answer.status, &*answer.text()), (200, "hi\n"));
        assert!(!answer.is_chunked());
        assert_eq!(answer.field("connection"), Some("close"));
    }
    drop(client);
    server.finish();
}

#[test]
fn h_l02_l03_status() {
    let server = Routed::with_everything();
    prints(
        &server,
        "404",
        "Status: 404 Nope\r\nContent-Type: text/plain\r\n\r\nnothing",
    );
    let answer = server.get("/cgi/404.sh");
    assert_eq!((answer.status, &*answer.text()), (404, "nothing\n"));
    for status in ["99", "1000", "abc", ""] {
        prints(
            &server,
            "bad",
            &format!("Status: {status}\nContent-Type: text/plain\n\nx"),
        );
        assert_eq!(server.get("/cgi/bad.sh").status, 502, "{status:?}");
    }
    server.finish();
}

#[test]
fn h_l04_l05_l35_local_redirects() {
    let server = Routed::with_everything();
    for (name, location) in [
        ("k1", "/k1.txt"),
        ("self", "/cgi/self.sh"),
        ("a", "/cgi/b.sh"),
        ("b", "/cgi/a.sh"),
        ("query", "/cgi/env.sh?x=1"),
        ("missing", "/none"),
        ("evil", "//evil.test/"),
        ("climb", "/../x"),
        ("directory", "/sub"),
    ] {
        prints(&server, name, &format!("Location: {location}\n"));
    }
    prints_environment(&server);
    let answer = server.get("/cgi/k1.sh");
    assert_eq!((answer.status, answer.body), (200, fixture::site::k1()));
    assert_eq!(server.request("HEAD", "/cgi/k1.sh", "").status, 200);
    for circle in ["self", "a"] {
        assert_eq!(server.get(&format!("/cgi/{circle}.sh")).status, 500);
    }
    assert_eq!(server.get("/cgi/missing.sh").status, 404);
    let evil = server.get("/cgi/evil.sh");
    assert_eq!((evil.status, evil.field("location")), (404, None));
    assert_eq!(server.get("/cgi/climb.sh").status, 502);
    let directory = server.get("/cgi/directory.sh");
    assert_eq!(
        (directory.status, directory.field("location")),
        (301, Some("/sub/"))
    );
    // L35: GET without content, with the query of the new URL.
    let answer = server.send(
        "POST",
        "/cgi/query.sh?old=1",
        "Range: bytes=0-0\r\n",
        b"hello",
    );
    let text = answer.text();
    assert_eq!(answer.status, 200);
    for (name, value) in [
        ("REQUEST_METHOD", Some("GET")),
        ("QUERY_STRING", Some("x=1")),
        ("CONTENT_LENGTH", None),
        ("HTTP_RANGE", None),
        ("SCRIPT_NAME", Some("/cgi/env.sh")),
    ] {
        assert_eq!(variable(&text, name), value, "{name}");
    }
    server.finish();
}

#[test]
fn h_l06_l07_client_redirects() {
    let server = Routed::with_everything();
    prints(&server, "away", "Location: http://x.test/\n");
    let answer = server.get("/cgi/away.sh");
    assert_eq!(
        (answer.status, answer.field("location")),
        (302, Some("http://x.test/"))
    );
    prints(
        &server,
        "moved",
        "Status: 301 Moved\nLocation: http://x.test/y\nContent-Type: text/plain\n\nthere",
    );
    let answer = server.get("/cgi/moved.sh");
    assert_eq!(
        (answer.status, answer.field("location")),
        (301, Some("http://x.test/y"))
    );
    assert_eq!(answer.text(), "there\n");
    server.finish();
}

#[test]
fn h_l08_l09_what_is_no_head_is_not_sent() {
    let server = Routed::with_everything();
    for (number, output) in [
        "just text",
        "Content-Type: text/plain",
        "no colon here\nContent-Type: text/plain\n\nx",
        "Content-Type: text/plain\n folded: 1\n\nx",
        "X-A: 1\n\nx",
        "\nx",
    ]
    .into_iter()
    .enumerate()
    {
        prints(&server, &format!("bad{number}"), output);
        let answer = server.get(&format!("/cgi/bad{number}.sh"));
        assert_eq!(answer.status, 502, "{output:?}");
        assert!(!answer.text().contains("just text"));
        assert_eq!(answer.field("x-a"), None);
    }
    server.script("cgi/nul.sh", "printf 'Content-Type: a\\000b\\n\\nx'");
    assert_eq!(server.get("/cgi/nul.sh").status, 502);
    server.script(
        "cgi/large.sh",
        "printf 'X: '; head -c 1000000 /dev/zero | tr '\\0' x",
    );
    assert_eq!(server.get("/cgi/large.sh").status, 502);
    server.script("cgi/silent.sh", "exit 0");
    assert_eq!(server.get("/cgi/silent.sh").status, 502);
    server.finish();
}

#[test]
fn h_l10_the_length_that_a_program_announces() {
    let server = Routed::with_everything();
    let script = |length: usize| {
        format!("printf 'Content-Type: text/plain\\nContent-Length: {length}\\n\\nhello'")
    };
    server.script("cgi/right.sh", &script(5));
    server.script("cgi/small.sh", &script(3));
    server.script("cgi/large.sh", &script(9));
    for (name, body) in [("right", "hello"), ("small", "hel")] {
        let mut client = server.connect();
        client.send(format!("GET /cgi/{name}.sh HTTP/1.1\r\n{H}\r\n{NEXT}"));
        let answer = client.answer();
        assert_eq!(
            answer.field("content-length"),
            Some(&*body.len().to_string())
        );
        assert_eq!(answer.text(), body);
        assert_eq!(client.answer().body.len(), 1000);
    }
    let mut client = server.connect();
    client.send(format!("GET /cgi/large.sh HTTP/1.1\r\n{H}\r\n{NEXT}"));
    let all = String::from_utf8(client.rest()).unwrap();
    assert!(
        all.ends_with("\r\n\r\nhello"),
        "closed short, and NEXT is not answered: {all}"
    );
    server.finish();
}

#[test]
fn h_l12_l33_q07_answers_without_content() {
    let server = Routed::with_everything();
    prints(
        &server,
        "hi",
        "Content-Type: text/plain\nContent-Length: 3\n\nhi",
    );
    prints(&server, "204", "Status: 204\n\nbody");
    prints(
        &server,
        "304",
        "Status: 304\nContent-Type: text/plain\n\nbody",
    );
    for (method, target, status) in [
        ("HEAD", "/cgi/hi.sh", 200),
        ("GET", "/cgi/204.sh", 204),
        ("GET", "/cgi/304.sh", 304),
    ] {
        let mut client = server.connect();
        client.send(format!("{method} {target} HTTP/1.1\r\n{H}\r\n{NEXT}"));
        assert_eq!(client.answer_to(method.as_bytes()).status, status);
        assert_eq!(client.answer().body.len(), 1000);
    }
    let head = server.request("HEAD", "/cgi/hi.sh", "");
    assert_eq!(head.field("content-length"), Some("3"));
    prints(&server, "chunked", "Content-Type: text/plain\n\nhi");
    let head = server.request("HEAD", "/cgi/chunked.sh", "");
    assert!(head.field("content-length").is_none() && head.is_chunked());
    // What a program still does when its answer is complete is done.
    server.script(
        "cgi/later.sh",
        "echo Content-Type: text/plain\necho\nexec >&-\nsleep 0.3\necho >mark\n",
    );
    assert_eq!(server.request("HEAD", "/cgi/later.sh", "").status, 200);
    eventually("the program goes on", || {
        server.site.path("cgi/mark").exists()
    });
    server.finish();
}

#[test]
fn h_l13_l33_fields_of_programs() {
    let server = Routed::with_everything();
    prints(
        &server,
        "fields",
        "Content-Type: text/plain\nConnection: close\nTransfer-Encoding: gzip\nDate: never\n\
         Server: mine\nKeep-Alive: 5\nSet-Cookie: a=1\nSet-Cookie: b=2\nX-Own: yes\n\nx",
    );
    let mut client = server.connect();
    client.send(format!("GET /cgi/fields.sh HTTP/1.1\r\n{H}\r\n{NEXT}"));
    let answer = client.answer();
    assert_eq!(answer.field("server"), Some("webserv"));
    assert_eq!(answer.field("connection"), None);
    assert_eq!(answer.field("keep-alive"), None);
    assert!(answer.is_chunked());
    assert_eq!(answer.fields("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(answer.field("x-own"), Some("yes"));
    assert_eq!(client.answer().status, 200);
    drop(client);
    server.finish();
}

#[test]
fn h_l14_l15_l16_l17_the_environment() {
    let server = Routed::with_everything();
    prints_environment(&server);
    let lines = "Content-Type: text/x-test\r\nAuthorization: Basic c2VjcmV0\r\n\
                 Proxy-Authorization: Basic c2VjcmV0\r\nProxy: http://evil\r\nUser-Agent: test\r\n";
    let answer = server.send("POST", "/cgi/env.sh/a%20b/c?x=1&y=%20", lines, b"hello");
    let text = answer.text();
    let root = server.site.root();
    let root = root.to_str().unwrap();
    let port = server.address().port().to_string();
    for (name, value) in [
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_NAME", "localhost"),
        ("SERVER_PORT", &port),
        ("SERVER_SOFTWARE", "webserv"),
        ("REQUEST_METHOD", "POST"),
        ("SCRIPT_NAME", "/cgi/env.sh"),
        ("SCRIPT_FILENAME", &format!("{root}/cgi/env.sh")),
        ("PATH_INFO", "/a b/c"),
        ("PATH_TRANSLATED", &format!("{root}/a b/c")),
        ("QUERY_STRING", "x=1&y=%20"),
        ("REQUEST_URI", "/cgi/env.sh/a%20b/c?x=1&y=%20"),
        ("REMOTE_ADDR", "127.0.0.1"),
        ("CONTENT_LENGTH", "5"),
        ("CONTENT_TYPE", "text/x-test"),
        ("HTTP_HOST", "localhost"),
        ("HTTP_USER_AGENT", "test"),
        ("DOCUMENT_ROOT", root),
    ] {
        assert_eq!(variable(&text, name), Some(value), "{name}");
    }
    for name in [
        "HTTP_AUTHORIZATION",
        "HTTP_PROXY_AUTHORIZATION",
        "HTTP_PROXY",
        "HTTP_CONTENT_LENGTH",
        "HTTP_CONTENT_TYPE",
        "HOME",
        "USER",
        "CARGO_MANIFEST_DIR",
    ] {
        assert_eq!(variable(&text, name), None, "{name}");
    }
    assert!(!text.contains("c2VjcmV0"));
    // L16: QUERY_STRING is always set.
    for (target, query) in [
        ("/cgi/env.sh", ""),
        ("/cgi/env.sh?", ""),
        ("/cgi/env.sh?a+b", "a+b"),
    ] {
        assert_eq!(
            variable(&server.get(target).text(), "QUERY_STRING"),
            Some(query)
        );
    }
    let text = server.get("/cgi/env.sh").text();
    assert_eq!(variable(&text, "PATH_INFO"), Some(""));
    assert_eq!(variable(&text, "PATH_TRANSLATED"), None);
    assert_eq!(variable(&text, "CONTENT_LENGTH"), None);
    assert_eq!(
        variable(&server.get("/cgi/env.sh/").text(), "PATH_INFO"),
        Some("/")
    );
    server.finish();
}

#[test]
fn h_b04_b05_b20_b21_b22_b23_fields_reach_programs() {
    let server = Routed::with_everything();
    prints_environment(&server);
    for (lines, value) in [
        ("X-A:1\r\n", Some("1")),
        ("X-A:   1   \r\n", Some("1")),
        ("X-A:\t1\t\r\n", Some("1")),
        ("X-A:\r\n", Some("")),
        ("X-A: 1\r\nX-A: 2\r\n", Some("1, 2")),
        ("X_A: 1\r\nX-A: 2\r\n", Some("2")),
        ("X_A: 1\r\n", None),
    ] {
        let text = server.request("GET", "/cgi/env.sh", lines).text();
        assert_eq!(variable(&text, "HTTP_X_A"), value, "{lines}");
    }
    let text = server
        .request(
            "GET",
            "/cgi/env.sh",
            "Cookie: a=1\r\nCookie: b=2\r\nProxy: x\r\n",
        )
        .text();
    assert_eq!(variable(&text, "HTTP_COOKIE"), Some("a=1; b=2"));
    assert_eq!(variable(&text, "HTTP_PROXY"), None);
    for lines in ["X-A: a\0b\r\n", "X-A: a\rb\r\n"] {
        assert_eq!(server.request("GET", "/cgi/env.sh", lines).status, 400);
    }
    server.finish();
}

#[test]
fn h_l18_l19_k16_contents_reach_programs() {
    let server = Routed::with_everything();
    server.script(
        "cgi/all.sh",
        "echo Content-Type: text/plain\necho\necho \"$CONTENT_LENGTH\"\ncksum\n",
    );
    server.script(
        "cgi/half.sh",
        "head -c 5000000 >/dev/null\necho Content-Type: text/plain\necho\necho half\n",
    );
    server.script(
        "cgi/none.sh",
        "exec <&-\necho Content-Type: text/plain\necho\necho none\n",
    );
    server.script(
        "cgi/echo.sh",
        "echo Content-Type: text/plain\necho\nexec cat\n",
    );
    let big = &fixture::site::big()[..10 << 20];
    let all = server.send("POST", "/cgi/all.sh", "", big).text();
    let (length, sum) = all.split_once('\n').unwrap();
    assert_eq!(length, big.len().to_string());
    assert_eq!(
        sum.split_whitespace().nth(1),
        Some(length),
        "everything was read"
    );
    assert_eq!(
        server.send("POST", "/cgi/half.sh", "", big).text(),
        "half\n"
    );
    assert_eq!(
        server.send("POST", "/cgi/none.sh", "", big).text(),
        "none\n"
    );
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let answer = server.send("POST", "/cgi/echo.sh", form, b"a=1&b=%20+x");
    assert_eq!(answer.text(), "a=1&b=%20+x");
    // L19: chunked, and the connection goes on.
    let mut client = server.connect();
    client.send(format!(
        "POST /cgi/all.sh HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n\
         5\r\nhello\r\n3\r\n abc\r\n0\r\n\r\n"
    ));
    assert_eq!(client.answer().status, 400);
    let mut client = server.connect();
    client.send(format!(
        "POST /cgi/all.sh HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n\
         5\r\nhello\r\n3\r\nabc\r\n0\r\n\r\n{NEXT}"
    ));
    assert!(client.answer().text().starts_with("8\n"));
    assert_eq!(client.answer().status, 200);
    drop(client);
    server.finish();
}

#[test]
fn h_l19_d23_chunked_contents_of_programs_are_limited() {
    for (bytes_max, content_bytes, status) in [
        (64 << 20, 1 << 20, 200),
        (64 << 20, (1 << 20) + 1, 411),
        (1000, 1000, 200),
        (1000, 1001, 413),
    ] {
        let server = Routed::new(|route| {
            everything(route);
            route.content_bytes_max = bytes_max;
        });
        server.script(
            "cgi/all.sh",
            "echo Content-Type: text/plain\necho\nexec wc -c\n",
        );
        let content = "x".repeat(content_bytes);
        let mut client = server.connect();
        client.send(format!(
            "POST /cgi/all.sh HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n"
        ));
        client.send_quietly(format!("{content_bytes:x}\r\n{content}\r\n0\r\n\r\n"));
        let answer = client.answer();
        assert_eq!(answer.status, status, "{content_bytes} of {bytes_max}");
        if status == 200 {
            assert_eq!(answer.text().trim(), content_bytes.to_string());
        }
        server.finish();
    }
}

#[test]
fn h_l18_content_and_output_flow_at_once() {
    let server = Routed::with_everything();
    server.script(
        "cgi/echo.sh",
        "echo Content-Type: text/plain\necho\nexec cat\n",
    );
    let big = fixture::site::big();
    let mut client = server.connect();
    let mut sender = client.stream.try_clone().unwrap();
    let bytes = message("POST", "/cgi/echo.sh", "", &big);
    // More than all buffers hold: the client must read while it sends.
    let sending = std::thread::spawn(move || std::io::Write::write_all(&mut sender, &bytes));
    assert!(client.answer().body == big);
    sending.join().unwrap().unwrap();
    server.finish();
}

#[test]
fn h_f07_programs_in_a_pipeline() {
    let server = Routed::with_everything();
    server.script(
        "cgi/echo.sh",
        "echo Content-Type: text/plain\necho\nexec cat\n",
    );
    let mut client = server.connect();
    let post = message("POST", "/cgi/echo.sh", "", b"hello");
    let head = format!("HEAD /cgi/echo.sh HTTP/1.1\r\n{H}\r\n");
    client.send([NEXT.as_bytes(), &post, head.as_bytes(), NEXT.as_bytes()].concat());
    assert_eq!(client.answer().body.len(), 1000);
    assert_eq!(client.answer().text(), "hello");
    assert_eq!(client.answer_to(b"HEAD").status, 200);
    assert_eq!(client.answer().body.len(), 1000);
    drop(client);
    server.finish();
}

#[test]
fn h_f06_f07_earlier_answers_do_not_wait_for_a_program() {
    let server = Routed::with_everything();
    server.script(
        "cgi/wait.sh",
        "while [ ! -e go ]; do sleep 0.02; done\necho Content-Type: text/plain\necho\necho ran\n",
    );
    let mut client = server.connect();
    client.send(format!("{NEXT}GET /cgi/wait.sh HTTP/1.1\r\n{H}\r\n{NEXT}"));
    assert_eq!(client.answer().body.len(), 1000);
    std::fs::write(server.site.path("cgi/go"), "").unwrap();
    assert_eq!(client.answer().text(), "ran\n");
    assert_eq!(client.answer().body.len(), 1000);
    drop(client);
    server.finish();
}

#[test]
fn h_f15_f16_a_program_is_started_before_the_content_is_asked_for() {
    let server = Routed::with_everything();
    server.script(
        "cgi/echo.sh",
        "echo Content-Type: text/plain\necho\nexec cat\n",
    );
    let head = |target: &str| {
        format!("POST {target} HTTP/1.1\r\n{H}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    };
    let mut client = server.connect();
    client.send(head("/cgi/echo.sh"));
    assert_eq!(client.answer().status, 100);
    client.send("hello");
    assert_eq!(client.answer().text(), "hello");
    let answer = server.exchange(head("/cgi/missing.sh"));
    assert_eq!(
        (answer.status, answer.field("connection")),
        (403, Some("close"))
    );
    drop(client);
    server.finish();
}

#[test]
fn h_l27_l28_l34_what_is_run_and_what_is_not() {
    let server = Routed::with_everything();
    prints(&server, "s", "Content-Type: text/plain\n\nran");
    server.script(
        "cgi/own.cgi",
        "#!/bin/sh\necho Content-Type: text/plain\necho\necho own\n",
    );
    server.script(
        "cgi/not.cgi",
        "#!/bin/sh\necho Content-Type: text/plain\necho\n",
    );
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(server.site.path("cgi/not.cgi"), mode).unwrap();
    server.script("cgi/x.none", "x");
    std::fs::create_dir(server.site.path("cgi/directory.sh")).unwrap();
    server.script(
        "cgi/directory.sh/s.sh",
        "echo Content-Type: text/plain\necho\necho within\n",
    );
    std::fs::write(server.site.root().join("../outside.sh"), "echo").unwrap();
    for (target, status, text) in [
        ("/cgi/own.cgi", 200, "own\n"),
        ("/cgi/not.cgi", 403, ""),
        ("/cgi/x.none", 502, ""),
        ("/cgi/none.sh", 404, ""),
        ("/cgi/directory.sh", 301, ""),
        ("/cgi/directory.sh/s.sh", 200, "within\n"),
        ("/cgi/..%2foutside.sh", 400, ""),
        ("/directory-out/outside.sh", 403, ""),
        ("/cgi/s%2esh", 200, "ran\n"),
        ("/cgi//s.sh", 200, "ran\n"),
        ("/sub/../cgi/s.sh", 200, "ran\n"),
        ("/cgi/s.sh%00", 400, ""),
        ("/cgi/s.sh%20", 404, ""),
        ("/cgi/s.sh.", 404, ""),
        ("/CGI/s.sh", 404, ""),
    ] {
        let answer = server.get(target);
        assert_eq!(answer.status, status, "{target}");
        if !text.is_empty() {
            assert_eq!(answer.text(), text, "{target}");
        }
        assert!(!answer.text().contains("echo"), "the source is never sent");
    }
    let ranged = server.request("GET", "/cgi/s.sh", "Range: bytes=0-0\r\n");
    assert_eq!((ranged.status, &*ranged.text()), (200, "ran\n"));
    server.finish();
}

#[test]
fn a_script_answers_for_its_directory() {
    let server = Routed::new(|route| {
        everything(route);
        route.index = vec!["index.html".to_owned(), "index.sh".to_owned()];
    });
    server.script(
        "app/index.sh",
        "echo Content-Type: text/plain\necho\necho \"$SCRIPT_NAME $PATH_INFO\"\n",
    );
    assert_eq!(server.get("/app/").text(), "/app/index.sh \n");
    assert_eq!(server.get("/app").status, 301);
    server.site.write("app/index.html", "page");
    assert_eq!(server.get("/app/").text(), "page");
    server.finish();
}

#[test]
fn h_l29_l30_what_a_program_inherits() {
    if !has_interpreter("python3") {
        return;
    }
    let server = Routed::with_everything();
    server.script(
        "cgi/state.py",
        "import os, signal\n\
         fds = sorted(int(n) for n in os.listdir('/proc/self/fd'))\n\
         print('Content-Type: text/plain\\n')\n\
         own = [n for n in fds if os.path.exists('/proc/self/fd/%d' % n)]\n\
         status = dict(l.split(':', 1) for l in open('/proc/self/status').read().splitlines())\n\
         print('fds', own)\n\
         print('mask', status['SigBlk'].strip())\n\
         print('cwd', os.getcwd())\n\
         print('group', os.getpgid(0) == os.getpid())\n",
    );
    let text = server.get("/cgi/state.py").text();
    let directory = server.site.path("cgi");
    let directory = directory.canonicalize().unwrap();
    assert_eq!(
        text,
        format!(
            "fds [0, 1, 2]\nmask 0000000000000000\ncwd {}\ngroup True\n",
            directory.display()
        )
    );
    // Python ignores SIGPIPE for itself; a shell shows what it was given.
    server.script(
        "cgi/pipe.sh",
        "echo Content-Type: text/plain\necho\nyes | head -n 1\ngrep SigIgn /proc/self/status\n",
    );
    let text = server.get("/cgi/pipe.sh").text();
    let ignored = text.split_whitespace().last().unwrap();
    let ignored = u64::from_str_radix(ignored, 16).unwrap();
    assert_eq!(
        ignored & (1 << 12),
        0,
        "SIGPIPE ends a program, as it should"
    );
    server.finish();
}

/// The program itself, which catches signals, unlike a server in a test's process.
#[test]
fn h_l14_l29_programs_of_a_configured_server() {
    let site = Site::new();
    std::fs::create_dir(site.path("cgi")).unwrap();
    let script = "echo Content-Type: text/plain\necho\necho \"user=$REMOTE_USER $AUTH_TYPE\"\n\
                  grep SigIgn /proc/self/status\n";
    std::fs::write(site.path("cgi/state.sh"), script).unwrap();
    // The password is "secret", at the lowest cost.
    let server = Process::run(site.configure(
        "workers = 1\n[[server]]\nlisten = \"127.0.0.1:0\"\nroot = \"root\"\n\
         [server.authentication]\n\
         users = { ann = \"$2y$04$8y/TSiDi2m2IuYG1XE1JAOyNj.zia.Ut2DgeqGBQsdg9chc9r84kK\" }\n\
         [[server.cgi]]\nextension = \".sh\"\ninterpreter = \"/bin/sh\"\n",
    ));
    let mut client = Client::connect(server.address());
    client.send(format!(
        "GET /cgi/state.sh HTTP/1.1\r\n{H}Authorization: Basic YW5uOnNlY3JldA==\r\n\r\n"
    ));
    let text = client.answer().text();
    let (user, rest) = text.split_once('\n').unwrap();
    assert_eq!(user, "user=ann Basic");
    let ignored = rest.split_whitespace().last().unwrap();
    let ignored = u64::from_str_radix(ignored, 16).unwrap();
    // Signals 32 and 33 are the C library's own, which ignores them in what it starts.
    assert_eq!(
        ignored & 0x7fff_ffff,
        0,
        "every signal has its default action"
    );
}

#[test]
fn h_l32_a_script_that_writes_a_status_line_is_refused() {
    let server = Routed::with_everything();
    prints(
        &server,
        "nph-x",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nx",
    );
    assert_eq!(server.get("/cgi/nph-x.sh").status, 502);
    server.finish();
}

#[test]
fn scripts_in_other_languages() {
    let server = Routed::with_everything();
    let body = "name=J%C3%BCrgen&n=1";
    for (language, name, script) in [
        (
            "python3",
            "cgi/form.py",
            "import os, sys, urllib.parse\n\
             length = int(os.environ.get('CONTENT_LENGTH') or 0)\n\
             form = urllib.parse.parse_qs(sys.stdin.buffer.read(length).decode())\n\
             print('Content-Type: text/plain; charset=utf-8')\nprint()\nprint(int(form['n'][0]) + 1)\n",
        ),
        (
            "perl",
            "cgi/form.pl",
            "use strict; read(STDIN, my $form, $ENV{CONTENT_LENGTH} || 0);\n\
             my ($n) = $form =~ /n=(\\d+)$/;\n\
             print \"Content-Type: text/plain\\r\\n\\r\\n\", $n + 1, \"\\n\";\n",
        ),
        (
            "php-cgi",
            "cgi/form.php",
            "<?php header('Content-Type: text/plain'); echo $_POST['n'] + 1, \"\\n\";",
        ),
    ] {
        if !has_interpreter(language) {
            continue;
        }
        server.script(name, script);
        let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
        let answer = server.send("POST", &format!("/{name}"), kind, body.as_bytes());
        assert_eq!((answer.status, &*answer.text()), (200, "2\n"), "{language}");
    }
    server.finish();
}

#[test]
fn further_variables_come_from_the_route() {
    let server = Routed::new(|route| {
        everything(route);
        let mut program = program(".own", interpreter("sh").as_deref());
        program.environment = vec![("APP_MODE".to_owned(), "test".to_owned())];
        route.cgi.insert(0, program);
    });
    server.script(
        "x.own",
        "echo Content-Type: text/plain\necho\necho $APP_MODE\n",
    );
    assert_eq!(server.get("/x.own").text(), "test\n");
    server.finish();
}
