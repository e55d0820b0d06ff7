//! Files whose first bytes plainly disagree with how they are read, and what mends it.
//!
//! A hint changes nothing that is counted. It is given only where the first [`super::HEAD`] bytes leave no doubt, and
//! where `helox.toml` says nothing of the file's format: who has declared it has decided.

use super::guess::TextStart;
use super::reader_spec::{ReaderSpec, RecordFormat};
use super::tar::TarDecoder;
use super::{Csv, Record, RecordReader, Tape, Type, fields, json, type_of};

/// A disagreement between a file and how it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The line that shows it, from 1.
    pub line: u64,
    /// The disagreement, and its fix.
    pub message: String,
    /// True if this explains all issues of the file's records, so that it replaces them.
    pub sums_up: bool,
}

/// Share of a document, in percent, that a list must take up to be its records.
const SHARE: usize = 50;
/// Objects within objects in which a list of records is looked for.
const DEPTH: usize = 3;
/// Records of a list, or rows below the first, that are enough to judge by.
const ENOUGH: usize = 2;

impl Hint {
    /// Returns the hint as a warning about the file of this path.
    pub fn warning(&self, path: &str) -> String {
        format!("{path}:{}: {}", self.line, self.message)
    }
}

impl ReaderSpec {
    /// Returns what a user has to know of how a file that begins with these bytes is read: what was guessed of it, and
    /// where it plainly disagrees.
    pub fn hints(&self, head: &[u8]) -> Vec<Hint> {
        self.guesses().into_iter().chain(self.hint(head)).collect()
    }

    /// Returns what was guessed of the file, as a hint.
    pub fn guesses(&self) -> Option<Hint> {
        self.guessed().map(|message| Hint { line: 1, message, sums_up: false })
    }

    /// Returns how a file that begins with these bytes plainly disagrees with this reading, which was guessed from them.
    fn hint(&self, head: &[u8]) -> Option<Hint> {
        if self.opaque || self.format == RecordFormat::None {
            return None;
        }
        let (bytes, whole) = self.unpacked(head);
        if self.format == RecordFormat::Tar {
            return self.hint_of_archive(&bytes);
        }
        let text = self.dialect.encoding.decode_all(&bytes);
        let start = TextStart::of(&text, whole);
        match self.format {
            _ if self.is_lines() => self.hint_of_lines(start),
            RecordFormat::Json => self.hint_of_document(start),
            _ if self.is_table() => self.hint_of_table(start),
            _ => None,
        }
    }

    /// Returns the hint for an archive whose samples have one file each, as those of any archive of files with one ending.
    fn hint_of_archive(&self, bytes: &[u8]) -> Option<Hint> {
        if self.origin.stated {
            return None;
        }
        let (mut shard, mut lines) = (TarDecoder::new(false), Vec::new());
        let mut take = |part: &[u8]| lines.extend_from_slice(part);
        shard.feed(bytes, &mut take).ok()?;
        // The archive may go on after the start of the file.
        let _ = shard.finish(&mut take);
        let mut tape = Tape::default();
        let mut members = |line: &[u8]| tape.read(line, 1).map_or(0, |()| tape.keys(0).count().saturating_sub(1));
        let counts: Vec<usize> = lines.split_inclusive(|&byte| byte == b'\n').map(&mut members).collect();
        (counts.len() >= ENOUGH && counts.iter().all(|&count| count == 1)).then(|| {
            let message = "each file of the archive counts as one sample, as in WebDataset; set its format in \
                           [dataset.NAME.format]: \"FILE\" = \"tar\" confirms this, \"FILE\" = \"text\" treats the archive as one sample";
            Hint { line: 1, message: message.to_owned(), sums_up: false }
        })
    }

    /// Returns the hint for a document over several lines where each line should have one; an array where each element should be a line.
    fn hint_of_lines(&self, start: TextStart<'_>) -> Option<Hint> {
        let at = json::space(start.text, 0);
        let document = &start.text[at..];
        let first = start.text[..at].iter().filter(|&&byte| byte == b'\n').count() as u64 + 1;
        let is_list = document.starts_with(b"[") && document[json::space(document, 1)..].starts_with(b"{");
        let newline = memchr::memchr(b'\n', document);
        let (end, whole) = match json::value(document, 0) {
            Ok(end) => (end, start.whole),
            // The document goes on after the start of the file.
            Err(invalid) if invalid.at == document.len() && !start.whole => (document.len(), false),
            Err(_) => return None,
        };
        let alone = if whole { document[end..].trim_ascii().is_empty() } else { end == document.len() };
        let spread = newline.is_some_and(|newline| newline < end);
        let message = match () {
            () if is_list && alone && (spread || whole) => {
                format!("the file is one array, not one document per line; {}", declaration("{ kind = \"json\" }"))
            }
            () if spread && alone && whole => {
                format!("the file is one document on several lines; {}", declaration("{ kind = \"json\" }"))
            }
            () if spread => "a document spans several lines, but JSON Lines requires one document per line; \
                             convert it: jq -c . FILE"
                .to_owned(),
            () => return None,
        };
        Some(Hint { line: first, message, sums_up: spread })
    }

    /// Returns the hint for a document whose records are a list within it.
    fn hint_of_document(&self, start: TextStart<'_>) -> Option<Hint> {
        if self.origin.stated || self.dialect.records.is_some() {
            return None;
        }
        let mut lists = RecordLists::default();
        let end = lists.object(start.text, json::space(start.text, 0), "", DEPTH);
        let [list] = &lists.found[..] else { return None };
        if list.objects < ENOUGH || list.bytes * 100 < start.text.len() * SHARE || (start.whole && end.is_none()) {
            return None;
        }
        let records = list.pointer.replace('\\', "\\\\").replace('"', "\\\"");
        let message = format!(
            "the document counts as one sample; if the records are the list at {}, {}",
            list.pointer,
            declaration(&format!("{{ kind = \"json\", records = \"{records}\" }}"))
        );
        Some(Hint { line: 1, message, sums_up: false })
    }

    /// Returns the hint for a table that is none, whose first row has another width than all others, or whose first row is a record.
    fn hint_of_table(&self, start: TextStart<'_>) -> Option<Hint> {
        if self.origin.stated {
            return None;
        }
        let first = start.text.trim_ascii_start();
        if first.starts_with(b"{") || first.starts_with(b"[{") {
            let spread = |invalid: json::InvalidJson| invalid.at == first.len() && !start.whole;
            return json::value(first, 0).map_or_else(spread, |end| first[end..].trim_ascii_start().first() != Some(&b',')).then(
                || {
                    let kind = if first.starts_with(b"[") { "json" } else { "jsonl" };
                    let message = format!("this is JSON, not a table; {}", declaration(&format!("{{ kind = \"{kind}\" }}")));
                    Hint { line: 1, message, sums_up: true }
                },
            );
        }
        let rows = rows(start, self)?;
        let [(line, header), others @ ..] = &rows[..] else { return None };
        let width = others.first()?.1.len();
        if others.len() < ENOUGH || others.iter().any(|(_, row)| row.len() != width) {
            return None;
        }
        let hint = |message, sums_up| Some(Hint { line: *line, message, sums_up });
        if header.len() != width {
            let are = |n: usize| if n == 1 { "1 field".to_owned() } else { format!("{n} fields") };
            let widths = format!("the header has {}, all other rows have {}", are(header.len()), are(width));
            let mend = match () {
                () if width == header.len() + 1 && others.iter().all(|(_, row)| row[width - 1].is_empty()) => {
                    "the rows end with a delimiter, but the header does not; add it to the header".to_owned()
                }
                () if header.len() == 1 => "remove the lines before the header".to_owned(),
                () if width == 1 => {
                    "one of them uses another delimiter; use one delimiter in all rows, and set it in [dataset.NAME.format]: \
                     { kind = \"csv\", delimiter = \";\" }"
                        .to_owned()
                }
                () => "add the missing fields to the header".to_owned(),
            };
            return hint(format!("{widths}; {mend}"), true);
        }
        is_record(header, others).then_some(())?;
        let kind = if self.format == RecordFormat::Tsv { "tsv" } else { "csv" };
        let delimiter = self.dialect.delimiter.map(|byte| match byte {
            b'\t' => ", delimiter = \"\\t\"".to_owned(),
            byte => format!(", delimiter = \"{}\"", char::from(byte)),
        });
        let table = format!("{{ kind = \"{kind}\"{}, header = false }}", delimiter.unwrap_or_default());
        hint(
            format!("the first row is read as the header, but looks like a record; if it is a record, {}", declaration(&table)),
            false,
        )
    }
}

/// Returns the line of `helox.toml` that declares a reader.
fn declaration(table: &str) -> String {
    format!("declare it in [dataset.NAME.format]: \"FILE\" = {table}")
}

/// Returns the rows that end within the start of a file, with their lines; `None` where a comment stands before the header.
fn rows(start: TextStart<'_>, spec: &ReaderSpec) -> Option<Vec<(u64, Vec<Vec<u8>>)>> {
    let syntax = spec.row_syntax();
    let mut rows = Vec::new();
    let mut csv = Csv::new(syntax, false, None);
    let mut take = |record: Record<'_>| {
        rows.push((record.line, fields(record.bytes, syntax).map(|field| field.into_owned()).collect::<Vec<_>>()));
    };
    csv.feed(start.text, &mut take);
    if start.whole {
        csv.finish(&mut take);
    }
    let is_comment = |row: &(u64, Vec<Vec<u8>>)| row.1[0].starts_with(b"#");
    (!rows.first().is_some_and(is_comment)).then_some(rows)
}

/// Returns true if the first row is a record: in each column it has a value of the kind of all others, and some column is
/// proof, since names are not of its kind or are not counted on. Years and quantiles name columns, too, so that numbers
/// alone prove nothing.
fn is_record(first: &[Vec<u8>], others: &[(u64, Vec<Vec<u8>>)]) -> bool {
    let (mut numbers, mut texts, mut proof) = (0, 0, 0);
    for (at, field) in first.iter().enumerate() {
        let kind = FieldKind::of(field);
        let mut values = others.iter().map(|(_, row)| &row[at]).filter(|value| !value.is_empty());
        let comes_again = values.clone().any(|value| value == field);
        let is_counted_on = at == 0 && number(field).zip(number(&others[0].1[0])).is_some_and(|(a, b)| a + 1 == b);
        if kind != FieldKind::Typed(Type::Null) && values.any(|value| FieldKind::of(value) != kind) {
            return false;
        }
        match kind {
            FieldKind::Link | FieldKind::Typed(Type::Date | Type::Timestamp) => (texts, proof) = (texts + 1, proof + 2),
            FieldKind::Typed(Type::Integer | Type::Number) => (numbers, proof) = (1, proof + u64::from(is_counted_on)),
            FieldKind::Typed(Type::String) => (texts, proof) = (texts + 1, proof + u64::from(comes_again)),
            FieldKind::Typed(_) => {}
        }
    }
    texts > 0 && numbers + proof >= 2
}

/// Returns the whole number that a field is.
fn number(field: &[u8]) -> Option<i32> {
    std::str::from_utf8(field).ok()?.parse().ok().filter(|&number| number < i32::MAX)
}

/// The kind of a field, as far as it tells a value from a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FieldKind {
    /// A URL or an e-mail address.
    Link,
    Typed(Type),
}

impl FieldKind {
    fn of(field: &[u8]) -> FieldKind {
        let is_url = field.starts_with(b"http://") || field.starts_with(b"https://");
        let is_address = || memchr::memchr_iter(b'@', field).count() == 1 && !field.contains(&b' ') && field.contains(&b'.');
        if is_url || is_address() { FieldKind::Link } else { FieldKind::Typed(type_of(field)) }
    }
}

/// The lists of objects within a document, as far as its start shows them.
#[derive(Default)]
struct RecordLists {
    found: Vec<RecordList>,
}

/// A list of objects.
struct RecordList {
    pointer: String,
    objects: usize,
    bytes: usize,
}

impl RecordLists {
    /// Takes an object that begins at `at`; returns where it ends, or nothing where it does not end within the start.
    fn object(&mut self, text: &[u8], at: usize, pointer: &str, depth: usize) -> Option<usize> {
        if text.get(at) != Some(&b'{') {
            return None;
        }
        let mut at = json::space(text, at + 1);
        while text.get(at) == Some(&b'"') {
            let end = json::value(text, at).ok()?;
            let key = String::from_utf8_lossy(&text[at + 1..end - 1]);
            let below = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
            let start = json::space(text, json::space(text, end) + 1);
            at = match text.get(start)? {
                b'[' => self.list(text, start, below)?,
                b'{' if depth > 1 => self.object(text, start, &below, depth - 1)?,
                _ => json::value(text, start).ok()?,
            };
            at = json::space(text, at);
            if text.get(at) == Some(&b',') {
                at = json::space(text, at + 1);
            }
        }
        (text.get(at) == Some(&b'}')).then_some(at + 1)
    }

    /// Takes an array that begins at `start`, which counts if all its elements are objects.
    fn list(&mut self, text: &[u8], start: usize, pointer: String) -> Option<usize> {
        let (mut at, mut objects) = (json::space(text, start + 1), 0);
        while text.get(at) == Some(&b'{') {
            objects += 1;
            let Ok(end) = json::value(text, at) else {
                self.found.push(RecordList { pointer, objects, bytes: text.len() - start });
                return None;
            };
            at = json::space(text, end);
            if text.get(at) == Some(&b',') {
                at = json::space(text, at + 1);
            }
        }
        let end = if objects > 0 && text.get(at) == Some(&b']') { at + 1 } else { json::value(text, start).ok()? };
        if objects > 0 {
            self.found.push(RecordList { pointer, objects, bytes: end - start });
        }
        Some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(path: &str, text: &[u8]) -> Option<Hint> {
        ReaderSpec::of(path).guess(text).hint(text)
    }

    fn told(path: &str, text: &str, words: &str) -> bool {
        let hint = hint(path, text.as_bytes()).unwrap_or_else(|| panic!("{text:?}"));
        assert!(hint.message.contains(words), "{text:?}: {}", hint.message);
        hint.sums_up
    }

    #[test]
    fn json_is_no_table() {
        assert!(told("x.csv", "[{\"a\":1},\n{\"a\":2}]\n", "kind = \"json\""));
        assert!(told("x.tsv", "{\"a\":1}\n{\"a\":2}\n", "kind = \"jsonl\""));
        assert_eq!(hint("x.csv", b"{id},{name}\n1,2\n"), None);
    }

    #[test]
    fn a_list_within_a_document() {
        assert!(!told("x.json", r#"{"version":"2","data":[{"id":1},{"id":2},{"id":3},{"id":4}]}"#, "records = \"/data\" }"));
        assert!(!told("x.json", r#"{"a/b":{"rows":[{"id":1},{"id":2},{"id":3}]},"n":1}"#, "records = \"/a~1b/rows\" }"));
        let long = format!("{{\"version\":1,\"rows\":[{}{{\"id\":0}}]}}", "{\"id\":1},\n".repeat(20_000));
        assert!(!told("x.json", &long, "records = \"/rows\" }"));
        for none in [
            r#"{"train":[{"a":1},{"a":2}],"test":[{"a":1},{"a":2}]}"#,
            r#"{"text":"a long text beside which the list is short","spans":[{"a":1},{"a":2}]}"#,
            r#"{"data":[{"id":1}]}"#,
            r#"{"data":[1,2,3]}"#,
            r#"{"data":[{"id":1},{"id":2}]"#,
            r#"[{"data":[{"id":1},{"id":2}]}]"#,
            "{}",
            "",
        ] {
            assert_eq!(hint("x.json", none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn documents_over_several_lines() {
        assert!(told("x.jsonl", "{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}\n", "spans several lines"));
        assert!(told("x.jsonl", "\n{\n  \"a\": 1\n}\n", "one document on several lines"));
        assert!(told("x.jsonl", "[\n{\"a\":1},\n{\"a\":2}\n]\n", "kind = \"json\" }"));
        assert!(!told("x.jsonl", "[{\"a\":1},{\"a\":2}]\n", "kind = \"json\" }"));
        assert!(told("x.jsonl", &format!("[\n{}{{}}]", "{\"id\":1},\n".repeat(20_000)), "one array"));
        for none in ["", "{\"a\":1}\n", "[1]\n[2]\n", "{\"a\":1}{\"a\":2}\n", "{\"a\":\n{\"a\":1}\n{\"a\":2}\n", "{\"a\":1"] {
            assert_eq!(hint("x.jsonl", none.as_bytes()), None, "{none:?}");
        }
        let long = format!("{{\"a\":\"{}\"}}\n", "x".repeat(100_000));
        assert_eq!(hint("x.jsonl", long.as_bytes()), None);
    }

    #[test]
    fn an_archive_of_single_files() {
        let archive = |names: &[&str]| {
            let member = |name: &&str| crate::sample::tar::tests::member(name, b'0', b"text");
            names.iter().flat_map(member).chain([0; 1024]).collect::<Vec<u8>>()
        };
        let message = |spec: ReaderSpec, names: &[&str]| spec.hint(&archive(names)).map(|hint| hint.message);
        let of = ReaderSpec::of("x.tar");
        assert!(message(of.clone(), &["a.txt", "b.txt"]).unwrap().contains("\"FILE\" = \"tar\" confirms this"));
        for none in [&["0.txt", "0.cls", "1.txt"][..], &["0.txt"], &["a.txt", "b.csv"], &[]] {
            assert_eq!(message(of.clone(), none), None, "{none:?}");
        }
        assert_eq!(message(ReaderSpec::named("tar").unwrap(), &["a.txt", "b.txt"]), None);
    }

    #[test]
    fn a_first_row_of_another_width() {
        assert!(told("x.csv", "Report of 2024\nid,a,b\n1,2,3\n2,3,4\n", "remove the lines before the header"));
        assert!(told("x.csv", "id,a\n1,2,\n3,4,\n", "end with a delimiter, but the header does not"));
        assert!(told("x.csv", "id,a,b\n1;2;3\n4;5;6\n", "another delimiter"));
        assert!(told("x.tsv", "id\ta\n1\t2\t3\n4\t5\t6\n", "the header has 2 fields, all other rows have 3 fields"));
        for none in ["id,a\n1,2\n3\n4\n", "id,a\n1\n2,3\n", "# x\nid,a\n1,2\n3,4\n", "id,a\n1,2,\n"] {
            assert_eq!(hint("x.csv", none.as_bytes()), None, "{none:?}");
        }
    }

    #[test]
    fn a_first_row_that_is_a_record() {
        for text in [
            "1,2024-01-01,http://a.b/c\n2,2024-01-02,http://a.b/d\n3,2024-01-03,http://a.b/e\n",
            "1,good film\n2,bad film\n3,fine film\n",
            "0.5,liked it,positive\n0.1,hated it,negative\n0.7,fine,positive\n",
            "jane@example.org,7\njoe@example.org,8\njim@example.org,9\n",
        ] {
            assert!(!told("x.csv", text, "{ kind = \"csv\", header = false }"), "{text}");
        }
        assert!(!told("x.csv", "1;a\n2;b\n3;c\n", "delimiter = \";\", header = false }"));
        for none in [
            "id,name\n1,a\n2,b\n",
            "country,2019,2020\nDE,1,2\nFR,3,4\n",
            "2019,2020,2021\n5,6,7\n8,9,10\n",
            "name,0.25,0.5\na,0.1,0.2\nb,0.3,0.4\n",
            "country,2020-01-22,2020-01-23\nDE,1,2\nFR,3,4\n",
            "a,b\nx,a\ny,z\n",
            "text,label\ngood,label\nbad,other\n",
            "1,2\n3,4\n",
            ",a,b\n0,x,y\n1,z,w\n",
            "",
        ] {
            assert_eq!(hint("x.csv", none.as_bytes()), None, "{none:?}");
        }
        assert_eq!(ReaderSpec::named("csv").unwrap().hint(b"1,good\n2,bad\n3,fine\n"), None);
    }
}
