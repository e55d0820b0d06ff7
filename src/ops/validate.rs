//! `hlx validate`: judges a version, or the workspace, by the rules of its dataset as they are declared now. It changes
//! nothing, unless the verdict on a version is to be recorded as a fact.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::diff::FileSource;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::atomic;
use crate::gate::{CachedManifests, Evaluator, FileSet, GateOutcome, VerdictView};
use crate::id::{Id, VersionId};
use crate::object::Key;
use crate::object::fact::Statement;
use crate::object::verdict::Verdict;
use crate::ops::tree::{Overlay, SourceFolder, StoredTree, count_unread};
use crate::ops::{PartialCheckout, key};
use crate::path::printable;
use crate::progress::{Progress, Stage};
use crate::repo::revision::{self, ResolvedVersion, RevisionContext, RevisionTarget};
use crate::repo::{Dataset, Repo, status};
use crate::sample::Schema;
use crate::store::{Store, Writer};
use crate::worktree::ingest::{DamagedFiles, IngestCounts, SampleCounter};
use crate::worktree::state::WorkspaceState;

/// The name of the files in the workspace.
const WORK: &str = "WORK";

/// The version to validate.
#[derive(Clone, Debug, Default)]
pub struct ValidateOptions {
    /// A revision, `WORK` or `NAME@WORK`; the workspace where none is given.
    pub revision: Option<String>,
    /// A file to write all findings into, one JSON document a line.
    pub report: Option<PathBuf>,
    /// Most findings of a rule in the file; 10,000 where nothing is given.
    pub max_findings: Option<usize>,
    /// Records the verdict on a version as a fact.
    pub record: bool,
    /// Has all findings in the report, up to the most of each rule, not the first ones alone.
    pub all: bool,
    /// The author of the verdict.
    pub author: Option<String>,
}

/// The result of validation.
#[derive(Clone, Debug, Serialize)]
pub struct ValidateReport {
    /// The dataset.
    pub dataset_name: String,
    /// The number, or `WORK`.
    pub version: String,
    /// The version's id; none for the workspace.
    pub id: Option<Id<VersionId>>,
    /// The verdict.
    #[serde(flatten)]
    pub verdict: VerdictView,
    /// The warnings that a commit of these files prints: guesses of their format, a key that no record has.
    pub warnings: Vec<String>,
    /// The number of files of the version that the workspace has, where it has a part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<PartialCheckout>,
}

/// Checks the rules of a version, or of the workspace.
///
/// # Errors
/// `ErrorKind::VersionNotFound`; `Usage` for a dataset without rules; `Config` for rules that cannot be compiled. Findings
/// are no error.
pub fn run(repo: &Repo, options: &ValidateOptions, progress: &dyn Progress) -> Result<ValidateReport> {
    options.report.as_deref().map_or(Ok(()), check_place)?;
    let text = options.revision.as_deref().unwrap_or(WORK);
    match revision::target(repo, text, RevisionContext::default())? {
        RevisionTarget::Work(_) if options.record => Err(Error::usage("cannot record the verdict on the workspace")
            .with_hint("commit records it with the new version; to record one on a version: hlx validate REV --record")),
        RevisionTarget::Work(dataset) => work(repo, options, repo.dataset(Some(&dataset))?, progress),
        RevisionTarget::Version(resolved) => version(repo, options, *resolved, progress),
    }
}

/// Refuses, before all that takes long, a report in place of what is not a file, such as a pipe or `/dev/null`: a file would
/// get its name.
fn check_place(path: &Path) -> Result<()> {
    let shown = path.to_string_lossy();
    let shown = crate::path::printable(&shown);
    let hint = "give the path of a new or existing file";
    match std::fs::symlink_metadata(path) {
        Ok(there) if !there.is_file() => Err(Error::usage(format!("{shown} is not a regular file")).with_hint(hint)),
        Ok(_) => Ok(()),
        Err(_) if atomic::parent(path).is_dir() => Ok(()),
        Err(_) => Err(Error::usage(format!("the folder of {shown} does not exist")).with_hint(hint)),
    }
}

fn evaluator<'a>(repo: &'a Repo, dataset: &'a Dataset, progress: &'a dyn Progress) -> Result<Evaluator<'a>> {
    repo.evaluator(dataset, progress)?.ok_or_else(|| {
        Error::usage(format!("dataset '{}' has no validation rules", dataset.name))
            .with_hint(format!("add rules to helox.toml: [[dataset.{}.validation.rule]]", dataset.name))
    })
}

fn version(repo: &Repo, options: &ValidateOptions, resolved: ResolvedVersion, progress: &dyn Progress) -> Result<ValidateReport> {
    let version = &resolved.version;
    let dataset = repo.config().dataset(&version.dataset).ok_or_else(|| repo.unknown(&version.dataset))?;
    let parent = version.parents.first().map(|id| Ok((*id, repo.version(*id)?))).transpose()?;
    let evaluator = evaluator(repo, dataset, progress)?.with_max_findings(options.max_findings);
    let store: &Store = repo.store();
    let base = CachedManifests { own: Some(version.manifest), parent: parent.as_ref().map(|(_, parent)| parent.manifest) };
    let files = FileSet { nodes: store, manifest: version.manifest, workspace: None };
    let mut warnings = evaluator.warnings(&files)?;
    if let Some(schema) = repo.schema(version)? {
        warnings.extend(key::missing(&schema, dataset));
        let stored = |_: &str| Ok(FileSource::Stored(repo.store()));
        warnings.extend(key::incomplete(
            dataset,
            &repo.store().layout().tmp(),
            &schema,
            (store, version.manifest, version.statistics.files),
            stored,
        ));
    }
    let outcome = evaluator.evaluate(&files, base, true)?;
    if let Some(path) = &options.report {
        outcome.write(atomic::parent(path), path)?;
    }
    if options.record {
        record(repo, options, &resolved, &outcome.verdict)?;
    }
    let before = parent.map_or(Ok(None), |(id, parent)| status::verdict_now(repo, id, &parent, &mut warnings))?;
    Ok(ValidateReport {
        dataset_name: version.dataset.clone(),
        version: version.number.to_string(),
        id: Some(resolved.id),
        verdict: judgement(&outcome, before.as_ref(), options),
        warnings,
        partial: None,
    })
}

/// Records the verdict on a version.
fn record(repo: &Repo, options: &ValidateOptions, resolved: &ResolvedVersion, verdict: &Verdict) -> Result<()> {
    let mut writer = Writer::new(repo.store(), repo.config().level())?;
    writer.structure(Key::from(verdict.id()), &verdict.encode())?;
    let _kept = writer.finish()?;
    // A fact relies on its version: whoever made that may have been killed before its ref was durable.
    repo.versions().sync(&resolved.version.dataset)?;
    let said = Statement::Validated { version: resolved.id, verdict: verdict.id() };
    repo.facts().append(&repo.author(options.author.as_deref()), &[said])?;
    Ok(())
}

/// Returns the judgement with as many findings as were asked for.
fn judgement(outcome: &GateOutcome, before: Option<&Verdict>, options: &ValidateOptions) -> VerdictView {
    let verdict = outcome.view(before);
    if options.all { VerdictView { findings: outcome.findings(), ..verdict } } else { verdict }
}

fn work(repo: &Repo, options: &ValidateOptions, dataset: &Dataset, progress: &dyn Progress) -> Result<ValidateReport> {
    let evaluator = evaluator(repo, dataset, progress)?.with_max_findings(options.max_findings);
    let state = WorkspaceState::load(repo.store().layout(), &dataset.name)?;
    let parent = state.head.map(|id| Ok((id, repo.version(id)?))).transpose()?;
    let selection = state.selection.as_ref();
    let folder = SourceFolder { repo, dataset, from: None, selection, record: false, trusts_cache: true, progress };
    let root = folder.open()?;
    let before = parent.as_ref().map(|(_, parent)| parent.manifest);
    let mut writer = Writer::dry(repo.store())?;
    progress.begin(Stage::Scan, 0, 0);
    let store = repo.store();
    // The key is looked for in the schema, which only counting tells.
    let rules = Some(dataset).filter(|dataset| dataset.samples && !(dataset.key.is_empty() && dataset.ignore_fields.is_empty()));
    let config = rules.map(|dataset| dataset.reader_config(&store.layout().tmp())).transpose()?;
    let known = parent.as_ref().filter(|_| config.is_some()).map_or(Ok(None), |(_, parent)| repo.sample_statistics(parent))?;
    let damaged = DamagedFiles::default();
    let tallied = known.is_some();
    let counter = config.as_ref().map(|config| SampleCounter { store, config, tallied, evaluation: None, damaged: &damaged });
    let StoredTree { tree, fresh, mut counted, .. } = folder.read(&root, before, counter, &mut writer)?;
    let nodes = Overlay { store, fresh };
    count_unread(counted.as_mut(), counter, &nodes, before, tree.manifest)?;
    let files = FileSet { nodes: &nodes, manifest: tree.manifest, workspace: Some(folder.work(&root)?) };
    let mut warnings = evaluator.warnings(&files)?;
    if let (Some(IngestCounts { diff: account, .. }), true) = (counted, damaged.is_empty()) {
        let mut schema = known.map_or_else(|| Schema::new(dataset.schema_depth), |(schema, _)| schema);
        schema.add(&account.schema, 1);
        warnings.extend(key::missing(&schema, dataset));
        let work = files.workspace.as_ref();
        let open = |path: &str| Ok(work.map_or(Ok(None), |work| work.open(path))?.unwrap_or(FileSource::Stored(store)));
        warnings.extend(key::incomplete(
            dataset,
            &store.layout().tmp(),
            &schema,
            (&nodes, tree.manifest, tree.totals.files),
            open,
        ));
    }
    let damaged = damaged.into_files();
    warnings.extend(damaged.iter().map(|(path, file)| {
        let cause = file.error.message();
        format!("cannot read '{}' of the parent: {cause}; all records are validated again", printable(path))
    }));
    let judge = |parent| evaluator.evaluate(&files, CachedManifests { own: Some(tree.manifest), parent }, false);
    let outcome = match judge(before.filter(|_| damaged.is_empty())) {
        Err(e) if e.kind() == ErrorKind::Damaged => {
            warnings.push(format!("cannot read the parent: {}; all records are validated again", e.message()));
            judge(None)?
        }
        outcome => outcome?,
    };
    if let Some(path) = &options.report {
        outcome.write(atomic::parent(path), path)?;
    }
    let partial = parent.as_ref().map(|(_, parent)| PartialCheckout::new(store, selection, parent)).transpose()?.flatten();
    let before = parent.map_or(Ok(None), |(id, parent)| status::verdict_now(repo, id, &parent, &mut warnings))?;
    Ok(ValidateReport {
        dataset_name: dataset.name.clone(),
        version: WORK.to_owned(),
        id: None,
        verdict: judgement(&outcome, before.as_ref(), options),
        warnings,
        partial,
    })
}
