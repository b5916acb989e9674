//! Listing pages: J16 (listing on), J17, J18.

mod fixture;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use fixture::Fixture;

/// The links of a page, in order.
fn links(page: &str) -> Vec<String> {
    page.split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|link| !link.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn h_j16_a_directory_without_index_is_listed() {
    let fixture = Fixture::new();
    fs::create_dir(fixture.site.path("sub/directory")).unwrap();
    fixture.site.write("sub/.hidden", "");
    let answer = fixture.get("/sub/");
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.field("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(links(&answer.text()), ["../", "../", "directory/", "x"]);
    assert!(
        !answer.text().contains("http"),
        "nothing comes from elsewhere"
    );
    fixture.finish();
}

#[test]
fn h_j17_every_link_leads_to_its_file() {
    let fixture = Fixture::new();
    let directory = fixture.site.path("names");
    fs::create_dir(&directory).unwrap();
    let names: &[&[u8]] = &[
        b"<img onerror=x>",
        b"a&b",
        b"\"q\"",
        b"'q'",
        b"%41",
        b"a#b",
        b"a?b",
        b"-",
        b"caf\xe9",
        b"new\nline",
        b"cr\rlf\n",
        b"javascript:x",
        b"back\\slash",
        b"a b",
        b"~",
        b"\xe2\x80\xaertl",
    ];
    for name in names {
        fs::write(directory.join(OsStr::from_bytes(name)), name).unwrap();
    }
    let page = fixture.get("/names/").text();
    assert!(!page.contains("<img"));
    let files: Vec<_> = links(&page)
        .into_iter()
        .filter(|link| !link.starts_with(".."))
        .collect();
    assert_eq!(files.len(), names.len());
    let mut served: Vec<Vec<u8>> = files
        .iter()
        .map(|link| fixture.get(&format!("/names/{link}")).body)
        .collect();
    served.sort();
    let mut expected: Vec<Vec<u8>> = names.iter().map(|name| name.to_vec()).collect();
    expected.sort();
    assert_eq!(served, expected);
    fixture.finish();
}

/// The case's 100,000 entries, scaled to what a test may take.
#[test]
fn h_j18_a_large_directory_does_not_hold_up_others() {
    const ENTRIES: usize = 20_000;
    let fixture = Fixture::new();
    let directory = fixture.site.path("many");
    fs::create_dir(&directory).unwrap();
    for number in 0..ENTRIES {
        fs::write(directory.join(format!("{number}")), "").unwrap();
    }
    let mut slow = fixture.connect();
    slow.send(format!("GET /many/ HTTP/1.1\r\n{}\r\n", fixture::H));
    assert_eq!(fixture.get("/k1.txt").status, 200);
    let page = slow.answer().text();
    assert_eq!(links(&page).len(), ENTRIES + 2);
    drop(slow);
    fixture.finish();
}
