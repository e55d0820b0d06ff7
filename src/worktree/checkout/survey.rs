//! The first pass: what is in the workspace, what of it would be lost, what has to go.

use std::collections::HashMap;

use super::{Selected, Target};
use crate::clock;
use crate::error::Result;
use crate::fs::beneath::{Root, Stat};
use crate::id::{Id, Node};
use crate::manifest::{Entries, NodeSource};
use crate::object::node::{Entry, EntryKind};
use crate::path::DataPath;
use crate::progress::Progress;
use crate::worktree::cache::{Row, entry_kind};
use crate::worktree::hash;
use crate::worktree::scan::{Scan, Seen};

/// What the first pass found.
#[derive(Debug, Default)]
pub struct Survey {
    /// Files that are neither what the old version nor what the new one has: uncommitted work.
    pub dirty: Vec<DataPath>,
    /// Files and empty folders that the new version does not have.
    pub surplus: Vec<Entry>,
    /// Files that had to be read, and what they hold.
    pub(super) hashed: HashMap<DataPath, (Stat, Entry)>,
    began: i128,
}

impl Survey {
    /// What a file of the second pass holds, if that is known without reading it.
    pub(super) fn entry(&self, seen: Seen) -> Option<Row> {
        match seen {
            Seen::Known(row) => Some(row),
            Seen::Unknown { path, stat } => {
                let (then, entry) = self.hashed.get(&path)?;
                (*then == stat).then(|| Row::read(entry.clone(), stat, true, self.began))
            }
        }
    }
}

/// Looks at every file of the workspace. `head` is the manifest that it was made from.
pub fn survey<S: NodeSource>(
    nodes: &S,
    root: &Root,
    scan: Scan<'_>,
    head: Option<Id<Node>>,
    target: &Target<'_>,
    progress: &dyn Progress,
) -> Result<Survey> {
    let mut survey = Survey { began: clock::nanos_now(), ..Survey::default() };
    let mut cursor = root.cursor();
    let mut old = head.map(|head| Entries::new(nodes, head)).transpose()?.map(|entries| Selected::new(entries, None));
    let mut new = Selected::new(Entries::new(nodes, target.manifest)?, target.selection);
    for seen in scan {
        let seen = seen?;
        let before = match &mut old {
            Some(old) => old.at(seen.path())?,
            None => None,
        };
        let wanted = new.at(seen.path())?;
        let now = match seen {
            Seen::Known(row) => Some(row.entry),
            Seen::Unknown { path, stat } => {
                progress.check()?;
                let candidates = before.iter().chain(&wanted);
                if candidates.clone().any(|e| e.size == stat.size && e.kind == entry_kind(stat.kind)) {
                    let (content, size, stat) = hash::content(root, &mut cursor, &path, stat)?;
                    let entry = Entry { path: path.clone(), kind: entry_kind(stat.kind), size, samples: None, content };
                    survey.hashed.insert(path, (stat, entry.clone()));
                    Some(entry)
                } else {
                    survey.dirty.push(path.clone());
                    if in_the_way(entry_kind(stat.kind), &wanted) {
                        let content = Id::of(b"");
                        survey.surplus.push(Entry { path, kind: entry_kind(stat.kind), size: stat.size, samples: None, content });
                    }
                    None
                }
            }
        };
        let Some(now) = now else { continue };
        let is = |entry: &Option<Entry>| entry.as_ref().is_some_and(|e| e.same(&now));
        if is(&wanted) {
            continue;
        }
        let empty_folder = now.kind == EntryKind::Folder;
        if !is(&before) && !empty_folder {
            survey.dirty.push(now.path.clone());
        }
        if in_the_way(now.kind, &wanted) {
            survey.surplus.push(now);
        }
    }
    Ok(survey)
}

/// Whether something has to go before what is wanted can be written: nothing is, or a folder for a file, or the reverse.
fn in_the_way(now: EntryKind, wanted: &Option<Entry>) -> bool {
    wanted.as_ref().is_none_or(|wanted| (wanted.kind == EntryKind::Folder) != (now == EntryKind::Folder))
}
