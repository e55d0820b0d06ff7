//! `values`: a field is one of some values.
//!
//! Values are compared as records are: numbers by their value, strings by their content. A field of CSV is compared by
//! its text, and so is what JSON has no values for: days, points in time and bytes of Parquet.

use std::collections::HashSet;

use serde_json::Value as Json;

use super::{RecordRule, field_findings, quoted};
use crate::error::{Error, ErrorKind, Result};
use crate::gate::field::{FieldSelector, FieldValue};
use crate::gate::record::ParsedRecord;
use crate::sample::{MAX_DEPTH, Tape, Type, put_value};

/// Finds fields with other values.
pub(in crate::gate) struct ValuesRule {
    field: FieldSelector,
    /// The canonical forms of the values.
    forms: HashSet<Vec<u8>>,
    /// The values as text.
    texts: HashSet<Vec<u8>>,
}

impl ValuesRule {
    /// The field and what it may be.
    pub fn new(field: &str, values: &[Json]) -> Result<ValuesRule> {
        let form = |value: &Json| {
            form(value.to_string().as_bytes()).ok_or_else(|| Error::new(ErrorKind::Config, "a value is nested too deeply"))
        };
        let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned).into_bytes();
        Ok(ValuesRule {
            field: FieldSelector::new(field)?,
            forms: values.iter().map(form).collect::<Result<_>>()?,
            texts: values.iter().map(text).collect(),
        })
    }

    fn contains(&self, value: &FieldValue<'_>) -> bool {
        match *value {
            FieldValue::Absent => true,
            FieldValue::Json(text, tape, index) => {
                let mut form = Vec::new();
                put_value(tape, text, index, &mut form);
                self.forms.contains(&form)
            }
            FieldValue::Column(column, kind @ (Type::Integer | Type::Number), bytes) => {
                let text = column.text(kind, bytes);
                form(&text).is_some_and(|form| self.forms.contains(&form))
            }
            FieldValue::Cell(_) | FieldValue::Column(..) => self.texts.contains(&*value.text()),
            FieldValue::Group(..) => false,
        }
    }
}

/// Returns the canonical form of a JSON text.
fn form(text: &[u8]) -> Option<Vec<u8>> {
    let mut tape = Tape::default();
    tape.read(text, MAX_DEPTH).ok()?;
    let mut form = Vec::new();
    put_value(&tape, text, 0, &mut form);
    Some(form)
}

impl RecordRule for ValuesRule {
    fn find(&self, record: &ParsedRecord<'_>) -> Option<String> {
        field_findings(&self.field, record, |value| {
            let is_allowed = !value.is_filled() || self.contains(&value);
            let message = || format!("{} is {}, which is not an allowed value", self.field.name(), quoted(&value.text()));
            (!is_allowed).then(message)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json as value;

    use super::super::tests::{comment, csv, json, said, without_fields};
    use super::*;

    #[test]
    fn values_are_compared_as_json() {
        let rule = ValuesRule::new("/a", &[value!("x"), value!(10), value!({"p": 1, "q": 2}), value!(true)]).unwrap();
        for text in [r#""\u0078""#, "10", "1e1", "10.0", r#"{"q":2,"p":1}"#, "true", "null"] {
            assert_eq!(json(&rule, &format!(r#"{{"a":{text}}}"#)), None, "{text}");
        }
        assert_eq!(json(&rule, "{}"), None);
        assert_eq!(json(&rule, r#"{"a":"10"}"#), said(r#"/a is "10", which is not an allowed value"#));
        assert_eq!(json(&rule, r#"{"a":["x"]}"#), said(r#"/a is "["x"]", which is not an allowed value"#));
        assert!(json(&rule, r#"{"a":false}"#).is_some() && json(&rule, r#"{"a":"X"}"#).is_some());
    }

    #[test]
    fn every_element_is_compared() {
        let rule = ValuesRule::new("/l/*", &[value!("x"), value!("y")]).unwrap();
        assert_eq!(json(&rule, r#"{"l":["x","y","x"]}"#), None);
        let found = said(r#"/l/* is "p", which is not an allowed value; /l/* is "q", which is not an allowed value"#);
        assert_eq!(json(&rule, r#"{"l":["p","x","q","p"]}"#), found);
    }

    #[test]
    fn fields_of_csv_are_compared_as_text() {
        let rule = ValuesRule::new("b", &[value!("x"), value!(10), value!(true)]).unwrap();
        assert_eq!(["1,x,", "1,10,", "1,true,", "1,,"].map(|row| csv(&rule, row)), [None, None, None, None]);
        assert_eq!(csv(&rule, "1,10.0,"), said(r#"b is "10.0", which is not an allowed value"#));
        assert_eq!(comment(&rule), None);
        assert_eq!(without_fields(&rule), [None, None, None, None]);
    }
}
