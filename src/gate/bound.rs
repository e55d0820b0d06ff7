//! The bounds of a rule of the kind `range`: numbers, and days and points in time.
//!
//! Invariant: numbers are compared by their decimal values, as records are, however many digits they have.

use std::cmp::Ordering;
use std::fmt;

use super::decimal::{Decimal, number};
use crate::sample::{Instant, Type};

/// A bound, as it was declared.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// A number: its digits, and the float that is nearest.
    Number(String, f64),
    /// A day or a point in time (`Instant::parse`).
    Instant(String),
}

impl Bound {
    /// Returns the bound of a number in decimal digits, or of a day or a point in time.
    pub fn new(text: &str) -> Option<Bound> {
        match number(text.as_bytes()) {
            Some(float) => Some(Bound::Number(text.to_owned(), float)),
            None => Instant::parse(text.as_bytes()).map(|_| Bound::Instant(text.to_owned())),
        }
    }

    /// Says what a value must be to be compared with it.
    pub fn noun(&self) -> &'static str {
        match self {
            Bound::Number(..) => "number",
            Bound::Instant(_) => "day or point in time",
        }
    }

    /// Compares a value of this type and text with the bound; `None` for one that neither is of its sort nor spells it.
    /// Where the bound is a day, the time of a value does not count.
    pub fn compare(&self, kind: Type, text: &[u8]) -> Option<Ordering> {
        let text = text.trim_ascii();
        match self {
            Bound::Number(own, rounded) if matches!(kind, Type::Integer | Type::Number | Type::String) => {
                // Rounding keeps the order of two numbers or makes them equal.
                let order = number(text)?.partial_cmp(rounded)?;
                Some(order.then_with(|| Decimal::read(text).cmp(&Decimal::read(own.as_bytes()))))
            }
            Bound::Instant(own) if matches!(kind, Type::Date | Type::Timestamp | Type::String) => {
                let (own_kind, own) = Instant::parse(own.as_bytes())?;
                match (text, own_kind) {
                    // Parquet has years that a bound cannot name; ISO 8601 writes them with a sign.
                    ([b'+', ..], _) if kind != Type::String => Some(Ordering::Greater),
                    ([b'-', ..], _) if kind != Type::String => Some(Ordering::Less),
                    (_, Type::Date) => {
                        Instant::parse(text).and_then(|_| Instant::parse(&text[..10])).map(|(_, day)| day.cmp(&own))
                    }
                    _ => Instant::parse(text).map(|(_, instant)| instant.cmp(&own)),
                }
            }
            _ => None,
        }
    }
}

impl PartialOrd for Bound {
    fn partial_cmp(&self, other: &Bound) -> Option<Ordering> {
        let (Bound::Number(text, _) | Bound::Instant(text)) = self;
        other.compare(Type::String, text.as_bytes())
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Bound::Number(text, _) | Bound::Instant(text)) = self;
        f.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(value: &str, bound: &str) -> Option<Ordering> {
        Bound::new(bound).unwrap().compare(Type::String, value.as_bytes())
    }

    #[test]
    fn numbers_are_compared_by_all_their_digits() {
        for (less, more) in [
            ("9007199254740992", "9007199254740993"),
            ("0.1", "0.10000000000000000001"),
            ("-0.10000000000000000001", "-0.1"),
            ("123456789012345678901234567890", "123456789012345678901234567891"),
            ("18446744073709551614", "18446744073709551615"),
            ("1e999", "1.1e999"),
            ("1e-400", "1e-399"),
            ("-1e999", "1e-999"),
            ("0", "1e-999999999999999999999"),
            ("9", "10"),
            ("-10", "-9"),
        ] {
            assert_eq!((order(less, more), order(more, less)), (Some(Ordering::Less), Some(Ordering::Greater)), "{less} {more}");
        }
        for (one, other) in
            [("1.0", "1"), ("10e-1", "+1"), ("0", "-0.0e7"), ("0.050", "5e-2"), ("1e999", "10e998"), (".5", "0.5")]
        {
            assert_eq!(order(one, other), Some(Ordering::Equal), "{one} {other}");
        }
        assert_eq!(["inf", "NaN", "x", "", "1,5", "2024-01-01"].map(|text| order(text, "1")), [None; 6]);
    }

    #[test]
    fn days_are_compared_by_the_calendar() {
        assert_eq!(order("2024-02-29", "2024-03-01"), Some(Ordering::Less));
        assert_eq!(order("2024-12-31T23:00:00Z", "2024-12-31"), Some(Ordering::Equal), "the whole day is within");
        assert_eq!(order("2024-01-01T01:00:00+02:00", "2024-01-01T00:00:00Z"), Some(Ordering::Less));
        assert_eq!(["2023-02-30", "7", "x"].map(|text| order(text, "2024-01-01")), [None; 3]);
        let bound = Bound::new("2024-01-01").unwrap();
        assert_eq!(bound.compare(Type::Date, b"+10000-01-01"), Some(Ordering::Greater));
        assert_eq!(bound.compare(Type::Timestamp, b"-0044-03-15T00:00:00Z"), Some(Ordering::Less));
        assert_eq!(bound.compare(Type::Integer, b"7"), None);
        assert_eq!(Bound::new("24:00"), None);
    }

    proptest! {
        #[test]
        fn rounding_never_turns_the_order_round(a in "-?[0-9]{1,25}(\\.[0-9]{1,25})?(e-?[0-9]{1,2})?", b in "-?[0-9]{1,25}(\\.[0-9]{1,25})?") {
            let exact = Decimal::read(a.as_bytes()).cmp(&Decimal::read(b.as_bytes()));
            let rounded = a.parse::<f64>().unwrap().partial_cmp(&b.parse().unwrap()).unwrap();
            prop_assert!(rounded == Ordering::Equal || rounded == exact);
            prop_assert_eq!(order(&a, &b), Some(exact));
            prop_assert_eq!(order(&a, &a), Some(Ordering::Equal));
        }
    }
}
