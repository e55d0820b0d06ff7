//! The contents of versions: schema, verdict, manifest, and every file once, however many versions share it.
//!
//! Files are read in the order of the manifests, which is that of the packs. The data checksum of a version covers all its
//! files in order, so every manifest is walked for it; the form of a node is checked once.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use crate::check::refs::CheckedVersion;
use crate::check::{ObjectSet, Problem, Problems};
use crate::error::{Error, Result, counted};
use crate::id::{Content, Id, NodeId};
use crate::manifest::{Entries, NodeSource};
use crate::object::checksum::{Checksum, DataChecksum};
use crate::object::node::{Entry, Node, Totals};
use crate::object::version::Version;
use crate::object::{Key, ObjectKind};
use crate::parallel;
use crate::progress::Progress;
use crate::repo::Repo;
use crate::store::Store;
use crate::store::content::{self, Chunks};

/// Contents of a batch that one core checks at once.
const BATCH: usize = 64;

/// The result of a check of the contents of versions.
#[derive(Debug, Default)]
pub struct ContentsCheck {
    /// The files of the versions, each version counted by itself.
    pub files: u64,
    /// The bytes that were read.
    pub bytes: u64,
    /// The expected data checksum, and the actual one where all bytes could be read, if there was one version.
    pub checksum: Option<(Checksum, Option<Checksum>)>,
    /// The contents that the store cannot rebuild, each with its size.
    pub damaged: HashMap<Id<Content>, u64>,
}

/// Checks the contents of versions. The problems are of the kinds `schema`, `verdict-damaged`, `manifest`, `checksum` and
/// `content`.
///
/// # Errors
/// `ErrorKind::Interrupted`, or if this user may not read something.
pub fn check(repo: &Repo, versions: &[CheckedVersion], progress: &dyn Progress, problems: &Problems) -> Result<ContentsCheck> {
    let store: &Store = repo.store();
    if progress.is_watched() {
        expect(repo, versions, progress)?;
    }
    let nodes = CheckedNodes { store, seen: Mutex::new(ObjectSet::of(store)) };
    let state = Mutex::new(WalkState { seen: ObjectSet::of(store), files: 0, bytes: 0, checksum: None });
    let mut walk = ManifestWalk { repo, nodes: &nodes, versions, problems, progress, state: &state, current: None };
    let mut damaged = HashMap::new();
    read_all(store, parallel::until_error(|| walk.next()), progress, |bad| {
        damaged.insert(bad.content, bad);
        Ok(())
    })?;
    name_damage(repo, versions, &damaged, progress, problems)?;
    let state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    let checksum = state.checksum.filter(|_| versions.len() == 1);
    Ok(ContentsCheck {
        files: state.files,
        bytes: state.bytes,
        checksum: checksum.map(|(expected, actual)| (expected, actual.filter(|_| damaged.is_empty()))),
        damaged: damaged.into_iter().map(|(content, bad)| (content, bad.size)).collect(),
    })
}

/// Tells how many contents and bytes will be read.
fn expect(repo: &Repo, versions: &[CheckedVersion], progress: &dyn Progress) -> Result<()> {
    let store: &Store = repo.store();
    let mut seen = ObjectSet::of(store);
    for version in versions {
        progress.check()?;
        let Ok(entries) = repo.version(version.id).and_then(|version| Entries::new(store, version.manifest)) else { continue };
        let (mut contents, mut bytes) = (0, 0);
        for entry in entries.flatten().filter(|entry| entry.size > 0 && seen.insert(&content_key(store, entry))) {
            (contents, bytes) = (contents + 1, bytes + entry.size);
        }
        progress.expect(contents, bytes);
    }
    Ok(())
}

/// Returns the object by which the content of an entry is known to have been read: its recipe, or its only chunk.
fn content_key(store: &Store, entry: &Entry) -> Key {
    let recipe = Key::recipe(entry.content);
    if store.contains(&recipe) { recipe } else { Key { kind: ObjectKind::Chunk, ..recipe } }
}

/// Reads nodes, and checks the form of each once, however many versions share it.
struct CheckedNodes<'a> {
    store: &'a Store,
    seen: Mutex<ObjectSet>,
}

impl NodeSource for CheckedNodes<'_> {
    fn node(&self, id: Id<NodeId>) -> Result<Node> {
        let key = Key::from(id);
        let bytes = self.store.get(&key)?;
        let node = Node::decode(&bytes).map_err(|e| Error::damaged(format!("{key} is damaged: {e}")))?;
        if self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(&key) && node.encode() != bytes[..] {
            return Err(Error::damaged(format!("{key} is damaged: it is not in its canonical form")));
        }
        Ok(node)
    }
}

/// The state of a walk that outlives it.
struct WalkState {
    seen: ObjectSet,
    files: u64,
    bytes: u64,
    checksum: Option<(Checksum, Option<Checksum>)>,
}

/// Walks the manifests of versions and returns each content that was not seen before.
struct ManifestWalk<'a> {
    repo: &'a Repo,
    nodes: &'a CheckedNodes<'a>,
    versions: &'a [CheckedVersion],
    problems: &'a Problems,
    progress: &'a dyn Progress,
    state: &'a Mutex<WalkState>,
    current: Option<VersionWalk<'a>>,
}

struct VersionWalk<'a> {
    name: &'a str,
    version: Version,
    entries: Entries<'a, CheckedNodes<'a>>,
    totals: Totals,
    checksum: DataChecksum,
    /// True unless a part of the manifest could not be read.
    is_whole: bool,
}

impl<'a> ManifestWalk<'a> {
    fn next(&mut self) -> Result<Option<(Id<Content>, u64)>> {
        let store: &Store = self.repo.store();
        loop {
            let Some(walk) = &mut self.current else {
                let Some((next, rest)) = self.versions.split_first() else { return Ok(None) };
                self.versions = rest;
                self.current = self.open(next)?;
                continue;
            };
            let entry = match walk.entries.next() {
                None => {
                    self.current.take().into_iter().for_each(|walk| self.close(walk));
                    continue;
                }
                Some(Err(e)) if e.ends_check() => return Err(e),
                Some(Err(e)) => {
                    walk.is_whole = false;
                    self.problems.add(object_problem("manifest", store, Key::from(walk.entries.node()), &e).version(walk.name));
                    continue;
                }
                Some(entry) => entry?,
            };
            walk.totals.add_entry(&entry);
            if entry.kind.is_file() {
                walk.checksum.add(entry.path.as_str(), &entry.content);
            }
            if entry.size == 0 {
                continue;
            }
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.seen.insert(&content_key(store, &entry)) {
                state.bytes += entry.size;
                return Ok(Some((entry.content, entry.size)));
            }
        }
    }

    /// Checks the schema and the verdict of a version and begins its manifest; `None` if the root cannot be read.
    fn open(&self, checked: &'a CheckedVersion) -> Result<Option<VersionWalk<'a>>> {
        self.progress.check()?;
        let (repo, name) = (self.repo, checked.name.as_str());
        let version = match repo.version(checked.id) {
            Err(e) if e.ends_check() => return Err(e),
            Err(e) => {
                self.problems.add(object_problem("version-damaged", repo.store(), Key::from(checked.id), &e).version(name));
                return Ok(None);
            }
            version => version?,
        };
        let report = |kind, key: Option<Key>, read: Result<()>| match read {
            Err(e) if e.ends_check() => Err(e),
            Err(e) => {
                key.into_iter().for_each(|key| self.problems.add(object_problem(kind, repo.store(), key, &e).version(name)));
                Ok(())
            }
            Ok(()) => Ok(()),
        };
        report("schema", version.schema.map(Key::from), repo.schema(&version).map(drop))?;
        if let Some(verdict) = version.verdict {
            report("verdict-damaged", Some(Key::from(verdict)), repo.verdict(verdict).map(drop))?;
        }
        match Entries::new(self.nodes, version.manifest) {
            Ok(entries) => {
                let (totals, checksum) = (Totals::NONE, DataChecksum::default());
                Ok(Some(VersionWalk { name, version, entries, totals, checksum, is_whole: true }))
            }
            Err(e) => {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.checksum = Some((version.data_checksum, None));
                report("manifest", Some(Key::from(version.manifest)), Err(e)).map(|()| None)
            }
        }
    }

    /// Compares what a manifest holds with the record of its version.
    fn close(&self, walk: VersionWalk<'_>) {
        let VersionWalk { name, version, totals, checksum, is_whole, .. } = walk;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.files += totals.files;
        let (expected, actual) = (version.data_checksum, checksum.finish());
        state.checksum = Some((expected, is_whole.then_some(actual)));
        let extent = |files, bytes| format!("{} with {}", counted(files, "file"), counted(bytes, "byte"));
        let recorded = extent(version.statistics.files, version.statistics.bytes);
        let counted = extent(totals.files, totals.bytes);
        let message = match (expected == actual, recorded == counted) {
            _ if !is_whole => return,
            (true, true) => return,
            (false, _) => format!("its record has the data checksum {expected}, but that of its manifest is {actual}"),
            (true, false) => format!("its record has {recorded}, but its manifest has {counted}"),
        };
        self.problems.add(Problem::new("checksum", message).object(format!("version {name}")).version(name));
    }
}

/// Returns a problem of an object, with the pack that holds it.
fn object_problem(kind: &'static str, store: &Store, key: Key, error: &Error) -> Problem {
    let problem = Problem::new(kind, error.to_string()).object(key.to_string());
    match store.locate(&key) {
        Some(row) => problem.pack(row.pack.to_hex()),
        None => problem,
    }
}

/// A content that cannot be rebuilt.
struct DamagedContent {
    content: Id<Content>,
    size: u64,
    error: Error,
    /// The first of its objects that cannot be read.
    object: Option<Key>,
}

/// Reads each content whole, on all cores, and hands out those that the store cannot rebuild.
fn read_all(
    store: &Store,
    contents: impl Iterator<Item = Result<(Id<Content>, u64)>> + Send,
    progress: &dyn Progress,
    mut bad: impl FnMut(DamagedContent) -> Result<()>,
) -> Result<()> {
    let mut contents = contents.peekable();
    let batches = std::iter::from_fn(|| {
        contents.peek()?;
        Some(contents.by_ref().take(BATCH).collect::<Result<Vec<_>>>())
    });
    let check = |(): &mut (), batch: Vec<(Id<Content>, u64)>| -> Result<Vec<DamagedContent>> {
        let mut bad = Vec::new();
        for (content, size) in batch {
            progress.check()?;
            let chunk = |bytes: &[u8]| {
                progress.advance(0, bytes.len() as u64);
                progress.check()
            };
            if let Err(error) = content::read(store, content, size, chunk) {
                if error.ends_check() {
                    return Err(error);
                }
                bad.push(DamagedContent { content, size, error, object: first_damaged(store, content, size) });
            }
            progress.advance(1, 0);
        }
        Ok(bad)
    };
    let ahead = 2 * parallel::threads();
    parallel::ordered(batches, ahead, || (), check, |found| found.into_iter().try_for_each(&mut bad))
}

/// Returns the first object of a content that cannot be read: a chunk, or the recipe.
fn first_damaged(store: &Store, content: Id<Content>, size: u64) -> Option<Key> {
    let Ok(chunks) = Chunks::of(store, content, size) else { return Some(Key::recipe(content)) };
    for item in chunks {
        let Ok(item) = item else { return Some(Key::recipe(content)) };
        if content::chunk(store, &item).is_err() {
            return Some(Key { id: item.id, kind: ObjectKind::Chunk });
        }
    }
    None
}

/// Names the files of the versions whose contents are damaged.
fn name_damage(
    repo: &Repo,
    versions: &[CheckedVersion],
    damaged: &HashMap<Id<Content>, DamagedContent>,
    progress: &dyn Progress,
    problems: &Problems,
) -> Result<()> {
    if damaged.is_empty() {
        return Ok(());
    }
    let store: &Store = repo.store();
    let mut places: BTreeMap<(String, Id<Content>), Vec<&str>> = BTreeMap::new();
    for CheckedVersion { name, id } in versions {
        progress.check()?;
        let Ok(entries) = repo.version(*id).and_then(|version| Entries::new(store, version.manifest)) else { continue };
        for entry in entries.flatten().filter(|entry| entry.size > 0 && damaged.contains_key(&entry.content)) {
            places.entry((entry.path.to_string(), entry.content)).or_default().push(name);
        }
    }
    for ((path, content), versions) in places {
        let Some(DamagedContent { error, object, .. }) = damaged.get(&content) else { continue };
        let problem = Problem::new("content", error.to_string()).path(path);
        let pack = object.and_then(|key| store.locate(&key)).map(|row| row.pack.to_hex());
        let object = object.map(|key| key.to_string());
        problems.add(Problem { object, pack, versions: versions.into_iter().map(str::to_owned).collect(), ..problem });
    }
    Ok(())
}
