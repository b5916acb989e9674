//! What a client would rather have: Accept and Accept-Encoding with their weights (RFC 9110
//! sections 12.4.2, 12.5.1 and 12.5.3).
//!
//! A malformed member is dropped, the others still count. Whoever can take nothing that there is
//! gets the plain form all the same: something to read beats 406.

use ::http::header::{ACCEPT, ACCEPT_ENCODING};

use super::field::{FieldSection, trim};

/// A content coding that this server sends, in the order of its own preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    /// Zstandard (RFC 8878).
    Zstd,
    /// Brotli (RFC 7932).
    Brotli,
    /// gzip (RFC 1952).
    Gzip,
}

impl Coding {
    /// All of them; where a client has no preference, the first one that is there is taken.
    pub const ALL: [Coding; 3] = [Coding::Zstd, Coding::Brotli, Coding::Gzip];

    /// The name in Content-Encoding.
    #[must_use]
    pub fn token(self) -> &'static str {
        match self {
            Coding::Zstd => "zstd",
            Coding::Brotli => "br",
            Coding::Gzip => "gzip",
        }
    }

    /// What a file in this coding adds to its name.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Coding::Zstd => ".zst",
            Coding::Brotli => ".br",
            Coding::Gzip => ".gz",
        }
    }

    /// Whether a member of Accept-Encoding names it. `x-gzip` is gzip (RFC 9110 section 8.4.1.3).
    fn is_named(self, name: &[u8]) -> bool {
        name.eq_ignore_ascii_case(self.token().as_bytes())
            || self == Coding::Gzip && name.eq_ignore_ascii_case(b"x-gzip")
    }
}

/// A weight in thousandths: 0 refuses, 1000 is what stands where none is given.
type Weight = u16;

/// The weight of what nobody mentioned, which for the identity means "if there is nothing better".
const UNMENTIONED: Weight = 1;

/// What Accept-Encoding says of the codings of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptedCodings {
    /// In the order of [`Coding::ALL`].
    codings: [Weight; 3],
    identity: Weight,
}

impl AcceptedCodings {
    /// Reads the lines of a request. Without the field any coding would be allowed, but a client
    /// that does not ask for one may not understand it.
    #[must_use]
    pub fn of(fields: &FieldSection) -> Self {
        let mut codings = [None; 3];
        let mut identity = None;
        let mut any = None;
        for member in fields.list(&ACCEPT_ENCODING) {
            let Some((name, weight)) = weighted(member) else {
                continue;
            };
            if name == b"*" {
                any = Some(weight);
            } else if name.eq_ignore_ascii_case(b"identity") {
                identity = Some(weight);
            } else {
                for (place, coding) in codings.iter_mut().zip(Coding::ALL) {
                    if coding.is_named(name) {
                        *place = Some(weight);
                    }
                }
            }
        }
        AcceptedCodings {
            codings: codings.map(|weight| weight.or(any).unwrap_or(0)),
            identity: identity.or(any).unwrap_or(UNMENTIONED),
        }
    }

    /// The codings that the client takes rather than the plain form, best first.
    pub fn in_order(self) -> impl Iterator<Item = Coding> {
        let mut weighted: Vec<(Weight, Coding)> = Vec::new();
        for (weight, coding) in self.codings.into_iter().zip(Coding::ALL) {
            if weight > 0 && weight >= self.identity {
                weighted.push((weight, coding));
            }
        }
        // A stable sort keeps our own preference among equals.
        weighted.sort_by_key(|&(weight, _)| std::cmp::Reverse(weight));
        weighted.into_iter().map(|(_, coding)| coding)
    }

    /// Whether any coding comes into question.
    #[must_use]
    pub fn is_plain_only(self) -> bool {
        self.codings
            .iter()
            .all(|&weight| weight == 0 || weight < self.identity)
    }

    /// Whether the plain form was refused: `identity;q=0`, or `*;q=0` without an identity.
    #[must_use]
    pub fn refuses_plain(self) -> bool {
        self.identity == 0
    }
}

/// Which of `offers` (media types without parameters, ours first) the client prefers, by its
/// place. A type that is named wins over one that a wildcard covers with the same weight.
#[must_use]
pub fn preferred_type(fields: &FieldSection, offers: &[&str]) -> usize {
    let mut best = (0, 0, 0);
    for (place, offer) in offers.iter().enumerate() {
        // The most specific range decides, whatever its weight (section 12.5.1).
        let (specificity, weight) = fields
            .list(&ACCEPT)
            .filter_map(weighted)
            .filter_map(|(range, weight)| Some((specificity(range, offer)?, weight)))
            .max_by_key(|&(specificity, _)| specificity)
            .unwrap_or_default();
        if weight > 0 && (weight, specificity) > (best.0, best.1) {
            best = (weight, specificity, place);
        }
    }
    best.2
}

/// How closely a media range covers a type: 3 by name, 2 by its first half, 1 by `*/*`.
fn specificity(range: &[u8], offer: &str) -> Option<u8> {
    if range.eq_ignore_ascii_case(offer.as_bytes()) {
        return Some(3);
    }
    if range == b"*/*" {
        return Some(1);
    }
    let half = range.strip_suffix(b"*")?;
    let start = offer.as_bytes().get(..half.len())?;
    (half.ends_with(b"/") && start.eq_ignore_ascii_case(half)).then_some(2)
}

/// A member's name and weight. Parameters other than `q` do not count.
fn weighted(member: &[u8]) -> Option<(&[u8], Weight)> {
    let mut parts = member.split(|&byte| byte == b';').map(trim);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let mut weight = 1000;
    for parameter in parts {
        if let [b'q' | b'Q', b'=', value @ ..] = parameter {
            weight = parse_weight(value)?;
        }
    }
    Some((name, weight))
}

/// `0`, `0.123`, `1`, `1.000`: at most three digits behind the point.
fn parse_weight(text: &[u8]) -> Option<Weight> {
    let (whole, digits) = match text {
        [whole @ (b'0' | b'1')] => (whole, &b""[..]),
        [whole @ (b'0' | b'1'), b'.', digits @ ..] if digits.len() <= 3 => (whole, digits),
        _ => return None,
    };
    let mut weight = Weight::from(whole - b'0') * 1000;
    let mut unit = 100;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        weight += Weight::from(digit - b'0') * unit;
        unit /= 10;
    }
    (weight <= 1000).then_some(weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(name: &str, value: Option<&str>) -> FieldSection {
        let line = value.map_or(String::new(), |value| format!("{name}: {value}\r\n"));
        FieldSection::parse(format!("{line}\r\n").as_bytes()).unwrap()
    }

    fn codings(value: Option<&str>) -> AcceptedCodings {
        AcceptedCodings::of(&section("Accept-Encoding", value))
    }

    #[track_caller]
    fn order(value: Option<&str>) -> String {
        let accepted = codings(value);
        let order: Vec<&str> = accepted.in_order().map(Coding::token).collect();
        assert_eq!(accepted.is_plain_only(), order.is_empty());
        order.join(" ")
    }

    #[test]
    fn codings_come_by_weight_then_by_our_preference() {
        for (value, expected) in [
            (None, ""),
            (Some(""), ""),
            (Some("gzip"), "gzip"),
            (Some("GZIP"), "gzip"),
            (Some("x-gzip"), "gzip"),
            (Some("gzip, deflate, br, zstd"), "zstd br gzip"),
            (Some("gzip;q=1.0, br;q=0.9, zstd;q=0.5"), "gzip br zstd"),
            (Some("gzip;q=0"), ""),
            (Some("*"), "zstd br gzip"),
            (Some("*;q=0"), ""),
            (Some("*, br;q=0"), "zstd gzip"),
            (Some("identity, gzip;q=0.5"), ""),
            (Some("identity;q=0.5, gzip"), "gzip"),
            (Some("identity;q=0, gzip;q=0.001"), "gzip"),
            (Some("gzip;q=2"), ""),
            (Some("gzip;q="), ""),
            (Some("gzip;q=0.0001"), ""),
            (Some("gzip;q=-1, br ; Q=0.3"), "br"),
            (Some("gzip;q=1.001"), ""),
            (Some("deflate, compress"), ""),
            (Some(", ,gzip,"), "gzip"),
        ] {
            assert_eq!(order(value), expected, "{value:?}");
        }
    }

    #[test]
    fn the_plain_form_is_refused_by_name_or_with_all_others() {
        for (value, refuses) in [
            ("identity;q=0", true),
            ("*;q=0", true),
            ("*;q=0, identity;q=0.1", false),
            ("gzip", false),
            ("gzip;q=0", false),
        ] {
            assert_eq!(codings(Some(value)).refuses_plain(), refuses, "{value}");
        }
    }

    #[test]
    fn types_are_chosen_by_weight_and_name() {
        const OFFERS: [&str; 3] = ["text/html", "application/json", "text/plain"];
        for (value, expected) in [
            (None, "text/html"),
            (Some("*/*"), "text/html"),
            (Some("application/json"), "application/json"),
            (
                Some("application/json, text/plain, */*"),
                "application/json",
            ),
            (
                Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
                "text/html",
            ),
            (
                Some("text/html;q=0.5, application/json;q=0.6"),
                "application/json",
            ),
            (Some("text/*, text/html;q=0.2"), "text/plain"),
            (Some("text/html;q=0, */*"), "application/json"),
            (Some("TEXT/PLAIN"), "text/plain"),
            (Some("image/png"), "text/html"),
            (Some("text/plain;q=junk"), "text/html"),
            (Some(";q=1"), "text/html"),
            (Some("*"), "text/html"),
        ] {
            let place = preferred_type(&section("Accept", value), &OFFERS);
            assert_eq!(OFFERS[place], expected, "{value:?}");
        }
    }
}
