//! Days and points in time as text.
//!
//! The form is that of RFC 3339, of which the seconds and the offset may be missing and the `T` may be a space, as in ISO
//! 8601. Invariant: a text that is read names a day of the Gregorian calendar and a time of that day.

use super::Type;

/// Seconds of a day.
const DAY: i64 = 86_400;
/// Seconds of an hour.
const HOUR: i64 = 3_600;
/// Seconds of a minute.
const MINUTE: i64 = 60;

/// A point in time; a day is the point at which it begins. One without an offset is taken for UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant<'a> {
    /// Seconds since the beginning of 1970.
    seconds: i64,
    /// The digits of the fraction of a second, without zeros at their end.
    fraction: &'a [u8],
}

impl<'a> Instant<'a> {
    /// Reads a text: [`Type::Date`] for `YYYY-MM-DD`, [`Type::Timestamp`] for that with a time.
    ///
    /// The hour 24 is the end of a day and has no minutes (ISO 8601); the second 60 is a leap second, which is inserted at
    /// the end of a day of UTC (RFC 3339, appendix D).
    pub fn parse(text: &'a [u8]) -> Option<(Type, Instant<'a>)> {
        let (day, rest) = text.split_at_checked(10)?;
        let days = days(day)?;
        if rest.is_empty() {
            return Some((Type::Date, Instant { seconds: days * DAY, fraction: &[] }));
        }
        let [b'T' | b't' | b' ', h1, h2, b':', m1, m2, rest @ ..] = rest else { return None };
        let (hour, minute) = (two([*h1, *h2], 24)?, two([*m1, *m2], 59)?);
        let (second, fraction, rest) = seconds(rest)?;
        if hour == 24 && (minute > 0 || second > 0 || !fraction.is_empty()) {
            return None;
        }
        let seconds = days * DAY + hour * HOUR + minute * MINUTE + second - offset(rest)?;
        // A leap second reads as the second after it: the first of a day.
        if second == 60 && seconds.rem_euclid(DAY) != 0 {
            return None;
        }
        Some((Type::Timestamp, Instant { seconds, fraction }))
    }
}

/// Reads `YYYY-MM-DD` as the number of days since 1970-01-01.
fn days(day: &[u8]) -> Option<i64> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *day else { return None };
    let year = two([y1, y2], 99)? * 100 + two([y3, y4], 99)?;
    let (month, day) = (two([m1, m2], 12)?, two([d1, d2], 31)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if month == 0 || day == 0 || day > length {
        return None;
    }
    // Years that begin in March, so that the leap day is the last; each fifth month begins 153 days later.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(before + (153 * month + 2) / 5 + day - 1 - 719_468)
}

/// Reads `:SS` and a fraction, where they are there: the seconds, the digits of the fraction, and the rest.
fn seconds(text: &[u8]) -> Option<(i64, &[u8], &[u8])> {
    let [b':', s1, s2, rest @ ..] = text else { return Some((0, &[], text)) };
    let second = two([*s1, *s2], 60)?;
    let Some(rest) = rest.strip_prefix(b".") else { return Some((second, &[], rest)) };
    let (digits, rest) = rest.split_at(rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
    let zeros = digits.iter().rev().take_while(|&&digit| digit == b'0').count();
    (!digits.is_empty()).then_some((second, &digits[..digits.len() - zeros], rest))
}

/// Reads an offset from UTC in seconds; nothing is none.
fn offset(text: &[u8]) -> Option<i64> {
    match *text {
        [] | [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] | [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            let offset = two([h1, h2], 23)? * HOUR + two([m1, m2], 59)? * MINUTE;
            Some(if sign == b'-' { -offset } else { offset })
        }
        _ => None,
    }
}

/// Reads two digits of a number up to `most`.
fn two(digits: [u8; 2], most: i64) -> Option<i64> {
    let [tens, ones] = digits.map(|digit| i64::from(digit.wrapping_sub(b'0')));
    let number = tens * 10 + ones;
    (tens < 10 && ones < 10 && number <= most).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kind(text: &str) -> Option<Type> {
        Instant::parse(text.as_bytes()).map(|(kind, _)| kind)
    }

    fn at(text: &str) -> Instant<'_> {
        Instant::parse(text.as_bytes()).unwrap().1
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        for text in ["2024-02-29", "2000-02-29", "0000-02-29", "2023-02-28", "2023-12-31", "9999-12-31", "2023-04-30"] {
            assert_eq!(kind(text), Some(Type::Date), "{text}");
        }
        for text in
            ["2023-02-29", "2023-02-30", "1900-02-29", "2023-04-31", "2023-00-10", "2023-13-01", "2023-01-00", "2023-06-31"]
        {
            assert_eq!(kind(text), None, "{text}");
            assert_eq!(kind(&format!("{text}T12:00:00Z")), None, "{text}");
        }
        assert_eq!(["2023-1-1", "2023-01-1x", "20230101", "+023-01-01", "2023/01/01"].map(kind), [None; 5]);
    }

    #[test]
    fn times_are_those_of_a_day() {
        for time in
            ["T00:00:00Z", "t23:59:59.5z", " 12:00", "T12:00+05:30", "T12:00-0800", "T24:00", "T24:00:00.000Z", "T12:00-00:00"]
        {
            assert_eq!(kind(&format!("2024-02-29{time}")), Some(Type::Timestamp), "{time}");
        }
        for time in
            ["T24:00:01", "T24:59:59", "T24:01", "T24:00:00.1", "T25:00", "T12:60", "T12:00:61Z", "T12:00:00.", "T12", "Tz"]
        {
            assert_eq!(kind(&format!("2024-02-29{time}")), None, "{time}");
        }
        for offset in ["+24:00", "+12:60", "+1:00", "+0100x", "ZZ", "UTC", "+01:0a"] {
            assert_eq!(kind(&format!("2024-02-29T12:00:00{offset}")), None, "{offset}");
        }
    }

    #[test]
    fn leap_seconds_end_a_day_of_utc() {
        for time in ["23:59:60Z", "23:59:60.25", "15:59:60-08:00", "05:29:60+05:30"] {
            assert_eq!(kind(&format!("2017-01-01T{time}")), Some(Type::Timestamp), "{time}");
        }
        for time in ["12:00:60Z", "23:58:60Z", "23:59:60+01:00", "15:59:60"] {
            assert_eq!(kind(&format!("2017-01-01T{time}")), None, "{time}");
        }
    }

    #[test]
    fn points_in_time_are_in_order() {
        assert_eq!(at("1970-01-01"), Instant { seconds: 0, fraction: &[] });
        assert_eq!(at("2024-02-29T12:00:00Z").seconds, 1_709_208_000);
        assert_eq!(at("0001-01-01").seconds, -62_135_596_800);
        assert_eq!(at("2024-01-01T12:00:00+02:00"), at("2024-01-01 10:00"));
        assert_eq!(at("2024-01-01T24:00"), at("2024-01-02"));
        assert_eq!(at("2024-01-01T00:00:00.500"), at("2024-01-01T00:00:00.5"));
        assert!(at("2024-01-01T00:00:00.12") < at("2024-01-01T00:00:00.2"));
        assert!(at("2024-01-01T00:00:00.12") < at("2024-01-01T00:00:00.123"));
        assert!(at("0000-12-31T23:59:59.9") < at("0001-01-01"));
    }

    proptest! {
        #[test]
        fn each_day_follows_the_one_before(day in -719_528i64..2_932_896) {
            let date = |day: i64| {
                let date = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(day)).unwrap();
                date.to_string()
            };
            prop_assert_eq!(at(&date(day)).seconds, day * DAY);
        }
    }
}
