//! Group G for a server without uploads and scripts.

mod fixture;

use fixture::{Fixture, H};

#[test]
fn h_g02_g04_q04_known_methods_are_not_allowed() {
    let fixture = Fixture::new();
    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE"] {
        let answer = fixture.exchange(format!(
            "{method} /k1.txt HTTP/1.1\r\n{H}X-Secret: 1\r\n\r\n"
        ));
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(
            answer.field("allow"),
            Some("GET, HEAD, OPTIONS"),
            "{method}"
        );
        assert!(!answer.text().contains("X-Secret"));
    }
    assert_eq!(fixture.get("/k1.txt").body, fixture::site::k1());
    fixture.finish();
}

#[test]
fn h_g03_g05_g06_unknown_methods_are_not_implemented() {
    let fixture = Fixture::new();
    for method in ["BREW", "get", "!#$%&'*+-.^_`|~0aZ"] {
        let answer = fixture.exchange(format!("{method} / HTTP/1.1\r\n{H}\r\n"));
        assert_eq!(answer.status, 501, "{method}");
    }
    fixture.finish();
}

#[test]
fn h_g07_options_of_a_file() {
    let fixture = Fixture::new();
    let answer = fixture.exchange(format!("OPTIONS /k1.txt HTTP/1.1\r\n{H}\r\n"));
    assert_eq!(
        (answer.status, answer.field("allow")),
        (204, Some("GET, HEAD, OPTIONS"))
    );
    fixture.finish();
}
