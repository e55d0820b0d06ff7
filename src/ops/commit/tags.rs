//! The tags that a commit puts on its version.

use crate::error::Result;
use crate::object::version::{ValidationStatus, Version};
use crate::ops::commit::plan::Commit;
use crate::ops::tag_plan::{self, TagPlan};
use crate::repo::status;

impl Commit<'_> {
    /// Returns the facts by which a version gets the tags that were asked for.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](crate::error::ErrorKind::Conflict) if another version of the dataset has one of them and they may not
    /// be moved, or if the version existed before and one is for versions of another status.
    pub(super) fn plan_tags(&self, version: &Version, is_new: bool) -> Result<TagPlan> {
        if self.options.tags.is_empty() {
            return Ok(TagPlan::default());
        }
        let (facts, id) = (self.repo.folded_facts()?, version.id());
        if !is_new {
            self.check_protected(version, status::status(self.repo, &facts, id, version)?)?;
        }
        let how = |tag: &str| format!("to move it to the new version, add --move; or commit without --tag {tag}");
        tag_plan::plan(self.repo, &facts, self.name(), id, &self.options.tags, self.options.move_tags, how)
    }

    /// Fails if one of the tags that were asked for is kept for versions of another status.
    pub(super) fn check_protected(&self, version: &Version, status: ValidationStatus) -> Result<()> {
        let how = || match self.dataset.validation {
            Some(_) => "commit without the tag, or without --no-validate".to_owned(),
            None => format!("add rules to helox.toml: [[dataset.{}.validation.rule]]", self.dataset.name),
        };
        tag_plan::check_protected(Some(self.dataset), &version.name(), &self.options.tags, status, how)
    }
}
