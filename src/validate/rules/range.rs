//! `range`: numbers are within bounds.

use super::{List, Local, quoted};
use crate::sample::Type;
use crate::validate::field::{Field, Value};
use crate::validate::record::Seen;

/// Finds what is out of bounds, which are included, and what is no number, also where it stands as text.
pub(in crate::validate) struct Range {
    pub field: Field,
    pub min: Option<f64>,
    pub max: Option<f64>,
}

impl Local for Range {
    fn find(&self, seen: &Seen<'_>) -> Option<String> {
        let mut found = List::default();
        self.field.values(seen, &mut |value| {
            if value.is_filled()
                && let Some(what) = self.out_of_bounds(&value)
            {
                found.push(format!("{} is {what}", self.field.name()));
            }
        });
        found.findings()
    }
}

impl Range {
    fn out_of_bounds(&self, value: &Value<'_>) -> Option<String> {
        let text = value.text();
        let Some(number) = number(value.kind()?, &text) else {
            return Some(format!("{}, which is no number", quoted(&text)));
        };
        let (least, most) = (self.min.unwrap_or(f64::NEG_INFINITY), self.max.unwrap_or(f64::INFINITY));
        if number < least {
            Some(format!("{}, less than {least}", String::from_utf8_lossy(&text).trim()))
        } else if number > most {
            Some(format!("{}, more than {most}", String::from_utf8_lossy(&text).trim()))
        } else {
            None
        }
    }
}

/// The number that a value is or spells. `inf` and `nan` are none.
fn number(kind: Type, text: &[u8]) -> Option<f64> {
    let spelled = matches!(kind, Type::Integer | Type::Number | Type::String);
    let text = std::str::from_utf8(text).ok().filter(|text| spelled && text.bytes().any(|b| b.is_ascii_digit()))?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{comment, csv, json, said, without_fields};
    use super::*;

    fn range(field: &str, min: Option<f64>, max: Option<f64>) -> Range {
        Range { field: Field::new(field).unwrap(), min, max }
    }

    #[test]
    fn bounds_are_included() {
        let rule = range("/a", Some(0.0), Some(10.5));
        for text in ["0", "10.5", "1e1", "-0.0", "null", r#""7""#, r#"" 7.5 ""#] {
            assert_eq!(json(&rule, &format!(r#"{{"a":{text}}}"#)), None, "{text}");
        }
        assert_eq!(json(&rule, "{}"), None);
        assert_eq!(json(&rule, r#"{"a":-1}"#), said("/a is -1, less than 0"));
        assert_eq!(json(&rule, r#"{"a":"11"}"#), said("/a is 11, more than 10.5"));
        assert_eq!(json(&rule, r#"{"a":1e999}"#), said("/a is 1e999, more than 10.5"));
        assert_eq!(json(&range("/a", Some(1.0), None), r#"{"a":1e999}"#), None);
    }

    #[test]
    fn what_is_no_number_is_found() {
        let rule = range("/a/*", None, Some(1.0));
        assert_eq!(json(&rule, r#"{"a":["x"]}"#), said(r#"/a/* is "x", which is no number"#));
        for text in ["[[]]", "[true]", r#"["inf"]"#, r#"["NaN"]"#, r#"[""]"#, r#"["1,5"]"#] {
            assert!(json(&rule, &format!(r#"{{"a":{text}}}"#)).is_some(), "{text}");
        }
        let four = json(&rule, r#"{"a":[2,3,4,5,1]}"#);
        assert_eq!(four, said("/a/* is 2, more than 1; /a/* is 3, more than 1; /a/* is 4, more than 1; and 1 more"));
    }

    #[test]
    fn rows_of_csv() {
        let rule = range("a", Some(1.0), Some(9.0));
        assert_eq!(["007,,", "+9,,", ",,"].map(|row| csv(&rule, row)), [None, None, None]);
        assert_eq!(csv(&rule, "10,,"), said("a is 10, more than 9"));
        assert_eq!(csv(&rule, "2024-01-01,,"), said(r#"a is "2024-01-01", which is no number"#));
        assert_eq!(comment(&rule), None);
        assert_eq!(without_fields(&rule), [None, None, None, None]);
    }
}
