//! Brings versions of a remote into a repository: what `fetch`, `pull` and `clone` share.

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::fs::atomic::Created;
use crate::id::{Id, VersionId};
use crate::object::version::VersionNumber;
use crate::progress::Progress;
use crate::remote::RemoteVersion;
use crate::repo::{OpenRemote, Repo};

/// A version that was sent or received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransferredVersion {
    /// The dataset.
    pub dataset_name: String,
    /// The version.
    pub version: VersionNumber,
    /// The version's id.
    pub id: Id<VersionId>,
}

impl From<RemoteVersion> for TransferredVersion {
    fn from(version: RemoteVersion) -> TransferredVersion {
        TransferredVersion { dataset_name: version.dataset, version: version.number, id: version.id }
    }
}

/// Returns those versions that the repository lacks.
///
/// # Errors
/// `ErrorKind::Conflict` if it has another version with the number of one.
pub(super) fn missing(repo: &Repo, remote: &OpenRemote, wanted: Vec<RemoteVersion>) -> Result<Vec<RemoteVersion>> {
    let refs = repo.versions();
    let mut missing = Vec::new();
    for version in wanted {
        match refs.get(&version.dataset, &version.number)? {
            Some(id) if id == version.id => {}
            Some(own) => return Err(conflict(repo, &remote.name, &version, own, version.id)?),
            None => missing.push(version),
        }
    }
    Ok(missing)
}

/// Returns the error of two versions with the same number.
pub(super) fn conflict(
    repo: &Repo,
    remote: &str,
    version: &RemoteVersion,
    own: Id<VersionId>,
    other: Id<VersionId>,
) -> Result<Error> {
    let name = format!("{}@{}", version.dataset, version.number);
    let (short, others) = (&own.to_hex()[..12], &other.to_hex()[..12]);
    let free = repo.numbers(&version.dataset)?.last().map(|last| last.bump(crate::object::version::ChangeType::Patch));
    let free = free.map_or_else(String::new, |number| number.to_string());
    Ok(Error::new(ErrorKind::VersionExists, format!("{name} is {short} here, but {others} on remote '{remote}'")).with_hint(
        format!(
            "commit the files of one of them under another number, such as {free}: hlx commit {} --from DIR --version {free}",
            version.dataset
        ),
    ))
}

/// Brings versions with all contents, and creates their refs, parents first. Durable when it returns.
///
/// # Errors
/// `ErrorKind::Damaged` if the remote has something damaged; `VersionExists` if a number was taken meanwhile.
pub(super) fn versions(repo: &Repo, remote: &OpenRemote, missing: &[RemoteVersion], progress: &dyn Progress) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let session = remote.fetch(repo.store(), repo.config().level(), progress)?;
    let ids: Vec<Id<VersionId>> = missing.iter().map(|version| version.id).collect();
    session.versions(&ids, None)?;
    for version in in_order(repo, missing)? {
        let record = repo.version(version.id)?;
        if (&record.dataset, &record.number) != (&version.dataset, &version.number) {
            return Err(Error::damaged(format!(
                "{}@{} of remote '{}' is the record of {}",
                version.dataset,
                version.number,
                remote.name,
                record.name()
            )));
        }
        let refs = repo.versions();
        if refs.create(&version.dataset, &version.number, version.id)? == Created::Exists {
            match refs.get(&version.dataset, &version.number)? {
                Some(own) if own != version.id => return Err(conflict(repo, &remote.name, version, own, version.id)?),
                _ => refs.sync(&version.dataset)?,
            }
        }
    }
    Ok(())
}

/// Returns versions whose records the store has, each after its parents.
pub(super) fn in_order<'v>(repo: &Repo, versions: &'v [RemoteVersion]) -> Result<Vec<&'v RemoteVersion>> {
    let mut by_time = Vec::with_capacity(versions.len());
    for version in versions {
        by_time.push((version, repo.version(version.id)?));
    }
    // Parents before children, whatever the clocks said.
    let mut placed: std::collections::HashSet<Id<VersionId>> = std::collections::HashSet::new();
    let known: std::collections::HashSet<Id<VersionId>> = versions.iter().map(|version| version.id).collect();
    let mut order = Vec::with_capacity(versions.len());
    while !by_time.is_empty() {
        let before = by_time.len();
        by_time.retain(|(version, record)| {
            let waits = record.parents.iter().any(|parent| known.contains(parent) && !placed.contains(parent));
            if !waits {
                placed.insert(version.id);
                order.push(*version);
            }
            waits
        });
        if by_time.len() == before {
            // Ids are hashes of records with the ids of parents, so there is no circle.
            return Err(Error::damaged("versions are each other's parents"));
        }
    }
    Ok(order)
}
