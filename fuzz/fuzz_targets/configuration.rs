//! A configuration: no text makes the reader panic, and every fault has a place and a remedy.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use webserv::config::parse;

fuzz_target!(|text: &[u8]| {
    if let Err(faults) = parse(text, Path::new("/nonexistent")) {
        assert!(!faults.is_empty());
        let line_count = text.split(|&byte| byte == b'\n').count();
        for fault in faults {
            assert!((1..=line_count).contains(&fault.line), "{fault}");
            assert!(!fault.expected.is_empty() && !fault.remedy.is_empty(), "{fault:?}");
        }
    }
});
