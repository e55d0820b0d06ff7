//! Numbers of records that are held against a JSON Schema, which knows those of 64 bits only.
//!
//! Invariant: a number of a record is replaced by one of 64 bits that has the same order with every number of the schema,
//! and is whole if it is; where there is none, the record is unreadable for the rule. So no comparison is rounded.

use std::cmp::Ordering;

use serde_json::Number;

use super::decimal::{self, Decimal};
use crate::sample::{MAX_DEPTH, Tape, Type};

/// Significant digits that every float of 64 bits keeps.
const DIGITS: usize = 15;
/// Whole numbers up to this one are floats of 64 bits, and so are exact whatever is done with them.
const SAFE: u64 = 1 << 53;
/// 2^64: up to here a schema has whole numbers that are no floats.
const WHOLE: f64 = 18_446_744_073_709_551_616.0;

/// A number as it is written, and as a schema holds it.
#[derive(Debug)]
struct Constant {
    text: String,
    number: Number,
}

/// The numbers of a schema, and what it asks of those of records.
#[derive(Debug)]
pub(super) struct Constants {
    constants: Vec<Constant>,
    /// True if elements of a list are compared with each other.
    unique: bool,
    /// True if multiples are asked for; `Some(true)` if all are of whole numbers up to [`SAFE`].
    multiples: Option<bool>,
    /// True if all of its numbers are those of 64 bits.
    exact: bool,
}

impl Constants {
    /// Collects the numbers of a schema; `None` for bytes that are no JSON.
    pub fn of(schema: &[u8]) -> Option<Constants> {
        let mut tape = Tape::default();
        tape.read(schema, MAX_DEPTH).ok()?;
        let mut found = Constants { constants: Vec::new(), unique: false, multiples: None, exact: true };
        for (index, token) in tape.tokens().iter().enumerate() {
            match token.kind {
                Type::Integer | Type::Number => {
                    let text = String::from_utf8_lossy(token.raw(schema)).into_owned();
                    let number = nearest(&text)?;
                    found.exact &= is_exact(&text, &number);
                    found.constants.push(Constant { text, number });
                }
                // Also where it is a name of a property: then more records than need be are unreadable.
                Type::String if token.raw(schema) == br#""uniqueItems""# => found.unique = true,
                Type::String if token.raw(schema) == br#""multipleOf""# => {
                    let next = tape.tokens().get(index + 1).map(|next| String::from_utf8_lossy(next.raw(schema)));
                    let safe = next.is_some_and(|text| text.parse::<u64>().is_ok_and(|n| n <= SAFE));
                    found.multiples = Some(safe && found.multiples.unwrap_or(true));
                }
                _ => {}
            }
        }
        Some(found)
    }

    /// Returns the number that a schema is shown in place of this one, and whether it is the same; `None` where none will
    /// do.
    pub fn substitute(&self, text: &str) -> Option<(Number, bool)> {
        let near = nearest(text);
        let exact = near.as_ref().is_some_and(|near| is_exact(text, near));
        let is_safe = || near.as_ref().and_then(Number::as_f64).is_some_and(|n| n.abs() <= SAFE as f64);
        match self.multiples {
            Some(_) if !exact => return None,
            Some(false) if !is_safe() => return None,
            _ => {}
        }
        if exact && (self.exact || near.as_ref().is_some_and(|near| self.has_order(text, near))) {
            return near.map(|near| (near, true));
        }
        if exact || self.unique {
            return None;
        }
        let own = Decimal::read(text.as_bytes());
        let float = decimal::number(text.as_bytes())?.clamp(f64::MIN, f64::MAX);
        let fits = |float: &f64| (float.fract() == 0.0) == own.is_whole() && float.is_finite();
        let numbers = [float, float.next_up(), float.next_down()].into_iter().filter(fits).filter_map(Number::from_f64);
        numbers.into_iter().find(|number| self.has_order(text, number)).map(|number| (number, false))
    }

    /// Returns true if a number has the order with every constant that a text has with what is written for it.
    fn has_order(&self, text: &str, number: &Number) -> bool {
        let own = Decimal::read(text.as_bytes());
        self.constants.iter().all(|constant| {
            let written = own.cmp(&Decimal::read(constant.text.as_bytes()));
            compare(number, &constant.number) == Some(written)
        })
    }
}

/// Returns the number of 64 bits that is nearest to a text; `None` beyond all of them.
fn nearest(text: &str) -> Option<Number> {
    let whole = text.parse::<i64>().ok().map(Number::from).or_else(|| text.parse::<u64>().ok().map(Number::from));
    whole.or_else(|| Number::from_f64(text.parse().ok()?))
}

/// Returns true if a number is the one of a text: a whole one of 64 bits, or a float whose shortest digits mean the same;
/// among whole numbers all digits of the float.
fn is_exact(text: &str, number: &Number) -> bool {
    if !number.is_f64() {
        return true;
    }
    let own = Decimal::read(text.as_bytes());
    let Some(float) = number.as_f64() else { return false };
    let is_among_whole = (SAFE as f64..=WHOLE).contains(&float.abs());
    let is_short = own.len() <= DIGITS && (1e-290..1e290).contains(&float.abs());
    let digits = || if is_among_whole { (float as i128).to_string() } else { format!("{float:e}") };
    is_short && !is_among_whole || own.cmp(&Decimal::read(digits().as_bytes())) == Ordering::Equal
}

/// Compares two numbers as a schema does: by their values, whole ones and floats alike.
fn compare(a: &Number, b: &Number) -> Option<Ordering> {
    // The whole floats among those of less than 2^126 are numbers of 128 bits.
    let whole = |number: &Number| match number.as_f64() {
        Some(float) if number.is_f64() => (float.fract() == 0.0 && float.abs() < 2f64.powi(126)).then_some(float as i128),
        _ => number.as_i128(),
    };
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stand_in(schema: &str, text: &str) -> Option<Number> {
        Constants::of(schema.as_bytes()).unwrap().substitute(text).map(|(number, _)| number)
    }

    #[test]
    fn numbers_of_64_bits_are_themselves() {
        for text in ["0", "-1", "9223372036854775807", "18446744073709551615", "0.1", "0.30000000000000004", "1e300", "5e-324"] {
            for schema in ["{}", r#"{"multipleOf":0.01}"#, r#"{"uniqueItems":true,"maximum":18446744073709551615}"#] {
                let safe = !schema.contains("multipleOf") || text.parse::<f64>().unwrap() <= SAFE as f64;
                assert_eq!(stand_in(schema, text), safe.then(|| nearest(text).unwrap()), "{text} {schema}");
            }
        }
        assert!(stand_in(r#"{"multipleOf":10}"#, "18446744073709551610").is_some());
    }

    #[test]
    fn where_the_order_cannot_be_kept_there_is_none() {
        assert_eq!(stand_in(r#"{"multipleOf":2}"#, "18446744073709551617"), None);
        assert_eq!(stand_in(r#"{"uniqueItems":true}"#, "18446744073709551617"), None);
        assert_eq!(stand_in(r#"{"enum":[18446744073709551616,18446744073709555712]}"#, "18446744073709551617"), None);
        assert_eq!(stand_in(r#"{"maximum":18446744073709551617}"#, "18446744073709551616"), None);
        assert_eq!(stand_in("{}", "12345678901234567.5"), None, "it would be whole");
        assert!(stand_in("{}", "1e400").is_some_and(|number| number.as_f64() == Some(f64::MAX)));
        assert!(stand_in(r#"{"exclusiveMinimum":0}"#, "1e-400").is_some_and(|number| number.as_f64() > Some(0.0)));
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_the_digits(
            text in "-?(0|[1-9][0-9]{0,22})(\\.[0-9]{1,20})?(e-?[0-9]{1,3})?",
            constant in "-?(0|[1-9][0-9]{14,22})(\\.[0-9]{1,3})?",
            near in -3i128..4,
        ) {
            let beside = constant.parse::<i128>().map_or(constant.clone(), |n| (n + near).to_string());
            for text in [text, beside] {
                let schema = format!(r#"{{"const":{constant}}}"#);
                let Some(number) = stand_in(&schema, &text) else { continue };
                let written = Decimal::read(text.as_bytes()).cmp(&Decimal::read(constant.as_bytes()));
                prop_assert_eq!(compare(&number, &nearest(&constant).unwrap()), Some(written), "{} {}", text, constant);
            }
        }
    }
}
