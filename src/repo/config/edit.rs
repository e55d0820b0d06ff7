//! Writes to `helox.toml`, whose other words stay as they are.

use std::path::Path;

use super::{Config, Dataset};
use crate::error::{Error, Kind, Result};
use crate::fs::{atomic, lock};

/// Adds a dataset to `helox.toml`, unless it is declared just so already. Returns what is configured then. Durable when
/// it returns, also if another process had declared it.
pub fn add_dataset(shared: &Path, local: &Path, tmp: &Path, dataset: &Dataset) -> Result<Config> {
    let _lock = lock::exclusive(&tmp.with_file_name("config.lock"))?;
    let mut config = Config::load(shared, local)?;
    if config.dataset(&dataset.name).is_some_and(|known| known.is_declared_as(dataset)) {
        shared.parent().map_or(Ok(()), atomic::sync_folder)?;
        return Ok(config);
    }
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

    #[test]
    fn adding_a_dataset_keeps_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let (shared, local) = (dir.path().join("helox.toml"), dir.path().join("config.toml"));
        let add = |dataset: &Dataset| add_dataset(&shared, &local, &dir.path().join("tmp"), dataset);
        std::fs::create_dir(dir.path().join("tmp")).unwrap();
        std::fs::write(&shared, "# ours\n[store]\ncompression = 3 # smaller\n").unwrap();
        let dataset = Dataset::new("leases", "lease_abstraction", "data/leases");
        assert_eq!(add(&dataset).unwrap().dataset("leases"), Some(&dataset));
        let text = std::fs::read_to_string(&shared).unwrap();
        assert!(text.starts_with("# ours\n[store]\ncompression = 3 # smaller\n"), "{text}");
        add(&dataset).unwrap();
        assert_eq!(std::fs::read_to_string(&shared).unwrap(), text, "declared just so already");
        for other in [Dataset::new("leases", "other", "data/leases"), Dataset::new("more", "other", "data")] {
            assert_eq!(add(&other).unwrap_err().kind(), Kind::Conflict);
        }
        let again = Config::load(&shared, &local).unwrap();
        assert_eq!((again.level(), again.dataset("leases")), (3, Some(&dataset)));
    }
}
