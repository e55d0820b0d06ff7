//! Random commits, tags and losses against what the objects answer.

use proptest::prelude::*;

use crate::catalog::db::Catalog;
use crate::catalog::query::Query;
use crate::catalog::samples::{bearer, commit, from_objects, newest, repository, selected, tag, untag, version};
use crate::object::version::Version;
use crate::repo::Repo;

#[derive(Clone, Debug)]
enum Step {
    Commit(u8, u8, i64),
    Tag(u8, u8),
    Untag(u8, u8),
    Vanish(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..3u8, 0..6u8, 0..20i64).prop_map(|(a, b, c)| Step::Commit(a, b, c * 1500)),
        3 => (any::<u8>(), 0..3u8).prop_map(|(a, b)| Step::Tag(a, b)),
        1 => (any::<u8>(), 0..3u8).prop_map(|(a, b)| Step::Untag(a, b)),
        1 => any::<u8>().prop_map(Step::Vanish),
    ];
    prop::collection::vec(step, 1..24)
}

const DATASETS: [&str; 3] = ["a", "leases", "leases2"];
const TAGS: [&str; 3] = ["gold", "production", "staging"];

fn take(repo: &Repo, step: &Step, made: &mut Vec<Version>) {
    match step {
        Step::Commit(dataset, n, minute) => {
            let text = ["1.0.0", "1.0.0-rc.1", "1.2.0", "1.10.0", "2.0.0", "0.1.0"][usize::from(*n)];
            let new = version(DATASETS[usize::from(*dataset)], text, *minute);
            let taken = repo.versions().get(&new.dataset, &new.number).unwrap().is_some();
            // A number that is taken stays taken, also when its ref has vanished.
            if !taken && !made.iter().any(|v| (&v.dataset, &v.number) == (&new.dataset, &new.number)) {
                commit(repo, std::slice::from_ref(&new));
                made.push(new);
            }
        }
        Step::Tag(n, t) if !made.is_empty() => tag(repo, made[usize::from(*n) % made.len()].id(), TAGS[usize::from(*t)]),
        Step::Untag(n, t) if !made.is_empty() => untag(repo, made[usize::from(*n) % made.len()].id(), TAGS[usize::from(*t)]),
        Step::Vanish(n) if !made.is_empty() => {
            let gone = &made[usize::from(*n) % made.len()];
            let _ = std::fs::remove_file(repo.versions().folder(&gone.dataset).join(gone.number.to_string()));
        }
        _ => {}
    }
}

fn compare(repo: &Repo) {
    let catalog = Catalog::open(repo).unwrap();
    for dataset in DATASETS {
        let all = from_objects(repo, dataset).unwrap();
        assert_eq!(catalog.versions(dataset, None).unwrap(), all);
        assert_eq!(catalog.versions(dataset, Some(2)).unwrap(), all[..all.len().min(2)]);
        for tag in TAGS {
            assert_eq!(catalog.by_tag(dataset, tag).unwrap(), bearer(repo, dataset, tag));
        }
    }
    let all = newest(repo);
    let minute = |n: i64| version("a", "1.0.0", n * 1500).created;
    for dataset in [None, Some("leases"), Some("absent")] {
        for kind in [None, Some("type_of_a"), Some("type_of_leases"), Some("type_of_lea")] {
            for tag in [None, Some("production"), Some("absent")] {
                for (since, until) in [(None, None), (Some(5), None), (None, Some(7)), (Some(3), Some(9)), (Some(9), Some(3))] {
                    let (since, until) = (since.map(minute), until.map(minute));
                    for limit in [None, Some(0), Some(3)] {
                        let query = Query { dataset, kind, tag, since, until, limit };
                        assert_eq!(catalog.select(&query).unwrap(), selected(&all, &query), "{query:?}");
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn it_answers_as_the_objects_do(rounds in prop::collection::vec(steps(), 1..4)) {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        let mut made = Vec::new();
        for steps in rounds {
            for step in &steps {
                take(&repo, step, &mut made);
            }
            compare(&repo);
        }
    }
}
