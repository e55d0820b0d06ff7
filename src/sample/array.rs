//! `.json`: the elements of a top-level array, else the document itself.

use memchr::{memchr, memchr2};

use super::json::{self, InvalidJson};
use super::jsonl::BOM;
use super::partial::{PartialRecord, newlines, take_excess};
use super::{ParseIssue, Record, RecordReader};
use crate::limits;

/// The fix for a file with a document on each line.
const JSONL_HINT: &str = "; declare it in [dataset.NAME.format]: \"FILE\" = { kind = \"jsonl\" }";
const TOO_EARLY: &str = "unexpected end of data";

/// The records of a JSON document: the elements of the array that it is, or the whole document if it is anything else.
///
/// An element is what stands between two commas outside of strings and brackets, without the white space around it. One
/// that is not a JSON is a record all the same, so that it costs one sample and not the file. A document that is not JSON, or
/// an array that does not end, is one record, all its bytes. But elements have been handed out when that turns out, and
/// they cannot be taken back. So [`Array::broken`] must be asked at the end: if it says why, the caller drops what it was
/// given and takes the file as the one record.
#[derive(Clone, Debug)]
pub struct Array {
    state: ArrayState,
    /// The element that has begun, or the whole document if it is no array.
    partial: PartialRecord,
    /// The nesting at the end of `partial`; it follows from the bytes, so that it need not be compared.
    nesting: Nesting,
    /// The line of the next byte, or of the first one of `partial` if there is any.
    line: u64,
    /// The place in the stream of that byte.
    at: u64,
    finding: Option<ParseIssue>,
    /// The line of a trailing comma in the array.
    trailing_comma: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ArrayState {
    /// Before the document, after so many bytes of a byte order mark; 3 after white space too.
    Start(usize),
    /// In a document that is no array.
    Document,
    /// After `[`.
    First,
    /// After a comma.
    Next,
    /// After `]`.
    End,
    /// The document is not JSON.
    Broken,
}

impl Array {
    /// Creates a reader at the start of a document.
    pub fn new() -> Array {
        Array {
            state: ArrayState::Start(0),
            partial: PartialRecord::new(limits::RECORD),
            nesting: Nesting::default(),
            line: 1,
            at: 0,
            finding: None,
            trailing_comma: None,
        }
    }

    /// Sets the longest length of a record, in bytes.
    pub fn with_limit(self, limit: usize) -> Array {
        Array { partial: PartialRecord::new(limit), ..self }
    }

    /// Returns a reader of the same kind at an array further down in a document.
    pub fn within(&self, line: u64, at: u64) -> Array {
        Array { state: ArrayState::Start(3), line, at, ..Array::new().with_limit(self.partial.limit()) }
    }

    /// Returns the reason that the document is not JSON, so that it is one record whatever was handed out; known after
    /// [`RecordReader::finish`].
    pub fn broken(&self) -> Option<&ParseIssue> {
        self.finding.as_ref()
    }

    /// Returns the issue of a document all of whose records were read.
    pub fn remark(&self) -> Option<ParseIssue> {
        let message = "invalid JSON: trailing comma in the array";
        self.trailing_comma.map(|line| ParseIssue { line, message: message.to_owned() })
    }

    /// Takes nothing from here on.
    fn break_off(&mut self, why: &str, line: u64) {
        self.finding = Some(ParseIssue { line, message: format!("invalid JSON: {why}") });
        self.state = ArrayState::Broken;
        self.partial = PartialRecord::new(0);
    }

    /// Takes a byte before the document; returns whether it was none of the document.
    fn start(&mut self, mark: usize, byte: u8) -> bool {
        self.state = match byte {
            _ if BOM.get(mark) == Some(&byte) => ArrayState::Start(mark + 1),
            b' ' | b'\n' | b'\t' | b'\r' if matches!(mark, 0 | 3) => {
                self.line += u64::from(byte == b'\n');
                ArrayState::Start(3)
            }
            b'[' if matches!(mark, 0 | 3) => ArrayState::First,
            _ => {
                // A mark that did not become whole belongs to the document.
                self.partial.push(if mark < 3 { &BOM[..mark] } else { b"" });
                self.at -= self.partial.len();
                self.state = ArrayState::Document;
                return false;
            }
        };
        self.at += 1;
        true
    }

    /// Takes elements that lie whole in `bytes` from `at` on, and begins the one that does not.
    fn whole(&mut self, bytes: &[u8], mut at: usize, take: &mut dyn FnMut(Record<'_>)) {
        let mut lines = LineCounter::new(bytes, at, self.line);
        loop {
            at = json::space(bytes, at);
            let Some(&byte) = bytes.get(at) else {
                self.line = lines.at(at);
                self.at += at as u64;
                return;
            };
            if self.state == ArrayState::End {
                return self.break_off("unexpected data after the end of the array", lines.at(at));
            }
            if byte == b']' {
                self.trailing_comma = (self.state == ArrayState::Next).then(|| lines.at(at));
                self.state = ArrayState::End;
                at += 1;
                continue;
            }
            let end = json::value(bytes, at).unwrap_or(at);
            let next = json::space(bytes, end);
            let (end, next) = match bytes.get(next) {
                Some(b',' | b']') if end > at => (end, next),
                // It is not JSON, or goes on in the next piece.
                _ => {
                    let mut nesting = Nesting::default();
                    let Some(length) = nesting.end(&bytes[at..]) else {
                        self.line = lines.at(at);
                        self.at += at as u64;
                        self.partial.push(&bytes[at..]);
                        self.nesting = nesting;
                        return;
                    };
                    (at + bytes[at..at + length].trim_ascii_end().len(), at + length)
                }
            };
            let (line, place) = (lines.at(at), self.at + at as u64);
            if !take_excess(&bytes[at..next], self.partial.limit(), line, place, take) {
                take(Record { bytes: &bytes[at..end], is_whole: true, line, at: place });
            }
            self.state = if bytes[next] == b',' { ArrayState::Next } else { ArrayState::End };
            at = next + 1;
        }
    }

    /// Takes the rest of the element that has begun; returns how many bytes that are, with the comma or bracket after it.
    fn rest(&mut self, bytes: &[u8], take: &mut dyn FnMut(Record<'_>)) -> usize {
        let Some(end) = self.nesting.end(bytes) else {
            self.partial.push(bytes);
            return bytes.len();
        };
        self.partial.push(&bytes[..end]);
        if !self.partial.take_excess(self.line, self.at, take) {
            take(Record { bytes: self.partial.bytes().trim_ascii_end(), is_whole: true, line: self.line, at: self.at });
        }
        self.state = if bytes[end] == b',' { ArrayState::Next } else { ArrayState::End };
        self.line += self.partial.newlines();
        self.at += self.partial.len() + 1;
        self.partial.clear();
        end + 1
    }
}

impl Default for Array {
    fn default() -> Array {
        Array::new()
    }
}

impl PartialEq for Array {
    fn eq(&self, other: &Array) -> bool {
        self.state == other.state && self.partial == other.partial
    }
}

impl RecordReader for Array {
    fn feed(&mut self, mut bytes: &[u8], take: &mut dyn FnMut(Record<'_>)) {
        while let Some(&byte) = bytes.first() {
            match self.state {
                ArrayState::Start(mark) => bytes = &bytes[usize::from(self.start(mark, byte))..],
                ArrayState::Document => return self.partial.push(bytes),
                ArrayState::Broken => return,
                _ if !self.partial.is_empty() => bytes = &bytes[self.rest(bytes, take)..],
                _ => return self.whole(bytes, 0, take),
            }
        }
    }

    fn finish(&mut self, take: &mut dyn FnMut(Record<'_>)) {
        match self.state {
            ArrayState::Document if self.partial.is_excess() => {
                let why = format!("the record is longer than {} bytes", self.partial.limit());
                self.break_off(&why, self.line);
            }
            ArrayState::Document => match json::check(self.partial.bytes()) {
                Ok(()) => {
                    let bytes = self.partial.bytes().trim_ascii_end();
                    take(Record { bytes, is_whole: true, line: self.line, at: self.at });
                }
                Err(InvalidJson { at, .. }) if at == self.partial.bytes().len() => {
                    self.break_off(TOO_EARLY, self.line + newlines(self.partial.bytes()));
                }
                Err(InvalidJson { at, what }) => {
                    let line = self.line + newlines(&self.partial.bytes()[..at]);
                    let mend = if what == json::SECOND_DOCUMENT && line > self.line { JSONL_HINT } else { "" };
                    self.break_off(&format!("{what}{mend}"), line);
                }
            },
            ArrayState::End | ArrayState::Broken => {}
            ArrayState::Start(_) => self.break_off("it is empty", self.line),
            _ => self.break_off(TOO_EARLY, self.line + self.partial.newlines()),
        }
    }
}

/// The nesting in an element after its bytes so far.
#[derive(Clone, Copy, Debug, Default)]
struct Nesting {
    depth: usize,
    string: bool,
    escaped: bool,
}

impl Nesting {
    /// Goes on with these bytes; returns where the comma or bracket stands that ends the element, if it stands in them.
    fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if self.escaped {
                self.escaped = false;
            } else if self.string {
                at += memchr2(b'"', b'\\', &bytes[at..])?;
                self.string = bytes[at] != b'"';
                self.escaped = self.string;
            } else {
                match bytes[at] {
                    b',' | b']' if self.depth == 0 => return Some(at),
                    b'"' => self.string = true,
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
            }
            at += 1;
        }
        None
    }
}

/// Numbers the lines of a piece, from front to back.
struct LineCounter<'a> {
    bytes: &'a [u8],
    counted: usize,
    /// The next `\n`, or the end.
    next: usize,
    line: u64,
}

impl<'a> LineCounter<'a> {
    fn new(bytes: &'a [u8], at: usize, line: u64) -> LineCounter<'a> {
        let mut lines = LineCounter { bytes, counted: at, next: 0, line };
        lines.seek(at);
        lines
    }

    fn seek(&mut self, at: usize) {
        self.next = memchr(b'\n', &self.bytes[at..]).map_or(self.bytes.len(), |n| at + n);
    }

    /// Returns the line of the byte at `at`, which is not before the one asked for last.
    #[inline]
    fn at(&mut self, at: usize) -> u64 {
        if self.next < at {
            self.line += newlines(&self.bytes[self.counted..at]);
            self.counted = at;
            self.seek(at);
        }
        self.line
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;
    use crate::sample::json::tests::spelled;
    use crate::sample::record::tests::{Cuts, found, pieces};

    type Found = (Vec<(Vec<u8>, u64)>, Option<ParseIssue>);

    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Found {
        read_with(Array::new(), pieces)
    }

    fn read_with<'a>(mut reader: Array, pieces: impl IntoIterator<Item = &'a [u8]>) -> Found {
        let records = found(&mut reader, pieces);
        (records, reader.broken().cloned())
    }

    fn shown(text: &[u8]) -> (Vec<String>, Option<String>) {
        let (records, broken) = read([text]);
        let records = records.iter().map(|(r, line)| format!("{line} {}", String::from_utf8_lossy(r)));
        (records.collect(), broken.map(|f| format!("{} {}", f.line, f.message)))
    }

    fn check_cuts(text: &[u8], cuts: &Cuts) {
        assert_eq!(read(cuts.of(text)), read([text]), "{}", String::from_utf8_lossy(text));
        assert_eq!(read(text.chunks(1)), read([text]), "{}", String::from_utf8_lossy(text));
        let short = || Array::new().with_limit(6);
        assert_eq!(read_with(short(), cuts.of(text)), read_with(short(), [text]), "{}", String::from_utf8_lossy(text));
    }

    #[test]
    fn elements_are_records() {
        let ok = |text: &[u8], records: &[&str]| assert_eq!(shown(text), (records.iter().map(|r| r.to_string()).collect(), None));
        ok(b"[]", &[]);
        ok(b" \n[ ]\n", &[]);
        ok(
            b"\xef\xbb\xbf[1,\"a]\\\"\",\n {\"b\":\n[2]} , null\n, 3]",
            &["1 1", "1 \"a]\\\"\"", "2 {\"b\":\n[2]}", "3 null", "4 3"],
        );
        ok(b"\n {\"a\":\n1}\n", &["2 {\"a\":\n1}"]);
        ok(b"12", &["1 12"]);
    }

    #[test]
    fn what_is_no_json_is_one_record_for_the_caller() {
        let broken = |text: &[u8], records: &[&str], why: &str| {
            let why = why.replacen(' ', " invalid JSON: ", 1);
            assert_eq!(shown(text), (records.iter().map(|r| r.to_string()).collect(), Some(why)));
        };
        broken(b"", &[], "1 it is empty");
        broken(b" \n ", &[], "2 it is empty");
        broken(b"{\n1}", &[], "2 expected a key in quotes");
        broken(b"\xef\xbb1", &[], "1 expected a value");
        let mend = "declare it in [dataset.NAME.format]: \"FILE\" = { kind = \"jsonl\" }";
        broken(b"{}\n[2]", &[], &format!("2 {}; {mend}", json::SECOND_DOCUMENT));
        broken(b"{} [2]", &[], &format!("1 {}", json::SECOND_DOCUMENT));
        broken(b"[1", &[], "1 unexpected end of data");
        broken(b"[1,\n", &["1 1"], "2 unexpected end of data");
        broken(b"[1]\n[2]", &["1 1"], "2 unexpected data after the end of the array");
    }

    #[test]
    fn an_element_that_is_no_json_costs_one_record() {
        let ok = |text: &[u8], records: &[&str]| assert_eq!(shown(text), (records.iter().map(|r| r.to_string()).collect(), None));
        ok(b"[{\"a\":NaN},{\"a\":2},\n{\"a\":3}]", &["1 {\"a\":NaN}", "1 {\"a\":2}", "2 {\"a\":3}"]);
        ok(b"[1,{\"a\"\n:\nx} ,2]", &["1 1", "1 {\"a\"\n:\nx}", "3 2"]);
        ok(b"[1,2\n3,,}]", &["1 1", "1 2\n3", "2 ", "2 }"]);
        ok(b"['a', 1]", &["1 'a'", "1 1"]);
    }

    #[test]
    fn an_element_beyond_the_longest_length_costs_one_record() {
        let (records, broken) = read_with(Array::new().with_limit(6), [&b"[1,[2,\n2,2],\n3]"[..]]);
        assert_eq!(broken, None);
        assert_eq!(records.iter().map(|(_, line)| *line).collect::<Vec<_>>(), [1, 1, 3]);
        assert!(String::from_utf8_lossy(&records[1].0).contains("8 bytes"));
        let (records, broken) = read_with(Array::new().with_limit(6), [&b"{\"a\":12}"[..]]);
        assert!(records.is_empty() && broken.unwrap().message.contains("longer than 6 bytes"));
    }

    #[test]
    fn a_trailing_comma_is_told() {
        let remark = |text: &[u8]| {
            let mut reader = Array::new();
            reader.feed(text, &mut |_| {});
            reader.finish(&mut |_| {});
            assert_eq!(reader.broken(), None);
            reader.remark().map(|remark| remark.line)
        };
        assert_eq!([remark(b"[1,\n]"), remark(b"[1]"), remark(b"[]")], [Some(2), None, None]);
    }

    proptest! {
        #[test]
        fn cuts_change_nothing((_, text) in spelled(), other in spelled(), cuts in pieces()) {
            check_cuts(text.as_bytes(), &cuts);
            check_cuts(format!("[{text},\n{},{}]", other.1, other.0).as_bytes(), &cuts);
        }

        #[test]
        fn cuts_of_broken_text_change_nothing(
            text in prop::collection::vec(prop::sample::select(b"[[[]{}\"\",,::012-.eEtrufalsn \\/\n\xc3\xa9\xef\xbb\xbf".to_vec()), 0..16),
            cuts in pieces(),
        ) {
            check_cuts(&text, &cuts);
            check_cuts(&[b"[", &text[..]].concat(), &cuts);
            check_cuts(&[b"[1,", &text[..], b",2]"].concat(), &cuts);
        }

        #[test]
        fn counts_as_serde_does(
            (_, text) in spelled(), at in any::<prop::sample::Index>(), byte in prop::sample::select(b"[]{}\",:1 ".to_vec()),
        ) {
            let mut text = format!("[{text}]").into_bytes();
            let at = at.index(text.len());
            text[at] = byte;
            let (records, broken) = read([&text[..]]);
            // serde_json does not look at the UTF-8 of what it ignores.
            let utf8 = std::str::from_utf8(&text).unwrap_or("");
            let elements = serde_json::from_str::<Vec<IgnoredAny>>(utf8).map(|elements| elements.len());
            match elements.or_else(|_| serde_json::from_str::<IgnoredAny>(utf8).map(|_| 1)) {
                Ok(count) => prop_assert_eq!((records.len(), broken), (count, None)),
                Err(_) => {
                    let bad = records.iter().any(|(record, _)| json::check(record).is_err());
                    prop_assert!(bad || broken.is_some() || text.trim_ascii_end().ends_with(b",]") || text.windows(2).any(|w| w == b",]"));
                }
            }
        }
    }
}
