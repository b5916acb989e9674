//! Names, addresses and routes of a configuration: C07, C08, C19, G15, J27, M11, Q04, Q05.

#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

mod fixture;

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use fixture::process::command;
use fixture::{Answer, Client, H, Process, Site};

/// A server with a configuration.
struct Configured {
    site: Site,
    server: Process,
}

impl Configured {
    #[track_caller]
    fn new(text: &str) -> Self {
        let site = Site::new();
        for (name, content) in [("a", "site a"), ("b", "site b")] {
            fs::create_dir(site.path(name)).unwrap();
            site.write(&format!("{name}/which"), content);
        }
        let server = Process::run(site.configure(text));
        Configured { site, server }
    }

    #[track_caller]
    fn exchange(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut client = Client::connect(self.server.address());
        client.send(&request);
        client.answer_to(request.as_ref())
    }

    #[track_caller]
    fn get(&self, host: &str, target: &str) -> Answer {
        self.exchange(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
    }
}

#[test]
fn h_c07_c08_c19_the_name_chooses() {
    let served = Configured::new(
        "workers = 1\n\
         [[server]]\nlisten = \"127.0.0.1:0\"\nnames = [\"a.test\"]\nroot = \"root/a\"\n\
         [[server]]\nlisten = \"127.0.0.1:0\"\nnames = [\"*.b.test\", \"b.test\"]\nroot = \"root/b\"\n\
         [[server]]\nlisten = \"127.0.0.1:0\"\nroot = \"root\"\n",
    );
    for (host, body) in [
        ("a.test", "site a"),
        ("A.Test", "site a"),
        ("a.test:8080", "site a"),
        ("a.test.", "site a"),
        ("b.test", "site b"),
        ("x.b.test", "site b"),
        ("y.x.b.test", "site b"),
    ] {
        assert_eq!(served.get(host, "/which").text(), body, "{host}");
    }
    for host in ["c.test", "x.a.test", "", "xb.test", "a,b", "127.0.0.1"] {
        assert_eq!(served.get(host, "/which").status, 404, "{host}");
        assert_eq!(served.get(host, "/k1.txt").status, 200, "{host}");
    }
    assert_eq!(served.exchange("GET /k1.txt HTTP/1.0\r\n\r\n").status, 200);
    let absolute = served.get("a.test", "http://b.test/which");
    assert_eq!(absolute.text(), "site b");
    // On one connection, each request is for itself.
    let mut client = Client::connect(served.server.address());
    for (host, body) in [
        ("a.test", "site a"),
        ("b.test", "site b"),
        ("a.test", "site a"),
    ] {
        client.send(format!("GET /which HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(client.answer().text(), body);
    }
}

#[test]
fn h_m11_many_names_are_found_as_fast_as_few() {
    let mut text = String::from("workers = 1\n");
    for number in 0..500 {
        text.push_str(&format!(
            "[[server]]\nlisten = \"127.0.0.1:0\"\nroot = \"root/a\"\nnames = [\"n{number}.test\", \"*.w{number}.test\"]\n"
        ));
    }
    let served = Configured::new(&text);
    let deep = "a.".repeat(100) + "w499.test";
    assert_eq!(served.get(&deep, "/which").text(), "site a");
    assert_eq!(served.get("n499.test", "/which").text(), "site a");
}

#[test]
fn every_address_has_its_servers() {
    let site = Site::new();
    let top = site.open_top();
    let inherited = TcpListener::bind("127.0.0.1:0").unwrap();
    let inherited_address = inherited.local_addr().unwrap();
    let path = site.configure(
        "workers = 2\n\
         [[listen]]\naddress = \"unix:SOCKET\"\nmode = \"600\"\n\
         [[server]]\nlisten = [\"127.0.0.1:0\", \"[::1]:0\"]\nroot = \"root\"\n\
         [[server]]\nlisten = [\"unix:SOCKET\", \"inherited:web\"]\nroot = \"root/sub\"\n"
            .replace("SOCKET", top.join("socket").to_str().unwrap())
            .as_str(),
    );
    // One that a process left behind.
    drop(std::os::unix::net::UnixListener::bind(top.join("socket")).unwrap());
    fs::set_permissions(top.join("socket"), Permissions::from_mode(0o777)).unwrap();
    let mut shell = std::process::Command::new("sh");
    shell.args([
        "-c",
        "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web exec \"$@\" 3<&0 0</dev/null",
        "sh",
        command().get_program().to_str().unwrap(),
        "run",
        "-c",
        path.to_str().unwrap(),
    ]);
    let mut server = Process::spawn_with_input(shell, std::os::fd::OwnedFd::from(inherited).into());
    let second = server.line();
    let third = server.line();
    let fourth = server.line();
    assert!(second.contains("http://[::1]:"), "{second}");
    assert!(
        third.ends_with(&format!("unix:{}", top.join("socket").display())),
        "{third}"
    );
    assert!(fourth.contains(&inherited_address.to_string()), "{fourth}");
    let six = second
        .split("http://")
        .nth(1)
        .unwrap()
        .trim_end_matches('/');
    for _ in 0..8 {
        for address in [server.address(), six.parse().unwrap()] {
            let mut client = Client::connect(address);
            client.send(fixture::NEXT);
            assert_eq!(client.answer().status, 200, "{address}");
        }
        let mut client = Client::connect(inherited_address);
        client.send(format!("GET /x HTTP/1.1\r\n{H}\r\n"));
        assert_eq!(client.answer().text(), "x");
        let mut client = UnixStream::connect(top.join("socket")).unwrap();
        client.write_all(b"GET /x HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nx"),
            "{answer}"
        );
    }
    let mode = fs::metadata(top.join("socket"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.wait().0.code(), Some(0));
    assert!(!top.join("socket").exists());
}

#[test]
fn h_g15_q04_methods_of_a_route() {
    let served = Configured::new(
        "[[server]]\nlisten = \"127.0.0.1:0\"\nroot = \"root\"\nupload = { delete = true }\n\
         [[server.route]]\npath = \"/sub\"\nmethods = [\"POST\", \"PUT\"]\n\
         [[server.route]]\npath = \"/idx\"\nupload = false\n",
    );
    for (method, target, status, allow) in [
        ("GET", "/sub/x", 405, "POST, PUT, OPTIONS"),
        ("HEAD", "/sub/x", 405, "POST, PUT, OPTIONS"),
        ("DELETE", "/sub/x", 405, "POST, PUT, OPTIONS"),
        ("OPTIONS", "/sub/x", 204, "POST, PUT, OPTIONS"),
        (
            "OPTIONS",
            "/k1.txt",
            204,
            "GET, HEAD, POST, PUT, DELETE, OPTIONS",
        ),
        (
            "PATCH",
            "/k1.txt",
            405,
            "GET, HEAD, POST, PUT, DELETE, OPTIONS",
        ),
        ("POST", "/idx/x", 405, "GET, HEAD, OPTIONS"),
    ] {
        let answer = served.exchange(format!("{method} {target} HTTP/1.1\r\n{H}\r\n"));
        let found = (answer.status, answer.field("allow"));
        assert_eq!(found, (status, Some(allow)), "{method} {target}");
    }
    let unknown = served.exchange(format!("BREW /k1.txt HTTP/1.1\r\n{H}\r\n"));
    assert_eq!(unknown.status, 501);
}

#[test]
fn h_d18_a_content_over_the_limit_of_its_route() {
    let served = Configured::new(
        "content_bytes = 10\n\
         [[server]]\nlisten = \"127.0.0.1:0\"\nroot = \"root\"\nmethods = [\"GET\", \"POST\"]\n\
         [[server.route]]\npath = \"/sub\"\ncontent_bytes = \"1 KiB\"\n",
    );
    let request =
        |target: &str| format!("GET {target} HTTP/1.1\r\n{H}Content-Length: 11\r\n\r\n01234567890");
    assert_eq!(served.exchange(request("/k1.txt")).status, 413);
    assert_eq!(served.exchange(request("/sub/x")).status, 200);
    // Before it is sent.
    let held =
        format!("GET /k1.txt HTTP/1.1\r\n{H}Expect: 100-continue\r\nContent-Length: 11\r\n\r\n");
    assert_eq!(served.exchange(held).status, 413);
}

#[test]
fn routes_are_tried_in_their_order() {
    let served = Configured::new(
        "[[server]]\nlisten = \"127.0.0.1:0\"\nroot = \"root\"\nlisting = true\n\
         fields = { X-Where = \"server\" }\n\
         [[server.route]]\npath = \"/a\"\nfields = { X-Where = \"prefix\", X-Two = \"2\" }\n\
         [[server.route]]\npath = \"/a/b\"\nfields = { X-Where = \"longer\" }\n\
         [[server.route]]\nsuffix = \".txt\"\nfields = { X-Where = \"suffix\" }\ncache_control = \"max-age=60\"\n\
         [[server.route]]\nexact = \"/a/b/c.txt\"\nfields = { X-Where = \"exact\" }\n\
         [[server.route]]\npath = \"/alias\"\nalias = true\nroot = \"root/sub\"\n\
         [[server.route]]\npath = \"/closed\"\nalias = true\nlisting = false\nroot = \"root/sub\"\n",
    );
    for (target, place) in [
        ("/", "server"),
        ("/ab", "server"),
        ("/a", "prefix"),
        ("/a/which", "prefix"),
        ("/%61/which", "prefix"),
        ("/a/b/../which", "prefix"),
        ("/a/b", "longer"),
        ("/a/b/d", "longer"),
        ("/a/b/d.txt", "suffix"),
        ("/k1.txt", "suffix"),
        ("/a/b/c.txt", "exact"),
    ] {
        let answer = served.get("x", target);
        assert_eq!(answer.field("x-where"), Some(place), "{target}");
        assert_eq!(
            answer.field("x-two").is_some(),
            place == "prefix",
            "{target}"
        );
    }
    let file = served.get("x", "/k1.txt");
    assert_eq!(
        (file.status, file.field("cache-control")),
        (200, Some("max-age=60"))
    );
    let missing = served.get("x", "/no.txt");
    assert_eq!(
        (missing.status, missing.field("cache-control")),
        (404, None)
    );
    assert_eq!(served.get("x", "/alias/x").text(), "x");
    assert_eq!(served.get("x", "/aliasx/x").status, 404);
    let slash = served.get("x", "/alias?q");
    assert_eq!(
        (slash.status, slash.field("location")),
        (301, Some("/alias/?q"))
    );
    assert!(served.get("x", "/alias/").text().contains("href"));
    assert_eq!(served.get("x", "/closed/").status, 403);
}

#[test]
fn h_j27_redirections_lead_where_they_are_told_to() {
    let served = Configured::new(
        "[[server]]\nlisten = \"127.0.0.1:0\"\nroot = \"root\"\n\
         [[server.route]]\nexact = \"/one\"\nredirect = { to = \"/k1.txt\" }\n\
         [[server.route]]\npath = \"/old\"\nredirect = { to = \"/new/*\", status = 308 }\n\
         [[server.route]]\npath = \"/away\"\nredirect = { to = \"https://other.test/*\", status = 301 }\n",
    );
    for (target, status, location) in [
        ("/one", 302, "/k1.txt"),
        ("/one?q", 302, "/k1.txt"),
        ("/old/a/b?c=d", 308, "/new/a/b?c=d"),
        ("/old", 308, "/new/"),
        ("/old//evil.test/x", 308, "/new/evil.test/x"),
        (
            "/old/%0d%0aSet-Cookie:%20x",
            308,
            "/new/%0D%0ASet-Cookie%3A%20x",
        ),
        ("/old/a%00", 400, ""),
        ("/away/.evil.test", 301, "https://other.test/.evil.test"),
        ("/away/%40evil.test", 301, "https://other.test/%40evil.test"),
        ("/away/..%5cx", 301, "https://other.test/..%5Cx"),
    ] {
        let answer = served.get("x", target);
        let found = answer.field("location").unwrap_or_default();
        assert_eq!((answer.status, found), (status, location), "{target}");
        assert_eq!(answer.field("set-cookie"), None);
    }
    let post = served.exchange(format!(
        "POST /old/a HTTP/1.1\r\n{H}Content-Length: 1\r\n\r\nx"
    ));
    assert_eq!((post.status, post.field("location")), (308, Some("/new/a")));
}

#[test]
fn h_q04_a_password_is_asked_for() {
    let hash = webserv::password::hash(b"open sesame").unwrap();
    let served = Configured::new(&format!(
        "[[server]]\nlisten = \"127.0.0.1:0\"\nroot = \"root\"\n\
         authentication = {{ realm = \"cave\", users = {{ ali = \"{hash}\" }} }}\n\
         [[server.route]]\npath = \"/sub\"\nauthentication = false\n"
    ));
    let asked = |lines: &str| served.exchange(format!("GET /k1.txt HTTP/1.1\r\n{H}{lines}\r\n"));
    let right = "Authorization: Basic YWxpOm9wZW4gc2VzYW1l\r\n";
    for lines in [
        "",
        "Authorization: Basic YWxpOm9wZW4gYmFybGV5\r\n",
        "Authorization: Basic Ym9iOm9wZW4gc2VzYW1l\r\n",
        "Authorization: Bearer YWxpOm9wZW4gc2VzYW1l\r\n",
        "Authorization: Basic ====\r\n",
        &format!("{right}{right}"),
    ] {
        let answer = asked(lines);
        assert_eq!(answer.status, 401, "{lines}");
        let challenge = answer.field("www-authenticate");
        assert_eq!(challenge, Some("Basic realm=\"cave\", charset=\"UTF-8\""));
        assert!(!answer.text().contains("line 0001"));
    }
    for _ in 0..20 {
        assert_eq!(asked(right).status, 200);
    }
    assert_eq!(served.get("x", "/sub/x").status, 200);
    assert_eq!(served.get("x", "/sub/../k1.txt").status, 401);
}

#[test]
fn h_q05_custom_error_pages() {
    let site = Site::new();
    site.write("404.html", "<p>gone fishing</p>");
    let outside = site.open_top().join("busy.html");
    fs::write(&outside, "method").unwrap();
    let path = site.configure(&format!(
        "[[server]]\nlisten = \"127.0.0.1:0\"\nroot = \"root\"\n\
         error_pages = {{ 404 = \"404.html\", 405 = \"{}\" }}\n",
        outside.display()
    ));
    let served = Configured {
        server: Process::run(path),
        site,
    };
    let answer = served.get("x", "/nothing");
    assert_eq!(
        (answer.status, &*answer.text()),
        (404, "<p>gone fishing</p>")
    );
    assert_eq!(
        answer.field("content-type"),
        Some("text/html; charset=utf-8")
    );
    let head = served.exchange(format!("HEAD /nothing HTTP/1.1\r\n{H}\r\n"));
    assert_eq!(
        (head.status, head.field("content-length")),
        (404, Some("19"))
    );
    let post = served.exchange(format!(
        "POST /k1.txt HTTP/1.1\r\n{H}Content-Length: 0\r\n\r\n"
    ));
    assert_eq!((post.status, &*post.text()), (405, "method"));
    assert_eq!(post.field("allow"), Some("GET, HEAD, OPTIONS"));
    assert_eq!(served.get("x", "/404.html").status, 200);
    fs::remove_file(served.site.path("404.html")).unwrap();
    let answer = served.get("x", "/nothing");
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("There is nothing at this address."));
}
