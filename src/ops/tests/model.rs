//! Random edits, commits and checkouts against plain maps.

use proptest::prelude::*;

use super::*;

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    Write(String, u64, usize),
    Grow(String, u64),
    Edit(String, usize),
    Remove(String),
    Folder(String),
    Link(String),
    Executable(String),
    Commit,
    Checkout(usize),
}

fn path() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "d/a", "d/b", "d/e/f", "d.x", "long", "z/z", "é ü"]).prop_map(str::to_owned)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (path(), 0..9u64, prop::sample::select(vec![0, 1, 300, 16_384, 16_385, 70_000, 300_000])).prop_map(|(p, s, n)| Step::Write(p, s, n)),
        1 => (path(), 0..9u64).prop_map(|(p, s)| Step::Grow(p, s)),
        2 => (path(), 0..9usize).prop_map(|(p, n)| Step::Edit(p, n)),
        2 => path().prop_map(Step::Remove),
        1 => path().prop_map(Step::Folder),
        1 => path().prop_map(Step::Link),
        1 => path().prop_map(Step::Executable),
        3 => Just(Step::Commit),
        2 => (0..8usize).prop_map(Step::Checkout),
    ]
}

/// Makes room for something at a path, as a user would: files in place of its folders go, and what lies below it.
fn make_room(tree: &mut Tree, path: &str) {
    tree.retain(|p, _| p != path && !p.starts_with(&format!("{path}/")) && !path.starts_with(&format!("{p}/")));
}

fn apply(tree: &mut Tree, step: &Step) {
    match step {
        Step::Write(p, seed, len) => {
            make_room(tree, p);
            let mut bytes = lines(*seed, len / 80 + 1);
            bytes.truncate(*len);
            tree.insert(p.clone(), Node::File(bytes, false));
        }
        Step::Grow(p, seed) => {
            if let Some(Node::File(bytes, _)) = tree.get_mut(p) {
                bytes.extend(lines(*seed, 400));
            }
        }
        Step::Edit(p, n) => {
            if let Some(Node::File(bytes, _)) = tree.get_mut(p) {
                let at = (bytes.len() / 9) * n;
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = byte.wrapping_add(1);
                }
            }
        }
        Step::Remove(p) => drop(tree.remove(p)),
        Step::Folder(p) => {
            make_room(tree, p);
            tree.insert(p.clone(), Node::Folder);
        }
        Step::Link(p) => {
            make_room(tree, p);
            tree.insert(p.clone(), Node::Symlink("somewhere/else".into()));
        }
        Step::Executable(p) => {
            if let Some(Node::File(_, executable)) = tree.get_mut(p) {
                *executable = !*executable;
            }
        }
        Step::Commit | Step::Checkout(_) => {}
    }
}

/// Returns true if an untracked file is in the way of nothing that a version has.
fn stays(path: &str, wanted: &Tree) -> bool {
    let below = |file: &str, folder: &str| file.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    wanted.iter().all(|(entry, node)| !below(entry, path) && (*node == Node::Folder || !below(path, entry)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_version_comes_back(steps in prop::collection::vec(step(), 1..40)) {
        let bench = Bench::new();
        let (mut tree, mut head, mut versions): (Tree, Tree, Vec<(String, Tree)>) = Default::default();
        for step in &steps {
            match step {
                Step::Commit => {
                    let report = bench.commit(|_| {}).unwrap();
                    let name = report.version.version.to_string();
                    head = tree.clone();
                    if report.outcome == commit::CommitOutcome::Created {
                        versions.push((name, tree.clone()));
                    } else {
                        prop_assert!(versions.iter().any(|(n, t)| *n == name && *t == tree), "{:?}", report.outcome);
                    }
                }
                Step::Checkout(n) if !versions.is_empty() => {
                    let (name, wanted) = &versions[n % versions.len()];
                    bench.checkout(name, true).unwrap();
                    tree.retain(|path, node| *node != Node::Folder && !head.contains_key(path) && stays(path, wanted));
                    let untracked = tree.len();
                    // An empty folder of the version that holds an untracked file is none.
                    let is_filled = |folder: &String| tree.keys().any(|path| path.starts_with(&format!("{folder}/")));
                    let filled: Vec<String> = wanted.keys().filter(|path| is_filled(path)).cloned().collect();
                    tree.extend(wanted.iter().filter(|(path, _)| !filled.contains(path)).map(|(p, n)| (p.clone(), n.clone())));
                    prop_assert_eq!(&read_tree(&bench.path), &tree);
                    head = wanted.clone();
                    let status = crate::ops::status::run(&bench.repo(), &Default::default(), &NoProgress).unwrap();
                    prop_assert_eq!(status.clean, untracked == 0, "{:?}", status);
                }
                step => {
                    apply(&mut tree, step);
                    write_tree(&bench.path, &tree);
                }
            }
        }
        for (name, wanted) in &versions {
            prop_assert_eq!(&bench.tree_of(name).unwrap(), wanted);
        }
        if !versions.is_empty() {
            let report = crate::ops::verify::run(&bench.repo(), &crate::ops::verify::VerifyOptions { all: true, ..Default::default() }, &NoProgress).unwrap();
            prop_assert!(report.is_valid, "{:?}", report.problems);
        }
    }
}
