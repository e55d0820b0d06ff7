//! Nodes of a manifest tree. The format is specified in `docs/formats/manifest.md`.
//!
//! A leaf lists entries, an inner node lists children with the last path and the totals of each. Paths are coded as what
//! differs from the one before.

use crate::codec::{ByteReader, ByteWriter, Malformed};
use crate::fs::openat::FileKind;
use crate::id::{Content, Id, NodeId};
use crate::limits;
use crate::path::DataPath;
use crate::sample::ReaderId;

/// The kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum EntryKind {
    /// A regular file.
    File = 0,
    /// A regular file that its owner may execute.
    Executable = 1,
    /// A symlink; its content is its target.
    Symlink = 2,
    /// A folder that holds nothing of the dataset.
    Folder = 3,
}

/// The kind that an entry of the file system has in a version.
impl From<FileKind> for EntryKind {
    fn from(kind: FileKind) -> EntryKind {
        match kind {
            FileKind::Executable => EntryKind::Executable,
            FileKind::Symlink => EntryKind::Symlink,
            FileKind::Folder => EntryKind::Folder,
            FileKind::File | FileKind::Special(_) => EntryKind::File,
        }
    }
}

impl EntryKind {
    /// Returns true if it is a regular file, executable or not.
    pub fn is_file(self) -> bool {
        matches!(self, EntryKind::File | EntryKind::Executable)
    }
}

/// The number of samples of a file, and the reader that counted them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleCount {
    /// The number of samples.
    pub count: u64,
    /// The reader that counted.
    pub reader: ReaderId,
}

impl SampleCount {
    /// Returns true where both were counted, by readers that find other records in the same bytes.
    pub fn are_reread(one: Option<&SampleCount>, other: Option<&SampleCount>) -> bool {
        one.zip(other).is_some_and(|(one, other)| !one.reader.reads_as(&other.reader))
    }
}

/// One file, symlink or empty folder of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The path in the dataset.
    pub path: DataPath,
    /// The kind of the entry.
    pub kind: EntryKind,
    /// Bytes of the file or of the symlink's target; 0 for a folder.
    pub size: u64,
    /// The sample count, where it is known. It never makes two entries differ.
    pub samples: Option<SampleCount>,
    /// BLAKE3 of the bytes; of nothing for a folder.
    pub content: Id<Content>,
}

impl Entry {
    /// Returns the entry of an empty folder.
    pub fn folder(path: DataPath) -> Entry {
        Entry { path, kind: EntryKind::Folder, size: 0, samples: None, content: Id::of(b"") }
    }

    /// Returns true for the same file, read so that it has other records.
    pub fn is_reread(&self, other: &Entry) -> bool {
        self.same(other) && SampleCount::are_reread(self.samples.as_ref(), other.samples.as_ref())
    }

    /// Returns true if both are the same file at the same path. Sample counts do not matter.
    pub fn same(&self, other: &Entry) -> bool {
        self.path == other.path && self.kind == other.kind && self.content == other.content
    }
}

/// The totals of a tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Entries of every kind.
    pub entries: u64,
    /// Regular files.
    pub files: u64,
    /// Bytes of the regular files.
    pub bytes: u64,
    /// Samples of the regular files; `None` unless all are counted.
    pub samples: Option<u64>,
}

impl Totals {
    /// The totals of nothing.
    pub const NONE: Totals = Totals { entries: 0, files: 0, bytes: 0, samples: Some(0) };

    /// Adds an entry.
    pub fn add_entry(&mut self, entry: &Entry) {
        let file = entry.kind.is_file();
        self.add(&Totals {
            entries: 1,
            files: u64::from(file),
            bytes: if file { entry.size } else { 0 },
            samples: if file { entry.samples.as_ref().map(|s| s.count) } else { Some(0) },
        });
    }

    /// Adds the totals of another part.
    pub fn add(&mut self, other: &Totals) {
        self.entries = self.entries.saturating_add(other.entries);
        self.files = self.files.saturating_add(other.files);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.samples = self.samples.zip(other.samples).and_then(|(a, b)| a.checked_add(b));
    }
}

/// A child of an inner node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// The last path below it.
    pub last: DataPath,
    /// The child.
    pub id: Id<NodeId>,
    /// The totals of the child.
    pub totals: Totals,
}

/// A node of a manifest tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// Entries in the order of their paths.
    Leaf(Vec<Entry>),
    /// Children in the order of their paths, and the level: 1 above leaves.
    Inner(u8, Vec<Child>),
}

impl Node {
    /// 0 for a leaf.
    pub fn level(&self) -> u8 {
        match self {
            Node::Leaf(_) => 0,
            Node::Inner(level, _) => *level,
        }
    }

    /// Returns the first path of its items and the last; for an inner node, the last paths of the first and last child.
    pub fn first_and_last(&self) -> Option<(&DataPath, &DataPath)> {
        match self {
            Node::Leaf(entries) => entries.first().zip(entries.last()).map(|(first, last)| (&first.path, &last.path)),
            Node::Inner(_, children) => children.first().zip(children.last()).map(|(first, last)| (&first.last, &last.last)),
        }
    }

    /// Returns the totals of the entries below the node.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::NONE;
        match self {
            Node::Leaf(entries) => entries.iter().for_each(|e| totals.add_entry(e)),
            Node::Inner(_, children) => children.iter().for_each(|c| totals.add(&c.totals)),
        }
        totals
    }

    /// Returns the bytes that are stored and hashed.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 << 10);
        let mut before = "";
        out.push(self.level());
        match self {
            Node::Leaf(entries) => {
                out.put_varint(entries.len() as u64);
                for e in entries {
                    put_path(&mut out, before, e.path.as_str());
                    before = e.path.as_str();
                    out.push(e.kind as u8);
                    if e.kind == EntryKind::Folder {
                        continue;
                    }
                    out.put_varint(e.size);
                    out.extend_from_slice(e.content.as_bytes());
                    if e.kind.is_file() {
                        put_optional(&mut out, e.samples.as_ref().map(|s| s.count));
                        if let Some(SampleCount { reader, .. }) = &e.samples {
                            out.put_varint(reader.code);
                            if let Some(records) = &reader.records {
                                out.put_bytes(records.as_bytes());
                            }
                        }
                    }
                }
            }
            Node::Inner(_, children) => {
                out.put_varint(children.len() as u64);
                for c in children {
                    put_path(&mut out, before, c.last.as_str());
                    before = c.last.as_str();
                    out.extend_from_slice(c.id.as_bytes());
                    out.put_varint(c.totals.entries);
                    out.put_varint(c.totals.files);
                    out.put_varint(c.totals.bytes);
                    put_optional(&mut out, c.totals.samples);
                }
            }
        }
        out
    }

    /// Reads what [`Node::encode`] wrote, and rejects paths that are not allowed or not in order.
    pub fn decode(bytes: &[u8]) -> Result<Node, Malformed> {
        let mut reader = ByteReader::new(bytes);
        let level = reader.u8()?;
        if level > limits::NODE_LEVEL {
            return Err(Malformed("the manifest has too many levels"));
        }
        let count = reader.count(3)?;
        if count > limits::NODE_ITEMS || (count == 0 && level > 0) {
            return Err(Malformed("the node has no items or too many"));
        }
        let mut path = String::new();
        let node = if level == 0 {
            let entries = (0..count).map(|_| take_entry(&mut reader, &mut path)).collect::<Result<_, _>>()?;
            Node::Leaf(entries)
        } else {
            let children = (0..count).map(|_| take_child(&mut reader, &mut path)).collect::<Result<_, _>>()?;
            Node::Inner(level, children)
        };
        reader.end()?;
        Ok(node)
    }
}

fn put_path(out: &mut Vec<u8>, before: &str, path: &str) {
    let shared = before.bytes().zip(path.bytes()).take_while(|(a, b)| a == b).count();
    out.put_varint(shared as u64);
    out.put_bytes(&path.as_bytes()[shared..]);
}

/// Reads a path into `path`, which holds the one before; it must be greater.
fn take_path(reader: &mut ByteReader<'_>, path: &mut String) -> Result<DataPath, Malformed> {
    let shared = reader.varint_max(path.len() as u64)? as usize;
    let suffix = reader.bytes()?;
    if suffix.first().is_some_and(|first| path.as_bytes().get(shared) == Some(first)) {
        return Err(Malformed("a path does not share all equal bytes with the one before"));
    }
    let mut next = Vec::with_capacity(shared + suffix.len());
    next.extend_from_slice(&path.as_bytes()[..shared]);
    next.extend_from_slice(suffix);
    let next = String::from_utf8(next).map_err(|_| Malformed("a path is not UTF-8"))?;
    if next.as_str() <= path.as_str() {
        return Err(Malformed("the paths are out of order"));
    }
    *path = next;
    DataPath::new(path.as_str())
}

/// `None` is 0, and `n` is `n + 1`.
fn put_optional(out: &mut Vec<u8>, value: Option<u64>) {
    out.put_varint(value.map_or(0, |n| n.saturating_add(1)));
}

fn take_optional(reader: &mut ByteReader<'_>) -> Result<Option<u64>, Malformed> {
    Ok(reader.varint()?.checked_sub(1))
}

fn take_entry(reader: &mut ByteReader<'_>, path: &mut String) -> Result<Entry, Malformed> {
    let path = take_path(reader, path)?;
    let kind = match reader.u8()? {
        0 => EntryKind::File,
        1 => EntryKind::Executable,
        2 => EntryKind::Symlink,
        3 => return Ok(Entry::folder(path)),
        _ => return Err(Malformed("unknown kind of entry")),
    };
    let size = reader.varint()?;
    let content = Id::from_bytes(reader.array()?);
    if kind.is_file() && size > limits::FILE {
        return Err(Malformed("a file is longer than 16 TiB"));
    }
    if kind == EntryKind::Symlink && !(1..=limits::TARGET).contains(&size) {
        return Err(Malformed("the target of a symlink must have 1 to 4,095 bytes"));
    }
    if (size == 0) != (content == Id::of(b"")) {
        return Err(Malformed("the size of an entry does not match its content id"));
    }
    let mut samples = None;
    if kind.is_file()
        && let Some(count) = take_optional(reader)?
    {
        let code = reader.varint()?;
        let records = if ReaderId::has_records(code) { Some(reader.text()?) } else { None };
        if records.is_some_and(|records| records.len() > limits::POINTER) {
            return Err(Malformed("the pointer to the records is too long"));
        }
        let records = records.map(Into::into);
        samples = Some(SampleCount { count, reader: ReaderId { code, records } });
    }
    Ok(Entry { path, kind, size, samples, content })
}

fn take_child(reader: &mut ByteReader<'_>, path: &mut String) -> Result<Child, Malformed> {
    Ok(Child {
        last: take_path(reader, path)?,
        id: Id::from_bytes(reader.array()?),
        totals: Totals {
            entries: reader.varint()?,
            files: reader.varint()?,
            bytes: reader.varint()?,
            samples: take_optional(reader)?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, samples: Option<u64>) -> Entry {
        let samples = samples.map(|count| SampleCount { count, reader: ReaderId { code: 3, records: None } });
        Entry { path: DataPath::new(path).unwrap(), kind: EntryKind::File, size: 5, samples, content: Id::of(path.as_bytes()) }
    }

    fn leaf() -> Node {
        let link = Entry { kind: EntryKind::Symlink, ..file("b/link", None) };
        let tool = Entry { kind: EntryKind::Executable, ..file("b/run", None) };
        Node::Leaf(vec![file("a", Some(0)), file("ab", Some(7)), Entry::folder(DataPath::new("b/empty").unwrap()), link, tool])
    }

    #[test]
    fn nodes_come_back() {
        let leaf = leaf();
        assert_eq!(Node::decode(&leaf.encode()).unwrap(), leaf);
        assert_eq!(leaf.totals(), Totals { entries: 5, files: 3, bytes: 15, samples: None });
        let child = |last: &str| Child { last: DataPath::new(last).unwrap(), id: Id::of(b"x"), totals: leaf.totals() };
        let inner = Node::Inner(1, vec![child("b"), child("c/d")]);
        assert_eq!(Node::decode(&inner.encode()).unwrap(), inner);
        assert_eq!(Node::decode(&Node::Leaf(vec![]).encode()).unwrap(), Node::Leaf(vec![]));
    }

    #[test]
    fn no_cut_or_flip_makes_it_panic() {
        let good = leaf().encode();
        for n in 0..good.len() {
            assert!(Node::decode(&good[..n]).is_err());
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[n] ^= 1 << bit;
                let _ = Node::decode(&bad);
            }
        }
    }

    #[test]
    fn rejects_paths_that_are_not_allowed_or_not_in_order() {
        let raw = |paths: &[&str]| {
            let mut out = vec![0, paths.len() as u8];
            for p in paths {
                out.put_varint(0);
                out.put_bytes(p.as_bytes());
                out.push(3);
            }
            Node::decode(&out)
        };
        assert!(raw(&["a", "b"]).is_ok());
        for bad in [&["b", "a"][..], &["a", "a"], &["../x"], &["/x"], &[".helox"], &[""]] {
            assert!(raw(bad).is_err(), "{bad:?}");
        }
    }
}
