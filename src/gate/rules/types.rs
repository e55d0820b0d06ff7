//! `types`: a field that is there is of one of some types.
//!
//! A number may be an integer, where numbers are asked for. What is written as text takes the type that it spells: a
//! field of CSV is a string whatever it spells, and a string of JSON may be a date or a timestamp.

use super::{MessageList, RecordRule};
use crate::error::Result;
use crate::gate::field::{FieldSelector, FieldValue};
use crate::gate::record::ParsedRecord;
use crate::sample::{Type, type_of};

/// Finds fields of other types.
pub(in crate::gate) struct TypesRule(Vec<(FieldSelector, Vec<Type>)>);

impl TypesRule {
    /// For each field, what it may be.
    pub fn new(fields: &[(String, Vec<Type>)]) -> Result<TypesRule> {
        Ok(TypesRule(fields.iter().map(|(name, types)| Ok((FieldSelector::new(name)?, types.clone()))).collect::<Result<_>>()?))
    }
}

impl RecordRule for TypesRule {
    fn find(&self, record: &ParsedRecord<'_>) -> Option<String> {
        let mut found = MessageList::default();
        for (field, types) in &self.0 {
            field.values(record, &mut |value| {
                if let Some(kind) = value.kind()
                    && !types.iter().any(|wanted| fits(&value, kind, *wanted))
                {
                    let wanted: Vec<_> = types.iter().map(|wanted| wanted.as_str()).collect();
                    found.push(format!("{} has the type {}, not {}", field.name(), kind.as_str(), wanted.join(" or ")));
                }
            });
        }
        found.findings()
    }
}

fn fits(value: &FieldValue<'_>, kind: Type, wanted: Type) -> bool {
    match (wanted, kind) {
        (Type::Number, Type::Integer) => true,
        (Type::String, kind) if kind != Type::Null && matches!(value, FieldValue::Cell(_)) => true,
        (Type::Date | Type::Timestamp, Type::String) => type_of(&value.text()) == wanted,
        _ => wanted == kind,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{comment, csv, json, said, without_fields};
    use super::*;

    fn types(fields: &[(&str, &[Type])]) -> TypesRule {
        let fields: Vec<_> = fields.iter().map(|&(name, types)| (name.to_owned(), types.to_vec())).collect();
        TypesRule::new(&fields).unwrap()
    }

    #[test]
    fn what_is_there_has_a_type() {
        let rule = types(&[("/a", &[Type::Number, Type::Null]), ("/b", &[Type::String]), ("/c/*", &[Type::Integer])]);
        assert_eq!(json(&rule, r#"{"a":1,"b":"","c":[1,2]}"#), None);
        assert_eq!(json(&rule, r#"{"a":null,"c":[]}"#), None);
        assert_eq!(json(&rule, "{}"), None);
        let found = said("/a has the type string, not number or null; /b has the type null, not string");
        assert_eq!(json(&rule, r#"{"a":"1","b":null}"#), found);
        assert_eq!(json(&rule, r#"{"c":[1,1.0,2.0]}"#), said("/c/* has the type number, not integer"));
    }

    #[test]
    fn a_field_of_csv_is_what_it_spells() {
        let rule = types(&[("a", &[Type::String]), ("b", &[Type::Number]), ("c", &[Type::Date, Type::Null])]);
        assert_eq!([csv(&rule, "12345,7,2024-01-31"), csv(&rule, "x,.5,"), comment(&rule)], [None, None, None]);
        let found = said("a has the type null, not string; b has the type string, not number");
        assert_eq!(csv(&rule, ",x,"), found);
        assert_eq!(without_fields(&rule), [None, None, None, None]);
    }

    #[test]
    fn a_string_of_json_may_be_a_day() {
        let rule = types(&[("d", &[Type::Date]), ("t", &[Type::Timestamp])]);
        assert_eq!(json(&rule, r#"{"d":"2024-01-31","t":"2024-01-31T10:00:00Z"}"#), None);
        assert_eq!(json(&rule, r#"{"d":"31.1.2024"}"#), said("d has the type string, not date"));
    }
}
