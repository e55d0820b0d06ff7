//! Revisions, by which users name versions: `NAME`, `NAME@1.2.0`, `latest`, `production`, `HEAD~1`, an id.
//!
//! Looked up in this order: the name of a dataset, number, keyword, tag, id prefix. What a revision leaves out follows from
//! where it stands ([`RevisionContext`]).

use crate::catalog::VersionRef;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{Id, VersionId};
use crate::object::version::{Version, VersionNumber};
use crate::path::printable;
use crate::refs::names;
use crate::repo::handle::Repo;
use crate::repo::lookup::VersionLookup;
use crate::spelling;
use crate::worktree::state::WorkspaceState;

/// The fewest hex digits of an id.
const PREFIX: usize = 4;
/// More generations than this are not gone back at once.
const MOST_STEPS: usize = 1_000_000;

/// A version that a revision named.
#[derive(Clone, Debug)]
pub struct ResolvedVersion {
    /// Its id.
    pub id: Id<VersionId>,
    /// Its record.
    pub version: Version,
}

/// The result of a revision: a version, or the files in the workspace of a dataset.
#[derive(Clone, Debug)]
pub enum RevisionTarget {
    /// A version.
    Version(Box<ResolvedVersion>),
    /// The workspace of the dataset with this name.
    Work(String),
}

/// The context of a revision, which decides what it may leave out.
#[derive(Clone, Copy, Debug, Default)]
pub struct RevisionContext<'a> {
    /// The dataset of a revision that names none. Without it, that is the dataset that the user stands in, or the only one.
    pub dataset: Option<&'a str>,
    /// The name of a dataset alone means its latest version, not the one that is checked out.
    pub latest: bool,
}

impl RevisionTarget {
    /// Returns the dataset.
    pub fn dataset(&self) -> &str {
        match self {
            RevisionTarget::Version(resolved) => &resolved.version.dataset,
            RevisionTarget::Work(dataset) => dataset,
        }
    }
}

/// Takes `A..B` apart, where that was typed as one word; `A..` and `..B` leave one side out.
pub fn range<'a>(from: Option<&'a str>, to: Option<&'a str>) -> Result<(Option<&'a str>, Option<&'a str>)> {
    match (from.and_then(|text| text.split_once("..")), to) {
        (None, _) => Ok((from, to)),
        (Some(_), Some(_)) => Err(Error::usage("a range needs both sides").with_hint("write A..B, or A B")),
        (Some((a, b)), None) if b.starts_with('.') => {
            Err(Error::usage(format!("invalid range '{}'", printable(&format!("{a}..{b}")))).with_hint("write A..B"))
        }
        (Some((a, b)), None) => {
            let side = |text: &'a str| if text.is_empty() { Some("HEAD") } else { Some(text) };
            Ok((side(a), side(b)))
        }
    }
}

/// A revision taken apart.
struct ParsedRevision<'a> {
    dataset: Option<&'a str>,
    /// A number, keyword, tag or id; the name of a dataset may stand here too.
    base: &'a str,
    /// The parent to go to, step by step, counted from 1.
    steps: Vec<usize>,
}

fn parse(text: &str) -> Result<ParsedRevision<'_>> {
    let invalid = || {
        Error::usage(format!("invalid revision '{}'", printable(text)))
            .with_hint("write NAME, NAME@1.2.0, NAME@latest, NAME@TAG, HEAD~1 or an id")
    };
    let end = text.find(['~', '^']).unwrap_or(text.len());
    let (named, mut rest) = text.split_at(end);
    let (dataset, base) = match named.split_once('@') {
        Some(("", "")) => (None, "HEAD"),
        Some(("", _)) => return Err(invalid()),
        Some((dataset, base)) => (Some(dataset), base),
        None if named.is_empty() => return Err(invalid()),
        None => (None, named),
    };
    let mut steps = Vec::new();
    while let Some(sign) = rest.chars().next() {
        let digits = rest[1..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |at| at + 1);
        let count = if digits == 1 { 1 } else { rest[1..digits].parse().map_err(|_| invalid())? };
        match sign {
            '~' if count <= MOST_STEPS => steps.extend(std::iter::repeat_n(1, count)),
            '^' if count > 0 => steps.push(count),
            '^' => {}
            _ => return Err(invalid()),
        }
        rest = &rest[digits..];
    }
    Ok(ParsedRevision { dataset, base, steps })
}

/// Finds the version that a revision names. The workspace is not one.
pub fn version(repo: &Repo, text: &str) -> Result<ResolvedVersion> {
    version_in(repo, text, RevisionContext::default())
}

/// Finds the version that a revision names where it stands. The workspace is not one.
pub fn version_in(repo: &Repo, text: &str, context: RevisionContext<'_>) -> Result<ResolvedVersion> {
    match target(repo, text, context)? {
        RevisionTarget::Version(resolved) => Ok(*resolved),
        RevisionTarget::Work(_) => Err(Error::usage("WORK means the files in the workspace, not a version").with_hint(
            "to compare a version with the workspace: hlx diff REV --samples; to preview the next version: hlx commit --dry-run",
        )),
    }
}

/// Finds the version that is checked out.
///
/// # Errors
/// [`ErrorKind::Usage`] if there are several datasets; the hint is `command` with the name of each.
pub fn head(repo: &Repo, command: &str) -> Result<ResolvedVersion> {
    version(repo, "HEAD").map_err(|error| match error.kind() {
        ErrorKind::Usage => {
            let commands: Vec<String> = repo.config().datasets().map(|dataset| format!("{command} {}", dataset.name)).collect();
            Error::usage("the repository has several datasets").with_hint(format!("name one: {}", commands.join(" or ")))
        }
        _ => error,
    })
}

/// Finds what a revision names where it stands.
pub fn target(repo: &Repo, text: &str, context: RevisionContext<'_>) -> Result<RevisionTarget> {
    let mut parsed = parse(text)?;
    let all = datasets(repo)?;
    let is_dataset = |name: &str| all.iter().any(|known| known == name) || repo.config().dataset(name).is_some();
    if parsed.dataset.is_none() && is_dataset(parsed.base) {
        check_one_meaning(repo, parsed.base)?;
        (parsed.dataset, parsed.base) = (Some(parsed.base), "");
    }
    if let Some(name) = parsed.dataset.filter(|name| !is_dataset(name)) {
        return Err(repo.unknown(name));
    }
    parsed.dataset = parsed.dataset.map(|name| repo.config().current(name));
    let only = if let [only] = &all[..] { Some(only.as_str()) } else { None };
    let inherited = context.dataset.map(|name| repo.config().current(name));
    let dataset = parsed.dataset.or(inherited).or_else(|| repo.current_dataset()).or(only);
    if parsed.base.eq_ignore_ascii_case("work") {
        return match dataset {
            Some(dataset) if parsed.steps.is_empty() => Ok(RevisionTarget::Work(dataset.to_owned())),
            Some(_) => Err(Error::usage("the workspace has no ancestors; use HEAD~N")),
            None => Err(ambiguous(repo, "WORK", &all)),
        };
    }
    let id = match dataset {
        Some(dataset) => in_dataset(repo, dataset, parsed.base, context.latest)?,
        None => anywhere(repo, text, parsed.base, &all)?,
    };
    // An id needs no dataset.
    let id = match id {
        None if parsed.dataset.is_none() => by_prefix(repo, &all, parsed.base)?,
        id => id,
    };
    let id = id.ok_or_else(|| missing(repo, text, &parsed, dataset, &all))?;
    let mut resolved = ResolvedVersion { id, version: repo.version(id)? };
    if parsed.dataset.is_some_and(|dataset| dataset != repo.config().current(&resolved.version.dataset)) {
        return Err(Error::damaged(format!(
            "the ref of '{}' points to a version of '{}'",
            printable(text),
            resolved.version.dataset
        )));
    }
    for parent in parsed.steps {
        let Some(id) = resolved.version.parents.get(parent - 1).copied() else {
            let name = resolved.version.name();
            let lacks = if parent == 1 { "no parent".to_owned() } else { format!("no parent number {parent}") };
            return Err(Error::new(ErrorKind::VersionNotFound, format!("{name} has {lacks}"))
                .with_hint(format!("list it and its ancestors: hlx log {name}")));
        };
        resolved = ResolvedVersion { id, version: repo.version(id)? };
    }
    Ok(RevisionTarget::Version(Box::new(resolved)))
}

/// Fails if the name of a dataset is also a tag.
fn check_one_meaning(repo: &Repo, name: &str) -> Result<()> {
    // Facts that cannot be read say nothing here.
    let Some((owner, _)) = tagged(repo, name).unwrap_or_default().into_iter().next() else { return Ok(()) };
    Err(Error::usage(format!("'{name}' is ambiguous: a dataset and a tag of '{owner}' have this name"))
        .with_hint(format!("for the dataset: {name}@latest or {name}@HEAD; for the tag: {owner}@{name}")))
}

impl Repo {
    /// Returns a revision for each version that a word means: `HEAD`, `latest`, `WORK`, a tag, and ancestors of these, mean
    /// one of every dataset that has one, where the word does not say which. Any other word is returned as it is.
    ///
    /// # Errors
    /// [`ErrorKind::VersionNotFound`] if one of several versions does not have the ancestor.
    pub fn revisions(&self, text: &str) -> Result<Vec<String>> {
        let (parsed, all) = (parse(text)?, datasets(self)?);
        let is_general = is_keyword(parsed.base) || names::check_tag(parsed.base).is_ok();
        if !is_general || names_dataset(&parsed, &all) || self.current_dataset().is_some() || all.len() < 2 {
            return Ok(vec![text.to_owned()]);
        }
        let mut names: Vec<String> = match parsed.base.eq_ignore_ascii_case("work") {
            true => all,
            false => named(self, parsed.base, &all)?.into_iter().map(|(name, _)| name).collect(),
        };
        names.retain(|name| self.config().dataset(name).is_some());
        let revisions: Vec<String> = names.iter().map(|name| qualified(name, text)).collect();
        match &revisions[..] {
            [] => return Ok(vec![text.to_owned()]),
            [_] => {}
            // One that is missing is an error before another is used.
            _ if !parsed.steps.is_empty() => check_all(self, &revisions)?,
            _ => {}
        }
        Ok(revisions)
    }

    /// Returns true if a word names a version, or the workspace, of a dataset; some, like `HEAD~1`, may name one of each.
    pub fn is_revision(&self, text: &str) -> bool {
        let of = |name: &String| target(self, &qualified(name, text), RevisionContext::default()).is_ok();
        target(self, text, RevisionContext::default()).is_ok() || datasets(self).is_ok_and(|all| all.iter().any(of))
    }

    /// Tells if a revision names its dataset.
    pub fn is_of_dataset(&self, text: &str) -> Result<bool> {
        Ok(names_dataset(&parse(text)?, &datasets(self)?))
    }
}

/// Returns true if a revision names its dataset.
fn names_dataset(parsed: &ParsedRevision<'_>, datasets: &[String]) -> bool {
    parsed.dataset.is_some() || datasets.iter().any(|name| name == parsed.base)
}

/// Puts a dataset before a revision that names none.
pub fn qualified(dataset: &str, text: &str) -> String {
    match text.strip_prefix('@') {
        Some(steps) => format!("{dataset}@HEAD{steps}"),
        None => format!("{dataset}@{text}"),
    }
}

/// Fails if one of the revisions names no version; the hint lists the others.
fn check_all(repo: &Repo, revisions: &[String]) -> Result<()> {
    let (mut known, mut missing) = (Vec::new(), None);
    for text in revisions {
        match version(repo, text) {
            Ok(_) => known.push(text.as_str()),
            Err(error) => missing = missing.or(Some(error)),
        }
    }
    match missing {
        Some(error) if !known.is_empty() => Err(error.with_hint(format!("name the dataset: {}", known.join(" or ")))),
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Returns the names of all datasets, those that are declared and those that have versions, in their order. A dataset that
/// was renamed has the name that it has now.
pub fn datasets(repo: &Repo) -> Result<Vec<String>> {
    let mut all = repo.versions().datasets()?;
    all.retain(|name| repo.config().current(name) == name);
    all.extend(repo.config().datasets().map(|dataset| dataset.name.clone()));
    all.sort();
    all.dedup();
    Ok(all)
}

/// Returns true if the word means a version of every dataset: the checked-out one, the latest, the workspace.
fn is_keyword(base: &str) -> bool {
    ["head", "latest", "work"].iter().any(|word| base.eq_ignore_ascii_case(word))
}

/// Returns the error of a revision that has a version in several datasets.
fn ambiguous(repo: &Repo, text: &str, datasets: &[String]) -> Error {
    if datasets.is_empty() {
        return repo.no_dataset();
    }
    let names: Vec<String> = datasets.iter().map(|name| qualified(name, text)).collect();
    Error::usage(format!("'{}' is ambiguous: several datasets match", printable(text)))
        .with_hint(format!("use {}", names.join(" or ")))
}

/// Finds a version of a dataset; an empty `base` means the latest, or the one that is checked out.
fn in_dataset(repo: &Repo, dataset: &str, base: &str, latest: bool) -> Result<Option<Id<VersionId>>> {
    if let Some(id) = by_number(repo, dataset, base, latest)? {
        return Ok(Some(id));
    }
    if let Some((_, id)) = tagged(repo, base)?.into_iter().find(|(owner, _)| owner == dataset) {
        return Ok(Some(id));
    }
    by_prefix(repo, &[dataset.to_owned()], base)
}

/// Finds a version of a dataset by a number or a keyword.
fn by_number(repo: &Repo, dataset: &str, base: &str, latest: bool) -> Result<Option<Id<VersionId>>> {
    let head = || Ok::<_, Error>(WorkspaceState::load(repo.store().layout(), dataset)?.head);
    let numbered = |number: Option<&VersionNumber>| match number {
        Some(number) => Ok(repo.version_of(dataset, number)?.map(|(id, _)| id)),
        None => Ok(None),
    };
    let digits = base.strip_prefix(['v', 'V']).unwrap_or(base);
    if let Ok(number) = VersionNumber::parse(digits) {
        return numbered(Some(&number));
    }
    if let Some(wanted) = partial(digits) {
        let fits = |n: &VersionNumber| n.parts().0 == wanted.0 && wanted.1.is_none_or(|minor| n.parts().1 == minor);
        let numbers: Vec<VersionNumber> = repo.numbers(dataset)?.into_iter().filter(fits).collect();
        return numbered(VersionNumber::highest(&numbers));
    }
    if base.eq_ignore_ascii_case("head") {
        return head();
    }
    if base.is_empty()
        && !latest
        && let Some(id) = head()?
    {
        return Ok(Some(id));
    }
    if base.is_empty() || base.eq_ignore_ascii_case("latest") {
        return numbered(repo.latest(dataset)?.as_ref());
    }
    Ok(None)
}

/// Returns the versions that have a tag, each with its dataset.
fn tagged(repo: &Repo, tag: &str) -> Result<Vec<(String, Id<VersionId>)>> {
    if names::check_tag(tag).is_err() {
        return Ok(Vec::new());
    }
    let (facts, mut lookup, mut found) = (repo.folded_facts()?, VersionLookup::of(repo), Vec::new());
    for id in facts.versions_with(tag) {
        found.extend(lookup.version(id)?.map(|version| (repo.config().current(&version.dataset).to_owned(), id)));
    }
    Ok(found)
}

/// Returns the version of each dataset that a number, a keyword or a tag means, where there is one.
fn named(repo: &Repo, base: &str, datasets: &[String]) -> Result<Vec<(String, Id<VersionId>)>> {
    let mut found = Vec::new();
    for dataset in datasets {
        found.extend(by_number(repo, dataset, base, false)?.map(|id| (dataset.clone(), id)));
    }
    if found.is_empty() { tagged(repo, base) } else { Ok(found) }
}

/// Finds a version by a number or a tag that only one dataset has; `text` is all of the revision.
fn anywhere(repo: &Repo, text: &str, base: &str, datasets: &[String]) -> Result<Option<Id<VersionId>>> {
    if is_keyword(base) {
        return Err(ambiguous(repo, text, datasets));
    }
    match &named(repo, base, datasets)?[..] {
        [] => Ok(None),
        [(_, id)] => Ok(Some(*id)),
        several => {
            let names: Vec<String> = several.iter().map(|(dataset, _)| dataset.clone()).collect();
            Err(ambiguous(repo, text, &names))
        }
    }
}

fn by_prefix(repo: &Repo, datasets: &[String], prefix: &str) -> Result<Option<Id<VersionId>>> {
    if prefix.len() < PREFIX || prefix.len() > 64 || !prefix.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let prefix = prefix.to_ascii_lowercase();
    let names: Vec<String> = datasets.iter().flat_map(|dataset| repo.config().names(dataset)).map(str::to_owned).collect();
    let mut found = None;
    for VersionRef { dataset, number, id } in repo.catalog().with_prefix(&names, &prefix)? {
        repo.numbered(&dataset, &number)?;
        if found.replace(id).is_some_and(|other| other != id) {
            return Err(Error::usage(format!("version id '{prefix}' is ambiguous")).with_hint("use more digits"));
        }
    }
    Ok(found)
}

/// Returns the error for a revision that names nothing: the word that comes nearest, or what there is.
fn missing(repo: &Repo, text: &str, parsed: &ParsedRevision<'_>, dataset: Option<&str>, datasets: &[String]) -> Error {
    let error = |message: String| Error::new(ErrorKind::VersionNotFound, message);
    let base = parsed.base;
    // What cannot be read is no help here, and no reason for another error.
    let numbers = dataset.and_then(|dataset| repo.numbers(dataset).ok()).unwrap_or_default();
    match dataset {
        None if datasets.is_empty() => return repo.no_dataset(),
        Some(dataset) if numbers.is_empty() => {
            return error(format!("'{dataset}' has no version yet")).with_hint(format!("hlx commit {dataset} -m SUMMARY"));
        }
        Some(dataset) if base.eq_ignore_ascii_case("head") => {
            return error(format!("no version of '{dataset}' is checked out"))
                .with_hint(format!("check one out: hlx checkout {dataset}"));
        }
        Some(dataset) if VersionNumber::parse(base.trim_start_matches(['v', 'V'])).is_ok() || partial(base).is_some() => {
            return error(format!("'{dataset}' has no version '{}'", printable(base))).with_hint(nearest(&numbers, base));
        }
        _ => {}
    }
    let mut words: Vec<String> = if parsed.dataset.is_none() { datasets.to_vec() } else { Vec::new() };
    words.extend(["latest", "HEAD", "WORK"].map(str::to_owned));
    words.extend(numbers.iter().rev().map(VersionNumber::to_string));
    let mut lookup = VersionLookup::of(repo);
    let facts = repo.folded_facts().unwrap_or_default();
    for (tag, versions) in facts.tags() {
        let of = |id: &Id<VersionId>| {
            lookup.version(*id).ok().flatten().map(|version| repo.config().current(&version.dataset).to_owned())
        };
        let owners: Vec<String> = versions.iter().filter_map(of).collect();
        match dataset {
            Some(dataset) if owners.iter().any(|owner| owner == dataset) => words.push(tag.to_owned()),
            Some(_) => {}
            None => words.extend(owners.iter().map(|owner| format!("{owner}@{tag}"))),
        }
    }
    let part = |word: &str| word.rsplit_once('@').map_or(word, |(_, tag)| tag).to_owned();
    let near = spelling::nearest(base, words.iter().map(|word| part(word)));
    let near = near.and_then(|near| words.iter().find(|word| part(word) == near)).map(|word| match parsed.dataset {
        Some(dataset) => format!("{dataset}@{word}"),
        None => word.clone(),
    });
    let error = error(format!("unknown revision '{}'{}", printable(text), spelling::suggestion(near)));
    error.with_hint(match dataset {
        Some(dataset) => format!("list its versions and tags: hlx log {dataset}"),
        None => "list versions and tags: hlx log; list datasets: hlx dataset list".to_owned(),
    })
}

/// `1` or `1.2`.
fn partial(text: &str) -> Option<(u64, Option<u64>)> {
    let number = |t: &str| (!t.is_empty() && t.bytes().all(|b| b.is_ascii_digit())).then(|| t.parse().ok()).flatten();
    match text.split_once('.') {
        None => Some((number(text)?, None)),
        Some((major, minor)) => Some((number(major)?, Some(number(minor)?))),
    }
}

/// Names the versions about the one that is missing.
fn nearest(numbers: &[VersionNumber], base: &str) -> String {
    let base = base.trim_start_matches(['v', 'V']);
    let padded =
        [base.to_owned(), format!("{base}.0"), format!("{base}.0.0")].iter().find_map(|text| VersionNumber::parse(text).ok());
    let at = padded.map_or(numbers.len(), |wanted| numbers.partition_point(|n| *n < wanted));
    let near: Vec<String> =
        numbers[at.saturating_sub(2)..(at + 2).min(numbers.len())].iter().map(VersionNumber::to_string).collect();
    format!("nearest versions: {}", near.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_taken_apart() {
        let parts = |text| parse(text).map(|p| (p.dataset.map(str::to_owned), p.base.to_owned(), p.steps));
        assert_eq!(parts("leases@1.2.0").unwrap(), (Some("leases".into()), "1.2.0".into(), vec![]));
        assert_eq!(parts("leases").unwrap(), (None, "leases".into(), vec![]));
        assert_eq!(parts("leases@").unwrap(), (Some("leases".into()), String::new(), vec![]));
        assert_eq!(parts("HEAD~").unwrap(), (None, "HEAD".into(), vec![1]));
        assert_eq!(parts("a@latest~2~").unwrap(), (Some("a".into()), "latest".into(), vec![1, 1, 1]));
        assert_eq!(parts("HEAD^^2^0").unwrap(), (None, "HEAD".into(), vec![1, 2]));
        assert_eq!(parts("@~").unwrap(), (None, "HEAD".into(), vec![1]));
        for bad in ["", "@1", "~1", "^", "HEAD~x", "HEAD^-1", "HEAD~1x", "HEAD~99999999999999999999", "HEAD~1000001"] {
            assert!(parts(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_revision_is_put_behind_its_dataset() {
        for (text, whole) in
            [("HEAD~1", "leases@HEAD~1"), ("@", "leases@HEAD"), ("@^", "leases@HEAD^"), ("1.0.0", "leases@1.0.0")]
        {
            assert_eq!(qualified("leases", text), whole);
        }
    }

    #[test]
    fn partial_numbers() {
        assert_eq!(partial("1"), Some((1, None)));
        assert_eq!(partial("1.2"), Some((1, Some(2))));
        assert_eq!(partial("1.x"), None);
    }
}
