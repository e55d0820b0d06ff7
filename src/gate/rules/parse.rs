//! `parse`: every record is one of its format.

use super::RecordRule;
use crate::gate::record::{ParsedRecord, Requirement};
use crate::sample::{duplicate_key, escaped};

/// Finds what is none.
pub(in crate::gate) struct ParseRule;

impl RecordRule for ParseRule {
    fn needs(&self) -> Requirement {
        Requirement::Form
    }

    fn find(&self, record: &ParsedRecord<'_>) -> Option<String> {
        match record {
            ParsedRecord::InvalidJson(_, why) => Some(format!("invalid JSON: {why}")),
            ParsedRecord::Json(text, tape) => {
                let key = duplicate_key(tape, text)?;
                Some(format!("duplicate key \"{}\" in an object", escaped(&key)))
            }
            ParsedRecord::BadRow(_, _, why, _) | ParsedRecord::Broken(why) => Some((*why).to_owned()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{comment, csv, json, json_bytes, said, without_fields};
    use super::*;

    #[test]
    fn what_is_none_of_its_format() {
        assert_eq!(json(&ParseRule, r#"{"a":1}"#), None);
        assert_eq!(json(&ParseRule, r#"{"a":01}"#), said("invalid JSON: byte 6: a number has a leading zero"));
        assert!(json_bytes(&ParseRule, b"\"\xff\"").is_some());
        let twice = said("duplicate key \"label\" in an object");
        assert_eq!(json(&ParseRule, r#"{"label":1,"x":{"label":1},"l\u0061bel":2}"#), twice);
        assert_eq!(json(&ParseRule, r#"[{"a":{"b":1,"b":1}}]"#), said("duplicate key \"b\" in an object"));
        assert_eq!(json(&ParseRule, r#"[{"a":1},{"a":1}]"#), None);
        let many: Vec<String> = (0..40).map(|n| format!("\"k{}\":{n}", n % 39)).collect();
        assert_eq!(json(&ParseRule, &format!("{{{}}}", many.join(","))), said("duplicate key \"k0\" in an object"));
        assert_eq!([csv(&ParseRule, "1,2,3"), comment(&ParseRule)], [None, None]);
        let [_, row, broken, text] = without_fields(&ParseRule);
        assert_eq!([row, broken, text], [said("the record has 1 field, the header has 2"), said("no Parquet"), None]);
    }
}
