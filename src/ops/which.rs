//! `hlx which`: the versions that hold a file, a folder or what has a checksum.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::id::{Content, Id};
use crate::object::checksum::Checksum;
use crate::ops::folder::{FolderContents, VersionPart};
use crate::ops::holders::{self, EntryFinder, FolderOwner, FolderSearch, Holder, NearestVersion, VersionWithId, versions};
use crate::ops::{DamageList, artifacts};
use crate::path::printable;
use crate::progress::{Progress, Stage};
use crate::repo::{Repo, revision};
use crate::selection::Selection;
use crate::spelling;

/// Fewer hex digits than this are no checksum.
const PREFIX: usize = 4;

/// The versions that have a file, folder or checksum.
#[derive(Clone, Debug, Serialize)]
pub struct WhichReport {
    /// The argument.
    pub target: String,
    /// The kind of the argument: `folder`, `file` or `checksum`.
    pub kind: &'static str,
    /// BLAKE3 of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Id<Content>>,
    /// The data checksum of a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_checksum: Option<Checksum>,
    /// The versions that hold it, the highest numbers of each dataset first.
    pub versions: Vec<Holder>,
    /// The version that a folder is most like, where none holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<NearestVersion>,
    /// The errors of versions that cannot be read.
    #[serde(skip_serializing_if = "DamageList::is_empty")]
    pub damaged: DamageList,
}

/// Finds the versions that have a folder, a file, or an object with a checksum or id.
///
/// # Errors
/// `ErrorKind::PathNotFound` for an argument that is neither a path nor a checksum.
pub fn run(repo: &Repo, target: &str, progress: &dyn Progress) -> Result<WhichReport> {
    progress.begin(Stage::Verify, 0, 0);
    let mut report = WhichReport {
        target: target.to_owned(),
        kind: "checksum",
        content: None,
        data_checksum: None,
        versions: Vec::new(),
        nearest: None,
        damaged: DamageList::default(),
    };
    let path = Path::new(target);
    match path.metadata() {
        Ok(there) if there.is_dir() => folder(repo, path, &mut report, progress)?,
        Ok(_) => file(repo, path, &mut report, progress)?,
        Err(_) if is_checksum(target) => checksum(repo, &target.to_ascii_lowercase(), &mut report, progress)?,
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Error::io("cannot read", path, e)),
        Err(_) => return Err(unknown(repo, path, target)),
    }
    Ok(report)
}

/// Returns the error of a word that is neither a path nor a checksum: the version or the path that was meant.
fn unknown(repo: &Repo, path: &Path, target: &str) -> Error {
    let shown = printable(target);
    let error = |question: &str| Error::new(ErrorKind::PathNotFound, format!("no file, folder or checksum '{shown}'{question}"));
    if repo.config().dataset(target).is_some() {
        return error("").with_hint(format!("it is a dataset; list its versions: hlx log {shown}"));
    }
    if revision::version(repo, target).is_ok() {
        return error("").with_hint(format!("it is a version; show it: hlx show {shown}"));
    }
    let beside = std::fs::read_dir(path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")));
    let names = beside.into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let near = path.file_name().and_then(|name| spelling::nearest(name.to_str()?, names));
    let near = near.map(|near| path.with_file_name(near).display().to_string());
    error(&spelling::suggestion(near)).with_hint(format!("list the versions that changed a path: hlx log -- {shown}"))
}

fn is_checksum(word: &str) -> bool {
    (PREFIX..=64).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Asks each version; one that cannot be read is named and passed over.
fn search_versions(
    candidates: &[VersionWithId],
    report: &mut WhichReport,
    progress: &dyn Progress,
    mut holders: impl FnMut(&VersionWithId) -> Result<Vec<Holder>>,
) -> Result<()> {
    for candidate in candidates {
        progress.check()?;
        let found = holders(candidate).map_err(|e| e.within(candidate.1.name()));
        report.versions.extend(report.damaged.collect(found)?.into_iter().flatten());
    }
    Ok(())
}

fn folder(repo: &Repo, path: &Path, report: &mut WhichReport, progress: &dyn Progress) -> Result<()> {
    let folder = FolderContents::read(path, progress)?;
    report.kind = "folder";
    report.data_checksum = Some(folder.checksum);
    let candidates = versions(repo, None, &mut report.damaged)?;
    let stamp = folder.stamp.as_ref();
    if let Some((stamp, selection)) = stamp.and_then(|stamp| Some((stamp, stamp.selection.as_ref()?)))
        && let Some(candidate) = candidates.iter().find(|(id, _)| *id == stamp.id)
    {
        let matcher = selection.matcher()?;
        let part = VersionPart { manifest: candidate.1.manifest, path: "", selection: Some(&matcher) };
        if folder.equals(&**repo.store(), part)? {
            let selection = Some(selection.to_string());
            report.versions.push(Holder { selection, ..Holder::of(candidate, "", "folder") });
        }
    }
    let mut search = FolderSearch::new(repo, &folder);
    search_versions(&candidates, report, progress, |candidate| search.places_in(candidate))?;
    if !report.versions.is_empty() {
        return Ok(());
    }
    // As in verify, the version of the stamp comes first.
    if let Some((stamp, candidate)) = stamp.and_then(|stamp| Some((stamp, candidates.iter().find(|(id, _)| *id == stamp.id)?))) {
        let matcher = stamp.selection.as_ref().map(Selection::matcher).transpose()?;
        report.nearest = Some(holders::differences(repo.store(), &folder, candidate, "", matcher.as_ref())?);
    } else {
        let owner = FolderOwner::of(repo, path, &folder)?;
        let own = |(_, version): &VersionWithId| {
            owner.as_ref().is_none_or(|owner| owner.dataset == repo.config().current(&version.dataset))
        };
        let candidates: Vec<VersionWithId> = candidates.into_iter().filter(own).collect();
        report.nearest = search.nearest(&candidates, owner.as_ref().map(|owner| owner.path.as_str()))?;
    }
    Ok(())
}

fn file(repo: &Repo, path: &Path, report: &mut WhichReport, progress: &dyn Progress) -> Result<()> {
    let artifacts = artifacts::hash(&[PathBuf::from(path)], progress)?;
    let content = artifacts.first().map(|artifact| artifact.content);
    report.kind = "file";
    report.content = content;
    let mut finder = EntryFinder::new(repo, |entry| entry.kind.is_file() && Some(entry.content) == content);
    let candidates = versions(repo, None, &mut report.damaged)?;
    search_versions(&candidates, report, progress, |candidate| {
        let found = finder.below(candidate.1.manifest)?;
        Ok(found.iter().map(|entry| Holder::of(candidate, entry.path.as_str(), "content")).collect())
    })
}

fn checksum(repo: &Repo, digits: &str, report: &mut WhichReport, progress: &dyn Progress) -> Result<()> {
    let mut finder = EntryFinder::new(repo, |entry| entry.kind.is_file() && entry.content.to_hex().starts_with(digits));
    let candidates = versions(repo, None, &mut report.damaged)?;
    search_versions(&candidates, report, progress, |candidate| {
        let (id, version) = candidate;
        let own = [
            ("id", id.to_hex()),
            ("data_checksum", version.data_checksum.to_string()),
            ("metadata_checksum", version.metadata_checksum().to_string()),
            ("manifest", version.manifest.to_hex()),
        ];
        let own = own.into_iter().filter(|(_, hex)| hex.starts_with(digits));
        let mut holders: Vec<Holder> = own.map(|(matches, _)| Holder::of(candidate, "", matches)).collect();
        let found = finder.below(version.manifest)?;
        holders.extend(found.iter().map(|entry| Holder::of(candidate, entry.path.as_str(), "content")));
        Ok(holders)
    })
}
