//! `encoding`: text is UTF-8 without control characters and marks of text that was lost.

use super::RecordRule;
use crate::gate::encoding::check_bytes;
use crate::gate::record::{ParsedRecord, Requirement};
use crate::gate::strings::search;

/// Finds other text, in everything that a record holds.
pub(in crate::gate) struct EncodingRule;

impl RecordRule for EncodingRule {
    fn checks_skipped_rows(&self) -> bool {
        true
    }

    fn needs(&self) -> Requirement {
        Requirement::Bytes
    }

    fn find(&self, record: &ParsedRecord<'_>) -> Option<String> {
        if let ParsedRecord::Json(text, _) = record
            && is_plain(text)
        {
            return None;
        }
        let hit = search(record, &check_bytes)?;
        Some(format!("{} {}", hit.place, hit.what))
    }
}

/// Returns true if JSON is ASCII without escapes and DEL. Its strings hold nothing then that they must not: control
/// characters stand in them only as escapes.
fn is_plain(text: &[u8]) -> bool {
    text.chunks(256).all(|block| block.iter().fold(true, |plain, &b| plain & (b < 0x7f) & (b != b'\\')))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{csv, json, json_bytes, said};
    use super::*;

    #[test]
    fn strings_and_keys_are_looked_at_decoded() {
        assert_eq!(json(&EncodingRule, r#"{"a":"é\n\u00e9 ok","b":[1,"\ud83d\ude00"]}"#), None);
        let bell = "contains the control character U+0007";
        assert_eq!(json(&EncodingRule, r#"{"a":{"b":["x","\u0007"]}}"#), said(&format!("/a/b/1 {bell}")));
        assert_eq!(json(&EncodingRule, r#"{"a":{"b\u0007":1}}"#), said(&format!("a key of /a {bell}")));
        assert_eq!(json(&EncodingRule, r#""\u0007""#), said(&format!("the record {bell}")));
        assert_eq!(json(&EncodingRule, "{\"a\":\"\u{7f}\"}"), said("/a contains the control character U+007F"));
        assert!(json(&EncodingRule, r#"{"a":"\u0000"}"#).is_some() && json(&EncodingRule, r#"{"a":"\ud800"}"#).is_some());
    }

    #[test]
    fn what_is_no_json_is_looked_at_as_it_stands() {
        assert_eq!(json(&EncodingRule, r#"{"a":"\u0007""#), None, "an escape is no character there");
        assert_eq!(json_bytes(&EncodingRule, b"{\"a\":\"\x07\""), said("the record contains the control character U+0007"));
        assert!(json_bytes(&EncodingRule, b"{\"a\":\"\xff\"}").is_some());
    }

    #[test]
    fn rows_and_files() {
        assert_eq!([csv(&EncodingRule, "1,é,3"), EncodingRule.find(&ParsedRecord::Text(b"a\tb\n"))], [None, None]);
        assert_eq!(csv(&EncodingRule, "1,\x07,3"), said("b contains the control character U+0007"));
        assert_eq!(csv(&EncodingRule, "1,2,3,\x07"), said("field 4 contains the control character U+0007"));
        assert_eq!(EncodingRule.find(&ParsedRecord::Text(b"a\x07")), said("the file contains the control character U+0007"));
        assert!(EncodingRule.find(&ParsedRecord::BadRow(b"a\xff", b','.into(), "", None)).is_some());
        assert_eq!(EncodingRule.find(&ParsedRecord::Broken("")), None);
    }
}
