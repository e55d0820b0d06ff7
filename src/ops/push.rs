//! `hlx push`: sends versions and facts to a remote.

use std::collections::HashSet;

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::id::{FactId, Id, VersionId};
use crate::object::Key;
use crate::object::fact::Statement;
use crate::ops::receive::{self, TransferredVersion};
use crate::progress::Progress;
use crate::remote::{self, PushOutcome, PushRequest, PushRoots, PushSession, RemoteVersion, Traffic};
use crate::repo::{OpenRemote, Repo, revision};

/// The versions to send.
#[derive(Clone, Debug, Default)]
pub struct PushOptions {
    /// The remote; the only one, or `origin`, for `None`.
    pub remote: Option<String>,
    /// Datasets, of which all versions are sent, and single versions: `NAME@REV`, which are sent with their ancestors.
    /// Everything for none.
    pub versions: Vec<String>,
    /// True if nothing is sent.
    pub dry_run: bool,
    /// True if nobody else writes to the remote, so that it need not create files only where none exist.
    pub single_writer: bool,
}

/// The versions that were sent.
#[derive(Clone, Debug, Serialize)]
pub struct PushReport {
    /// The name of the remote.
    pub remote: String,
    /// Its URL.
    pub url: String,
    /// The versions that were sent, or would be sent.
    pub versions: Vec<TransferredVersion>,
    /// True if tags, runs, notes or verdicts were sent.
    pub facts: bool,
    /// The number of packs that were sent, or would be sent.
    pub packs: u64,
    /// Their bytes.
    pub pack_bytes: u64,
    /// All bytes that were sent.
    pub bytes: u64,
    /// Requests that were sent.
    pub requests: u64,
    /// True if nothing was changed.
    pub dry_run: bool,
}

/// Sends the versions that the remote lacks, and all facts.
///
/// # Errors
/// `ErrorKind::VersionExists` if the remote has another version with the number of one; all others were sent. `Io` if the
/// remote fails; then everything that can be seen on it is whole, and the same push goes on where it ended.
pub fn run(repo: &Repo, options: &PushOptions, progress: &dyn Progress) -> Result<PushReport> {
    let mut remote = OpenRemote::open(repo.config().find_remote(options.remote.as_deref())?, repo.store().layout(), progress)?;
    if remote.history.is_listed() {
        let message = format!("{} is a repository with commits of its own", remote.url);
        return Err(Error::new(ErrorKind::Conflict, message)
            .with_hint(format!("fetch from it: hlx fetch {}; to send versions, use an empty folder or bucket", remote.name)));
    }
    let level = repo.config().level();
    let wanted = wanted(repo, &options.versions)?;
    let (mut missing, mut taken) = (Vec::new(), Vec::new());
    for version in wanted {
        match remote.history.version(&version.dataset, &version.number) {
            Some(id) if id == version.id => {}
            Some(other) => taken.push((version, other)),
            None => missing.push(version),
        }
    }
    let missing: Vec<RemoteVersion> = receive::in_order(repo, &missing)?.into_iter().cloned().collect();
    if !options.dry_run && !missing.is_empty() {
        check_single(&remote, options.single_writer)?;
    }
    let (mut facts, mut size) = (false, remote::PushSize::default());
    loop {
        // Nobody is told of facts by a dry run.
        if !options.dry_run {
            remote.join_facts(repo.store(), &repo.author(None), level, progress)?;
        }
        let request = request(repo, &remote, &missing)?;
        if request.versions.is_empty() && request.fact.is_none() {
            break;
        }
        facts = request.fact.is_some();
        let mut session = PushSession::new(repo.store(), &*remote.files, &remote.cache, level, progress);
        if options.dry_run {
            size = session.plan(&remote.history, &request)?;
            break;
        }
        let outcome = session.run(&mut remote.history, &request)?;
        (size.packs, size.bytes) = (size.packs + session.size.packs, size.bytes + session.size.bytes);
        match outcome {
            PushOutcome::Done => break,
            PushOutcome::NewerFacts => {}
            PushOutcome::NumbersTaken(more) => {
                taken.extend(more);
                break;
            }
        }
    }
    if let Some((version, other)) = taken.first() {
        return Err(receive::conflict(repo, &remote.name, version, version.id, *other)?);
    }
    let Traffic { requests, sent, .. } = remote.files.traffic();
    Ok(PushReport {
        remote: remote.name,
        url: remote.url,
        versions: missing.into_iter().map(TransferredVersion::from).collect(),
        facts,
        packs: size.packs,
        pack_bytes: size.bytes,
        bytes: sent,
        requests,
        dry_run: options.dry_run,
    })
}

/// Fails unless the remote creates a file only where none exists, which keeps two writers apart.
fn check_single(remote: &OpenRemote, single_writer: bool) -> Result<()> {
    if single_writer || remote.cache.is_probed() {
        return Ok(());
    }
    if remote::honours_create(&*remote.files)? {
        remote.cache.keep_probed();
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Conflict,
        format!("remote '{}' overwrites files that exist, so that two pushes at once could lose versions", remote.name),
    )
    .with_hint("if you are the only one who pushes to it: hlx push --single-writer"))
}

/// Returns the versions of the repository that the user means, with their ancestors where single ones are named.
fn wanted(repo: &Repo, named: &[String]) -> Result<Vec<RemoteVersion>> {
    let refs = repo.versions();
    let all_of = |dataset: &str| -> Result<Vec<RemoteVersion>> {
        let mut versions = Vec::new();
        for number in refs.numbers(dataset)? {
            if let Some(id) = refs.get(dataset, &number)? {
                versions.push(RemoteVersion { dataset: dataset.to_owned(), number, id });
            }
        }
        Ok(versions)
    };
    let mut wanted = Vec::new();
    if named.is_empty() {
        for dataset in refs.datasets()? {
            wanted.extend(all_of(&dataset)?);
        }
        return Ok(wanted);
    }
    for text in named {
        if !text.contains('@') {
            let dataset = repo.dataset(Some(text))?;
            for name in dataset.names() {
                wanted.extend(all_of(name)?);
            }
            continue;
        }
        let mut open: Vec<Id<VersionId>> = vec![revision::version(repo, text)?.id];
        let mut seen = HashSet::new();
        while let Some(id) = open.pop() {
            if !seen.insert(id) || !repo.facts().is_present(id) {
                continue;
            }
            let version = repo.version(id)?;
            // An ancestor may be here without a ref, after a single version was fetched.
            if refs.get(&version.dataset, &version.number)? == Some(id) {
                wanted.push(RemoteVersion { dataset: version.dataset, number: version.number, id });
            }
            open.extend(version.parents);
        }
    }
    wanted.sort();
    wanted.dedup();
    Ok(wanted)
}

/// Returns what is to be sent: the versions, and the facts that the remote lacks.
fn request(repo: &Repo, remote: &OpenRemote, missing: &[RemoteVersion]) -> Result<PushRequest> {
    let mut roots = PushRoots { versions: missing.iter().map(|version| version.id).collect(), objects: Vec::new() };
    let facts = repo.facts();
    let theirs = remote.history.all().fact.map(|fact| fact.id);
    let head = facts.head()?.map(|(_, head)| head).filter(|head| Some(*head) != theirs);
    let Some(head) = head else { return Ok(PushRequest { versions: missing.to_vec(), fact: None, roots }) };
    let known: HashSet<Id<FactId>> = match theirs {
        Some(theirs) if facts.get(theirs).is_ok() => facts.ordered(theirs)?.into_iter().map(|(id, _)| id).collect(),
        _ => HashSet::new(),
    };
    for (id, fact) in facts.ordered(head)? {
        if known.contains(&id) {
            continue;
        }
        roots.objects.push(Key::from(id));
        if let Statement::Validated { verdict, .. } = fact.statement {
            roots.objects.push(Key::from(verdict));
        }
    }
    let fact = Some(head).filter(|_| !roots.objects.is_empty());
    Ok(PushRequest { versions: missing.to_vec(), fact, roots })
}
