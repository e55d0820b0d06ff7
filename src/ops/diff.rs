//! `hlx diff`: the files that differ between two versions, or a version and the workspace.

use std::path::PathBuf;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::fs::beneath::Root;
use crate::manifest::{Change, Diff};
use crate::object::node::Entry;
use crate::ops::Renamed;
use crate::ops::samples::{self, ByFile, Files, Record, Sides};
use crate::path::{DataPath, from_user};
use crate::progress::{Progress, Stage};
use crate::repo::revision::{self, Found, Target};
use crate::repo::{Dataset, Repo};
use crate::sample::tally::Counts;
use crate::worktree::compare;
use crate::worktree::state::State;

/// What to compare.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The old side; HEAD if left out.
    pub from: Option<String>,
    /// The new side; the workspace if left out.
    pub to: Option<String>,
    /// Files and folders of the dataset to look at; all if empty.
    pub paths: Vec<String>,
    /// Whether records are compared, and what of them is wanted.
    pub samples: Option<Samples>,
}

/// What is wanted of the records that differ.
#[derive(Clone, Copy, Debug, Default)]
pub struct Samples {
    /// Their numbers in each file.
    pub by_file: bool,
    /// The records themselves.
    pub patch: bool,
    /// No more records than so many.
    pub limit: Option<usize>,
}

/// A file that only one side has.
#[derive(Clone, Debug, Serialize)]
pub struct One {
    /// Its path.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its samples, where they are counted.
    pub samples: Option<u64>,
}

/// A file that both sides have, differently.
#[derive(Clone, Debug, Serialize)]
pub struct Both {
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

/// What differs.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The old side.
    pub from: String,
    /// The new side.
    pub to: String,
    /// Files that only the new side has.
    pub added: Vec<One>,
    /// Files that differ.
    pub modified: Vec<Both>,
    /// Files that only the old side has.
    pub removed: Vec<One>,
    /// Files whose content, which is not empty, has another path on the new side.
    pub renamed: Vec<Renamed>,
    /// How many records differ, over all files: one that only moved does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<Counts>,
    /// How many records of each file differ, over that file alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_file: Option<Vec<ByFile>>,
    /// The records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<Vec<Record>>,
}

/// What differs, entry by entry.
struct Differences {
    dataset: String,
    /// The folder of the workspace, if one side is that.
    work: Option<PathBuf>,
    /// Whether it is the old side.
    reversed: bool,
    from: String,
    to: String,
    changes: Vec<Change>,
    renamed: Vec<(Entry, Entry)>,
}

/// Compares two versions, or a version and the workspace.
pub fn run(repo: &Repo, options: &Options, progress: &dyn Progress) -> Result<Report> {
    let paths = options.paths.iter().map(|p| from_user(p)).collect::<Result<Vec<_>>>()?;
    let found = differences(repo, options.from.as_deref(), options.to.as_deref(), &paths, progress)?;
    let samples = options.samples.map(|wanted| samples(repo, &found, wanted, progress)).transpose()?;
    let (samples, by_file, records) = samples.map_or((None, None, None), |(a, b, c)| (Some(a), b, c));
    let mut report = Report {
        samples,
        by_file,
        records,
        from: found.from,
        to: found.to,
        added: Vec::new(),
        modified: Vec::new(),
        removed: Vec::new(),
        renamed: found
            .renamed
            .into_iter()
            .map(|(from, to)| Renamed { from: from.path.to_string(), to: to.path.to_string() })
            .collect(),
    };
    for change in found.changes {
        match change {
            Change::Added(e) => report.added.push(one(&e)),
            Change::Removed(e) => report.removed.push(one(&e)),
            Change::Modified(a, b) => report.modified.push(Both {
                path: b.path.to_string(),
                old_size: a.size,
                new_size: b.size,
                old_samples: a.samples.map(|s| s.count),
                new_samples: b.samples.map(|s| s.count),
            }),
        }
    }
    Ok(report)
}

type Compared = (Counts, Option<Vec<ByFile>>, Option<Vec<Record>>);

/// Compares the records of the files that differ. The workspace is always read as the new side.
fn samples(repo: &Repo, found: &Differences, wanted: Samples, progress: &dyn Progress) -> Result<Compared> {
    let rules = samples::rules(repo, &found.dataset)?.1;
    let mut sides: Vec<Sides> = Vec::new();
    for change in &found.changes {
        sides.push(match change.clone() {
            Change::Added(new) => (None, Some(new)),
            Change::Removed(old) => (Some(old), None),
            Change::Modified(old, new) => (Some(old), Some(new)),
        });
    }
    for (old, new) in &found.renamed {
        // What only has another name is the same, unless it is read otherwise now.
        let reading = |e: &Entry| rules.reading_of(e.path.as_str(), e.samples.map(|s| s.reader));
        if wanted.by_file || reading(old) != reading(new) {
            sides.extend([(Some(old.clone()), None), (None, Some(new.clone()))]);
        }
    }
    if found.reversed {
        sides.iter_mut().for_each(|(old, new)| std::mem::swap(old, new));
    }
    let work = found.work.as_deref().map(Root::open).transpose()?;
    let bytes = sides.iter().map(|(old, new)| old.iter().chain(new).map(|e| e.size).max().unwrap_or(0)).sum();
    progress.begin(Stage::Scan, sides.len() as u64, bytes);
    let files = Files { repo, rules, work, sides };
    let mut by_file = Vec::new();
    let leftovers = files.leftovers(progress, |file| by_file.push(file))?;
    by_file.retain(|file| file.counts != Counts::default());
    let mut counts = leftovers.counts();
    let mut records = match wanted.patch {
        true => Some(files.records(leftovers, wanted.limit.unwrap_or(usize::MAX), progress)?),
        false => None,
    };
    if found.reversed {
        let turn = |counts: &mut Counts| std::mem::swap(&mut counts.added, &mut counts.removed);
        turn(&mut counts);
        by_file.iter_mut().for_each(|file| turn(&mut file.counts));
        records.iter_mut().flatten().for_each(Record::turn);
    }
    by_file.sort_by(|a, b| a.path.cmp(&b.path));
    Ok((counts, wanted.by_file.then_some(by_file), records))
}

fn one(entry: &Entry) -> One {
    One { path: entry.path.to_string(), size: entry.size, samples: entry.samples.map(|s| s.count) }
}

fn differences(
    repo: &Repo,
    from: Option<&str>,
    to: Option<&str>,
    paths: &[String],
    progress: &dyn Progress,
) -> Result<Differences> {
    let from = revision::target(repo, from.unwrap_or("HEAD"))?;
    // Without a second revision it is the workspace of the dataset that the first one speaks of.
    let to = match (to, &from) {
        (Some(to), _) => revision::target(repo, to)?,
        (None, Target::Version(found)) => Target::Work(found.version.dataset.clone()),
        (None, Target::Work(_)) => return Err(Error::usage("name the version to compare the workspace with")),
    };
    progress.begin(Stage::Scan, 0, 0);
    let wanted = |path: &DataPath| paths.is_empty() || paths.iter().any(|p| p.is_empty() || path.is_within(p));
    let mut found = match (from, to) {
        (Target::Version(a), Target::Version(b)) => versions(repo, &a, &b)?,
        (Target::Version(a), Target::Work(name)) => workspace(repo, &a, repo.dataset(Some(&name))?, progress)?,
        (Target::Work(name), Target::Version(b)) => workspace(repo, &b, repo.dataset(Some(&name))?, progress)?.reversed(),
        (Target::Work(_), Target::Work(_)) => return Err(Error::usage("one of the two has to be a version")),
    };
    found.changes.retain(|change| wanted(change.path()));
    found.renamed.retain(|(a, b)| wanted(&a.path) || wanted(&b.path));
    Ok(found)
}

fn name(found: &Found) -> String {
    format!("{}@{}", found.version.dataset, found.version.number)
}

fn versions(repo: &Repo, a: &Found, b: &Found) -> Result<Differences> {
    let (mut added, mut removed, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    for change in Diff::new(&**repo.store(), a.version.manifest, b.version.manifest)? {
        match change? {
            Change::Added(e) => added.push(e),
            Change::Removed(e) => removed.push(e),
            modified => changes.push(modified),
        }
    }
    let renamed = compare::pair(&mut removed, &mut added);
    changes.extend(added.into_iter().map(Change::Added));
    changes.extend(removed.into_iter().map(Change::Removed));
    changes.sort_by(|a, b| a.path().cmp(b.path()));
    Ok(Differences {
        dataset: b.version.dataset.clone(),
        work: None,
        reversed: false,
        from: name(a),
        to: name(b),
        changes,
        renamed,
    })
}

fn workspace(repo: &Repo, a: &Found, dataset: &Dataset, progress: &dyn Progress) -> Result<Differences> {
    let state = State::load(repo.store().layout(), &dataset.name)?;
    let (store, folder) = (repo.store(), repo.folder(dataset));
    let found = compare::workspace(store, &folder, &dataset.name, Some(a.version.manifest), state.selection.as_ref(), progress)?;
    Ok(Differences {
        dataset: dataset.name.clone(),
        work: Some(folder),
        reversed: false,
        from: name(a),
        to: format!("{}@WORK", dataset.name),
        changes: found.differences,
        renamed: found.renamed,
    })
}

impl Differences {
    fn reversed(self) -> Differences {
        let back = |change| match change {
            Change::Added(e) => Change::Removed(e),
            Change::Removed(e) => Change::Added(e),
            Change::Modified(a, b) => Change::Modified(b, a),
        };
        Differences {
            dataset: self.dataset,
            work: self.work,
            reversed: !self.reversed,
            from: self.to,
            to: self.from,
            changes: self.changes.into_iter().map(back).collect(),
            renamed: self.renamed.into_iter().map(|(a, b)| (b, a)).collect(),
        }
    }
}
