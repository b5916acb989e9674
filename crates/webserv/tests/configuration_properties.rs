//! No text makes the reader of configurations panic, and every fault has its place in the text.

use std::path::Path;

use proptest::prelude::*;
use webserv::config::{example, parse};

/// The example without the marks before its keys, so that every key is read.
fn whole_example() -> String {
    let text = example();
    let lines = text.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => rest,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn is_told_of(text: &[u8]) {
    if let Err(faults) = parse(text, Path::new("/nonexistent")) {
        let line_count = text.split(|&byte| byte == b'\n').count();
        assert!(!faults.is_empty());
        for fault in faults {
            assert!((1..=line_count).contains(&fault.line), "{fault}");
            assert!(fault.column >= 1 && !fault.expected.is_empty() && !fault.remedy.is_empty());
            assert!(!fault.to_string().contains('\n'), "{fault:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes(text in proptest::collection::vec(any::<u8>(), 0..400)) {
        is_told_of(&text);
    }

    #[test]
    fn any_signs_of_toml(text in "[\\[\\]{}\"'=#.,a-c0-9 \n\\\\é]{0,200}") {
        is_told_of(text.as_bytes());
    }

    #[test]
    fn a_key_with_any_value(
        place in 0_usize..200,
        value in "(\"[^\"\n]{0,20}\"|-?[0-9]{1,20}|[0-9]\\.[0-9]|true|\\[\\]|\\[[0-9\", a]{0,10}\\]|\\{\\}|\\{ a = 1 \\}|1979-05-27)",
    ) {
        let text = whole_example();
        let keys = text.lines().filter(|line| line.contains(" = ")).count();
        let mut key = 0;
        let lines = text.lines().map(|line| match line.split_once(" = ") {
            Some((name, _)) => {
                key += 1;
                if key == place % keys { format!("{name} = {value}") } else { line.to_owned() }
            }
            None => line.to_owned(),
        });
        is_told_of(lines.collect::<Vec<_>>().join("\n").as_bytes());
    }

    #[test]
    fn an_example_with_a_byte_changed(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut text = whole_example().into_bytes();
        let place = place.index(text.len());
        if let Some(changed) = text.get_mut(place) {
            *changed = byte;
        }
        is_told_of(&text);
    }
}
