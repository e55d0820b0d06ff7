//! Remotes without records of pushes: a repository that commits are made in, or a copy of one. Its packs and refs are listed.

use crate::error::{Error, Result};
use crate::id::{FactId, Id, VersionId};
use crate::object::version::VersionNumber;
use crate::pack::index::{IndexRow, IndexTable};
use crate::pack::reader::damaged;
use crate::pack::toc;
use crate::pack::writer;
use crate::progress::Progress;
use crate::refs::names;
use crate::remote::Remote;
use crate::remote::cache::RemoteCache;
use crate::remote::files::{check_format, read_ref};
use crate::remote::record::{NEWEST, PackKind, PushRecord, RemoteFact, RemotePack, RemoteTable, RemoteVersion};
use crate::remote::tables::ROWS;
use std::path::Path;

/// Lists a remote that is a repository and that no push began; `None` for any other. Tables of its packs are put into the
/// cache.
///
/// # Errors
/// `ErrorKind::Damaged` if a pack has no sound table of contents, or a ref does not contain an id; `Usage` if the remote
/// cannot list, as a web server cannot.
pub fn list(remote: &dyn Remote, cache: &RemoteCache, progress: &dyn Progress) -> Result<Option<PushRecord>> {
    if remote.size("format")?.is_none() || remote.size(NEWEST)?.is_some() {
        return Ok(None);
    }
    check_format(remote)?;
    let mut record = PushRecord::default();
    let mut fact = 0;
    let (mut packs, mut refs) = (Vec::new(), Vec::new());
    remote.list("packs", &mut |file| {
        packs.extend(pack(&file.name, file.size));
        progress.check()
    })?;
    remote.list("refs", &mut |file| {
        refs.extend(version(&file.name));
        let number = file.name.strip_prefix("refs/facts/").and_then(|digits| digits.parse().ok());
        fact = fact.max(number.unwrap_or(0));
        progress.check()
    })?;
    for (dataset, number) in refs {
        let version = RemoteVersion { dataset, number, id: Id::<VersionId>::from_bytes([0; 32]) };
        let id = read_ref(remote, &version.name())?;
        record.versions.insert(RemoteVersion { id, ..version });
    }
    if fact > 0 {
        let id: Id<FactId> = read_ref(remote, &format!("refs/facts/{fact:010}"))?;
        record.fact = Some(RemoteFact { number: fact, id });
    }
    packs.sort();
    for contents in [PackKind::Data, PackKind::Structure] {
        let mut rows: Vec<IndexRow> = Vec::new();
        for pack in packs.iter().filter(|pack| pack.contents == contents) {
            progress.check()?;
            rows.extend(rows_of(remote, pack)?);
            if rows.len() >= ROWS {
                record.tables.insert(keep(cache, contents, std::mem::take(&mut rows))?);
            }
        }
        if !rows.is_empty() {
            record.tables.insert(keep(cache, contents, rows)?);
        }
    }
    record.packs.extend(packs);
    Ok(Some(record).filter(|record| !record.versions.is_empty()))
}

fn pack(name: &str, len: u64) -> Option<RemotePack> {
    let (folder, file) = name.strip_prefix("packs/")?.split_once('/')?;
    let contents = match folder {
        "data" => PackKind::Data,
        "structure" => PackKind::Structure,
        _ => return None,
    };
    Some(RemotePack { contents, id: Id::from_hex(file.strip_suffix(".pack")?)?, len })
}

fn version(name: &str) -> Option<(String, VersionNumber)> {
    let (dataset, number) = name.strip_prefix("refs/versions/")?.split_once('/')?;
    Some((dataset.to_owned(), VersionNumber::parse(number).ok()?)).filter(|_| names::is_dataset(dataset))
}

/// Reads the table of contents of a pack.
fn rows_of(remote: &dyn Remote, pack: &RemotePack) -> Result<Vec<IndexRow>> {
    let name = pack.name();
    let fail = |e| damaged(Path::new(&name), e);
    let short = || Error::damaged(format!("{name} of the remote is too short"));
    let footer_at = pack.len.checked_sub(toc::FOOTER as u64).ok_or_else(short)?;
    let (len, hash) = toc::footer(&remote.read_range(&name, footer_at..pack.len)?).map_err(fail)?;
    let at = footer_at.checked_sub(len as u64).ok_or_else(short)?;
    let blocks = toc::decode(&remote.read_range(&name, at..footer_at)?, &hash, at).map_err(fail)?;
    Ok(writer::rows(&pack.id, &blocks))
}

fn keep(cache: &RemoteCache, contents: PackKind, rows: Vec<IndexRow>) -> Result<RemoteTable> {
    let table = IndexTable::of(rows);
    let bytes = table.as_bytes().unwrap_or_default();
    let table = RemoteTable { contents, id: Id::of(bytes), len: bytes.len() as u64 };
    cache.keep_table(&table, bytes)?;
    Ok(table)
}
