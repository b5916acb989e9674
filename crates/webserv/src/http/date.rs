//! HTTP dates (RFC 9110 section 5.6.7): whole seconds, three forms read, one form written.
//!
//! `httpdate` knows the calendar. What it cannot know without a clock is the century of a
//! two-digit year, so that form is completed here from the time the caller gives.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last second that has a four-digit year: 31 December 9999, 23:59:59.
const SECONDS_MAX: u64 = 253_402_300_799;

/// A point in time to the second, from 1970 to 9999, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HttpDate(u64);

impl HttpDate {
    /// The date of so many seconds after the epoch; none for a time that HTTP cannot write.
    #[must_use]
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        u64::try_from(seconds)
            .ok()
            .filter(|&seconds| seconds <= SECONDS_MAX)
            .map(HttpDate)
    }

    /// The second in which that time lies; a clock before 1970 or after 9999 reads as the nearest
    /// time that can be written.
    #[must_use]
    pub fn from_system_time(time: SystemTime) -> Self {
        let seconds = time
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        HttpDate(seconds.min(SECONDS_MAX))
    }

    /// Seconds after the epoch.
    #[must_use]
    pub fn unix_seconds(self) -> u64 {
        self.0
    }

    /// The same time as RFC 3339 writes it: `1994-11-06T08:49:37Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let (days, second) = (self.0 / 86_400, self.0 % 86_400);
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }

    /// Reads a field value in any of the three forms; none if it is no date. `now` decides the
    /// century of a two-digit year: never more than 50 years ahead.
    #[must_use]
    pub fn parse(value: &[u8], now: HttpDate) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let completed = complete_year(text, now);
        let date: httpdate::HttpDate = completed.as_deref().unwrap_or(text).parse().ok()?;
        // `httpdate` trims the text; a field value has no white space around it by now.
        (text.trim().len() == text.len()).then(|| HttpDate::from_system_time(date.into()))
    }

    fn to_httpdate(self) -> httpdate::HttpDate {
        (UNIX_EPOCH + Duration::from_secs(self.0)).into()
    }
}

/// IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`.
impl fmt::Display for HttpDate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_httpdate(), formatter)
    }
}

/// Year, month and day of a day counted from 1 January 1970. Years are counted from March, so that
/// the odd day of a leap year is the last one, and eras of 400 years are all alike.
fn civil(days: u64) -> (u64, u64, u64) {
    // From 1 March of the year 0.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// `Sunday, 06-Nov-94 08:49:37 GMT` as IMF-fixdate with the full year; none for other forms.
fn complete_year(text: &str, now: HttpDate) -> Option<String> {
    let (day_name, rest) = text.split_once("day, ")?;
    let prefix = match day_name {
        "Sun" | "Mon" | "Fri" => day_name,
        "Tues" => "Tue",
        "Wednes" => "Wed",
        "Thurs" => "Thu",
        "Satur" => "Sat",
        _ => return None,
    };
    let (date, time) = rest.split_once(' ')?;
    let mut parts = date.split('-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    if year.len() != 2 || !year.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let year: u64 = year.parse().ok()?;
    let this_year: u64 = now.to_string().get(12..16)?.parse().ok()?;
    let mut full_year = this_year - this_year % 100 + year;
    if full_year > this_year + 50 {
        full_year -= 100;
    } else if full_year + 50 <= this_year {
        full_year += 100;
    }
    Some(format!("{prefix}, {day} {month} {full_year:04} {time}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: HttpDate = HttpDate(1_790_000_000); // September 2026

    fn parse(text: &str) -> Option<u64> {
        HttpDate::parse(text.as_bytes(), NOW).map(HttpDate::unix_seconds)
    }

    #[test]
    fn three_forms_are_read_and_one_is_written() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse(text), Some(784_111_777), "{text}");
        }
        assert_eq!(
            HttpDate(784_111_777).to_string(),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
        assert_eq!(HttpDate(0).to_string(), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn two_digit_years_lie_within_fifty_years() {
        let year = |text: &str| {
            HttpDate::parse(text.as_bytes(), NOW).unwrap().to_string()[12..16].to_owned()
        };
        assert_eq!(year("Wednesday, 01-Jan-76 00:00:00 GMT"), "2076");
        assert_eq!(year("Saturday, 01-Jan-77 00:00:00 GMT"), "1977");
        assert_eq!(year("Thursday, 01-Jan-26 00:00:00 GMT"), "2026");
        assert_eq!(year("Friday, 01-Jan-99 00:00:00 GMT"), "1999");
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "0",
            "-1",
            "Sun, 31 Feb 2021 00:00:00 GMT",
            "Fri, 31 Dec 10000 00:00:00 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT junk",
            "Sun, 06 Nov 1994 08:49:37",
            "tomorrow",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "day, ",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "Sunday, é-Nov-94 08:49:37 GMT",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn both_calendars_agree() {
        assert_eq!(HttpDate(784_111_777).to_rfc3339(), "1994-11-06T08:49:37Z");
        assert_eq!(HttpDate(SECONDS_MAX).to_rfc3339(), "9999-12-31T23:59:59Z");
        const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
        for day in 0..160_000 {
            let date = HttpDate(day * 86_400 + day % 86_400);
            let (imf, iso) = (date.to_string(), date.to_rfc3339());
            let month = MONTHS.find(&imf[8..11]).unwrap() / 3 + 1;
            let time = &imf[17..25];
            let expected = format!("{}-{month:02}-{}T{time}Z", &imf[12..16], &imf[5..7]);
            assert_eq!(iso, expected);
        }
    }

    #[test]
    fn times_out_of_range_are_told() {
        assert_eq!(HttpDate::from_unix_seconds(-1), None);
        assert_eq!(HttpDate::from_unix_seconds(i64::MAX), None);
        assert!(HttpDate::from_unix_seconds(253_402_300_799).is_some());
    }
}
