//! Random commits, tags and losses against what the objects answer.

use proptest::prelude::*;

use crate::catalog::db::Catalog;
use crate::catalog::lookup::{self, Summary};
use crate::catalog::objects;
use crate::catalog::query::Query;
use crate::catalog::samples::{bearer, commit, everything, from_objects, judge, repository, selected, tag, untag, version};
use crate::id::Id;
use crate::object::version::{ValidationStatus, Version};
use crate::repo::Repo;
use crate::repo::revision::highest;

#[derive(Clone, Debug)]
enum Step {
    Commit(u8, u8, i64),
    Tag(u8, u8),
    Untag(u8, u8),
    Judge(u8, bool),
    Vanish(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..3u8, 0..6u8, 0..20i64).prop_map(|(a, b, c)| Step::Commit(a, b, c * 1500)),
        3 => (any::<u8>(), 0..3u8).prop_map(|(a, b)| Step::Tag(a, b)),
        1 => (any::<u8>(), 0..3u8).prop_map(|(a, b)| Step::Untag(a, b)),
        2 => (any::<u8>(), any::<bool>()).prop_map(|(a, b)| Step::Judge(a, b)),
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

fn take(repo: &Repo, step: &Step, made: &mut Vec<Version>) {
    match step {
        Step::Commit(dataset, n, minute) => {
            let text = ["1.0.0", "1.0.0-rc.1", "1.2.0", "1.10.0", "2.0.0", "0.1.0"][usize::from(*n)];
            let new = varied(version(DATASETS[usize::from(*dataset)], text, *minute), *n);
            let taken = repo.versions().get(&new.dataset, &new.number).unwrap().is_some();
            // A number that is taken stays taken, also when its ref has vanished.
            if !taken && !made.iter().any(|v| (&v.dataset, &v.number) == (&new.dataset, &new.number)) {
                commit(repo, std::slice::from_ref(&new));
                made.push(new);
            }
        }
        Step::Tag(n, t) if !made.is_empty() => tag(repo, made[usize::from(*n) % made.len()].id(), TAGS[usize::from(*t)]),
        Step::Untag(n, t) if !made.is_empty() => untag(repo, made[usize::from(*n) % made.len()].id(), TAGS[usize::from(*t)]),
        Step::Judge(n, passed) if !made.is_empty() => judge(repo, made[usize::from(*n) % made.len()].id(), *passed),
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

fn compare(repo: &Repo, queries: &[Query]) {
    let catalog = Catalog::open(repo).unwrap();
    for dataset in DATASETS {
        let all = from_objects(repo, dataset).unwrap();
        assert_eq!(catalog.versions(dataset, None).unwrap(), all);
        for tag in TAGS {
            assert_eq!(catalog.by_tag(dataset, tag).unwrap(), bearer(repo, dataset, tag));
        }
    }
    let all = everything(repo);
    for query in queries {
        let expected = selected(&all, query);
        assert_eq!(catalog.select(query).unwrap(), expected, "{query:?}");
        assert_eq!(objects::select(repo, query).unwrap().0, expected, "from the objects: {query:?}");
        let unlimited = selected(&all, &Query { limit: None, ..query.clone() });
        let counts: Vec<_> = lookup::count(&unlimited).into_iter().collect();
        for summaries in [catalog.summaries(query).unwrap(), objects::summaries(repo, query).unwrap().0] {
            let counted: Vec<_> = summaries.iter().map(|summary| (summary.dataset.clone(), summary.versions)).collect();
            assert_eq!(counted, counts, "{query:?}");
            for Summary { dataset, latest, .. } in summaries {
                assert_eq!(latest.as_ref(), highest(&repo.versions().numbers(&dataset).unwrap()), "{dataset}");
            }
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
        let mut made = Vec::new();
        for steps in rounds {
            for step in &steps {
                take(&repo, step, &mut made);
            }
            compare(&repo, &queries);
        }
    }
}
