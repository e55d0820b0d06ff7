//! `pii`: no text holds personal data. Messages never quote what was found.

use super::RecordRule;
use crate::error::Result;
use crate::gate::field::FieldSelector;
use crate::gate::pii::Patterns;
use crate::gate::record::{ParsedRecord, Requirement};
use crate::gate::strings::{TextMatch, search, search_value};

/// Finds personal data in these fields, and all that lies in them; in all text where none is given.
pub(in crate::gate) struct PiiRule {
    patterns: Patterns,
    fields: Vec<FieldSelector>,
}

impl PiiRule {
    /// The names of the built-in patterns, the team's own by name, and the fields.
    pub fn new(find: &[String], patterns: &[(String, String)], fields: &[String]) -> Result<PiiRule> {
        Ok(PiiRule { patterns: Patterns::new(find, patterns)?, fields: FieldSelector::all(fields)? })
    }

    fn search(&self, record: &ParsedRecord<'_>) -> Option<TextMatch> {
        let look = |text: &[u8]| self.patterns.find(&String::from_utf8_lossy(text));
        if self.fields.is_empty() {
            return search(record, &look);
        }
        self.fields.iter().find_map(|field| {
            let mut hit = None;
            field.values(record, &mut |value| {
                if hit.is_none() {
                    hit = search_value(&value, field.name(), &look);
                }
            });
            hit
        })
    }
}

impl RecordRule for PiiRule {
    fn checks_skipped_rows(&self) -> bool {
        true
    }

    fn needs(&self) -> Requirement {
        if self.fields.is_empty() { Requirement::Bytes } else { Requirement::Fields }
    }

    fn find(&self, record: &ParsedRecord<'_>) -> Option<String> {
        let TextMatch { place, what } = self.search(record)?;
        // A key may itself be personal data.
        let place = if self.patterns.find(&place).is_some() { "the record".to_owned() } else { place };
        Some(format!("{place} contains {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{csv, json, names, said, without_fields};
    use super::*;
    use crate::sample::Header;

    fn emails(fields: &[&str]) -> PiiRule {
        PiiRule::new(&names(&["email"]), &[], &names(fields)).unwrap()
    }

    #[test]
    fn all_text_is_searched_and_nothing_quoted() {
        let rule = emails(&[]);
        let holds = |place: &str| said(&format!("{place} contains an e-mail address"));
        assert_eq!(json(&rule, r#"{"a":"mail to jane"}"#), None);
        assert_eq!(json(&rule, r#"{"a":{"b":["x","to jane\u0040example.org now"]}}"#), holds("/a/b/1"));
        assert_eq!(json(&rule, r#"{"a":{"jane@example.org":1}}"#), holds("a key of /a"));
        assert_eq!(json(&rule, r#"{"jane@example.org":{"b":"joe@example.org"}}"#), holds("a key of the record"));
        assert_eq!(json(&rule, r#"{"a":"jane@example.org""#), holds("the record"));
        assert_eq!(csv(&rule, "1,jane@example.org,3"), holds("b"));
        assert_eq!(rule.find(&ParsedRecord::Text(b"jane@example.org")), holds("the file"));
        assert_eq!(
            rule.find(&ParsedRecord::Cells(
                b"",
                b','.into(),
                &[b"joe@a.org"[..].into()],
                Some(&Header::new(names(&["jane@b.org"])))
            )),
            holds("the record")
        );
    }

    #[test]
    fn fields_are_searched_with_all_in_them() {
        let rule = emails(&["/a/*"]);
        assert_eq!(json(&rule, r#"{"b":"jane@example.org","a":["x"]}"#), None);
        assert_eq!(json(&rule, r#"{"a":[{"t":["jane@example.org"]}]}"#), said("/a/0/t/0 contains an e-mail address"));
        let rule = emails(&["c"]);
        assert_eq!(csv(&rule, "jane@example.org,,"), None);
        assert_eq!(csv(&rule, ",,jane@example.org"), said("c contains an e-mail address"));
        assert_eq!(without_fields(&rule), [None, None, None, None]);
    }
}
