//! What a route says about its files: index files, listings, hidden names, links, caching,
//! compression (H25, J16, J19, J20).

mod fixture;

use std::fs;
use std::os::unix::fs::symlink;

use fixture::Fixture;
use fixture::routed::{Routed, everything};
use http::HeaderValue;
use webserv::site::Compression;

#[test]
fn h_h25_cache_control_is_on_every_answer_about_the_file() {
    let server = Routed::new(|route| {
        route.cache_control = Some(HeaderValue::from_static("max-age=60, public"));
    });
    let whole = server.get("/k1.txt");
    let tag = whole.field("etag").unwrap();
    let same = server.request("GET", "/k1.txt", &format!("If-None-Match: {tag}\r\n"));
    let part = server.request("GET", "/k1.txt", "Range: bytes=0-1\r\n");
    let missing = server.get("/none");
    assert_eq!(
        [whole.status, same.status, part.status, missing.status],
        [200, 304, 206, 404]
    );
    for answer in [&whole, &same, &part] {
        assert_eq!(answer.field("cache-control"), Some("max-age=60, public"));
        assert_eq!(answer.field("vary"), Some("Accept-Encoding"));
        assert_eq!(answer.field("etag"), Some(tag));
    }
    assert_eq!(missing.field("cache-control"), None);
    server.finish();
}

#[test]
fn h_j16_listings_can_be_off() {
    let server = Routed::new(|route| route.has_listing = false);
    assert_eq!(server.get("/sub/").status, 403);
    assert_eq!(server.get("/sub").status, 301);
    assert_eq!(server.get("/nothing/").status, 404);
    assert_eq!(server.get("/idx/").status, 200);
    server.finish();
}

#[test]
fn index_files_are_tried_in_their_order() {
    let server = Routed::new(|route| {
        route.index = ["none.html", "second.txt", "x"].map(str::to_owned).to_vec();
    });
    assert_eq!(server.get("/sub/").text(), "x");
    server.site.write("sub/second.txt", "second");
    let answer = server.get("/sub/");
    assert_eq!(answer.text(), "second");
    assert_eq!(
        answer.field("content-type"),
        Some("text/plain; charset=utf-8")
    );
    // `index.html` is no index here.
    assert!(server.get("/idx/").text().contains("index.html"));
    server.finish();
}

#[test]
fn h_j19_hidden_names_can_be_served() {
    let server = Routed::new(|route| route.serves_hidden = true);
    server.site.write("sub/.dot", "dot");
    assert_eq!(server.get("/.hidden").text(), "hidden");
    assert!(server.get("/sub/").text().contains("href=\".dot\""));
    assert!(!server.get("/sub/").text().contains("href=\"./\""));
    server.finish();
}

#[test]
fn h_j20_links_out_can_be_followed() {
    let server = Routed::new(|route| route.follows_links_out = true);
    assert_eq!(server.get("/link-out").text(), "outside");
    assert_eq!(server.get("/directory-out/outside.txt").text(), "outside");
    assert_eq!(server.get("/link-in").status, 200);
    assert_eq!(server.get("/link-loop").status, 404);
    for target in [
        "/../outside.txt",
        "/%2e%2e/outside.txt",
        "/..%2foutside.txt",
    ] {
        assert_eq!(server.get(target).status, 400, "{target}");
    }
    fs::create_dir(server.site.path("linked")).unwrap();
    symlink("../../outside.txt", server.site.path("linked/out")).unwrap();
    assert!(server.get("/linked/").text().contains("href=\"out\""));
    server.finish();
}

/// A link that is switched between a file inside and one outside, while it is asked for: it is
/// refused or it is the file inside, never the other (J20).
#[test]
fn h_j20_a_link_that_changes_all_the_time_never_leads_out() {
    let fixture = Fixture::new();
    let link = fixture.site.path("switch");
    let aside = fixture.site.path("aside");
    symlink("k1.txt", &link).unwrap();
    let is_done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            use std::sync::atomic::Ordering::Relaxed;
            for target in ["../outside.txt", "k1.txt"].into_iter().cycle() {
                symlink(target, &aside).unwrap();
                fs::rename(&aside, &link).unwrap();
                if is_done.load(Relaxed) {
                    return;
                }
            }
        });
        let mut client = fixture.connect();
        for _ in 0..1000 {
            client.send(format!("GET /switch HTTP/1.1\r\n{}\r\n", fixture::H));
            let answer = client.answer();
            assert!(matches!(answer.status, 200 | 403), "{}", answer.status);
            assert!(!answer.text().contains("outside"));
        }
        is_done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    fixture.finish();
}

#[test]
fn compression_can_be_off() {
    let long = "a line of a long text\n".repeat(1000);
    for (uses_siblings, is_on_the_fly, expected) in [
        (
            true,
            true,
            [Some("gzip"), Some("gzip"), Some("Accept-Encoding")],
        ),
        (true, false, [Some("gzip"), None, Some("Accept-Encoding")]),
        (false, true, [None, Some("gzip"), Some("Accept-Encoding")]),
        (false, false, [None, None, None]),
    ] {
        let server = Routed::new(|route| {
            route.compression = Compression {
                uses_siblings,
                is_on_the_fly,
                bytes_min: 2000,
            };
        });
        server.site.write("k1.txt.gz", "coded");
        server.site.write("long.txt", &long);
        let get = |target: &str| server.request("GET", target, "Accept-Encoding: gzip\r\n");
        let sibling = get("/k1.txt");
        let coded = get("/long.txt");
        assert_eq!(
            [
                sibling.field("content-encoding"),
                coded.field("content-encoding"),
                coded.field("vary")
            ],
            expected,
            "{uses_siblings} {is_on_the_fly}"
        );
        server.finish();
    }
}

#[test]
fn a_listing_takes_files_where_its_route_does() {
    let server = Routed::new(everything);
    let listing = server.get("/up/");
    let page = listing.text();
    assert!(page.contains("<form method=\"post\" enctype=\"multipart/form-data\">"));
    assert!(page.contains("<input type=\"file\" name=\"file\" multiple required>"));
    let policy = listing.field("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self'"), "{policy}");
    // What a browser sends for this form.
    let content = b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a b.txt\"\r\n\
        Content-Type: text/plain\r\n\r\nhello\r\n--x--\r\n";
    let lines = "Content-Type: multipart/form-data; boundary=x\r\nAccept: text/html\r\n";
    let answer = server.send("POST", "/up/", lines, content);
    assert!(matches!(answer.status, 201 | 303), "{}", answer.head);
    assert_eq!(server.get("/up/a%20b.txt").text(), "hello");
    assert!(server.get("/up/").text().contains("href=\"a%20b.txt\""));
    server.finish();
}
