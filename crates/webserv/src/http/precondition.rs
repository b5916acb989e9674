//! Validators and the conditional fields, in the order of RFC 9110 section 13.2.2.

use std::fmt;

use ::http::Method;
use ::http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE};

use super::date::HttpDate;
use super::field::{FieldSection, trim};
use super::negotiation::Coding;

/// An entity tag made of what identifies one state of a file (RFC 9110 section 8.8.3).
///
/// A file that is replaced has another inode, one that is written has another time of change, to
/// the nanosecond. Each content coding of the same state has a tag of its own, for its bytes are
/// others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EntityTag {
    /// The file's inode number.
    pub inode: u64,
    /// The file's size in bytes.
    pub size: u64,
    /// Seconds of the last modification, since the epoch.
    pub modified_seconds: i64,
    /// And its nanoseconds.
    pub modified_nanoseconds: u32,
    /// The content coding; none for the plain form.
    pub coding: Option<Coding>,
    /// Whether the same tag may come with other bytes: content that is compressed as it is sent
    /// depends on the version of the compressor.
    pub is_weak: bool,
}

impl EntityTag {
    /// The tag without the mark of a weak one, as weak comparison sees it.
    fn opaque(self) -> String {
        let coding = self.coding.map_or("", Coding::extension);
        format!(
            "\"{:x}-{:x}-{:x}.{:x}{coding}\"",
            self.inode, self.size, self.modified_seconds, self.modified_nanoseconds
        )
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.is_weak { "W/" } else { "" };
        write!(formatter, "{mark}{}", self.opaque())
    }
}

/// What is known of the selected representation; a page made on the fly has neither.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Validators {
    /// Its entity tag.
    pub entity_tag: Option<EntityTag>,
    /// Its Last-Modified date, never later than now.
    pub last_modified: Option<HttpDate>,
    /// Whether that date is a strong validator: the file has not changed within the second that
    /// the date names (RFC 9110 section 8.8.2.2).
    pub is_date_strong: bool,
}

/// What the conditional fields make of a GET or HEAD request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Answer it.
    Proceed,
    /// 304.
    NotModified,
    /// 412.
    Failed,
}

/// Evaluates the preconditions of a request whose answer would otherwise be a success.
#[must_use]
pub fn evaluate(
    method: &Method,
    fields: &FieldSection,
    validators: &Validators,
    now: HttpDate,
) -> Outcome {
    // Steps 1 and 2: If-Match, or else If-Unmodified-Since.
    if fields.first(&IF_MATCH).is_some() {
        if !matches_any(fields, &IF_MATCH, validators, Comparison::Strong) {
            return Outcome::Failed;
        }
    } else if let Some(date) = date(fields, &IF_UNMODIFIED_SINCE, now)
        && validators
            .last_modified
            .is_some_and(|modified| modified > date)
    {
        return Outcome::Failed;
    }
    // Steps 3 and 4: If-None-Match, or else If-Modified-Since.
    let is_safe = matches!(*method, Method::GET | Method::HEAD);
    if fields.first(&IF_NONE_MATCH).is_some() {
        if matches_any(fields, &IF_NONE_MATCH, validators, Comparison::Weak) {
            return if is_safe {
                Outcome::NotModified
            } else {
                Outcome::Failed
            };
        }
    } else if is_safe
        && let Some(date) = date(fields, &IF_MODIFIED_SINCE, now)
        && validators
            .last_modified
            .is_some_and(|modified| modified <= date)
    {
        return Outcome::NotModified;
    }
    Outcome::Proceed
}

/// Evaluates the preconditions of a request that would make what is not there yet, with PUT for
/// example. Any If-Match fails, `*` too; If-None-Match and the dates have nothing to compare with.
#[must_use]
pub fn evaluate_absent(fields: &FieldSection) -> Outcome {
    if fields.first(&IF_MATCH).is_some() {
        Outcome::Failed
    } else {
        Outcome::Proceed
    }
}

/// Step 5: whether a Range field counts. Without If-Range it does; with it, only if the validator
/// matches by strong comparison, a date exactly (RFC 9110 section 13.1.5).
#[must_use]
pub fn allows_range(fields: &FieldSection, validators: &Validators, now: HttpDate) -> bool {
    let mut values = fields.values(&IF_RANGE);
    let (Some(value), None) = (values.next(), values.next()) else {
        // No condition, or a malformed one, which can only be answered safely with the whole.
        return fields.first(&IF_RANGE).is_none();
    };
    if value.starts_with(b"\"") || value.starts_with(b"W/") {
        return tags(value).any(|tag| tag.matches(validators, Comparison::Strong));
    }
    validators.is_date_strong
        && HttpDate::parse(value, now).is_some_and(|date| validators.last_modified == Some(date))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

fn matches_any(
    fields: &FieldSection,
    name: &::http::HeaderName,
    validators: &Validators,
    comparison: Comparison,
) -> bool {
    // `*` matches whatever exists, and something does when this is asked.
    fields
        .values(name)
        .any(|value| value == b"*" || tags(value).any(|tag| tag.matches(validators, comparison)))
}

/// A date that is one; several or malformed ones are ignored, as section 13.1 says.
fn date(fields: &FieldSection, name: &::http::HeaderName, now: HttpDate) -> Option<HttpDate> {
    let mut values = fields.values(name);
    let value = values.next()?;
    values
        .next()
        .is_none()
        .then(|| HttpDate::parse(value, now))
        .flatten()
}

/// An entity tag as the client sent it, with the quotes.
struct SentTag<'v> {
    is_weak: bool,
    opaque: &'v [u8],
}

impl SentTag<'_> {
    fn matches(&self, validators: &Validators, comparison: Comparison) -> bool {
        validators.entity_tag.is_some_and(|tag| {
            let is_allowed = comparison == Comparison::Weak || !self.is_weak && !tag.is_weak;
            is_allowed && tag.opaque().as_bytes() == self.opaque
        })
    }
}

/// The entity tags of a list, up to the first thing that is none. A comma within quotes separates
/// nothing.
fn tags(value: &[u8]) -> impl Iterator<Item = SentTag<'_>> {
    let mut rest = value;
    std::iter::from_fn(move || {
        while let [b',' | b' ' | b'\t', after @ ..] = rest {
            rest = after;
        }
        let (is_weak, quoted) = match rest.strip_prefix(b"W/") {
            Some(quoted) => (true, quoted),
            None => (false, rest),
        };
        let inner = quoted.strip_prefix(b"\"")?;
        let end = inner.iter().position(|&byte| byte == b'"')?;
        let (opaque, after) = quoted.split_at_checked(end + 2)?;
        rest = after;
        // Only a comma or the end may follow.
        matches!(trim(after), [] | [b',', ..]).then_some(SentTag { is_weak, opaque })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> HttpDate {
        HttpDate::from_unix_seconds(1_790_000_000).unwrap()
    }

    fn validators() -> Validators {
        Validators {
            entity_tag: Some(EntityTag {
                inode: 0xab,
                size: 1000,
                modified_seconds: 0x10,
                modified_nanoseconds: 0,
                coding: None,
                is_weak: false,
            }),
            last_modified: HttpDate::from_unix_seconds(784_111_777),
            is_date_strong: true,
        }
    }

    const TAG: &str = "\"ab-3e8-10.0\"";
    const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

    fn section(lines: &[(&str, &str)]) -> FieldSection {
        let mut text: String = lines
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        text.push_str("\r\n");
        FieldSection::parse(text.as_bytes()).unwrap()
    }

    #[track_caller]
    fn check(lines: &[(&str, &str)], outcome: Outcome) {
        assert_eq!(
            evaluate(&Method::GET, &section(lines), &validators(), now()),
            outcome,
            "{lines:?}"
        );
    }

    #[test]
    fn tags_are_compared_weakly_by_if_none_match() {
        for value in [
            TAG.to_owned(),
            format!("W/{TAG}"),
            format!("\"x\", {TAG}"),
            format!("\"a,b\", {TAG}"),
            format!(", ,{TAG}"),
            "*".to_owned(),
        ] {
            check(&[("If-None-Match", &value)], Outcome::NotModified);
        }
        check(
            &[("If-None-Match", "\"x\""), ("If-None-Match", TAG)],
            Outcome::NotModified,
        );
        for value in [
            "\"x\"",
            "ab-3e8-10.0",
            "\"ab-3e8-10.0",
            "",
            "\"x\"y, \"ab-3e8-10.0\"",
        ] {
            check(&[("If-None-Match", value)], Outcome::Proceed);
        }
    }

    #[test]
    fn tags_are_compared_strongly_by_if_match() {
        check(&[("If-Match", TAG)], Outcome::Proceed);
        check(&[("If-Match", "*")], Outcome::Proceed);
        check(&[("If-Match", &format!("W/{TAG}"))], Outcome::Failed);
        check(&[("If-Match", "\"x\"")], Outcome::Failed);
    }

    #[test]
    fn dates_decide_when_no_tags_do() {
        check(&[("If-Modified-Since", SAME)], Outcome::NotModified);
        check(&[("If-Modified-Since", LATER)], Outcome::NotModified);
        check(&[("If-Modified-Since", EARLIER)], Outcome::Proceed);
        check(&[("If-Modified-Since", "0")], Outcome::Proceed);
        check(&[("If-Unmodified-Since", EARLIER)], Outcome::Failed);
        check(&[("If-Unmodified-Since", SAME)], Outcome::Proceed);
        check(&[("If-Unmodified-Since", "")], Outcome::Proceed);
    }

    #[test]
    fn tags_decide_alone() {
        check(
            &[("If-Match", TAG), ("If-Unmodified-Since", EARLIER)],
            Outcome::Proceed,
        );
        check(
            &[("If-None-Match", TAG), ("If-Modified-Since", EARLIER)],
            Outcome::NotModified,
        );
        check(
            &[("If-None-Match", "\"x\""), ("If-Modified-Since", SAME)],
            Outcome::Proceed,
        );
        check(
            &[("If-Match", "\"x\""), ("If-None-Match", TAG)],
            Outcome::Failed,
        );
    }

    #[test]
    fn a_weak_tag_matches_weakly_alone() {
        let mut weak = validators();
        weak.entity_tag = weak.entity_tag.map(|tag| EntityTag {
            coding: Some(Coding::Gzip),
            is_weak: true,
            ..tag
        });
        let sent = weak.entity_tag.unwrap().to_string();
        assert_eq!(sent, "W/\"ab-3e8-10.0.gz\"");
        let bare = sent.trim_start_matches("W/");
        for (name, value, outcome) in [
            ("If-None-Match", &*sent, Outcome::NotModified),
            ("If-None-Match", bare, Outcome::NotModified),
            ("If-None-Match", TAG, Outcome::Proceed),
            ("If-Match", &sent, Outcome::Failed),
            ("If-Match", bare, Outcome::Failed),
        ] {
            let fields = section(&[(name, value)]);
            let found = evaluate(&Method::GET, &fields, &weak, now());
            assert_eq!(found, outcome, "{name}: {value}");
        }
        for value in [&*sent, bare] {
            let fields = section(&[("If-Range", value)]);
            assert!(!allows_range(&fields, &weak, now()), "{value}");
        }
    }

    #[test]
    fn what_is_not_there_matches_nothing() {
        for (name, value, outcome) in [
            ("If-Match", "*", Outcome::Failed),
            ("If-Match", TAG, Outcome::Failed),
            ("If-None-Match", "*", Outcome::Proceed),
            ("If-Unmodified-Since", EARLIER, Outcome::Proceed),
        ] {
            assert_eq!(evaluate_absent(&section(&[(name, value)])), outcome);
        }
    }

    #[test]
    fn an_unsafe_method_fails_instead_of_not_modified() {
        let fields = section(&[("If-None-Match", "*")]);
        assert_eq!(
            evaluate(&Method::PUT, &fields, &validators(), now()),
            Outcome::Failed
        );
    }

    #[test]
    fn a_range_counts_only_for_the_same_representation() {
        let allows =
            |value: &str| allows_range(&section(&[("If-Range", value)]), &validators(), now());
        assert!(allows_range(&section(&[]), &validators(), now()));
        assert!(allows(TAG));
        assert!(allows(SAME));
        assert!(!allows("\"x\""));
        assert!(!allows(&format!("W/{TAG}")));
        assert!(!allows(LATER));
        assert!(!allows(EARLIER));
        assert!(!allows(""));
        let fresh = Validators {
            is_date_strong: false,
            ..validators()
        };
        assert!(!allows_range(
            &section(&[("If-Range", SAME)]),
            &fresh,
            now()
        ));
    }
}
