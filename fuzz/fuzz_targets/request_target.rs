//! The request target: a path never climbs, holds no NUL and no empty, `.` or `..` component.
#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use webserv::http::target::{ResourcePath, Target};

fn check(path: &ResourcePath) {
    let relative = path.as_bytes();
    assert!(!relative.contains(&0), "NUL in {path}");
    if !path.is_root() {
        for component in relative.split(|&byte| byte == b'/') {
            assert!(!matches!(component, b"" | b"." | b".."), "{path}");
        }
    }
    // Its link leads back to it.
    let link = path.to_string();
    assert!(link.starts_with('/') && !link.starts_with("//"), "{link}");
    assert_eq!(ResourcePath::decode(&link).as_ref(), Ok(path), "{link}");
}

fuzz_target!(|input: &[u8]| {
    for method in [Method::GET, Method::OPTIONS, Method::CONNECT] {
        if let Ok(Target::Resource { path, .. }) = Target::parse(&method, input) {
            check(&path);
        }
    }
    if let Ok(text) = std::str::from_utf8(input)
        && let Ok(path) = ResourcePath::decode(text)
    {
        check(&path);
    }
});
