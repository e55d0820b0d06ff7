//! `hlx fetch`: brings versions and facts from a remote, and leaves the workspaces as they are.

use serde::Serialize;

use crate::error::Result;
use crate::ops::receive::{self, TransferredVersion};
use crate::progress::Progress;
use crate::remote::{RemoteVersion, Traffic};
use crate::repo::{OpenRemote, Repo};

/// The versions to bring.
#[derive(Clone, Debug, Default)]
pub struct FetchOptions {
    /// The remote; the only one, or `origin`, for `None`.
    pub remote: Option<String>,
    /// Datasets, of which all versions are brought, and single versions: `NAME@REV`. Everything for none.
    pub versions: Vec<String>,
    /// True if nothing is brought.
    pub dry_run: bool,
}

/// The versions that were brought.
#[derive(Clone, Debug, Serialize)]
pub struct FetchReport {
    /// The name of the remote.
    pub remote: String,
    /// Its URL.
    pub url: String,
    /// The versions that came, or would come.
    pub versions: Vec<TransferredVersion>,
    /// True if tags, runs, notes or verdicts came.
    pub facts: bool,
    /// Bytes that were received.
    pub bytes: u64,
    /// Requests that were sent.
    pub requests: u64,
    /// True if nothing was changed.
    pub dry_run: bool,
}

/// Brings the versions that the repository lacks, with all facts.
///
/// # Errors
/// `ErrorKind::VersionExists` if the repository has another version with the number of one; `Damaged` if the remote has
/// something damaged, of which nothing is kept; `Io` if it cannot be reached.
pub fn run(repo: &Repo, options: &FetchOptions, progress: &dyn Progress) -> Result<FetchReport> {
    let remote = OpenRemote::open(repo.config().find_remote(options.remote.as_deref())?, repo.store().layout(), progress)?;
    remote.check_versions()?;
    let level = repo.config().level();
    let facts = !options.dry_run && remote.join_facts(repo.store(), &repo.author(None), level, progress)?;
    let missing = receive::missing(repo, &remote, wanted(repo, &remote, &options.versions)?)?;
    if !options.dry_run {
        receive::versions(repo, &remote, &missing, progress)?;
    }
    let Traffic { requests, received, .. } = remote.files.traffic();
    Ok(FetchReport {
        remote: remote.name,
        url: remote.url,
        versions: missing.into_iter().map(TransferredVersion::from).collect(),
        facts,
        bytes: received,
        requests,
        dry_run: options.dry_run,
    })
}

/// Returns the versions of the remote that the user means.
fn wanted(repo: &Repo, remote: &OpenRemote, named: &[String]) -> Result<Vec<RemoteVersion>> {
    let all = remote.versions();
    if named.is_empty() {
        return Ok(all);
    }
    let facts = repo.folded_facts()?;
    let mut wanted = Vec::new();
    for text in named {
        // Also fails for a dataset that the remote does not have.
        let version = remote.find(text, &facts)?;
        match text.contains('@') {
            true => wanted.push(version),
            false => wanted.extend(all.iter().filter(|other| other.dataset == version.dataset).cloned()),
        }
    }
    wanted.sort();
    wanted.dedup();
    Ok(wanted)
}
