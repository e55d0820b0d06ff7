//! `hlx commit`: makes the next version of a dataset.
//!
//! Everything is stored and synced before the version's ref is created, and the ref is what makes it exist. An
//! interrupted commit leaves nothing visible; the same command again succeeds.

use std::collections::HashMap;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::clock::{self, Time};
use crate::error::{Error, Kind, Result};
use crate::fs::atomic::Created;
use crate::fs::beneath::Root;
use crate::fs::lock::Lock;
use crate::id::{Id, Node, Version as VersionId};
use crate::manifest::{Builder, NodeSink, NodeSource};
use crate::object::Key;
use crate::object::checksum::{Checksum, DataChecksum};
use crate::object::fact::Statement;
use crate::object::node::{self, EntryKind, Totals};
use crate::object::version::{ChangeType, Number, Statistics, ValidationStatus, Version};
use crate::ops::VersionView;
use crate::ops::changes::Changes;
use crate::ops::view::Viewer;
use crate::progress::{Progress, Stage};
use crate::refs::names;
use crate::repo::{CONFIG, Dataset, Repo, config, revision};
use crate::store::{Store, Writer};
use crate::worktree::cache;
use crate::worktree::ingest::{Source, ingest};
use crate::worktree::scan::Scan;
use crate::worktree::state::{self, State};

/// The longest summary, and the longest metadata as JSON, in bytes.
const MAX_TEXT: usize = 1 << 20;
/// The longest author, in bytes.
const MAX_AUTHOR: usize = 4 << 10;
/// Most tags that a commit is told.
const MAX_TAGS: usize = 256;

/// How the number follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bump {
    /// From what changed.
    Auto,
    /// As if that much had changed.
    As(ChangeType),
}

/// What to commit.
#[derive(Clone, Debug)]
pub struct Options {
    /// The dataset; may be left out where there is one, or where the user stands in one.
    pub dataset: Option<String>,
    /// What the version is, in the author's words.
    pub summary: String,
    /// The number, where the author chooses it.
    pub version: Option<Number>,
    /// How the number follows otherwise.
    pub bump: Bump,
    /// The version that comes before; HEAD, or the latest with `from`, otherwise.
    pub parent: Option<String>,
    /// Tags to put on it.
    pub tags: Vec<String>,
    /// What to attach to it.
    pub metadata: Map<String, Value>,
    /// Who makes it.
    pub author: Option<String>,
    /// A folder to take instead of the dataset's; the workspace stays as it is.
    pub from: Option<PathBuf>,
    /// Makes a version also where nothing changed.
    pub allow_empty: bool,
    /// Finds out what would be committed and makes nothing.
    pub dry_run: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The version was made.
    Created,
    /// The same version was there already.
    AlreadyThere,
    /// Nothing changed since the parent, which is the version that is told of.
    Unchanged,
    /// The version would be made.
    DryRun,
}

/// What was committed.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The version.
    #[serde(flatten)]
    pub version: VersionView,
    /// What came of it.
    pub outcome: Outcome,
    /// Files that the parent does not have.
    pub files_added: u64,
    /// Files that differ from the parent's.
    pub files_modified: u64,
    /// Files that only the parent has.
    pub files_removed: u64,
    /// Bytes of all those files.
    pub bytes_changed: u64,
    /// Bytes of the parent's files.
    pub bytes_before: u64,
    /// What explains the number.
    pub bump: String,
    /// By how many bytes the packs grew.
    pub stored_bytes: u64,
}

/// Commits the workspace of a dataset, or a folder.
pub fn run(repo: &Repo, options: &Options, progress: &dyn Progress) -> Result<Report> {
    check(options)?;
    let dataset = dataset(repo, options)?;
    let layout = repo.store().layout();
    let _workspace: Option<Lock> = match options.from {
        None => Some(state::lock(layout, &dataset.name)?),
        Some(_) => None,
    };
    let state = State::load(layout, &dataset.name)?;
    let commit = Commit { repo, options, dataset, progress, state };
    let parent = commit.parent()?;
    commit.run(parent)
}

/// The dataset that is meant. In a repository that has none yet, the whole folder becomes one.
fn dataset(repo: &Repo, options: &Options) -> Result<Dataset> {
    if options.dataset.is_some() || repo.config().datasets().next().is_some() {
        return repo.dataset(options.dataset.as_deref()).cloned();
    }
    let name = repo.root().file_name().and_then(|n| n.to_str()).unwrap_or_default();
    if !names::is_dataset(name) {
        return Err(Error::usage(format!("the folder's name '{}' is no name for a dataset", crate::path::printable(name)))
            .with_hint("name it: hlx init --name NAME --type TYPE"));
    }
    let dataset = Dataset::new(name, config::generic(), ".");
    if !options.dry_run {
        let layout = repo.store().layout();
        config::add_dataset(&repo.root().join(CONFIG), &layout.config(), &layout.tmp(), &dataset)?;
    }
    Ok(dataset)
}

fn check(options: &Options) -> Result<()> {
    options.tags.iter().try_for_each(|tag| names::check_tag(tag))?;
    if options.summary.trim().is_empty() {
        return Err(Error::usage("the summary is empty").with_hint("say in a few words what the version is: -m SUMMARY"));
    }
    let metadata = serde_json::to_string(&options.metadata).map_or(0, |text| text.len());
    if options.summary.len() > MAX_TEXT || metadata > MAX_TEXT || options.author.as_ref().is_some_and(|a| a.len() > MAX_AUTHOR) {
        return Err(Error::usage("the summary, the metadata or the author is too long")
            .with_hint("commit long texts as a file of the dataset"));
    }
    if options.tags.len() > MAX_TAGS {
        return Err(Error::usage(format!("a version takes at most {MAX_TAGS} tags at once")));
    }
    Ok(())
}

/// The version that comes before.
struct Parent {
    id: Id<VersionId>,
    version: Version,
}

/// What the tree of the new version is.
struct Tree {
    manifest: Id<Node>,
    totals: Totals,
    checksum: Checksum,
}

struct Commit<'a> {
    repo: &'a Repo,
    options: &'a Options,
    dataset: Dataset,
    progress: &'a dyn Progress,
    state: State,
}

impl Commit<'_> {
    fn parent(&self) -> Result<Option<Parent>> {
        let name = &self.dataset.name;
        let id = match (&self.options.parent, &self.options.from) {
            (Some(text), _) => {
                let found = revision::version(self.repo, &self.qualified(text))?;
                if found.version.dataset != *name {
                    return Err(Error::usage(format!("'{text}' is a version of '{}', not of '{name}'", found.version.dataset)));
                }
                return Ok(Some(Parent { id: found.id, version: found.version }));
            }
            (None, None) => self.state.head,
            (None, Some(_)) => {
                let refs = self.repo.versions();
                let numbers = refs.numbers(name)?;
                revision::highest(&numbers).map(|n| refs.get(name, n)).transpose()?.flatten()
            }
        };
        id.map(|id| Ok(Parent { id, version: self.repo.version(id)? })).transpose()
    }

    /// A revision that names the dataset, if it does not already.
    fn qualified(&self, text: &str) -> String {
        if text.contains('@') { text.to_owned() } else { format!("{}@{text}", self.dataset.name) }
    }

    fn folder(&self) -> Result<PathBuf> {
        let folder = match &self.options.from {
            Some(from) => from.clone(),
            None => self.repo.folder(&self.dataset),
        };
        if folder.is_dir() {
            return Ok(folder);
        }
        Err(Error::new(Kind::PathNotFound, format!("the folder {} does not exist", folder.display()))
            .with_hint(format!("it is the folder of the dataset '{}'; create it or mend helox.toml", self.dataset.name)))
    }

    fn run(&self, parent: Option<Parent>) -> Result<Report> {
        let store = self.repo.store();
        let level = self.repo.config().level();
        let mut writer = if self.options.dry_run { Writer::dry(store)? } else { Writer::new(store, level)? };
        let Stored { tree, rows, fresh } = self.store_tree(parent.as_ref(), &mut writer)?;
        let changes = match &parent {
            Some(parent) => Changes::between(&Overlay { store, fresh }, &parent.version, tree.manifest)?,
            None => Changes::of_first(&tree.totals),
        };
        let change_type = changes.kind(parent.is_none());
        let explained = self.explain(&changes, change_type, parent.is_none());
        let mut version = self.version(parent.as_ref(), &tree, change_type)?;
        let told = |found: Parent, outcome, stored| Told { found, outcome, stored, changes, explained };
        if let Some(there) = self.already_there(&mut version, !changes.any)? {
            return self.report(told(there, Outcome::AlreadyThere, 0), rows);
        }
        self.check_exceeds_parent(&version)?;
        if let Some(parent) = parent.filter(|_| !changes.any && !self.options.allow_empty) {
            return self.report(told(parent, Outcome::Unchanged, 0), rows);
        }
        if self.options.dry_run {
            return self.report(told(Parent { id: version.id(), version }, Outcome::DryRun, 0), None);
        }
        writer.structure(Key::from(version.id()), &version.encode())?;
        let finished = writer.finish()?;
        let stored = finished.bytes;
        let mut held = vec![finished];
        loop {
            self.progress.check()?;
            let id = version.id();
            if self.repo.versions().create(&self.dataset.name, &version.number, id)? == Created::New {
                return self.report(told(Parent { id, version }, Outcome::Created, stored), rows);
            }
            // Somebody else took the number meanwhile: the next free one it is, with the same parent.
            if let Some(there) = self.already_there(&mut version, false)? {
                return self.report(told(there, Outcome::AlreadyThere, stored), rows);
            }
            let mut writer = Writer::new(store, level)?;
            writer.structure(Key::from(version.id()), &version.encode())?;
            held.push(writer.finish()?);
        }
    }

    /// Reads the folder into the store.
    fn store_tree(&self, parent: Option<&Parent>, writer: &mut Writer<'_>) -> Result<Stored> {
        let layout = self.repo.store().layout();
        let in_place = self.options.from.is_none();
        let began = clock::nanos_now();
        let root = Root::open(&self.folder()?)?;
        let known = if in_place { cache::path(layout, &self.dataset.name) } else { PathBuf::new() };
        let mut rows = match in_place && !self.options.dry_run {
            true => Some(cache::Writer::create(layout, &self.dataset.name)?),
            false => None,
        };
        let selection = self.state.selection.as_ref().filter(|_| in_place).map(|s| s.matcher()).transpose()?;
        let source = Source {
            scan: Scan::new(&root, cache::Reader::open(&known))?,
            root: &root,
            parent: parent.map(|p| p.version.manifest),
            nodes: &**self.repo.store(),
            selection,
            counting: None,
            began,
        };
        let (mut builder, mut checksum, mut fresh) = (Builder::default(), DataChecksum::default(), HashMap::new());
        let keep = parent.is_some();
        self.progress.begin(Stage::Store, 0, 0);
        ingest(source, writer, self.progress, |writer, ingested| {
            let entry = ingested.entry;
            if entry.kind.is_file() {
                checksum.add(entry.path.as_str(), &entry.content);
            }
            if let (Some(rows), Some(row)) = (&mut rows, &ingested.row)
                && row.entry.kind != EntryKind::Folder
            {
                rows.push(row)?;
            }
            builder.push(&mut Tee { writer, fresh: keep.then_some(&mut fresh) }, entry)
        })?;
        let (manifest, totals) = builder.finish(&mut Tee { writer, fresh: keep.then_some(&mut fresh) })?;
        Ok(Stored { tree: Tree { manifest, totals, checksum: checksum.finish() }, rows, fresh })
    }

    /// The record of the new version, with the number that was asked for or follows.
    fn version(&self, parent: Option<&Parent>, tree: &Tree, change_type: ChangeType) -> Result<Version> {
        let bump = match self.options.bump {
            Bump::Auto => change_type,
            Bump::As(change) => change,
        };
        let number = match (&self.options.version, parent) {
            (Some(number), _) => number.clone(),
            (None, Some(parent)) => parent.version.number.bump(bump),
            (None, None) => Number::FIRST,
        };
        Ok(Version {
            dataset: self.dataset.name.clone(),
            dataset_type: self.dataset.kind.clone(),
            number,
            parents: parent.iter().map(|p| p.id).collect(),
            parent_number: parent.map(|p| p.version.number.clone()),
            manifest: tree.manifest,
            statistics: Statistics { files: tree.totals.files, bytes: tree.totals.bytes, samples: tree.totals.samples },
            schema: None,
            data_checksum: tree.checksum,
            change_type,
            summary: self.options.summary.clone(),
            metadata: self.options.metadata.clone(),
            tags: self.options.tags.clone(),
            validation: ValidationStatus::Pending,
            author: self.repo.author(self.options.author.as_deref()),
            created: Time::now(),
        })
    }

    /// The version that has the number already, if it is the same one: with the same tree and the same parents, or the
    /// parent itself where nothing changed. A number that was not asked for is raised until it is free.
    fn already_there(&self, version: &mut Version, unchanged: bool) -> Result<Option<Parent>> {
        let refs = self.repo.versions();
        while let Some(id) = refs.get(&self.dataset.name, &version.number)? {
            let there = self.repo.version(id)?;
            let again = unchanged && version.parents == [id];
            if there.manifest == version.manifest && (there.parents == version.parents || again) {
                refs.sync(&self.dataset.name)?;
                return Ok(Some(Parent { id, version: there }));
            }
            if self.options.version.is_some() {
                let free = self.free_number(version)?;
                return Err(Error::new(
                    Kind::VersionExists,
                    format!("{}@{} exists and is another version", self.dataset.name, version.number),
                )
                .with_hint(format!("the next free number is {free}")));
            }
            version.number = raised(&version.number)?;
        }
        Ok(None)
    }

    /// Fails unless the number exceeds the parent's, so that children always have higher numbers than their parents.
    fn check_exceeds_parent(&self, version: &Version) -> Result<()> {
        match &version.parent_number {
            Some(parent) if version.number <= *parent => {
                let free = self.free_number(version)?;
                Err(Error::new(Kind::Conflict, format!("{} does not exceed its parent's number {parent}", version.number))
                    .with_hint(format!("the next free number is {free}")))
            }
            _ => Ok(()),
        }
    }

    /// The lowest number above the parent's that is free and fits the change.
    fn free_number(&self, version: &Version) -> Result<Number> {
        let refs = self.repo.versions();
        let mut number = version.parent_number.as_ref().map_or(Number::FIRST, |n| n.bump(version.change_type));
        while refs.get(&self.dataset.name, &number)?.is_some() {
            number = raised(&number)?;
        }
        Ok(number)
    }

    fn explain(&self, changes: &Changes, by_content: ChangeType, first: bool) -> String {
        let share = if first {
            "the first version".to_owned()
        } else {
            format!("{} of the parent's bytes changed", percent(changes.bytes, changes.before))
        };
        match (&self.options.version, self.options.bump) {
            (None, Bump::As(kind)) => format!("{kind} as asked; {share}, which is {by_content}"),
            (None, Bump::Auto) => format!("{by_content}: {share}"),
            (Some(_), _) => format!("numbered as asked; {share}, which is {by_content}"),
        }
    }

    /// Records what follows from the outcome: tags, and what the workspace was made from.
    fn report(&self, told: Told, rows: Option<cache::Writer>) -> Result<Report> {
        let Parent { id, version } = told.found;
        if !self.options.dry_run && matches!(told.outcome, Outcome::Created | Outcome::AlreadyThere) {
            if !self.options.tags.is_empty() {
                let borne = self.repo.facts().fold()?.tags_of(id);
                let new = self.options.tags.iter().filter(|tag| !borne.contains(tag));
                let said: Vec<Statement> = new.map(|tag| Statement::TagAdded { version: id, tag: tag.clone() }).collect();
                self.repo.facts().append(&self.repo.author(self.options.author.as_deref()), &said)?;
            }
            if self.options.from.is_none() {
                let state = State { head: Some(id), selection: self.state.selection.clone() };
                state.save(self.repo.store().layout(), &self.dataset.name)?;
            }
        }
        if let Some(rows) = rows.filter(|_| told.outcome != Outcome::DryRun) {
            rows.finish()?;
        }
        Ok(Report {
            version: Viewer::new(self.repo)?.view(id, version),
            outcome: told.outcome,
            files_added: told.changes.added,
            files_modified: told.changes.modified,
            files_removed: told.changes.removed,
            bytes_changed: told.changes.bytes,
            bytes_before: told.changes.before,
            bump: told.explained,
            stored_bytes: told.stored,
        })
    }
}

/// The next number by PATCH.
fn raised(number: &Number) -> Result<Number> {
    let next = number.bump(ChangeType::Patch);
    if next > *number { Ok(next) } else { Err(Error::new(Kind::Conflict, format!("there is no number above {number}"))) }
}

/// What a commit has to tell.
struct Told {
    found: Parent,
    outcome: Outcome,
    stored: u64,
    changes: Changes,
    explained: String,
}

/// What reading the folder made.
struct Stored {
    tree: Tree,
    rows: Option<cache::Writer>,
    fresh: HashMap<Id<Node>, Vec<u8>>,
}

/// Hands nodes to the store and keeps those that have a parent to be compared with.
struct Tee<'a, 'w> {
    writer: &'a mut Writer<'w>,
    fresh: Option<&'a mut HashMap<Id<Node>, Vec<u8>>>,
}

impl NodeSink for Tee<'_, '_> {
    fn put(&mut self, id: Id<Node>, bytes: &[u8]) -> Result<()> {
        if self.writer.structure(Key::from(id), bytes)?
            && let Some(fresh) = &mut self.fresh
        {
            fresh.insert(id, bytes.to_vec());
        }
        Ok(())
    }
}

/// The nodes of the store and those that are on their way there.
struct Overlay<'a> {
    store: &'a Store,
    fresh: HashMap<Id<Node>, Vec<u8>>,
}

impl NodeSource for Overlay<'_> {
    fn node(&self, id: Id<Node>) -> Result<node::Node> {
        match self.fresh.get(&id) {
            Some(bytes) => node::Node::decode(bytes).map_err(|e| Error::damaged(format!("the manifest node {id}: {e}"))),
            None => self.store.node(id),
        }
    }
}

/// `12.3%`.
fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { "all".to_owned() } else { format!("{:.1}%", part as f64 * 100.0 / whole as f64) }
}
