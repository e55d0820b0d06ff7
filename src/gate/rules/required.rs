//! `required`: fields are there and not null.

use super::{MessageList, RecordRule};
use crate::gate::field::FieldSelector;
use crate::gate::record::ParsedRecord;
use crate::sample::Type;

/// Finds records that lack one of these fields; below `*`, any of its values.
pub(in crate::gate) struct RequiredRule(pub Vec<FieldSelector>);

impl RecordRule for RequiredRule {
    fn find(&self, record: &ParsedRecord<'_>) -> Option<String> {
        let (mut missing, mut null) = (MessageList::default(), MessageList::default());
        for field in &self.0 {
            let (mut is_missing, mut is_null) = (false, false);
            field.values(record, &mut |value| match value.kind() {
                None => is_missing = true,
                Some(Type::Null) => is_null = true,
                Some(_) => {}
            });
            if is_missing {
                missing.push(field.name().to_owned());
            } else if is_null {
                null.push(field.name().to_owned());
            }
        }
        let mut all = MessageList::default();
        [missing.subjects("missing"), null.subjects("null")].into_iter().flatten().for_each(|said| all.push(said));
        all.findings()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{comment, csv, json, names, said, without_fields};
    use super::*;

    fn required(fields: &[&str]) -> RequiredRule {
        RequiredRule(FieldSelector::at_least_one(&names(fields)).unwrap())
    }

    #[test]
    fn absent_and_null_are_found() {
        let rule = required(&["/rent", "id", "/x/y"]);
        assert_eq!(json(&rule, r#"{"rent":0,"id":"","x":{"y":[]}}"#), None);
        assert_eq!(json(&rule, r#"{"x":{"y":null}}"#), said("/rent and id are missing; /x/y is null"));
        assert_eq!(json(&rule, r#"{"rent":1,"id":1,"x":7}"#), said("/x/y is missing"));
        assert_eq!(json(&rule, "[]"), said("/rent, id and /x/y are missing"));
        assert_eq!(json(&required(&["1", "2", "3", "4", "5"]), "{}"), said("1, 2, 3 and 2 more are missing"));
    }

    #[test]
    fn every_element_has_it() {
        let rule = required(&["/turns/*/role"]);
        assert_eq!(json(&rule, r#"{"turns":[{"role":"a"},{"role":"b"}]}"#), None);
        assert_eq!(json(&rule, r#"{"turns":[{"role":"a"},{}]}"#), said("/turns/*/role is missing"));
        assert_eq!(json(&rule, r#"{"turns":[]}"#), None);
        assert_eq!(json(&rule, "{}"), said("/turns/*/role is missing"));
    }

    #[test]
    fn an_empty_field_of_csv_is_null() {
        let rule = required(&["a", "/c"]);
        assert_eq!([csv(&rule, "1,2,3"), csv(&rule, " ,,\"3\""), comment(&rule)], [None, None, None]);
        assert_eq!(csv(&rule, "1,2,"), said("/c is null"));
        assert_eq!(csv(&required(&["d"]), "1,2,3"), said("d is missing"));
        assert_eq!(without_fields(&rule), [None, None, None, None]);
    }
}
