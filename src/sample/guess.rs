//! Guesses of the dialect of a file by its first bytes, where its extension does not decide.
//!
//! A guess follows from the first [`HEAD`] bytes alone, and is made only where they leave no doubt, so that the same
//! content is always read alike. `docs/configuration.md` lists what is guessed.

use std::borrow::Cow;

use super::csv::is_delimiter_line;
use super::{
    Compression, Csv, Decompressor, Dialect, Encoding, Origin, Pointer, ReaderSpec, Record, RecordFormat, RecordReader, fields,
    json, opaque,
};

/// Bytes at the start of a file that a guess follows from.
pub const HEAD: usize = 64 << 10;
/// Most bytes that are unpacked of them.
const UNPACKED: usize = 256 << 10;
/// Delimiters that a file may have instead of its own.
const DELIMITERS: [u8; 4] = [b';', b'\t', b'|', b','];

impl ReaderSpec {
    /// Returns the reading of a file that begins with these bytes: the first [`HEAD`] of them, or all that it has.
    pub fn guess(&self, head: &[u8]) -> ReaderSpec {
        if self.format == RecordFormat::None {
            return self.clone();
        }
        match self.opaque_cause(head) {
            Some(_) => ReaderSpec { opaque: true, ..self.before_guess() },
            None => self.guess_dialect(&head[..head.len().min(HEAD)]),
        }
    }

    /// Returns why no reader can look into a file that begins with these bytes, the first [`HEAD`] of them or all that it
    /// has, and what to do.
    pub fn opaque_cause(&self, head: &[u8]) -> Option<String> {
        let head = &head[..head.len().min(HEAD)];
        let spec = self.before_guess().guess_compression(head);
        if let Some(cause) = opaque::compression_cause(&spec, head) {
            return Some(cause);
        }
        let (text, whole) = spec.unpacked(head);
        opaque::cause(&spec, &text, whole)
    }

    /// Returns the reader with a compression, if the records are text and begin as compressed data does.
    fn guess_compression(mut self, head: &[u8]) -> ReaderSpec {
        let is_text = matches!(self.format, RecordFormat::Jsonl | RecordFormat::Json | RecordFormat::Csv | RecordFormat::Tsv);
        if is_text
            && self.compression == Compression::None
            && !self.origin.stated
            && let Some(compression) = Compression::of_magic(head)
        {
            self.compression = compression;
            self.origin.guessed_compression = true;
        }
        self
    }

    fn guess_dialect(&self, head: &[u8]) -> ReaderSpec {
        let mut spec = self.before_guess().guess_compression(head);
        if matches!(spec.format, RecordFormat::Parquet | RecordFormat::Arrow | RecordFormat::Tar | RecordFormat::Archive) {
            return spec;
        }
        let (text, whole) = spec.unpacked(head);
        if spec.dialect.encoding == Encoding::Utf8
            && let Some(encoding) = byte_order(&text).or_else(|| unmarked(spec.format, &text))
        {
            spec.dialect.encoding = encoding;
            spec.origin.guessed_encoding = true;
        }
        if spec.origin.stated {
            return spec;
        }
        let text = spec.dialect.encoding.decode_all(&text);
        let text = TextStart::of(&text, whole);
        match spec.format {
            RecordFormat::Csv | RecordFormat::Tsv => {
                spec.dialect.delimiter = delimiter(text, spec.delimiter());
                spec.dialect.quotes = !quotes_are_text(text, spec.delimiter());
            }
            RecordFormat::Json => spec.dialect.lines = is_lines(text),
            _ => {}
        }
        spec.origin.guessed_form = !spec.reads_as(&ReaderSpec {
            dialect: Dialect { encoding: spec.dialect.encoding, ..Dialect::PLAIN },
            origin: Origin::default(),
            ..spec.clone()
        });
        spec
    }
}

impl ReaderSpec {
    /// Returns the bytes at the start of a file that begins with these, unpacked, and whether they are all that it has.
    pub(super) fn unpacked<'h>(&self, head: &'h [u8]) -> (Cow<'h, [u8]>, bool) {
        let head = &head[..head.len().min(HEAD)];
        let text = match self.compression {
            Compression::None => Cow::Borrowed(head),
            _ => Cow::Owned(unpacked(self.compression, head)),
        };
        let whole = head.len() < HEAD && text.len() < UNPACKED;
        (text, whole)
    }

    /// Returns the guesses as text; `None` if there are none.
    pub fn guessed(&self) -> Option<String> {
        let mut words = Vec::new();
        if self.origin.guessed_compression {
            words.push(format!("as {}, detected from its first bytes", self.compression.name()));
        }
        if self.origin.guessed_encoding {
            words.push("in UTF-16, detected from its first bytes".to_owned());
        }
        if self.origin.guessed_form {
            match self.dialect.delimiter {
                Some(b'\t') => words.push("with tabs between its fields".to_owned()),
                Some(byte) => words.push(format!("with '{}' between its fields", char::from(byte))),
                None => {}
            }
            if !self.dialect.quotes {
                words.push("with quotes as text".to_owned());
            }
            if self.dialect.lines {
                words.push("as JSON Lines".to_owned());
            }
        }
        (!words.is_empty()).then(|| {
            format!("is read {}; to change this, set its format in [dataset.NAME.format] of helox.toml", words.join(", "))
        })
    }
}

/// Returns the encoding that a byte order mark tells, unless it is UTF-8 or UTF-32.
fn byte_order(text: &[u8]) -> Option<Encoding> {
    match text {
        [0xff, 0xfe, 0, 0, ..] => None,
        [0xff, 0xfe, ..] => Some(Encoding::Utf16Le),
        [0xfe, 0xff, ..] => Some(Encoding::Utf16Be),
        _ => None,
    }
}

/// Returns the encoding of records that begin with two ASCII characters in UTF-16 without a mark: their other bytes are 0,
/// which no record in UTF-8 has there.
fn unmarked(format: RecordFormat, text: &[u8]) -> Option<Encoding> {
    match text {
        _ if format == RecordFormat::Whole => None,
        [0, 1..=0x7f, 0, 1..=0x7f, ..] => Some(Encoding::Utf16Be),
        [1..=0x7f, 0, 1..=0x7f, 0, ..] => Some(Encoding::Utf16Le),
        _ => None,
    }
}

/// Decompresses the start of a file, up to [`UNPACKED`] bytes. Errors of the compression are reported when the file is read
/// to its end.
fn unpacked(compression: Compression, head: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    if let Ok(mut unpacker) = Decompressor::new(compression) {
        let _ = unpacker.feed(head, &mut |bytes| {
            text.extend_from_slice(&bytes[..bytes.len().min(UNPACKED.saturating_sub(text.len()))]);
        });
    }
    text
}

/// The text at the start of a file.
#[derive(Clone, Copy)]
pub(super) struct TextStart<'a> {
    pub text: &'a [u8],
    /// True if it is all of the file, so that its last line is a whole one.
    pub whole: bool,
}

impl<'a> TextStart<'a> {
    /// Takes decoded text, without its byte order mark.
    pub fn of(text: &'a [u8], whole: bool) -> TextStart<'a> {
        TextStart { text: text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text), whole }
    }

    /// Returns the lines that end within it.
    fn lines(self) -> impl Iterator<Item = &'a [u8]> {
        let end = if self.whole { self.text.len() } else { memchr::memrchr(b'\n', self.text).unwrap_or(0) };
        let lines = self.text[..end].split(|&byte| byte == b'\n');
        lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)).filter(|line| !line.is_empty())
    }
}

/// Returns the widths of the rows that end within a text, without comments before the header.
fn rows(start: TextStart<'_>, delimiter: u8) -> Vec<usize> {
    let mut widths = Vec::new();
    let mut csv = Csv::new(delimiter, false, None);
    let mut take = |record: Record<'_>| {
        if !(widths.is_empty() && record.bytes.starts_with(b"#")) {
            widths.push(fields(record.bytes, delimiter).count());
        }
    };
    csv.feed(start.text, &mut take);
    if start.whole {
        csv.finish(&mut take);
    }
    widths
}

/// Returns the delimiter of a table whose first row does not have its own, if all rows have as many fields as the first,
/// and more than one.
fn delimiter(start: TextStart<'_>, own: u8) -> Option<u8> {
    let header = start.lines().find(|line| !line.starts_with(b"#"))?;
    if let [b's', b'e', b'p', b'=', delimiter @ (b';' | b'\t' | b'|')] = header {
        return Some(*delimiter).filter(|&delimiter| delimiter != own);
    }
    if header.contains(&own) {
        return None;
    }
    DELIMITERS.into_iter().filter(|delimiter| header.contains(delimiter)).find(|&delimiter| {
        let widths = rows(start, delimiter);
        widths.len() > 1 && widths[0] > 1 && widths.iter().all(|&width| width == widths[0])
    })
}

/// Returns true if the quotes of a table are text: some field begins with one and does not end with one, more lines follow,
/// and every line has as many fields as the first if they are text.
fn quotes_are_text(start: TextStart<'_>, delimiter: u8) -> bool {
    let open = |field: &[u8]| field.starts_with(b"\"") && (field.len() == 1 || !field.ends_with(b"\""));
    let is_before_header = |line: &&[u8]| line.starts_with(b"#") || is_delimiter_line(line, delimiter);
    let mut lines = start.lines().skip_while(is_before_header);
    let Some(header) = lines.next() else { return false };
    let width = |line: &[u8]| line.split(|&byte| byte == delimiter).count();
    // A quote that nothing follows may be a file that was cut off.
    let (mut opened, mut followed) = (false, false);
    let even = lines.all(|line| {
        followed |= opened;
        opened |= line.split(|&byte| byte == delimiter).any(open);
        width(line) == width(header)
    });
    followed && even && width(header) > 1
}

/// Returns true if a text has a JSON document on its first line that is not blank and another on the next.
fn is_lines(start: TextStart<'_>) -> bool {
    let mut lines = start.lines().filter(|line| !line.trim_ascii().is_empty());
    let whole = |line: &[u8]| json::check(line).is_ok() && Pointer::parse("").is_ok_and(|root| root.value(line).is_some());
    lines.next().is_some_and(whole) && lines.next().is_some_and(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(path: &str, text: &str) -> ReaderSpec {
        ReaderSpec::of(path).guess(text.as_bytes())
    }

    #[test]
    fn delimiters() {
        let delimiter = |text: &str| guess("x.csv", text).dialect.delimiter;
        assert_eq!(delimiter("id;text\n1;\"hello; world\"\n2;\"two\nlines\"\n3;x\n"), Some(b';'));
        assert_eq!(delimiter("id\ttext\n1\ta,b\n"), Some(b'\t'));
        assert_eq!(delimiter("# made by x\nid|text\n1|a\n"), Some(b'|'));
        assert_eq!(delimiter("sep=;\r\nid;a,b\r\n1;2\r\n"), Some(b';'), "what Excel writes");
        assert_eq!(guess("x.tsv", "id,text\n1,a\n2,b\n").dialect.delimiter, Some(b','));
        assert_eq!(guess("x.tsv", "id\ttext, long\n1\ta, b\n").dialect.delimiter, None);
        for text in ["", "sep=,\nid;text\n1;a\n", "id\n1\n", "id;text\n", "id;text\n1\n", "a,b;c\n1,2;3\n", "text\na;b\n"] {
            assert_eq!(delimiter(text), None, "{text:?}");
        }
        let stated = ReaderSpec::named("csv").unwrap();
        assert_eq!(stated.guess(b"a;b\n1;2\n"), stated);
    }

    #[test]
    fn quotes() {
        let text = |path: &str, text: &str| !guess(path, text).dialect.quotes;
        assert!(text("x.tsv", "id\ttext\n1\t\"Hello\n2\tbye\n3\t\"x\" y\n"));
        assert!(text("x.tsv", "id\ttext\n1\t\"x\" y\n2\ta\n"));
        for quoted in
            ["a\tb\n1\t\"2\n", "id\ttext\n1\t\"Hello\nworld\"\n", "id\ttext\n1\t\"a\"\n", "id\ttext\n1\ta\"b\n", "text\n\"a\n"]
        {
            assert!(!text("x.tsv", quoted), "{quoted:?}");
        }
    }

    #[test]
    fn a_file_longer_than_its_start_ends_in_a_part_of_a_row() {
        let rows: String = (0..12_000).map(|n| format!("{n};a {n}\n")).collect();
        // The start ends at each place of a row.
        for shift in 0..16 {
            let text = format!("\u{feff}id;text{}\n{rows}", "x".repeat(shift));
            let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert!(utf16.len() > 2 * HEAD);
            for bytes in [text.as_bytes(), &utf16] {
                assert_eq!(ReaderSpec::of("x.csv").guess(bytes).dialect.delimiter, Some(b';'), "{shift}");
            }
        }
    }

    #[test]
    fn documents_on_lines() {
        let lines = |text: &str| guess("x.json", text).dialect.lines;
        assert!(lines("{\"a\":1}\n{\"a\":2}\n"));
        assert!(lines("\n[1]\n\n[2]"));
        for text in ["", "{\"a\":1}", "{\n\"a\":1}\n", "[1,\n2]", "{\"a\":1}\nx\n", "[\n{\"a\":1},\n{\"a\":2}\n]"] {
            assert!(!lines(text), "{text:?}");
        }
    }

    #[test]
    fn compressions_and_what_no_reader_can_look_into() {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
        std::io::Write::write_all(&mut encoder, b"id;t\n1;a\n").unwrap();
        let packed = encoder.finish().unwrap();
        let spec = ReaderSpec::of("x.csv").guess(&packed);
        assert_eq!((spec.compression, spec.delimiter()), (Compression::Xz, b';'));
        assert!(spec.guessed().unwrap().starts_with("is read as xz, detected from its first bytes, with ';'"));
        assert_eq!(spec.before_guess(), ReaderSpec::of("x.csv"));
        assert_eq!(ReaderSpec::from_id(&spec.id()), Some(spec));
        let stated = ReaderSpec::named("csv").unwrap();
        assert!(stated.guess(&packed).opaque && stated.opaque_cause(&packed).unwrap().contains("\"jsonl.xz\""));
        let zipped = ReaderSpec::of("x.csv").guess(b"PK\x03\x04");
        assert!(zipped.opaque && !zipped.is_table() && zipped.before_guess() == ReaderSpec::of("x.csv"));
        assert_eq!(ReaderSpec::of("x.txt").guess(&packed), ReaderSpec::of("x.txt"));
    }

    #[test]
    fn byte_order_marks_tell_the_encoding() {
        let utf16: Vec<u8> = "\u{feff}a;b\n1;2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let spec = ReaderSpec::of("x.csv").guess(&utf16);
        assert_eq!((spec.dialect.encoding, spec.dialect.delimiter), (Encoding::Utf16Le, Some(b';')));
        assert_eq!(spec.before_guess(), ReaderSpec::of("x.csv"));
        let words = "is read in UTF-16, detected from its first bytes, with ';' between its fields; ";
        assert!(spec.guessed().unwrap().starts_with(words));
        assert_eq!(spec.before_guess().guessed(), None);
        assert!(spec.origin.guessed_encoding && spec.origin.guessed_form);
        assert_eq!(ReaderSpec::of("x.txt").guess(b"\xfe\xff\0a").dialect.encoding, Encoding::Utf16Be);
        assert_eq!(ReaderSpec::of("x.txt").guess(b"\xff\xfe\0\0").dialect.encoding, Encoding::Utf8);
        assert_eq!(ReaderSpec::of("x.csv").guess(b"\0i\0d\0,").dialect.encoding, Encoding::Utf16Be);
        assert_eq!(ReaderSpec::of("x.jsonl").guess(b"{\0}\0").dialect.encoding, Encoding::Utf16Le);
        assert_eq!(ReaderSpec::of("x.bin").guess(b"\0i\0d\0,").dialect.encoding, Encoding::Utf8);
    }
}
