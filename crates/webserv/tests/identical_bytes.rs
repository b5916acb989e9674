//! What goes in comes out: a large file and many small ones. `scripts/web-checks` does the same
//! with 256 MiB and a real client.

mod fixture;

use fixture::{Fixture, H};

#[test]
fn a_large_file_arrives_whole_on_several_connections_at_once() {
    let fixture = Fixture::new();
    let mut clients: Vec<_> = (0..4).map(|_| fixture.connect()).collect();
    for client in &mut clients {
        client.send(format!("GET /big.bin HTTP/1.1\r\n{H}\r\n"));
    }
    for client in &mut clients {
        assert!(client.answer().body == fixture::site::big());
    }
    drop(clients);
    fixture.finish();
}

#[test]
fn a_thousand_small_files_arrive_whole() {
    let fixture = Fixture::new();
    let content = |number: usize| format!("{number}:").repeat(number % 97 * number % 4001);
    let mut client = fixture.connect();
    for number in 0..1000 {
        fixture
            .site
            .write(&format!("sub/{number}"), content(number));
        client.send(format!("GET /sub/{number} HTTP/1.1\r\n{H}\r\n"));
        assert!(client.answer().text() == content(number), "file {number}");
    }
    drop(client);
    fixture.finish();
}
