//! Group J without listings: which file a path names, and that it never climbs.

mod fixture;

use std::fs;
use std::os::unix::fs::symlink;

use fixture::{Fixture, H};

#[test]
fn h_j01_j02_j04_to_j08_j29_paths_that_name_nothing() {
    let fixture = Fixture::new();
    for target in [
        "/../etc/passwd",
        "/sub/../../etc/passwd",
        "/%2e%2e/etc/passwd",
        "/%2E%2E/",
        "/..%2fetc/passwd",
        "/sub/..%2f..%2fetc%2fpasswd",
        "/%2fetc/passwd",
        "//etc/passwd",
        "/\\etc\\passwd",
        "/%5c..%5c",
        "/k1.txt%00",
        "/%00",
        "/k1%00.txt",
        "/%c0%af..%c0%afetc/passwd",
        "/%e0%80%af",
        "/%uff0e%uff0e/",
        "/%252e%252e/k1.txt",
        "/k1%2",
        "/%",
        "/%g1",
        "/idx%2findex.html",
    ] {
        let answer = fixture.get(target);
        assert!(
            matches!(answer.status, 400 | 404),
            "{target}: {}",
            answer.status
        );
    }
    fixture.finish();
}

#[test]
fn h_a23_j03_j09_to_j12_j30_j31_paths_that_name_a_file() {
    let fixture = Fixture::new();
    for name in ["a?b", "a#b", "a%b"] {
        fixture.site.write(name, "x");
    }
    for target in [
        "/sub/../k1.txt",
        "/./k1.txt",
        "/sub/./../k1.txt",
        "/%6b1.txt",
        "/k1%2etxt",
        "/a%20b%26%3Cc%3E.txt",
        "/a+b.txt",
        "/sub//x",
        "////k1.txt",
        "/a%3Fb",
        "/a%3fb",
        "/a%23b",
        "/a%25b",
        "/k1.txt~",
        "/link-in",
        "/.well-known/x",
        "/k1.txt?",
        "/k1.txt?a=b&c",
        "/k1.txt?/../../x",
    ] {
        assert_eq!(fixture.get(target).status, 200, "{target}");
    }
    assert_eq!(fixture.get("/K1.TXT").status, 404);
    fixture.finish();
}

#[test]
fn h_j13_to_j15_q03_redirects_stay_here() {
    let fixture = Fixture::new();
    fs::create_dir_all(fixture.site.path("evil.test/sub")).unwrap();
    fs::create_dir_all(fixture.site.path("\\evil.test")).unwrap();
    for (target, location) in [
        ("/sub", "/sub/"),
        ("/sub?a=b&c", "/sub/?a=b&c"),
        ("/sub?%0d%0aX:1", "/sub/?%0d%0aX:1"),
        ("/sub?{a}|[b]\\^`", "/sub/?%7Ba%7D%7C%5Bb%5D%5C%5E%60"),
        ("//evil.test/sub", "/evil.test/sub/"),
        ("//evil.test/sub/..//sub", "/evil.test/sub/"),
        ("/\\evil.test", "/%5Cevil.test/"),
    ] {
        let answer = fixture.get(target);
        assert_eq!(
            (answer.status, answer.field("location")),
            (301, Some(location)),
            "{target}"
        );
    }
    for target in ["/sub%0d%0aX:%201", "/sub%0aX", "/%2f%2fevil.test/"] {
        let answer = fixture.get(target);
        assert!(matches!(answer.status, 400 | 404), "{target}");
        assert_eq!(answer.field("x"), None);
    }
    fixture.finish();
}

#[test]
fn h_j19_dot_files_are_not_there() {
    let fixture = Fixture::new();
    fs::create_dir_all(fixture.site.path(".git")).unwrap();
    fixture.site.write(".git/config", "secret");
    for target in [
        "/.hidden",
        "/.git/config",
        "/.git/",
        "/.git",
        "/sub/.hidden",
        "/%2ehidden",
    ] {
        assert_eq!(fixture.get(target).status, 404, "{target}");
    }
    fixture.finish();
}

#[test]
fn h_j20_j21_links() {
    let fixture = Fixture::new();
    symlink("/etc/passwd", fixture.site.path("absolute")).unwrap();
    for (target, status) in [
        ("/link-in", 200),
        ("/link-out", 403),
        ("/absolute", 403),
        ("/directory-out/outside.txt", 403),
        ("/directory-out/", 403),
        ("/link-loop", 404),
    ] {
        assert_eq!(fixture.get(target).status, status, "{target}");
    }
    fixture.finish();
}

#[test]
fn h_j28_names_are_bytes() {
    let fixture = Fixture::new();
    fixture.site.write("caf\u{e9}", "composed");
    assert_eq!(fixture.get("/caf%C3%A9").text(), "composed");
    assert_eq!(fixture.get("/cafe%CC%81").status, 404);
    fixture.site.write("cafe\u{301}", "decomposed");
    assert_eq!(fixture.get("/caf%C3%A9").text(), "composed");
    assert_eq!(fixture.get("/cafe%CC%81").text(), "decomposed");
    assert_eq!(fixture.get("/CAF%C3%A9").status, 404);
    fixture.finish();
}

#[test]
fn h_j22_j23_long_and_wrong_paths() {
    let fixture = Fixture::new();
    let deep = "/d".repeat(300);
    let long = format!("/{}", "n".repeat(300));
    let longest = format!("/{}", "n/".repeat(3000));
    for target in [
        &*deep,
        &long,
        &longest,
        "/k1.txt/",
        "/k1.txt/x",
        "/none",
        "/none/",
    ] {
        assert_eq!(fixture.get(target).status, 404, "{target}");
    }
    fixture.finish();
}

#[test]
fn h_q06_errors_repeat_nothing() {
    let fixture = Fixture::new();
    for request in [
        format!("GET /<script>alert(1)</script> HTTP/1.1\r\n{H}\r\n"),
        format!("GET /%3Cscript%3Ealert(1) HTTP/1.1\r\n{H}\r\n"),
        "GET / HTTP/1.1\r\nHost: <script>alert(1)\r\n\r\n".to_owned(),
        format!("<script>alert(1) / HTTP/1.1\r\n{H}\r\n"),
    ] {
        let answer = fixture.exchange(request);
        assert!(!answer.text().contains("alert"), "{}", answer.text());
        assert!(!answer.head.contains("alert"));
    }
    fixture.finish();
}
