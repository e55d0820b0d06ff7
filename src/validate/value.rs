//! A record as a JSON value, for JSON Schema.

use serde_json::{Map, Number, Value};

use crate::sample::{MAX_DEPTH, Tape, Type, type_of};

use super::record::Seen;
use super::rules::shortened;

/// The record as a JSON value; the error says why it is none. `None` for what has no fields.
///
/// A row of CSV is an object of its columns, whose values are numbers, booleans and null where they are written like
/// them. A row of Parquet is what it is rendered as. Of a key that an object has twice the last value counts, and a
/// surrogate on its own is U+FFFD.
pub(super) fn value(seen: &Seen<'_>) -> Option<Result<Value, String>> {
    match *seen {
        Seen::Json(text, tape) => Some(of_token(tape, text, 0)),
        Seen::Cells(_, _, cells, Some(header)) => {
            let members = header.names().iter().zip(cells).map(|(name, cell)| (name.clone(), scalar(type_of(cell), cell)));
            Some(Ok(members.collect::<Map<_, _>>().into()))
        }
        Seen::Row(row) => {
            let (rendering, mut tape) = (row.render(), Tape::default());
            let text = rendering.as_str().as_bytes();
            let read = tape.read(text, MAX_DEPTH).map_err(|why| why.to_string());
            Some(read.and_then(|()| of_token(&tape, text, 0)))
        }
        _ => None,
    }
}

/// The value with this index on a tape. Recursion is bounded by [`MAX_DEPTH`].
fn of_token(tape: &Tape, text: &[u8], index: usize) -> Result<Value, String> {
    let token = tape.token(index);
    let string = |index: usize| String::from_utf8_lossy(&tape.token(index).content(text)).into_owned();
    Ok(match token.kind {
        Type::Null => Value::Null,
        Type::Boolean => Value::Bool(token.raw(text) == b"true"),
        Type::Integer | Type::Number => {
            let digits = String::from_utf8_lossy(token.raw(text));
            let beyond = || format!("the number {} is beyond those of 64 bits", shortened(digits.as_bytes()));
            Value::Number(number(&digits).ok_or_else(beyond)?)
        }
        Type::Array => tape.elements(index).map(|element| of_token(tape, text, element)).collect::<Result<_, _>>()?,
        Type::Object => {
            let member = |key| Ok((string(key), of_token(tape, text, key + 1)?));
            tape.keys(index).map(member).collect::<Result<Map<_, _>, String>>()?.into()
        }
        _ => string(index).into(),
    })
}

fn scalar(kind: Type, text: &[u8]) -> Value {
    let lossy = String::from_utf8_lossy(text);
    match kind {
        Type::Null => Value::Null,
        Type::Boolean => Value::Bool(text.eq_ignore_ascii_case(b"true")),
        Type::Integer | Type::Number => number(&lossy).map_or_else(|| lossy.into_owned().into(), Value::Number),
        _ => lossy.into_owned().into(),
    }
}

fn number(text: &str) -> Option<Number> {
    let whole = text.parse::<i64>().ok().map(Number::from).or_else(|| text.parse::<u64>().ok().map(Number::from));
    whole.or_else(|| Number::from_f64(text.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sample::{Header, fields};

    #[test]
    fn rows_of_csv_have_types() {
        let header = Header::new(["i", "n", "b", "t", "z", "none", "big"].map(str::to_owned).to_vec());
        let row = b"-7,.5,TRUE,x,007,,123456789012345678901234567890";
        let cells: Vec<_> = fields(row, b',').collect();
        let value = value(&Seen::Cells(row, b','.into(), &cells, Some(&header))).unwrap().unwrap();
        let all = json!({"i": -7, "n": 0.5, "b": true, "t": "x", "z": "007", "none": null, "big": 1.2345678901234568e29});
        assert_eq!(value, all);
        assert!(super::value(&Seen::Cells(b"#x", b','.into(), &[], None)).is_none());
    }

    fn read(text: &str) -> Result<Value, String> {
        let mut tape = Tape::default();
        tape.read(text.as_bytes(), MAX_DEPTH).unwrap();
        value(&Seen::Json(text.as_bytes(), &tape)).unwrap()
    }

    #[test]
    fn json_is_read_as_it_is_compared() {
        let text = r#"{"a":[1,-2.50,true,null,"\u00e9\n",{}],"b":18446744073709551615,"a":[[],"last"],"e":1E2}"#;
        assert_eq!(read(text).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(read(r#""\ud800x""#).unwrap(), json!("\u{FFFD}\u{FFFD}\u{FFFD}x"));
        assert_eq!(read("[1e999]").unwrap_err(), "the number 1e999 is beyond those of 64 bits");
    }

    #[test]
    fn nesting_is_no_fault_of_a_record() {
        let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
        let mut value = &read(&deep).unwrap();
        let mut depth = 0;
        while let Some(inner) = value.get(0) {
            (value, depth) = (inner, depth + 1);
        }
        assert_eq!(depth, 499);
    }
}
