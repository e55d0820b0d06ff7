//! tar archives in WebDataset's form, as JSON Lines.
//!
//! A sample is the members that follow one another and have the same path up to the first dot of the name. It becomes one
//! line, an object of `__key__`, that path, and a field for each member, named by what follows the dot: JSON of a member
//! that ends in `json`, a string of one that is UTF-8, and the length and BLAKE3 of any other and of one above
//! [`MAX_TEXT`]. Headers are read as POSIX.1-2001 (pax) and GNU tar write them. Invariants: memory is bounded by the text
//! of one sample; an archive of any other form is an error.

use super::json;
use super::render::put_string;

const BLOCK: usize = 512;
/// The longest member that is shown as text.
const MAX_TEXT: u64 = if cfg!(test) { 4 << 10 } else { 16 << 20 };
/// The longest text of a sample. What comes after it is shown by length and hash.
const MAX_SAMPLE: usize = if cfg!(test) { 8 << 10 } else { 64 << 20 };
/// The longest header that says more of a member.
const MAX_HEADER: u64 = 1 << 20;

/// Turns an archive that comes in pieces into JSON Lines.
#[derive(Debug, Default)]
pub struct Shard {
    state: State,
    /// The bytes of the block that has begun, or of the content as far as it is kept.
    held: Vec<u8>,
    /// What the headers before a member say of it.
    path: Option<String>,
    size: Option<u64>,
    /// The path of the sample that has begun, and its line without the end.
    key: Option<String>,
    line: String,
}

/// Where in an archive the next byte stands.
#[derive(Debug, Default)]
enum State {
    /// At a block that begins a member.
    #[default]
    Header,
    /// In the content of a member.
    Content(Box<Content>),
    /// Before the end of the last block of one.
    Padding(usize),
    /// After a block of zeros.
    End,
}

#[derive(Debug)]
struct Content {
    kind: Kind,
    size: u64,
    left: u64,
    hasher: blake3::Hasher,
}

#[derive(Debug)]
enum Kind {
    /// A file: the sample's path and the name of its field.
    File { key: String, field: String },
    /// Records of pax for the next member.
    Pax,
    /// The path of the next member, as GNU tar writes it.
    LongPath,
    /// Of no use here.
    Other,
}

impl Shard {
    /// Takes the next bytes and hands over lines. The error says why the archive is not read.
    pub fn feed(&mut self, mut bytes: &[u8], take: &mut dyn FnMut(&[u8])) -> Result<(), String> {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Header => {
                    let (now, rest) = bytes.split_at(bytes.len().min(BLOCK - self.held.len()));
                    self.held.extend_from_slice(now);
                    bytes = rest;
                    if self.held.len() == BLOCK {
                        let block = std::mem::take(&mut self.held);
                        self.state = self.header(&block)?;
                        self.complete(take)?;
                    }
                }
                State::Content(content) => {
                    let (now, rest) = bytes.split_at(usize::try_from(content.left).unwrap_or(usize::MAX).min(bytes.len()));
                    content.hasher.update(now);
                    content.left -= now.len() as u64;
                    if content.size <= MAX_TEXT {
                        self.held.extend_from_slice(now);
                    }
                    bytes = rest;
                    self.complete(take)?;
                }
                State::Padding(left) => {
                    let n = bytes.len().min(*left);
                    *left -= n;
                    bytes = &bytes[n..];
                    if *left == 0 {
                        self.state = State::Header;
                    }
                }
                State::End if bytes.iter().all(|&byte| byte == 0) => return Ok(()),
                State::End => return Err("something else follows the tar archive".to_owned()),
            }
        }
        Ok(())
    }

    /// The archive ends here: hands over the last line, or says that it ends too early.
    pub fn finish(&mut self, take: &mut dyn FnMut(&[u8])) -> Result<(), String> {
        match self.state {
            State::End => {
                self.end_sample(take);
                Ok(())
            }
            _ => Err("the tar archive ends too early".to_owned()),
        }
    }

    /// Takes the block before a member.
    fn header(&mut self, block: &[u8]) -> Result<State, String> {
        if block.iter().all(|&byte| byte == 0) {
            return Ok(State::End);
        }
        let sum: u64 =
            block.iter().enumerate().map(|(at, &byte)| u64::from(if (148..156).contains(&at) { b' ' } else { byte })).sum();
        if number(&block[148..156]) != Some(sum) {
            return Err("the tar archive is damaged: the checksum of a member is wrong".to_owned());
        }
        let size = number(&block[124..136]).ok_or("the tar archive is damaged: the size of a member is no number")?;
        let kind = match block[156] {
            b'x' => Kind::Pax,
            b'L' => Kind::LongPath,
            b'5' | b'g' | b'K' => Kind::Other,
            b'0' | b'7' | 0 => {
                let path = self.path.take().unwrap_or_else(|| path(block));
                let name = path.rfind('/').map_or(0, |at| at + 1);
                match path[name..].find('.').map(|dot| name + dot) {
                    Some(dot) if dot > name => Kind::File { key: path[..dot].to_owned(), field: path[dot + 1..].to_owned() },
                    _ if path.ends_with('/') => Kind::Other,
                    _ => return Err(not_of_form(&format!("the name of '{}' has no ending", super::escaped(path.as_bytes())))),
                }
            }
            kind => return Err(not_of_form(&format!("it has a member that is no file, of type '{}'", kind.escape_ascii()))),
        };
        let is_header = matches!(kind, Kind::Pax | Kind::LongPath);
        let size = if is_header { size } else { self.size.take().unwrap_or(size) };
        if is_header && size > MAX_HEADER {
            return Err("the tar archive is damaged: a header takes more than 1 MiB".to_owned());
        }
        Ok(State::Content(Box::new(Content { kind, size, left: size, hasher: blake3::Hasher::new() })))
    }

    /// Takes a member whose content is complete.
    fn complete(&mut self, take: &mut dyn FnMut(&[u8])) -> Result<(), String> {
        let State::Content(content) = &self.state else { return Ok(()) };
        if content.left > 0 {
            return Ok(());
        }
        let padding = (BLOCK - (content.size % BLOCK as u64) as usize) % BLOCK;
        let next = if padding == 0 { State::Header } else { State::Padding(padding) };
        let held = std::mem::take(&mut self.held);
        if let State::Content(content) = std::mem::replace(&mut self.state, next) {
            let Content { kind, size, hasher, .. } = *content;
            match kind {
                Kind::File { key, field } => self.put(key, &field, &held, size, &hasher, take),
                Kind::Pax => self.pax(&held)?,
                Kind::LongPath => self.path = Some(text_of(&held)),
                Kind::Other => {}
            }
        }
        Ok(())
    }

    /// Takes the records of a pax header: `LENGTH KEY=VALUE`, each with a line end.
    fn pax(&mut self, mut records: &[u8]) -> Result<(), String> {
        let damaged = || "the tar archive is damaged: a pax header is not understood".to_owned();
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

    /// Adds a member to its sample.
    fn put(&mut self, key: String, field: &str, content: &[u8], size: u64, hasher: &blake3::Hasher, take: &mut dyn FnMut(&[u8])) {
        if self.key.as_ref() != Some(&key) {
            self.end_sample(take);
            self.line.push_str("{\"__key__\":");
            put_string(&key, &mut self.line);
            self.key = Some(key);
        }
        self.line.push(',');
        put_string(field, &mut self.line);
        self.line.push(':');
        let is_held = size <= MAX_TEXT && self.line.len() + content.len() <= MAX_SAMPLE;
        match std::str::from_utf8(content).ok().filter(|_| is_held) {
            Some(text) if is_json(field) && json::check(content).is_ok() => {
                // No string of JSON holds a line end as it is.
                self.line.extend(text.trim().chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
            }
            Some(text) => put_string(text, &mut self.line),
            None => {
                let hash = hasher.finalize().to_hex();
                self.line.push_str(&format!("{{\"length\":{size},\"blake3\":\"{hash}\"}}"));
            }
        }
    }

    fn end_sample(&mut self, take: &mut dyn FnMut(&[u8])) {
        if self.key.take().is_some() {
            self.line.push_str("}\n");
            take(self.line.as_bytes());
            self.line.clear();
        }
    }
}

fn is_json(field: &str) -> bool {
    field.rsplit('.').next().is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
}

/// The path in a header: its name, in ustar below a prefix.
fn path(block: &[u8]) -> String {
    let (name, prefix) = (text_of(&block[..100]), text_of(&block[345..500]));
    let is_posix = &block[257..263] == b"ustar\0";
    if is_posix && !prefix.is_empty() { format!("{prefix}/{name}") } else { name }
}

/// The text before the first zero.
fn text_of(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// A number of a header: octal digits, or as GNU tar writes what these cannot hold, big-endian after a set bit.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let first = u64::from(field[0] & 0x7f);
        return field[1..].iter().try_fold(first, |sum, &byte| sum.checked_mul(256)?.checked_add(u64::from(byte)));
    }
    let digits = text_of(field);
    let digits = digits.trim();
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}

fn not_of_form(why: &str) -> String {
    format!(
        "the tar archive is not in WebDataset's form: {why}; unpack it and commit the files in it, or say that it is one \
         sample with \"GLOB\" = \"text\" in [dataset.NAME.format]"
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn member(path: &str, kind: u8, content: &[u8]) -> Vec<u8> {
        let mut block = vec![0; BLOCK];
        block[..path.len()].copy_from_slice(path.as_bytes());
        block[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        block[156] = kind;
        block[257..263].copy_from_slice(b"ustar\0");
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        block.extend_from_slice(content);
        block.resize(block.len().next_multiple_of(BLOCK), 0);
        block
    }

    fn archive(members: &[(&str, u8, &[u8])]) -> Vec<u8> {
        let mut bytes: Vec<u8> = members.iter().flat_map(|(path, kind, content)| member(path, *kind, content)).collect();
        bytes.resize(bytes.len() + 2 * BLOCK, 0);
        bytes
    }

    fn lines(bytes: &[u8], cut: usize) -> Result<String, String> {
        let mut shard = Shard::default();
        let mut lines = Vec::new();
        let take = &mut |line: &[u8]| lines.extend_from_slice(line);
        for piece in bytes.chunks(cut) {
            shard.feed(piece, take)?;
        }
        shard.finish(take)?;
        Ok(String::from_utf8(lines).unwrap())
    }

    #[test]
    fn members_of_a_sample_are_fields() {
        let long = "x".repeat(MAX_TEXT as usize + 1);
        let bytes = archive(&[
            ("a", b'5', b""),
            ("a/0.cls", b'0', b"3"),
            ("a/0.seg.json", 0, b"{\n\"k\": [1]\n}\n"),
            ("a/0.jpg", b'0', b"\xff\xd8"),
            ("a/1.txt", b'0', b"two\nlines"),
            ("a/1.json", b'0', b"{oops"),
            ("././@PaxHeader", b'x', b"19 path=b/\xc3\xa9.c.txt\n"),
            ("b/?.c.txt", b'0', b""),
            ("././@LongLink", b'L', b"d/2.txt\0"),
            ("d/?", b'0', long.as_bytes()),
        ]);
        let hash = |bytes: &[u8]| blake3::hash(bytes).to_hex();
        let expected = format!(
            concat!(
                "{{\"__key__\":\"a/0\",\"cls\":\"3\",\"seg.json\":{{ \"k\": [1] }},\"jpg\":{{\"length\":2,\"blake3\":\"{}\"}}}}\n",
                "{{\"__key__\":\"a/1\",\"txt\":\"two\\nlines\",\"json\":\"{{oops\"}}\n",
                "{{\"__key__\":\"b/é\",\"c.txt\":\"\"}}\n",
                "{{\"__key__\":\"d/2\",\"txt\":{{\"length\":{},\"blake3\":\"{}\"}}}}\n",
            ),
            hash(b"\xff\xd8"),
            long.len(),
            hash(long.as_bytes())
        );
        for cut in [1, 7, 511, 512, 4096, usize::MAX] {
            assert_eq!(lines(&bytes, cut).unwrap(), expected, "{cut}");
        }
        assert_eq!(lines(&archive(&[]), 99).unwrap(), "");
    }

    #[test]
    fn what_is_not_read_is_named() {
        let why = |bytes: &[u8]| lines(bytes, 700).unwrap_err();
        let whole = archive(&[("0.txt", b'0', b"a")]);
        assert_eq!(why(&whole[..1024]), "the tar archive ends too early");
        assert_eq!(why(&whole[..700]), "the tar archive ends too early");
        assert!(
            why(&archive(&[("README", b'0', b"a")])).contains("not in WebDataset's form: the name of 'README' has no ending")
        );
        assert!(why(&archive(&[("0.txt", b'2', b"")])).contains("a member that is no file, of type '2'"));
        let mut flipped = whole.clone();
        flipped[0] ^= 1;
        assert!(why(&flipped).contains("the checksum of a member is wrong"));
        assert!(why(&[&whole[..], b"x"].concat()).contains("something else follows"));
    }

    proptest! {
        #[test]
        fn damage_never_panics(at: prop::sample::Index, mask in 1u8.., cut in 1usize..2000) {
            let mut bytes = archive(&[("p", b'x', b"19 path=b/\xc3\xa9.c.txt\n"), ("0.txt", b'0', b"a"), ("0.json", b'0', b"[1]")]);
            let at = at.index(bytes.len());
            bytes[at] ^= mask;
            let _ = lines(&bytes, cut);
        }
    }
}
