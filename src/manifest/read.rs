//! Reads a tree: all entries, those from a path on, one, or what lies in a folder.

use super::NodeSource;
use crate::error::{Error, Result};
use crate::id::{Id, NodeId};
use crate::object::node::{Child, Entry, Node};
use crate::path::DataPath;

/// The children of an inner node that were not opened yet.
struct InnerNode {
    level: u8,
    children: std::vec::IntoIter<Child>,
    /// The last path before the next child.
    after: Option<DataPath>,
}

/// The entries of a tree in the order of their paths. Memory: one node a level.
///
/// Fails on a path that lies below a file: such a tree is damaged or hostile.
#[expect(missing_debug_implementations, reason = "a source has no form to print")]
pub struct Entries<'a, S> {
    source: &'a S,
    inner: Vec<InnerNode>,
    leaf: std::vec::IntoIter<Entry>,
    /// The first path, inclusive.
    from: Option<String>,
    /// Paths before the next of which each is a prefix of it as text.
    prefixes: Vec<DataPath>,
    last: Option<DataPath>,
    /// The node that was opened last.
    node: Id<NodeId>,
}

impl<'a, S: NodeSource> Entries<'a, S> {
    /// Returns all entries below a root.
    pub fn new(source: &'a S, root: Id<NodeId>) -> Result<Self> {
        Entries::starting_at(source, root, None)
    }

    /// Returns the entries below a root whose paths are not less than `from`. Reads one node a level to get there.
    pub fn from_path(source: &'a S, root: Id<NodeId>, from: &str) -> Result<Self> {
        Entries::starting_at(source, root, Some(from.to_owned()))
    }

    fn starting_at(source: &'a S, root: Id<NodeId>, from: Option<String>) -> Result<Self> {
        let mut entries = Entries {
            source,
            inner: Vec::new(),
            leaf: Vec::new().into_iter(),
            from,
            prefixes: Vec::new(),
            last: None,
            node: root,
        };
        let node = source.node(root)?;
        entries.enter(node, None);
        Ok(entries)
    }

    /// Returns the node that was opened last: after an error, the one that could not be read. The entries after it follow.
    pub fn node(&self) -> Id<NodeId> {
        self.node
    }

    fn enter(&mut self, node: Node, mut after: Option<DataPath>) {
        let from = self.from.as_deref();
        match node {
            Node::Leaf(entries) => {
                let skip = from.map_or(0, |from| entries.partition_point(|e| e.path.as_str() < from));
                self.leaf = entries.into_iter();
                if skip > 0 {
                    self.leaf.nth(skip - 1);
                }
            }
            Node::Inner(level, children) => {
                let skip = from.map_or(0, |from| children.partition_point(|c| c.last.as_str() < from));
                let mut children = children.into_iter();
                if skip > 0 {
                    after = children.nth(skip - 1).map(|child| child.last);
                }
                self.inner.push(InnerNode { level, children, after });
            }
        }
    }

    fn step(&mut self) -> Result<Option<Entry>> {
        loop {
            if let Some(entry) = self.leaf.next() {
                self.from = None;
                self.check(&entry)?;
                return Ok(Some(entry));
            }
            let Some(inner) = self.inner.last_mut() else { return Ok(None) };
            let Some(child) = inner.children.next() else {
                self.inner.pop();
                continue;
            };
            let after = inner.after.replace(child.last.clone());
            self.node = child.id;
            let node = super::child(self.source, inner.level, &child, after.as_ref())?;
            self.enter(node, after);
        }
    }

    /// Nodes check the order within themselves; here it is checked from node to node.
    fn check(&mut self, entry: &Entry) -> Result<()> {
        let path = entry.path.as_str();
        if self.last.as_ref().is_some_and(|last| *last >= entry.path) {
            return Err(Error::damaged(format!("'{path}' is out of order in the manifest")));
        }
        self.last = Some(entry.path.clone());
        while self.prefixes.last().is_some_and(|p| !path.starts_with(p.as_str())) {
            self.prefixes.pop();
        }
        if let Some(file) = self.prefixes.iter().find(|p| entry.path.is_within(p.as_str())) {
            return Err(Error::damaged(format!("'{path}' in the manifest is below '{file}', which is not a folder")));
        }
        self.prefixes.push(entry.path.clone());
        Ok(())
    }
}

impl<S: NodeSource> Iterator for Entries<'_, S> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        self.step().transpose()
    }
}

/// Returns the entry at a path, if there is one.
///
/// # Errors
/// `ErrorKind::Damaged` for a node that cannot be read.
pub fn find(source: &impl NodeSource, root: Id<NodeId>, path: &str) -> Result<Option<Entry>> {
    let next = Entries::from_path(source, root, path)?.next().transpose()?;
    Ok(next.filter(|e| e.path.as_str() == path))
}

/// Returns true if a tree has an entry at a path or below it; every tree has the empty path.
pub fn has(source: &impl NodeSource, root: Id<NodeId>, path: &str) -> Result<bool> {
    if path.is_empty() || find(source, root, path)?.is_some() {
        return Ok(true);
    }
    let folder = format!("{path}/");
    let next = Entries::from_path(source, root, &folder)?.next().transpose()?;
    Ok(next.is_some_and(|entry| entry.path.as_str().starts_with(&folder)))
}

/// Something that lies right in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderItem {
    /// An entry.
    Entry(Entry),
    /// A folder with entries below it, by its path.
    Folder(String),
}

/// Lists the direct items of a folder in order; those of the whole tree for `None`. Deeper entries are skipped without
/// being read.
pub fn list(source: &impl NodeSource, root: Id<NodeId>, folder: Option<&str>) -> Result<Vec<FolderItem>> {
    let prefix = folder.map_or(String::new(), |f| format!("{f}/"));
    let mut listed = Vec::new();
    let mut from = prefix.clone();
    'seek: loop {
        for entry in Entries::from_path(source, root, &from)? {
            let entry = entry?;
            let Some(rest) = entry.path.as_str().strip_prefix(&prefix) else { return Ok(listed) };
            match rest.split_once('/') {
                None => listed.push(FolderItem::Entry(entry)),
                Some((name, _)) => {
                    let path = format!("{prefix}{name}");
                    // '0' follows '/': the first path that is not below the folder.
                    from = format!("{path}0");
                    listed.push(FolderItem::Folder(path));
                    continue 'seek;
                }
            }
        }
        return Ok(listed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::ManifestDiff;
    use crate::manifest::testing::{Memory, build, entry};

    fn sample(n: usize) -> Vec<Entry> {
        (0..n).map(|i| entry(&format!("d{:02}/f{i:06}", i % 50), &i.to_string())).collect()
    }

    #[test]
    fn what_was_built_is_read() {
        for n in [0, 1, 2, 3, 127, 1_000, 20_000] {
            let mut memory = Memory::default();
            let root = build(&mut memory, sample(n));
            let mut expected = sample(n);
            expected.sort_by(|a, b| a.path.cmp(&b.path));
            let read: Vec<Entry> = Entries::new(&memory, root).unwrap().map(Result::unwrap).collect();
            assert_eq!(read, expected);
            assert_eq!(memory.node(root).unwrap().totals().entries, n as u64);
        }
    }

    #[test]
    fn one_change_rewrites_one_node_a_level() {
        let mut memory = Memory::default();
        build(&mut memory, sample(50_000));
        let before = memory.nodes.len();
        let mut changed = sample(50_000);
        changed[33_333] = entry(changed[33_333].path.as_str(), "changed");
        build(&mut memory, changed);
        assert!(memory.nodes.len() - before <= 3, "{} new nodes", memory.nodes.len() - before);
        let mut more = sample(50_000);
        more.push(entry("d25/new", "new"));
        let before = memory.nodes.len();
        build(&mut memory, more);
        assert!(memory.nodes.len() - before <= 4, "{} new nodes", memory.nodes.len() - before);
    }

    #[test]
    fn finds_and_lists_without_reading_all() {
        let mut memory = Memory::default();
        let root = build(&mut memory, sample(20_000));
        memory.reads.set(0);
        assert!(find(&memory, root, "d07/f000107").unwrap().is_some());
        assert!(find(&memory, root, "d07/f00010").unwrap().is_none());
        assert!(find(&memory, root, "zzz").unwrap().is_none());
        assert_eq!(list(&memory, root, Some("d49")).unwrap().len(), 400);
        assert!(memory.reads.get() < 30, "{} reads", memory.reads.get());
        assert!(has(&memory, root, "d07").unwrap() && has(&memory, root, "d07/f000107").unwrap());
        assert!(!has(&memory, root, "d0").unwrap() && !has(&memory, root, "zzz").unwrap());
        let top = list(&memory, root, None).unwrap();
        assert_eq!(top.len(), 50);
        assert_eq!(top[0], FolderItem::Folder("d00".into()));
        assert!(list(&memory, root, Some("nowhere")).unwrap().is_empty());
    }

    /// Stores a node as it is and returns it as the child of another.
    fn put(memory: &mut Memory, node: &Node) -> Child {
        let bytes = node.encode();
        let id = Id::of(&bytes);
        memory.nodes.insert(id, bytes);
        let last = node.first_and_last().map(|(_, last)| last.clone());
        Child { last: last.unwrap_or_else(|| DataPath::new("a").unwrap()), id, totals: node.totals() }
    }

    fn error(memory: &Memory, root: Id<NodeId>) -> String {
        let outcome: Result<Vec<Entry>> = Entries::new(memory, root).unwrap().collect();
        outcome.unwrap_err().message().to_owned()
    }

    #[test]
    fn a_small_tree_does_not_stand_for_many_entries() {
        for leaf in [vec![], vec![entry("a", "1")]] {
            let mut memory = Memory::default();
            let mut root = put(&mut memory, &Node::Leaf(leaf));
            for level in 1..=40 {
                // The node below, twice.
                let again = Child { last: DataPath::new(&format!("b{level:02}")).unwrap(), ..root.clone() };
                root = put(&mut memory, &Node::Inner(level, vec![root, again]));
            }
            let errors = Entries::new(&memory, root.id).unwrap().filter(Result::is_err).count();
            assert!(errors > 0 && memory.reads.get() < 200, "{errors} errors, {} reads", memory.reads.get());
            memory.reads.set(0);
            assert!(list(&memory, root.id, None).is_err());
            assert!(ManifestDiff::within(&memory, None, root.id, "").unwrap().any(|change| change.is_err()));
            assert!(memory.reads.get() < 200, "{} reads", memory.reads.get());
        }
    }

    #[test]
    fn a_node_is_held_against_its_parent() {
        let mut memory = Memory::default();
        let root = build(&mut memory, sample(2_000));
        let Node::Inner(level, children) = memory.node(root).unwrap() else { panic!("an inner node") };
        type Change = fn(&mut Vec<Child>);
        let broken: [(&str, Change); 4] = [
            ("its last path is not the one in its parent", |children| children[0].last = DataPath::new("d00").unwrap()),
            ("its last path is not the one in its parent", |children| children[1].id = children[0].id),
            ("its totals are not those in its parent", |children| children[1].totals.bytes += 1),
            ("its totals are not those in its parent", |children| children[1].totals.samples = Some(1)),
        ];
        for (problem, change) in broken {
            let mut changed = children.clone();
            change(&mut changed);
            let root = put(&mut memory, &Node::Inner(level, changed));
            let message = error(&memory, root.id);
            assert!(message.contains(problem), "{message}");
        }
        // The first child below two nodes, of which the second has a later last path.
        let below = [1, 2].map(|count| put(&mut memory, &Node::Inner(level, children[..count].to_vec())));
        let root = put(&mut memory, &Node::Inner(level + 1, below.to_vec()));
        assert!(error(&memory, root.id).contains("its paths are out of order"));
    }

    #[test]
    fn a_path_below_a_file_is_refused() {
        let mut memory = Memory::default();
        let root = build(&mut memory, [entry("a", "1"), entry("a.txt", "1"), entry("a/b", "1")]);
        let outcome: Result<Vec<Entry>> = Entries::new(&memory, root).unwrap().collect();
        assert!(outcome.unwrap_err().message().contains("not a folder"));
    }
}
