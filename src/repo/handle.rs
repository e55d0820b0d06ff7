//! The handle of an open repository.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::share;
use crate::gate::Evaluator;
use crate::object::Key;
use crate::object::version::Version;
use crate::parallel;
use crate::path::is_within;
use crate::progress::Progress;
use crate::repo::author::author;
use crate::repo::config::{Config, Dataset};
use crate::sample::Schema;
use crate::spelling;
use crate::store::layout::FOLDER;
use crate::store::{Layout, Store};

/// The file that declares the datasets.
pub const CONFIG: &str = "helox.toml";

/// An open repository.
#[derive(Debug)]
pub struct Repo {
    root: PathBuf,
    /// The current folder, relative to the root; empty at the root itself.
    here: String,
    store: Arc<Store>,
    catalog: Catalog,
    config: Config,
}

impl Repo {
    /// Opens the repository in `dir` or the nearest folder above.
    ///
    /// # Errors
    /// `ErrorKind::RepositoryNotFound`; `Config` for a `helox.toml` that cannot be parsed; `Damaged` for a store whose
    /// folders are missing.
    pub fn open(dir: &Path) -> Result<Repo> {
        parallel::start()?;
        let dir = dir.canonicalize().map_err(|e| Error::io("cannot open the folder", dir, e))?;
        // A repository that this user may not read is one all the same.
        let denied = |p: &Path| match p.join(FOLDER).join("format").metadata() {
            Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied && p.join(FOLDER).is_dir() => Some(e),
            _ => None,
        };
        let root = dir.ancestors().find(|p| p.join(FOLDER).join("format").exists() || denied(p).is_some());
        if let Some((root, error)) = root.and_then(|root| Some((root, denied(root)?))) {
            return Err(Error::io("cannot open the repository", &root.join(FOLDER), error));
        }
        let Some(root) = root else {
            if let Some(store) = dir.ancestors().map(|p| p.join(FOLDER)).find(|store| store.join("packs").is_dir()) {
                let format = store.join("format");
                return Err(Error::damaged(format!("{} is missing", format.display())).with_hint(format!(
                    "restore it from another copy of the repository: cp OTHER/.helox/format {}\n\
                     if there is none: hlx init",
                    format.display()
                )));
            }
            let error =
                Error::new(ErrorKind::RepositoryNotFound, format!("no repository in {} or its parent folders", dir.display()));
            return Err(match dir.ancestors().find(|parent| parent.join(CONFIG).is_file()) {
                Some(parent) => error.with_hint(format!(
                    "{} exists without a store: copy .helox from the repository with the data (rsync -a OTHER/.helox .)",
                    parent.join(CONFIG).display()
                )),
                None => error.with_hint("create one in the folder with the data: hlx init"),
            });
        };
        let layout = Layout::new(root.join(FOLDER));
        let config = Config::load(&root.join(CONFIG), &layout.config())?;
        layout.complete()?;
        if config.is_shared() && !share::is_shared(layout.root()) {
            let _ = layout.share();
        }
        let here = dir.strip_prefix(root).ok().and_then(Path::to_str).unwrap_or_default().to_owned();
        let store = Arc::new(Store::open(layout)?);
        let catalog = Catalog::new(store.clone());
        Ok(Repo { root: root.to_owned(), here, store, catalog, config })
    }

    /// Returns the folder of the repository.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the current folder, relative to the root; empty at the root itself.
    pub fn current_folder(&self) -> &str {
        &self.here
    }

    /// Returns the path relative to the repository's folder of a path that was typed in the current folder; one that begins
    /// with `:/` begins at the repository's folder. It need not exist, and is not read.
    ///
    /// # Errors
    /// `ErrorKind::PathNotFound` for a path outside of the repository.
    pub fn resolve(&self, typed: &Path) -> Result<String> {
        let outside = || Error::usage(format!("{} is outside the repository {}", typed.display(), self.root.display()));
        let inside = match (typed.strip_prefix(":"), typed.is_absolute()) {
            (Ok(rest), _) => rest.to_owned(),
            (Err(_), true) => typed.strip_prefix(&self.root).map_err(|_| outside())?.to_owned(),
            (Err(_), false) => Path::new(&self.here).join(typed),
        };
        let mut parts: Vec<&str> = Vec::new();
        for part in inside.components() {
            match part {
                Component::ParentDir => {
                    parts.pop().ok_or_else(outside)?;
                }
                Component::Normal(part) => {
                    parts.push(part.to_str().ok_or_else(|| Error::usage(format!("{} is not UTF-8", typed.display())))?);
                }
                _ => {}
            }
        }
        Ok(parts.join("/"))
    }

    /// Returns the configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the objects.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Returns the catalog of the versions.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Returns the name of the dataset that the user stands in: its folder or one below.
    pub fn current_dataset(&self) -> Option<&str> {
        self.config.datasets().find(|d| is_within(&self.here, &d.path)).map(|d| d.name.as_str())
    }

    /// Returns the dataset that a user means: the one with this name, that of the current folder, or the only one.
    ///
    /// # Errors
    /// `ErrorKind::DatasetNotFound` for an unknown name; `Usage` if it is ambiguous.
    pub fn dataset(&self, name: Option<&str>) -> Result<&Dataset> {
        if let Some(name) = name.or_else(|| self.current_dataset()) {
            return self.config.dataset(name).ok_or_else(|| self.unknown(name));
        }
        let mut all = self.config.datasets();
        match (all.next(), all.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err(self.no_dataset()),
            _ => {
                Err(Error::usage("the repository has several datasets").with_hint(format!("give one of them: {}", self.names())))
            }
        }
    }

    /// Returns the datasets that a user means: the one with this name, that of the current folder, or all.
    ///
    /// # Errors
    /// `ErrorKind::DatasetNotFound` for an unknown name.
    pub fn scope(&self, name: Option<&str>) -> Result<Vec<&Dataset>> {
        if name.is_some() || self.current_dataset().is_some() {
            return self.dataset(name).map(|dataset| vec![dataset]);
        }
        let all: Vec<&Dataset> = self.config.datasets().collect();
        if all.is_empty() { Err(self.no_dataset()) } else { Ok(all) }
    }

    /// Returns the datasets that the user means, as [`Repo::scope`], each with those of the typed paths that concern it;
    /// where paths are typed, only datasets that one concerns.
    pub fn scope_of_paths(&self, name: Option<&str>, typed: &[String]) -> Result<Vec<(&Dataset, Vec<String>)>> {
        let scope = self.scope(name)?;
        if scope.len() < 2 || typed.is_empty() {
            return Ok(scope.into_iter().map(|dataset| (dataset, typed.to_vec())).collect());
        }
        let mut concerned: Vec<(&Dataset, Vec<String>)> = scope.into_iter().map(|dataset| (dataset, Vec::new())).collect();
        for path in typed {
            let inside = self.resolve(Path::new(path))?;
            let mut any = false;
            for (dataset, paths) in &mut concerned {
                if is_within(&inside, &dataset.path) || is_within(&dataset.path, &inside) {
                    paths.push(path.clone());
                    any = true;
                }
            }
            if !any {
                return Err(Error::new(ErrorKind::PathNotFound, format!("{path} is not in any dataset"))
                    .with_hint("list the datasets and their folders: hlx dataset list"));
            }
        }
        concerned.retain(|(_, paths)| !paths.is_empty());
        Ok(concerned)
    }

    /// Returns the dataset whose folder is a path that was typed, or contains it.
    pub fn dataset_of(&self, typed: &str) -> Option<&Dataset> {
        let inside = self.resolve(Path::new(typed)).ok()?;
        self.config.datasets().find(|dataset| dataset.path == "." || is_within(&inside, &dataset.path))
    }

    /// Returns the error for a dataset that is not there.
    pub fn unknown(&self, name: &str) -> Error {
        let question = spelling::suggestion(spelling::nearest(name, self.config.datasets().map(|d| d.name.as_str())));
        let error =
            Error::new(ErrorKind::DatasetNotFound, format!("unknown dataset '{}'{question}", crate::path::printable(name)));
        match self.names() {
            names if names.is_empty() => error.with_hint("declare it: hlx dataset add NAME --type TYPE --path DIR"),
            names => error.with_hint(format!("known datasets: {names}")),
        }
    }

    /// Returns the error for a repository without a dataset.
    pub fn no_dataset(&self) -> Error {
        Error::new(ErrorKind::DatasetNotFound, "no dataset is declared")
            .with_hint("declare one: hlx dataset add NAME --type TYPE --path DIR")
    }

    fn names(&self) -> String {
        self.config.datasets().map(|d| d.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Returns a path of a dataset as one would type it where the user stands.
    pub fn relative(&self, dataset: &str, path: &str) -> String {
        let folder = self.config.dataset(dataset).map_or(".", |dataset| dataset.path.as_str());
        let whole = if folder == "." { path.to_owned() } else { format!("{folder}/{path}") };
        let (mut here, mut there) = (self.here.split('/').peekable(), whole.trim_end_matches('/').split('/').peekable());
        while here.peek().is_some_and(|part| !part.is_empty() && there.peek() == Some(part)) {
            here.next();
            there.next();
        }
        let parts: Vec<&str> =
            here.filter(|part| !part.is_empty()).map(|_| "..").chain(there.filter(|part| !part.is_empty())).collect();
        if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
    }

    /// Returns the folder of a dataset.
    pub fn folder(&self, dataset: &Dataset) -> PathBuf {
        if dataset.path == "." { self.root.clone() } else { self.root.join(&dataset.path) }
    }

    /// Returns the schema of a version, if it has one.
    ///
    /// # Errors
    /// `ErrorKind::Damaged` if it is missing or cannot be read.
    pub fn schema(&self, version: &Version) -> Result<Option<Schema>> {
        let Some(key) = version.schema.map(Key::from) else { return Ok(None) };
        let schema = Schema::decode(&self.store.get(&key)?);
        schema.map(Some).map_err(|e| Error::damaged(format!("{key} is damaged: {e}")))
    }

    /// Returns the evaluator of a dataset's rules; `None` if it has no rules.
    ///
    /// # Errors
    /// If a rule of `helox.toml` is not valid.
    pub(crate) fn evaluator<'a>(&'a self, dataset: &Dataset, progress: &'a dyn Progress) -> Result<Option<Evaluator<'a>>> {
        let Some(spec) = &dataset.validation else { return Ok(None) };
        let layout = self.store.layout();
        let folders = (self.root(), layout.gate(&dataset.name));
        let evaluator = Evaluator::new(spec, dataset.reader_config(&layout.tmp())?, &self.store, folders, progress);
        evaluator.map(Some).map_err(|e| {
            let hint = format!("fix the rule in [dataset.{}.validation] of helox.toml", dataset.name);
            e.within(self.root.join(CONFIG).display()).with_hint(hint)
        })
    }

    /// Returns the schema and the sample count of a version, where both are known.
    pub fn sample_statistics(&self, version: &Version) -> Result<Option<(Schema, u64)>> {
        Ok(self.schema(version)?.zip(version.statistics.samples))
    }

    /// Returns the author: the one given on the command line, `HLX_AUTHOR`, git's user, `user@host`.
    pub fn author(&self, said: Option<&str>) -> String {
        author(said)
    }
}
