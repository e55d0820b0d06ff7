//! The differences of two trees, found without reading the nodes that they share.

use std::cmp::Ordering;

use super::NodeSource;
use crate::error::Result;
use crate::id::{Id, NodeId};
use crate::object::node::{Child, Entry, Node};
use crate::path::DataPath;

/// A path whose entries differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryChange {
    /// Only the new tree has it.
    Added(Entry),
    /// Only the old tree has it.
    Removed(Entry),
    /// Both have it, and kind or content differ: the old entry and the new.
    Modified(Entry, Entry),
    /// Both have it, and only its records differ, since it is read otherwise: the old entry and the new.
    Reread(Entry, Entry),
}

impl EntryChange {
    /// Returns the path that differs.
    pub fn path(&self) -> &DataPath {
        match self {
            EntryChange::Added(e) | EntryChange::Removed(e) | EntryChange::Modified(_, e) | EntryChange::Reread(_, e) => &e.path,
        }
    }
}

/// The next thing on one side: a whole subtree, or an entry.
enum DiffHead {
    Tree { level: u8, child: Child, after: Option<DataPath> },
    Entry(Entry),
}

/// One side: what lies ahead, the nearest last.
struct DiffSide<'a, S> {
    source: &'a S,
    ahead: Vec<DiffHead>,
    /// The first path that is wanted, and the first beyond; all if none.
    range: Option<(String, String)>,
}

impl<S: NodeSource> DiffSide<'_, S> {
    /// Returns true if paths greater than `after`, up to `last`, may be wanted.
    fn wants(&self, after: Option<&DataPath>, last: &DataPath) -> bool {
        self.range
            .as_ref()
            .is_none_or(|(from, end)| last.as_str() >= from.as_str() && after.is_none_or(|after| after.as_str() < end.as_str()))
    }

    fn enter(&mut self, node: Node, after: Option<DataPath>) {
        match node {
            Node::Leaf(entries) => self.ahead.extend(entries.into_iter().rev().map(DiffHead::Entry)),
            Node::Inner(level, children) => {
                let mut after = after;
                let heads: Vec<DiffHead> = children
                    .into_iter()
                    .map(|child| {
                        let last = child.last.clone();
                        DiffHead::Tree { level: level - 1, child, after: after.replace(last) }
                    })
                    .filter(|head| match head {
                        DiffHead::Tree { child, after, .. } => self.wants(after.as_ref(), &child.last),
                        DiffHead::Entry(_) => true,
                    })
                    .collect();
                self.ahead.extend(heads.into_iter().rev());
            }
        }
    }

    fn expand(&mut self) -> Result<()> {
        match self.ahead.pop() {
            Some(DiffHead::Tree { level, child, after }) => {
                let node = super::child(self.source, level + 1, &child, after.as_ref())?;
                self.enter(node, after);
            }
            Some(entry) => self.ahead.push(entry),
            None => {}
        }
        Ok(())
    }

    fn pop_entry(&mut self) -> Option<Entry> {
        match self.ahead.pop() {
            Some(DiffHead::Entry(entry)) => Some(entry),
            Some(tree) => {
                self.ahead.push(tree);
                None
            }
            None => None,
        }
    }
}

/// The changes from one tree to another, in the order of their paths.
#[expect(missing_debug_implementations, reason = "a source has no form to print")]
pub struct ManifestDiff<'a, S> {
    old: DiffSide<'a, S>,
    new: DiffSide<'a, S>,
}

/// The next step for the two heads.
enum DiffStep {
    SkipBoth,
    ExpandOld,
    ExpandNew,
    ExpandBoth,
    TakeOld,
    TakeNew,
    TakeBoth,
    End,
}

impl<'a, S: NodeSource> ManifestDiff<'a, S> {
    /// Compares two trees.
    pub fn new(source: &'a S, old: Id<NodeId>, new: Id<NodeId>) -> Result<Self> {
        ManifestDiff::starting(source, Some(old), new, None)
    }

    /// Compares what two trees have at a path or below it, and reads no node that has neither. An empty path takes all;
    /// without an old tree all is added.
    pub fn within(
        source: &'a S,
        old: Option<Id<NodeId>>,
        new: Id<NodeId>,
        path: &str,
    ) -> Result<impl Iterator<Item = Result<EntryChange>> + use<'a, S>> {
        // '0' follows '/': the first path beyond.
        let range = (!path.is_empty()).then(|| (path.to_owned(), format!("{path}0")));
        let path = path.to_owned();
        let wanted = move |change: &EntryChange| path.is_empty() || change.path().is_within(&path);
        Ok(ManifestDiff::starting(source, old, new, range)?.filter(move |change| change.as_ref().map_or(true, &wanted)))
    }

    fn starting(source: &'a S, old: Option<Id<NodeId>>, new: Id<NodeId>, range: Option<(String, String)>) -> Result<Self> {
        let side = |range| DiffSide { source, ahead: Vec::new(), range };
        let mut diff = ManifestDiff { old: side(range.clone()), new: side(range) };
        if old != Some(new) {
            if let Some(old) = old {
                diff.old.enter(source.node(old)?, None);
            }
            diff.new.enter(source.node(new)?, None);
        }
        Ok(diff)
    }

    fn decide(&self) -> DiffStep {
        match (self.old.ahead.last(), self.new.ahead.last()) {
            (None, None) => DiffStep::End,
            (Some(DiffHead::Tree { .. }), None) => DiffStep::ExpandOld,
            (None, Some(DiffHead::Tree { .. })) => DiffStep::ExpandNew,
            (Some(DiffHead::Entry(_)), None) => DiffStep::TakeOld,
            (None, Some(DiffHead::Entry(_))) => DiffStep::TakeNew,
            (Some(DiffHead::Entry(a)), Some(DiffHead::Entry(b))) => match a.path.cmp(&b.path) {
                Ordering::Less => DiffStep::TakeOld,
                Ordering::Greater => DiffStep::TakeNew,
                Ordering::Equal => DiffStep::TakeBoth,
            },
            // An entry that lies before a subtree does not need the subtree opened.
            (Some(DiffHead::Tree { after, .. }), Some(DiffHead::Entry(b))) => {
                if after.as_ref().is_some_and(|after| b.path <= *after) { DiffStep::TakeNew } else { DiffStep::ExpandOld }
            }
            (Some(DiffHead::Entry(a)), Some(DiffHead::Tree { after, .. })) => {
                if after.as_ref().is_some_and(|after| a.path <= *after) { DiffStep::TakeOld } else { DiffStep::ExpandNew }
            }
            (Some(DiffHead::Tree { level: la, child: a, .. }), Some(DiffHead::Tree { level: lb, child: b, .. })) => {
                if a.id == b.id {
                    DiffStep::SkipBoth
                } else {
                    match la.cmp(lb).then_with(|| a.last.cmp(&b.last)) {
                        Ordering::Greater => DiffStep::ExpandOld,
                        Ordering::Less => DiffStep::ExpandNew,
                        Ordering::Equal => DiffStep::ExpandBoth,
                    }
                }
            }
        }
    }

    fn step(&mut self) -> Result<Option<EntryChange>> {
        loop {
            match self.decide() {
                DiffStep::End => return Ok(None),
                DiffStep::SkipBoth => {
                    self.old.ahead.pop();
                    self.new.ahead.pop();
                }
                DiffStep::ExpandOld => self.old.expand()?,
                DiffStep::ExpandNew => self.new.expand()?,
                DiffStep::ExpandBoth => {
                    self.old.expand()?;
                    self.new.expand()?;
                }
                DiffStep::TakeOld => return Ok(self.old.pop_entry().map(EntryChange::Removed)),
                DiffStep::TakeNew => return Ok(self.new.pop_entry().map(EntryChange::Added)),
                DiffStep::TakeBoth => {
                    if let (Some(a), Some(b)) = (self.old.pop_entry(), self.new.pop_entry()) {
                        if !a.same(&b) {
                            return Ok(Some(EntryChange::Modified(a, b)));
                        }
                        if a.is_reread(&b) {
                            return Ok(Some(EntryChange::Reread(a, b)));
                        }
                    }
                }
            }
        }
    }
}

impl<S: NodeSource> Iterator for ManifestDiff<'_, S> {
    type Item = Result<EntryChange>;

    fn next(&mut self) -> Option<Result<EntryChange>> {
        self.step().transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::manifest::testing::{Memory, build, entry};

    fn diff(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> (Vec<String>, usize) {
        let mut memory = Memory::default();
        let mut tree = |map: &BTreeMap<String, String>| build(&mut memory, map.iter().map(|(p, c)| entry(p, c)));
        let (a, b) = (tree(old), tree(new));
        let changes = ManifestDiff::new(&memory, a, b).unwrap().map(|change| match change.unwrap() {
            EntryChange::Added(e) => format!("+{}", e.path),
            EntryChange::Removed(e) => format!("-{}", e.path),
            EntryChange::Modified(_, e) | EntryChange::Reread(_, e) => format!("~{}", e.path),
        });
        (changes.collect(), memory.reads.get())
    }

    fn expected(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<String> {
        let mut paths: Vec<&String> = old.keys().chain(new.keys()).collect();
        paths.sort();
        paths.dedup();
        let sign = |p: &String| match (old.get(p), new.get(p)) {
            (Some(a), Some(b)) if a == b => None,
            (Some(_), Some(_)) => Some('~'),
            (Some(_), None) => Some('-'),
            _ => Some('+'),
        };
        paths.into_iter().filter_map(|p| sign(p).map(|s| format!("{s}{p}"))).collect()
    }

    #[test]
    fn reads_only_what_differs() {
        let old: BTreeMap<_, _> = (0..50_000).map(|i| (format!("d{}/f{i}", i % 100), i.to_string())).collect();
        let mut new = old.clone();
        new.insert("d50/f123450".into(), "x".into());
        new.remove("d77/f77");
        new.insert("d99/f99".into(), "changed".into());
        let (changes, reads) = diff(&old, &new);
        assert_eq!(changes, expected(&old, &new));
        assert!(reads < 40, "{reads} nodes read");
    }

    #[test]
    fn within_a_path_it_reads_only_what_may_differ_there() {
        let old: BTreeMap<_, _> = (0..50_000).map(|i| (format!("d{}/f{i}", i % 100), i.to_string())).collect();
        let new: BTreeMap<_, _> = old.keys().map(|path| (path.clone(), "new".to_owned())).collect();
        let mut memory = Memory::default();
        let [a, b] = [&old, &new].map(|side| build(&mut memory, side.iter().map(|(path, content)| entry(path, content))));
        memory.reads.set(0);
        assert_eq!(ManifestDiff::within(&memory, Some(a), b, "d50").unwrap().count(), 500);
        assert!(ManifestDiff::within(&memory, Some(a), b, "d5").unwrap().all(|change| change.unwrap().path().is_within("d5")));
        assert_eq!(ManifestDiff::within(&memory, Some(a), b, "d50/f50").unwrap().count(), 1);
        assert_eq!(ManifestDiff::within(&memory, Some(a), b, "e").unwrap().count(), 0);
        assert_eq!(ManifestDiff::within(&memory, None, b, "d50").unwrap().count(), 500);
        assert!(memory.reads.get() < 100, "{} nodes read", memory.reads.get());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn equals_the_plain_map(
            old in prop::collection::btree_map("[a-c]{1,2}/[a-z]{1,3}", "[xy]", 0..600),
            edits in prop::collection::vec(("[a-c]{1,2}/[a-z]{1,3}", prop::option::of("[xyz]")), 0..60),
        ) {
            let mut new = old.clone();
            for (path, content) in edits {
                match content {
                    Some(content) => new.insert(path, content),
                    None => new.remove(&path),
                };
            }
            prop_assert_eq!(diff(&old, &new).0, expected(&old, &new));
            let mut memory = Memory::default();
            let [a, b] = [&old, &new].map(|side| build(&mut memory, side.iter().map(|(path, content)| entry(path, content))));
            for path in ["", "a", "b/x", "bc", "c/aa"] {
                let whole = ManifestDiff::new(&memory, a, b).unwrap().map(Result::unwrap);
                let whole: Vec<_> = whole.filter(|change| path.is_empty() || change.path().is_within(path)).collect();
                let within: Vec<_> = ManifestDiff::within(&memory, Some(a), b, path).unwrap().map(Result::unwrap).collect();
                prop_assert_eq!(within, whole);
            }
        }
    }
}
