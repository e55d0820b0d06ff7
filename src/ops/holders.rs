//! The versions that hold a file or a folder, found in their manifests. A node that several versions share is read once, and
//! the content of no file of a version is.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;

use serde::Serialize;

use crate::error::Result;
use crate::id::{Content, Id, NodeId, VersionId};
use crate::manifest::{ManifestDiff, NodeSource};
use crate::object::node::{self, Entry, EntryKind};
use crate::object::version::{Version, VersionNumber};
use crate::ops::folder::{Difference, FolderContents, VersionPart};
use crate::ops::{DamageList, damage};
use crate::repo::{Dataset, Repo};
use crate::selection::Matcher;
use crate::store::Store;

/// Contents of a folder by which the places in versions are found that may be the folder.
const ANCHORS: usize = 8;

/// A version that holds something, and where.
#[derive(Clone, Debug, Serialize)]
pub struct Holder {
    /// The dataset.
    pub dataset_name: String,
    /// The version.
    pub version: VersionNumber,
    /// The version's id.
    pub id: Id<VersionId>,
    /// The path in the version; `.` for all of it.
    pub path: String,
    /// The property that is equal: `content`, `folder`, `id`, `data_checksum`, `metadata_checksum` or `manifest`.
    pub matches: &'static str,
    /// The part of the version that a folder is, where it is not all of the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selection: Option<String>,
}

/// The version, or folder of it, that a folder is most like, and how the folder differs.
#[derive(Clone, Debug, Serialize)]
pub struct NearestVersion {
    /// The dataset.
    pub dataset_name: String,
    /// The version.
    pub version: VersionNumber,
    /// The version's id.
    pub id: Id<VersionId>,
    /// The path in the version; `.` for all of it.
    pub path: String,
    /// The number of files that are the same.
    pub files_shared: u64,
    /// Files that only the folder has.
    pub added: Vec<String>,
    /// Files that both have, differently.
    pub modified: Vec<String>,
    /// Files that only the version has.
    pub removed: Vec<String>,
}

/// A version and its record.
pub(super) type VersionWithId = (Id<VersionId>, Version);

impl Holder {
    pub(super) fn of(candidate: &VersionWithId, path: &str, matches: &'static str) -> Holder {
        let (id, version) = candidate;
        let path = if path.is_empty() { ".".to_owned() } else { path.to_owned() };
        let (dataset_name, number) = (version.dataset.clone(), version.number.clone());
        Holder { dataset_name, version: number, id: *id, path, matches, selection: None }
    }

    /// `leases@1.2.0`.
    pub fn name(&self) -> String {
        format!("{}@{}", self.dataset_name, self.version)
    }
}

impl NearestVersion {
    /// `leases@1.2.0`.
    pub fn name(&self) -> String {
        format!("{}@{}", self.dataset_name, self.version)
    }
}

/// Reads the versions of a dataset, or of all, the highest numbers of each first. Damaged ones are named and left out.
pub(super) fn versions(repo: &Repo, dataset: Option<&str>, damaged: &mut DamageList) -> Result<Vec<VersionWithId>> {
    let mut versions: Vec<VersionWithId> = Vec::new();
    damage::versions(repo, dataset, damaged, |id, version| {
        versions.push((id, version));
        Ok(())
    })?;
    versions.sort_by(|(_, a), (_, b)| a.dataset.cmp(&b.dataset).then_with(|| b.number.cmp(&a.number)));
    Ok(versions)
}

/// Finds entries of manifests.
pub(super) struct EntryFinder<'a> {
    store: &'a Store,
    wanted: Box<dyn Fn(&Entry) -> bool + 'a>,
    known: HashMap<Id<NodeId>, Rc<[Entry]>>,
    none: Rc<[Entry]>,
}

impl<'a> EntryFinder<'a> {
    pub fn new(repo: &'a Repo, wanted: impl Fn(&Entry) -> bool + 'a) -> EntryFinder<'a> {
        EntryFinder { store: repo.store(), wanted: Box::new(wanted), known: HashMap::new(), none: Rc::new([]) }
    }

    /// Returns the entries below a node that are wanted, in the order of their paths.
    pub fn below(&mut self, id: Id<NodeId>) -> Result<Rc<[Entry]>> {
        if let Some(known) = self.known.get(&id) {
            return Ok(known.clone());
        }
        let mut found = Vec::new();
        match self.store.node(id)? {
            node::Node::Leaf(entries) => found.extend(entries.into_iter().filter(|entry| (self.wanted)(entry))),
            node::Node::Inner(_, children) => {
                for child in children {
                    found.extend_from_slice(&self.below(child.id)?);
                }
            }
        }
        let found: Rc<[Entry]> = if found.is_empty() { self.none.clone() } else { found.into() };
        self.known.insert(id, found.clone());
        Ok(found)
    }
}

/// The dataset of a folder: the one that its stamp names, or in whose declared folder it is.
pub(super) struct FolderOwner {
    pub dataset: String,
    /// The path in the dataset; empty for all of it.
    pub path: String,
}

impl FolderOwner {
    /// Finds the owner of a folder. A stamp of a dataset that is not here is of no help.
    pub fn of(repo: &Repo, path: &Path, folder: &FolderContents) -> Result<Option<FolderOwner>> {
        if let Some(stamp) = &folder.stamp
            && repo.versions().datasets()?.contains(&stamp.dataset_name)
        {
            let dataset = repo.config().current(&stamp.dataset_name).to_owned();
            return Ok(Some(FolderOwner { dataset, path: String::new() }));
        }
        let Ok(path) = path.canonicalize() else { return Ok(None) };
        let inside = |dataset: &Dataset| {
            let folder = repo.folder(dataset).canonicalize().ok()?;
            let path = path.strip_prefix(folder).ok()?.to_str()?.to_owned();
            Some(FolderOwner { dataset: dataset.name.clone(), path })
        };
        Ok(repo.config().datasets().find_map(inside))
    }
}

/// Looks for a folder in versions.
pub(super) struct FolderSearch<'a> {
    store: &'a Store,
    folder: &'a FolderContents,
    anchors: HashMap<Id<Content>, Vec<&'a str>>,
    finder: EntryFinder<'a>,
    /// Of each path, the manifest that was compared last, and whether it has the folder there.
    last: HashMap<String, (Id<NodeId>, bool)>,
    counts: HashMap<(String, Id<NodeId>), Likeness>,
}

/// Files that are the same, files at the same paths, and fewest of all.
type Rank = (u64, u64, Reverse<u64>);

/// The number of files that a part of a version has in common with a folder.
#[derive(Clone, Copy, Default)]
struct Likeness {
    /// Files that are the same at the same path.
    shared: u64,
    /// Files at the path of one.
    named: u64,
    /// All files of the part.
    all: u64,
}

impl<'a> FolderSearch<'a> {
    pub fn new(repo: &'a Repo, folder: &'a FolderContents) -> FolderSearch<'a> {
        let mut largest: Vec<&Entry> = folder.entries.iter().filter(|entry| entry.kind != EntryKind::Folder).collect();
        largest.sort_by_key(|entry| Reverse(entry.size));
        let mut anchors: HashMap<Id<Content>, Vec<&str>> = HashMap::new();
        for entry in largest {
            if anchors.len() < ANCHORS || anchors.contains_key(&entry.content) {
                anchors.entry(entry.content).or_default().push(entry.path.as_str());
            }
        }
        let contents: HashSet<Id<Content>> = anchors.keys().copied().collect();
        let finder = EntryFinder::new(repo, move |entry| entry.kind != EntryKind::Folder && contents.contains(&entry.content));
        FolderSearch { store: repo.store(), folder, anchors, finder, last: HashMap::new(), counts: HashMap::new() }
    }

    /// Returns the paths in a version that may be the folder: all of it, and wherever a file of the folder lies at its
    /// path.
    fn places(&mut self, manifest: Id<NodeId>) -> Result<BTreeSet<String>> {
        let mut places = BTreeSet::from([String::new()]);
        for entry in self.finder.below(manifest)?.iter() {
            for path in self.anchors.get(&entry.content).into_iter().flatten() {
                let place = entry.path.as_str().strip_suffix(path).and_then(|place| place.strip_suffix('/'));
                places.extend(place.map(str::to_owned));
            }
        }
        Ok(places)
    }

    /// Returns true if a version has the folder at a path. Between versions that have the same there it is looked up once.
    fn holds(&mut self, manifest: Id<NodeId>, path: &str) -> Result<bool> {
        if let Some((before, answer)) = self.last.get(path).copied() {
            let mut changes = ManifestDiff::within(self.store, Some(before), manifest, path)?;
            if changes.next().transpose()?.is_none() {
                return Ok(answer);
            }
        }
        let answer = self.folder.equals(self.store, VersionPart { manifest, path, selection: None })?;
        self.last.insert(path.to_owned(), (manifest, answer));
        Ok(answer)
    }

    /// Returns the places of a version that are the folder.
    pub fn places_in(&mut self, candidate: &VersionWithId) -> Result<Vec<Holder>> {
        let manifest = candidate.1.manifest;
        let mut holders = Vec::new();
        for place in self.places(manifest)? {
            if self.holds(manifest, &place)? {
                holders.push(Holder::of(candidate, &place, "folder"));
            }
        }
        Ok(holders)
    }

    /// Counts the files below a path in a node.
    fn count(&mut self, id: Id<NodeId>, path: &str) -> Result<Likeness> {
        let key = (path.to_owned(), id);
        if let Some(known) = self.counts.get(&key) {
            return Ok(*known);
        }
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut sum = Likeness::default();
        match self.store.node(id)? {
            node::Node::Leaf(entries) => {
                for entry in entries.iter().filter(|entry| entry.kind != EntryKind::Folder) {
                    let Some(path) = entry.path.as_str().strip_prefix(&prefix) else { continue };
                    let own = self.folder.entry(path);
                    sum.shared += u64::from(own.is_some_and(|own| self.folder.is_same(own, entry)));
                    sum.named += u64::from(own.is_some());
                    sum.all += 1;
                }
            }
            node::Node::Inner(_, children) => {
                let mut before = String::new();
                for child in children {
                    let is_beyond = before > prefix && !before.starts_with(&prefix);
                    if child.last.as_str() > prefix.as_str() && !is_beyond {
                        let below = self.count(child.id, path)?;
                        sum.shared += below.shared;
                        sum.named += below.named;
                        sum.all += below.all;
                    }
                    before = child.last.as_str().to_owned();
                }
            }
        }
        self.counts.insert(key, sum);
        Ok(sum)
    }

    /// Returns the version, or the folder of one, that shares most files; of several the one with most files at the same
    /// paths, then with the fewest others, then the first. `at` is the path where the folder belongs; without it, `None` if
    /// nothing shares a file and less than half of the folder's files have their path there.
    pub fn nearest(&mut self, candidates: &[VersionWithId], at: Option<&str>) -> Result<Option<NearestVersion>> {
        let mut best: Option<(Rank, &VersionWithId, String)> = None;
        for candidate in candidates {
            let manifest = candidate.1.manifest;
            let places = at.map_or_else(|| self.places(manifest), |path| Ok(BTreeSet::from([path.to_owned()])))?;
            for place in places {
                let Likeness { shared, named, all } = self.count(manifest, &place)?;
                let is_like = at.is_some() || shared > 0 || named > 0 && 2 * named >= self.folder.files;
                let rank = (shared, named, Reverse(all));
                if is_like && best.as_ref().is_none_or(|(most, _, _)| rank > *most) {
                    best = Some((rank, candidate, place));
                }
            }
        }
        best.map(|(_, candidate, place)| differences(self.store, self.folder, candidate, &place, None)).transpose()
    }
}

/// Tells how a folder differs from a version, or from a part of it.
pub(super) fn differences(
    store: &Store,
    folder: &FolderContents,
    candidate: &VersionWithId,
    path: &str,
    selection: Option<&Matcher>,
) -> Result<NearestVersion> {
    let (id, version) = candidate;
    let mut nearest = NearestVersion {
        dataset_name: version.dataset.clone(),
        version: version.number.clone(),
        id: *id,
        path: if path.is_empty() { ".".to_owned() } else { path.to_owned() },
        files_shared: 0,
        added: Vec::new(),
        modified: Vec::new(),
        removed: Vec::new(),
    };
    let mut own = folder.entries.iter().filter(|entry| entry.kind != EntryKind::Folder).count() as u64;
    folder.compare(store, VersionPart { manifest: version.manifest, path, selection }, |difference, entry, path| {
        let is_folder = entry.kind == EntryKind::Folder;
        own -= u64::from(difference != Difference::Removed && !is_folder);
        let list = match difference {
            Difference::Added => &mut nearest.added,
            Difference::Modified => &mut nearest.modified,
            Difference::Removed => &mut nearest.removed,
        };
        list.push(if is_folder { format!("{path}/") } else { path.to_owned() });
        true
    })?;
    Ok(NearestVersion { files_shared: own, ..nearest })
}
