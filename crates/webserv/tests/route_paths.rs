//! Which path a route takes and which file it makes of it: J25, J26, J32.

#![expect(
    clippy::unwrap_used,
    reason = "a test states what it expects by panicking"
)]

mod fixture;

use std::fs;

use fixture::{Answer, Client, H, Process, Site};

/// A server for the site with these routes.
struct Routes {
    _site: Site,
    server: Process,
}

impl Routes {
    #[track_caller]
    fn new(routes: &str) -> Self {
        let site = Site::new();
        for directory in ["dir/sub", "private", "imgx"] {
            fs::create_dir_all(site.path(directory)).unwrap();
        }
        site.write("dir/x", "dir/x");
        site.write("dir/sub/y", "dir/sub/y");
        site.write("imgx/x", "imgx/x");
        site.write("dirx", "dirx");
        site.write("private/key", "secret");
        let text =
            format!("workers = 1\n[[server]]\nroot = \"root\"\nlisten = \"127.0.0.1:0\"\n{routes}");
        let server = Process::run(site.configure(&text));
        Routes {
            _site: site,
            server,
        }
    }

    #[track_caller]
    fn get(&self, target: &str) -> Answer {
        let mut client = Client::connect(self.server.address());
        client.send(format!("GET {target} HTTP/1.1\r\n{H}\r\n"));
        client.answer()
    }
}

#[test]
fn h_j25_a_prefix_is_whole_segments_and_cannot_be_climbed_out_of() {
    let served =
        Routes::new("[[server.route]]\npath = \"/img\"\nroot = \"root/dir\"\nalias = true\n");
    assert_eq!(served.get("/img/x").text(), "dir/x");
    assert_eq!(served.get("/imgx/x").text(), "imgx/x", "another route's");
    // What climbs is climbed before a route is chosen, so it names what it names without it.
    assert_eq!(served.get("/img/../k1.txt").status, 200);
    assert_eq!(served.get("/img/sub/../x").text(), "dir/x");
    for target in [
        "/imgx",
        "/img../k1.txt",
        "/img../dir/x",
        "/img../",
        "/img/k1.txt",
        "/img/../../outside.txt",
        "/img/..%2fk1.txt",
        "/img/%2e%2e/%2e%2e/outside.txt",
    ] {
        let answer = served.get(target);
        assert!(
            matches!(answer.status, 301 | 400 | 404),
            "{target}: {}",
            answer.status
        );
        assert!(answer.status != 301 || target == "/imgx", "{target}");
    }
}

#[test]
fn h_j26_slashes_at_the_ends_make_no_difference() {
    for path in ["/a", "/a/"] {
        for root in ["root/dir", "root/dir/"] {
            let served = Routes::new(&format!(
                "[[server.route]]\npath = \"{path}\"\nroot = \"{root}\"\nalias = true\nlisting = true\n"
            ));
            let shown = format!("{path} {root}");
            assert_eq!(served.get("/a/x").text(), "dir/x", "{shown}");
            assert_eq!(served.get("/a/sub/y").text(), "dir/sub/y", "{shown}");
            assert_eq!(served.get("/ax").status, 404, "{shown}");
            for (target, location) in [("/a", "/a/"), ("/a/sub?q", "/a/sub/?q")] {
                let answer = served.get(target);
                assert_eq!(
                    (answer.status, answer.field("location")),
                    (301, Some(location)),
                    "{shown}"
                );
            }
            let page = served.get("/a/").text();
            assert!(page.contains("href=\"x\"") && page.contains("href=\"sub/\""));
        }
    }
}

/// Every way to write the path of a route that nobody may see.
#[test]
fn h_j32_a_denied_path_is_denied_however_it_is_written() {
    let served = Routes::new(
        "[[server.route]]\npath = \"/private\"\n\
         redirect = { to = \"/denied\", status = 302 }\n",
    );
    assert_eq!(served.get("/k1.txt").status, 200);
    for target in [
        "/private/key",
        "/private",
        "/private/",
        "//private/key",
        "/./private/key",
        "/%70rivate/key",
        "/%70%72%69%76%61%74%65/key",
        "/x/../private/key",
        "/private/../private/key",
        "/private%2fkey",
        "/private%2Fkey",
        "//private//key",
        "/private/./key",
        "/private/key/",
        "/private/key?x",
        "/%2e/private/key",
        "/sub/%2e%2e/private/key",
        "http://localhost/private/key",
        "http://localhost//%70rivate/key",
        "http://other.test/private/key",
    ] {
        let answer = served.get(target);
        assert!(
            matches!(answer.status, 302 | 400 | 404),
            "{target}: {}",
            answer.status
        );
        assert!(!answer.text().contains("secret"), "{target}");
    }
}
