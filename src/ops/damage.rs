//! What a list says of the versions, facts and packs that it could not read.

use serde::Serialize;

use crate::error::{Error, Result, spare};
use crate::id::{Id, Version as VersionId};
use crate::object::version::Version;
use crate::repo::Repo;

/// Messages about what could not be read, in the order in which it was met. The rest of a report is without it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct DamageList {
    messages: Vec<String>,
    #[serde(skip)]
    damaged: bool,
}

impl DamageList {
    /// Adds an error.
    pub(super) fn push(&mut self, error: &Error) {
        self.damaged |= !error.ends_check();
        self.messages.push(error.to_string());
    }

    /// Returns what could be read; `None` where it could not and others can, which is added.
    pub(super) fn spare<T>(&mut self, read: Result<T>) -> Result<Option<T>> {
        spare(read, |e| self.push(&e))
    }

    /// Moves the errors of another list to the end of this one.
    pub(super) fn append(&mut self, other: &mut DamageList) {
        let other = std::mem::take(other);
        self.damaged |= other.damaged;
        self.messages.extend(other.messages);
    }

    /// Returns the messages.
    pub fn messages(&self) -> &[String] {
        &self.messages
    }

    /// Tells if there are none.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Tells if something is damaged, rather than that this user may not read it.
    pub fn is_damaged(&self) -> bool {
        self.damaged
    }
}

impl From<Vec<Error>> for DamageList {
    fn from(errors: Vec<Error>) -> DamageList {
        let mut list = DamageList::default();
        errors.iter().for_each(|error| list.push(error));
        list
    }
}

/// Reads every version of a dataset, or of all, in the order of the numbers. Those that cannot be read are added to `damaged`.
pub(super) fn versions(
    repo: &Repo,
    dataset: Option<&str>,
    damaged: &mut DamageList,
    mut each: impl FnMut(Id<VersionId>, Version) -> Result<()>,
) -> Result<()> {
    let refs = repo.versions();
    for name in refs.datasets()?.iter().filter(|name| dataset.is_none_or(|dataset| dataset == name.as_str())) {
        for number in damaged.spare(refs.numbers(name))?.unwrap_or_default() {
            if let Some((id, version)) = damaged.spare(repo.numbered(name, &number))?.flatten() {
                each(id, version)?;
            }
        }
    }
    Ok(())
}
