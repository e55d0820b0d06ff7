//! Reads the folder that is committed and holds it against the parent, as far as the parent can be read.
//!
//! Old damage must not stop a new version: what cannot be compared with the parent is told anew, with a warning.

use super::{Commit, Found, Parent};
use crate::error::{Kind, Result};
use crate::fs::beneath::Root;
use crate::manifest::NodeSource;
use crate::ops::Links;
use crate::ops::changes::Changes;
use crate::ops::gate::{Attempt, Base, Files, Judging, Outcome};
use crate::ops::judge;
use crate::ops::tree::{Overlay, Stored, Tree, settle};
use crate::store::Writer;
use crate::store::samples::Rules;
use crate::worktree::cache;
use crate::worktree::ingest::{Counting, Watch};

/// How much of the parent can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// All that is compared.
    All,
    /// Its manifest: what its files hold is not compared.
    Manifest,
    /// Nothing but its record.
    Record,
}

/// A folder that was read and stored.
pub(super) struct Snapshot<'a> {
    pub tree: Tree,
    pub rows: Option<cache::Writer>,
    pub nodes: Overlay<'a>,
    pub changes: Changes,
    pub found: Found,
    pub judgement: Option<Attempt<'a>>,
    pub writer: Writer<'a>,
    /// What of the parent could not be read.
    pub warnings: Vec<String>,
    /// The symlinks of the folder.
    pub links: Links,
}

impl Commit<'_> {
    /// Reads the folder into the store of the writer.
    pub(super) fn read<'a>(
        &'a self,
        root: &Root,
        parent: Option<&Parent>,
        rules: Option<&Rules>,
        judging: Option<&'a Judging<'a>>,
    ) -> Result<Snapshot<'a>> {
        let mut warnings = Vec::new();
        for extent in [Extent::All, Extent::Manifest] {
            match self.read_as_far(extent, root, parent, rules, judging) {
                Err(e) if e.kind() == Kind::Damaged && parent.is_some() => {
                    let lost = match extent {
                        Extent::All => "every sample is counted anew",
                        _ => "every file counts as added",
                    };
                    warnings.push(format!("the parent cannot be read: {}; {lost}", e.message()));
                }
                read => return read.map(|read| Snapshot { warnings, ..read }),
            }
        }
        self.read_as_far(Extent::Record, root, parent, rules, judging).map(|read| Snapshot { warnings, ..read })
    }

    fn read_as_far<'a>(
        &'a self,
        extent: Extent,
        root: &Root,
        parent: Option<&Parent>,
        rules: Option<&Rules>,
        judging: Option<&'a Judging<'a>>,
    ) -> Result<Snapshot<'a>> {
        let store = self.repo.store();
        // A writer that went half way has taken chunks that it did not store.
        let mut writer = self.writer()?;
        if extent != Extent::All {
            writer.distrust();
        }
        let known = match (parent, rules) {
            (Some(parent), Some(_)) if extent == Extent::All => judge::known(self.repo, &parent.version)?,
            _ => None,
        };
        let before = parent.filter(|_| extent != Extent::Record).map(|parent| parent.version.manifest);
        let compared = before.filter(|_| extent == Extent::All);
        let judgement = judging.map(|judging| judging.begin(Base { own: None, parent: compared })).transpose()?;
        let watch = judgement.as_ref().map(|judgement| judgement as &dyn Watch);
        let counting = rules.map(|rules| Counting { store, rules, tallied: known.is_some(), watch });
        let Stored { tree, rows, fresh, mut counted, links } = self.folder().read(root, before, counting, &mut writer)?;
        let nodes = Overlay { store, fresh };
        let changes = match parent.filter(|_| before.is_some()) {
            Some(parent) => Changes::between(&nodes, &parent.version, tree.manifest)?,
            None => Changes::of_first(&tree.totals),
        };
        settle(counted.as_mut(), counting, &nodes, before, tree.manifest)?;
        let found = Found::of(counted, known, self.dataset.thresholds.field_share)?;
        Ok(Snapshot { tree, rows, nodes, changes, found, judgement, writer, warnings: Vec::new(), links })
    }
}

/// Ends a judgement; one that the parent's damage stops begins anew without it.
pub(super) fn judged<'a, S: NodeSource + Sync>(
    judging: &'a Judging<'a>,
    judgement: Attempt<'a>,
    files: &Files<'_, S>,
    keep: bool,
    warnings: &mut Vec<String>,
) -> Result<Outcome> {
    match judgement.finish(files, keep) {
        Err(e) if e.kind() == Kind::Damaged && warnings.is_empty() => {
            warnings.push(format!("the parent cannot be read: {}; every record is judged anew", e.message()));
            judging.begin(Base { own: None, parent: None })?.finish(files, keep)
        }
        outcome => outcome,
    }
}
