//! A record as a JSON value, for JSON Schema.

use serde_json::{Map, Number, Value};

use crate::sample::{Type, type_of};

use super::record::Seen;

/// The record as a JSON value; the error says why it is none. `None` for what has no fields.
///
/// A row of CSV is an object of its columns, whose values are numbers, booleans and null where they are written like
/// them. A row of Parquet is what it is rendered as.
pub(super) fn value(seen: &Seen<'_>) -> Option<Result<Value, String>> {
    match *seen {
        Seen::Json(text, _) => Some(serde_json::from_slice(text).map_err(|why| why.to_string())),
        Seen::Cells(_, _, cells, names) if !names.is_empty() => {
            let members = names.iter().zip(cells).map(|(name, cell)| (name.clone(), scalar(type_of(cell), cell)));
            Some(Ok(members.collect::<Map<_, _>>().into()))
        }
        Seen::Row(row) => Some(serde_json::from_str(row.render().as_str()).map_err(|why| why.to_string())),
        _ => None,
    }
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
    use crate::sample::fields;

    #[test]
    fn rows_of_csv_have_types() {
        let names = ["i", "n", "b", "t", "z", "none", "big"].map(str::to_owned);
        let row = b"-7,.5,TRUE,x,007,,123456789012345678901234567890";
        let cells: Vec<_> = fields(row, b',').collect();
        let value = value(&Seen::Cells(row, b',', &cells, &names)).unwrap().unwrap();
        let all = json!({"i": -7, "n": 0.5, "b": true, "t": "x", "z": "007", "none": null, "big": 1.2345678901234568e29});
        assert_eq!(value, all);
        assert!(super::value(&Seen::Cells(b"#x", b',', &[], &[])).is_none());
    }

    #[test]
    fn what_serde_cannot_read_is_said() {
        let mut tape = crate::sample::Tape::default();
        tape.read(b"1e999", 9).unwrap();
        assert!(value(&Seen::Json(b"1e999", &tape)).unwrap().is_err());
    }
}
