//! The wall clock, and times as users see them: UTC, in milliseconds, RFC 3339.

use std::fmt;

/// A moment in UTC, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// Returns the moment at which this is called.
    pub fn now() -> Time {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
        Time(jiff::Timestamp::now().as_millisecond())
    }

    /// Returns the moment so many milliseconds after 1970-01-01T00:00:00Z.
    pub fn from_millis(millis: i64) -> Time {
        Time(millis)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn as_millis(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Time {
    /// RFC 3339 with milliseconds: `2026-11-22T09:30:00.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(t) => write!(f, "{t:.3}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl serde::Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// Nanoseconds since 1970-01-01T00:00:00Z by the same clock that the kernel stamps files with.
pub fn nanos_now() -> i128 {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    jiff::Timestamp::now().as_nanosecond()
}

/// Waits until that moment, in nanoseconds since 1970, but no longer than a second: the clock may have been set back.
pub fn wait_until(nanos: i128) {
    let left = nanos - nanos_now();
    if let Ok(left) = u64::try_from(left) {
        std::thread::sleep(std::time::Duration::from_nanos(left.min(1_000_000_000)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_rfc3339_with_milliseconds() {
        assert_eq!(Time::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Time::from_millis(1_795_339_800_007).to_string(), "2026-11-22T09:30:00.007Z");
    }
}
