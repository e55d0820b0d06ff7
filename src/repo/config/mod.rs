//! `helox.toml` and `.helox/config.toml`: which datasets there are, and settings. Specified in `docs/configuration.md`.
//!
//! Nothing in them is passed over: what is not understood is an error that names the file and the line.

mod edit;
mod formats;
mod keys;
mod read;
mod rules;
mod table;

use std::collections::BTreeMap;
use std::path::{Component, Path};

use crate::diff::{ReaderConfig, Splits, Thresholds};
use crate::error::{Error, ErrorKind, Result};
use crate::gate::ValidationSpec;
use crate::limits;
use crate::object::version::ValidationStatus;
use crate::path::{DataPath, is_within};
use crate::refs::names;
use crate::sample::ReaderSpec;
use crate::selection;

pub use edit::{add_dataset, remove_dataset, rename_dataset};

/// zstd's level where nothing else is set.
const LEVEL: i32 = 1;
/// The levels that may be set.
const LEVELS: std::ops::RangeInclusive<i64> = 1..=19;
/// The default depth of a schema.
const SCHEMA_DEPTH: usize = 5;

/// A dataset as it is declared, with its rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Names that it had before, the latest first. Versions keep the name under which they were committed.
    pub formerly: Vec<String>,
    /// Its folder, relative to the repository's; `.` for the whole.
    pub path: String,
    /// The fields that identify a sample: JSON pointers, which begin with `/`, and names of columns. Empty if samples are
    /// compared as a whole.
    pub key: Vec<String>,
    /// Fields that make no difference between two samples, named as those of the key.
    pub ignore_fields: Vec<String>,
    /// Globs of files and how they are read, in the order of the file.
    pub formats: Vec<(String, ReaderSpec)>,
    /// Names of splits with the globs of their files, in the order of the file; where there are none, each folder at the
    /// top is one.
    pub splits: Vec<(String, Vec<String>)>,
    /// The thresholds of MAJOR and MINOR.
    pub thresholds: Thresholds,
    /// The number of levels of nested fields in a schema.
    pub schema_depth: usize,
    /// The longest length of a record, in bytes.
    pub max_record: usize,
    /// True if samples are counted and compared.
    pub samples: bool,
    /// The rules that a version must pass; `None` where nothing is said of them.
    pub validation: Option<ValidationSpec>,
    /// Tags that only versions of a status may have.
    pub tags: BTreeMap<String, ValidationStatus>,
}

/// The configuration of a repository.
#[derive(Clone, Debug, Default)]
pub struct Config {
    datasets: BTreeMap<String, Dataset>,
    remotes: BTreeMap<String, String>,
    store: StoreSettings,
}

/// The settings of the store that a file has.
#[derive(Clone, Copy, Debug, Default)]
struct StoreSettings {
    level: Option<i32>,
    is_shared: Option<bool>,
}

/// Returns the type of a dataset that has none of its own.
pub fn generic() -> String {
    "generic".to_owned()
}

impl Dataset {
    /// Creates a dataset with the rules that hold where none are declared.
    pub fn new(name: impl Into<String>, kind: impl Into<String>, path: impl Into<String>) -> Dataset {
        Dataset {
            name: name.into(),
            kind: kind.into(),
            formerly: Vec::new(),
            path: path.into(),
            key: Vec::new(),
            ignore_fields: Vec::new(),
            formats: Vec::new(),
            splits: Vec::new(),
            thresholds: Thresholds::default(),
            schema_depth: SCHEMA_DEPTH,
            max_record: limits::RECORD,
            samples: true,
            validation: None,
            tags: BTreeMap::new(),
        }
    }

    /// Returns the reader configuration, with the folder for data that does not fit into memory.
    pub fn reader_config(&self, scratch: &Path) -> Result<ReaderConfig> {
        let formats = self.formats.iter().map(|(glob, spec)| (glob.as_str(), spec));
        let config = ReaderConfig::new(formats, &self.key, &self.ignore_fields, self.schema_depth, self.max_record, scratch)?;
        let splits = self.splits.iter().map(|(name, globs)| Ok((name.clone(), selection::globs(globs)?)));
        Ok(config.with_splits(Splits::new(splits.collect::<Result<_>>()?)))
    }

    /// Returns its name, then those that it had before.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name).chain(&self.formerly).map(String::as_str)
    }

    /// Returns true if name, type and folder are the same, whatever the rules.
    pub fn is_declared_as(&self, other: &Dataset) -> bool {
        (&self.name, &self.kind, &self.path) == (&other.name, &other.kind, &other.path)
    }
}

impl Config {
    /// Reads `helox.toml`, and over it the settings of `.helox/config.toml` and `HLX_COMPRESSION`.
    ///
    /// # Errors
    /// `ErrorKind::Config` with file and line for anything that is not understood.
    pub fn load(shared: &Path, local: &Path) -> Result<Config> {
        let mut config = read::shared(shared)?;
        let own = read::local(local)?;
        config.store.level = own.level.or(config.store.level);
        config.store.is_shared = own.is_shared.or(config.store.is_shared);
        if let Ok(text) = std::env::var("HLX_COMPRESSION") {
            let level = text.parse().ok().filter(|level| LEVELS.contains(level));
            let wrong =
                || Error::usage(format!("HLX_COMPRESSION is '{}', not a number from 1 to 19", crate::path::printable(&text)));
            config.store.level = Some(level.ok_or_else(wrong)? as i32);
        }
        Ok(config)
    }

    fn declare(&mut self, dataset: Dataset) -> Result<()> {
        names::check_dataset(&dataset.name)?;
        check_type(&dataset.kind)?;
        if let Some(known) = self.datasets.get(&dataset.name) {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("dataset '{}' is already declared with type '{}' in '{}'", known.name, known.kind, known.path),
            )
            .with_hint("use another name, or change helox.toml"));
        }
        if let Some(other) = self.datasets.values().find(|other| overlap(&other.path, &dataset.path)) {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("folder '{}' of '{}' overlaps with '{}' of '{}'", dataset.path, dataset.name, other.path, other.name),
            )
            .with_hint("use a separate folder for each dataset"));
        }
        let name_of_other = |name: &&str| self.dataset(name).is_some();
        if let Some(name) = dataset.names().find(name_of_other) {
            let other = self.dataset(name).map_or_else(String::new, |other| other.name.clone());
            let message = format!("'{name}' cannot be a name of '{}': it is already a name of dataset '{other}'", dataset.name);
            return Err(Error::new(ErrorKind::Conflict, message).with_hint("use each name for one dataset only"));
        }
        self.datasets.insert(dataset.name.clone(), dataset);
        Ok(())
    }

    /// Returns the datasets in the order of their names.
    pub fn datasets(&self) -> impl Iterator<Item = &Dataset> {
        self.datasets.values()
    }

    /// Returns the dataset that has this name, or had it before it was renamed.
    pub fn dataset(&self, name: &str) -> Option<&Dataset> {
        let renamed = || self.datasets.values().find(|dataset| dataset.formerly.iter().any(|former| former == name));
        self.datasets.get(name).or_else(renamed)
    }

    /// Returns the name that the dataset with this name has now.
    pub fn current<'a>(&'a self, name: &'a str) -> &'a str {
        self.dataset(name).map_or(name, |dataset| &dataset.name)
    }

    /// Returns the name of a dataset, then those that it had before.
    pub fn names<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        self.datasets.get(name).map_or_else(|| vec![name], |dataset| dataset.names().collect())
    }

    /// Returns the remotes in the order of their names: name and URL.
    pub fn remotes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.remotes.iter().map(|(name, url)| (name.as_str(), url.as_str()))
    }

    /// zstd's level for new data, 1 to 19.
    pub fn level(&self) -> i32 {
        self.store.level.unwrap_or(LEVEL)
    }

    /// Returns true if the group of `.helox` shares the repository.
    pub fn is_shared(&self) -> bool {
        self.store.is_shared.unwrap_or(false)
    }
}

fn check_type(kind: &str) -> Result<()> {
    if kind.is_empty() || kind.len() > limits::NAME || kind.chars().any(char::is_control) {
        return Err(Error::usage(format!("'{}' is not a valid name for a dataset's type", crate::path::printable(kind)))
            .with_hint("use 1 to 64 characters, such as 'lease_abstraction'"));
    }
    Ok(())
}

/// Returns a dataset's folder in its one form: relative, `/` between components, `.` for the repository's own.
pub fn normal(path: &str) -> Result<String> {
    let wrong = |why: &str| Error::usage(format!("'{}' cannot be a dataset's folder: {why}", crate::path::printable(path)));
    let mut parts = Vec::new();
    for component in Path::new(path).components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => parts.push(part.to_str().ok_or_else(|| wrong("it is not UTF-8"))?),
            _ => return Err(wrong("it is outside the repository")),
        }
    }
    if parts.is_empty() {
        return Ok(".".to_owned());
    }
    let path = parts.join("/");
    DataPath::new(path.as_str()).map_err(|e| wrong(e.0))?;
    Ok(path)
}

fn overlap(a: &str, b: &str) -> bool {
    a == "." || b == "." || is_within(a, b) || is_within(b, a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_have_one_form() {
        assert_eq!(normal("./data//leases/").unwrap(), "data/leases");
        assert_eq!(normal(".").unwrap(), ".");
        assert!(normal("/abs").is_err());
        assert!(normal(".helox/x").is_err());
    }
}
