//! The evaluation cache: results on a version that are reused for the next one, so that only changed records are checked.
//! It is derived: it lies in `.helox/gate/`, in a folder for each manifest and rule set, and may be deleted at any time.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bincode::config::standard;
use bincode::{Decode, Encode};

use crate::error::{Error, Result};
use crate::fs::atomic::{self, TempFile};
use crate::fs::share;
use crate::fs::staging::Staging;
use crate::gate::Measures;
use crate::gate::keys::check_set;
use crate::id::{Id, NodeId};

/// The first bytes of the file; the digit changes with what it holds.
const MAGIC: &[u8; 8] = b"HLXGATE4";
/// Judgements of a dataset that are kept.
const MAX_CACHED: usize = 4;
/// The longest file that is read.
const MAX: usize = 1 << 30;

/// A finding of a rule that reads single records, or the reason that it could not read one.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct CachedFinding {
    pub rule: u32,
    /// Its place.
    pub position: RecordPosition,
    /// A hash of the record as it stands there.
    pub hash: u64,
    /// True if the rule could not read the record.
    pub unreadable: bool,
    pub message: String,
}

/// The place of a record in its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub(crate) struct RecordPosition {
    /// The start of the record: a byte of the unpacked file, or a row of Parquet. No other record of the file has the same.
    pub at: u64,
    /// The line on which it begins, from 1.
    pub line: u64,
    /// The number of the record in the file, from 1.
    pub number: u64,
}

/// A record whose key other records have too.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct RepeatedRecord {
    pub rule: u32,
    pub key: [u8; 16],
    pub split: u8,
    pub position: RecordPosition,
}

/// The findings of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct FileFindings {
    pub findings: Vec<CachedFinding>,
    pub repeated: Vec<RepeatedRecord>,
}

/// The results on a version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct CachedEvaluation {
    /// The measures of each rule, by name.
    pub measures: Vec<Vec<(String, u64)>>,
    /// The files in which something was found, by path and in its order: of each rule the first places.
    pub files: Vec<(String, FileFindings)>,
    /// The rules of whose places some were left out.
    pub truncated: Vec<bool>,
    /// The checksum of each rule's set of keys, so that one of another version is not taken for it; zeros where it has none.
    pub key_checksums: Vec<[u8; 32]>,
}

/// The cache of the evaluation of a version.
#[derive(Clone, Debug)]
pub(super) struct CacheFolder {
    /// The folder of the dataset.
    folder: PathBuf,
    name: String,
}

impl CacheFolder {
    /// Of a manifest that was judged by the rules with this digest.
    pub fn of(folder: PathBuf, manifest: Id<NodeId>, rules: &[u8; 32]) -> CacheFolder {
        let name = blake3::Hasher::new().update(manifest.as_bytes()).update(rules).finalize().to_hex();
        CacheFolder { folder, name: name[..32].to_owned() }
    }

    fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// Returns the set of the keys of a rule.
    pub fn keys(&self, rule: usize) -> PathBuf {
        keys(&self.path(), rule)
    }

    /// Reads the cache; `None` if it is missing or damaged.
    pub fn load(&self) -> Option<CachedEvaluation> {
        decode(&atomic::read(&self.path().join("known")).ok()??)
    }

    /// Forgets it.
    pub fn remove(&self) -> Result<()> {
        atomic::remove_tree(&self.path())
    }

    /// Returns true if there may be a cache.
    pub fn exists(&self) -> bool {
        self.path().join("known").exists()
    }

    /// Keeps a judgement, and lets go of the oldest ones.
    pub fn store(&self, staging: Staging, cached: &CachedEvaluation) -> Result<()> {
        let bytes = bincode::encode_to_vec(cached, CONFIG).map_err(|e| Error::damaged(format!("cannot encode: {e}")))?;
        let place = staging.path().join("known");
        let mut file = TempFile::create(staging.path())?;
        let written = file
            .write_all(MAGIC)
            .and_then(|()| file.write_all(blake3::hash(&bytes).as_bytes()))
            .and_then(|()| file.write_all(&bytes));
        written.map_err(|e| Error::io("cannot write", &place, e))?;
        file.rename(&place)?;
        if self.path().exists() {
            self.remove()?;
        }
        staging.place(&self.path())?;
        self.prune()
    }

    fn prune(&self) -> Result<()> {
        let fail = |e| Error::io("cannot read the folder", &self.folder, e);
        let mut all: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let stamp = entry.metadata().and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            all.push((stamp, entry.path()));
        }
        all.sort_by(|a, b| b.cmp(a));
        // Others may be at work in a folder that has no name yet, unless it is a day old.
        let day = Duration::from_secs(24 * 60 * 60);
        let is_old = |stamp: &SystemTime| all.first().is_some_and(|(newest, _)| *newest > *stamp + day);
        let (whole, begun): (Vec<_>, Vec<_>) = all.iter().partition(|(_, path)| path.join("known").exists());
        let left = begun.into_iter().filter(|(stamp, _)| is_old(stamp));
        whole.into_iter().skip(MAX_CACHED).chain(left).try_for_each(|(_, path)| atomic::remove_tree(path))
    }
}

fn decode(bytes: &[u8]) -> Option<CachedEvaluation> {
    let (sum, rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<32>()?;
    if blake3::hash(rest).as_bytes() != sum {
        return None;
    }
    bincode::decode_from_slice(rest, CONFIG).ok().map(|(cached, _)| cached)
}

/// Checks the cache of the evaluation of a version in its folder. One that is not complete, or of another hlx, is not used
/// and no damage.
///
/// # Errors
/// [`ErrorKind::Damaged`](crate::error::ErrorKind::Damaged) if a file of it does not match its checksum.
pub fn check_cache(folder: &Path) -> Result<()> {
    let path = folder.join("known");
    let Some(bytes) = atomic::read(&path)? else { return Ok(()) };
    if bytes.starts_with(&MAGIC[..7]) && !bytes.starts_with(MAGIC) {
        return Ok(());
    }
    let cached = decode(&bytes).ok_or_else(|| Error::damaged(format!("{} does not match its checksum", path.display())))?;
    let sets = cached.key_checksums.iter().enumerate().filter(|(_, sum)| **sum != [0; 32]);
    sets.map(|(rule, _)| keys(folder, rule)).try_for_each(|set| check_set(&set))
}

impl CachedEvaluation {
    /// Returns the measures of each rule; `None` if they cannot be parsed.
    pub fn measures(&self) -> Option<Measures> {
        let lists: Vec<&[(String, u64)]> = self.measures.iter().map(Vec::as_slice).collect();
        Measures::from_lists(&lists)
    }
}

/// Begins a judgement of a dataset; the sets of keys are written into its folder. Where that cannot be written, they are
/// written into the system's folder for temporary files, and kept for nobody.
pub(super) fn stage(tmp: &Path, folder: &Path) -> Result<Staging> {
    let beside = || {
        atomic::ensure_folder(atomic::parent(folder))?;
        atomic::ensure_folder(folder)?;
        let staging = Staging::create(tmp, &folder.join("new"))?;
        share::new_folder(staging.path()).map_err(|e| Error::io("cannot share with the group", staging.path(), e))?;
        Ok(staging)
    };
    beside().or_else(|e| Staging::create(tmp, &std::env::temp_dir().join("gate")).map_err(|_| e))
}

/// Returns the set of the keys of a rule in a folder.
pub(super) fn keys(folder: &Path, rule: usize) -> PathBuf {
    folder.join(format!("keys-{rule}"))
}

/// Returns the checksum that a set of keys ends with; zeros where there is none.
pub(super) fn keys_checksum(set: &Path) -> [u8; 32] {
    let read = || -> std::io::Result<[u8; 32]> {
        let mut sum = [0; 32];
        let mut file = atomic::open(set)?;
        file.seek(SeekFrom::End(-32))?;
        file.read_exact(&mut sum)?;
        Ok(sum)
    };
    read().unwrap_or_default()
}

const CONFIG: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<MAX>,
> = standard().with_limit::<MAX>();

#[cfg(test)]
mod tests {
    use super::*;

    fn home(dir: &Path, manifest: &[u8]) -> CacheFolder {
        CacheFolder::of(dir.join("gate/leases"), Id::of(manifest), &[1; 32])
    }

    fn known() -> CachedEvaluation {
        let found = vec![CachedFinding {
            rule: 1,
            position: RecordPosition { at: 40, line: 7, number: 6 },
            hash: 9,
            unreadable: false,
            message: "no".into(),
        }];
        let members = vec![RepeatedRecord { rule: 2, key: [3; 16], split: 1, position: RecordPosition::default() }];
        CachedEvaluation {
            measures: vec![vec![("checked".into(), 3)]],
            files: vec![("a".into(), FileFindings { findings: found, repeated: members })],
            truncated: vec![false, true],
            key_checksums: vec![[5; 32]],
        }
    }

    #[test]
    fn what_is_kept_comes_back_and_what_is_damaged_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let folder = home(dir.path(), b"one");
        assert_eq!(folder.load(), None);
        for _ in 0..2 {
            folder.store(stage(dir.path(), &folder.folder).unwrap(), &known()).unwrap();
            assert_eq!(folder.load(), Some(known()));
        }
        let path = folder.path().join("known");
        let good = fs::read(&path).unwrap();
        for n in 0..good.len() {
            let mut bad = good.clone();
            bad[n] ^= 1;
            fs::write(&path, &bad).unwrap();
            assert_eq!(folder.load(), None);
            fs::write(&path, &good[..n]).unwrap();
            assert_eq!(folder.load(), None);
        }
    }

    #[test]
    fn the_oldest_are_let_go() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..MAX_CACHED as u8 + 3 {
            let folder = home(dir.path(), &[n]);
            folder.store(stage(dir.path(), &folder.folder).unwrap(), &known()).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert_eq!(fs::read_dir(dir.path().join("gate/leases")).unwrap().count(), MAX_CACHED);
        assert!(home(dir.path(), &[MAX_CACHED as u8 + 2]).load().is_some(), "the newest stays");
    }
}
