//! `hlx run`: which data trained which model, with what result. A run is a fact about a version.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::clock::Time;
use crate::error::{Error, Result};
use crate::facts::{Recorded, State};
use crate::id::{Id, Version as VersionId};
use crate::object::fact::{Metric, Run, Statement};
use crate::object::version::Version;
use crate::ops::said::{Names, RunView, spoken};
use crate::ops::{artifacts, between};
use crate::path::printable;
use crate::progress::Progress;
use crate::repo::{Here, Repo, revision};
use crate::sample::tally::Counts;

pub use crate::ops::said::ListOptions;

/// Fewer hex digits than this name no run.
const PREFIX: usize = 6;

/// What was trained, and on what.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The version that was trained on.
    pub revision: String,
    /// The model.
    pub model: String,
    /// Parameters, each by its name, in any order.
    pub params: Vec<(String, String)>,
    /// Metrics, each by its name, in any order.
    pub metrics: Vec<(String, f64)>,
    /// Files, and folders whose files are meant.
    pub artifacts: Vec<PathBuf>,
    /// When it began.
    pub started: Option<Time>,
    /// When it ended.
    pub ended: Option<Time>,
    /// Who says so.
    pub author: Option<String>,
}

/// Records a run.
pub fn record(repo: &Repo, options: &Options, progress: &dyn Progress) -> Result<RunView> {
    let found = revision::version(repo, &options.revision)?;
    if options.started.zip(options.ended).is_some_and(|(started, ended)| ended < started) {
        return Err(Error::usage("the run ends before it begins"));
    }
    let metric = |(name, value): (String, f64)| match Metric::new(value) {
        Some(metric) => Ok((name, metric)),
        None => Err(Error::usage(format!("the metric '{}' is not a finite number", printable(&name)))),
    };
    let metrics = by_name("metric", options.metrics.clone())?;
    let mut run = Run {
        model: options.model.clone(),
        started: options.started,
        ended: options.ended,
        params: by_name("parameter", options.params.clone())?,
        metrics: metrics.into_iter().map(metric).collect::<Result<_>>()?,
        artifacts: Vec::new(),
    };
    let check = |run: &Run| run.check().map_err(|e| Error::usage(e.to_string()));
    // Before the artifacts are read, which may take long.
    check(&run)?;
    run.artifacts = artifacts::hash(&options.artifacts, progress)?;
    check(&run)?;
    let run = Arc::new(run);
    // A fact relies on its version: whoever made that may have been killed before its ref was durable.
    repo.versions().sync(&found.version.dataset)?;
    let author = repo.author(options.author.as_deref());
    let said = [Statement::Run { version: found.id, run: run.clone() }];
    let ids = repo.facts().append(&author, &said)?;
    let [id] = ids[..] else { return Err(Error::damaged("the run was not recorded")) };
    let time = repo.facts().get(id)?.time;
    let recorded = Recorded { id, version: found.id, run, time, author };
    Ok(RunView::of(&recorded, Some((found.version.dataset, found.version.number))))
}

/// Sorts by name; a name that comes twice is refused.
fn by_name<T>(what: &str, mut named: Vec<(String, T)>) -> Result<Vec<(String, T)>> {
    named.sort_by(|a, b| a.0.cmp(&b.0));
    match named.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(Error::usage(format!("the {what} '{}' is given twice", printable(&pair[0].0)))),
        None => Ok(named),
    }
}

/// Runs.
#[derive(Clone, Debug, Serialize)]
pub struct ListReport {
    /// The first recorded first, as far as the facts say; what was recorded apart, in the order of the ids.
    pub runs: Vec<RunView>,
}

/// Lists runs.
pub fn list(repo: &Repo, options: &ListOptions) -> Result<ListReport> {
    let state = repo.facts().fold()?;
    let mut names = Names::of(repo);
    let runs = match &options.revision {
        Some(text) => state.runs_of(revision::version(repo, text)?.id),
        None => state.runs(),
    };
    let views = runs.iter().map(|run| RunView::of(run, names.get(run.version)));
    let wanted = |view: &RunView| options.dataset.is_none() || view.dataset_name == options.dataset;
    Ok(ListReport { runs: views.filter(wanted).collect() })
}

/// Runs side by side, and what differs in their data.
#[derive(Clone, Debug, Serialize)]
pub struct CompareReport {
    /// The one run that was named, or all on the version.
    pub runs_a: Vec<RunView>,
    /// The same of the other side.
    pub runs_b: Vec<RunView>,
    /// The version of the one side.
    pub version_a: String,
    /// The version of the other.
    pub version_b: String,
    /// Samples that differ from the one version to the other; `None` where one is not here or its samples are not counted.
    pub samples: Option<Counts>,
    /// Whether both are one version, or two of the same data.
    #[serde(skip)]
    pub same_data: bool,
}

/// One side of a comparison.
struct Side {
    version: Id<VersionId>,
    runs: Vec<Arc<Recorded>>,
}

impl Side {
    /// The run that has this id or one that begins so; else all runs on the version that the word names.
    fn of(repo: &Repo, state: &State, word: &str) -> Result<Side> {
        if word.bytes().all(|b| b.is_ascii_hexdigit()) && (PREFIX..=64).contains(&word.len()) {
            let digits = word.to_ascii_lowercase();
            let mut fits = state.runs().iter().filter(|run| run.id.to_hex().starts_with(&digits));
            match (fits.next(), fits.next()) {
                (Some(run), None) => return Ok(Side { version: run.version, runs: vec![run.clone()] }),
                (Some(_), Some(_)) => {
                    let message = format!("several runs have ids that begin with '{word}'");
                    return Err(Error::usage(message).with_hint("write more digits"));
                }
                (None, _) => {}
            }
        }
        let version = revision::version(repo, word)?.id;
        Ok(Side { version, runs: state.runs_of(version).to_vec() })
    }
}

/// Compares runs: each of `a` and `b` is a run, by its id or the first digits of it, or a revision.
pub fn compare(repo: &Repo, a: &str, b: &str, progress: &dyn Progress) -> Result<CompareReport> {
    let state = repo.facts().fold()?;
    let (a, b) = (Side::of(repo, &state, a)?, Side::of(repo, &state, b)?);
    let mut here = Here::of(repo);
    let (old, new) = (here.version(a.version)?, here.version(b.version)?);
    let name = |version: &Option<Version>| version.as_ref().map(|v| (v.dataset.clone(), v.number.clone()));
    let (name_a, name_b) = (name(&old), name(&new));
    let versions = old.as_ref().zip(new.as_ref());
    let same_data = a.version == b.version || versions.is_some_and(|(old, new)| old.manifest == new.manifest);
    let samples = match versions {
        _ if same_data => Some(Counts::default()),
        Some((old, new)) => between::samples(repo, old, new, progress)?.map(|(changes, _)| changes.counts),
        None => None,
    };
    Ok(CompareReport {
        version_a: spoken(&name_a, a.version),
        version_b: spoken(&name_b, b.version),
        runs_a: a.runs.iter().map(|run| RunView::of(run, name_a.clone())).collect(),
        runs_b: b.runs.iter().map(|run| RunView::of(run, name_b.clone())).collect(),
        samples,
        same_data,
    })
}
