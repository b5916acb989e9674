//! A form parsed whole and in pieces gives the same, and the parser never keeps more than it says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use webserv::http::multipart::{Event, Parser};
use webserv::http::parameter::Parameterized;
use webserv::http::status::Fault;

/// Parts with their contents, and whether the form has ended.
type Form = (Vec<(Vec<u8>, Option<Vec<u8>>, Vec<u8>)>, bool);

fn parse(content_type: &[u8], form: &[u8], piece: usize) -> Result<Form, Fault> {
    let mut parser = Parser::new(content_type)?;
    let (mut parts, mut has_ended) = (Vec::new(), false);
    let mut held = Vec::new();
    for piece in form.chunks(piece) {
        held.extend_from_slice(piece);
        loop {
            let step = parser.step(&held)?;
            assert!(step.consumed <= held.len());
            let is_waiting = matches!(step.event, Event::NeedsMore | Event::End);
            match step.event {
                Event::Part(head) => parts.push((head.name, head.file_name, Vec::new())),
                Event::Data(range) if !range.is_empty() => {
                    let part = parts.last_mut().expect("data belongs to a part");
                    part.2.extend_from_slice(&held[range]);
                }
                Event::End => has_ended = true,
                Event::Data(_) | Event::PartEnd | Event::NeedsMore => {}
            }
            held.drain(..step.consumed);
            if is_waiting {
                break;
            }
        }
        assert!(held.len() <= Parser::lookahead_bytes_max() + piece.len());
    }
    Ok((parts, has_ended))
}

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, input) = input;
    let _ = Parameterized::parse(input);
    let _ = Parser::new(input);
    let content_type = b"multipart/form-data; boundary=B";
    let whole = parse(content_type, input, usize::MAX);
    let pieces = parse(content_type, input, usize::from(piece).max(1));
    // What comes first decides which fault is seen; that there is one does not depend on it.
    match (whole, pieces) {
        (Ok(whole), Ok(pieces)) => assert_eq!(whole, pieces),
        (whole, pieces) => assert_eq!(whole.is_err(), pieces.is_err()),
    }
});
