//! tar archives in WebDataset's form, as JSON Lines.
//!
//! A sample is the members that follow one another and have the same path up to the first dot of the name. It becomes one
//! line, an object of `__key__`, that path, and a field for each member, named by what follows the dot: JSON of a member
//! that ends in `json`, a string of one that is UTF-8, and the length and BLAKE3 of any other. Headers are read as
//! POSIX.1-2001 (pax) and GNU tar write them. An archive that nobody has declared is read so only where each sample shares
//! a field with the first, no key comes again after another, and no member holds records or an archive of its own.
//! Invariants: memory is bounded by [`MAX_TEXT`], whatever the length of a member or a sample; an archive of any other form
//! is an issue.

use std::collections::HashSet;

use encoding_rs::{CoderResult, UTF_8};

use super::render::{put_escaped, put_string};
use super::{Compression, FileIssue, ReaderSpec, RecordFormat, json};

const BLOCK: usize = 512;
/// The longest member, and the longest part of a line, that is held whole.
const MAX_TEXT: usize = if cfg!(test) { 4 << 10 } else { 16 << 20 };
/// The longest header that says more of a member.
const MAX_HEADER: u64 = 1 << 20;

/// Keys that are looked for again; those after them are not.
const MAX_KEYS: usize = 1 << 20;

/// Turns an archive that comes in pieces into JSON Lines.
#[derive(Debug, Default)]
pub struct TarDecoder {
    /// The form of an archive that nobody has declared.
    form: Option<ArchiveForm>,
    state: TarState,
    /// The bytes of the block that has begun, or of the content as far as it is kept.
    held: Vec<u8>,
    /// The path and size of the next member, where a header before it gives them.
    path: Option<String>,
    size: Option<u64>,
    /// The path of the sample that has begun, and the part of its line that is not handed over yet.
    key: Option<String>,
    line: String,
}

/// The form of an archive, by the samples so far.
#[derive(Debug, Default)]
struct ArchiveForm {
    /// The fields of the first sample.
    fields: HashSet<String>,
    /// True once the first sample has ended.
    is_known: bool,
    /// True once the sample that has begun has a field of the first.
    is_shared: bool,
    /// The hashes of the keys.
    keys: HashSet<[u8; 8]>,
}

/// The state at the next byte of an archive.
#[derive(Debug, Default)]
enum TarState {
    /// At a block that begins a member.
    #[default]
    Header,
    /// In the content of a member.
    Content(Box<MemberContent>),
    /// Before the end of the last block of one.
    Padding(usize),
    /// After a block of zeros.
    End,
}

#[derive(Debug)]
struct MemberContent {
    kind: MemberKind,
    size: u64,
    left: u64,
    hasher: blake3::Hasher,
    output: MemberOutput,
}

/// The form in which the content of a member is put out.
#[derive(Debug)]
enum MemberOutput {
    /// Once it is complete, since it is held whole.
    Whole,
    /// By its first bytes, which are not complete yet.
    Undecided,
    /// By its text, part by part; true once some of its bytes were no UTF-8.
    Parts(Box<encoding_rs::Decoder>, bool),
    /// By its length and hash, or not at all.
    Hash,
}

#[derive(Debug)]
enum MemberKind {
    /// A file: the sample's path and the name of its field.
    File { key: String, field: String },
    /// Records of pax for the next member.
    Pax,
    /// The path of the next member, as GNU tar writes it.
    LongPath,
    /// Of no use here.
    Other,
}

impl TarDecoder {
    /// Creates the reader of an archive, whose form is looked at unless it was declared.
    pub fn new(declared: bool) -> TarDecoder {
        TarDecoder { form: (!declared).then(ArchiveForm::default), ..TarDecoder::default() }
    }

    /// Takes the next bytes and hands over parts of lines. The issue says why the archive is not read.
    pub fn feed(&mut self, mut bytes: &[u8], take: &mut dyn FnMut(&[u8])) -> Result<(), FileIssue> {
        while !bytes.is_empty() {
            match &mut self.state {
                TarState::Header => {
                    let (now, rest) = bytes.split_at(bytes.len().min(BLOCK - self.held.len()));
                    self.held.extend_from_slice(now);
                    bytes = rest;
                    if self.held.len() == BLOCK {
                        let block = std::mem::take(&mut self.held);
                        self.state = self.header(&block)?;
                        self.complete(take)?;
                    }
                }
                TarState::Content(content) => {
                    let mut most = usize::try_from(content.left).unwrap_or(usize::MAX).min(bytes.len());
                    if matches!(content.output, MemberOutput::Undecided) {
                        most = most.min(MAX_TEXT - self.held.len());
                    }
                    let (now, rest) = bytes.split_at(most);
                    content.hasher.update(now);
                    content.left -= now.len() as u64;
                    bytes = rest;
                    self.content(now, take)?;
                    self.complete(take)?;
                }
                TarState::Padding(left) => {
                    let n = bytes.len().min(*left);
                    *left -= n;
                    bytes = &bytes[n..];
                    if *left == 0 {
                        self.state = TarState::Header;
                    }
                }
                TarState::End if bytes.iter().all(|&byte| byte == 0) => return Ok(()),
                TarState::End => return Err(FileIssue::damaged("unexpected data after the tar archive".to_owned())),
            }
        }
        Ok(())
    }

    /// The archive ends here: hands over the last line, or says that unexpected end of data.
    pub fn finish(&mut self, take: &mut dyn FnMut(&[u8])) -> Result<(), FileIssue> {
        match self.state {
            TarState::End => self.end_sample(take),
            _ => Err(FileIssue::damaged("unexpected end of the tar archive".to_owned())),
        }
    }

    /// Takes the block before a member.
    fn header(&mut self, block: &[u8]) -> Result<TarState, FileIssue> {
        if block.iter().all(|&byte| byte == 0) {
            return Ok(TarState::End);
        }
        let sum: u64 =
            block.iter().enumerate().map(|(at, &byte)| u64::from(if (148..156).contains(&at) { b' ' } else { byte })).sum();
        if number(&block[148..156]) != Some(sum) {
            return Err(damaged("the checksum of a member does not match"));
        }
        let size = number(&block[124..136]).ok_or_else(|| damaged("invalid size of a member"))?;
        let kind = match block[156] {
            b'x' => MemberKind::Pax,
            b'L' => MemberKind::LongPath,
            b'5' | b'g' | b'K' => MemberKind::Other,
            b'0' | b'7' | 0 => {
                let path = self.path.take().unwrap_or_else(|| path(block));
                let name = path.rfind('/').map_or(0, |at| at + 1);
                match path[name..].find('.').map(|dot| name + dot) {
                    Some(dot) if dot > name => {
                        let (key, field) = (path[..dot].to_owned(), path[dot + 1..].to_owned());
                        if self.form.is_some() && holds_records(&path) {
                            return Err(not_of_form(&format!(
                                "'{}' is a data file or an archive",
                                super::escaped(path.as_bytes())
                            )));
                        }
                        MemberKind::File { key, field }
                    }
                    _ if path.ends_with('/') => MemberKind::Other,
                    _ => return Err(unread(&format!("'{}' has no file extension", super::escaped(path.as_bytes())), "")),
                }
            }
            kind => return Err(unread(&format!("it has a member of type '{}', which is not a file", kind.escape_ascii()), "")),
        };
        let is_header = matches!(kind, MemberKind::Pax | MemberKind::LongPath);
        let size = if is_header { size } else { self.size.take().unwrap_or(size) };
        if is_header && size > MAX_HEADER {
            return Err(damaged("a header is larger than 1 MiB"));
        }
        let output = match kind {
            MemberKind::Other => MemberOutput::Hash,
            MemberKind::File { .. } if size > MAX_TEXT as u64 => MemberOutput::Undecided,
            _ => MemberOutput::Whole,
        };
        Ok(TarState::Content(Box::new(MemberContent { kind, size, left: size, hasher: blake3::Hasher::new(), output })))
    }

    /// Takes the next bytes of a member.
    fn content(&mut self, bytes: &[u8], take: &mut dyn FnMut(&[u8])) -> Result<(), FileIssue> {
        let TarState::Content(content) = &mut self.state else { return Ok(()) };
        if matches!(content.output, MemberOutput::Whole | MemberOutput::Undecided) {
            self.held.extend_from_slice(bytes);
        }
        match (&mut content.output, &content.kind) {
            (MemberOutput::Undecided, MemberKind::File { key, field }) if self.held.len() == MAX_TEXT => {
                // The last character may be cut.
                let is_text = std::str::from_utf8(&self.held).map_or_else(|why| why.error_len().is_none(), |_| true);
                let (key, field) = (key.clone(), field.clone());
                content.output = if is_text {
                    MemberOutput::Parts(Box::new(UTF_8.new_decoder_without_bom_handling()), false)
                } else {
                    MemberOutput::Hash
                };
                let held = std::mem::take(&mut self.held);
                if is_text {
                    self.begin_field(key, &field, take)?;
                    self.line.push('"');
                    return self.content(&held, take);
                }
            }
            (MemberOutput::Parts(decoder, malformed), _) => {
                let is_last = content.left == 0;
                let mut text = String::with_capacity(decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(MAX_TEXT));
                let mut rest = bytes;
                loop {
                    let (result, read, replaced) = decoder.decode_to_string(rest, &mut text, is_last);
                    *malformed |= replaced;
                    rest = &rest[read..];
                    put_escaped(&text, &mut self.line);
                    text.clear();
                    if result == CoderResult::InputEmpty {
                        break;
                    }
                }
                self.hand_over(take);
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes a member whose content is complete.
    fn complete(&mut self, take: &mut dyn FnMut(&[u8])) -> Result<(), FileIssue> {
        let TarState::Content(content) = &self.state else { return Ok(()) };
        if content.left > 0 {
            return Ok(());
        }
        let padding = (BLOCK - (content.size % BLOCK as u64) as usize) % BLOCK;
        let next = if padding == 0 { TarState::Header } else { TarState::Padding(padding) };
        let held = std::mem::take(&mut self.held);
        let TarState::Content(content) = std::mem::replace(&mut self.state, next) else { return Ok(()) };
        let MemberContent { kind, size, hasher, output, .. } = *content;
        match kind {
            MemberKind::File { key, field } => {
                let hash = || hasher.finalize().to_hex();
                match (output, std::str::from_utf8(&held)) {
                    (MemberOutput::Parts(_, false), _) => self.line.push('"'),
                    (MemberOutput::Parts(_, true), _) => {
                        self.line.push_str("\",");
                        put_string(&format!("{field}.blake3"), &mut self.line);
                        self.line.push_str(&format!(":\"{}\"", hash()));
                    }
                    (MemberOutput::Whole, Ok(text)) => {
                        self.begin_field(key, &field, take)?;
                        if is_json(&field) && json::check(&held).is_ok() {
                            // No string of JSON holds a line end as it is.
                            self.line.extend(text.trim().chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
                        } else {
                            put_string(text, &mut self.line);
                        }
                    }
                    _ => {
                        self.begin_field(key, &field, take)?;
                        self.line.push_str(&format!("{{\"length\":{size},\"blake3\":\"{}\"}}", hash()));
                    }
                }
                self.hand_over(take);
            }
            MemberKind::Pax => self.pax(&held)?,
            MemberKind::LongPath => self.path = Some(text_of(&held)),
            MemberKind::Other => {}
        }
        Ok(())
    }

    /// Takes the records of a pax header: `LENGTH KEY=VALUE`, each with a line end.
    fn pax(&mut self, mut records: &[u8]) -> Result<(), FileIssue> {
        let damaged = || damaged("invalid pax header");
        while !records.is_empty() {
            let space = records.iter().position(|&byte| byte == b' ').ok_or_else(damaged)?;
            let length = std::str::from_utf8(&records[..space]).ok().and_then(|text| text.parse().ok());
            let length = length.filter(|&length: &usize| length > space + 1 && length <= records.len()).ok_or_else(damaged)?;
            let (record, rest) = records.split_at(length);
            let record = record[space + 1..].strip_suffix(b"\n").ok_or_else(damaged)?;
            if let Some(path) = record.strip_prefix(b"path=") {
                self.path = Some(text_of(path));
            } else if let Some(size) = record.strip_prefix(b"size=") {
                let size = std::str::from_utf8(size).ok().and_then(|text| text.parse().ok());
                self.size = Some(size.ok_or_else(damaged)?);
            }
            records = rest;
        }
        Ok(())
    }

    /// Begins a field of a sample, which begins with it if it is another than before.
    fn begin_field(&mut self, key: String, field: &str, take: &mut dyn FnMut(&[u8])) -> Result<(), FileIssue> {
        if self.key.as_ref() != Some(&key) {
            self.end_sample(take)?;
            if let Some(form) = &mut self.form {
                form.begin(&key)?;
            }
            self.line.push_str("{\"__key__\":");
            put_string(&key, &mut self.line);
            self.key = Some(key);
        }
        if let Some(form) = &mut self.form {
            form.take(field);
        }
        self.line.push(',');
        put_string(field, &mut self.line);
        self.line.push(':');
        Ok(())
    }

    fn end_sample(&mut self, take: &mut dyn FnMut(&[u8])) -> Result<(), FileIssue> {
        let Some(key) = self.key.take() else { return Ok(()) };
        self.line.push_str("}\n");
        take(self.line.as_bytes());
        self.line.clear();
        self.form.as_mut().map_or(Ok(()), |form| form.end(&key))
    }

    /// Hands over the part of the line that is at hand, once it is long.
    fn hand_over(&mut self, take: &mut dyn FnMut(&[u8])) {
        if self.line.len() > MAX_TEXT {
            take(self.line.as_bytes());
            self.line.clear();
        }
    }
}

impl ArchiveForm {
    /// Takes the key of the next sample.
    fn begin(&mut self, key: &str) -> Result<(), FileIssue> {
        let mut hash = [0; 8];
        hash.copy_from_slice(&blake3::hash(key.as_bytes()).as_bytes()[..8]);
        if self.keys.len() < MAX_KEYS && !self.keys.insert(hash) {
            return Err(not_of_form(&format!("the files of '{}' are not contiguous", super::escaped(key.as_bytes()))));
        }
        self.is_shared = !self.is_known;
        Ok(())
    }

    /// Takes a field of the sample that has begun.
    fn take(&mut self, field: &str) {
        if self.is_known {
            self.is_shared |= self.fields.contains(field);
        } else {
            self.fields.insert(field.to_owned());
        }
    }

    /// The sample of this key ends.
    fn end(&mut self, key: &str) -> Result<(), FileIssue> {
        self.is_known = true;
        if self.is_shared {
            return Ok(());
        }
        Err(not_of_form(&format!("'{}' has no file extension in common with the first sample", super::escaped(key.as_bytes()))))
    }
}

/// Returns true for a member that holds records or an archive of its own, by the ending of its name.
fn holds_records(path: &str) -> bool {
    let ReaderSpec { format, compression, .. } = ReaderSpec::of(path);
    compression != Compression::None || !matches!(format, RecordFormat::Whole | RecordFormat::Json)
}

fn is_json(field: &str) -> bool {
    field.rsplit('.').next().is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
}

/// Returns the path in a header: its name, in ustar below a prefix.
fn path(block: &[u8]) -> String {
    let (name, prefix) = (text_of(&block[..100]), text_of(&block[345..500]));
    let is_posix = &block[257..263] == b"ustar\0";
    if is_posix && !prefix.is_empty() { format!("{prefix}/{name}") } else { name }
}

/// Returns the text before the first zero.
fn text_of(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// Returns a number of a header: octal digits, or as GNU tar writes what these cannot hold, big-endian after a set bit.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let first = u64::from(field[0] & 0x7f);
        return field[1..].iter().try_fold(first, |sum, &byte| sum.checked_mul(256)?.checked_add(u64::from(byte)));
    }
    let digits = text_of(field);
    let digits = digits.trim();
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}

fn damaged(why: &str) -> FileIssue {
    FileIssue::damaged(format!("the tar archive is damaged: {why}"))
}

/// Returns the issue of an archive that is read once it is declared.
fn not_of_form(why: &str) -> FileIssue {
    unread(why, "\"FILE\" = \"tar\" reads it anyway, ")
}

/// Returns the issue of an archive of another form.
fn unread(why: &str, declaration: &str) -> FileIssue {
    FileIssue::Opaque {
        cause: format!(
            "the tar archive is not in WebDataset format: {why}; unpack it and commit its files, or set it in \
             [dataset.NAME.format]: {declaration}\"FILE\" = \"text\" treats it as one sample"
        ),
    }
}

#[cfg(test)]
pub(super) mod tests;
