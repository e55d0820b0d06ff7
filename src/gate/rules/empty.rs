//! `empty`: no record, or none of some fields, is empty. That a file has no records is told by whoever reads it.

use super::{MessageList, RecordRule};
use crate::gate::field::{FieldSelector, FieldValue, is_blank};
use crate::gate::record::{ParsedRecord, Requirement};

/// Finds what holds nothing but null, white space, and arrays and objects of such: one of these fields, which are empty
/// too where they are absent; the record where none is given.
pub(in crate::gate) struct EmptyRule(pub Vec<FieldSelector>);

impl RecordRule for EmptyRule {
    fn needs(&self) -> Requirement {
        if self.0.is_empty() { Requirement::Text } else { Requirement::Fields }
    }

    fn find(&self, record: &ParsedRecord<'_>) -> Option<String> {
        if self.0.is_empty() {
            return whole(record).map(str::to_owned);
        }
        let mut found = MessageList::default();
        for field in &self.0 {
            let mut is_empty = false;
            field.values(record, &mut |value| is_empty |= value.is_empty());
            if is_empty {
                found.push(field.name().to_owned());
            }
        }
        found.subjects("empty")
    }
}

fn whole(record: &ParsedRecord<'_>) -> Option<&'static str> {
    let (empty, what) = match *record {
        ParsedRecord::Json(text, tape) => (FieldValue::Json(text, tape, 0).is_empty(), "the record is empty"),
        ParsedRecord::Cells(_, _, cells, _) => (cells.iter().all(|cell| is_blank(cell)), "the record is empty"),
        ParsedRecord::Row(row) => {
            let mut values = row.values().map(|(column, kind, bytes)| FieldValue::Column(column, kind, bytes));
            (values.all(|value| value.is_empty()), "the record is empty")
        }
        ParsedRecord::Text(text) => (is_blank(text), "the file is empty"),
        _ => return None,
    };
    empty.then_some(what)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{comment, csv, json, names, said, without_fields};
    use super::*;

    #[test]
    fn records() {
        let rule = EmptyRule(vec![]);
        let empty = said("the record is empty");
        for text in ["{}", r#"{"a":null,"b":" ","c":[{}]}"#, "null", r#""""#] {
            assert_eq!(json(&rule, text), empty, "{text}");
        }
        assert_eq!([r#"{"a":null,"b":0}"#, "false", r#"{"a":[["x"]]}"#].map(|text| json(&rule, text)), [None, None, None]);
        assert_eq!([csv(&rule, ", ,\"\""), csv(&rule, ",,0"), comment(&rule)], [empty, None, None]);
        assert_eq!(without_fields(&rule), [None, None, None, None]);
        assert_eq!(rule.find(&ParsedRecord::Text(b" \r\n\xc2\xa0")), said("the file is empty"));
        assert_eq!(rule.find(&ParsedRecord::Text(b"")), said("the file is empty"));
    }

    #[test]
    fn fields() {
        let rule = EmptyRule(FieldSelector::all(&names(&["a", "/b/*"])).unwrap());
        assert_eq!(json(&rule, r#"{"a":0,"b":[1,"x"]}"#), None);
        assert_eq!(json(&rule, r#"{"a":[null],"b":[1," "]}"#), said("a and /b/* are empty"));
        assert_eq!(json(&rule, r#"{"b":[]}"#), said("a is empty"));
        let rule = EmptyRule(FieldSelector::all(&names(&["a", "b"])).unwrap());
        assert_eq!(csv(&rule, " ,x,"), said("a is empty"));
        assert_eq!(comment(&rule), None);
        assert_eq!(without_fields(&rule), [None, None, None, None]);
    }
}
