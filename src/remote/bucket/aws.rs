//! The AWS files: `~/.aws/credentials` and `~/.aws/config`, as far as hlx reads them.
//!
//! Both are lists of sections with keys and values. In `config` the section of a profile is `[profile NAME]`, except for
//! `[default]`. Nothing read here is ever written or printed but the names of files, profiles and keys.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::fs::atomic;
use crate::path::printable;

/// AwsKeys of a profile that get credentials in a way that hlx does not know.
const UNKNOWN_WAYS: [&str; 6] =
    ["credential_process", "sso_session", "sso_start_url", "role_arn", "source_profile", "web_identity_token_file"];

/// The settings of a profile.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct AwsProfile {
    /// The id of the access key and its secret.
    pub key: Option<(String, String)>,
    /// The token of a session, for a key that ends with it.
    pub token: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The URL of the service.
    pub endpoint: Option<String>,
    /// The file that has the key.
    pub file: PathBuf,
}

/// The AWS files of a user.
#[derive(Clone, Debug)]
pub(super) struct AwsFiles {
    credentials: PathBuf,
    config: PathBuf,
}

impl AwsFiles {
    /// Returns the files that the environment names, or those in the user's `.aws`; `None` without a home folder.
    pub fn of(variable: impl Fn(&str) -> Option<OsString>) -> Option<AwsFiles> {
        let home = variable("HOME").map(|home| PathBuf::from(home).join(".aws"));
        let file = |name: &str, standard: &str| match variable(name) {
            Some(path) => Some(PathBuf::from(path)),
            None => home.as_ref().map(|home| home.join(standard)),
        };
        Some(AwsFiles {
            credentials: file("AWS_SHARED_CREDENTIALS_FILE", "credentials")?,
            config: file("AWS_CONFIG_FILE", "config")?,
        })
    }

    /// Reads a profile; `None` if neither file has it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a profile that gets its credentials in a way that hlx does not know.
    pub fn profile(&self, name: &str) -> Result<Option<AwsProfile>> {
        let mut credentials = sections(&read(&self.credentials)?);
        let mut config = sections(&read(&self.config)?);
        let in_config = config.remove(&format!("profile {name}")).or_else(|| config.remove(name).filter(|_| name == "default"));
        let sections = [(credentials.remove(name), &self.credentials), (in_config, &self.config)];
        if sections.iter().all(|(section, _)| section.is_none()) {
            return Ok(None);
        }
        let value = |key: &str| sections.iter().find_map(|(section, _)| section.as_ref()?.get(key)).cloned();
        let mut profile = AwsProfile { region: value("region"), endpoint: value("endpoint_url"), ..AwsProfile::default() };
        for (section, file) in sections.iter().filter_map(|(section, file)| Some((section.as_ref()?, file))) {
            if let (Some(id), Some(secret)) = (section.get("aws_access_key_id"), section.get("aws_secret_access_key")) {
                profile.key = Some((id.clone(), secret.clone()));
                profile.token = section.get("aws_session_token").cloned();
                profile.file = (*file).clone();
                break;
            }
        }
        match UNKNOWN_WAYS.iter().find(|key| profile.key.is_none() && value(key).is_some()) {
            Some(key) => Err(self.unknown_way(name, key)),
            None => Ok(Some(profile)),
        }
    }

    fn unknown_way(&self, name: &str, key: &str) -> Error {
        let message =
            format!("profile '{}' of {} uses '{key}', which hlx does not support", printable(name), self.config.display());
        Error::new(ErrorKind::Config, message).with_hint(format!(
            "get a key for this shell: eval \"$(aws configure export-credentials --profile {name} --format env)\""
        ))
    }

    /// Returns the files, for messages.
    pub fn names(&self) -> String {
        format!("{} and {}", self.credentials.display(), self.config.display())
    }
}

fn read(path: &Path) -> Result<String> {
    Ok(String::from_utf8_lossy(&atomic::read(path)?.unwrap_or_default()).into_owned())
}

/// Reads the sections of a file, with their keys in lower case. Indented lines are the values of a group such as `s3 =`,
/// which hlx does not use.
fn sections(text: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut sections: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut current = None;
    for line in text.lines() {
        let is_indented = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || is_indented || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let name: Vec<&str> = header.split_whitespace().collect();
            current = Some(name.join(" ").replace(['"', '\''], ""));
            sections.entry(name.join(" ").replace(['"', '\''], "")).or_default();
        } else if let (Some(section), Some((key, value))) = (&current, line.split_once('=')) {
            let value = value.split(" #").next().unwrap_or_default().split(" ;").next().unwrap_or_default().trim();
            if let Some(section) = sections.get_mut(section)
                && !value.is_empty()
            {
                section.insert(key.trim().to_ascii_lowercase(), value.to_owned());
            }
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(credentials: &str, config: &str) -> (tempfile::TempDir, AwsFiles) {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".aws")).unwrap();
        std::fs::write(home.path().join(".aws/credentials"), credentials).unwrap();
        std::fs::write(home.path().join(".aws/config"), config).unwrap();
        let path = home.path().as_os_str().to_owned();
        let files = AwsFiles::of(|name| (name == "HOME").then(|| path.clone())).unwrap();
        (home, files)
    }

    #[test]
    fn profiles_are_read_from_both_files() {
        let (_home, files) = files(
            "[default]\naws_access_key_id=AKIA1\naws_secret_access_key = a/b+c==\n\n# ours\n[team]\r\nAWS_ACCESS_KEY_ID = AKIA2 # no\r\n\
             aws_secret_access_key = s\naws_session_token=t\nregion = x\n",
            "[default]\nregion = eu-west-1\n[profile  team]\nregion = us-east-2\ns3 =\n  addressing_style = path\n\
             endpoint_url = http://127.0.0.1:9000\n[profile keyed]\naws_access_key_id = A\naws_secret_access_key = B\n[team2]\nregion = y\n",
        );
        let profile = files.profile("default").unwrap().unwrap();
        assert_eq!(profile.key, Some(("AKIA1".to_owned(), "a/b+c==".to_owned())));
        assert_eq!((profile.token, profile.region.as_deref()), (None, Some("eu-west-1")));
        let profile = files.profile("team").unwrap().unwrap();
        assert_eq!(profile.key, Some(("AKIA2".to_owned(), "s".to_owned())));
        assert_eq!((profile.token.as_deref(), profile.region.as_deref()), (Some("t"), Some("x")), "credentials come first");
        assert_eq!(profile.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
        let profile = files.profile("keyed").unwrap().unwrap();
        assert_eq!(profile.key, Some(("A".to_owned(), "B".to_owned())));
        assert!(profile.file.ends_with(".aws/config"));
        assert!(files.profile("team2").unwrap().is_none() && files.profile("none").unwrap().is_none());
    }

    #[test]
    fn a_way_that_is_not_supported_is_named() {
        let (_home, files) = files(
            "",
            "[profile sso]\nsso_start_url = https://x\n[profile both]\nrole_arn = r\naws_access_key_id = A\naws_secret_access_key = B\n",
        );
        let error = files.profile("sso").err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains("'sso_start_url'") && error.hint().unwrap().contains("--profile sso"));
        assert!(files.profile("both").unwrap().unwrap().key.is_some());
    }

    #[test]
    fn the_environment_names_other_files() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("keys");
        std::fs::write(&file, "[default]\naws_access_key_id=A\naws_secret_access_key=B").unwrap();
        let files = AwsFiles::of(|name| match name {
            "AWS_SHARED_CREDENTIALS_FILE" => Some(file.clone().into()),
            "HOME" => Some(dir.path().into()),
            _ => None,
        });
        assert_eq!(files.unwrap().profile("default").unwrap().unwrap().file, file);
        assert!(AwsFiles::of(|_| None).is_none());
    }
}
