//! Group C: Host and the forms of a request target.

mod fixture;

use fixture::{Fixture, H};

#[test]
fn h_c01_c02_c06_host_is_there_once() {
    let fixture = Fixture::new();
    fixture.rejects("GET /k1.txt HTTP/1.1\r\n\r\n", &[400]);
    fixture.rejects(format!("GET /k1.txt HTTP/1.1\r\n{H}{H}\r\n"), &[400]);
    fixture.rejects(
        format!("GET /k1.txt HTTP/1.1\r\n{H}Host: other\r\n\r\n"),
        &[400],
    );
    assert_eq!(fixture.exchange("GET /k1.txt HTTP/1.0\r\n\r\n").status, 200);
    fixture.finish();
}

#[test]
fn h_c03_c04_c05_c15_c19_c20_the_form_of_host() {
    let fixture = Fixture::new();
    let request = |host: &str| format!("GET /k1.txt HTTP/1.1\r\nHost: {host}\r\n\r\n");
    for host in ["a b", "[::1", "a:b:c", "<x>", "u@localhost", "../../etc"] {
        fixture.rejects(request(host), &[400]);
    }
    for host in [
        "LOCALHOST",
        "localhost:8080",
        "[::1]:80",
        "",
        "localhost.",
        "localhost:",
        "[::ffff:127.0.0.1]",
        "a,b",
        "x%41",
    ] {
        assert_eq!(fixture.exchange(request(host)).status, 200, "{host}");
    }
    fixture.finish();
}

#[test]
fn h_c08_to_c10_c12_c14_c17_c18_target_forms() {
    let fixture = Fixture::new();
    assert_eq!(fixture.get("http://b.test/k1.txt").status, 200);
    assert!(fixture.get("http://b.test").text().contains("front"));
    assert_eq!(fixture.get("//evil.test/k1.txt").status, 404);
    for (target, status) in [
        ("ftp://localhost/k1.txt", 400),
        ("*", 400),
        ("localhost:80", 400),
        ("http://u:p@localhost/k1.txt", 400),
        ("https://localhost/k1.txt", 421),
    ] {
        fixture.rejects(format!("GET {target} HTTP/1.1\r\n{H}\r\n"), &[status]);
    }
    fixture.finish();
}

#[test]
fn h_c11_options_of_the_server() {
    let fixture = Fixture::new();
    let answer = fixture.exchange(format!("OPTIONS * HTTP/1.1\r\n{H}\r\n"));
    assert_eq!(
        (answer.status, answer.field("allow")),
        (204, Some("GET, HEAD, OPTIONS"))
    );
    fixture.finish();
}

#[test]
fn h_c13_connect_makes_no_tunnel() {
    let fixture = Fixture::new();
    let mut client = fixture.connect();
    client.send("CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n");
    assert_eq!(client.answer().status, 405);
    client.send(fixture::NEXT);
    assert_eq!(client.answer().status, 200);
    drop(client);
    fixture.finish();
}

#[test]
fn h_c16_a_redirect_does_not_repeat_host() {
    let fixture = Fixture::new();
    let answer = fixture.exchange("GET /sub HTTP/1.1\r\nHost: evil.test\r\n\r\n");
    assert_eq!(
        (answer.status, answer.field("location")),
        (301, Some("/sub/"))
    );
    fixture.finish();
}
