//! `length`: a text is so long.

use super::{RecordRule, field_findings};
use crate::gate::field::{FieldSelector, FieldValue};
use crate::gate::record::{ParsedRecord, Requirement};
use crate::gate::spec::LengthUnit;
use crate::sample::Type;

/// Finds texts that are too short or too long: the strings of a field, or the record as it stands, a row of Parquet as
/// JSON.
pub(in crate::gate) struct LengthRule {
    pub field: Option<FieldSelector>,
    pub min: Option<u64>,
    pub max: Option<u64>,
    pub unit: LengthUnit,
}

impl RecordRule for LengthRule {
    fn needs(&self) -> Requirement {
        if self.field.is_none() { Requirement::Text } else { Requirement::Fields }
    }

    fn find(&self, record: &ParsedRecord<'_>) -> Option<String> {
        let Some(field) = &self.field else {
            return match *record {
                ParsedRecord::Json(text, _) | ParsedRecord::Cells(text, ..) => self.unfit("the record", text),
                ParsedRecord::Text(text) => self.unfit("the file", text),
                ParsedRecord::Row(row) => self.unfit("the record", row.render().as_str().as_bytes()),
                _ => None,
            };
        };
        field_findings(field, record, |value| {
            let is_text = match value {
                FieldValue::Cell(cell) => !cell.is_empty(),
                value => value.kind() == Some(Type::String),
            };
            if is_text { self.unfit(field.name(), &value.text()) } else { None }
        })
    }
}

impl LengthRule {
    fn unfit(&self, name: &str, text: &[u8]) -> Option<String> {
        let (length, unit) = match self.unit {
            LengthUnit::Characters => (characters(text), "character"),
            LengthUnit::Words => (words(text), "word"),
        };
        let (than, bound) = match (self.min, self.max) {
            (Some(min), _) if length < min => ("fewer", min),
            (_, Some(max)) if length > max => ("more", max),
            _ => return None,
        };
        let plural = if length == 1 { "" } else { "s" };
        Some(format!("{name} has {length} {unit}{plural}, {than} than {bound}"))
    }
}

/// Returns the number of Unicode scalar values in UTF-8; a lone surrogate counts as one.
pub(in crate::gate) fn characters(text: &[u8]) -> u64 {
    // All bytes but those that go on with a character, in blocks whose count fits a byte: a register holds many then.
    let block = |block: &[u8]| block.iter().fold(0u8, |n, &b| n + u8::from(b.cast_signed() >= -0x40));
    text.chunks(192).map(|bytes| u64::from(block(bytes))).sum()
}

/// Returns the number of runs of what is not white space.
fn words(text: &[u8]) -> u64 {
    String::from_utf8_lossy(text).split_whitespace().count() as u64
}

#[cfg(test)]
mod tests {
    use super::super::tests::{comment, csv, json, json_bytes, said, without_fields};
    use super::*;

    fn length(field: Option<&str>, min: Option<u64>, max: Option<u64>, unit: LengthUnit) -> LengthRule {
        LengthRule { field: field.map(|field| FieldSelector::new(field).unwrap()), min, max, unit }
    }

    #[test]
    fn characters_and_words_are_counted_decoded() {
        let rule = length(Some("/a"), Some(2), Some(3), LengthUnit::Characters);
        assert_eq!(json(&rule, r#"{"a":"é\u00e9\n"}"#), None);
        assert_eq!(json(&rule, r#"{"a":"😀"}"#), said("/a has 1 character, fewer than 2"));
        assert_eq!(characters("aé".repeat(1_000).as_bytes()), 2_000);
        assert_eq!(json(&rule, r#"{"a":"\ud83d\ude00\u0000ab"}"#), said("/a has 4 characters, more than 3"));
        assert_eq!(["{}", r#"{"a":null}"#, r#"{"a":7}"#].map(|text| json(&rule, text)), [None, None, None]);
        let rule = length(Some("/a/*"), None, Some(2), LengthUnit::Words);
        assert_eq!(json(&rule, r#"{"a":[" one \n two ",""]}"#), None);
        assert_eq!(json(&rule, r#"{"a":["a b c","d e f","x"]}"#), said("/a/* has 3 words, more than 2"));
    }

    #[test]
    fn without_a_field_it_is_the_record() {
        let rule = length(None, Some(9), None, LengthUnit::Characters);
        assert_eq!(json(&rule, r#"{"a":"ü"}"#), None);
        assert_eq!(json(&rule, r#"{"a": 1}"#), said("the record has 8 characters, fewer than 9"));
        assert_eq!(csv(&rule, "1,2,3"), said("the record has 5 characters, fewer than 9"));
        assert_eq!(without_fields(&rule), [None, None, None, said("the file has 4 characters, fewer than 9")]);
        assert_eq!(json_bytes(&rule, b"\xff"), None);
    }

    #[test]
    fn rows_of_csv() {
        let rule = length(Some("b"), Some(2), None, LengthUnit::Characters);
        assert_eq!(["1,22,3", "1,,3", "1,\"2,\",3"].map(|row| csv(&rule, row)), [None, None, None]);
        assert_eq!(csv(&rule, "1,2,3"), said("b has 1 character, fewer than 2"));
        assert_eq!(comment(&rule), None);
        assert_eq!(without_fields(&rule), [None, None, None, None]);
    }
}
