//! Properties of the parsers over random input: nothing panics, and input that is cut anywhere
//! gives the same answer as input in one piece.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use webserv::http::chunked::Decoder;
use webserv::http::date::HttpDate;
use webserv::http::field::FieldSection;
use webserv::http::negotiation::{AcceptedCodings, preferred_type};
use webserv::http::range::{self, Selection};
use webserv::http::request::{HeadScanner, Request};
use webserv::http::status::Fault;
use webserv::http::target::{ResourcePath, encode_path};

/// What a head came to: the fault, or nothing yet, or its end and what was understood.
type Verdict = Result<Option<(usize, String)>, Fault>;

/// Reads a head that arrives in pieces which end at the given places.
fn read_head(input: &[u8], ends: &[usize]) -> Verdict {
    let mut scanner = HeadScanner::default();
    for &end in ends {
        let arrived = input.get(..end).unwrap_or(input);
        if let Some(head) = scanner.advance(arrived)? {
            let request = Request::parse(arrived, &head)?;
            let text = format!(
                "{:?} {:?} {:?}",
                request.method, request.target, request.framing
            );
            return Ok(Some((head.end(), text)));
        }
    }
    Ok(None)
}

/// Decodes chunked content in pieces of one size.
fn decode(input: &[u8], piece: usize) -> Result<(Vec<u8>, bool), Fault> {
    let mut decoder = Decoder::new();
    let mut content = Vec::new();
    for mut bytes in input.chunks(piece) {
        while !bytes.is_empty() {
            let step = decoder.decode(bytes)?;
            content.extend_from_slice(bytes.get(step.content).unwrap_or_default());
            bytes = bytes.get(step.consumed..).unwrap_or_default();
            if step.is_complete {
                return Ok((content, true));
            }
        }
    }
    Ok((content, false))
}

/// Text that is nearly a head: pieces of heads in any order.
fn nearly_a_head() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&'static [u8]> = vec![
        b"GET ",
        b"POST ",
        b"/",
        b"/k1.txt",
        b"*",
        b"http://a/",
        b" HTTP/1.1",
        b" HTTP/1.0",
        b"\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"\r",
        b"Host: a\r\n",
        b"Host: a\r\n",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close\r\n",
        b"Expect: 100-continue\r\n",
        b"X: y",
        b" ",
        b":",
        b"\0",
        b"%2e%2e",
        b"..",
        b"?",
        b"\xff",
    ];
    vec(select(pieces), 0..14).prop_map(|pieces| pieces.concat())
}

fn nearly_chunks() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&'static [u8]> = vec![
        b"5",
        b"0",
        b"a",
        b"1",
        b"\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"hello",
        b"x",
        b";e=\"v\"",
        b"A: b",
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b" ",
        b":",
    ];
    vec(select(pieces), 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn a_cut_head_reads_as_a_whole_one(input in nearly_a_head(), cut in 0_usize..200) {
        let whole = read_head(&input, &[input.len()]);
        let cut = cut.min(input.len());
        let every: Vec<usize> = (1..=input.len()).collect();
        let halves = read_head(&input, &[cut, input.len()]);
        let bytes = read_head(&input, &every);
        // A fault may show earlier than the end of the head; which one does not depend on the cut
        // unless the head has several.
        prop_assert_eq!(whole.is_err(), halves.is_err());
        prop_assert_eq!(whole.is_err(), bytes.is_err());
        if whole.is_ok() {
            prop_assert_eq!(&whole, &halves);
            prop_assert_eq!(&whole, &bytes);
        }
    }

    #[test]
    fn cut_chunks_read_as_whole_ones(input in nearly_chunks(), piece in 1_usize..8) {
        prop_assert_eq!(decode(&input, piece), decode(&input, input.len().max(1)));
    }

    #[test]
    fn no_path_climbs(text in "[/.%2eEfF5cab\\\\]{0,40}") {
        if let Ok(path) = ResourcePath::decode(&text) {
            for segment in path.segments() {
                prop_assert!(!matches!(segment, b"" | b"." | b".."));
                prop_assert!(!segment.contains(&b'/') && !segment.contains(&0));
            }
            prop_assert!(!path.to_string().starts_with("//"));
        }
    }

    #[test]
    fn a_link_leads_to_its_name(name in vec(1_u8..=255, 1..40)) {
        prop_assume!(!name.contains(&b'/') && name != b"." && name != b"..");
        let path = ResourcePath::decode(&format!("/{}", encode_path(&name))).expect("it is a link");
        prop_assert_eq!(path.as_bytes(), &name[..]);
    }

    #[test]
    fn ranges_lie_within_the_file_and_apart(value in "bytes=[-0-9, ]{0,60}", length in 0_u64..2000) {
        let ranges = match range::select(value.as_bytes(), length) {
            Selection::Part(range) => vec![range],
            Selection::Parts(ranges) => ranges,
            Selection::Whole | Selection::Unsatisfiable => Vec::new(),
        };
        let mut sorted = ranges;
        sorted.sort_by_key(|range| range.start);
        for range in &sorted {
            prop_assert!(range.start < range.end && range.end <= length);
        }
        for (range, next) in sorted.iter().zip(sorted.iter().skip(1)) {
            prop_assert!(range.end < next.start);
        }
    }

    #[test]
    fn a_merged_set_holds_the_bytes_of_its_ranges(
        pairs in vec((0_u64..60, 0_u64..8), 1..12), length in 1_u64..70,
    ) {
        let specs: Vec<String> = pairs
            .iter()
            .map(|(first, more)| format!("{first}-{}", first + more))
            .collect();
        let ranges = match range::select(format!("bytes={}", specs.join(",")).as_bytes(), length) {
            Selection::Part(range) => vec![range],
            Selection::Parts(ranges) => ranges,
            Selection::Whole => panic!("a well-formed set of a few ranges"),
            Selection::Unsatisfiable => Vec::new(),
        };
        for byte in 0..length {
            let is_asked = pairs
                .iter()
                .any(|&(first, more)| (first..=first + more).contains(&byte));
            prop_assert_eq!(ranges.iter().any(|range| range.contains(&byte)), is_asked);
        }
    }

    #[test]
    fn no_accept_encoding_panics(value in "[ -~]{0,60}") {
        let section = format!("Accept-Encoding: {value}\r\nAccept: {value}\r\n\r\n");
        let fields = FieldSection::parse(section.as_bytes()).expect("two field lines");
        let accepted = AcceptedCodings::of(&fields);
        prop_assert_eq!(accepted.is_plain_only(), accepted.in_order().next().is_none());
        prop_assert!(preferred_type(&fields, &["text/html", "application/json"]) < 2);
    }

    #[test]
    fn dates_are_read_back(seconds in 0_i64..253_402_300_800) {
        let date = HttpDate::from_unix_seconds(seconds).expect("within the years of HTTP");
        prop_assert_eq!(HttpDate::parse(date.to_string().as_bytes(), date), Some(date));
    }

    #[test]
    fn no_date_panics(text in "[A-Za-z]{0,9}[, ]{0,2}[0-9 A-Za-z:-]{0,30}") {
        let now = HttpDate::from_unix_seconds(0).expect("the epoch");
        let _ = HttpDate::parse(text.as_bytes(), now);
    }
}
