//! The URLs of remotes, and the settings that belong to one.

use std::fmt;
use std::path::{Path, PathBuf};

use super::api::check_name;
use crate::error::{Error, Result};
use crate::path::printable;

/// The kinds of remotes, for hints.
const KINDS: &str =
    "use s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, https://HOST/PATH or the path of a folder";

/// The settings of a remote beside its URL, as `[remote.NAME]` of `helox.toml` has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteSettings {
    /// The URL of the service, where it is not the one of Amazon, Google or Microsoft.
    pub endpoint: Option<String>,
    /// The region of the bucket.
    pub region: Option<String>,
    /// The profile of the AWS files that has the credentials.
    pub profile: Option<String>,
    /// True if requests are not signed.
    pub anonymous: bool,
    /// True if the bucket is in the path of a request, false if it is in the name of the host.
    pub path_style: Option<bool>,
}

/// The URL of a remote. It has no credentials, so that it can be printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteUrl {
    text: String,
    place: Place,
}

/// The place that a URL names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A folder.
    Folder(PathBuf),
    /// A part of a bucket.
    Bucket(BucketPlace),
    /// A folder of a web server.
    Web(String),
}

/// A part of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BucketPlace {
    /// The service.
    pub service: BucketService,
    /// The name of the bucket.
    pub bucket: String,
    /// The beginning of all names; empty for the whole bucket.
    pub prefix: String,
}

/// A service that keeps buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BucketService {
    /// Amazon S3, or one with the same requests.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage.
    Azure,
}

impl RemoteUrl {
    /// Checks a URL or the path of a folder, which is relative to `base`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for a URL that no remote can have, or that contains credentials.
    pub fn parse(text: &str, base: &Path) -> Result<RemoteUrl> {
        let wrong = |problem: &str| Error::usage(format!("invalid URL '{}': {problem}", printable(&redacted(text))));
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
            None => {
                check_path(text).map_err(|problem| wrong(problem).with_hint(KINDS))?;
                return Ok(RemoteUrl { text: text.to_owned(), place: Place::Folder(base.join(text)) });
            }
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if host.contains('@') || rest.contains(['?', '#']) {
            return Err(wrong("it contains credentials or parameters").with_hint(
                "remove them from the URL; credentials are read from the environment and from ~/.aws, see docs/remotes.md",
            ));
        }
        let bucket = |service| bucket_place(service, host, path).map_err(&wrong);
        let place = match &*scheme {
            "file" => Place::Folder(file_path(text).ok_or_else(|| wrong("it must be file:/// and an absolute path"))?),
            "s3" => Place::Bucket(bucket(BucketService::S3)?),
            "gs" => Place::Bucket(bucket(BucketService::Google)?),
            "az" => Place::Bucket(bucket(BucketService::Azure)?),
            "http" | "https" => match url::Url::parse(text) {
                Ok(url) => Place::Web(url.to_string()),
                Err(e) => return Err(wrong(&e.to_string())),
            },
            other => return Err(wrong(&format!("unknown scheme '{other}'")).with_hint(KINDS)),
        };
        Ok(RemoteUrl { text: text.to_owned(), place })
    }

    /// Returns the URL as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the place that it names.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Returns the folder, if it names one.
    pub fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Folder(folder) => Some(folder),
            Place::Bucket(_) | Place::Web(_) => None,
        }
    }

    /// Returns true if nothing can be written there.
    pub fn is_read_only(&self) -> bool {
        matches!(self.place, Place::Web(_))
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.text))
    }
}

impl RemoteSettings {
    /// Fails for settings that do not apply to a URL.
    pub fn check(&self, url: &RemoteUrl) -> Result<()> {
        let is_s3 = matches!(&url.place, Place::Bucket(place) if place.service == BucketService::S3);
        let is_bucket = matches!(url.place, Place::Bucket(_));
        let given = [
            ("endpoint", self.endpoint.is_some(), is_bucket),
            ("region", self.region.is_some(), is_s3),
            ("profile", self.profile.is_some(), is_s3),
            ("anonymous", self.anonymous, is_bucket),
            ("path_style", self.path_style.is_some(), is_s3),
        ];
        if let Some((name, ..)) = given.iter().find(|(_, is_given, applies)| *is_given && !applies) {
            return Err(Error::usage(format!("'{name}' does not apply to {url}")).with_hint(format!("remove '{name}'")));
        }
        if self.anonymous && self.profile.is_some() {
            return Err(Error::usage("'anonymous' and 'profile' exclude each other").with_hint("remove one of them"));
        }
        match &self.endpoint {
            Some(endpoint) => check_endpoint(endpoint),
            None => Ok(()),
        }
    }
}

/// Fails unless an endpoint is an http or https URL without credentials.
fn check_endpoint(endpoint: &str) -> Result<()> {
    let wrong = |problem: &str| {
        Err(Error::usage(format!("invalid endpoint '{}': {problem}", printable(&redacted(endpoint))))
            .with_hint("an endpoint has the form https://HOST or http://HOST:PORT"))
    };
    match url::Url::parse(endpoint) {
        Err(e) => wrong(&e.to_string()),
        Ok(url) if !url.username().is_empty() || url.password().is_some() || url.query().is_some() => {
            wrong("it contains credentials or parameters")
        }
        Ok(url) if !matches!(url.scheme(), "http" | "https") || url.host().is_none() => wrong("it must be an http or https URL"),
        Ok(_) => Ok(()),
    }
}

/// Returns a URL without the user, the password and the parameters that it may contain.
pub fn redacted(text: &str) -> String {
    let (scheme, rest) = match text.find("://") {
        Some(at) => text.split_at(at + 3),
        None => return text.to_owned(),
    };
    let (rest, parameters) = match rest.find(['?', '#']) {
        Some(at) => (&rest[..at], "?***"),
        None => (rest, ""),
    };
    // A secret may contain a slash.
    match rest.rfind('@') {
        Some(at) => format!("{scheme}***{}{parameters}", &rest[at..]),
        None => format!("{scheme}{rest}{parameters}"),
    }
}

/// Fails for a path that is probably meant as something else.
fn check_path(text: &str) -> Result<(), &'static str> {
    let first = text.split('/').next().unwrap_or_default();
    match () {
        () if text.is_empty() => Err("it is empty"),
        () if first == "~" => Err("'~' is not expanded; write the whole path"),
        () if first.contains(':') => Err("it is neither a URL nor a path; write ./ before a path with ':'"),
        () => Ok(()),
    }
}

/// Returns the path of a file URL of this machine.
fn file_path(text: &str) -> Option<PathBuf> {
    let url = url::Url::parse(text).ok()?;
    url.to_file_path().ok().filter(|_| url.host_str().is_none_or(|host| host == "localhost"))
}

fn bucket_place(service: BucketService, bucket: &str, path: &str) -> Result<BucketPlace, &'static str> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let prefix = path.trim_end_matches('/');
    match () {
        () if bucket.is_empty() => Err("it names no bucket"),
        () if !bucket.chars().all(is_allowed) => Err("the name of a bucket has only letters, digits, '-', '.' and '_'"),
        () if !prefix.is_empty() && check_name(prefix).is_err() => {
            Err("the folders of a prefix have only letters, digits, '-', '.', '_', '+', '@' and '='")
        }
        () => Ok(BucketPlace { service, bucket: bucket.to_owned(), prefix: prefix.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn parse(text: &str) -> Result<RemoteUrl> {
        RemoteUrl::parse(text, Path::new("/repo"))
    }

    #[test]
    fn urls_name_places() {
        let bucket = |service, bucket: &str, prefix: &str| {
            Place::Bucket(BucketPlace { service, bucket: bucket.to_owned(), prefix: prefix.to_owned() })
        };
        for (text, place) in [
            ("/mnt/a", Place::Folder("/mnt/a".into())),
            ("../a b", Place::Folder("/repo/../a b".into())),
            ("./a:b", Place::Folder("/repo/./a:b".into())),
            ("file:///mnt/a%20b", Place::Folder("/mnt/a b".into())),
            ("file://localhost/mnt", Place::Folder("/mnt".into())),
            ("s3://data/leases", bucket(BucketService::S3, "data", "leases")),
            ("S3://data", bucket(BucketService::S3, "data", "")),
            ("s3://data/a/b/", bucket(BucketService::S3, "data", "a/b")),
            ("gs://data/a", bucket(BucketService::Google, "data", "a")),
            ("az://data/a", bucket(BucketService::Azure, "data", "a")),
            ("https://example.com:8080/a", Place::Web("https://example.com:8080/a".into())),
        ] {
            let url = parse(text).unwrap();
            assert_eq!((url.place(), url.to_string()), (&place, text.to_owned()));
        }
    }

    #[test]
    fn mistakes_are_named_without_secrets() {
        for (text, expected) in [
            ("", "it is empty"),
            ("~/a", "'~' is not expanded"),
            ("host:/a", "neither a URL nor a path"),
            ("s3:/bucket", "neither a URL nor a path"),
            ("ssh://host/a", "unknown scheme 'ssh'"),
            ("file://host/a", "file:///"),
            ("file:///a?b", "parameters"),
            ("s3://", "no bucket"),
            ("s3://a b/c", "name of a bucket"),
            ("s3://a/b//c", "prefix"),
            ("s3://a/../b", "prefix"),
            ("s3://AKIA:hush@bucket/a", "invalid URL 's3://***@bucket/a': it contains credentials"),
            ("s3://AKIA:hu/sh@bucket/a", "***@bucket/a"),
            ("https://u:hush@host/a", "'https://***@host/a'"),
            ("https://host/a?sig=hush", "'https://host/a?***'"),
            ("https://host/a#hush", "'https://host/a?***'"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
            let message = format!("{} {}", error.message(), error.hint().unwrap_or_default());
            assert!(message.contains(expected) && !message.contains("hush") && !message.contains("AKIA"), "{text}: {message}");
        }
    }

    #[test]
    fn settings_apply_to_some_urls() {
        let none = RemoteSettings::default;
        let endpoint = |text: &str| RemoteSettings { endpoint: Some(text.to_owned()), ..none() };
        let check = |url: &str, settings: RemoteSettings| settings.check(&parse(url).unwrap());
        check("s3://a", RemoteSettings { region: Some("r".into()), path_style: Some(true), ..endpoint("http://127.0.0.1:9000") })
            .unwrap();
        check("gs://a", RemoteSettings { anonymous: true, ..none() }).unwrap();
        check("/a", none()).unwrap();
        for (url, settings, expected) in [
            ("/a", endpoint("http://a"), "'endpoint' does not apply to /a"),
            ("https://a/b", RemoteSettings { anonymous: true, ..none() }, "'anonymous' does not apply"),
            ("gs://a", RemoteSettings { profile: Some("p".into()), ..none() }, "'profile' does not apply"),
            ("s3://a", RemoteSettings { anonymous: true, profile: Some("p".into()), ..none() }, "exclude each other"),
            ("s3://a", endpoint("host:9000"), "it must be an http or https URL"),
            ("s3://a", endpoint("localhost"), "invalid endpoint 'localhost'"),
            ("s3://a", endpoint("http://u:hush@a"), "'http://***@a'"),
        ] {
            let error = check(url, settings).unwrap_err();
            assert!(error.message().contains(expected) && !error.message().contains("hush"), "{url}: {error}");
        }
    }
}
