//! Reads the configuration. Every mistake is an error with file and line.

use std::path::Path;

use super::dataset::check_type;
use super::keys::{DATASET, LOCAL_TOP, SCHEMA, STORE, TAG, TOP, VERSION};
use super::table::{ConfigEntry, ConfigFile, Section, placed};
use super::{Config, Dataset, RemoteConfig, StoreSettings, formats, generic, normal, rules};
use crate::diff::Thresholds;
use crate::error::{Error, Result};
use crate::fs::atomic;
use crate::limits;
use crate::object::version::ValidationStatus;
use crate::path::printable;
use crate::refs::names;
use crate::sample::Pointer;

/// The lengths that the longest record may have, in bytes.
const MAX_RECORD: std::ops::RangeInclusive<u64> = 1 << 10..=2 << 30;
/// The compression levels that may be set.
const LEVELS: std::ops::RangeInclusive<i64> = 1..=19;
/// The deepest that a schema may look.
const MAX_DEPTH: i64 = limits::SCHEMA_DEPTH as i64;

impl Config {
    /// Reads `helox.toml`, and over it the settings of `.helox/config.toml` and `HLX_COMPRESSION`.
    ///
    /// # Errors
    /// `ErrorKind::Config` with file and line for anything that is not understood.
    pub fn load(shared: &Path, local: &Path) -> Result<Config> {
        let mut config = read_shared(shared)?;
        let own = read_local(local, &mut config, atomic::parent(shared))?;
        config.store.level = own.level.or(config.store.level);
        config.store.is_shared = own.is_shared.or(config.store.is_shared);
        if let Ok(text) = std::env::var("HLX_COMPRESSION") {
            let level = text.parse().ok().filter(|level| LEVELS.contains(level));
            let wrong = || Error::usage(format!("HLX_COMPRESSION is '{}', not a number from 1 to 19", printable(&text)));
            config.store.level = Some(level.ok_or_else(wrong)? as i32);
        }
        Ok(config)
    }
}

/// Reads `helox.toml`.
fn read_shared(path: &Path) -> Result<Config> {
    let file = ConfigFile::read(path)?;
    let document = file.parse()?;
    let top = Section::top(&file, &document).check(&TOP)?;
    let mut config = Config { store: settings(&top)?, ..Config::default() };
    for entry in top.tables("dataset")? {
        let dataset = dataset(&entry)?;
        config.declare(dataset).map_err(|e| placed(&e, |what| entry.wrong_key(what)))?;
    }
    read_remotes(&top, &mut config, atomic::parent(path))?;
    Ok(config)
}

/// Reads `.helox/config.toml`: its remotes over those of `config`, and its settings of the store.
fn read_local(path: &Path, config: &mut Config, base: &Path) -> Result<StoreSettings> {
    let mut read = || {
        let file = ConfigFile::read(path)?;
        let document = file.parse()?;
        let top = Section::top(&file, &document).check(&LOCAL_TOP)?;
        read_remotes(&top, config, base)?;
        settings(&top)
    };
    read().map_err(|e: Error| match e.hint() {
        Some(_) => e,
        None => e.with_hint(format!("fix the file, or do without it: rm {}", path.display())),
    })
}

/// Reads the remotes of a file over those that are known.
fn read_remotes(top: &Section<'_>, config: &mut Config, base: &Path) -> Result<()> {
    for entry in top.tables("remote")? {
        let remote = RemoteConfig::read(&entry, config.remotes.get(entry.key), base)?;
        config.remotes.insert(entry.key.to_owned(), remote);
    }
    Ok(())
}

/// Reads the table `store`, if there is one.
fn settings(top: &Section<'_>) -> Result<StoreSettings> {
    let Some(store) = top.get("store") else { return Ok(StoreSettings::default()) };
    let store = store.section()?.check(&STORE)?;
    let level = store.get("compression").map(|entry| entry.whole(LEVELS)).transpose()?.map(|level| level as i32);
    let shared = |entry: ConfigEntry<'_>| Ok(entry.word(entry.text()?, "value of 'shared'", &["umask", "group"])? == 1);
    let is_shared = store.get("shared").map(shared).transpose()?;
    Ok(StoreSettings { level, is_shared })
}

fn dataset(entry: &ConfigEntry<'_>) -> Result<Dataset> {
    let section = entry.section()?.check(&DATASET)?;
    let Some(path) = section.get("path") else {
        let error = section.wrong(format!("dataset '{}' has no 'path'", entry.key));
        return Err(error.with_hint("add path = \"DIR\", the folder of the dataset; \".\" is the whole repository"));
    };
    let folder = normal(path.text()?).map_err(|e| placed(&e, |what| path.wrong(what)))?;
    let kind = match section.get("type") {
        Some(kind) => {
            check_type(kind.text()?).map_err(|e| placed(&e, |what| kind.wrong(what)))?;
            kind.text()?.to_owned()
        }
        None => generic(),
    };
    let mut dataset = Dataset::new(entry.key, kind, folder);
    if let Some(former) = section.get("formerly") {
        dataset.formerly = former.names()?;
    }
    if let Some(samples) = section.get("samples") {
        dataset.samples = samples.switch()?;
    }
    if let Some(key) = section.get("key") {
        dataset.key = key.places()?;
    }
    if let Some(fields) = section.get("ignore_fields") {
        dataset.ignore_fields = ignored(&fields, &dataset.key)?;
    }
    if let Some(length) = section.get("max_record") {
        dataset.max_record = length.bytes(MAX_RECORD)? as usize;
    }
    for glob in section.tables("format")? {
        dataset.formats.push((glob.key_glob()?, formats::reading(&glob)?));
    }
    for split in section.tables("splits")? {
        dataset.splits.push((split.key.to_owned(), split.globs()?));
    }
    if let Some(version) = section.get("version") {
        dataset.thresholds = thresholds(&version.section()?.check(&VERSION)?)?;
    }
    if let Some(schema) = section.get("schema")
        && let Some(depth) = schema.section()?.check(&SCHEMA)?.get("depth")
    {
        dataset.schema_depth = depth.whole(1..=MAX_DEPTH)? as usize;
    }
    for tag in section.tables("tags")? {
        names::check_tag(tag.key).map_err(|e| placed(&e, |what| tag.wrong_key(what)))?;
        let protection = tag.section()?.check(&TAG)?;
        let Some(required) = protection.get("requires") else {
            return Err(protection.wrong(format!("tag '{}' has no 'requires'", tag.key)));
        };
        required.word(required.text()?, "value of 'requires'", &["PASSED"])?;
        dataset.tags.insert(tag.key.to_owned(), ValidationStatus::Passed);
    }
    if let Some(validation) = section.get("validation") {
        dataset.validation = Some(rules::validation(&validation, &dataset.key)?);
    }
    Ok(dataset)
}

/// Reads the fields that make no difference, none of which may be a part of the key or have one.
fn ignored(entry: &ConfigEntry<'_>, key: &[String]) -> Result<Vec<String>> {
    let fields = entry.places()?;
    let place = |field: &String| Pointer::of_field(field).map_err(|e| entry.wrong(format!("'{field}': {e}")));
    for field in &fields {
        for own in key {
            if place(field)?.overlaps(&place(own)?) {
                return Err(entry
                    .wrong(format!("'ignore_fields' contains '{field}', but 'key' contains '{own}': a key cannot be ignored"))
                    .with_hint(format!("remove '{field}' from 'ignore_fields'")));
            }
        }
    }
    Ok(fields)
}

fn thresholds(section: &Section<'_>) -> Result<Thresholds> {
    let mut thresholds = Thresholds::default();
    let (major, minor) = (section.get("major_above"), section.get("minor_above"));
    if let Some(entry) = &major {
        thresholds.major_above = entry.share()?;
    }
    if let Some(entry) = &minor {
        thresholds.minor_above = entry.share()?;
    }
    if let Some(entry) = section.get("field_share") {
        thresholds.field_share = entry.share()?;
    }
    let Thresholds { major_above, minor_above, .. } = thresholds;
    match minor.or(major) {
        Some(entry) if minor_above > major_above => Err(entry
            .wrong(format!("'minor_above' ({minor_above}) is greater than 'major_above' ({major_above})"))
            .with_hint("'minor_above' must not be greater than 'major_above'")),
        _ => Ok(thresholds),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::sample::RecordFormat;

    pub(in crate::repo::config) fn load(text: &str) -> Result<Config> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("helox.toml"), text).unwrap();
        Config::load(&dir.path().join("helox.toml"), &dir.path().join("config.toml"))
    }

    #[test]
    fn the_example_of_the_page_is_understood() {
        let page = include_str!("../../../docs/configuration.md");
        let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
        let config = load(example).unwrap();
        let leases = config.dataset("leases").unwrap();
        assert_eq!((leases.kind.as_str(), leases.path.as_str()), ("lease_abstraction", "data/leases"));
        assert_eq!(leases.key, ["/id"]);
        let globs: Vec<_> = leases.formats.iter().map(|(glob, spec)| (glob.as_str(), spec.format)).collect();
        let expected =
            [("raw/**/*.dat", RecordFormat::Jsonl), ("export/*.bin", RecordFormat::Csv), ("export/*.txt", RecordFormat::Csv)];
        assert_eq!(globs, expected, "in the order of the file");
        assert_eq!(leases.thresholds, Thresholds::default());
        assert_eq!(leases.schema_depth, 5);
        let remotes: Vec<_> = config.remotes().map(|remote| (&*remote.name, remote.url.to_string())).collect();
        assert_eq!(remotes, [("origin", "s3://helox-datasets/leases".to_owned())]);
        assert_eq!(config.level(), 1);
    }

    #[test]
    fn keys_thresholds_and_depth() {
        let one = |rest: &str| load(&format!("[dataset.a]\npath = \"a\"\n{rest}")).unwrap().dataset("a").unwrap().clone();
        assert_eq!(one(""), Dataset::new("a", "generic", "a"));
        assert_eq!(one("key = ['id', '/meta/a~1b']").key, ["id", "/meta/a~1b"]);
        let thresholds = one("version = { major_above = 1, minor_above = 0, field_share = 0.05 }").thresholds;
        assert_eq!(thresholds, Thresholds { major_above: 1.0, minor_above: 0.0, field_share: 0.05 });
        assert_eq!(one("[dataset.a.version]\nmajor_above = 0.3").thresholds.major_above, 0.3);
        assert_eq!(one("schema.depth = 32").schema_depth, 32);
        for (text, bytes) in [("4096", 4096), ("'2 MiB'", 2 << 20), ("'1GiB'", 1 << 30), ("'2097152 KiB'", 2 << 30)] {
            assert_eq!(one(&format!("max_record = {text}")).max_record, bytes, "{text}");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, expected) in [
            ("[dataset.a]\ntype = \"t\"\n", "helox.toml:1: dataset 'a' has no 'path'"),
            ("[dataset.a]\npath = \"a\"\nkey = 3\n", "helox.toml:3: 'key' must be a string or a list of strings, not 3"),
            (
                "[dataset.a]\npath = \"a\"\nkey = ['a', 3]\n",
                "helox.toml:3: 'key' must be a string or a list of strings, not a list",
            ),
            ("[dataset.a]\npath = \"a\"\nkey = []\n", "helox.toml:3: 'key' is empty"),
            ("[dataset.a]\npath = \"a\"\nkey = ['x', 'x']\n", "helox.toml:3: 'key' contains 'x'"),
            ("[dataset.a]\npath = \"a\"\nkey = '/a~b'\n", "helox.toml:3: '/a~b' is not a JSON pointer"),
            (
                "[dataset.a]\npath = 'a'\nkey = 'x'\nignore_fields = ['y', 'x']\n",
                "helox.toml:4: 'ignore_fields' contains 'x', but 'key' contains 'x'",
            ),
            (
                "[dataset.a]\npath = 'a'\nignore_fields = ['y', '/meta']\nkey = ['/meta/id']\n",
                "helox.toml:3: 'ignore_fields' contains '/meta', but 'key' contains '/meta/id'",
            ),
            (
                "[dataset.a]\npath = 'a'\nignore_fields = '/id'\nkey = 'id'\n",
                "helox.toml:3: 'ignore_fields' contains '/id', but 'key' contains 'id'",
            ),
            ("[dataset.a]\npath = 'a'\nignore_fields = '/a~'\n", "helox.toml:3: '/a~' is not a JSON pointer"),
            ("[dataset.a]\npath = 'a'\nignore_fields = 3\n", "helox.toml:3: 'ignore_fields' must be a string or a list"),
            ("[dataset.a]\npath = \"../a\"\n", "helox.toml:2: '../a' cannot be a dataset's folder"),
            (
                "[dataset.a]\npath = 'a'\nmax_record = '3 GB'\n",
                "helox.toml:3: 'max_record' must be a size from \"1 KiB\" to \"2 GiB\", not '3 GB'",
            ),
            ("[dataset.a]\npath = 'a'\nmax_record = 100\n", "to \"2 GiB\", not 100"),
            ("[dataset.a]\npath = true\n", "helox.toml:2: 'path' must be a string, not a boolean"),
            ("\n[dataset.a]\n\ntype = ''\npath = 'a'", "helox.toml:4: '' is not a valid name for a dataset's type"),
            ("[dataset.a]\npath = \"x\"\n[dataset.b]\npath = \"x/y\"\n", "helox.toml:3: folder 'x/y' of 'b' overlaps"),
            ("[dataset.A]\npath = \"x\"\n", "helox.toml:1: invalid dataset name 'A': it has a capital 'A'"),
            ("dataset = 3\n", "helox.toml:1: 'dataset' must be a table, not 3"),
            ("[[dataset]]\nname = 'a'\n", "helox.toml:1: 'dataset' must be a table, not a list of tables"),
            (
                "[dataset.a]\npath='a'\n[dataset.a.version]\nmajor_above = 50",
                "helox.toml:4: 'major_above' must be a number from 0 to 1, not 50",
            ),
            ("[dataset.a]\npath='a'\nversion = '1.0.0'", "helox.toml:3: 'version' must be a table, not a string"),
            ("[dataset.a]\npath='a'\n[dataset.a.version]\nmajor_above = nan", "helox.toml:4: 'major_above' must be a number"),
            (
                "[dataset.a]\npath='a'\n[dataset.a.version]\nminor_above = 0.6",
                "helox.toml:4: 'minor_above' (0.6) is greater than",
            ),
            (
                "[dataset.a]\npath='a'\n[dataset.a.version]\n\nmajor_above = 0.05",
                "helox.toml:5: 'minor_above' (0.1) is greater than",
            ),
            ("[dataset.a]\npath='a'\nschema.depth = 0", "helox.toml:3: 'depth' must be an integer from 1 to 32, not 0"),
            ("[dataset.a]\npath='a'\nvalidation = 3", "helox.toml:3: 'validation' must be a table"),
            ("[dataset.a]\npath='a'\n[dataset.a.format]\n'[x' = 'csv'", "helox.toml:4: invalid pattern '[x'"),
            ("[dataset.a]\npath='a'\n[dataset.a.format]\n'*.x' = 'jsnl'", "helox.toml:4: unknown format 'jsnl'"),
            ("[dataset.a]\npath='a'\n[dataset.a.format]\n'*.x' = 'gz'", "helox.toml:4: unknown format 'gz'"),
            ("[remote.origin]\n", "helox.toml:1: remote 'origin' has no 'url'"),
            ("[remote.'o p']\nurl = 'x'", "helox.toml:1: 'o p' is not a valid name for a remote"),
            ("[store]\ncompression = 30\n", "helox.toml:2: 'compression' must be an integer from 1 to 19, not 30"),
            ("[store]\n\n\ncompression = 'high'\n", "helox.toml:4: 'compression' must be an integer from 1 to 19, not a string"),
            ("nonsense", "helox.toml:1: "),
            ("[store]\ncompression = 3\ncompression = 4", "helox.toml:3: "),
            ("[dataset.a]\npath = 'a\n", "helox.toml:2: "),
        ] {
            let error = load(text).unwrap_err();
            assert!(error.message().contains(expected), "{text:?}: {}", error.message());
            assert_eq!(error.kind(), ErrorKind::Config, "{text:?}");
        }
    }

    #[test]
    fn the_nearest_key_is_told() {
        for (text, expected, hint) in [
            (
                "[dataset.a]\npath='a'\n[dataset.a.version]\nmajr_above = 1",
                "helox.toml:4: unknown key 'majr_above' in [dataset.a.version]",
                "did you mean 'major_above'?",
            ),
            (
                "[dataset.a]\npath='a'\nversion.minor_abov = 1",
                "helox.toml:3: unknown key 'minor_abov' in [dataset.a.version]",
                "did you mean 'minor_above'?",
            ),
            ("# x\n\n[datasets.a]\npath='a'\n", "helox.toml:3: unknown key 'datasets'", "did you mean 'dataset'?"),
            (
                "[dataset.a]\npath='a'\ncompression = 3",
                "helox.toml:3: unknown key 'compression' in [dataset.a]",
                "'compression' belongs in [store]",
            ),
            (
                "[dataset.a]\npath='a'\n[dataset.a.schema]\nlevels = 3",
                "helox.toml:4: unknown key 'levels' in [dataset.a.schema]",
                "valid keys: depth",
            ),
            (
                "[dataset.a]\npath='a'\n[dataset.a.format]\n'*.x' = 'parket.gz'",
                "helox.toml:4: unknown format",
                "did you mean 'parquet'?",
            ),
        ] {
            let error = load(text).unwrap_err();
            assert!(error.message().contains(expected), "{text:?}: {}", error.message());
            assert_eq!(error.hint(), Some(hint), "{text:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_and_local_settings() {
        let dir = tempfile::tempdir().unwrap();
        let (shared, local) = (dir.path().join("helox.toml"), dir.path().join("config.toml"));
        std::fs::write(&shared, b"# x\n# \xff\n").unwrap();
        assert!(Config::load(&shared, &local).unwrap_err().message().contains("helox.toml:2: not valid UTF-8"));
        std::fs::write(&shared, b"\xef\xbb\xbf[store]\r\ncompression = 3\r\n").unwrap();
        assert_eq!(Config::load(&shared, &local).unwrap().level(), 3, "a BOM and CRLF");
        std::fs::write(&local, "[store]\ncompression = 7\n").unwrap();
        assert_eq!(Config::load(&shared, &local).unwrap().level(), 7, "the own setting wins");
        std::fs::write(&local, "\n[dataset.a]\npath = 'a'\n").unwrap();
        let error = Config::load(&shared, &local).unwrap_err();
        assert!(error.message().contains("config.toml:2: unknown key 'dataset'"), "{error}");
        assert_eq!(error.hint(), Some("'dataset' belongs at the top of helox.toml"));
    }
}
