//! `helox.toml` and `.helox/config.toml`: which datasets there are, and settings. Specified in `docs/configuration.md`.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde::Deserialize;

use crate::error::{Error, Kind, Result};
use crate::fs::{atomic, lock};
use crate::path::DataPath;
use crate::refs::names;

/// zstd's level where nothing else is set.
const LEVEL: i32 = 1;

/// A dataset as it is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Its folder, relative to the repository's; `.` for the whole.
    pub path: String,
}

/// What is configured.
#[derive(Clone, Debug, Default)]
pub struct Config {
    datasets: BTreeMap<String, Dataset>,
    level: Option<i32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    dataset: BTreeMap<String, DatasetTable>,
    #[serde(default)]
    store: StoreTable,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DatasetTable {
    #[serde(rename = "type", default = "generic")]
    kind: String,
    path: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreTable {
    compression: Option<i32>,
}

/// The type of a dataset that has none of its own.
pub fn generic() -> String {
    "generic".to_owned()
}

impl Config {
    /// Reads `helox.toml`, and over it the settings of `.helox/config.toml` and `HLX_COMPRESSION`.
    pub fn load(shared: &Path, local: &Path) -> Result<Config> {
        let file = read(shared)?;
        let own = read(local)?;
        if !own.dataset.is_empty() {
            return Err(Error::new(Kind::Config, format!("{} declares a dataset", local.display()))
                .with_hint(format!("declare datasets in {}, which everybody shares", shared.display())));
        }
        let mut config = Config { datasets: BTreeMap::new(), level: own.store.compression.or(file.store.compression) };
        if let Ok(text) = std::env::var("HLX_COMPRESSION") {
            let level = text.parse().map_err(|_| Error::usage(format!("HLX_COMPRESSION is '{text}', which is no number")))?;
            config.level = Some(level);
        }
        if let Some(level) = config.level.filter(|level| !(1..=19).contains(level)) {
            return Err(Error::new(Kind::Config, format!("the compression level {level} is not between 1 and 19")));
        }
        for (name, table) in file.dataset {
            let dataset = Dataset { path: normal(&table.path).map_err(|e| e.within(shared.display()))?, kind: table.kind, name };
            config.declare(dataset).map_err(|e| e.within(shared.display()))?;
        }
        Ok(config)
    }

    fn declare(&mut self, dataset: Dataset) -> Result<()> {
        names::check_dataset(&dataset.name)?;
        if dataset.kind.is_empty() || dataset.kind.len() > 64 || dataset.kind.chars().any(char::is_control) {
            return Err(Error::usage(format!("'{}' is no name for a dataset's type", crate::path::printable(&dataset.kind)))
                .with_hint("use 1 to 64 characters, such as 'lease_abstraction'"));
        }
        if self.datasets.contains_key(&dataset.name) {
            return Err(Error::new(Kind::Conflict, format!("the dataset '{}' is declared already", dataset.name)));
        }
        if let Some(other) = self.datasets.values().find(|other| overlap(&other.path, &dataset.path)) {
            return Err(Error::new(
                Kind::Conflict,
                format!("the folder '{}' of '{}' overlaps '{}' of '{}'", dataset.path, dataset.name, other.path, other.name),
            )
            .with_hint("give each dataset a folder of its own"));
        }
        self.datasets.insert(dataset.name.clone(), dataset);
        Ok(())
    }

    /// The datasets in the order of their names.
    pub fn datasets(&self) -> impl Iterator<Item = &Dataset> {
        self.datasets.values()
    }

    /// The dataset with this name.
    pub fn dataset(&self, name: &str) -> Option<&Dataset> {
        self.datasets.get(name)
    }

    /// zstd's level for new data, 1 to 19.
    pub fn level(&self) -> i32 {
        self.level.unwrap_or(LEVEL)
    }
}

fn read(path: &Path) -> Result<File> {
    let Some(bytes) = atomic::read(path)? else { return Ok(File::default()) };
    let text = String::from_utf8(bytes).map_err(|_| Error::new(Kind::Config, format!("{} is not UTF-8", path.display())))?;
    toml::from_str(&text).map_err(|e| {
        let line = e.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        Error::new(Kind::Config, format!("{}:{line}: {}", path.display(), e.message().lines().next().unwrap_or_default()))
    })
}

/// A dataset's folder in its one form: relative, `/` between components, `.` for the repository's own.
pub fn normal(path: &str) -> Result<String> {
    let wrong = |why: &str| Error::usage(format!("'{}' cannot be a dataset's folder: {why}", crate::path::printable(path)));
    let mut parts = Vec::new();
    for component in Path::new(path).components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => parts.push(part.to_str().ok_or_else(|| wrong("it is not UTF-8"))?),
            _ => return Err(wrong("it lies outside of the repository")),
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
    let within = |inner: &str, outer: &str| {
        outer == "." || inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    within(a, b) || within(b, a)
}

/// Adds a dataset to `helox.toml`, whose other words stay as they are. Returns what is configured then.
pub fn add_dataset(shared: &Path, local: &Path, tmp: &Path, dataset: &Dataset) -> Result<Config> {
    let _lock = lock::exclusive(&tmp.with_file_name("config.lock"))?;
    let mut config = Config::load(shared, local)?;
    config.declare(dataset.clone())?;
    let text = String::from_utf8(atomic::read(shared)?.unwrap_or_default()).unwrap_or_default();
    let wrong = |e: toml_edit::TomlError| Error::new(Kind::Config, format!("{}: {}", shared.display(), e.message()));
    let mut document: toml_edit::DocumentMut = text.parse().map_err(wrong)?;
    let datasets = document.entry("dataset").or_insert_with(|| {
        let mut table = toml_edit::Table::new();
        table.set_implicit(true);
        toml_edit::Item::Table(table)
    });
    let mut table = toml_edit::Table::new();
    table["type"] = toml_edit::value(dataset.kind.as_str());
    table["path"] = toml_edit::value(dataset.path.as_str());
    let Some(datasets) = datasets.as_table_like_mut() else {
        return Err(Error::new(Kind::Config, format!("{}: 'dataset' is not a table", shared.display())));
    };
    datasets.insert(&dataset.name, toml_edit::Item::Table(table));
    atomic::replace(tmp, shared, document.to_string().as_bytes())?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("helox.toml"), text).unwrap();
        Config::load(&dir.path().join("helox.toml"), &dir.path().join("config.toml"))
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, expected) in [
            ("[dataset.a]\ntype = \"t\"\n", "helox.toml:1: missing field `path`"),
            ("[dataset.a]\npath = \"a\"\nkey = 3\n", "helox.toml:3: unknown field `key`"),
            ("[dataset.a]\npath = \"../a\"\n", "outside"),
            ("[dataset.a]\npath = \"x\"\n[dataset.b]\npath = \"x/y\"\n", "overlaps"),
            ("[dataset.A]\npath = \"x\"\n", "no name"),
            ("[store]\ncompression = 30\n", "between 1 and 19"),
            ("nonsense", "helox.toml:1"),
        ] {
            let error = load(text).unwrap_err();
            assert!(error.message().contains(expected), "{text:?}: {}", error.message());
        }
    }

    #[test]
    fn adding_a_dataset_keeps_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let (shared, local) = (dir.path().join("helox.toml"), dir.path().join("config.toml"));
        std::fs::write(&shared, "# ours\n[store]\ncompression = 3 # smaller\n").unwrap();
        let dataset = Dataset { name: "leases".into(), kind: "lease_abstraction".into(), path: "data/leases".into() };
        let config = add_dataset(&shared, &local, dir.path(), &dataset).unwrap();
        assert_eq!(config.dataset("leases"), Some(&dataset));
        assert!(add_dataset(&shared, &local, dir.path(), &dataset).is_err());
        let text = std::fs::read_to_string(&shared).unwrap();
        assert!(text.starts_with("# ours\n[store]\ncompression = 3 # smaller\n"), "{text}");
        let again = Config::load(&shared, &local).unwrap();
        assert_eq!((again.level(), again.dataset("leases")), (3, Some(&dataset)));
    }

    #[test]
    fn folders_have_one_form() {
        assert_eq!(normal("./data//leases/").unwrap(), "data/leases");
        assert_eq!(normal(".").unwrap(), ".");
        assert!(normal("/abs").is_err());
        assert!(normal(".helox/x").is_err());
    }
}
