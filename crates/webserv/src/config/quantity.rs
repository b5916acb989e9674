//! Sizes and durations as people write them.

use std::time::Duration;

/// Longest duration: a year. More is a mistake, and sums cannot overflow.
const SECONDS_MAX: u64 = 365 * 24 * 3600;

/// A size in bytes: `64 KiB`, `1MiB`, `10 kB`, `512`.
///
/// Units of 1,024 are KiB, MiB, GiB and TiB, units of 1,000 are kB, MB, GB and TB.
pub(crate) fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits_end = text
        .find(|sign: char| !sign.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(digits_end)?;
    let number: u64 = digits.parse().ok()?;
    let factor: u64 = match unit.trim_start() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// A duration: `15s`, `1m30s`, `250ms`, `2h`, `1d`; each unit once at most, the larger first.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 5] = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    let mut rest = text.trim();
    let mut milliseconds: u64 = 0;
    let mut units = UNITS.iter();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits_end = rest.find(|sign: char| !sign.is_ascii_digit())?;
        let (digits, tail) = rest.split_at_checked(digits_end)?;
        let unit_end = tail
            .find(|sign: char| !sign.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_end)?;
        let (_, factor) = units.find(|(name, _)| *name == unit)?;
        let number: u64 = digits.parse().ok()?;
        milliseconds = milliseconds.checked_add(number.checked_mul(*factor)?)?;
        rest = tail.trim_start();
    }
    let duration = Duration::from_millis(milliseconds);
    (duration <= Duration::from_secs(SECONDS_MAX)).then_some(duration)
}

/// So many seconds.
pub(crate) fn seconds(number: u64) -> Option<Duration> {
    (number <= SECONDS_MAX).then_some(Duration::from_secs(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("512", 512),
            ("512 B", 512),
            ("64 KiB", 65_536),
            ("1MiB", 1 << 20),
            ("10 kB", 10_000),
            (" 2 TiB ", 2 << 40),
        ] {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        for text in [
            "",
            "KiB",
            "-1",
            "1.5 MiB",
            "1 mib",
            "1 KiB 2",
            "99999999999999999999",
            "99999999 TiB",
            "１",
        ] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
    }

    #[test]
    fn durations() {
        for (text, milliseconds) in [
            ("15s", 15_000),
            ("1m30s", 90_000),
            ("1m 30s", 90_000),
            ("250ms", 250),
            ("2h", 7_200_000),
            ("1d12h", 129_600_000),
            ("0s", 0),
        ] {
            assert_eq!(
                parse_duration(text),
                Some(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        for text in [
            "",
            "15",
            "s",
            "30s1m",
            "1s1s",
            "1.5s",
            "-1s",
            "1w",
            "99999999999999999999s",
            "400d",
            "9999999999999999d",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
