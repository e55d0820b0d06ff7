//! The rules that look at one record alone, a file a kind.
//!
//! Invariants: a rule finds at most one thing in a record, which names all that it found; a record that is none of its
//! format is a finding of `parse` and, for what its bytes hold, of `encoding` and `pii`; messages quote what is printable
//! and little of it, and those of `pii` nothing.

mod empty;
mod encoding;
mod length;
mod parse;
mod pii;
mod range;
mod required;
mod schema;
mod types;
mod values;

use crate::path::printable;

use super::field::{FieldSelector, FieldValue};
use super::record::{ParsedRecord, Requirement};

pub(super) use empty::EmptyRule;
pub(super) use encoding::EncodingRule;
pub(super) use length::{LengthRule, characters};
pub(super) use parse::ParseRule;
pub(super) use pii::PiiRule;
pub(super) use range::RangeRule;
pub(super) use required::RequiredRule;
pub(super) use schema::SchemaRule;
pub(super) use types::TypesRule;
pub(super) use values::ValuesRule;

/// A rule that looks at one record alone.
pub(super) trait RecordRule: Send + Sync {
    /// Returns the part of a record that it must be able to read to say that it found nothing.
    fn needs(&self) -> Requirement {
        Requirement::Fields
    }

    /// Returns true if it looks at rows that are no records, too: the header and comments.
    fn checks_skipped_rows(&self) -> bool {
        false
    }

    /// Says what it finds in a record, for a person; the error says why it cannot say that it found nothing.
    fn check(&self, record: &ParsedRecord<'_>) -> Result<Option<String>, String> {
        match record.unreadable(self.needs()) {
            Some(reason) => Err(reason),
            None => Ok(self.find(record)),
        }
    }

    /// Says what it finds in a record that it can read, for a person.
    fn find(&self, record: &ParsedRecord<'_>) -> Option<String>;
}

/// Most things of one kind that a message names.
const MAX_NAMED: usize = 3;
/// Most characters of a value or name from the data that a message quotes.
const MAX_QUOTED: usize = 40;

/// Things that a message lists: the first few, and how many more there are.
#[derive(Default)]
struct MessageList {
    told: Vec<String>,
    more: usize,
}

impl MessageList {
    /// Adds something, unless it has just been told.
    fn push(&mut self, thing: String) {
        if self.told.contains(&thing) {
            return;
        }
        if self.told.len() < MAX_NAMED {
            self.told.push(thing);
        } else {
            self.more += 1;
        }
    }

    /// `a; b; and 3 more`: the findings of a record.
    fn findings(self) -> Option<String> {
        let more = (self.more > 0).then(|| format!("and {} more", self.more));
        let all: Vec<String> = self.told.into_iter().chain(more).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// `a is missing`, `a, b and 3 more are missing`: the fields of a record of which the same is to be said.
    fn subjects(mut self, what: &str) -> Option<String> {
        if self.more > 0 {
            self.told.push(format!("{} more", self.more));
        }
        let last = self.told.pop()?;
        if self.told.is_empty() {
            return Some(format!("{last} is {what}"));
        }
        Some(format!("{} and {last} are {what}", self.told.join(", ")))
    }
}

/// Returns the findings of a field, by the message for each of its values.
fn field_findings(
    field: &FieldSelector,
    record: &ParsedRecord<'_>,
    mut message: impl FnMut(FieldValue<'_>) -> Option<String>,
) -> Option<String> {
    let mut findings = MessageList::default();
    field.values(record, &mut |value| message(value).into_iter().for_each(|message| findings.push(message)));
    findings.findings()
}

/// Returns the beginning of something from the data, so that a terminal can print it.
pub(super) fn shortened(text: &[u8]) -> String {
    // A character has at most four bytes.
    let start = &text[..text.len().min(MAX_QUOTED * 4 + 4)];
    let start = String::from_utf8_lossy(start);
    match start.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => format!("{}…", printable(&start[..end])),
        None => printable(&start).into_owned(),
    }
}

/// Returns a name from the data as a message has it.
pub(super) fn quotable(name: &[u8]) -> String {
    if name.is_empty() { "the field with an empty name".to_owned() } else { shortened(name) }
}

/// Returns a value from the data, in quotes.
fn quoted(value: &[u8]) -> String {
    format!("\"{}\"", shortened(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Header, MAX_DEPTH, Tape, fields};

    /// What a rule says of a text of JSON.
    pub fn json(rule: &dyn RecordRule, text: &str) -> Option<String> {
        json_bytes(rule, text.as_bytes())
    }

    /// The same, of any bytes.
    pub fn json_bytes(rule: &dyn RecordRule, text: &[u8]) -> Option<String> {
        let mut tape = Tape::default();
        match tape.read(text, MAX_DEPTH) {
            Ok(()) => rule.find(&ParsedRecord::Json(text, &tape)),
            Err(why) => rule.find(&ParsedRecord::InvalidJson(text, why)),
        }
    }

    /// What a rule says of a row under the columns `a`, `b` and `c`.
    pub fn csv(rule: &dyn RecordRule, row: &str) -> Option<String> {
        let cells: Vec<_> = fields(row.as_bytes(), b',').collect();
        rule.find(&ParsedRecord::Cells(row.as_bytes(), b','.into(), &cells, Some(&Header::new(names(&["a", "b", "c"])))))
    }

    /// What a rule says of a comment before the header.
    pub fn comment(rule: &dyn RecordRule) -> Option<String> {
        rule.find(&ParsedRecord::Cells(b"#", b','.into(), &[b"#"[..].into()], None))
    }

    /// What a rule says of what has no fields: broken JSON, a bad row, a broken file, a text.
    pub fn without_fields(rule: &dyn RecordRule) -> [Option<String>; 4] {
        let row = ParsedRecord::BadRow(b"x", b','.into(), "the record has 1 field, the header has 2", None);
        let seen = [row, ParsedRecord::Broken("no Parquet"), ParsedRecord::Text(b"text")].map(|record| rule.find(&record));
        let [row, broken, text] = seen;
        [json(rule, "{"), row, broken, text]
    }

    pub fn said(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    pub fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn list(count: usize) -> MessageList {
        let mut list = MessageList::default();
        (0..count).for_each(|n| list.push(format!("/{n}")));
        list
    }

    #[test]
    fn lists_are_short() {
        assert_eq!([0, 1, 3].map(|n| list(n).findings()), [None, said("/0"), said("/0; /1; /2")]);
        assert_eq!(list(5).findings(), said("/0; /1; /2; and 2 more"));
        assert_eq!([0, 1, 2].map(|n| list(n).subjects("no")), [None, said("/0 is no"), said("/0 and /1 are no")]);
        assert_eq!(list(5).subjects("no"), said("/0, /1, /2 and 2 more are no"));
    }

    #[test]
    fn quotes_are_short_and_printable() {
        assert_eq!(quoted("é\u{1b}[2J".as_bytes()), "\"é\\u{1b}[2J\"");
        assert_eq!(shortened("ü".repeat(41).as_bytes()), format!("{}…", "ü".repeat(40)));
        assert_eq!(shortened("😀".repeat(40).as_bytes()), "😀".repeat(40));
        assert_eq!(shortened(b"\xff"), "\u{fffd}");
    }
}
