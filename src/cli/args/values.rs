//! Values that mean more than their text.

use helox::VersionNumber;
use serde_json::Value;

/// Integers beyond it are not exact in the JSON of RFC 8785, whose numbers are doubles.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Returns a version number.
pub(super) fn number(text: &str) -> Result<VersionNumber, String> {
    VersionNumber::parse(text).map_err(|e| e.to_string())
}

/// `KEY=VALUE`, the value as JSON. What is not JSON, or holds an integer that would not be kept exactly, is text.
pub(super) fn metadata(text: &str) -> Result<(String, Value), String> {
    let (key, text) = pair(text)?;
    let exponents = text.contains(['e', 'E']);
    let value = serde_json::from_str(&text).ok().filter(|value| is_exact(value, exponents));
    Ok((key, value.unwrap_or(Value::String(text))))
}

/// Returns true if a value is kept as it was written. A large number is an integer unless it was written with an exponent.
fn is_exact(value: &Value, exponents: bool) -> bool {
    match value {
        Value::Number(number) => {
            let integer = number.is_i64() || number.is_u64() || !exponents;
            !integer || number.as_f64().is_some_and(|n| n.abs() < EXACT)
        }
        Value::Array(items) => items.iter().all(|item| is_exact(item, exponents)),
        Value::Object(members) => members.values().all(|member| is_exact(member, exponents)),
        _ => true,
    }
}

/// `KEY=VALUE`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

/// `KEY=NUMBER`, the number finite.
pub(super) fn metric(text: &str) -> Result<(String, f64), String> {
    let (key, value) = pair(text).map_err(|_| "expected KEY=NUMBER".to_owned())?;
    match value.trim().parse::<f64>() {
        Ok(number) if number.is_finite() => Ok((key, number)),
        _ => Err(format!("'{value}' is not a finite number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_json_where_it_can_be() {
        let value = |text: &str| metadata(&format!("key={text}")).unwrap().1;
        assert_eq!(value("3"), Value::from(3));
        assert_eq!(value("[1,\"a\"]"), serde_json::json!([1, "a"]));
        assert_eq!(value("{\"a\":{\"b\":null}}"), serde_json::json!({ "a": { "b": null } }));
        assert_eq!(value("\"1.10\""), Value::from("1.10"));
        assert_eq!(value("true"), Value::from(true));
        for text in ["", "text", "007", "{\"a\":1", "[1,2", "\"open", "{a: 1}", "truely", "1.2.3", "-", "a=b", "NaN", "1e999"] {
            assert_eq!(value(text), Value::from(text), "{text}");
        }
        assert!(metadata("=3").is_err() && metadata("key").is_err());
    }

    #[test]
    fn metrics_are_finite_numbers() {
        assert_eq!(metric("loss=-3.1e-1"), Ok(("loss".to_owned(), -0.31)));
        for text in ["loss", "=1", "loss=", "loss=low", "loss=NaN", "loss=inf", "loss=1e999", "loss=0,3"] {
            assert!(metric(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_digit_of_an_integer_is_lost() {
        let value = |text: &str| metadata(&format!("key={text}")).unwrap().1;
        assert_eq!(value("9007199254740991"), Value::from(9_007_199_254_740_991_u64));
        assert_eq!(value("1e300"), Value::from(1e300));
        for text in ["9007199254740993", "-9007199254740993", "20240101123456789012345", "{\"a\":[9007199254740993]}"] {
            assert_eq!(value(text), Value::from(text), "{text}");
        }
    }
}
