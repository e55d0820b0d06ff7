//! Damage to every kind of file in a store: each is named, and a repair from another copy restores all.

use super::*;
use crate::ops::fsck::{self, FsckOptions, FsckReport};

/// Three versions with small and large files, edits and a tag each.
fn repository() -> Bench {
    let bench = Bench::new();
    bench.write("a.jsonl", lines(1, 2_000));
    bench.write("big.bin", noise(1, 1_200_000));
    (0..30).for_each(|n| bench.write(&format!("small/{n}.txt"), lines(n, 3)));
    bench.commit(|o| o.tags = vec!["first".into()]).unwrap();
    bench.write("a.jsonl", [lines(1, 1_900), lines(9, 30)].concat());
    bench.commit(|o| o.tags = vec!["second".into()]).unwrap();
    bench.write("big.bin", [noise(1, 700_000), noise(2, 100_000), noise(3, 700_000)].concat());
    bench.commit(|o| o.tags = vec!["third".into()]).unwrap();
    bench
}

fn run(bench: &Bench, repair: bool, from: Option<&Bench>) -> FsckReport {
    let options = FsckOptions { repair, from: from.map(|from| from.path.clone()) };
    fsck::run(&bench.repo(), &options, &NoProgress).unwrap()
}

fn trees(bench: &Bench) -> Vec<Tree> {
    let numbers = bench.repo().versions().numbers("ds").unwrap();
    numbers.iter().map(|number| bench.tree_of(&number.to_string()).unwrap()).collect()
}

/// The files of the store that are not derived, by their paths in `.helox`.
fn primary(bench: &Bench) -> Vec<String> {
    let root = bench.path.join(".helox");
    let mut files = Vec::new();
    for folder in ["packs/data", "packs/structure", "refs/versions/ds", "refs/facts", "index"] {
        for entry in fs::read_dir(root.join(folder)).unwrap().map(Result::unwrap).filter(|entry| entry.file_name() != "lock") {
            files.push(format!("{folder}/{}", entry.file_name().to_str().unwrap()));
        }
    }
    files.sort();
    files
}

fn set(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn an_intact_repository_is_not_changed() {
    let bench = repository();
    let report = run(&bench, false, None);
    assert!(report.is_valid && report.remarks.is_empty(), "{report:?}");
    assert_eq!((report.versions, report.files), (3, 96));
    let before = primary(&bench);
    assert_eq!(run(&bench, true, None).repairs, Some(Vec::new()));
    assert!(primary(&bench) == before && !bench.path.join(".helox/quarantine").exists());
}

/// Damages a file, or exchanges it with another one.
type Damage<'a> = &'a dyn Fn(&Path, &Path);

#[test]
fn every_damage_is_named_and_repaired_from_another_copy() {
    let whole = repository();
    let (expected, files) = (trees(&whole), primary(&whole));
    let tags = |bench: &Bench| ["first", "second", "third"].map(|tag| bench.tree_of(tag).unwrap());
    let marks = tags(&whole);
    for (n, file) in files.iter().enumerate() {
        let other = files.iter().find(|other| *other != file && Path::new(other).parent() == Path::new(file).parent());
        let damages: [(&str, Damage); 5] = [
            ("flip", &|path, _| {
                let mut bytes = fs::read(path).unwrap();
                let at = bytes.len() * (n % 5 + 1) / 7;
                bytes[at] ^= 0x10;
                set(path, &bytes);
            }),
            ("truncate", &|path, _| set(path, &fs::read(path).unwrap()[..fs::metadata(path).unwrap().len() as usize * 2 / 3])),
            ("zero", &|path, _| set(path, &vec![0; fs::metadata(path).unwrap().len() as usize])),
            ("delete", &|path, _| fs::remove_file(path).unwrap()),
            ("swap", &|path, other| {
                let (one, two) = (fs::read(path).unwrap(), fs::read(other).unwrap());
                set(path, &two);
                set(other, &one);
            }),
        ];
        // One damage a file: all of them take minutes.
        for (name, damage) in damages.into_iter().skip(n % 5).take(1) {
            if file.starts_with("index/") && matches!(name, "delete" | "swap") || name == "swap" && other.is_none() {
                continue;
            }
            let bench = whole.copy();
            let store = bench.path.join(".helox");
            // The workspace does not help.
            write_tree(&bench.path, &Tree::new());
            damage(&store.join(file), &store.join(other.unwrap_or(file)));
            let report = run(&bench, false, None);
            assert!(!report.is_valid, "{name} {file} is not named");
            let repaired = run(&bench, true, Some(&whole));
            assert!(repaired.is_valid, "{name} {file}: {report:?}\n{repaired:?}");
            assert!(trees(&bench) == expected && tags(&bench) == marks, "{name} {file}");
            assert_eq!(run(&bench, true, None).repairs, Some(Vec::new()), "{name} {file}: a second repair changes nothing");
        }
    }
}

/// The ref of the second version.
fn second_ref(bench: &Bench) -> PathBuf {
    let numbers = bench.repo().versions().numbers("ds").unwrap();
    bench.path.join(".helox/refs/versions/ds").join(numbers[1].to_string())
}

#[test]
fn a_ref_with_another_digit_is_created_from_the_record() {
    let whole = repository();
    for from in [None, Some(&whole)] {
        let bench = whole.copy();
        let path = second_ref(&bench);
        let right = fs::read(&path).unwrap();
        let mut bytes = right.clone();
        bytes[38] = if bytes[38] == b'7' { b'3' } else { b'7' };
        set(&path, &bytes);
        assert!(!run(&bench, false, None).is_valid);
        let report = run(&bench, true, from);
        assert!(report.is_valid, "{report:?}");
        assert_eq!(fs::read(&path).unwrap(), right);
        assert_eq!(trees(&bench), trees(&whole));
    }
}

#[test]
fn a_ref_whose_record_may_be_lost_is_not_replaced_by_another_version() {
    let (bench, other) = (repository(), repository());
    let path = second_ref(&bench);
    let right = fs::read(&path).unwrap();
    // The pack of the record, and the tables that list it.
    for entry in fs::read_dir(bench.path.join(".helox/packs/structure")).unwrap().map(Result::unwrap) {
        fs::remove_file(entry.path()).unwrap();
    }
    for entry in fs::read_dir(bench.path.join(".helox/index")).unwrap().map(Result::unwrap) {
        fs::remove_file(entry.path()).unwrap();
    }
    other.write("a.jsonl", lines(3, 10));
    run(&bench, true, Some(&other));
    assert_eq!(fs::read(&path).unwrap(), right);
}

#[test]
fn lost_chunks_come_back_from_the_workspace() {
    let bench = repository();
    let expected = trees(&bench).pop().unwrap();
    for pack in fs::read_dir(bench.path.join(".helox/packs/data")).unwrap().map(|entry| entry.unwrap().path()) {
        let mut bytes = fs::read(&pack).unwrap();
        let end = bytes.len() - 200;
        bytes[20..end].fill(0);
        set(&pack, &bytes);
    }
    let report = run(&bench, true, None);
    // Only what the workspace still has comes back: the newest version, and what others share with it.
    assert!(!report.is_valid && bench.tree_of("1.0.0").is_err(), "{report:?}");
    assert!(report.problems.iter().all(|problem| problem.kind == "content" && !problem.versions.is_empty()), "{report:?}");
    assert_eq!(bench.tree_of("third").unwrap(), expected);
    let quarantined = fs::read_dir(bench.path.join(".helox/quarantine/packs/data")).unwrap().count();
    assert!(quarantined > 0, "nothing is deleted");
}

#[test]
fn a_repair_survives_a_fault_at_every_call() {
    let whole = repository();
    let expected = trees(&whole);
    let damaged = whole.copy();
    for file in primary(&damaged).iter().filter(|file| file.starts_with("packs") || file.ends_with("0000000002")).step_by(2) {
        let path = damaged.path.join(".helox").join(file);
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        set(&path, &bytes);
    }
    for n in (1..).step_by(9) {
        let bench = damaged.copy();
        let armed = crate::fs::fault::arm(&bench.path, n);
        let options = FsckOptions { repair: true, from: Some(whole.path.clone()) };
        let outcome = fsck::run(&bench.repo(), &options, &NoProgress);
        let fired = armed.fired();
        drop(armed);
        let again = run(&bench, true, Some(&whole));
        assert!(again.is_valid, "fault {n} ({fired:?}) gave {outcome:?}, then {again:?}");
        assert!(trees(&bench) == expected, "fault {n}");
        if fired.is_none() {
            assert!(n > 20, "only {n} calls are covered");
            break;
        }
    }
}

#[test]
fn after_a_read_found_damage_a_commit_stores_the_content_again() {
    let bench = Bench::new();
    bench.write("a", noise(1, 400_000));
    bench.write("b", "1");
    bench.commit(|_| {}).unwrap();
    // Long enough for the stat cache to be trusted.
    std::thread::sleep(std::time::Duration::from_millis(50));
    bench.commit(|o| o.allow_empty = true).unwrap();
    let pack = fs::read_dir(bench.path.join(".helox/packs/data")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&pack).unwrap();
    bytes[200_000] ^= 1;
    set(&pack, &bytes);
    let cat = |bench: &Bench| {
        let repo = bench.repo();
        crate::ops::cat::run(&repo, "latest", "a", &mut std::io::sink()).unwrap_err()
    };
    // Where the store cannot be written to, the read fails as it does elsewhere.
    let copy = bench.copy();
    let armed = crate::fs::fault::arm(&copy.path, 1);
    assert_eq!(cat(&copy).kind(), crate::error::ErrorKind::Damaged);
    assert!(armed.fired().is_some() && !copy.path.join(".helox/damaged").exists());
    drop(armed);
    assert_eq!(cat(&bench).kind(), crate::error::ErrorKind::Damaged);
    assert!(bench.path.join(".helox/damaged").exists());
    bench.write("b", "2");
    bench.commit(|_| {}).unwrap();
    assert_eq!(bench.tree_of("latest").unwrap(), read_tree(&bench.path));
}

#[test]
fn damaged_caches_are_named_and_put_out_of_use() {
    let bench = Bench::new();
    let config = fs::read_to_string(bench.path.join("helox.toml")).unwrap();
    bench.write("helox.toml", config + "\n[[dataset.ds.validation.rule]]\nkind = \"unique\"\nkey = \"/id\"\n");
    bench.write("a.jsonl", lines(1, 50));
    for n in 0..12 {
        bench.write("n", n.to_string());
        bench.commit(|_| {}).unwrap();
    }
    // The index of versions is asked where there are many.
    crate::ops::log::run(&bench.repo(), &Default::default()).unwrap();
    assert!(run(&bench, false, None).is_valid);
    let store = bench.path.join(".helox");
    let mut evaluations = fs::read_dir(store.join("gate/ds")).unwrap().map(|entry| entry.unwrap().path());
    for (path, kind) in [
        (store.join("workspace/ds/stat.cache"), "stat-cache-damaged"),
        (evaluations.next().unwrap().join("known"), "evaluation-damaged"),
        (evaluations.next().unwrap().join("keys-0"), "evaluation-damaged"),
    ] {
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.len() - 40;
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        let report = run(&bench, false, None);
        assert_eq!(report.problems.iter().map(|p| p.kind).collect::<Vec<_>>(), [kind], "{}", path.display());
        assert!(run(&bench, true, None).is_valid && !path.exists(), "{}", path.display());
    }
    // As if the medium had changed bytes that nobody wrote.
    crate::catalog::tests::samples::damage_sealed(&store);
    let report = run(&bench, false, None);
    assert_eq!(report.problems.iter().map(|p| p.kind).collect::<Vec<_>>(), ["catalog-damaged"], "{report:?}");
    assert!(run(&bench, true, None).is_valid);
    bench.write("n", "x");
    bench.commit(|_| {}).unwrap();
    assert_eq!(bench.tree_of("latest").unwrap(), read_tree(&bench.path));
}

#[test]
fn after_a_check_found_damage_a_commit_stores_the_content_again() {
    for repairs in [None, Some(false), Some(true)] {
        let bench = Bench::new();
        bench.write("a", noise(1, 400_000));
        bench.write("b", "1");
        bench.commit(|_| {}).unwrap();
        // Long enough for the stat cache to be trusted.
        std::thread::sleep(std::time::Duration::from_millis(50));
        bench.commit(|o| o.allow_empty = true).unwrap();
        let pack = fs::read_dir(bench.path.join(".helox/packs/data")).unwrap().next().unwrap().unwrap().path();
        let mut bytes = fs::read(&pack).unwrap();
        bytes[200_000] ^= 1;
        set(&pack, &bytes);
        match repairs {
            None => {
                let options = crate::ops::verify::VerifyOptions { all: true, ..Default::default() };
                assert!(!crate::ops::verify::run(&bench.repo(), &options, &NoProgress).unwrap().is_valid);
            }
            Some(repair) => {
                // Nothing to restore from but the version to come.
                let file = fs::read(bench.path.join("a")).unwrap();
                fs::remove_file(bench.path.join("a")).unwrap();
                assert!(!run(&bench, repair, None).is_valid);
                fs::write(bench.path.join("a"), file).unwrap();
            }
        }
        bench.write("b", "2");
        bench.commit(|_| {}).unwrap();
        assert_eq!(bench.tree_of("latest").unwrap(), read_tree(&bench.path), "{repairs:?}");
        run(&bench, true, None);
        assert!(!bench.path.join(".helox/damaged").exists(), "{repairs:?}");
    }
}
