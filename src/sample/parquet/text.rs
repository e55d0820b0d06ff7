//! Values of Parquet as text: numbers in digits, days and times as RFC 3339 writes them.
//!
//! Exact for every value that can be stored. Years beyond 9999 and before 0 have a sign, as in ISO 8601:
//! `+10000-01-01`.

use std::fmt::Write;

const NANOSECONDS_OF_A_DAY: i128 = 86_400_000_000_000;
/// Decimals with more digits after the point than this are written with an exponent.
const MAX_SCALE: i32 = 1_024;

/// Appends the day so many days after 1970-01-01, in the proleptic Gregorian calendar.
///
/// The algorithm is Howard Hinnant's `civil_from_days`.
pub(super) fn put_day(days: i64, out: &mut String) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    // Writing to a string does not fail, here and below.
    let _ = match year {
        0..=9999 => write!(out, "{year:04}-{month:02}-{day:02}"),
        _ => write!(out, "{year:+05}-{month:02}-{day:02}"),
    };
}

/// Appends the time of day that is so many nanoseconds after midnight.
pub(super) fn put_time(nanoseconds: i128, out: &mut String) {
    if nanoseconds < 0 {
        out.push('-');
    }
    let nanoseconds = nanoseconds.unsigned_abs();
    let (seconds, fraction) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    let _ = write!(out, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction > 0 {
        let _ = write!(out, ".{fraction:09}");
        out.truncate(out.trim_end_matches('0').len());
    }
}

/// Appends the point in time so many nanoseconds after 1970 began, in UTC.
pub(super) fn put_timestamp(nanoseconds: i128, out: &mut String) {
    // Nanoseconds of 64 bits of milliseconds are less than 2^84, days less than 2^38.
    put_day(nanoseconds.div_euclid(NANOSECONDS_OF_A_DAY) as i64, out);
    out.push('T');
    put_time(nanoseconds.rem_euclid(NANOSECONDS_OF_A_DAY), out);
    out.push('Z');
}

/// Appends a duration of months, days and milliseconds, each 4 bytes, little-endian, as ISO 8601 writes it.
pub(super) fn put_interval(bytes: &[u8; 12], out: &mut String) {
    let part = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let (seconds, milliseconds) = (part(8) / 1_000, part(8) % 1_000);
    let _ = write!(out, "P{}M{}DT{seconds}", part(0), part(4));
    if milliseconds > 0 {
        let _ = write!(out, ".{milliseconds:03}");
    }
    out.push('S');
}

/// Appends a UUID in its usual form.
pub(super) fn put_uuid(bytes: &[u8; 16], out: &mut String) {
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        let _ = write!(out, "{byte:02x}");
    }
}

/// Appends a float in the fewest digits that only it has.
pub(super) fn put_float(value: f64, out: &mut String) {
    let _ = match value {
        _ if value.is_nan() => write!(out, "NaN"),
        f64::INFINITY => write!(out, "Infinity"),
        f64::NEG_INFINITY => write!(out, "-Infinity"),
        // There is one zero.
        _ => write!(out, "{:?}", value + 0.0),
    };
}

/// Returns the value of a half float, IEEE 754 binary16.
pub(super) fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2f64.powi(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { size } else { -size }
}

/// Appends a decimal: an integer in big-endian two's complement over ten to the power of the scale.
pub(super) fn put_decimal(big_endian: &[u8], scale: i32, out: &mut String) {
    let negative = big_endian.first().is_some_and(|&byte| byte >= 0x80);
    let digits = magnitude(big_endian, negative);
    if negative {
        out.push('-');
    }
    match usize::try_from(scale) {
        Ok(0) => out.push_str(&digits),
        Ok(places) if scale <= MAX_SCALE => {
            let digits = format!("{digits:0>width$}", width = places + 1);
            let (whole, fraction) = digits.split_at(digits.len() - places);
            let _ = write!(out, "{whole}.{fraction}");
        }
        _ => {
            let _ = write!(out, "{digits}e{}", -i64::from(scale));
        }
    }
}

/// Returns the decimal digits of the size of an integer.
fn magnitude(big_endian: &[u8], negative: bool) -> String {
    if big_endian.len() <= 16 {
        let mut bytes = [if negative { 0xff } else { 0 }; 16];
        bytes[16 - big_endian.len()..].copy_from_slice(big_endian);
        return i128::from_be_bytes(bytes).unsigned_abs().to_string();
    }
    let mut bytes = big_endian.to_vec();
    if negative {
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
        // There is a bit that is not set, or there would be no sign.
        for byte in bytes.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
    }
    // Long division, nine digits at a time.
    let mut groups = Vec::new();
    let mut rest = &mut bytes[..];
    while let Some(start) = rest.iter().position(|&byte| byte != 0) {
        rest = &mut rest[start..];
        let mut remainder = 0u64;
        for byte in rest.iter_mut() {
            let value = remainder << 8 | u64::from(*byte);
            *byte = (value / 1_000_000_000) as u8;
            remainder = value % 1_000_000_000;
        }
        groups.push(remainder);
    }
    let mut digits = groups.pop().unwrap_or(0).to_string();
    for group in groups.iter().rev() {
        let _ = write!(digits, "{group:09}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(put: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        put(&mut out);
        out
    }

    #[test]
    fn days_and_times() {
        let day = |days| text(|out| put_day(days, out));
        assert_eq!([day(0), day(19_782), day(-1)], ["1970-01-01", "2024-02-29", "1969-12-31"]);
        assert_eq!([day(2_932_896), day(2_932_897)], ["9999-12-31", "+10000-01-01"]);
        assert_eq!([day(-719_528), day(-719_529)], ["0000-01-01", "-0001-12-31"]);
        assert_eq!(day(i64::from(i32::MAX)), "+5881580-07-11");
        let time = |nanoseconds| text(|out| put_time(nanoseconds, out));
        assert_eq!([time(0), time(37_800_123_456_000)], ["00:00:00", "10:30:00.123456"]);
        assert_eq!([time(86_400_000_000_000), time(-1)], ["24:00:00", "-00:00:00.000000001"]);
        let timestamp = |nanoseconds| text(|out| put_timestamp(nanoseconds, out));
        assert_eq!(timestamp(1_500_000_000), "1970-01-01T00:00:01.5Z");
        assert_eq!(timestamp(-1), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(timestamp(253_402_300_799_000_000_000), "9999-12-31T23:59:59Z");
        assert_eq!(timestamp(i128::from(i64::MIN) * 1_000_000), "-292275055-05-16T16:47:04.192Z");
    }

    #[test]
    fn other_values() {
        let interval = [1, 0, 0, 0, 2, 0, 0, 0, 0xbc, 0x0b, 0, 0];
        assert_eq!(text(|out| put_interval(&interval, out)), "P1M2DT3.004S");
        let uuid: [u8; 16] = std::array::from_fn(|at| at as u8);
        assert_eq!(text(|out| put_uuid(&uuid, out)), "00010203-0405-0607-0809-0a0b0c0d0e0f");
        let float = |value| text(|out| put_float(value, out));
        assert_eq!([float(-0.0), float(1e300), float(0.1)], ["0.0", "1e300", "0.1"]);
        assert_eq!([float(f64::NAN), float(f64::NEG_INFINITY)], ["NaN", "-Infinity"]);
        assert_eq!([half(0x3800), half(0x3c00), half(0xc000), half(1), half(0x7bff)], [0.5, 1.0, -2.0, 2f64.powi(-24), 65504.0]);
        assert!(half(0xfc00) == f64::NEG_INFINITY && half(0x7e00).is_nan());
    }

    #[test]
    fn decimals_keep_their_digits() {
        let decimal = |bytes: &[u8], scale| text(|out| put_decimal(bytes, scale, out));
        assert_eq!([decimal(&[0xfb], 2), decimal(&[0x30, 0x39], 2), decimal(&[7], 0)], ["-0.05", "123.45", "7"]);
        assert_eq!([decimal(&[], 3), decimal(&[7], -2), decimal(&[7], 5_000)], ["0.000", "7e2", "7e-5000"]);
        let mut wide = [0; 32];
        wide[0] = 0x80;
        let lowest = "-57896044618658097711785492504343953926634992332820282019728792003956564819968";
        assert_eq!(decimal(&wide, 0), lowest);
        assert_eq!(decimal(&[0xff; 40], 1), "-0.1");
    }

    proptest! {
        #[test]
        fn wide_decimals_are_as_narrow_ones(value: i128, more in 1usize..20) {
            let fill = if value < 0 { 0xff } else { 0 };
            let wide = [&vec![fill; more][..], &value.to_be_bytes()].concat();
            prop_assert_eq!(text(|out| put_decimal(&wide, 0, out)), value.to_string());
        }

        #[test]
        fn days_are_those_of_jiff(days in -4_371_587i32..2_932_897) {
            let own = text(|out| put_day(i64::from(days), out));
            let span = jiff::Span::new().days(i64::from(days));
            let theirs = jiff::civil::date(1970, 1, 1).checked_add(span).unwrap();
            let end = format!("{:04}-{:02}-{:02}", theirs.year().unsigned_abs(), theirs.month(), theirs.day());
            prop_assert_eq!(own.trim_start_matches('-'), end);
        }
    }
}
