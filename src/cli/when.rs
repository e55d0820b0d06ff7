//! Moments as users type them: RFC 3339, a day, also by name, or how long ago. Days and clocks without a zone are UTC.

use helox::Time;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

/// Reads a moment; a day means its first millisecond.
pub(crate) fn since(text: &str) -> Result<Time, String> {
    parse(text, Time::now(), false)
}

/// Reads a moment; a day means its last millisecond, so that the day itself is included.
pub(crate) fn until(text: &str) -> Result<Time, String> {
    parse(text, Time::now(), true)
}

fn parse(text: &str, now: Time, end_of_day: bool) -> Result<Time, String> {
    let text = text.trim();
    let now = Timestamp::from_millisecond(now.as_millis()).map_err(|e| e.to_string())?.to_zoned(TimeZone::UTC);
    let read = if let Some(day) = day(text, now.date()) {
        let start = if end_of_day { day.tomorrow() } else { Ok(day) }.and_then(|day| day.to_zoned(TimeZone::UTC));
        start.and_then(|start| start.timestamp().checked_sub(i64::from(end_of_day).milliseconds()))
    } else if let Ok(moment) = text.parse::<Timestamp>() {
        Ok(moment)
    } else if let Ok(clock) = text.parse::<DateTime>() {
        clock.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp())
    } else {
        // "3 days ago" reads as minus three days, "3 days" as plus; both mean ago.
        let one = ["a ", "an ", "last "].iter().find_map(|word| text.strip_prefix(word)).map(|rest| format!("1 {rest}"));
        let span = one.as_deref().unwrap_or(text).parse::<Span>();
        span.and_then(|span| now.checked_sub(span.abs()).map(|zoned| zoned.timestamp()))
    };
    let wrong = "write a time such as 2026-11-22T09:30:00Z, a day such as 2026-11-22 or yesterday, or how long ago, such as \
                 '3 days ago' or 2w";
    read.map(|moment| Time::from_millis(moment.as_millisecond())).map_err(|_| wrong.to_owned())
}

/// Reads a day: `today`, `yesterday` or a date.
fn day(text: &str, today: Date) -> Option<Date> {
    match text.to_lowercase().as_str() {
        "today" => Some(today),
        "yesterday" => today.yesterday().ok(),
        // The length tells a day from a day with a clock, which jiff would cut off.
        _ if text.len() == "2026-11-22".len() => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_type() {
        let now = Time::from_millis(1_795_339_800_007); // 2026-11-22T09:30:00.007Z
        for (text, since) in [
            ("2026-11-22T09:30:00Z", "2026-11-22T09:30:00.000Z"),
            ("2026-11-22T09:30:00+02:00", "2026-11-22T07:30:00.000Z"),
            ("2026-11-22 09:30", "2026-11-22T09:30:00.000Z"),
            ("2026-11-22", "2026-11-22T00:00:00.000Z"),
            ("today", "2026-11-22T00:00:00.000Z"),
            ("Yesterday", "2026-11-21T00:00:00.000Z"),
            ("3 days ago", "2026-11-19T09:30:00.007Z"),
            ("2 weeks ago", "2026-11-08T09:30:00.007Z"),
            ("a week ago", "2026-11-15T09:30:00.007Z"),
            ("an hour ago", "2026-11-22T08:30:00.007Z"),
            ("last month", "2026-10-22T09:30:00.007Z"),
            ("2w", "2026-11-08T09:30:00.007Z"),
            ("1 month ago", "2026-10-22T09:30:00.007Z"),
            (" 90m ", "2026-11-22T08:00:00.007Z"),
        ] {
            assert_eq!(parse(text, now, false).unwrap().to_string(), since, "{text}");
        }
        assert_eq!(parse("2026-11-22", now, true).unwrap().to_string(), "2026-11-22T23:59:59.999Z");
        assert_eq!(parse("yesterday", now, true).unwrap().to_string(), "2026-11-21T23:59:59.999Z");
        assert_eq!(parse("2w", now, true).unwrap().to_string(), "2026-11-08T09:30:00.007Z");
    }

    #[test]
    fn refuses_the_rest() {
        for text in ["", "tomorrow", "last", "2026-13-01", "2026-11", "12", "9999999 years ago"] {
            assert!(parse(text, Time::from_millis(0), false).is_err(), "{text}");
        }
    }
}
