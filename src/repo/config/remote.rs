//! The tables `[remote.NAME]`, in `helox.toml` and over it in `.helox/config.toml`.

use std::path::Path;

use super::keys::REMOTE;
use super::table::{ConfigEntry, Section, placed};
use crate::error::Result;
use crate::refs::names;
use crate::remote::{RemoteSettings, RemoteUrl};

/// A remote of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteConfig {
    /// Its name.
    pub name: String,
    /// Its URL.
    pub url: RemoteUrl,
    /// The settings beside the URL.
    pub settings: RemoteSettings,
}

impl RemoteConfig {
    /// Reads a table over what another file says about the same remote. Relative paths begin at `base`, the folder of the
    /// repository.
    pub(super) fn read(entry: &ConfigEntry<'_>, known: Option<&RemoteConfig>, base: &Path) -> Result<RemoteConfig> {
        let section = entry.section()?.check(&REMOTE)?;
        if !names::is_dataset(entry.key) {
            return Err(entry
                .wrong_key(format!("'{}' is not a valid name for a remote", entry.key))
                .with_hint("use up to 64 of a-z, 0-9, '_', '.' and '-', beginning with a letter or a digit"));
        }
        let url = match (section.get("url"), known) {
            (Some(url), _) => RemoteUrl::parse(url.text()?, base).map_err(|e| placed(&e, |what| url.wrong(what)))?,
            (None, Some(known)) => known.url.clone(),
            (None, None) => return Err(section.wrong(format!("remote '{}' has no 'url'", entry.key))),
        };
        let mut settings = known.map(|known| known.settings.clone()).unwrap_or_default();
        read_settings(&section, &mut settings)?;
        settings.check(&url).map_err(|e| placed(&e, |what| section.wrong(what)))?;
        Ok(RemoteConfig { name: entry.key.to_owned(), url, settings })
    }
}

fn read_settings(section: &Section<'_>, settings: &mut RemoteSettings) -> Result<()> {
    let text = |key: &str| section.get(key).map(|entry| entry.text().map(str::to_owned)).transpose();
    let switch = |key: &str| section.get(key).map(|entry| entry.switch()).transpose();
    if let Some(endpoint) = text("endpoint")? {
        settings.endpoint = Some(endpoint);
    }
    if let Some(region) = text("region")? {
        settings.region = Some(region);
    }
    if let Some(profile) = text("profile")? {
        settings.profile = Some(profile);
    }
    if let Some(anonymous) = switch("anonymous")? {
        settings.anonymous = anonymous;
    }
    if let Some(path_style) = switch("path_style")? {
        settings.path_style = Some(path_style);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn load(shared: &str, local: &str) -> Result<Config> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("helox.toml"), shared).unwrap();
        std::fs::write(dir.path().join("config.toml"), local).unwrap();
        Config::load(&dir.path().join("helox.toml"), &dir.path().join("config.toml"))
    }

    #[test]
    fn the_local_file_takes_precedence() {
        let shared = "[remote.origin]\nurl = 's3://data/leases'\nregion = 'eu-west-1'\n[remote.disk]\nurl = '../copy'\n";
        let local =
            "[remote.origin]\nprofile = 'team'\nregion = 'us-east-1'\n[remote.own]\nurl = 's3://mine'\nanonymous = true\n";
        let config = load(shared, local).unwrap();
        let names: Vec<&str> = config.remotes().map(|remote| &*remote.name).collect();
        assert_eq!(names, ["disk", "origin", "own"]);
        let origin = config.remote("origin").unwrap();
        let expected = RemoteSettings { region: Some("us-east-1".into()), profile: Some("team".into()), ..Default::default() };
        assert_eq!((origin.url.to_string(), &origin.settings), ("s3://data/leases".to_owned(), &expected));
        assert!(config.remote("disk").unwrap().url.folder().unwrap().ends_with("../copy"));
        assert!(config.remote("own").unwrap().settings.anonymous && config.remote("other").is_none());
    }

    #[test]
    fn the_remote_that_is_meant_is_found() {
        let found = |remotes: &[&str], name| {
            let tables: String = remotes.iter().map(|remote| format!("[remote.{remote}]\nurl = '/{remote}'\n")).collect();
            let config = load(&tables, "").unwrap();
            config.find_remote(name).map(|remote| remote.name.clone()).map_err(|e| e.hint().unwrap_or_default().to_owned())
        };
        for (remotes, name, expected) in [
            (&["a"][..], None, Ok("a")),
            (&["a", "origin"], None, Ok("origin")),
            (&["a", "origin"], Some("a"), Ok("a")),
            (&[], None, Err("add one: hlx remote add origin URL")),
            (&["a", "b"], None, Err("name one of a, b")),
            (&["origin"], Some("orgin"), Err("did you mean 'origin'?")),
            (&["origin"], Some("zz"), Err("list the remotes: hlx remote list")),
        ] {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(found(remotes, name), expected, "{remotes:?} {name:?}");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (shared, local, expected) in [
            ("[remote.a]\nurl = ''\n", "", "helox.toml:2: invalid URL '': it is empty"),
            ("[remote.a]\nurl = 's3://K:hush@data'\n", "", "helox.toml:2: invalid URL 's3://***@data': it contains credentials"),
            ("[remote.a]\nurl = 'ftp://data'\n", "", "helox.toml:2: invalid URL 'ftp://data': unknown scheme 'ftp'"),
            ("[remote.a]\nurl = 's3://data'\nregoin = 'x'\n", "", "helox.toml:3: unknown key 'regoin' in [remote.a]"),
            ("[remote.a]\nurl = 's3://data'\npath_style = 1\n", "", "helox.toml:3: 'path_style' must be true or false, not 1"),
            ("[remote.a]\nurl = '/data'\nregion = 'x'\n", "", "helox.toml:1: 'region' does not apply to /data"),
            ("[remote.a]\nurl = 's3://a'\n", "[remote.b]\nregion = 'x'\n", "config.toml:1: remote 'b' has no 'url'"),
            ("[remote.a]\nurl = 's3://a'\n", "\n[remote.a]\nendpoint = 'x'\n", "config.toml:2: invalid endpoint 'x'"),
        ] {
            let error = load(shared, local).unwrap_err();
            assert!(error.message().contains(expected), "{shared}{local}: {}", error.message());
        }
    }
}
