//! Writes to `helox.toml`, whose other words stay as they are.

use std::path::Path;

use super::{Config, Dataset, RemoteConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{atomic, lock};
use crate::path::printable;

/// Adds a dataset to `helox.toml`, unless it is declared in the same way already, and returns the configuration. Durable
/// when it returns, also if another process had declared it.
///
/// # Errors
/// `ErrorKind::Conflict` if the name or the folder is taken; `Config` for a file that cannot be parsed.
pub fn add_dataset(shared: &Path, local: &Path, tmp: &Path, dataset: &Dataset) -> Result<Config> {
    let _lock = lock::exclusive(&tmp.with_file_name("config.lock"))?;
    let mut config = Config::load(shared, local)?;
    if let Some(known) = config.dataset(&dataset.name).filter(|known| known.is_declared_as(dataset)) {
        check_unchanged("key", &known.key, &dataset.key, &dataset.name)?;
        check_unchanged("formerly", &known.formerly, &dataset.formerly, &dataset.name)?;
        shared.parent().map_or(Ok(()), atomic::sync_folder)?;
        return Ok(config);
    }
    config.declare(dataset.clone())?;
    let text = String::from_utf8(atomic::read(shared)?.unwrap_or_default()).unwrap_or_default();
    atomic::replace(tmp, shared, with_table(&text, "dataset", &dataset.name, &dataset_settings(dataset), shared)?.as_bytes())?;
    Ok(config)
}

/// Adds a remote to `helox.toml`, unless it is declared in the same way already. Returns true if it was. Durable when it
/// returns.
///
/// # Errors
/// `ErrorKind::Conflict` if the name is taken; `Config` for a file that cannot be parsed.
pub fn add_remote(shared: &Path, local: &Path, tmp: &Path, remote: &RemoteConfig) -> Result<bool> {
    let _lock = lock::exclusive(&tmp.with_file_name("config.lock"))?;
    let config = Config::load(shared, local)?;
    if let Some(known) = config.remote(&remote.name) {
        if known == remote {
            return shared.parent().map_or(Ok(()), atomic::sync_folder).map(|()| true);
        }
        let message = match known.url == remote.url {
            true => format!("remote '{}' is already declared with other settings", known.name),
            false => format!("remote '{}' is already declared with URL {}", known.name, known.url),
        };
        let hint = format!("change [remote.{0}] in helox.toml, or remove it first: hlx remote rm {0}", known.name);
        return Err(Error::new(ErrorKind::Conflict, message).with_hint(hint));
    }
    let text = String::from_utf8(atomic::read(shared)?.unwrap_or_default()).unwrap_or_default();
    let text = with_table(&text, "remote", &remote.name, &remote_settings(remote), shared)?;
    atomic::replace(tmp, shared, text.as_bytes())?;
    Ok(false)
}

/// Takes a remote out of `helox.toml`. Returns true if it was there. Durable when it returns.
pub fn remove_remote(shared: &Path, tmp: &Path, name: &str) -> Result<bool> {
    let _lock = lock::exclusive(&tmp.with_file_name("config.lock"))?;
    let mut document = document(shared)?;
    let remotes = document.get_mut("remote").and_then(toml_edit::Item::as_table_like_mut);
    let is_removed = remotes.and_then(|remotes| remotes.remove(name)).is_some();
    if is_removed {
        atomic::replace(tmp, shared, document.to_string().as_bytes())?;
    }
    Ok(is_removed)
}

/// Fails if a setting is given otherwise than it is declared; none is given by an empty list.
fn check_unchanged(setting: &str, known: &[String], given: &[String], name: &str) -> Result<()> {
    if given.is_empty() || given == known {
        return Ok(());
    }
    let message = match known {
        [] => format!("dataset '{name}' is already declared, without {setting}"),
        known => format!("dataset '{name}' is already declared with {setting} {}", printable(&known.join(", "))),
    };
    Err(Error::new(ErrorKind::Conflict, message).with_hint(format!("change {setting} in [dataset.{name}] of helox.toml")))
}

/// Takes a dataset and all that is declared of it out of `helox.toml`, and returns that as a document of its own. Durable
/// when it returns.
pub fn remove_dataset(shared: &Path, tmp: &Path, name: &str) -> Result<String> {
    let _lock = lock::exclusive(&tmp.with_file_name("config.lock"))?;
    let mut document = document(shared)?;
    let datasets = document.get_mut("dataset").and_then(toml_edit::Item::as_table_like_mut);
    let removed = datasets.and_then(|datasets| datasets.remove(name));
    atomic::replace(tmp, shared, document.to_string().as_bytes())?;
    let mut datasets = toml_edit::Table::new();
    datasets.set_implicit(true);
    datasets.insert(name, removed.unwrap_or_default());
    let mut own = toml_edit::DocumentMut::new();
    own.insert("dataset", toml_edit::Item::Table(datasets));
    Ok(own.to_string().trim_start().to_owned())
}

/// Gives a dataset and all that is declared of it another name in `helox.toml`, which keeps the old one under `formerly`.
/// Durable when it returns.
pub fn rename_dataset(shared: &Path, local: &Path, tmp: &Path, dataset: &Dataset, name: &str) -> Result<()> {
    let _lock = lock::exclusive(&tmp.with_file_name("config.lock"))?;
    let mut config = Config::load(shared, local)?;
    config.datasets.remove(&dataset.name);
    let formerly: Vec<String> = dataset.names().filter(|former| *former != name).map(str::to_owned).collect();
    config.declare(Dataset { name: name.to_owned(), formerly: formerly.clone(), ..dataset.clone() })?;
    let mut document = document(shared)?;
    let tables = document.get_mut("dataset").and_then(toml_edit::Item::as_table_like_mut);
    let Some((mut table, tables)) = tables.and_then(|tables| Some((tables.remove(&dataset.name)?, tables))) else {
        return Err(Error::new(ErrorKind::Config, format!("{} does not declare '{}'", shared.display(), dataset.name)));
    };
    if let Some(table) = table.as_table_like_mut() {
        table.insert("formerly", toml_edit::value(formerly.into_iter().collect::<toml_edit::Array>()));
    }
    tables.insert(name, table);
    atomic::replace(tmp, shared, document.to_string().as_bytes())
}

/// Reads the file as a document that keeps its comments.
fn document(shared: &Path) -> Result<toml_edit::DocumentMut> {
    let text = String::from_utf8(atomic::read(shared)?.unwrap_or_default()).unwrap_or_default();
    text.parse()
        .map_err(|e: toml_edit::TomlError| Error::new(ErrorKind::Config, format!("{}: {}", shared.display(), e.message())))
}

/// The settings of a table, as they are written.
type SettingList = Vec<(&'static str, toml_edit::Value)>;

/// Returns the settings of a dataset.
fn dataset_settings(dataset: &Dataset) -> SettingList {
    let list = |texts: &[String]| texts.iter().map(String::as_str).collect::<toml_edit::Array>().into();
    let mut settings: SettingList = vec![("type", dataset.kind.as_str().into()), ("path", dataset.path.as_str().into())];
    match &dataset.key[..] {
        [] => {}
        [one] => settings.push(("key", one.as_str().into())),
        several => settings.push(("key", list(several))),
    }
    if !dataset.formerly.is_empty() {
        settings.push(("formerly", list(&dataset.formerly)));
    }
    settings
}

/// Returns the settings of a remote.
fn remote_settings(remote: &RemoteConfig) -> SettingList {
    let mut settings: SettingList = vec![("url", remote.url.as_str().into())];
    let texts =
        [("endpoint", &remote.settings.endpoint), ("region", &remote.settings.region), ("profile", &remote.settings.profile)];
    settings.extend(texts.into_iter().filter_map(|(key, text)| Some((key, text.as_deref()?.into()))));
    if remote.settings.anonymous {
        settings.push(("anonymous", true.into()));
    }
    settings.extend(remote.settings.path_style.map(|style| ("path_style", style.into())));
    settings
}

/// Returns the text of the file with a table behind all that is there, which stays byte by byte.
fn with_table(text: &str, kind: &str, name: &str, settings: &SettingList, shared: &Path) -> Result<String> {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut longer = text.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        longer += end;
    }
    if !text.trim().is_empty() {
        longer += end;
    }
    let mut lines = vec![format!("[{kind}.{}]", toml_edit::Key::new(name))];
    lines.extend(settings.iter().map(|(setting, value)| format!("{setting} = {value}")));
    lines.push(String::new());
    longer += &lines.join(end);
    match longer.parse::<toml_edit::DocumentMut>() {
        Ok(_) => Ok(longer),
        Err(_) => inserted(text, kind, name, settings, shared),
    }
}

/// Returns the text of the file with a table, where those of its kind are an inline table, which takes no more tables.
fn inserted(text: &str, kind: &str, name: &str, settings: &SettingList, shared: &Path) -> Result<String> {
    let wrong = |e: toml_edit::TomlError| Error::new(ErrorKind::Config, format!("{}: {}", shared.display(), e.message()));
    let mut document: toml_edit::DocumentMut = text.parse().map_err(wrong)?;
    let table: toml_edit::InlineTable = settings.iter().map(|(setting, value)| (*setting, value.clone())).collect();
    let Some(tables) = document.get_mut(kind).and_then(toml_edit::Item::as_table_like_mut) else {
        return Err(Error::new(ErrorKind::Config, format!("{}: '{kind}' is not a table", shared.display())));
    };
    tables.insert(name, toml_edit::value(table));
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::{RemoteSettings, RemoteUrl};

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
            assert_eq!(add(&other).unwrap_err().kind(), ErrorKind::Conflict);
        }
        let again = Config::load(&shared, &local).unwrap();
        assert_eq!((again.level(), again.dataset("leases")), (3, Some(&dataset)));
    }

    #[test]
    fn a_dataset_goes_with_all_that_is_declared_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let (shared, local) = (dir.path().join("helox.toml"), dir.path().join("config.toml"));
        std::fs::create_dir(dir.path().join("tmp")).unwrap();
        let rest = "# ours\n[dataset.one]\npath = \"one\"\n";
        std::fs::write(&shared, format!("{rest}\n[dataset.two]\npath = \"two\"\n\n[dataset.two.version]\nminor_above = 0.2\n"))
            .unwrap();
        let removed = remove_dataset(&shared, &dir.path().join("tmp"), "two").unwrap();
        let config = Config::load(&shared, &local).unwrap();
        assert!(config.dataset("two").is_none() && config.dataset("one").is_some());
        assert_eq!(std::fs::read_to_string(&shared).unwrap(), rest);
        assert_eq!(removed, "[dataset.two]\npath = \"two\"\n\n[dataset.two.version]\nminor_above = 0.2\n");
    }

    #[test]
    fn a_dataset_is_renamed_where_it_stands() {
        let dir = tempfile::tempdir().unwrap();
        let (shared, local) = (dir.path().join("helox.toml"), dir.path().join("config.toml"));
        std::fs::create_dir(dir.path().join("tmp")).unwrap();
        let text = "# ours\n[dataset.one] # first\npath = \"one\"\n\n[dataset.one.version]\nminor_above = 0.2\n\n[dataset.two]\npath = \"two\"\n";
        std::fs::write(&shared, text).unwrap();
        let rename = |from: &str, to: &str| {
            let dataset = Config::load(&shared, &local).unwrap().dataset(from).unwrap().clone();
            rename_dataset(&shared, &local, &dir.path().join("tmp"), &dataset, to)
        };
        assert_eq!(rename("one", "two").unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(std::fs::read_to_string(&shared).unwrap(), text);
        rename("one", "three").unwrap();
        let renamed = text.replace(".one", ".three").replace("path = \"one\"\n", "path = \"one\"\nformerly = [\"one\"]\n");
        assert_eq!(std::fs::read_to_string(&shared).unwrap(), renamed);
        rename("three", "four").unwrap();
        let config = Config::load(&shared, &local).unwrap();
        assert_eq!(config.names("four"), ["four", "three", "one"]);
        assert_eq!((config.current("one"), config.current("two"), config.current("five")), ("four", "two", "five"));
        assert!(rename("two", "one").is_err(), "the name of another before");
        rename("four", "one").unwrap();
        assert_eq!(Config::load(&shared, &local).unwrap().names("one"), ["one", "four", "three"], "and back");
    }

    #[test]
    fn remotes_are_added_and_removed_beside_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let (shared, local, tmp) = (dir.path().join("helox.toml"), dir.path().join("config.toml"), dir.path().join("tmp"));
        std::fs::create_dir(&tmp).unwrap();
        let text = "# ours\n[store]\ncompression = 3 # smaller\n";
        std::fs::write(&shared, text).unwrap();
        let url = RemoteUrl::parse("s3://data/leases", dir.path()).unwrap();
        let settings = RemoteSettings {
            endpoint: Some("http://127.0.0.1:9000".into()),
            region: Some("r".into()),
            anonymous: true,
            path_style: Some(false),
            ..RemoteSettings::default()
        };
        let remote = RemoteConfig { name: "origin".into(), url, settings };
        assert!(!add_remote(&shared, &local, &tmp, &remote).unwrap());
        let expected = "\n[remote.origin]\nurl = \"s3://data/leases\"\nendpoint = \"http://127.0.0.1:9000\"\nregion = \"r\"\n\
                        anonymous = true\npath_style = false\n";
        assert_eq!(std::fs::read_to_string(&shared).unwrap(), format!("{text}{expected}"));
        assert!(add_remote(&shared, &local, &tmp, &remote).unwrap(), "declared just so already");
        let other = RemoteConfig { settings: RemoteSettings::default(), ..remote };
        assert_eq!(add_remote(&shared, &local, &tmp, &other).unwrap_err().kind(), ErrorKind::Conflict);
        assert!(remove_remote(&shared, &tmp, "origin").unwrap());
        assert!(!remove_remote(&shared, &tmp, "origin").unwrap());
        assert_eq!(std::fs::read_to_string(&shared).unwrap(), text);
    }

    #[test]
    fn comments_order_and_line_ends_stay_whatever_the_file_holds() {
        let dataset = Dataset::new("a.b", "t", "data/a");
        let with_dataset =
            |text: &str| with_table(text, "dataset", "a.b", &dataset_settings(&dataset), Path::new("helox.toml")).unwrap();
        let table = "[dataset.\"a.b\"]\ntype = \"t\"\npath = \"data/a\"\n";
        let cases = [
            ("", String::new()),
            ("# only\n# comments\n", "\n".into()),
            ("# no newline", "\n\n".into()),
            ("[remote.x]\nurl = \"file:///x\"\n\n# the end\n", "\n".into()),
            ("[dataset.one] # first\ntype = \"t\"\npath = \"one\"\n[store]\n# last\n", "\n".into()),
        ];
        for (text, between) in cases {
            let longer = with_dataset(text);
            assert_eq!(longer, format!("{text}{between}{table}"));
        }
        let windows = with_dataset("# ours\r\n");
        assert_eq!(windows, format!("# ours\r\n\r\n{}", table.replace('\n', "\r\n")));
        let inline = "dataset = { one = { type = \"t\", path = \"one\" } } # all\n";
        let longer = with_dataset(inline);
        assert!(longer.contains("one = {") && longer.contains("\"a.b\" = {") && longer.ends_with("# all\n"), "{longer}");
    }
}
