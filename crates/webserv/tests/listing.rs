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
        .filter(|link| !link.starts_with(['#', '?']) && !link.starts_with("data:"))
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
        !answer.text().contains("http:") && !answer.text().contains("https:"),
        "nothing comes from elsewhere"
    );
    fixture.finish();
}

#[test]
fn a_listing_is_sorted_as_its_query_asks() {
    let fixture = Fixture::new();
    fs::create_dir_all(fixture.site.path("many/z")).unwrap();
    for (name, size) in [("a10", 10), ("a9", 300), ("B", 20)] {
        fixture
            .site
            .write(&format!("many/{name}"), vec![b'x'; size]);
    }
    for (query, expected) in [
        ("", "z/ a9 a10 B"),
        ("?sort=name&order=desc", "z/ B a10 a9"),
        ("?sort=size&order=asc", "z/ a10 B a9"),
        ("?sort=size&order=desc", "z/ a9 B a10"),
        ("?sort=%3Cscript%3E&order=x", "z/ a9 a10 B"),
    ] {
        let page = fixture.get(&format!("/many/{query}")).text();
        let names: Vec<String> = links(&page).into_iter().skip(2).collect();
        assert_eq!(names.join(" "), expected, "{query}");
        assert!(!page.contains("script"));
    }
    let page = fixture.get("/many/?sort=size&order=desc").text();
    assert!(page.contains("aria-sort=\"descending\"><a href=\"?sort=size&amp;order=asc\">Size"));
    assert!(page.contains("1 directory, 3 files, 330 B"));
    fixture.finish();
}

#[test]
fn a_listing_is_json_for_who_prefers_that() {
    let fixture = Fixture::new();
    let directory = fixture.site.path("names");
    fs::create_dir_all(directory.join("z")).unwrap();
    fixture.site.write("names/a \"b\"\n<c>", "12345");
    fs::write(directory.join(OsStr::from_bytes(b"caf\xe9")), "").unwrap();
    let answer = fixture.get_with("/names/", "Accept: application/json\r\n");
    assert_eq!(answer.field("content-type"), Some("application/json"));
    assert_eq!(answer.field("vary"), Some("Accept, Accept-Encoding"));
    let listing: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(listing["path"], "/names/");
    assert_eq!(listing["has_more"], false);
    let entries = listing["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 3);
    assert_eq!(
        (
            &entries[0]["name"],
            &entries[0]["type"],
            &entries[0]["href"]
        ),
        (&"z".into(), &"directory".into(), &"z/".into())
    );
    assert_eq!(
        entries[1],
        serde_json::json!({
            "name": "a \"b\"\n<c>", "type": "file", "size": 5,
            "modified": "2020-01-02T03:04:05Z", "href": "a%20%22b%22%0A%3Cc%3E",
        })
    );
    assert_eq!(entries[2]["href"], "caf%E9");
    fixture.finish();
}

#[test]
fn a_page_loads_nothing_and_runs_nothing() {
    let fixture = Fixture::new();
    for target in ["/sub/", "/none"] {
        let answer = fixture.get(target);
        let policy = answer.field("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert!(!policy.contains("script-src"));
        assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
        let page = answer.text();
        for forbidden in ["<script", "src=", "@import", "url(", "<form"] {
            assert!(!page.contains(forbidden), "{target}: {forbidden}");
        }
    }
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
    // It has begun, and its client takes its time.
    slow.fill();
    assert_eq!(fixture.get("/k1.txt").status, 200);
    let page = slow.answer();
    assert_eq!(page.field("transfer-encoding"), Some("chunked"));
    let expected: Vec<String> = (0..ENTRIES).map(|number| number.to_string()).collect();
    assert!(links(&page.text()).split_off(2) == expected);
    drop(slow);
    // The same in JSON and in HTTP/1.0, where the end of the connection is the end of the page.
    let answer = fixture.get_with("/many/", "Accept: application/json\r\n");
    let listing: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(listing["entries"].as_array().unwrap().len(), ENTRIES);
    let answer = fixture.exchange("GET /many/ HTTP/1.0\r\n\r\n");
    assert_eq!(answer.field("transfer-encoding"), None);
    assert!(links(&answer.text()).split_off(2) == expected);
    let answer = fixture.get_with("/many/", "Accept-Encoding: gzip\r\n");
    let mut page = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&*answer.body), &mut page)
        .unwrap();
    assert!(links(&page).split_off(2) == expected);
    fixture.finish();
}
