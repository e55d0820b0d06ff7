//! The check of a repository: whether every pack, ref, fact, manifest and content is as it was written.
//!
//! Each part finds [`Problem`]s and adds them to one list; `verify`, `audit --verify` and `fsck` choose the parts. Memory is
//! bounded by the number of versions and facts, one bit for each row of the index tables, and the damage: contents that
//! files share are read once, and the places of damaged ones are looked up in a second walk, when there are any.

pub mod contents;
pub mod derived;
pub mod facts;
pub mod full;
mod object_set;
pub mod objects;
pub mod packs;
pub mod refs;
pub mod tables;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::error::Result;
use crate::repo::Repo;

pub use object_set::ObjectSet;

/// Something that is damaged, altered or missing.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Problem {
    /// The file of `.helox` by its path there, such as a ref, where it is one.
    pub entry: Option<String>,
    /// The path in the dataset, where it is a file of a version or a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The object, where it is one.
    pub object: Option<String>,
    /// The pack that holds the damage, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pack: Option<String>,
    /// The kind of problem. `docs/reliability.md` lists all.
    pub kind: &'static str,
    /// The error.
    pub message: String,
    /// The versions that it affects, `DATASET@NUMBER`, where they are known.
    pub versions: Vec<String>,
}

impl Problem {
    /// Returns a problem of this kind.
    pub fn new(kind: &'static str, message: impl Into<String>) -> Problem {
        Problem { kind, message: message.into(), ..Problem::default() }
    }

    /// Names the file of `.helox`.
    #[must_use]
    pub fn entry(mut self, entry: impl Into<String>) -> Problem {
        self.entry = Some(entry.into());
        self
    }

    /// Names the path in the dataset.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Problem {
        self.path = Some(path.into());
        self
    }

    /// Names the object.
    #[must_use]
    pub fn object(mut self, object: impl Into<String>) -> Problem {
        self.object = Some(object.into());
        self
    }

    /// Names the pack.
    #[must_use]
    pub fn pack(mut self, pack: impl Into<String>) -> Problem {
        self.pack = Some(pack.into());
        self
    }

    /// Adds an affected version.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Problem {
        self.versions.push(version.into());
        self
    }

    /// Returns the message for people, after the file, path or object that it is about unless it names that itself.
    pub fn text(&self) -> String {
        let is_named = |name: &&String| self.message.contains(name.trim_end_matches(".pack"));
        let entry = self.entry.as_ref().filter(|entry| !is_named(entry));
        let object = self.object.as_ref().filter(|object| !is_named(object));
        match (self.path.as_ref().or(entry), object) {
            (Some(entry), Some(object)) if self.path.is_none() => format!("{entry} ({object}): {}", self.message),
            (Some(name), _) | (None, Some(name)) => format!("{name}: {}", self.message),
            (None, None) => self.message.clone(),
        }
    }
}

/// The problems of a check, each once, in the order in which they were found. Parts on several threads add to it.
#[derive(Debug, Default)]
pub struct Problems {
    list: Mutex<ProblemList>,
}

#[derive(Debug, Default)]
struct ProblemList {
    problems: Vec<Problem>,
    /// The places of problems in the list.
    places: HashMap<[u8; 32], usize>,
    /// The objects that problems name.
    objects: HashSet<String>,
}

impl Problems {
    /// Adds a problem. The versions of one that is known are added to it.
    pub fn add(&self, problem: Problem) {
        let mut hasher = blake3::Hasher::new();
        let texts = [&problem.entry, &problem.path, &problem.object, &Some(problem.message.clone())];
        for text in texts {
            hasher.update(text.as_deref().unwrap_or_default().as_bytes()).update(&[0]);
        }
        let key = *hasher.update(problem.kind.as_bytes()).finalize().as_bytes();
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        match list.places.get(&key).copied() {
            Some(at) => {
                let known: BTreeSet<String> = list.problems[at].versions.drain(..).chain(problem.versions).collect();
                list.problems[at].versions = known.into_iter().collect();
            }
            None => {
                let at = list.problems.len();
                list.places.insert(key, at);
                list.objects.extend(problem.object.clone());
                list.problems.push(problem);
            }
        }
    }

    /// Returns true if there is one about this file of `.helox`.
    pub fn has_entry(&self, entry: &str) -> bool {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.problems.iter().any(|problem| problem.entry.as_deref() == Some(entry))
    }

    /// Returns true if there is one about this object.
    pub fn has_object(&self, object: &str) -> bool {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.objects.contains(object)
    }

    /// Returns them.
    pub fn into_list(self) -> Vec<Problem> {
        self.list.into_inner().unwrap_or_else(PoisonError::into_inner).problems
    }
}

/// Records for later commits if contents are damaged. A user who may not write to the store records nothing.
///
/// # Errors
/// If it cannot be written for another reason.
pub fn record_damage(repo: &Repo, problems: &[Problem]) -> Result<()> {
    let is_damaged = problems.iter().any(|problem| problem.kind == "content" || problem.kind.starts_with("pack-"));
    match repo.store().record_damage(is_damaged) {
        Err(e) if e.is_refused_write() => Ok(()),
        recorded => recorded,
    }
}
