//! `range`: numbers, days and points in time are within bounds.

use std::cmp::Ordering;

use super::{RecordRule, field_findings, quoted, shortened};
use crate::gate::bound::Bound;
use crate::gate::field::FieldSelector;
use crate::gate::record::ParsedRecord;
use crate::sample::Type;

/// Finds what is out of bounds, which are included, and what is nothing that has an order with them, also where it
/// stands as text.
pub(in crate::gate) struct RangeRule {
    pub field: FieldSelector,
    pub min: Option<Bound>,
    pub max: Option<Bound>,
}

impl RecordRule for RangeRule {
    fn find(&self, record: &ParsedRecord<'_>) -> Option<String> {
        field_findings(&self.field, record, |value| {
            let kind = value.kind().filter(|kind| *kind != Type::Null)?;
            Some(format!("{} is {}", self.field.name(), self.out_of_bounds(kind, &value.text())?))
        })
    }
}

impl RangeRule {
    fn out_of_bounds(&self, kind: Type, text: &[u8]) -> Option<String> {
        for (bound, beyond, word) in [(&self.min, Ordering::Less, "less"), (&self.max, Ordering::Greater, "more")] {
            let Some(bound) = bound else { continue };
            match (bound.compare(kind, text), bound) {
                (None, _) => return Some(format!("{}, not a {}", quoted(text), bound.noun())),
                (Some(order), _) if order != beyond => {}
                (_, Bound::Number(..)) => return Some(format!("{}, {word} than {bound}", shortened(text.trim_ascii()))),
                (_, Bound::Instant(_)) => {
                    let word = if beyond == Ordering::Less { "before" } else { "after" };
                    return Some(format!("{}, {word} {bound}", shortened(text.trim_ascii())));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{comment, csv, json, said, without_fields};
    use super::*;

    fn range(field: &str, min: Option<&str>, max: Option<&str>) -> RangeRule {
        let bound = |bound: &str| Bound::new(bound).unwrap();
        RangeRule { field: FieldSelector::new(field).unwrap(), min: min.map(bound), max: max.map(bound) }
    }

    #[test]
    fn bounds_are_included() {
        let rule = range("/a", Some("0"), Some("10.5"));
        for text in ["0", "10.5", "1e1", "-0.0", "null", r#""7""#, r#"" 7.5 ""#] {
            assert_eq!(json(&rule, &format!(r#"{{"a":{text}}}"#)), None, "{text}");
        }
        assert_eq!(json(&rule, "{}"), None);
        assert_eq!(json(&rule, r#"{"a":-1}"#), said("/a is -1, less than 0"));
        assert_eq!(json(&rule, r#"{"a":"11"}"#), said("/a is 11, more than 10.5"));
        assert_eq!(json(&rule, r#"{"a":1e999}"#), said("/a is 1e999, more than 10.5"));
        assert_eq!(json(&range("/a", Some("1"), None), r#"{"a":1e999}"#), None);
    }

    #[test]
    fn what_is_no_number_is_found() {
        let rule = range("/a/*", None, Some("1"));
        assert_eq!(json(&rule, r#"{"a":["x"]}"#), said(r#"/a/* is "x", not a number"#));
        for text in ["[[]]", "[true]", r#"["inf"]"#, r#"["NaN"]"#, r#"[""]"#, r#"["1,5"]"#] {
            assert!(json(&rule, &format!(r#"{{"a":{text}}}"#)).is_some(), "{text}");
        }
        let four = json(&rule, r#"{"a":[2,3,4,5,1]}"#);
        assert_eq!(four, said("/a/* is 2, more than 1; /a/* is 3, more than 1; /a/* is 4, more than 1; and 1 more"));
    }

    #[test]
    fn rows_of_csv() {
        let rule = range("a", Some("1"), Some("9"));
        assert_eq!(["007,,", "+9,,", ",,"].map(|row| csv(&rule, row)), [None, None, None]);
        assert_eq!(csv(&rule, "10,,"), said("a is 10, more than 9"));
        assert_eq!(csv(&rule, "2024-01-01,,"), said(r#"a is "2024-01-01", not a number"#));
        assert_eq!(comment(&rule), None);
        assert_eq!(without_fields(&rule), [None, None, None, None]);
    }

    #[test]
    fn days_and_points_in_time() {
        let rule = range("/d", Some("2020-01-01"), Some("2024-12-31"));
        for text in ["2020-01-01", "2024-12-31T23:59:59Z", "2024-02-29 10:00"] {
            assert_eq!(json(&rule, &format!(r#"{{"d":"{text}"}}"#)), None, "{text}");
        }
        assert_eq!(json(&rule, r#"{"d":"2019-12-31"}"#), said("/d is 2019-12-31, before 2020-01-01"));
        assert_eq!(json(&rule, r#"{"d":"2025-01-01T00:00:00Z"}"#), said("/d is 2025-01-01T00:00:00Z, after 2024-12-31"));
        assert_eq!(json(&rule, r#"{"d":"2023-02-30"}"#), said(r#"/d is "2023-02-30", not a day or point in time"#));
        assert_eq!(json(&rule, r#"{"d":7}"#), said(r#"/d is "7", not a day or point in time"#));
        let rule = range("a", Some("2020-01-01"), None);
        assert_eq!(csv(&rule, "2019-12-31,,"), said("a is 2019-12-31, before 2020-01-01"));
        assert_eq!([csv(&rule, "2020-06-01,,"), csv(&rule, ",,")], [None, None]);
    }
}
