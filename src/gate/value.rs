//! A record as a JSON value, for JSON Schema.

use serde_json::{Map, Number, Value};

use crate::sample::{MAX_DEPTH, Tape, Type, type_of};

use super::numbers::Constants;
use super::record::ParsedRecord;
use super::rules::shortened;

/// Digits of the longest float as it is written.
const DIGITS: usize = 17;

/// A record as a JSON value.
#[derive(Debug)]
pub(super) struct JsonRecord {
    pub value: Value,
    /// The numbers that stand in for others, or for many digits, and what is written for those.
    pub texts: Vec<(Number, String)>,
}

/// Reads a record as a JSON value, to be held against a schema with these numbers; the error says why it is none that
/// can be. `None` for what has no fields.
///
/// A row of CSV is an object of its columns, whose values are numbers, booleans and null where they are written like
/// them. A row of Parquet is what it is rendered as. Of a key that an object has twice the last value counts, and a
/// surrogate on its own is U+FFFD.
pub(super) fn value(record: &ParsedRecord<'_>, constants: &Constants) -> Option<Result<JsonRecord, String>> {
    let mut reader = JsonReader { constants, texts: Vec::new() };
    let value = match *record {
        ParsedRecord::Json(text, tape) => reader.token(tape, text, 0),
        ParsedRecord::Cells(_, _, cells, Some(header)) => {
            let members = header.names().iter().zip(cells);
            let members = members.map(|(name, cell)| Ok((name.clone(), reader.scalar(type_of(cell), cell)?)));
            members.collect::<Result<Map<_, _>, String>>().map(Value::from)
        }
        ParsedRecord::Row(row) => {
            let (rendering, mut tape) = (row.render(), Tape::default());
            let text = rendering.as_str().as_bytes();
            let read = tape.read(text, MAX_DEPTH).map_err(|why| why.to_string());
            read.and_then(|()| reader.token(&tape, text, 0))
        }
        _ => return None,
    };
    Some(value.map(|value| JsonRecord { value, texts: reader.texts }))
}

struct JsonReader<'a> {
    constants: &'a Constants,
    texts: Vec<(Number, String)>,
}

impl JsonReader<'_> {
    /// Returns the value with this index on a tape. Recursion is bounded by [`MAX_DEPTH`].
    fn token(&mut self, tape: &Tape, text: &[u8], index: usize) -> Result<Value, String> {
        let token = tape.token(index);
        let string = |index: usize| String::from_utf8_lossy(&tape.token(index).content(text)).into_owned();
        Ok(match token.kind {
            Type::Null => Value::Null,
            Type::Boolean => Value::Bool(token.raw(text) == b"true"),
            Type::Integer | Type::Number => self.number(&String::from_utf8_lossy(token.raw(text)))?,
            // Loops, since adapters of iterators would take more of the stack at each level.
            Type::Array => {
                let mut elements = Vec::new();
                for element in tape.elements(index) {
                    elements.push(self.token(tape, text, element)?);
                }
                elements.into()
            }
            Type::Object => {
                let mut members = Map::new();
                for key in tape.keys(index) {
                    members.insert(string(key), self.token(tape, text, key + 1)?);
                }
                members.into()
            }
            _ => string(index).into(),
        })
    }

    fn scalar(&mut self, kind: Type, text: &[u8]) -> Result<Value, String> {
        let lossy = String::from_utf8_lossy(text);
        Ok(match kind {
            Type::Null => Value::Null,
            Type::Boolean => Value::Bool(text.eq_ignore_ascii_case(b"true")),
            Type::Integer | Type::Number => self.number(&lossy)?,
            _ => lossy.into_owned().into(),
        })
    }

    fn number(&mut self, text: &str) -> Result<Value, String> {
        let (number, exact) = self
            .constants
            .substitute(text)
            .ok_or_else(|| format!("the number {} has too many digits to compare with the schema", shortened(text.as_bytes())))?;
        // So many digits are written otherwise, though they mean the same.
        if !exact || number.is_f64() && text.len() > DIGITS {
            self.texts.push((number.clone(), text.to_owned()));
        }
        Ok(Value::Number(number))
    }
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
        let constants = Constants::of(b"{}").unwrap();
        let value = value(&ParsedRecord::Cells(row, b','.into(), &cells, Some(&header)), &constants).unwrap().unwrap().value;
        let all = json!({"i": -7, "n": 0.5, "b": true, "t": "x", "z": "007", "none": null, "big": 1.2345678901234568e29});
        assert_eq!(value, all);
        assert!(super::value(&ParsedRecord::Cells(b"#x", b','.into(), &[], None), &constants).is_none());
    }

    fn read(text: &str) -> Result<Value, String> {
        let mut tape = Tape::default();
        tape.read(text.as_bytes(), MAX_DEPTH).unwrap();
        value(&ParsedRecord::Json(text.as_bytes(), &tape), &Constants::of(br#"{"uniqueItems":true}"#).unwrap())
            .unwrap()
            .map(|record| record.value)
    }

    #[test]
    fn json_is_read_as_it_is_compared() {
        let text = r#"{"a":[1,-2.50,true,null,"\u00e9\n",{}],"b":18446744073709551615,"a":[[],"last"],"e":1E2}"#;
        assert_eq!(read(text).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(read(r#""\ud800x""#).unwrap(), json!("\u{FFFD}\u{FFFD}\u{FFFD}x"));
        assert_eq!(read("[1e999]").unwrap_err(), "the number 1e999 has too many digits to compare with the schema");
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
