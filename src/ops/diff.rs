//! `hlx diff`: the files that differ between two versions, or a version and the workspace.

use std::path::PathBuf;

use serde::Serialize;

use crate::diff::{Differences, FileEntry, FileSource, SampleCounts, SplitMove};
use crate::error::{Error, ErrorKind, Result};
use crate::fs::openat::Root;
use crate::object::version::Version;
use crate::ops::samples::{self, ChangedFiles, ChangedRecord, FilePair, FileSampleCounts};
use crate::ops::{DamageList, PartialCheckout, RenamedFile, key, paths, sample_diff};
use crate::path::{DataPath, from_user, printable};
use crate::progress::{Progress, Stage};
use crate::repo::revision::{self, ResolvedVersion, RevisionContext, RevisionTarget};
use crate::repo::{Dataset, Repo};
use crate::sample::ReaderSpec;
use crate::worktree::checkout;
use crate::worktree::compare;
use crate::worktree::state::WorkspaceState;

/// The sides to compare.
#[derive(Clone, Debug, Default)]
pub struct DiffOptions {
    /// The old side; HEAD if left out.
    pub from: Option<String>,
    /// The new side; the workspace if left out.
    pub to: Option<String>,
    /// Files and folders of the dataset to look at; all if empty.
    pub paths: Vec<String>,
    /// The output for the records that differ; none if records are not compared.
    pub samples: Option<SampleOptions>,
}

/// The output for the records that differ.
#[derive(Clone, Copy, Debug, Default)]
pub struct SampleOptions {
    /// Their numbers in each file.
    pub by_file: bool,
    /// The records themselves.
    pub patch: bool,
    /// No more records than so many.
    pub limit: Option<usize>,
}

/// A file that only one side has.
#[derive(Clone, Debug, Serialize)]
pub struct UnpairedFile {
    /// Its path.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its samples, where they are counted.
    pub samples: Option<u64>,
}

/// A file that both sides have, differently.
#[derive(Clone, Debug, Serialize)]
pub struct ModifiedFile {
    /// Its path.
    pub path: String,
    /// Its length on the old side.
    pub old_size: u64,
    /// Its length on the new side.
    pub new_size: u64,
    /// Its samples on the old side, where they are counted.
    pub old_samples: Option<u64>,
    /// Its samples on the new side, where they are counted.
    pub new_samples: Option<u64>,
}

/// The differences.
#[derive(Clone, Debug, Serialize)]
pub struct DiffReport {
    /// The old side.
    pub from: String,
    /// The new side.
    pub to: String,
    /// Files that only the new side has.
    pub added: Vec<UnpairedFile>,
    /// Files that differ.
    pub modified: Vec<ModifiedFile>,
    /// Files that only the old side has.
    pub removed: Vec<UnpairedFile>,
    /// Files whose content, which is not empty, has another path on the new side.
    pub renamed: Vec<RenamedFile>,
    /// Those of the modified and renamed files whose mode differs and whose bytes do not.
    pub mode_changed: Vec<String>,
    /// Files with the same bytes on both sides, which are read otherwise on the new one.
    pub reread: Vec<String>,
    /// Empty folders that only the new side has.
    pub folders_added: Vec<String>,
    /// Empty folders that only the old side has.
    pub folders_removed: Vec<String>,
    /// The number of records that differ, over all files. A record that only moved does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<SampleCounts>,
    /// Records that moved from one split to another and are the same otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub moved: Vec<SplitMove>,
    /// The number of records that differ in each file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_file: Option<Vec<FileSampleCounts>>,
    /// The records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<Vec<ChangedRecord>>,
    /// The field that could be the key of the dataset, which has none: with it, samples count as modified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggested_key: Option<String>,
    /// That the sides belong to two datasets, where they do; and what a commit of the new side warns of, where records were
    /// compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<String>>,
    /// The dataset in whose folder the files are; `None` if the sides belong to two.
    #[serde(skip)]
    pub dataset: Option<String>,
    /// The files whose records could not be read.
    #[serde(skip_serializing_if = "DamageList::is_empty")]
    pub damaged: DamageList,
    /// The number of files of the version that the workspace has, where it has a part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<PartialCheckout>,
}

impl DiffReport {
    /// Returns true if nothing differs.
    pub fn is_empty(&self) -> bool {
        let files = [self.added.len(), self.modified.len(), self.removed.len(), self.renamed.len(), self.reread.len()];
        files == [0; 5] && self.folders_added.is_empty() && self.folders_removed.is_empty()
    }
}

/// The two sides and the files in which they differ.
struct FileComparison {
    dataset: String,
    /// The version that the files of the new side, or of the workspace, are compared with.
    version: Version,
    /// The folder of the workspace, if one side is that.
    work: Option<PathBuf>,
    /// True if it is the old side.
    reversed: bool,
    from: String,
    to: String,
    /// The part of the version that the workspace has, if it is not all.
    partial: Option<PartialCheckout>,
    /// The warning of two sides that belong to different datasets.
    mismatch: Option<String>,
    files: Differences,
}

/// Returns the sides of each comparison that two words mean, old and new: `HEAD`, `latest`, a tag, and ancestors of these,
/// mean the version of every dataset, as in [`Repo::revisions`], unless the new side names its dataset. A word that names
/// no dataset is one of `dataset`, where that is given.
pub fn sides(repo: &Repo, from: &str, to: Option<&str>, dataset: Option<&str>) -> Result<Vec<(String, Option<String>)>> {
    let (from, to) = revision::range(Some(from), to)?;
    let (from, to) = (from.unwrap_or("HEAD"), to.map(str::to_owned));
    let is_of_dataset = |text: Option<&str>| text.map_or(Ok(false), |text| repo.is_of_dataset(text));
    let olds = match dataset {
        Some(dataset) if !is_of_dataset(Some(from))? => vec![revision::qualified(dataset, from)],
        None if !is_of_dataset(to.as_deref())? => repo.revisions(from)?,
        _ => vec![from.to_owned()],
    };
    Ok(olds.into_iter().map(|from| (from, to.clone())).collect())
}

/// Compares two versions, or a version and the workspace.
///
/// # Errors
/// `ErrorKind::VersionNotFound`; `PathNotFound` for a path that neither side has; `Usage` if both sides are a workspace.
pub fn run(repo: &Repo, options: &DiffOptions, progress: &dyn Progress) -> Result<DiffReport> {
    let mut records = Vec::new();
    let report = stream(repo, options, progress, &mut |_, record| {
        records.push(record);
        Ok(())
    })?;
    let is_wanted = options.samples.is_some_and(|samples| samples.patch);
    Ok(DiffReport { records: is_wanted.then_some(records), ..report })
}

/// Compares as [`run`] does, and hands over the records as they are found, each with the dataset in whose folder its file
/// is, as the report has it: the report has no records.
pub fn stream(
    repo: &Repo,
    options: &DiffOptions,
    progress: &dyn Progress,
    take: &mut dyn FnMut(Option<&str>, ChangedRecord) -> Result<()>,
) -> Result<DiffReport> {
    let comparison = compare(repo, options, progress)?;
    let mut take = |record| take(comparison.folder(), record);
    let samples = options.samples.map(|wanted| compare_records(repo, &comparison, wanted, progress, &mut take)).transpose()?;
    let Some(RecordComparison { samples, moved, by_file, suggested_key, warnings, damaged }) = samples else {
        return Ok(DiffReport::of(comparison));
    };
    let warnings = comparison.mismatch.iter().cloned().chain(warnings).collect();
    let (samples, warnings) = (Some(samples), Some(warnings));
    Ok(DiffReport { samples, moved, by_file, suggested_key, warnings, damaged, ..DiffReport::of(comparison) })
}

impl DiffReport {
    /// Returns the files that differ.
    fn of(comparison: FileComparison) -> DiffReport {
        let dataset = comparison.folder().map(str::to_owned);
        let FileComparison { from, to, files, partial, mismatch, .. } = comparison;
        let paths = |files: &[FileEntry]| files.iter().map(|file| file.path.to_string()).collect();
        DiffReport {
            samples: None,
            moved: Vec::new(),
            by_file: None,
            records: None,
            suggested_key: None,
            warnings: mismatch.map(|mismatch| vec![mismatch]),
            dataset,
            damaged: DamageList::default(),
            partial,
            from,
            to,
            added: files.added.iter().map(unpaired).collect(),
            modified: files.modified.iter().map(|(old, new)| modified(old, new)).collect(),
            removed: files.removed.iter().map(unpaired).collect(),
            renamed: files.renamed.iter().map(|(from, to)| RenamedFile::of(from, to)).collect(),
            mode_changed: files.mode_changed().map(|(_, new)| new.path.to_string()).collect(),
            reread: files.reread.iter().map(|(_, new)| new.path.to_string()).collect(),
            folders_added: paths(&files.folders_added),
            folders_removed: paths(&files.folders_removed),
        }
    }
}

/// The differences of the records of the files.
struct RecordComparison {
    samples: SampleCounts,
    moved: Vec<SplitMove>,
    by_file: Option<Vec<FileSampleCounts>>,
    suggested_key: Option<String>,
    warnings: Vec<String>,
    damaged: DamageList,
}

/// Compares the records of the files that differ. The workspace is always read as the new side.
fn compare_records(
    repo: &Repo,
    comparison: &FileComparison,
    wanted: SampleOptions,
    progress: &dyn Progress,
    take: &mut dyn FnMut(ChangedRecord) -> Result<()>,
) -> Result<RecordComparison> {
    let (dataset, config) = samples::reader_config(repo, &comparison.dataset)?;
    let FileComparison { files, .. } = comparison;
    let mut sides: Vec<FilePair> = Vec::new();
    sides.extend(files.added.iter().map(|new| (None, Some(new.clone()))));
    let both = files.modified.iter().chain(&files.reread);
    sides.extend(both.map(|(old, new)| (Some(old.clone()), Some(new.clone()))));
    sides.extend(files.removed.iter().map(|old| (Some(old.clone()), None)));
    sides.sort_by(|a, b| path_of(a).cmp(&path_of(b)));
    for (old, new) in &files.renamed {
        // What only has another name is the same, unless it is read otherwise now.
        let spec = |e: &FileEntry| match &e.samples {
            Some(samples) => ReaderSpec::from_id(&samples.reader),
            None => Some(config.spec_for(e.path.as_str())),
        };
        let alike = spec(old).zip(spec(new)).is_some_and(|(old, new)| old.reads_as(&new));
        if wanted.by_file || !alike {
            sides.extend([(Some(old.clone()), None), (None, Some(new.clone()))]);
        }
    }
    // By file they are compared as well.
    let renamed = if wanted.by_file { &[] } else { &files.renamed[..] };
    if comparison.reversed {
        sides.iter_mut().for_each(|(old, new)| std::mem::swap(old, new));
    }
    let work = comparison.work.as_deref().map(Root::open).transpose()?;
    let bytes = sides.iter().map(|(old, new)| old.iter().chain(new).map(|e| e.size).max().unwrap_or(0)).sum();
    progress.begin(Stage::Scan, sides.len() as u64, bytes);
    let mut files = ChangedFiles { repo, config, workspace: work, sides };
    let mut damaged = DamageList::default();
    let mut by_file = Vec::new();
    let mut warnings = files.warnings()?;
    let (unmatched, changed) = files.unmatched(progress, &mut damaged, |file| by_file.push(file))?;
    if let Some(mut schema) = repo.schema(&comparison.version)? {
        schema.add(&changed, 1);
        warnings.extend(key::missing(&schema, &dataset));
        let files = (&**repo.store(), comparison.version.manifest, comparison.version.statistics.files);
        let stored = |_: &str| Ok(FileSource::Stored(repo.store()));
        warnings.extend(key::incomplete(&dataset, &repo.store().layout().tmp(), &schema, files, stored));
    }
    by_file.retain(|file| file.counts != SampleCounts::default());
    let mut samples = unmatched.counts();
    let moved_whole = samples::moved_files(&files.config, renamed);
    let mut moves = unmatched.moves().clone();
    for ((from, to), count) in moved_whole {
        *moves.entry(if comparison.reversed { (to, from) } else { (from, to) }).or_default() += count;
    }
    let mut moved = files.config.splits().named(&moves);
    let suggested_key = match key::may_help(&dataset, &samples, false) {
        true => key::suggestion(repo, &comparison.dataset, &comparison.version),
        false => None,
    };
    if wanted.patch {
        files.records(unmatched, wanted.limit.unwrap_or(usize::MAX), progress, &mut |mut record| {
            if comparison.reversed {
                record.reverse();
            }
            take(record)
        })?;
    }
    if comparison.reversed {
        let turn = |counts: &mut SampleCounts| std::mem::swap(&mut counts.added, &mut counts.removed);
        turn(&mut samples);
        moved.iter_mut().for_each(|moved| std::mem::swap(&mut moved.from, &mut moved.to));
        moved.sort();
        by_file.iter_mut().for_each(|file| turn(&mut file.counts));
    }
    by_file.sort_by(|a, b| a.path.cmp(&b.path));
    let by_file = wanted.by_file.then_some(by_file);
    Ok(RecordComparison { samples, moved, by_file, suggested_key, warnings, damaged })
}

fn path_of(sides: &FilePair) -> Option<&DataPath> {
    sides.1.as_ref().or(sides.0.as_ref()).map(|file| &file.path)
}

fn unpaired(file: &FileEntry) -> UnpairedFile {
    UnpairedFile { path: file.path.to_string(), size: file.size, samples: file.samples.as_ref().map(|s| s.count) }
}

fn modified(old: &FileEntry, new: &FileEntry) -> ModifiedFile {
    ModifiedFile {
        path: new.path.to_string(),
        old_size: old.size,
        new_size: new.size,
        old_samples: old.samples.as_ref().map(|s| s.count),
        new_samples: new.samples.as_ref().map(|s| s.count),
    }
}

fn compare(repo: &Repo, options: &DiffOptions, progress: &dyn Progress) -> Result<FileComparison> {
    let (from, to) = revision::range(options.from.as_deref(), options.to.as_deref())?;
    let from = revision::target(repo, from.unwrap_or("HEAD"), RevisionContext::default())?;
    // Without a second revision it is the workspace of the dataset that the first one speaks of.
    let to = match (to, &from) {
        (Some(to), _) => {
            revision::target(repo, to, RevisionContext { dataset: Some(from.dataset()), ..RevisionContext::default() })?
        }
        (None, RevisionTarget::Version(resolved)) => RevisionTarget::Work(resolved.version.dataset.clone()),
        (None, RevisionTarget::Work(_)) => {
            return Err(Error::usage("give the version to compare with the workspace").with_hint("hlx diff WORK HEAD"));
        }
    };
    let typed = paths(repo, &options.paths, [&from, &to])?;
    let datasets = [&from, &to].map(|side| side.dataset().to_owned());
    progress.begin(Stage::Scan, 0, 0);
    let mut comparison = match (from, to) {
        (RevisionTarget::Version(a), RevisionTarget::Version(b)) => versions(repo, &a, &b)?,
        (RevisionTarget::Version(a), RevisionTarget::Work(name)) => workspace(repo, &a, repo.dataset(Some(&name))?, progress)?,
        (RevisionTarget::Work(name), RevisionTarget::Version(b)) => {
            workspace(repo, &b, repo.dataset(Some(&name))?, progress)?.reversed()
        }
        (RevisionTarget::Work(_), RevisionTarget::Work(_)) => return Err(Error::usage("one of the two must be a version")),
    };
    let [a, b] = &datasets;
    comparison.mismatch = sample_diff::mismatch(repo, (a, &comparison.from), (b, &comparison.to));
    comparison.files.retain(|path| paths::is_selected(&typed, path));
    Ok(comparison)
}

/// Returns the paths of the dataset that were typed, each of which one of the sides has.
fn paths(repo: &Repo, typed: &[String], sides: [&RevisionTarget; 2]) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    for typed in typed {
        let dataset = repo.config().dataset(sides[1].dataset());
        let path = dataset.map_or_else(|| from_user(typed), |dataset| paths::in_dataset(repo, dataset, typed))?;
        let mut has = path.is_empty();
        for side in sides {
            has = has
                || match side {
                    RevisionTarget::Version(resolved) => {
                        !checkout::below(repo.store(), resolved.version.manifest, &path)?.is_empty()
                    }
                    RevisionTarget::Work(name) => repo.folder(repo.dataset(Some(name))?).join(&path).symlink_metadata().is_ok(),
                };
        }
        if !has {
            let version = sides
                .into_iter()
                .find_map(|side| if let RevisionTarget::Version(resolved) = side { Some(resolved) } else { None });
            let outside = || Error::new(ErrorKind::PathNotFound, format!("no file or folder '{}'", printable(typed)));
            return Err(version.map_or_else(outside, |resolved| paths::unknown(repo, resolved, &path)));
        }
        paths.push(path);
    }
    Ok(paths)
}

fn versions(repo: &Repo, a: &ResolvedVersion, b: &ResolvedVersion) -> Result<FileComparison> {
    Ok(FileComparison {
        dataset: b.version.dataset.clone(),
        version: a.version.clone(),
        work: None,
        reversed: false,
        from: a.version.name(),
        to: b.version.name(),
        partial: None,
        mismatch: None,
        files: Differences::between(&**repo.store(), a.version.manifest, b.version.manifest)?,
    })
}

fn workspace(repo: &Repo, a: &ResolvedVersion, dataset: &Dataset, progress: &dyn Progress) -> Result<FileComparison> {
    paths::check_folder(repo, dataset)?;
    let state = WorkspaceState::load(repo.store().layout(), &dataset.name)?;
    let (store, folder, manifest) = (repo.store(), repo.folder(dataset), Some(a.version.manifest));
    let config = dataset.samples.then(|| dataset.reader_config(&store.layout().tmp())).transpose()?;
    let selection = state.selection.as_ref();
    let files = compare::workspace(store, &folder, &dataset.name, manifest, selection, config.as_ref(), progress)?;
    Ok(FileComparison {
        dataset: dataset.name.clone(),
        version: a.version.clone(),
        work: Some(folder),
        reversed: false,
        from: a.version.name(),
        to: format!("{}@WORK", dataset.name),
        partial: PartialCheckout::new(store, selection, &a.version)?,
        mismatch: None,
        files,
    })
}

impl FileComparison {
    /// Returns the dataset in whose folder the files are.
    fn folder(&self) -> Option<&str> {
        self.mismatch.is_none().then_some(&self.dataset)
    }

    fn reversed(self) -> FileComparison {
        let swap = |pairs: Vec<(FileEntry, FileEntry)>| pairs.into_iter().map(|(old, new)| (new, old)).collect();
        let files = self.files;
        FileComparison {
            reversed: !self.reversed,
            from: self.to,
            to: self.from,
            partial: self.partial,
            mismatch: self.mismatch,
            files: Differences {
                added: files.removed,
                modified: swap(files.modified),
                removed: files.added,
                renamed: swap(files.renamed),
                reread: swap(files.reread),
                folders_added: files.folders_removed,
                folders_removed: files.folders_added,
                outside: files.outside,
            },
            dataset: self.dataset,
            version: self.version,
            work: self.work,
        }
    }
}
