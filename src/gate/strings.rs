//! Every text of a record, for the rules that look for something in all of it.

use crate::sample::Type;

use super::field::FieldValue;
use super::record::ParsedRecord;
use super::rules::{quotable, shortened};

/// Says what a text holds, if anything.
pub(super) type TextSearch<'l> = &'l dyn Fn(&[u8]) -> Option<String>;

/// The place of a text, as the subject of a sentence, and the result of the search in it.
pub(super) struct TextMatch {
    pub place: String,
    pub what: String,
}

/// Returns the first text of a record of which something is said: strings of JSON and their keys, decoded; fields of CSV;
/// strings of Parquet; a whole text; and what could not be read, as it stands.
pub(super) fn search(record: &ParsedRecord<'_>, look: TextSearch<'_>) -> Option<TextMatch> {
    let whole = |bytes: &[u8], place: &str| look(bytes).map(|what| TextMatch { place: place.to_owned(), what });
    match *record {
        ParsedRecord::Json(text, tape) => search_value(&FieldValue::Json(text, tape, 0), "", look),
        ParsedRecord::InvalidJson(bytes, _) | ParsedRecord::BadRow(bytes, ..) => whole(bytes, "the record"),
        ParsedRecord::Text(bytes) => whole(bytes, "the file"),
        ParsedRecord::Binary(..) | ParsedRecord::Opaque(_) | ParsedRecord::Broken(_) => None,
        ParsedRecord::Cells(_, _, cells, header) => cells.iter().enumerate().find_map(|(at, cell)| {
            let what = look(cell)?;
            let place = header
                .and_then(|header| header.names().get(at))
                .map_or_else(|| format!("field {}", at + 1), |name| quotable(name.as_bytes()));
            Some(TextMatch { place, what })
        }),
        ParsedRecord::Row(row) => {
            let mut texts = row.values().filter(|(_, kind, _)| *kind == Type::String);
            texts.find_map(|(column, _, bytes)| Some(TextMatch { what: look(bytes)?, place: quotable(column.path.as_bytes()) }))
        }
    }
}

/// Returns the first text within a value of which something is said. What has no place of its own in the record is called
/// `name`.
pub(super) fn search_value(value: &FieldValue<'_>, name: &str, look: TextSearch<'_>) -> Option<TextMatch> {
    if let &FieldValue::Json(text, tape, index) = value {
        let end = tape.token(index).next as usize;
        return (index..end).filter(|&at| tape.token(at).kind == Type::String).find_map(|at| {
            let what = look(&tape.token(at).content(text))?;
            let (pointer, is_value) = tape.place(text, at);
            let pointer = if pointer.is_empty() { "the record".to_owned() } else { shortened(pointer.as_bytes()) };
            Some(TextMatch { place: if is_value { pointer } else { format!("a key of {pointer}") }, what })
        });
    }
    let mut hit = None;
    value.leaves(&mut |_, text| {
        hit = look(&text()).map(|what| TextMatch { place: name.to_owned(), what });
        hit.is_none()
    });
    hit
}
