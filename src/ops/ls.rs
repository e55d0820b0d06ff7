//! `hlx ls`: what a version holds.

use serde::Serialize;

use crate::error::{ErrorKind, Result};
use crate::id::{Content, Id};
use crate::manifest::{self, Entries, FolderItem};
use crate::object::node::{Entry, EntryKind};
use crate::ops::paths;
use crate::repo::{Repo, revision};

/// The part of a version to list.
#[derive(Clone, Debug, Default)]
pub struct LsOptions {
    /// The version; HEAD if left out.
    pub revision: Option<String>,
    /// The folder or file; all if left out.
    pub path: Option<String>,
    /// Lists also what lies deeper.
    pub recursive: bool,
}

/// A file or a folder of a version.
#[derive(Clone, Debug, Serialize)]
pub struct LsEntry {
    /// Its path.
    pub path: String,
    /// The path as a user types it in the current folder.
    #[serde(skip)]
    pub relative: String,
    /// The kind of the entry.
    pub kind: EntryKind,
    /// Its length in bytes.
    pub size: u64,
    /// Its samples, where they are counted.
    pub samples: Option<u64>,
    /// Its content id; none for a folder.
    pub id: Option<Id<Content>>,
}

impl LsEntry {
    fn of(entry: Entry) -> LsEntry {
        let folder = entry.kind == EntryKind::Folder;
        LsEntry {
            path: entry.path.to_string(),
            relative: String::new(),
            kind: entry.kind,
            size: entry.size,
            samples: entry.samples.map(|s| s.count),
            id: (!folder).then_some(entry.content),
        }
    }
}

/// Decides which of the words that a user typed is the revision and which the path: a single word is a revision if it names
/// one.
///
/// # Errors
/// `ErrorKind::VersionNotFound`.
pub fn target(repo: &Repo, first: Option<&str>, second: Option<&str>) -> Result<(Option<String>, Option<String>)> {
    let own = |text: &str| Some(text.to_owned());
    match (first, second) {
        (Some(revision), Some(path)) => Ok((own(revision), own(path))),
        (Some(word), None) => match revision::version(repo, word) {
            Ok(_) => Ok((own(word), None)),
            Err(e) if word.contains('@') || matches!(e.kind(), ErrorKind::Damaged | ErrorKind::Io) => Err(e),
            Err(e) => match repo.dataset_of(word) {
                Some(dataset) => Ok((Some(revision::qualified(&dataset.name, "HEAD")), own(word))),
                None if repo.dataset(None).is_ok() => Ok((None, own(word))),
                None => Err(e),
            },
        },
        _ => Ok((None, None)),
    }
}

/// Lists the entries of a version, in the order of the paths.
///
/// # Errors
/// `ErrorKind::VersionNotFound` or `PathNotFound`, and those of `each`.
pub fn run(repo: &Repo, options: &LsOptions, each: &mut dyn FnMut(LsEntry) -> Result<()>) -> Result<()> {
    let resolved = match &options.revision {
        Some(text) => revision::version(repo, text)?,
        None => revision::head(repo, "hlx ls")?,
    };
    let mut each = |mut item: LsEntry| {
        item.relative = repo.relative(&resolved.version.dataset, &item.path);
        each(item)
    };
    let store = &**repo.store();
    let root = resolved.version.manifest;
    let path =
        options.path.as_deref().map(|path| paths::in_version(repo, &resolved, path)).transpose()?.filter(|p| !p.is_empty());
    if let Some(entry) = path.as_deref().map(|path| manifest::find(store, root, path)).transpose()?.flatten() {
        return if entry.kind == EntryKind::Folder { Ok(()) } else { each(LsEntry::of(entry)) };
    }
    let mut any = false;
    if options.recursive {
        let below = path.as_deref().map_or(String::new(), |p| format!("{p}/"));
        for entry in Entries::from_path(store, root, &below)? {
            let entry = entry?;
            if !entry.path.as_str().starts_with(&below) {
                break;
            }
            any = true;
            each(LsEntry::of(entry))?;
        }
    } else {
        for listed in manifest::list(store, root, path.as_deref())? {
            any = true;
            each(match listed {
                FolderItem::Entry(entry) => LsEntry::of(entry),
                FolderItem::Folder(path) => {
                    LsEntry { path, relative: String::new(), kind: EntryKind::Folder, size: 0, samples: None, id: None }
                }
            })?;
        }
    }
    match path {
        Some(path) if !any => Err(paths::unknown(repo, &resolved, &path)),
        _ => Ok(()),
    }
}
