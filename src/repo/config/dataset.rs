//! A dataset as `helox.toml` declares it.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use crate::diff::{ReaderConfig, Splits, Thresholds};
use crate::error::{Error, Result};
use crate::gate::ValidationSpec;
use crate::limits;
use crate::object::version::ValidationStatus;
use crate::path::{DataPath, printable};
use crate::sample::ReaderSpec;
use crate::selection;

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

/// Fails unless the type of a dataset is a name.
pub(super) fn check_type(kind: &str) -> Result<()> {
    if kind.is_empty() || kind.len() > limits::NAME || kind.chars().any(char::is_control) {
        return Err(Error::usage(format!("'{}' is not a valid name for a dataset's type", printable(kind)))
            .with_hint("use 1 to 64 characters, such as 'lease_abstraction'"));
    }
    Ok(())
}

/// Returns the folder of a dataset in its normal form: relative, `/` between components, `.` for the repository's own.
pub fn normal(path: &str) -> Result<String> {
    let wrong = |why: &str| Error::usage(format!("'{}' cannot be a dataset's folder: {why}", printable(path)));
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
