//! Random commits, tags and losses against what the objects answer.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::catalog::index::Index;
use crate::catalog::tests::samples::{commit, everything, join, judge, reopened, repository, selected, tag, untag, version};
use crate::catalog::{DatasetSummary, Query, objects};
use crate::id::Id;
use crate::object::fact::Statement;
use crate::object::version::{ValidationStatus, Version, VersionNumber};
use crate::repo::Repo;

#[derive(Clone, Debug)]
enum Step {
    Commit(u8, u8, i64),
    Tag(u8, u8),
    Untag(u8, u8),
    Judge(u8, bool),
    Note(u8),
    Join(u8, u8),
    Draft(u8, u8, u8),
    Arrive,
    Vanish(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..3u8, 0..6u8, 0..20i64).prop_map(|(a, b, c)| Step::Commit(a, b, c * 1500)),
        3 => (any::<u8>(), 0..3u8).prop_map(|(a, b)| Step::Tag(a, b)),
        1 => (any::<u8>(), 0..3u8).prop_map(|(a, b)| Step::Untag(a, b)),
        2 => (any::<u8>(), any::<bool>()).prop_map(|(a, b)| Step::Judge(a, b)),
        1 => any::<u8>().prop_map(Step::Note),
        1 => (any::<u8>(), 0..3u8).prop_map(|(a, b)| Step::Join(a, b)),
        1 => (0..3u8, 0..6u8, 0..3u8).prop_map(|(a, b, c)| Step::Draft(a, b, c)),
        1 => Just(Step::Arrive),
        1 => any::<u8>().prop_map(Step::Vanish),
    ];
    prop::collection::vec(step, 1..24)
}

const DATASETS: [&str; 3] = ["a", "leases", "leases2"];
const TAGS: [&str; 3] = ["gold", "production", "staging"];

/// The version with other fields that queries ask for.
fn varied(mut version: Version, n: u8) -> Version {
    version.metadata.insert("batch".into(), (n % 3).into());
    version.author = ["ana@example.com", "ben@example.com"][usize::from(n % 2)].into();
    if n > 2 {
        (version.validation, version.verdict) = (ValidationStatus::Passed, Some(Id::of(b"verdict")));
    }
    version
}

/// What a history has come to.
#[derive(Default)]
struct History {
    made: Vec<Version>,
    /// Versions that facts speak of before they are there.
    drafts: Vec<Version>,
}

/// A version of one of the datasets, with one of the numbers.
fn draft(dataset: u8, n: u8, minute: i64) -> Version {
    let text = ["1.0.0", "1.0.0-rc.1", "1.2.0", "1.10.0", "2.0.0", "0.1.0"][usize::from(n)];
    varied(version(DATASETS[usize::from(dataset)], text, minute), n)
}

fn take(repo: &Repo, step: &Step, history: &mut History) {
    let History { made, drafts } = history;
    let add = |made: &mut Vec<Version>, new: Version| {
        let taken = repo.versions().get(&new.dataset, &new.number).unwrap().is_some();
        // A number that is taken stays taken, also when its ref has vanished.
        if !taken && !made.iter().any(|v| (&v.dataset, &v.number) == (&new.dataset, &new.number)) {
            commit(repo, std::slice::from_ref(&new));
            made.push(new);
        }
    };
    match step {
        Step::Commit(dataset, n, minute) => add(made, draft(*dataset, *n, *minute)),
        Step::Draft(dataset, n, t) => {
            let draft = draft(*dataset, *n, 7);
            tag(repo, draft.id(), TAGS[usize::from(*t)]);
            drafts.push(draft);
        }
        Step::Arrive => drafts.pop().into_iter().for_each(|draft| add(made, draft)),
        Step::Tag(n, t) if !made.is_empty() => tag(repo, made[usize::from(*n) % made.len()].id(), TAGS[usize::from(*t)]),
        Step::Untag(n, t) if !made.is_empty() => untag(repo, made[usize::from(*n) % made.len()].id(), TAGS[usize::from(*t)]),
        Step::Judge(n, passed) if !made.is_empty() => judge(repo, made[usize::from(*n) % made.len()].id(), *passed),
        Step::Note(n) if !made.is_empty() => {
            let statement = Statement::Note { version: made[usize::from(*n) % made.len()].id(), text: "re-crawled".into() };
            repo.facts().append("ana", &[statement]).unwrap();
        }
        Step::Join(n, t) if !made.is_empty() => {
            join(repo, made[usize::from(*n) % made.len()].id(), TAGS[usize::from(*t)]);
        }
        Step::Vanish(n) if !made.is_empty() => {
            let gone = &made[usize::from(*n) % made.len()];
            let _ = std::fs::remove_file(repo.versions().folder(&gone.dataset).join(gone.number.to_string()));
        }
        _ => {}
    }
}

const STATUSES: [ValidationStatus; 3] = [ValidationStatus::Pending, ValidationStatus::Passed, ValidationStatus::Failed];

fn queries() -> impl Strategy<Value = Query> {
    let text = |words: &'static [&'static str]| prop::option::weighted(0.4, prop::sample::select(words).prop_map(str::to_owned));
    let time = || prop::option::weighted(0.3, (0..20i64).prop_map(|n| version("a", "1.0.0", n * 1500).created));
    let status = prop::option::weighted(0.2, prop::sample::select(&STATUSES[..]));
    let metadata = prop::collection::vec((Just("batch".to_owned()), (0..3u8).prop_map(|n| n.to_string())), 0..2);
    let rest = (text(&["ana", "ben@", "zoe"]), status, metadata, prop::option::weighted(0.5, 0..5usize));
    let dataset = text(&["a", "leases", "leases2", "absent"]);
    let kind = text(&["type_of_a", "type_of_leases", "type_of_lea"]);
    (dataset, kind, text(&["gold", "production", "absent"]), time(), time(), rest).prop_map(
        |(dataset, kind, tag, since, until, (author, status, metadata, limit))| Query {
            dataset,
            kind,
            tag,
            author,
            since,
            until,
            status,
            metadata,
            limit,
        },
    )
}

/// Holds the answers of the index against those of the objects, in the process that made the history and in another one.
fn compare(repo: &Repo, queries: &[Query]) {
    let (all, names) = (everything(repo), DATASETS.map(str::to_owned));
    let numbers = |name: &String| repo.versions().numbers(name).unwrap();
    let prefixes =
        ["", "0", "7f"].map(str::to_owned).into_iter().chain(all.iter().map(|entry| entry.id.to_hex()[..6].to_owned()));
    let prefixes: Vec<String> = prefixes.collect();
    for repo in [repo, &reopened(repo)] {
        let catalog = repo.catalog();
        let answers = catalog.ask(|rows| {
            let Some(facts) = catalog.folded_facts_in(rows)? else { return Ok(None) };
            assert_eq!(*facts, repo.facts().fold().unwrap());
            let index = Index::new(rows, repo.store());
            for query in queries {
                let (expected, datasets) = (selected(&all, query), catalog.datasets(query).unwrap());
                assert_eq!(index.select(query, &facts, &datasets)?, Some(expected), "{query:?}");
            }
            for prefix in &prefixes {
                let mut versions = index.with_prefix(&names, prefix)?.unwrap();
                versions.sort();
                assert_eq!(versions, objects::with_prefix(&repo.versions(), &names, prefix).unwrap(), "{prefix}");
            }
            for name in &names {
                assert_eq!(index.numbers(name)?.unwrap(), numbers(name));
            }
            index.totals(&names)
        });
        assert_eq!(answers.unwrap(), names.each_ref().map(|name| DatasetSummary::of(name, &numbers(name))));
        assert_eq!(*catalog.folded_facts().unwrap(), repo.facts().fold().unwrap());
        for query in queries {
            let datasets = catalog.datasets(query).unwrap();
            let (facts, mut damaged) = (catalog.folded_facts().unwrap(), Vec::new());
            let entries = objects::select(repo.store(), &facts, query, &datasets, &mut damaged).unwrap();
            assert_eq!((entries, damaged.len()), (selected(&all, query), 0), "objects: {query:?}");
        }
        for query in queries.iter().take(3) {
            let mut counts = BTreeMap::<String, u64>::new();
            let unlimited = selected(&all, &Query { limit: None, ..query.clone() });
            unlimited.iter().for_each(|entry| *counts.entry(entry.version.dataset.clone()).or_default() += 1);
            let summary = |(dataset, versions): (String, u64)| {
                let latest = VersionNumber::highest(&numbers(&dataset)).cloned();
                DatasetSummary { dataset, versions, latest }
            };
            let expected: Vec<_> = counts.into_iter().map(summary).collect();
            assert_eq!(catalog.summaries(query).unwrap().0, expected, "{query:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn it_answers_as_the_objects_do(
        rounds in prop::collection::vec(steps(), 1..4),
        queries in prop::collection::vec(queries(), 100),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        let mut history = History::default();
        for steps in rounds {
            for step in &steps {
                take(&repo, step, &mut history);
            }
            compare(&repo, &queries);
        }
    }
}
