//! What a user's words for a version mean: `NAME@1.2.0`, `latest`, `production`, `HEAD~1`, an id.
//!
//! Looked up in this order: number, keyword, tag, id prefix.

use crate::error::{Error, Kind, Result};
use crate::id::{Id, Version as VersionId};
use crate::object::version::{Number, Version};
use crate::path::printable;
use crate::repo::handle::Repo;
use crate::repo::here::Here;
use crate::worktree::state::State;

/// Fewer hex digits than this are no id.
const PREFIX: usize = 6;

/// A version that a revision named.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its id.
    pub id: Id<VersionId>,
    /// Its record.
    pub version: Version,
}

/// What a revision named: a version, or the files in the workspace of a dataset.
#[derive(Clone, Debug)]
pub enum Target {
    /// A version.
    Version(Box<Found>),
    /// The workspace of the dataset with this name.
    Work(String),
}

/// A revision taken apart.
struct Parsed<'a> {
    dataset: Option<&'a str>,
    base: &'a str,
    back: usize,
}

fn parse(text: &str) -> Result<Parsed<'_>> {
    let wrong = || {
        Error::usage(format!("'{}' is no revision", printable(text)))
            .with_hint("write NAME@1.2.0, NAME@latest, NAME@TAG, HEAD~1 or an id")
    };
    let (dataset, mut base) = match text.split_once('@') {
        Some((dataset, rest)) => (Some(dataset), rest),
        None => (None, text),
    };
    let mut back = 0usize;
    while let Some((rest, steps)) = base.rsplit_once('~') {
        let steps = if steps.is_empty() { 1 } else { steps.parse().map_err(|_| wrong())? };
        back = back.saturating_add(steps);
        base = rest;
    }
    if base.is_empty() || dataset == Some("") {
        return Err(wrong());
    }
    Ok(Parsed { dataset, base, back })
}

/// Finds the version that a revision names. The workspace is none.
pub fn version(repo: &Repo, text: &str) -> Result<Found> {
    match target(repo, text)? {
        Target::Version(found) => Ok(*found),
        Target::Work(_) => Err(Error::usage("WORK names the files in the workspace, not a version").with_hint(
            "'hlx diff REV --samples' compares a version with them, and 'hlx commit --dry-run' tells what they would make",
        )),
    }
}

/// Finds what a revision names.
pub fn target(repo: &Repo, text: &str) -> Result<Target> {
    let parsed = parse(text)?;
    let dataset = dataset_of(repo, &parsed)?;
    if matches!(parsed.base, "WORK" | "work") {
        return match dataset {
            Some(dataset) if parsed.back == 0 => Ok(Target::Work(dataset)),
            Some(_) => Err(Error::usage("the workspace has no ancestors; use HEAD~N")),
            None => Err(ambiguous(repo, "WORK")),
        };
    }
    let id = match dataset {
        Some(dataset) => in_dataset(repo, &dataset, parsed.base)?,
        None => anywhere(repo, parsed.base)?,
    };
    let mut found = Found { id, version: repo.version(id)? };
    if parsed.dataset.is_some_and(|dataset| dataset != found.version.dataset) {
        return Err(Error::damaged(format!(
            "the ref of '{}' points at a version of '{}'",
            printable(text),
            found.version.dataset
        )));
    }
    for _ in 0..parsed.back {
        let Some(parent) = found.version.parents.first().copied() else {
            return Err(Error::new(
                Kind::VersionNotFound,
                format!("{}@{} has no parent", found.version.dataset, found.version.number),
            ));
        };
        found = Found { id: parent, version: repo.version(parent)? };
    }
    Ok(Target::Version(Box::new(found)))
}

/// The dataset that a revision speaks of, if it or the place where the user stands says so.
fn dataset_of(repo: &Repo, parsed: &Parsed<'_>) -> Result<Option<String>> {
    let known = repo.versions().datasets()?;
    if let Some(name) = parsed.dataset {
        let there = repo.config().dataset(name).is_some() || known.iter().any(|k| k == name);
        return if there { Ok(Some(name.to_owned())) } else { Err(repo.unknown(name)) };
    }
    if let Some(name) = repo.within() {
        return Ok(Some(name.to_owned()));
    }
    let mut all: Vec<String> = repo.config().datasets().map(|d| d.name.clone()).chain(known).collect();
    all.sort();
    all.dedup();
    Ok(if all.len() == 1 { all.pop() } else { None })
}

fn ambiguous(repo: &Repo, base: &str) -> Error {
    let names: Vec<String> = repo.config().datasets().map(|d| format!("{}@{base}", d.name)).collect();
    match names.is_empty() {
        true => Error::new(Kind::DatasetNotFound, "the repository has no dataset yet")
            .with_hint("declare one: hlx dataset add NAME --type TYPE --path DIR"),
        false => Error::usage(format!("'{}' could mean several datasets", printable(base)))
            .with_hint(format!("write {}", names.join(" or "))),
    }
}

fn in_dataset(repo: &Repo, dataset: &str, base: &str) -> Result<Id<VersionId>> {
    let missing = |hint: String| {
        Error::new(Kind::VersionNotFound, format!("'{dataset}' has no version '{}'", printable(base))).with_hint(hint)
    };
    let refs = repo.versions();
    let digits = base.strip_prefix('v').unwrap_or(base);
    if let Ok(number) = Number::parse(digits) {
        return match repo.numbered(dataset, &number)? {
            Some((id, _)) => Ok(id),
            None => Err(missing(nearest(&refs.numbers(dataset)?, &number))),
        };
    }
    if let Some(wanted) = partial(digits) {
        let fits = |n: &Number| n.parts().0 == wanted.0 && wanted.1.is_none_or(|minor| n.parts().1 == minor);
        let numbers: Vec<Number> = refs.numbers(dataset)?.into_iter().filter(fits).collect();
        if let Some(number) = highest(&numbers) {
            return repo.numbered(dataset, number)?.map(|(id, _)| id).ok_or_else(|| missing("run 'hlx log'".into()));
        }
        if base.len() < PREFIX {
            return Err(missing(format!("'hlx log {dataset}' lists its versions")));
        }
    }
    match base {
        "latest" => {
            let numbers = refs.numbers(dataset)?;
            let number =
                highest(&numbers).ok_or_else(|| missing(format!("it has no version yet: hlx commit {dataset} -m SUMMARY")))?;
            return repo.numbered(dataset, number)?.map(|(id, _)| id).ok_or_else(|| missing("run 'hlx log'".into()));
        }
        "HEAD" | "head" => {
            return State::load(repo.store().layout(), dataset)?
                .head
                .ok_or_else(|| missing("the workspace was not made from a version yet; use 'latest' or a number".into()));
        }
        _ => {}
    }
    let facts = repo.facts().fold()?;
    let mut here = Here::of(repo);
    for id in facts.versions_with(base).iter().rev() {
        if here.version(*id)?.is_some_and(|version| version.dataset == dataset) {
            return Ok(*id);
        }
    }
    by_prefix(repo, &[dataset.to_owned()], base)?
        .ok_or_else(|| missing(format!("'hlx log {dataset}' lists its versions and tags")))
}

/// An id can be found without knowing the dataset; everything else needs it.
fn anywhere(repo: &Repo, base: &str) -> Result<Id<VersionId>> {
    match by_prefix(repo, &repo.versions().datasets()?, base)? {
        Some(id) => Ok(id),
        None => Err(ambiguous(repo, base)),
    }
}

fn by_prefix(repo: &Repo, datasets: &[String], prefix: &str) -> Result<Option<Id<VersionId>>> {
    if prefix.len() < PREFIX || prefix.len() > 64 || !prefix.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let prefix = prefix.to_ascii_lowercase();
    let refs = repo.versions();
    let mut found = None;
    for dataset in datasets {
        for number in refs.numbers(dataset)? {
            let Some(id) = refs.get(dataset, &number)? else { continue };
            if !id.to_hex().starts_with(&prefix) {
                continue;
            }
            repo.numbered(dataset, &number)?;
            if found.replace(id).is_some_and(|other| other != id) {
                return Err(
                    Error::usage(format!("several versions have ids that begin with '{prefix}'")).with_hint("write more digits")
                );
            }
        }
    }
    Ok(found)
}

/// `1` or `1.2`.
fn partial(text: &str) -> Option<(u64, Option<u64>)> {
    let number = |t: &str| (!t.is_empty() && t.bytes().all(|b| b.is_ascii_digit())).then(|| t.parse().ok()).flatten();
    match text.split_once('.') {
        None => Some((number(text)?, None)),
        Some((major, minor)) => Some((number(major)?, Some(number(minor)?))),
    }
}

/// The highest release, or the highest pre-release if there is no release. `numbers` ascend.
pub fn highest(numbers: &[Number]) -> Option<&Number> {
    numbers.iter().rev().find(|n| !n.is_pre_release()).or(numbers.last())
}

fn nearest(numbers: &[Number], wanted: &Number) -> String {
    let at = numbers.partition_point(|n| n < wanted);
    let near: Vec<String> = numbers[at.saturating_sub(2)..(at + 2).min(numbers.len())].iter().map(Number::to_string).collect();
    if near.is_empty() { "it has no version yet".into() } else { format!("there are: {}", near.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_taken_apart() {
        let parts = |text| parse(text).map(|p| (p.dataset.map(str::to_owned), p.base.to_owned(), p.back));
        assert_eq!(parts("leases@1.2.0").unwrap(), (Some("leases".into()), "1.2.0".into(), 0));
        assert_eq!(parts("HEAD~").unwrap(), (None, "HEAD".into(), 1));
        assert_eq!(parts("a@latest~2~").unwrap(), (Some("a".into()), "latest".into(), 3));
        for bad in ["", "a@", "@1", "~1", "HEAD~x"] {
            assert!(parts(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn partial_numbers_and_the_highest() {
        assert_eq!(partial("1"), Some((1, None)));
        assert_eq!(partial("1.2"), Some((1, Some(2))));
        assert_eq!(partial("1.x"), None);
        let numbers: Vec<Number> = ["1.0.0", "2.0.0", "3.0.0-rc.1"].map(|n| Number::parse(n).unwrap()).into();
        assert_eq!(highest(&numbers).unwrap().to_string(), "2.0.0");
        assert_eq!(highest(&numbers[2..]).unwrap().to_string(), "3.0.0-rc.1");
        assert_eq!(highest(&[]), None);
    }
}
