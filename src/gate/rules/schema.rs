//! `schema`: every record fits a JSON Schema.

use super::RecordRule;
use crate::gate::record::ParsedRecord;
use crate::gate::schema::JsonSchema;
use crate::gate::value::value;
use crate::path::printable;

/// Finds records that do not fit.
pub(in crate::gate) struct SchemaRule(pub JsonSchema);

impl RecordRule for SchemaRule {
    fn check(&self, seen: &ParsedRecord<'_>) -> Result<Option<String>, String> {
        if let Some(reason) = seen.unreadable(self.needs()) {
            return Err(reason);
        }
        let Some(record) = value(seen, self.0.constants()).transpose()? else { return Ok(None) };
        Ok(self.0.check(&record).map(|what| printable(&what).into_owned()))
    }

    fn find(&self, record: &ParsedRecord<'_>) -> Option<String> {
        self.check(record).ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{comment, csv, json, without_fields};
    use super::*;
    use crate::sample::{MAX_DEPTH, Tape};

    #[test]
    fn records_fit_their_schema() {
        let schema = br#"{"required":["a"],"properties":{"a":{"type":"integer"}}}"#;
        let rule = SchemaRule(JsonSchema::new("s.json", schema, false).unwrap());
        assert_eq!([json(&rule, r#"{"a":1}"#), csv(&rule, "1,2,3"), comment(&rule)], [None, None, None]);
        assert!(json(&rule, r#"{"a":"1"}"#).is_some_and(|what| what.contains("/a")));
        assert!(json(&rule, "{}").is_some() && csv(&rule, "x,2,3").is_some());
        assert_eq!(json(&rule, r#"{"a":1,"b":1e999}"#), None);
        assert_eq!(without_fields(&rule), [None, None, None, None]);
    }

    /// What a schema says of a record.
    fn judged(schema: &str, record: &str) -> Result<Option<String>, String> {
        let mut tape = Tape::default();
        tape.read(record.as_bytes(), MAX_DEPTH).unwrap();
        SchemaRule(JsonSchema::new("s.json", schema.as_bytes(), false).unwrap())
            .check(&ParsedRecord::Json(record.as_bytes(), &tape))
    }

    #[test]
    fn numbers_beyond_64_bits_are_compared_by_all_their_digits() {
        let (less, limit, more) = ("18446744073709551614", "18446744073709551615", "18446744073709551616");
        for (schema, good, bad) in [
            (format!(r#"{{"maximum":{limit}}}"#), limit, more),
            (format!(r#"{{"exclusiveMaximum":{limit}}}"#), less, limit),
            (format!(r#"{{"minimum":{limit}}}"#), more, less),
            (format!(r#"{{"const":{limit}}}"#), limit, more),
            (format!(r#"{{"enum":[1,{limit}]}}"#), limit, more),
            (r#"{"const":0.1}"#.to_owned(), "1.0e-1", "0.10000000000000000001"),
            (r#"{"maximum":0.1}"#.to_owned(), "0.09999999999999999999999", "0.10000000000000000001"),
            (r#"{"minimum":1e300}"#.to_owned(), "1e400", "-1e400"),
            (r#"{"type":"integer"}"#.to_owned(), "123456789012345678901234567890", "1.5"),
        ] {
            assert_eq!(judged(&schema, good), Ok(None), "{schema} {good}");
            assert!(judged(&schema, bad).unwrap().is_some(), "{schema} {bad}");
        }
        let found = judged(r#"{"maximum":5}"#, "123456789012345678901").unwrap().unwrap();
        assert!(found.starts_with("123456789012345678901 is greater"), "{found}");
        let found = judged(r#"{"maximum":5}"#, "18446744073709551616").unwrap().unwrap();
        assert!(found.starts_with("18446744073709551616 is greater"), "{found}");
    }

    #[test]
    fn a_number_that_cannot_be_compared_is_unreadable() {
        for (schema, record) in [
            (r#"{"multipleOf":2}"#, "18446744073709551617"),
            (r#"{"uniqueItems":true}"#, "[18446744073709551616,18446744073709551617]"),
            (r#"{"maximum":18446744073709551617}"#, "18446744073709551616"),
        ] {
            assert!(judged(schema, record).unwrap_err().contains("too many digits"), "{schema}");
        }
    }
}
