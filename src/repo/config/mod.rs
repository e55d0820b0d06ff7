//! `helox.toml` and `.helox/config.toml`: which datasets there are, and settings. Specified in `docs/configuration.md`.
//!
//! Nothing in them is passed over: what is not understood is an error that names the file and the line.

mod dataset;
mod edit;
mod formats;
mod keys;
mod read;
mod remote;
mod rules;
mod table;

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind, Result};
use crate::path::{is_within, printable};
use crate::refs::names;
use crate::spelling;

pub use dataset::{Dataset, generic, normal};
pub use edit::{add_dataset, add_remote, remove_dataset, remove_remote, rename_dataset};
pub use remote::RemoteConfig;

/// zstd's level where nothing else is set.
const LEVEL: i32 = 1;
/// The configuration of a repository.
#[derive(Clone, Debug, Default)]
pub struct Config {
    datasets: BTreeMap<String, Dataset>,
    remotes: BTreeMap<String, RemoteConfig>,
    store: StoreSettings,
}

/// The settings of the store that a file has.
#[derive(Clone, Copy, Debug, Default)]
struct StoreSettings {
    level: Option<i32>,
    is_shared: Option<bool>,
}

impl Config {
    fn declare(&mut self, dataset: Dataset) -> Result<()> {
        names::check_dataset(&dataset.name)?;
        dataset::check_type(&dataset.kind)?;
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

    /// Returns the remotes in the order of their names.
    pub fn remotes(&self) -> impl Iterator<Item = &RemoteConfig> {
        self.remotes.values()
    }

    /// Returns the remote with this name.
    pub fn remote(&self, name: &str) -> Option<&RemoteConfig> {
        self.remotes.get(name)
    }

    /// Returns the remote with a name; without one, the only remote, or `origin`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if there is none, or several and none of them is `origin`.
    pub fn find_remote(&self, name: Option<&str>) -> Result<&RemoteConfig> {
        let names: Vec<&str> = self.remotes.keys().map(String::as_str).collect();
        let name = match (name, &names[..]) {
            (Some(name), _) => name,
            (None, []) => return Err(Error::usage("no remote is declared").with_hint("add one: hlx remote add origin URL")),
            (None, [only]) => only,
            (None, _) if names.contains(&"origin") => "origin",
            (None, _) => {
                return Err(Error::usage("there are several remotes").with_hint(format!("name one of {}", names.join(", "))));
            }
        };
        self.remotes.get(name).ok_or_else(|| {
            let error = Error::usage(format!("no remote '{}'", printable(name)));
            match spelling::nearest(name, &names) {
                Some(near) => error.with_hint(format!("did you mean '{near}'?")),
                None => error.with_hint("list the remotes: hlx remote list"),
            }
        })
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

/// Returns true if one folder is, or contains, the other.
fn overlap(a: &str, b: &str) -> bool {
    a == "." || b == "." || is_within(a, b) || is_within(b, a)
}
