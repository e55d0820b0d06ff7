//! `hlx show`: every field of a version.

use crate::error::{ErrorKind, Result};
use crate::ops::view::Viewer;
use crate::ops::{DamageList, VersionView};
use crate::repo::{Repo, revision};

/// Shows a version: the one named, else HEAD, else the latest.
///
/// # Errors
/// `ErrorKind::VersionNotFound`.
pub fn run(repo: &Repo, revision: Option<&str>) -> Result<VersionView> {
    let resolved = match revision {
        Some(text) => revision::version(repo, text)?,
        None => match revision::head(repo, "hlx show") {
            Err(e) if e.kind() == ErrorKind::VersionNotFound => revision::version(repo, "latest")?,
            resolved => resolved?,
        },
    };
    let mut damaged = DamageList::default();
    let mut view = Viewer::new(repo, &mut damaged)?.view(resolved.id, resolved.version)?;
    damaged.append(&mut view.damaged);
    Ok(VersionView { damaged, ..view })
}
