//! The clients of the services, made from the settings of a remote, the environment and the AWS files.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::multipart::MultipartStore;
use object_store::{Certificate, ClientOptions, ObjectStore, RetryConfig};

use super::super::api::TrafficCounter;
use super::super::url::{BucketPlace, BucketService, RemoteSettings, redacted};
use super::aws::{AwsFiles, AwsProfile};
use super::fault::CredentialWords;
use super::http::CountingConnector;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::atomic;
use crate::path::printable;

/// Time for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Time after which an unused connection is closed.
const IDLE: Duration = Duration::from_secs(20);

/// The clients of a bucket.
#[derive(Debug)]
pub(super) struct StoreClients {
    /// The files.
    pub objects: Arc<dyn ObjectStore>,
    /// The same with uploads in parts, which a web server does not have.
    multipart: Option<Arc<dyn MultipartObjects>>,
    /// The traffic of both.
    pub traffic: Arc<TrafficCounter>,
}

/// A store with uploads in parts that can be printed.
trait MultipartObjects: MultipartStore + std::fmt::Debug {}

impl<T: MultipartStore + std::fmt::Debug> MultipartObjects for T {}

impl StoreClients {
    fn of<T: ObjectStore + MultipartStore + std::fmt::Debug>(store: T, traffic: Arc<TrafficCounter>) -> StoreClients {
        let store = Arc::new(store);
        StoreClients { objects: store.clone(), multipart: Some(store), traffic }
    }

    /// Returns the client with uploads in parts.
    pub fn parts(&self) -> object_store::Result<&dyn MultipartStore> {
        let none = || object_store::Error::NotSupported { source: "no upload in parts".into() };
        self.multipart.as_deref().map(|store| store as &dyn MultipartStore).ok_or_else(none)
    }
}

/// The value of a variable of the environment.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Makes the client of a bucket, and the words for its errors.
pub(super) fn bucket(place: &BucketPlace, settings: &RemoteSettings) -> Result<(StoreClients, CredentialWords)> {
    match place.service {
        BucketService::S3 => s3(place, settings),
        BucketService::Google => google(place, settings),
        BucketService::Azure => azure(place, settings),
    }
}

/// Makes the client of a web server.
pub(super) fn web(url: &str) -> Result<(StoreClients, CredentialWords)> {
    let traffic = Arc::new(TrafficCounter::default());
    let builder = HttpBuilder::new()
        .with_url(url)
        .with_client_options(options(url)?)
        .with_retry(no_retries())
        .with_http_connector(CountingConnector(traffic.clone()));
    let store = builder.build().map_err(|e| wrong_settings(&e))?;
    let words = CredentialWords { credentials: "no credentials".to_owned(), no_credentials: String::new() };
    Ok((StoreClients { objects: Arc::new(store), multipart: None, traffic }, words))
}

fn s3(place: &BucketPlace, settings: &RemoteSettings) -> Result<(StoreClients, CredentialWords)> {
    let keys = AwsKeys::find(settings)?;
    let profile = keys.profile.as_ref();
    let endpoint = settings.endpoint.clone().or_else(|| variable("AWS_ENDPOINT_URL_S3")).or_else(|| variable("AWS_ENDPOINT_URL"));
    let endpoint = endpoint.or_else(|| profile?.endpoint.clone());
    let region = settings.region.clone().or_else(|| variable("AWS_REGION")).or_else(|| variable("AWS_DEFAULT_REGION"));
    let region = region.or_else(|| profile?.region.clone());
    let in_host = !settings.path_style.unwrap_or(endpoint.is_some() || place.bucket.contains('.'));
    let traffic = Arc::new(TrafficCounter::default());
    let key = profile.filter(|_| !keys.is_environment).and_then(|profile| profile.key.clone());
    // A token of the environment belongs to a key of the environment.
    let builder = if key.is_some() { AmazonS3Builder::new() } else { AmazonS3Builder::from_env() };
    let mut builder = builder
        .with_bucket_name(&place.bucket)
        .with_virtual_hosted_style_request(in_host)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_disable_bulk_delete(true)
        .with_skip_signature(settings.anonymous)
        .with_client_options(options(endpoint.as_deref().unwrap_or("https:"))?)
        .with_retry(no_retries())
        .with_http_connector(CountingConnector(traffic.clone()));
    if let Some(region) = region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = endpoint {
        let endpoint = if in_host { in_host_name(&endpoint, &place.bucket) } else { endpoint };
        builder = builder.with_endpoint(&endpoint).with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
    }
    if let Some((id, secret)) = key {
        builder = builder.with_access_key_id(id).with_secret_access_key(secret);
        if let Some(token) = profile.and_then(|profile| profile.token.clone()) {
            builder = builder.with_token(token);
        }
    }
    let store = builder.build().map_err(|e| wrong_settings(&e))?;
    Ok((StoreClients::of(store, traffic), keys.words))
}

/// The credentials of S3, without which those of the container or the machine are asked for.
struct AwsKeys {
    /// True if the environment has a key.
    is_environment: bool,
    /// The profile, whose key counts unless the environment has one.
    profile: Option<AwsProfile>,
    words: CredentialWords,
}

impl AwsKeys {
    /// Finds the credentials: of a profile that the settings name, of the environment, of the profile that the environment
    /// names, of the default profile.
    fn find(settings: &RemoteSettings) -> Result<AwsKeys> {
        let is_environment = settings.profile.is_none() && variable("AWS_ACCESS_KEY_ID").is_some();
        let files = AwsFiles::of(|name| std::env::var_os(name));
        let named = settings.profile.clone().or_else(|| variable("AWS_PROFILE"));
        let name = named.clone().unwrap_or_else(|| "default".to_owned());
        let profile = match &files {
            Some(files) if !settings.anonymous => match files.profile(&name) {
                // Its key is not needed.
                Err(_) if is_environment || named.is_none() => None,
                profile => profile?,
            },
            _ => None,
        };
        if let (Some(name), None, false, false) = (&named, &profile, is_environment, settings.anonymous) {
            let files = files.map_or_else(|| "~/.aws".to_owned(), |files| files.names());
            return Err(Error::new(ErrorKind::Config, format!("no profile '{}' in {files}", printable(name)))
                .with_hint(format!("add it: aws configure --profile {}", printable(name))));
        }
        let credentials = match &profile {
            _ if settings.anonymous => "no credentials (anonymous = true)".to_owned(),
            _ if is_environment => "the key in AWS_ACCESS_KEY_ID".to_owned(),
            Some(AwsProfile { key: Some(_), file, .. }) => format!("the key of profile '{name}' in {}", file.display()),
            _ => "the role of this container or machine".to_owned(),
        };
        let no_credentials = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run: aws configure; \
                              for a public bucket: anonymous = true in [remote.NAME] of helox.toml";
        Ok(AwsKeys { is_environment, profile, words: CredentialWords { credentials, no_credentials: no_credentials.to_owned() } })
    }
}

fn google(place: &BucketPlace, settings: &RemoteSettings) -> Result<(StoreClients, CredentialWords)> {
    let traffic = Arc::new(TrafficCounter::default());
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(&place.bucket)
        .with_skip_signature(settings.anonymous)
        .with_client_options(options(settings.endpoint.as_deref().unwrap_or("https:"))?)
        .with_retry(no_retries())
        .with_http_connector(CountingConnector(traffic.clone()));
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_base_url(endpoint);
    }
    let store = builder.build().map_err(|e| wrong_settings(&e))?;
    let words = words(
        settings,
        "the credentials of GOOGLE_APPLICATION_CREDENTIALS or gcloud",
        "run: gcloud auth application-default login",
    );
    Ok((StoreClients::of(store, traffic), words))
}

fn azure(place: &BucketPlace, settings: &RemoteSettings) -> Result<(StoreClients, CredentialWords)> {
    let traffic = Arc::new(TrafficCounter::default());
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(&place.bucket)
        .with_skip_signature(settings.anonymous)
        .with_client_options(options(settings.endpoint.as_deref().unwrap_or("https:"))?)
        .with_retry(no_retries())
        .with_http_connector(CountingConnector(traffic.clone()));
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    if variable("AZURE_STORAGE_ACCOUNT_NAME").is_none() {
        return Err(Error::new(ErrorKind::Config, format!("the storage account of az://{} is not known", place.bucket))
            .with_hint("set AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY or another credential"));
    }
    let store = builder.build().map_err(|e| wrong_settings(&e))?;
    let words =
        words(settings, "the credentials of the AZURE_* variables", "set AZURE_STORAGE_ACCOUNT_KEY or another credential");
    Ok((StoreClients::of(store, traffic), words))
}

fn words(settings: &RemoteSettings, credentials: &str, no_credentials: &str) -> CredentialWords {
    let credentials = if settings.anonymous { "no credentials (anonymous = true)" } else { credentials };
    CredentialWords { credentials: credentials.to_owned(), no_credentials: no_credentials.to_owned() }
}

/// Returns the endpoint of a bucket whose name is in the name of the host.
fn in_host_name(endpoint: &str, bucket: &str) -> String {
    match endpoint.split_once("://") {
        Some((scheme, host)) => format!("{scheme}://{bucket}.{}", host.trim_end_matches('/')),
        None => endpoint.to_owned(),
    }
}

/// Returns the options of a client: the time for a whole request is bounded by its attempt.
fn options(endpoint: &str) -> Result<ClientOptions> {
    // Unless it was installed before, by a program that uses the library.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let is_plain = endpoint.starts_with("http:");
    let mut options = ClientOptions::new()
        .with_timeout_disabled()
        .with_connect_timeout(CONNECT)
        .with_pool_idle_timeout(IDLE)
        .with_allow_http(is_plain)
        // A container without certificates can do without TLS.
        .with_no_system_certificates(is_plain);
    if let Some(path) = variable("AWS_CA_BUNDLE").filter(|_| !is_plain) {
        let pem = atomic::read(path.as_ref())?.unwrap_or_default();
        let invalid = |_| Error::new(ErrorKind::Config, format!("{path}, which AWS_CA_BUNDLE names, has no certificates"));
        for certificate in Certificate::from_pem_bundle(&pem).map_err(invalid)? {
            options = options.with_root_certificate(certificate);
        }
    }
    Ok(options)
}

/// Requests are repeated by [`super::client`], which knows what was attempted.
fn no_retries() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}

fn wrong_settings(error: &object_store::Error) -> Error {
    let cause = std::iter::successors(Some(error as &dyn std::error::Error), |&error| error.source()).last();
    let message = cause.map(ToString::to_string).unwrap_or_default();
    Error::new(ErrorKind::Config, format!("cannot open the remote: {}", printable(&redacted(&message))))
        .with_hint("check [remote.NAME] of helox.toml and the environment")
}
