//! `hlx run`: which data trained which model, with what result. A run is a fact about a version.

mod trained;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::clock::Time;
use crate::diff::SampleCounts;
use crate::error::{Error, ErrorKind, Result};
use crate::facts::{FactsState, RecordedRun};
use crate::id::{Id, VersionId};
use crate::limits;
use crate::object::fact::{Metric, Run, Statement};
use crate::object::version::Version;
use crate::ops::fact_views::{RunView, VersionNames, display_name};
use crate::ops::{DamageList, artifacts, sample_diff};
use crate::path::printable;
use crate::progress::Progress;
use crate::repo::{Repo, VersionLookup, git, revision};

pub use crate::ops::fact_views::ListOptions;
pub use trained::{DATA_DIRTY, TrainedVersion, WorkspaceChanges, versions};

/// Fewer hex digits than this name no run.
const PREFIX: usize = 6;

/// How far the end of a run may lie ahead, in milliseconds: a day means its end, and may be today.
const MAX_AHEAD: i64 = 24 * 60 * 60 * 1000;

/// Milliseconds in which one command records its runs.
const COMMAND_TIME: u64 = 60 * 1000;

/// A training run to record.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// The versions that were trained on.
    pub versions: Vec<TrainedVersion>,
    /// The model.
    pub model: String,
    /// Parameters, each by its name, in any order.
    pub params: Vec<(String, String)>,
    /// Metrics, each by its name, in any order.
    pub metrics: Vec<(String, f64)>,
    /// Files, and folders whose files are meant.
    pub artifacts: Vec<PathBuf>,
    /// The start of the run.
    pub started: Option<Time>,
    /// The end of the run.
    pub ended: Option<Time>,
    /// The author of the record.
    pub author: Option<String>,
}

/// Records a run on each of its versions, all at once. The commit of the code, where that is in git, becomes the parameters
/// `git.commit` and `git.dirty`; a version that was compared with the workspace has `data.dirty`, and of a partial checkout
/// `data.partial`; on several versions each run names the others in `with`. Parameters that are given stay as they are.
///
/// # Errors
/// `ErrorKind::VersionNotFound`; `PathNotFound` for an artifact that does not exist; `Usage` for a name that is given twice
/// or a metric that is not finite.
pub fn record(repo: &Repo, options: &RunOptions, progress: &dyn Progress) -> Result<Vec<RunView>> {
    let versions = &options.versions;
    if options.started.zip(options.ended).is_some_and(|(started, ended)| ended < started) {
        return Err(Error::usage("the run ends before it starts"));
    }
    let latest = Time::from_millis(Time::now().as_millis() + MAX_AHEAD);
    if options.ended.is_some_and(|ended| ended > latest) {
        return Err(Error::usage("the run ends in the future").with_hint("give the time in UTC, for example: --end '1 hour ago'"));
    }
    let metric = |(name, value): (String, f64)| match Metric::new(value) {
        Some(metric) => Ok((name, metric)),
        None => Err(Error::usage(format!("the metric '{}' is not a finite number", printable(&name)))),
    };
    let metrics = by_name("metric", options.metrics.clone())?;
    let mut params = options.params.clone();
    if let Some(git) = git::checkout(&repo.root().join(repo.current_folder())) {
        for (name, value) in [("git.commit", git.commit), ("git.dirty", git.is_dirty.to_string())] {
            add(&mut params, name, value);
        }
    }
    let mut run = Run {
        model: options.model.clone(),
        started: options.started,
        ended: options.ended,
        params: by_name("parameter", params)?,
        metrics: metrics.into_iter().map(metric).collect::<Result<_>>()?,
        artifacts: Vec::new(),
    };
    let check = |run: &Run| run.check().map_err(|e| Error::usage(e.to_string()));
    // Before the artifacts are read, which may take long.
    check(&run)?;
    run.artifacts = artifacts::hash(&options.artifacts, progress)?;
    let mut said = Vec::new();
    for version in versions {
        let mut run = run.clone();
        let others: Vec<String> = versions.iter().filter(|other| other.id != version.id).map(TrainedVersion::name).collect();
        if !others.is_empty() {
            add(&mut run.params, "with", others.join(" "));
        }
        version.workspace_params().into_iter().for_each(|(name, value)| add(&mut run.params, name, value));
        run.params.sort();
        check(&run)?;
        // A fact relies on its version: whoever made that may have been killed before its ref was durable.
        repo.versions().sync(&version.dataset_name)?;
        said.push((version, Arc::new(run)));
    }
    let author = repo.author(options.author.as_deref());
    let statements: Vec<_> = said.iter().map(|(version, run)| Statement::Run { version: version.id, run: run.clone() }).collect();
    let ids = repo.facts().append(&author, &statements)?;
    let mut views = Vec::new();
    for (id, (version, run)) in ids.into_iter().zip(said) {
        let time = repo.facts().get(id)?.time;
        let recorded = RecordedRun { id, version: version.id, run, time, author: author.clone() };
        let name = Some((version.dataset_name.clone(), version.version.clone()));
        views.push(RunView::of(&recorded, name, &FactsState::default()));
    }
    Ok(views)
}

/// Adds a parameter, unless it is given.
fn add(params: &mut Vec<(String, String)>, name: &str, value: String) {
    if params.iter().all(|(given, _)| given != name) {
        params.push((name.to_owned(), value));
    }
}

/// Finds a run by its id, or the first digits of it.
///
/// # Errors
/// `ErrorKind::VersionNotFound`.
pub fn show(repo: &Repo, word: &str) -> Result<RunView> {
    let state = repo.folded_facts()?;
    let run = named(&state, word)?;
    Ok(RunView::of(&run, VersionNames::of(repo).get(run.version), &state))
}

/// Records that a run does not count, and why. The run itself stays in the history.
///
/// # Errors
/// [`ErrorKind::Conflict`] if it was withdrawn already.
pub fn withdraw(repo: &Repo, word: &str, reason: &str, author: Option<&str>) -> Result<RunView> {
    let reason = reason.trim();
    if reason.is_empty() || reason.len() > limits::NOTE {
        return Err(Error::usage(format!("the reason has {} bytes; it must have 1 to {}", reason.len(), limits::NOTE))
            .with_hint(format!("give a reason: hlx run withdraw {} --why TEXT", printable(word))));
    }
    let state = repo.folded_facts()?;
    let run = named(&state, word)?;
    if let Some(withdrawal) = state.withdrawal_of(run.id) {
        let message = format!("the run was already withdrawn by {}: {}", withdrawal.author, printable(&withdrawal.reason));
        return Err(Error::new(ErrorKind::Conflict, message).with_hint(format!("show it: hlx run show {}", printable(word))));
    }
    let statement = Statement::RunWithdrawn { version: run.version, run: run.id, reason: reason.to_owned() };
    repo.facts().append(&repo.author(author), &[statement])?;
    show(repo, &run.id.to_hex())
}

/// Returns the other runs of the command that recorded a run, which was on several versions, unless they were withdrawn.
pub fn siblings(repo: &Repo, view: &RunView) -> Result<Vec<RunView>> {
    let state = repo.folded_facts()?;
    let mut names = VersionNames::of(repo);
    let own = named(&state, &view.id.to_hex())?;
    let with = own.run.params.iter().find(|(name, _)| name == "with").map_or("", |(_, with)| with);
    let is_alike = |run: &&Arc<RecordedRun>| {
        let (a, b) = (&own.run, &run.run);
        (&a.model, a.started, a.ended, &a.metrics, &a.artifacts) == (&b.model, b.started, b.ended, &b.metrics, &b.artifacts)
            && own.time.as_millis().abs_diff(run.time.as_millis()) < COMMAND_TIME
            && state.withdrawal_of(run.id).is_none()
    };
    let is_named = |view: &RunView| {
        let name = view.dataset_name.as_deref().zip(view.version.as_ref()).map(|(name, number)| format!("{name}@{number}"));
        name.is_some_and(|name| with.split(' ').any(|word| word == name))
    };
    let alike = state.runs().iter().filter(is_alike).map(|run| RunView::of(run, names.get(run.version), &state));
    Ok(alike.filter(is_named).collect())
}

/// Finds a run by its id, or the first digits of it.
fn named(state: &FactsState, word: &str) -> Result<Arc<RecordedRun>> {
    let unknown = || Error::new(ErrorKind::VersionNotFound, format!("unknown run '{}'", printable(word)));
    find(state, word)?
        .ok_or_else(|| too_short(state, word).unwrap_or_else(unknown).with_hint("list the runs: hlx run list --all"))
}

/// Returns the error for a word that has too few digits to name a run; `None` if no run begins so.
fn too_short(state: &FactsState, word: &str) -> Option<Error> {
    let digits = word.to_ascii_lowercase();
    let is_short = !digits.is_empty() && digits.len() < PREFIX;
    (is_short && state.runs().iter().any(|run| run.id.to_hex().starts_with(&digits)))
        .then(|| Error::new(ErrorKind::VersionNotFound, format!("'{word}' is too short for a run, which needs {PREFIX} digits")))
}

/// Returns the run whose id begins so, if the word can be the digits of one.
fn find(state: &FactsState, word: &str) -> Result<Option<Arc<RecordedRun>>> {
    if !word.bytes().all(|b| b.is_ascii_hexdigit()) || !(PREFIX..=64).contains(&word.len()) {
        return Ok(None);
    }
    let digits = word.to_ascii_lowercase();
    let mut fits = state.runs().iter().filter(|run| run.id.to_hex().starts_with(&digits));
    match (fits.next(), fits.next()) {
        (_, Some(_)) => {
            let message = format!("run id '{word}' is ambiguous");
            Err(Error::usage(message).with_hint("use more digits"))
        }
        (run, None) => Ok(run.cloned()),
    }
}

/// Sorts by name; a name that comes twice is refused.
fn by_name<T>(what: &str, mut named: Vec<(String, T)>) -> Result<Vec<(String, T)>> {
    named.sort_by(|a, b| a.0.cmp(&b.0));
    match named.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(Error::usage(format!("{what} '{}' is given twice", printable(&pair[0].0)))),
        None => Ok(named),
    }
}

/// Runs.
#[derive(Clone, Debug, Serialize)]
pub struct RunListReport {
    /// The first recorded first, as far as the facts say; what was recorded apart, in the order of the ids.
    pub runs: Vec<RunView>,
}

/// Lists runs.
///
/// # Errors
/// `ErrorKind::DatasetNotFound` or `VersionNotFound`.
pub fn list(repo: &Repo, options: &ListOptions) -> Result<RunListReport> {
    let state = repo.folded_facts()?;
    let mut names = VersionNames::of(repo);
    let runs = match &options.revision {
        Some(text) => state.runs_of(revision::version(repo, text)?.id),
        None => state.runs(),
    };
    let counts = |run: &&Arc<RecordedRun>| options.withdrawn || state.withdrawal_of(run.id).is_none();
    let views = runs.iter().filter(counts).map(|run| RunView::of(run, names.get(run.version), &state));
    let is_of_model = |view: &RunView| options.model.as_ref().is_none_or(|model| *model == view.run.model);
    let wanted = |view: &RunView| is_of_model(view) && options.wants(repo, view.dataset_name.as_deref());
    Ok(RunListReport { runs: views.filter(wanted).collect() })
}

/// Runs side by side, and what differs in their data.
#[derive(Clone, Debug, Serialize)]
pub struct RunCompareReport {
    /// The one run that was named, or all on the version.
    pub runs_a: Vec<RunView>,
    /// The runs of the other side.
    pub runs_b: Vec<RunView>,
    /// The version of the one side.
    pub version_a: String,
    /// The version of the other.
    pub version_b: String,
    /// The metrics of both, where each side is one run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Vec<MetricChange>>,
    /// Samples that differ from the one version to the other; `None` where one is not here or its samples are not counted.
    pub samples: Option<SampleCounts>,
    /// True if both are one version, or two of the same data.
    #[serde(skip)]
    pub same_data: bool,
    /// That the versions belong to two datasets, where they do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The files whose samples could not be read.
    #[serde(skip_serializing_if = "DamageList::is_empty")]
    pub damaged: DamageList,
}

/// A metric of two runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricChange {
    /// Its name.
    pub name: String,
    /// Its value in the first run.
    pub a: Option<f64>,
    /// Its value in the second.
    pub b: Option<f64>,
    /// By how much the second exceeds the first, where both have it.
    pub difference: Option<f64>,
    /// The difference in percent of the absolute value of the first; none if that is 0.
    pub percent: Option<f64>,
}

impl MetricChange {
    /// Returns the metrics of two runs, by name.
    fn between(a: &Run, b: &Run) -> Vec<MetricChange> {
        let value = |run: &Run, name: &str| run.metrics.iter().find(|(n, _)| n == name).map(|(_, metric)| metric.value());
        let names: BTreeSet<&String> = a.metrics.iter().chain(&b.metrics).map(|(name, _)| name).collect();
        let change = |name: &String| {
            let (a, b) = (value(a, name), value(b, name));
            let difference = a.zip(b).map(|(a, b)| b - a).filter(|difference| difference.is_finite());
            let percent = difference.zip(a).filter(|(_, a)| *a != 0.0).map(|(difference, a)| 100.0 * difference / a.abs());
            MetricChange { name: name.clone(), a, b, difference, percent: percent.filter(|percent| percent.is_finite()) }
        };
        names.into_iter().map(change).collect()
    }
}

/// One side of a comparison.
struct RunSide {
    version: Id<VersionId>,
    runs: Vec<Arc<RecordedRun>>,
}

impl RunSide {
    /// Returns the run that has this id or one that begins so; else all runs on the version that the word names.
    fn of(repo: &Repo, state: &FactsState, word: &str) -> Result<RunSide> {
        if let Some(run) = find(state, word)? {
            return Ok(RunSide { version: run.version, runs: vec![run] });
        }
        let version = revision::version(repo, word).map_err(|error| {
            const HINT: &str = "list the runs: hlx run list; list the versions: hlx log";
            // Digits such as 0123 are an invalid number too.
            match (too_short(state, word), error.kind()) {
                (Some(short), _) => short.with_hint(HINT),
                (None, ErrorKind::VersionNotFound) => error.with_hint(HINT),
                _ => error,
            }
        })?;
        let version = version.id;
        Ok(RunSide { version, runs: state.counted_runs_of(version).cloned().collect() })
    }
}

/// Compares runs: each of `a` and `b` is a run, by its id or the first digits of it, or a revision.
///
/// # Errors
/// `ErrorKind::VersionNotFound`.
pub fn compare(repo: &Repo, a: &str, b: &str, progress: &dyn Progress) -> Result<RunCompareReport> {
    let state = repo.folded_facts()?;
    let (a, b) = (RunSide::of(repo, &state, a)?, RunSide::of(repo, &state, b)?);
    let mut lookup = VersionLookup::of(repo);
    let (old, new) = (lookup.version(a.version)?, lookup.version(b.version)?);
    let name = |version: &Option<Version>| version.as_ref().map(|v| (v.dataset.clone(), v.number.clone()));
    let (name_a, name_b) = (name(&old), name(&new));
    let versions = old.as_ref().zip(new.as_ref());
    let same_data = a.version == b.version || versions.is_some_and(|(old, new)| old.manifest == new.manifest);
    let warnings =
        versions.and_then(|(old, new)| sample_diff::mismatch(repo, (&old.dataset, &old.name()), (&new.dataset, &new.name())));
    let mut damaged = DamageList::default();
    let samples = match versions {
        _ if same_data => Some(SampleCounts::default()),
        Some((old, new)) => {
            sample_diff::between_versions(repo, old, new, progress, &mut damaged)?.map(|(changes, _)| changes.counts)
        }
        None => None,
    };
    let metrics = match (&a.runs[..], &b.runs[..]) {
        ([a], [b]) if a.id != b.id => Some(MetricChange::between(&a.run, &b.run)),
        _ => None,
    };
    Ok(RunCompareReport {
        metrics,
        version_a: display_name(&name_a, a.version),
        version_b: display_name(&name_b, b.version),
        runs_a: a.runs.iter().map(|run| RunView::of(run, name_a.clone(), &state)).collect(),
        runs_b: b.runs.iter().map(|run| RunView::of(run, name_b.clone(), &state)).collect(),
        samples,
        same_data,
        warnings: warnings.into_iter().collect(),
        damaged,
    })
}
