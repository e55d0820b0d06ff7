//! `hlx cat`: the bytes of a file of a version.

use std::io::Write;
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::manifest;
use crate::object::node::{Entry, EntryKind};
use crate::ops::paths;
use crate::path::printable;
use crate::repo::revision::ResolvedVersion;
use crate::repo::{Repo, revision};
use crate::store::content;

/// Takes `REV:PATH` apart, whose path starts at the top of the dataset, as in git.
///
/// # Errors
/// [`ErrorKind::Usage`] if there is no path.
pub fn target<'a>(repo: &Repo, word: &'a str) -> Result<(&'a str, String)> {
    let Some((revision, path)) = word.split_once(':').filter(|(_, path)| !path.is_empty()) else {
        let dataset =
            repo.dataset_of(word).filter(|dataset| repo.resolve(Path::new(word)).is_ok_and(|path| path != dataset.path));
        let is_revision = revision::version(repo, word).is_ok();
        return Err(match dataset.filter(|_| !is_revision) {
            Some(dataset) => {
                let head =
                    if repo.dataset(None).is_ok() { "HEAD".to_owned() } else { revision::qualified(&dataset.name, "HEAD") };
                let word = printable(word);
                Error::usage("no version is given").with_hint(format!("did you mean: hlx cat {head} {word}"))
            }
            None => Error::usage("no file is given").with_hint(format!("hlx cat {} PATH", printable(word))),
        });
    };
    let resolved = revision::version(repo, revision)?;
    let dataset = repo.config().dataset(&resolved.version.dataset);
    Ok((revision, dataset.map_or_else(|| path.to_owned(), |dataset| format!(":/{}/{path}", dataset.path))))
}

/// Writes the bytes of a file to `out`, each chunk checked before it is handed out; of a symlink, its target.
///
/// # Errors
/// `ErrorKind::VersionNotFound`, or `PathNotFound` for a path that is a folder or not in the version; `Damaged` if the
/// content cannot be read, some of which may be written then; `Io` if `out` fails.
pub fn run(repo: &Repo, revision: &str, path: &str, out: &mut dyn Write) -> Result<()> {
    let resolved = revision::version(repo, revision)?;
    let entry = entry(repo, &resolved, path)?;
    if entry.kind == EntryKind::Folder {
        return Err(Error::new(ErrorKind::PathNotFound, format!("'{}' is a folder", printable(path)))
            .with_hint("list it: hlx ls REV PATH"));
    }
    content::read(repo.store(), entry.content, entry.size, |bytes| {
        out.write_all(bytes).map_err(|e| Error::new(ErrorKind::Io, format!("cannot write the output: {e}")).with_source(e))
    })
}

/// Returns the entry at a path of a version.
fn entry(repo: &Repo, resolved: &ResolvedVersion, typed: &str) -> Result<Entry> {
    let path = paths::in_version(repo, resolved, typed)?;
    let store = &**repo.store();
    if let Some(entry) = manifest::find(store, resolved.version.manifest, &path)? {
        return Ok(entry);
    }
    if path.is_empty() || !manifest::list(store, resolved.version.manifest, Some(&path))?.is_empty() {
        let version = resolved.version.name();
        return Err(Error::new(ErrorKind::PathNotFound, format!("'{}' is a folder of {version}", printable(typed)))
            .with_hint(format!("list it: hlx ls {version} {}", printable(typed))));
    }
    Err(paths::unknown(repo, resolved, &path))
}
