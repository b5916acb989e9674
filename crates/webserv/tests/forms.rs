//! Group K: multipart/form-data.

#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

mod fixture;

use fixture::routed::{Routed, everything, message};
use fixture::{Answer, H, NEXT};
use webserv::limits::{FORM_FILES_MAX, FORM_PARTS_MAX};

fn server() -> Routed {
    Routed::new(|route| {
        everything(route);
        route.upload.as_mut().unwrap().may_replace = false;
        route.content_bytes_max = 2 << 20;
    })
}

const TYPE: &str = "Content-Type: multipart/form-data; boundary=B\r\n";

/// A part that is a file, up to its content's end.
fn file(name: &str, content: &str) -> String {
    format!(
        "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n{content}\r\n"
    )
}

fn post(server: &Routed, form: impl AsRef<[u8]>) -> Answer {
    server.send("POST", "/up/", TYPE, form.as_ref())
}

#[test]
fn h_k01_k04_k05_files_are_stored_as_they_are() {
    let server = server();
    let data = "\r\n--A\r\n-B\r--B\n--B\0\r\r\n";
    let form = format!(
        "preamble\r\n--B \t\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\nvalue\r\n\
         {}{}--B--\r\nepilogue\r\n--B\r\n",
        file("a b.bin", data),
        file("empty", "")
    );
    let mut client = server.connect();
    client.send(message("POST", "/up/", TYPE, form.as_bytes()));
    client.send(NEXT);
    let answer = client.answer();
    assert_eq!(answer.status, 201);
    assert_eq!(answer.field("location"), Some("/up/a%20b.bin"));
    assert_eq!(answer.text(), "/up/a%20b.bin\n/up/empty\n");
    assert_eq!(client.answer().body.len(), 1000);
    assert_eq!(server.get("/up/a%20b.bin").text(), data);
    assert_eq!(server.get("/up/empty").text(), "");
    assert_eq!(server.names("up"), ["a b.bin", "empty"]);
    drop(client);
    server.finish();
}

#[test]
fn h_k01_a_browser_goes_back_to_the_listing() {
    let server = server();
    for (target, name) in [("/up/", "x"), ("/up", "y")] {
        let lines = format!("{TYPE}Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n");
        let form = format!("{}--B--\r\n", file(name, "x"));
        let answer = server.send("POST", target, &lines, form.as_bytes());
        assert_eq!(
            (answer.status, answer.field("location")),
            (303, Some("/up/"))
        );
    }
    assert!(server.get("/up/").text().contains(">y<"));
    server.finish();
}

#[test]
fn h_k02_k03_boundaries() {
    let server = server();
    let longest = "x".repeat(70);
    let too_long = "x".repeat(71);
    for (number, (boundary, status)) in [
        ("x", 201),
        (&*longest, 201),
        ("0aZ'()+_,-./:=? z", 201),
        (&*too_long, 400),
        ("", 400),
        ("a ", 400),
        ("a@b", 400),
    ]
    .into_iter()
    .enumerate()
    {
        let form = file(&number.to_string(), "x") + "--B--\r\n";
        let form = form.replace("--B", &format!("--{boundary}"));
        let lines = format!("Content-Type: multipart/form-data; boundary=\"{boundary}\"\r\n");
        let answer = server.send("POST", "/up/", &lines, form.as_bytes());
        assert_eq!(answer.status, status, "{boundary}");
    }
    let form = file("none", "x") + "--B--\r\n";
    for lines in [
        "Content-Type: multipart/form-data\r\n",
        "Content-Type: multipart/form-data; boundary=C\r\n",
        "Content-Type: multipart/form-data; boundary=\"B\r\n",
    ] {
        let answer = server.send("POST", "/up/", lines, form.as_bytes());
        assert_eq!(answer.status, 400, "{lines}");
    }
    assert_eq!(server.names("up"), ["0", "1", "2"]);
    server.finish();
}

#[test]
fn h_k06_a_form_may_be_cut_anywhere() {
    let server = server();
    let form = format!("{}{}--B--\r\n", file("x", "\r\n--\r\n"), file("y", ""));
    let bytes = message("POST", "/up/", TYPE, form.as_bytes());
    for cut in bytes.len() - form.len()..bytes.len() {
        let mut client = server.connect();
        client.send(&bytes[..cut]);
        std::thread::sleep(std::time::Duration::from_millis(1));
        client.send(&bytes[cut..]);
        assert_eq!(client.answer().status, 201, "{cut}");
        assert_eq!(server.get("/up/x").text(), "\r\n--\r\n");
        for name in ["/up/x", "/up/y"] {
            assert_eq!(server.request("DELETE", name, "").status, 204);
        }
    }
    server.finish();
}

#[test]
fn h_k07_k08_k20_file_names_are_made_safe_or_refused() {
    let server = server();
    for (sent, stored) in [
        ("../../x", "x"),
        ("C:\\y", "y"),
        ("a/b", "b"),
        ("-rf", "-rf"),
        ("%2e%2e%2fz", "%2e%2e%2fz"),
        ("q\\\"q", "q\"q"),
        ("naïve", "naïve"),
        ("<img>&", "<img>&"),
    ] {
        let answer = post(&server, format!("{}--B--\r\n", file(sent, sent)));
        assert_eq!(answer.status, 201, "{sent}");
        assert!(server.names("up").contains(&stored.to_owned()), "{sent}");
        let location = answer.field("location").unwrap();
        assert_eq!(server.get(location).text(), sent);
    }
    let count = server.names("up").len();
    for name in [
        &b"a\0b"[..],
        b".htaccess",
        b"..",
        b"a\x1b[1m",
        b"a\x7f",
        b"caf\xe9",
        b"a\rb",
        b"/",
        &[b'n'; 300],
    ] {
        let good = file("good", "x");
        let (before, after) = good.split_once("good").unwrap();
        let bad = [before.as_bytes(), name, after.as_bytes()].concat();
        let form = [file("good", "x").as_bytes(), &bad, b"--B--\r\n"].concat();
        let answer = post(&server, form);
        assert_eq!(answer.status, 400, "{}", name.escape_ascii());
        assert_eq!(
            server.names("up").len(),
            count,
            "nothing of the form is stored"
        );
    }
    // A script would be run by the next request for it.
    let form = format!("{}--B--\r\n", file("evil.py", "x"));
    assert_eq!(post(&server, form).status, 403);
    for disposition in [
        "form-data; name=f; filename=a; filename=b",
        "form-data; filename=a",
        "attachment; name=f; filename=a",
        "form-data; name=f;\r\n filename=a",
        "form-data; name=f; filename=\"a",
    ] {
        let form = format!("--B\r\nContent-Disposition: {disposition}\r\n\r\nx\r\n--B--\r\n");
        assert_eq!(post(&server, form).status, 400, "{disposition}");
    }
    assert_eq!(post(&server, "--B\r\n\r\nx\r\n--B--\r\n").status, 400);
    // K08: filename* is ignored, so this is no file.
    let extended = "form-data; name=f; filename*=UTF-8''na%C3%AFve.txt";
    let form = format!("--B\r\nContent-Disposition: {extended}\r\n\r\nx\r\n--B--\r\n");
    assert_eq!(post(&server, form).status, 400);
    assert_eq!(server.names("up").len(), count);
    assert_eq!(
        server
            .site
            .root()
            .parent()
            .unwrap()
            .read_dir()
            .unwrap()
            .count(),
        2
    );
    server.finish();
}

#[test]
fn a_file_input_in_which_nothing_was_chosen_is_skipped() {
    let server = server();
    let answer = post(
        &server,
        format!("{}{}--B--\r\n", file("", ""), file("x", "x")),
    );
    assert_eq!(answer.status, 201);
    assert_eq!(server.names("up"), ["x"]);
    assert_eq!(post(&server, file("", "") + "--B--\r\n").status, 400);
    assert_eq!(post(&server, file("", "content") + "--B--\r\n").status, 400);
    server.finish();
}

#[test]
fn h_k09_parts_are_limited() {
    let server = server();
    let field = "--B\r\nContent-Disposition: form-data; name=f\r\n\r\nx\r\n";
    let many = field.repeat(FORM_PARTS_MAX + 1) + "--B--\r\n";
    assert_eq!(post(&server, many).status, 413);
    let enough = field.repeat(FORM_PARTS_MAX - 1) + &file("x", "x") + "--B--\r\n";
    assert_eq!(post(&server, enough).status, 201);
    let mut files = String::new();
    for number in 0..=FORM_FILES_MAX {
        files += &file(&format!("n{number}"), "x");
    }
    assert_eq!(post(&server, files + "--B--\r\n").status, 413);
    let head = format!("--B\r\nX: {}\r\n\r\nx\r\n--B--\r\n", "x".repeat(100_000));
    assert_eq!(post(&server, head).status, 413);
    let nested = "--B\r\nContent-Disposition: form-data; name=f; filename=x\r\n\
                  Content-Type: multipart/mixed; boundary=C\r\n\r\n--C--\r\n--B--\r\n";
    assert_eq!(post(&server, nested).status, 400);
    assert_eq!(server.names("up"), ["x"]);
    server.finish();
}

#[test]
fn h_k10_k11_k12_a_form_is_stored_whole_or_not_at_all() {
    let server = server();
    for form in [
        file("x", "x"),
        file("x", "x") + "--B",
        file("x", "x") + "--B-",
        file("x", "x") + "--B\r\n",
        file("x", "x") + &file("x", "y") + "--B--\r\n",
    ] {
        assert_eq!(post(&server, &form).status, 400, "{form}");
    }
    server.site.write("up/there", "old");
    for form in [
        file("x", "x") + &file("there", "new") + "--B--\r\n",
        file("there", "new") + &file("x", "x") + "--B--\r\n",
    ] {
        assert_eq!(post(&server, &form).status, 409);
    }
    let large = file("x", "x") + &file("y", &"y".repeat(2 << 20)) + "--B--\r\n";
    let mut client = server.connect();
    client.send(format!(
        "POST /up/ HTTP/1.1\r\n{H}{TYPE}Transfer-Encoding: chunked\r\n\r\n"
    ));
    client.send_quietly(format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len()));
    assert_eq!(client.answer().status, 413);
    assert_eq!(server.get("/up/there").text(), "old");
    assert_eq!(server.names("up"), ["there"]);
    server.finish();
}

#[test]
fn a_large_file_of_a_form_is_whole() {
    let server = server();
    let content: String = ('a'..='w').cycle().take(1_500_000).collect();
    let form = file("x", &content) + &file("y", "y") + "--B--\r\n";
    assert_eq!(post(&server, form).status, 201);
    assert!(server.get("/up/x").text() == content);
    assert_eq!(server.get("/up/y").text(), "y");
    server.finish();
}
