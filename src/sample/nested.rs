//! The list of records further down in a JSON document: `{"data": [...]}`.

use super::array::Array;
use super::{ParseIssue, Pointer, Record, RecordReader};

/// The records of the list at a place in a document. What stands around the list is passed over, so that memory is
/// bounded by the longest record.
#[derive(Clone, Debug)]
pub struct Nested {
    pointer: String,
    /// The names of the objects' members that lead to the list.
    steps: Vec<String>,
    list: ListState,
    /// Begins the list.
    array: Array,
    /// Objects and lists around the next byte.
    depth: usize,
    /// Members on the way that have been entered: the innermost object among them is this deep.
    entered: usize,
    /// The string that has begun, as it stands, if it may be a key on the way.
    key: Vec<u8>,
    string: bool,
    escaped: bool,
    /// True if a key may come next in the innermost object on the way.
    expects_key: bool,
    /// True if the member whose value comes next is on the way.
    on_the_way: bool,
    line: u64,
    at: u64,
}

/// The list of the records.
#[derive(Clone, Debug, PartialEq)]
enum ListState {
    /// It has not come yet.
    Before,
    /// Its elements come; so many brackets are open in it.
    Inside(Array, usize),
    /// It has ended.
    After(Array),
}

impl Nested {
    /// Creates a reader of a document whose list lies at this place; one that is not a JSON pointer lies nowhere.
    pub fn new(pointer: &str) -> Nested {
        let steps = Pointer::parse(pointer).map(|pointer| pointer.steps().to_vec()).unwrap_or_default();
        Nested {
            pointer: pointer.to_owned(),
            steps,
            list: ListState::Before,
            array: Array::new(),
            depth: 0,
            entered: 0,
            key: Vec::new(),
            string: false,
            escaped: false,
            expects_key: false,
            on_the_way: false,
            line: 1,
            at: 0,
        }
    }

    /// Sets the longest length of a record, in bytes.
    pub fn with_limit(self, limit: usize) -> Nested {
        Nested { array: Array::new().with_limit(limit), ..self }
    }

    /// Returns the reason that the file is one record: it has no such list, or is not JSON. Known after
    /// [`RecordReader::finish`].
    pub fn broken(&self) -> Option<ParseIssue> {
        match &self.list {
            ListState::Before => {
                let message =
                    format!("the document has no list of records at '{}', which 'records' in helox.toml specifies", self.pointer);
                Some(ParseIssue { line: 1, message })
            }
            ListState::Inside(array, _) | ListState::After(array) => array.broken().cloned(),
        }
    }

    /// Returns the issue of a list all of whose records were read.
    pub fn remark(&self) -> Option<ParseIssue> {
        match &self.list {
            ListState::Before => None,
            ListState::Inside(array, _) | ListState::After(array) => array.remark(),
        }
    }

    /// Takes a byte outside of the list.
    fn pass(&mut self, byte: u8) {
        if self.string {
            if self.is_key() {
                self.key.push(byte);
            }
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => {
                    self.string = false;
                    let name = serde_json::from_slice::<String>(&self.key).ok();
                    self.on_the_way = self.is_key() && name.as_ref() == self.steps.get(self.entered);
                    self.key.clear();
                }
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => {
                self.string = true;
                if self.is_key() {
                    self.key.push(byte);
                }
            }
            b'{' => {
                let enters = self.depth == 0 || std::mem::take(&mut self.on_the_way);
                self.entered += usize::from(enters && self.depth > 0);
                self.depth += 1;
                self.expects_key = enters || self.expects_key;
            }
            b'[' => {
                self.on_the_way = false;
                self.depth += 1;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.entered = self.entered.min(self.depth.saturating_sub(1));
                self.on_the_way = false;
            }
            b',' => {
                self.expects_key |= self.depth == self.entered + 1;
                self.on_the_way &= self.depth != self.entered + 1;
            }
            b':' if self.depth == self.entered + 1 => self.expects_key = false,
            _ => {}
        }
    }

    /// Returns true if a string that begins here is a key of the innermost object on the way.
    fn is_key(&self) -> bool {
        self.expects_key && self.depth == self.entered + 1
    }

    /// Returns true if the list of the records begins with this byte.
    fn begins(&self, byte: u8) -> bool {
        !self.string && byte == b'[' && self.on_the_way && self.entered + 1 == self.steps.len() && self.depth == self.steps.len()
    }
}

impl PartialEq for Nested {
    fn eq(&self, other: &Nested) -> bool {
        let state = |nested: &Nested| {
            let Nested { depth, entered, string, escaped, expects_key, on_the_way, .. } = nested;
            (*depth, *entered, *string, *escaped, *expects_key, *on_the_way)
        };
        self.steps == other.steps && state(self) == state(other) && self.key == other.key && self.list == other.list
    }
}

impl RecordReader for Nested {
    fn feed(&mut self, bytes: &[u8], take: &mut dyn FnMut(Record<'_>)) {
        let mut start = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            let begins = self.begins(byte);
            match &mut self.list {
                ListState::Inside(array, open) => {
                    match byte {
                        _ if self.escaped => self.escaped = false,
                        b'\\' => self.escaped = self.string,
                        b'"' => self.string = !self.string,
                        b'[' | b'{' if !self.string => *open += 1,
                        b']' | b'}' if !self.string => *open -= 1,
                        _ => {}
                    }
                    if *open == 0 {
                        array.feed(&bytes[start..=at], take);
                        self.list = ListState::After(std::mem::take(array));
                        self.on_the_way = false;
                    }
                }
                ListState::Before if begins => {
                    let mut array = self.array.within(self.line, self.at + at as u64);
                    start = at + 1;
                    array.feed(&bytes[at..start], take);
                    self.list = ListState::Inside(array, 1);
                }
                _ => self.pass(byte),
            }
            self.line += u64::from(byte == b'\n');
        }
        if let ListState::Inside(array, _) = &mut self.list {
            array.feed(&bytes[start..], take);
        }
        self.at += bytes.len() as u64;
    }

    fn finish(&mut self, take: &mut dyn FnMut(Record<'_>)) {
        if let ListState::Inside(array, _) | ListState::After(array) = &mut self.list {
            array.finish(take);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read<'a>(pointer: &str, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<(String, u64, u64)>, bool) {
        let mut reader = Nested::new(pointer);
        let mut records = Vec::new();
        let mut take = |record: Record<'_>| {
            records.push((String::from_utf8_lossy(record.bytes).into_owned(), record.line, record.at));
        };
        pieces.into_iter().for_each(|piece| reader.feed(piece, &mut take));
        reader.finish(&mut take);
        (records, reader.broken().is_none())
    }

    fn texts(pointer: &str, text: &str) -> Option<Vec<String>> {
        let (records, whole) = read(pointer, [text.as_bytes()]);
        records.iter().for_each(|(record, _, at)| assert!(text[*at as usize..].starts_with(record)));
        whole.then(|| records.into_iter().map(|(record, ..)| record).collect())
    }

    #[test]
    fn the_list_is_found() {
        let list = |items: &[&str]| Some(items.iter().map(|&item| item.to_owned()).collect::<Vec<_>>());
        assert_eq!(texts("/data", r#"{"version":"2","data":[{"a":1},[2],"]"],"x":1}"#), list(&["{\"a\":1}", "[2]", "\"]\""]));
        assert_eq!(texts("/a/b", r#"{"b":[0],"x":{"a":{"b":[1]}},"a":{"c":{"b":[2]},"b":[3]}}"#), list(&["3"]));
        assert_eq!(texts("/a~1b", r#"{"a\/b":[1,2]}"#), list(&["1", "2"]));
        assert_eq!(texts("/data", r#"{"x":"data","y":["data"],"data":[]}"#), list(&[]));
        assert_eq!(texts("/data", r#"{"x":{"data":[1]},"data":[2]}"#), list(&["2"]));
        assert_eq!(texts("/data", r#"{"data":[NaN,2]}"#), list(&["NaN", "2"]));
        for text in ["", "[1]", r#"{"data":1}"#, r#"{"data":{"data":[1]}}"#, r#"{"data":[1"#, r#"{"x":"data"}"#] {
            assert_eq!(texts("/data", text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(cut in 1usize..9) {
            let text = "{\n\"v\":\"[\\\"\",\"data\":[{\"a\":[1,\n{}]} ,\"\\\"]\",3],\n\"data2\":[4]}".as_bytes();
            let whole = read("/data", [text]);
            prop_assert_eq!(whole.0.len(), 3);
            prop_assert_eq!(read("/data", text.chunks(cut)), whole);
        }
    }
}
