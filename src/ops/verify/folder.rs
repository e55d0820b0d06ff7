//! A folder is compared with the version that is named, else with the version of its stamp, else with the versions of the
//! dataset in whose folder it is, else with all.

use std::path::Path;

use super::{FolderReport, Verifier};
use crate::check::Problem;
use crate::error::Result;
use crate::id::{Id, VersionId};
use crate::object::checksum::Checksum;
use crate::ops::DamageList;
use crate::ops::folder::{FolderContents, VersionPart};
use crate::ops::holders::{self, FolderOwner, FolderSearch, Holder, NearestVersion, VersionWithId};
use crate::repo::VersionLookup;
use crate::selection::{Matcher, Selection};

/// The result of comparing a folder with versions.
enum FolderMatch {
    /// It is one, or a part of one.
    Equal(Holder),
    /// It differs from the one that should be or is most like it, which has this checksum.
    Differs(NearestVersion, Checksum),
    /// No version shares a file with it.
    Unlike,
}

impl Verifier<'_> {
    /// Reads every file of a folder and tells which version it is, or names the files that differ.
    pub(super) fn compare(&mut self, named: Option<VersionWithId>, path: &Path) -> Result<()> {
        let folder = FolderContents::read(path, self.progress)?;
        self.files += folder.files;
        self.bytes += folder.bytes;
        let stamped = folder.stamp.as_ref().map(|stamp| stamp.id);
        let one = match (named, stamped) {
            (Some(named), _) => Some(named),
            (None, Some(id)) => self.stamped(id)?,
            (None, None) => None,
        };
        let comparison = match one {
            Some(version) => self.with_one(&folder, &version)?,
            None => self.with_all(&folder, path)?,
        };
        let path = path.display().to_string();
        let mut report = FolderReport { path, holder: None, nearest: None, files: folder.files };
        match comparison {
            FolderMatch::Equal(holder) => {
                self.sums.push((folder.checksum, Some(folder.checksum)));
                report.holder = Some(holder);
            }
            FolderMatch::Differs(nearest, expected) => {
                self.sums.push((expected, Some(folder.checksum)));
                self.name_differences(&nearest);
                report.nearest = Some(nearest);
            }
            FolderMatch::Unlike => {
                let message = "no version has a file in common with the folder".to_owned();
                self.problems.add(Problem::new("checksum", message).path(&report.path));
            }
        }
        self.folders.push(report);
        Ok(())
    }

    /// Returns the version of a stamp, if this repository has it.
    fn stamped(&self, id: Id<VersionId>) -> Result<Option<VersionWithId>> {
        Ok(VersionLookup::of(self.repo).version(id)?.map(|version| (id, version)))
    }

    /// Compares with one version, or with the part of it that the stamp names.
    fn with_one(&self, folder: &FolderContents, version: &VersionWithId) -> Result<FolderMatch> {
        let stamp = folder.stamp.as_ref().filter(|stamp| stamp.id == version.0);
        let selection = stamp.and_then(|stamp| stamp.selection.as_ref());
        let matcher: Option<Matcher> = selection.map(Selection::matcher).transpose()?;
        let part = VersionPart { manifest: version.1.manifest, path: "", selection: matcher.as_ref() };
        if folder.equals(&**self.repo.store(), part)? {
            let selection = selection.map(ToString::to_string);
            return Ok(FolderMatch::Equal(Holder { selection, ..Holder::of(version, "", "folder") }));
        }
        let nearest = holders::differences(self.repo.store(), folder, version, "", matcher.as_ref())?;
        Ok(FolderMatch::Differs(nearest, version.1.data_checksum))
    }

    /// Compares with the versions of the dataset that the folder belongs to, or with all.
    fn with_all(&mut self, folder: &FolderContents, path: &Path) -> Result<FolderMatch> {
        let owner = FolderOwner::of(self.repo, path, folder)?;
        let mut damaged = DamageList::default();
        let versions = holders::versions(self.repo, owner.as_ref().map(|owner| owner.dataset.as_str()), &mut damaged)?;
        for message in damaged.messages() {
            self.problems.add(Problem::new("version-damaged", message));
        }
        if versions.is_empty() {
            return Err(FolderContents::without_versions());
        }
        let mut search = FolderSearch::new(self.repo, folder);
        for version in &versions {
            if let Some(holder) = search.places_in(version)?.into_iter().next() {
                return Ok(FolderMatch::Equal(holder));
            }
        }
        let nearest = search.nearest(&versions, owner.as_ref().map(|owner| owner.path.as_str()))?;
        let found = nearest.and_then(|nearest| {
            let (_, version) = versions.iter().find(|(id, _)| *id == nearest.id)?;
            Some(FolderMatch::Differs(nearest, version.data_checksum))
        });
        Ok(found.unwrap_or(FolderMatch::Unlike))
    }

    fn name_differences(&mut self, nearest: &NearestVersion) {
        let name = nearest.name();
        let messages = [
            (&nearest.added, format!("is not in {name}")),
            (&nearest.modified, format!("differs from {name}")),
            (&nearest.removed, format!("is missing, but in {name}")),
        ];
        for (paths, message) in messages {
            for path in paths {
                self.problems.add(Problem::new("file", &message).path(path).version(&name));
            }
        }
    }
}
