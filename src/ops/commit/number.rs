//! The number of the new version.

use crate::diff::{SampleChanges, TreeChanges, percent};
use crate::error::{Error, ErrorKind, Result};
use crate::object::version::{ChangeType, Version, VersionNumber};
use crate::ops::commit::options::Bump;
use crate::ops::commit::plan::{Commit, Parent};

impl Commit<'_> {
    /// Returns the version that has the number already, if it is the same one: with the same tree and the same parents, or
    /// the parent itself where nothing changed. A number that was not asked for is raised until it is free.
    pub(super) fn existing_version(&self, version: &mut Version, unchanged: bool) -> Result<Option<Parent>> {
        let refs = self.repo.versions();
        while let Some((id, there)) = self.repo.version_of(&self.dataset.name, &version.number)? {
            let again = unchanged && version.parents == [id];
            if there.manifest == version.manifest && (there.parents == version.parents || again) {
                refs.sync(&self.dataset.name)?;
                return Ok(Some(Parent { id, version: there }));
            }
            if self.options.version.is_some() {
                let free = self.free_number(version)?;
                return Err(Error::new(
                    ErrorKind::VersionExists,
                    format!("{}@{} already exists with other content", self.dataset.name, version.number),
                )
                .with_hint(format!("the next free number is {free}")));
            }
            version.number = next_patch(&version.number)?;
        }
        Ok(None)
    }

    /// Fails unless the number exceeds the parent's, so that children always have higher numbers than their parents.
    pub(super) fn check_exceeds_parent(&self, version: &Version) -> Result<()> {
        match &version.parent_number {
            Some(parent) if version.number <= *parent => {
                let free = self.free_number(version)?;
                Err(Error::new(
                    ErrorKind::Conflict,
                    format!("{} is not higher than the parent's number {parent}", version.number),
                )
                .with_hint(format!("the next free number is {free}")))
            }
            _ => Ok(()),
        }
    }

    /// Explains the number.
    pub(super) fn explain(&self, changes: &TreeChanges, samples: Option<&SampleChanges>, by_content: ChangeType) -> String {
        let share = match samples {
            _ if self.parent.is_none() => "the first version".to_owned(),
            Some(samples) => samples.describe(),
            None => format!("{} of the parent's bytes changed", percent(changes.bytes, changes.before)),
        };
        match (&self.options.version, self.options.bump) {
            (None, Bump::As(kind)) => format!("{kind} as requested; {share}, which is {by_content}"),
            (None, Bump::Auto) => format!("{by_content}: {share}"),
            (Some(_), _) => format!("number as requested; {share}, which is {by_content}"),
        }
    }

    /// Returns the lowest number above the parent's that is free and fits the change.
    fn free_number(&self, version: &Version) -> Result<VersionNumber> {
        let refs = self.repo.versions();
        let mut number = version.parent_number.as_ref().map_or(VersionNumber::FIRST, |n| n.bump(version.change_type));
        while refs.get(&self.dataset.name, &number)?.is_some() {
            number = next_patch(&number)?;
        }
        Ok(number)
    }
}

/// Returns the next number by PATCH.
fn next_patch(number: &VersionNumber) -> Result<VersionNumber> {
    let next = number.bump(ChangeType::Patch);
    if next > *number { Ok(next) } else { Err(Error::new(ErrorKind::Conflict, format!("no higher number than {number} exists"))) }
}
