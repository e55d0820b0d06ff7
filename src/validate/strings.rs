//! Every text of a record, for the rules that look for something in all of it.

use crate::sample::Type;

use super::field::Value;
use super::record::Seen;
use super::rules::{quotable, shortened};

/// Says what a text holds, if anything.
pub(super) type Look<'l> = &'l dyn Fn(&[u8]) -> Option<String>;

/// Where a text was found, as the subject of a sentence, and what was said of it.
pub(super) struct Hit {
    pub place: String,
    pub what: String,
}

/// The first text of a record of which something is said: strings of JSON and their keys, decoded; fields of CSV;
/// strings of Parquet; a whole text; and what could not be read, as it stands.
pub(super) fn search(seen: &Seen<'_>, look: Look<'_>) -> Option<Hit> {
    let whole = |bytes: &[u8], place: &str| look(bytes).map(|what| Hit { place: place.to_owned(), what });
    match *seen {
        Seen::Json(text, tape) => search_value(&Value::Json(text, tape, 0), "", look),
        Seen::NoJson(bytes, _) | Seen::BadRow(bytes, ..) => whole(bytes, "the record"),
        Seen::Text(bytes) => whole(bytes, "the file"),
        Seen::Binary(_) | Seen::Opaque(_) | Seen::Broken(_) => None,
        Seen::Cells(_, _, cells, header) => cells.iter().enumerate().find_map(|(at, cell)| {
            let what = look(cell)?;
            let place = header
                .and_then(|header| header.names().get(at))
                .map_or_else(|| format!("field {}", at + 1), |name| quotable(name.as_bytes()));
            Some(Hit { place, what })
        }),
        Seen::Row(row) => {
            let mut texts = row.values().filter(|(_, kind, _)| *kind == Type::String);
            texts.find_map(|(column, _, bytes)| Some(Hit { what: look(bytes)?, place: quotable(column.path.as_bytes()) }))
        }
    }
}

/// The first text within a value of which something is said. What has no place of its own in the record is called `name`.
pub(super) fn search_value(value: &Value<'_>, name: &str, look: Look<'_>) -> Option<Hit> {
    if let &Value::Json(text, tape, index) = value {
        let end = tape.token(index).next as usize;
        return (index..end).filter(|&at| tape.token(at).kind == Type::String).find_map(|at| {
            let what = look(&tape.token(at).content(text))?;
            let (pointer, is_value) = tape.place(text, at);
            let pointer = if pointer.is_empty() { "the record".to_owned() } else { shortened(pointer.as_bytes()) };
            Some(Hit { place: if is_value { pointer } else { format!("a key of {pointer}") }, what })
        });
    }
    let mut hit = None;
    value.leaves(&mut |_, text| {
        hit = look(&text()).map(|what| Hit { place: name.to_owned(), what });
        hit.is_none()
    });
    hit
}
