//! The tags that a commit puts on its version.

use crate::error::Result;
use crate::facts::State;
use crate::id::{Id, Version as VersionId};
use crate::object::version::{ValidationStatus, Version};
use crate::ops::commit::Commit;
use crate::ops::labels::{self, Labels};

impl Commit<'_> {
    /// What it takes that a version has the tags that were asked for.
    pub(super) fn labels(&self, facts: &State, id: Id<VersionId>) -> Result<Labels> {
        let how = |tag: &str| format!("to move it to the new version, add --move; or commit without --tag {tag}");
        labels::plan(self.repo, facts, &self.dataset.name, id, &self.options.tags, self.options.move_tags, how)
    }

    /// Fails if one of the tags that were asked for is kept for versions of another status.
    pub(super) fn check_protected(&self, version: &Version, status: ValidationStatus) -> Result<()> {
        let name = version.name();
        let how = || match self.dataset.validation {
            Some(_) => "commit without the tag, or without --no-validate".to_owned(),
            None => format!("add rules to helox.toml: [[dataset.{}.validation.rule]]", self.dataset.name),
        };
        labels::check_protected(Some(&self.dataset), &name, &self.options.tags, status, how)
    }
}
