//! `hlx show`: every field of a version.

use crate::error::{Kind, Result};
use crate::ops::VersionView;
use crate::ops::view::Viewer;
use crate::repo::{Repo, revision};

/// Shows a version: the one named, else HEAD, else the latest.
pub fn run(repo: &Repo, revision: Option<&str>) -> Result<VersionView> {
    let found = match revision {
        Some(text) => revision::version(repo, text)?,
        None => match revision::version(repo, "HEAD") {
            Err(e) if e.kind() == Kind::VersionNotFound => revision::version(repo, "latest")?,
            found => found?,
        },
    };
    Viewer::new(repo)?.view(found.id, found.version)
}
