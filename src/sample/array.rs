//! `.json`: the elements of a top-level array, else the document itself.

use memchr::{memchr, memchr_iter, memchr2};

use super::json::{self, Invalid};
use super::jsonl::BOM;
use super::{Finding, Record, Records};

const NO_END: &str = "',' or ']' was expected";
const TOO_EARLY: &str = "it ends too early";

/// The records of a JSON document: the elements of the array that it is, each without the white space around it and
/// handed out once it is complete, or the whole document if it is anything else.
///
/// A document that is no JSON is one record, all its bytes. But an array may turn out to be broken when elements have been
/// handed out, and they cannot be taken back. So [`Array::broken`] must be asked at the end: if it says why, the caller
/// drops what it was given and takes the file as the one record.
#[derive(Clone, Debug)]
pub struct Array {
    state: State,
    /// The element that has begun, or the whole document if it is no array.
    partial: Vec<u8>,
    /// Where the bytes of `partial` lead; they alone say it, so that it need not be compared.
    nesting: Nesting,
    /// The line of the next byte, or of the first one of `partial` if there is any.
    line: u64,
    /// The place in the stream of that byte.
    at: u64,
    finding: Option<Finding>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the document, after so many bytes of a byte order mark; 3 after white space too.
    Start(usize),
    /// In a document that is no array.
    Document,
    /// After `[`.
    First,
    /// After a comma.
    Next,
    /// After an element.
    After,
    /// After `]`.
    End,
    /// The document is no JSON.
    Broken,
}

impl Array {
    /// A reader at the start of a document.
    pub fn new() -> Array {
        Array { state: State::Start(0), partial: Vec::new(), nesting: Nesting::default(), line: 1, at: 0, finding: None }
    }

    /// Why the document is no JSON, so that it is one record whatever was handed out; known after [`Records::finish`].
    pub fn broken(&self) -> Option<&Finding> {
        self.finding.as_ref()
    }

    /// Takes nothing from here on.
    fn break_off(&mut self, why: &str, line: u64) {
        self.finding = Some(Finding { line, message: format!("this is no JSON: {why}") });
        self.state = State::Broken;
        self.partial = Vec::new();
    }

    /// Takes a byte before the document; returns whether it was none of the document.
    fn start(&mut self, mark: usize, byte: u8) -> bool {
        self.state = match byte {
            _ if BOM.get(mark) == Some(&byte) => State::Start(mark + 1),
            b' ' | b'\n' | b'\t' | b'\r' if matches!(mark, 0 | 3) => {
                self.line += u64::from(byte == b'\n');
                State::Start(3)
            }
            b'[' if matches!(mark, 0 | 3) => State::First,
            _ => {
                // A mark that did not become whole belongs to the document.
                self.partial.extend_from_slice(if mark < 3 { &BOM[..mark] } else { b"" });
                self.at -= self.partial.len() as u64;
                self.state = State::Document;
                return false;
            }
        };
        self.at += 1;
        true
    }

    /// Takes elements that lie whole in `bytes` from `at` on, and begins the one that does not.
    fn whole(&mut self, bytes: &[u8], mut at: usize, take: &mut dyn FnMut(Record<'_>)) {
        let mut lines = Lines::new(bytes, at, self.line);
        loop {
            at = json::space(bytes, at);
            let Some(&byte) = bytes.get(at) else {
                self.line = lines.at(at);
                self.at += at as u64;
                return;
            };
            let why = match (self.state, byte) {
                (State::After, b',') => {
                    self.state = State::Next;
                    at += 1;
                    continue;
                }
                (State::First | State::After, b']') => {
                    self.state = State::End;
                    at += 1;
                    continue;
                }
                (State::First | State::Next, _) => match json::value(bytes, at) {
                    // A number, or a word, may go on in the next piece.
                    Ok(end) if end < bytes.len() || matches!(bytes[end - 1], b'"' | b'}' | b']') => {
                        take(Record { bytes: &bytes[at..end], line: lines.at(at), at: self.at + at as u64 });
                        // Most often the comma follows at once; that spares short elements half of the way round.
                        let comma = bytes.get(end) == Some(&b',');
                        self.state = if comma { State::Next } else { State::After };
                        at = end + usize::from(comma);
                        continue;
                    }
                    Err(invalid) if invalid.at < bytes.len() => {
                        at = invalid.at;
                        invalid.what
                    }
                    _ => {
                        self.line = lines.at(at);
                        self.at += at as u64;
                        self.partial.extend_from_slice(&bytes[at..]);
                        self.nesting = Nesting::of(byte);
                        self.nesting.end(&bytes[at + 1..]);
                        return;
                    }
                },
                (State::After, _) => NO_END,
                _ => "something follows the end of the value",
            };
            return self.break_off(why, lines.at(at));
        }
    }

    /// Takes the rest of the element that has begun; returns its length.
    fn rest(&mut self, bytes: &[u8], take: &mut dyn FnMut(Record<'_>)) -> usize {
        let Some(end) = self.nesting.end(bytes) else {
            self.partial.extend_from_slice(bytes);
            return bytes.len();
        };
        self.partial.extend_from_slice(&bytes[..end]);
        let length = self.partial.len();
        if self.nesting.word {
            // What ends it tells the scanner what is wrong with it.
            self.partial.push(bytes[end]);
        }
        let mut element = std::mem::take(&mut self.partial);
        self.complete(&element, length, NO_END, take);
        self.at += length as u64;
        element.clear();
        if self.state != State::Broken {
            self.partial = element;
        }
        end
    }

    /// Hands out an element of `length` bytes, after which `unless` is wrong if it ended before.
    fn complete(&mut self, element: &[u8], length: usize, unless: &str, take: &mut dyn FnMut(Record<'_>)) {
        let begun = self.line;
        let line = |end| begun + newlines(&element[..end]);
        match json::value(element, 0) {
            Ok(end) => {
                take(Record { bytes: &element[..end], line: begun, at: self.at });
                self.state = State::After;
                if end < length {
                    return self.break_off(unless, line(end));
                }
                self.line = line(end);
            }
            Err(Invalid { at, what }) => self.break_off(what, line(at)),
        }
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

impl Records for Array {
    fn feed(&mut self, mut bytes: &[u8], take: &mut dyn FnMut(Record<'_>)) {
        while let Some(&byte) = bytes.first() {
            match self.state {
                State::Start(mark) => bytes = &bytes[usize::from(self.start(mark, byte))..],
                State::Document => return self.partial.extend_from_slice(bytes),
                State::Broken => return,
                _ if !self.partial.is_empty() => bytes = &bytes[self.rest(bytes, take)..],
                _ => return self.whole(bytes, 0, take),
            }
        }
    }

    fn finish(&mut self, take: &mut dyn FnMut(Record<'_>)) {
        let rest = std::mem::take(&mut self.partial);
        match self.state {
            State::Document => match json::check(&rest) {
                Ok(()) => take(Record { bytes: rest.trim_ascii_end(), line: self.line, at: self.at }),
                Err(Invalid { at, what }) => self.break_off(what, self.line + newlines(&rest[..at])),
            },
            State::End | State::Broken => {}
            State::Start(_) => self.break_off("it is empty", self.line),
            _ if rest.is_empty() => self.break_off(TOO_EARLY, self.line),
            _ => {
                self.complete(&rest, rest.len(), NO_END, take);
                if self.state != State::Broken {
                    self.break_off(TOO_EARLY, self.line);
                }
            }
        }
    }
}

/// Where in an element its bytes so far lead.
#[derive(Clone, Copy, Debug, Default)]
struct Nesting {
    depth: usize,
    string: bool,
    escaped: bool,
    /// Whether it is a number or a literal, which end only where something else begins.
    word: bool,
}

impl Nesting {
    /// After the first byte of an element.
    fn of(first: u8) -> Nesting {
        let depth = usize::from(matches!(first, b'{' | b'['));
        Nesting { depth, string: first == b'"', escaped: false, word: depth == 0 && first != b'"' }
    }

    /// Goes on with these bytes; returns where the element ends, if it ends in them.
    fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        if self.word {
            return bytes.iter().position(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'z' | b'E' | b'.' | b'+' | b'-'));
        }
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
                    b'"' => self.string = true,
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' => self.depth -= 1,
                    _ => {}
                }
            }
            at += 1;
            if self.depth == 0 && !self.string {
                return Some(at);
            }
        }
        None
    }
}

/// Numbers the lines of a piece, from front to back.
struct Lines<'a> {
    bytes: &'a [u8],
    counted: usize,
    /// The next `\n`, or the end.
    next: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    fn new(bytes: &'a [u8], at: usize, line: u64) -> Lines<'a> {
        let mut lines = Lines { bytes, counted: at, next: 0, line };
        lines.seek(at);
        lines
    }

    fn seek(&mut self, at: usize) {
        self.next = memchr(b'\n', &self.bytes[at..]).map_or(self.bytes.len(), |n| at + n);
    }

    /// The line of the byte at `at`, which is not before the one asked for last.
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

fn newlines(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;
    use crate::sample::json::tests::spelled;
    use crate::sample::record::tests::{Cuts, found, pieces};

    type Found = (Vec<(Vec<u8>, u64)>, Option<Finding>);

    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Found {
        let mut reader = Array::new();
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
            let why = why.replacen(' ', " this is no JSON: ", 1);
            assert_eq!(shown(text), (records.iter().map(|r| r.to_string()).collect(), Some(why)));
        };
        broken(b"", &[], "1 it is empty");
        broken(b" \n ", &[], "2 it is empty");
        broken(b"{\n1}", &[], "2 a key in quotes was expected");
        broken(b"\xef\xbb1", &[], "1 a value was expected");
        broken(b"[1,\n]", &["1 1"], "2 a value was expected");
        broken(b"[1,2\n3]", &["1 1", "1 2"], "2 ',' or ']' was expected");
        broken(b"[1,{\"a\"\n:\nx}]", &["1 1"], "3 a value was expected");
        broken(b"[1", &["1 1"], "1 it ends too early");
        broken(b"[1]\n[2]", &["1 1"], "2 something follows the end of the value");
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
                Err(_) => prop_assert!(broken.is_some()),
            }
        }
    }
}
