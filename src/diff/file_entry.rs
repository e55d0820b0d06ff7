//! A file as one side of a comparison has it: in a version, or in the workspace, where its content may be unknown.
//!
//! Invariant: a content that nobody read has no id. Nothing is equal to it, and it is never paired as a rename.

use crate::fs::openat::Stat;
use crate::id::{Content, Id};
use crate::object::node::{Entry, EntryKind, SampleCount};
use crate::path::DataPath;

/// A file, a symlink or an empty folder of a version or of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Its path in the dataset.
    pub path: DataPath,
    /// Its kind.
    pub kind: EntryKind,
    /// Bytes of the file or of the symlink's target; 0 for a folder.
    pub size: u64,
    /// The sample count, where it is known.
    pub samples: Option<SampleCount>,
    /// BLAKE3 of its bytes; none for a folder and for a file that was not read.
    pub content: Option<Id<Content>>,
}

impl FileEntry {
    /// Returns a file of the workspace that was not read.
    pub fn unread(path: DataPath, stat: &Stat) -> FileEntry {
        FileEntry { path, kind: EntryKind::from(stat.kind), size: stat.size, samples: None, content: None }
    }

    /// Returns true if both are known to be the same file at the same path. Sample counts do not matter.
    pub fn same(&self, other: &FileEntry) -> bool {
        self.path == other.path && self.kind == other.kind && self.same_content(other)
    }

    /// Returns true if both are the same regular file except that one of them is executable.
    pub fn differs_in_mode(&self, other: &FileEntry) -> bool {
        self.kind != other.kind && self.kind.is_file() && other.kind.is_file() && self.same_content(other)
    }

    /// Returns true if both are known to hold the same bytes. Two folders do.
    fn same_content(&self, other: &FileEntry) -> bool {
        match (self.kind, other.kind) {
            (EntryKind::Folder, EntryKind::Folder) => true,
            (EntryKind::Folder, _) | (_, EntryKind::Folder) => false,
            _ => self.content.is_some() && self.content == other.content,
        }
    }

    /// Returns the content by which a rename is recognised, and whether it is a symlink's; none where it is empty or
    /// unknown.
    pub fn identity(&self) -> Option<(Id<Content>, bool)> {
        let content = self.content.filter(|_| self.size > 0)?;
        Some((content, self.kind == EntryKind::Symlink))
    }
}

impl From<Entry> for FileEntry {
    fn from(entry: Entry) -> FileEntry {
        let Entry { path, kind, size, samples, content } = entry;
        FileEntry { path, kind, size, samples, content: (kind != EntryKind::Folder).then_some(content) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::openat::FileKind;

    fn stored(kind: EntryKind, bytes: &str) -> FileEntry {
        let (path, content) = (DataPath::new("f").unwrap(), Id::of(bytes.as_bytes()));
        Entry { path, kind, size: bytes.len() as u64, samples: None, content }.into()
    }

    #[test]
    fn a_file_that_was_not_read_equals_nothing() {
        let stat = Stat { kind: FileKind::File, size: 0, mtime: 0, ctime: 0, inode: 0 };
        let unread = FileEntry::unread(DataPath::new("f").unwrap(), &stat);
        assert!(!unread.same(&stored(EntryKind::File, "")));
        assert!(!unread.same(&unread.clone()), "not even itself: two reads may differ");
        assert!(!unread.differs_in_mode(&stored(EntryKind::Executable, "")));
        assert_eq!(unread.identity(), None);
    }

    #[test]
    fn a_folder_is_no_empty_file_and_a_mode_is_no_content() {
        let folder: FileEntry = Entry::folder(DataPath::new("f").unwrap()).into();
        assert!(folder.same(&folder.clone()) && !folder.same(&stored(EntryKind::File, "")));
        let (plain, tool) = (stored(EntryKind::File, "x"), stored(EntryKind::Executable, "x"));
        assert!(plain.differs_in_mode(&tool) && !plain.same(&tool));
        assert!(!plain.differs_in_mode(&stored(EntryKind::Executable, "y")));
        assert!(!plain.differs_in_mode(&stored(EntryKind::Symlink, "x")));
        assert_eq!(plain.identity(), tool.identity());
        assert_ne!(plain.identity(), stored(EntryKind::Symlink, "x").identity());
    }
}
