//! `hlx init`: makes a repository.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::fs::atomic;
use crate::parallel;
use crate::refs::names;
use crate::repo::config::{self, Config, Dataset};
use crate::repo::{CONFIG, Repo, git};
use crate::store::layout::{FOLDER, Layout};

/// The repository to create.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// The folder; made if it is absent.
    pub dir: PathBuf,
    /// Makes the whole folder a dataset of this name.
    pub name: Option<String>,
    /// The type of that dataset.
    pub kind: Option<String>,
    /// Begins without the versions that the declared datasets have in another copy.
    pub new: bool,
}

/// The repository that was created.
#[derive(Clone, Debug, Serialize)]
pub struct InitReport {
    /// The folder of the repository.
    pub root: String,
    /// True if there was none before.
    pub created: bool,
    /// The dataset that the whole folder is, if it was asked for.
    pub dataset: Option<String>,
    /// True if a dataset is declared.
    #[serde(skip)]
    pub declares: bool,
    /// True if `.helox/` was added to git's `.gitignore`.
    pub gitignore_changed: bool,
    /// True if the folder is within a git repository.
    pub in_git: bool,
    /// The repository around the new one, and its dataset that the folder is part of.
    pub within: Option<EnclosingRepo>,
}

/// A repository around another.
#[derive(Clone, Debug, Serialize)]
pub struct EnclosingRepo {
    /// Its folder.
    pub root: String,
    /// The dataset that the inner folder is part of.
    pub dataset: Option<String>,
}

/// Creates a repository, or completes one; safe to repeat.
///
/// # Errors
/// `ErrorKind::Conflict` if the dataset is declared with another folder or type, or if git has a `helox.toml` whose
/// versions are in another copy of the repository and `new` is not set.
pub fn run(options: &InitOptions) -> Result<InitReport> {
    if options.kind.is_some() && options.name.is_none() {
        return Err(Error::usage("--type requires --name: hlx init --name NAME --type TYPE"));
    }
    if let Some(name) = &options.name {
        names::check_dataset(name)?;
    }
    parallel::start()?;
    let dir = std::path::absolute(&options.dir).map_err(|e| Error::io("cannot find", &options.dir, e))?;
    atomic::ensure_folder(&dir)?;
    let layout = Layout::new(dir.join(FOLDER));
    let created = !layout.format().exists();
    let shared = dir.join(CONFIG);
    // A mistake in the configuration is told before anything is made.
    let config = Config::load(&shared, &layout.config())?;
    let kind = options.kind.clone().unwrap_or_else(config::generic);
    let wanted = options.name.as_ref().map(|name| Dataset::new(name, kind, "."));
    let known = wanted.as_ref().and_then(|w| config.dataset(&w.name));
    if let Some((known, wanted)) = known.zip(wanted.as_ref())
        && (known.path != wanted.path || options.kind.as_ref().is_some_and(|kind| *kind != known.kind))
    {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!("dataset '{}' is already declared in {} with another path or type", known.name, shared.display()),
        ));
    }
    if let Some(names) = declared_names(&config).filter(|_| created && !options.new && git::tracks(&dir, CONFIG)) {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!("{} declares {names}, but the versions are not in this repository", shared.display()),
        )
        .with_hint(
            "copy .helox from the repository with the data (rsync -a OTHER/.helox .), then: hlx checkout NAME\n\
                 to start a new history: hlx init --new",
        ));
    }
    let declares = wanted.is_some() || config.datasets().next().is_some();
    layout.create()?;
    if config.is_shared() {
        layout.share()?;
    }
    if let Some(dataset) = wanted.filter(|_| known.is_none()) {
        config::add_dataset(&shared, &layout.config(), &layout.tmp(), &dataset)?;
    } else if atomic::read(&shared)?.is_none() {
        atomic::replace(
            &layout.tmp(),
            &shared,
            b"# The datasets of this repository: hlx dataset add NAME --type TYPE --path DIR\n",
        )?;
    }
    let within = enclosing_repo(&dir);
    // A file more in the folder would be one more of the dataset around it.
    let gitignore_changed =
        within.as_ref().is_none_or(|around| around.dataset.is_none()) && git::ignore(&dir, FOLDER, &layout.tmp())?;
    Ok(InitReport {
        root: dir.display().to_string(),
        created,
        dataset: options.name.clone(),
        declares,
        gitignore_changed,
        in_git: git::is_around(&dir),
        within,
    })
}

/// Returns the names of the datasets that a configuration declares, if any.
fn declared_names(config: &Config) -> Option<String> {
    let names: Vec<&str> = config.datasets().map(|dataset| dataset.name.as_str()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Finds the repository that a folder lies in, other than its own.
fn enclosing_repo(dir: &Path) -> Option<EnclosingRepo> {
    let repo = Repo::open(dir.parent()?).ok()?;
    let dataset = repo.config().datasets().find(|dataset| dir.starts_with(repo.folder(dataset)));
    Some(EnclosingRepo { root: repo.root().display().to_string(), dataset: dataset.map(|dataset| dataset.name.clone()) })
}
