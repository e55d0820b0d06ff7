//! `schema`: every record fits a JSON Schema.

use super::Local;
use crate::path::printable;
use crate::validate::record::Seen;
use crate::validate::schema::Schema;
use crate::validate::value::value;

/// Finds records that do not fit.
pub(in crate::validate) struct Schemas(pub Schema);

impl Local for Schemas {
    fn find(&self, seen: &Seen<'_>) -> Option<String> {
        match value(seen)? {
            Ok(value) => self.0.check(&value).map(|what| printable(&what).into_owned()),
            Err(why) => Some(format!("the record cannot be compared with its schema: {why}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{comment, csv, json, without_fields};
    use super::*;

    #[test]
    fn records_fit_their_schema() {
        let schema = br#"{"required":["a"],"properties":{"a":{"type":"integer"}}}"#;
        let rule = Schemas(Schema::new("s.json", schema, false).unwrap());
        assert_eq!([json(&rule, r#"{"a":1}"#), csv(&rule, "1,2,3"), comment(&rule)], [None, None, None]);
        assert!(json(&rule, r#"{"a":"1"}"#).is_some_and(|what| what.contains("/a")));
        assert!(json(&rule, "{}").is_some() && csv(&rule, "x,2,3").is_some());
        assert!(json(&rule, "1e999").is_some_and(|what| what.contains("cannot be compared")));
        assert_eq!(without_fields(&rule), [None, None, None, None]);
    }
}
