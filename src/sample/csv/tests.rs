use std::borrow::Cow;

use super::*;
use crate::sample::fields::{canonical, fields};
use proptest::prelude::*;

fn comma() -> Csv {
    Csv::new(b',', true, None)
}

/// Every row with its line, the header too, read in pieces of the lengths that `cuts` gives in turn.
fn rows(mut csv: Csv, bytes: &[u8], cuts: &[usize]) -> Vec<(u64, Vec<u8>)> {
    let mut rows = Vec::new();
    let mut take = |record: Record<'_>| {
        assert!(!record.is_whole || bytes[record.at as usize..].starts_with(record.bytes), "{record:?}");
        rows.push((record.line, record.bytes.to_vec()));
    };
    let mut rest = bytes;
    for &cut in cuts.iter().cycle() {
        let (piece, after) = rest.split_at(cut.min(rest.len()));
        csv.feed(piece, &mut take);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    csv.finish(&mut take);
    if let Some(header) = csv.header() {
        rows.insert(0, (0, header.to_vec()));
    }
    rows
}

fn read(text: &str) -> Vec<Vec<String>> {
    let decode = |field: Cow<'_, [u8]>| String::from_utf8(field.into_owned()).unwrap();
    rows(comma(), text.as_bytes(), &[usize::MAX]).iter().map(|(_, row)| fields(row, b',').map(decode).collect()).collect()
}

/// Python's `_csv.c`, state by state, over what `open(newline='')` would hand it; rows of no field are left out.
fn python(bytes: &[u8], delimiter: u8) -> Vec<Vec<Vec<u8>>> {
    #[derive(PartialEq, Clone, Copy)]
    enum State {
        StartRecord,
        StartField,
        InField,
        InQuoted,
        QuoteInQuoted,
    }
    let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
    let mut rows = Vec::new();
    let mut row: Vec<Vec<u8>> = Vec::new();
    let mut field = Vec::new();
    let mut state = State::StartRecord;
    for &c in bytes {
        let newline = c == b'\n' || c == b'\r';
        match state {
            State::StartRecord if newline => {}
            State::InQuoted if c == b'"' => state = State::QuoteInQuoted,
            State::InQuoted => field.push(c),
            State::QuoteInQuoted if c == b'"' => {
                field.push(c);
                state = State::InQuoted;
            }
            _ if newline => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
                state = State::StartRecord;
            }
            _ if c == delimiter => {
                row.push(std::mem::take(&mut field));
                state = State::StartField;
            }
            State::StartRecord | State::StartField if c == b'"' => state = State::InQuoted,
            _ => {
                field.push(c);
                state = State::InField;
            }
        }
    }
    if state != State::StartRecord {
        row.push(field);
        rows.push(row);
    }
    rows
}

#[test]
fn a_row_beyond_the_longest_length_costs_one_record() {
    let rows = rows(comma().with_limit(8), b"id,text\n1,a\n2,\"b\nb b\"\r\n3,c\n", &[usize::MAX]);
    assert_eq!(rows.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [0, 2, 3, 5]);
    let hash = blake3::hash(b"2,\"b\nb b\"").to_hex();
    let words = String::from_utf8(rows[2].1.clone()).unwrap();
    assert!(words.contains("9 bytes") && words.ends_with(hash.as_str()), "{words}");
}

fn nasty() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => Just(&b"\""[..]), 3 => Just(&b","[..]), 1 => Just(&b"\t"[..]), 2 => Just(&b"\n"[..]), 1 => Just(&b"\r"[..]),
        2 => Just(&b"\r\n"[..]), 2 => Just(&b"x"[..]), 1 => Just(&b"\xef\xbb\xbf"[..]), 1 => Just(&b"\xef\xbb"[..]),
        1 => Just(&b"#"[..]), 1 => Just(&b"\0\xff"[..]),
    ];
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn agrees_with_python(bytes in nasty(), tab: bool) {
        let csv = if tab { Csv::new(b'\t', true, None) } else { comma() };
        let delimiter = csv.syntax.delimiter;
        let found: Vec<Vec<Vec<u8>>> = rows(csv, &bytes, &[usize::MAX])
            .iter()
            .map(|(_, row)| fields(row, delimiter).map(Cow::into_owned).collect())
            .collect();
        prop_assert_eq!(found, python(&bytes, delimiter));
    }

    #[test]
    fn any_cut_gives_the_same(bytes in nasty(), cuts in prop::collection::vec(1usize..5, 1..6)) {
        for limit in [6, 1000] {
            let csv = || comma().with_limit(limit);
            prop_assert_eq!(rows(csv(), &bytes, &cuts), rows(csv(), &bytes, &[usize::MAX]));
        }
    }

    #[test]
    fn equal_readers_go_on_alike(one in nasty(), other in nasty(), rest in nasty()) {
        let [mut a, mut b] = [one, other].map(|bytes| {
            let mut csv = comma();
            csv.feed(&bytes, &mut |_| {});
            csv
        });
        if a == b {
            let mut found = [Vec::new(), Vec::new()];
            for (csv, found) in [&mut a, &mut b].into_iter().zip(&mut found) {
                csv.feed(&rest, &mut |record| found.push(record.bytes.to_vec()));
                csv.finish(&mut |record| found.push(record.bytes.to_vec()));
            }
            prop_assert_eq!(&found[0], &found[1]);
        }
    }

    #[test]
    fn lines_are_those_of_an_editor(bytes in nasty()) {
        let bytes = bytes.strip_prefix(BOM).unwrap_or(&bytes);
        for (line, row) in rows(comma(), bytes, &[3]).into_iter().skip(1) {
            let starts = (0..bytes.len()).filter(|&i| i == 0 || line_ends(&bytes[..i]) + 1 == line);
            prop_assert!(starts.into_iter().any(|i| bytes[i..].starts_with(&row)));
        }
    }
}

#[test]
fn the_first_row_is_no_record() {
    let count = |text: &str| {
        let mut n = 0;
        let mut csv = comma();
        csv.feed(text.as_bytes(), &mut |_| n += 1);
        csv.finish(&mut |_| n += 1);
        n
    };
    assert_eq!(["", "\n\n", "a,b", "a,b\n", "\n\na,b\n\n1,2", "a\r\n1\r\n2"].map(count), [0, 0, 0, 0, 1, 2]);
    assert_eq!(["sep=,\na,b\n1,2", "sep=;\na,b\n1,2", "a\nsep=,\n1"].map(count), [1, 2, 2]);
}

#[test]
fn quotes() {
    assert_eq!(read("\"a\"\"b\",\"c\nd\",e\"f\"\r\n"), [["a\"b", "c\nd", "e\"f\""]]);
    assert_eq!(read("\"a\"b\"c\",d"), [["ab\"c\"", "d"]]);
    assert_eq!(read("\"\""), [[""]]);
    assert_eq!(read("\"open,\n"), [["open,\n"]]);
    let mut open = fields(b"a,\"b", b',');
    assert_eq!(open.by_ref().count(), 2);
    assert!(open.unclosed());
}

#[test]
fn lines_count_what_is_quoted() {
    let lines: Vec<u64> = rows(comma(), b"h\r\n\"a\r\nb\nc\"\n\n1\r2\n", &[1]).iter().map(|row| row.0).collect();
    assert_eq!(lines, [0, 2, 6, 7]);
}

#[test]
fn quoting_is_not_identity() {
    assert_eq!(canonical(b"a,\"b\"", b','), canonical(b"\"a\",b", b','));
    assert_eq!(canonical(b"a,b", b','), canonical(b"a\tb", b'\t'));
    assert_ne!(canonical(b"ab,", b','), canonical(b"a,b", b','));
    assert_ne!(canonical(b"a", b','), canonical(b"a,", b','));
}
