//! The request parser: any bytes give the same answer however they are split.
#![no_main]

use libfuzzer_sys::fuzz_target;
use webserv::http::request::{HeadScanner, Request};
use webserv::http::status::Fault;

/// What came of the bytes: the request as text and where it ends, nothing yet, or what is wrong.
type Answer = Result<Option<(String, usize)>, Fault>;

/// Every split of longer inputs costs too much; some are tried.
const SPLITS_MAX: usize = 64;

/// Looks at the bytes as they come, each piece with all that came before it.
fn parse(input: &[u8], ends: impl Iterator<Item = usize>) -> Answer {
    let mut scanner = HeadScanner::default();
    for end in ends.chain([input.len()]) {
        if let Some(head) = scanner.advance(&input[..end])? {
            assert!(
                head.end() <= end,
                "the head ends in bytes that have not come"
            );
            assert!(head.request_line.end <= head.fields.start);
            let request = Request::parse(&input[..end], &head)?;
            return Ok(Some((format!("{request:?}"), head.end())));
        }
    }
    Ok(None)
}

fuzz_target!(|input: &[u8]| {
    let whole = parse(input, std::iter::empty());
    assert_eq!(parse(input, 0..input.len()), whole, "byte by byte");
    let step = input.len() / SPLITS_MAX + 1;
    for split in (0..input.len()).step_by(step) {
        assert_eq!(parse(input, [split].into_iter()), whole, "split at {split}");
    }
    if let Ok(Some((_, end))) = whole {
        // What follows a head is no part of it.
        assert_eq!(
            parse(&input[..end], std::iter::empty()),
            whole,
            "without what follows"
        );
    }
});
