//! Damage in what a commit builds on: it goes on without it, and what it makes can be read.

use super::*;
use crate::catalog::Query;
use crate::error::ErrorKind;
use crate::object::ObjectKind;
use crate::ops::{compare, dataset, diff, log, reindex, show, status, verify};
use crate::pack::reader;
use crate::store::Layout;

/// Flips bytes of every block of a kind in every pack.
fn damage(bench: &Bench, kind: ObjectKind) {
    let folder = Layout::new(bench.path.join(".helox")).packs(kind);
    for pack in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let mut bytes = fs::read(&pack).unwrap();
        for block in reader::read_toc(&pack).unwrap().iter().filter(|block| block.kind == kind) {
            let end = (block.offset + block.len) as usize;
            bytes[end - block.len as usize / 4..end].iter_mut().for_each(|byte| *byte ^= 0x5a);
        }
        fs::set_permissions(&pack, fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(&pack, bytes).unwrap();
    }
}

/// What the schema of the latest version holds.
fn schema(bench: &Bench) -> serde_json::Value {
    serde_json::to_value(show::run(&bench.repo(), Some("latest")).unwrap()).unwrap()["schema"].clone()
}

/// A record for each number, with a text that does not compress.
fn records(numbers: std::ops::Range<u64>) -> Vec<u8> {
    let line = |n: u64| format!("{{\"id\":{n},\"text\":\"{}\"}}\n", blake3::hash(&n.to_le_bytes()).to_hex());
    numbers.flat_map(|n| line(n).into_bytes()).collect()
}

#[test]
fn a_copy_of_what_is_damaged_is_stored_again() {
    for size in [9_000, 3 << 20] {
        let bench = Bench::new();
        bench.write("a", noise(1, size));
        bench.commit(|_| {}).unwrap();
        damage(&bench, ObjectKind::Chunk);
        bench.write("b", noise(1, size));
        bench.commit(|_| {}).unwrap();
        assert_eq!(bench.tree_of("latest").unwrap().len(), 2, "both are readable again");
    }
}

#[test]
fn a_commit_goes_on_where_the_old_side_of_a_file_is_damaged() {
    // A file that is read at once, and one that comes chunk by chunk.
    for many in [200, 60_000] {
        let bench = Bench::new();
        bench.write("a.jsonl", records(0..many));
        bench.write("b.jsonl", records(0..10));
        bench.commit(|_| {}).unwrap();
        // Long enough for the stat cache to be trusted, so that b.jsonl would not be read.
        std::thread::sleep(std::time::Duration::from_millis(50));
        bench.commit(|_| {}).unwrap();
        damage(&bench, ObjectKind::Chunk);
        bench.write("a.jsonl", [records(0..many / 2), b"{\"id\":\"x\"}\n".to_vec(), records(many / 2..many)].concat());
        let report = bench.commit(|_| {}).unwrap();
        assert_eq!(report.version.total_samples, Some(many + 11));
        let counts = (report.samples_added, report.samples_removed, report.samples_modified);
        assert_eq!(counts, (Some(many + 1), Some(many), Some(0)), "the old records are known by their number");
        assert_eq!(report.files.files_modified, 1);
        assert!(report.warnings.len() == 1 && report.warnings[0].contains("a.jsonl"), "{:?}", report.warnings);
        let anew = Bench::new();
        write_tree(&anew.path, &read_tree(&bench.path));
        anew.commit(|_| {}).unwrap();
        assert_eq!(schema(&bench), schema(&anew));
        assert_eq!(bench.tree_of("latest").unwrap(), read_tree(&bench.path));
        bench.write("a.jsonl", records(0..many));
        let next = bench.commit(|_| {}).unwrap();
        assert_eq!((next.samples_removed, next.warnings.len()), (Some(1), 0), "the next is compared again");
    }
}

/// Flips bytes of the chunks of the only pack that a commit adds.
fn commit_damaged(bench: &Bench) {
    let folder = Layout::new(bench.path.join(".helox")).packs(ObjectKind::Chunk);
    let packs = || fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let sound: Vec<_> = packs().into_iter().map(|pack| (pack.clone(), fs::read(pack).unwrap())).collect();
    bench.commit(|_| {}).unwrap();
    damage(bench, ObjectKind::Chunk);
    for (pack, bytes) in sound {
        fs::write(pack, bytes).unwrap();
    }
}

#[test]
fn only_the_samples_of_a_damaged_file_are_not_compared() {
    for (many, dry_run) in [(200, false), (30_000, false), (200, true)] {
        let bench = Bench::new();
        let config = fs::read_to_string(bench.path.join("helox.toml")).unwrap();
        bench.write("helox.toml", config.replace("type =", "key = \"id\"\ntype ="));
        bench.write("sound.jsonl", records(1_000_000..1_000_000 + many));
        bench.write("moved.jsonl", records(5..9));
        bench.commit(|_| {}).unwrap();
        bench.write("lost.jsonl", records(0..many));
        bench.write("gone.jsonl", records(2_000_000..2_000_007));
        commit_damaged(&bench);
        let changed = String::from_utf8(records(1_000_000..1_000_000 + many)).unwrap().replacen("\"text\":", "\"words\":", 1);
        bench.write("sound.jsonl", changed);
        bench.write("lost.jsonl", records(1..many));
        fs::remove_file(bench.path.join("gone.jsonl")).unwrap();
        fs::rename(bench.path.join("moved.jsonl"), bench.path.join("here.jsonl")).unwrap();
        let report = bench.commit(|options| options.dry_run = dry_run).unwrap();
        let counts = (report.samples_added, report.samples_removed, report.samples_modified);
        assert_eq!(counts, (Some(many - 1), Some(many + 7), Some(1)), "of {many}");
        let warnings = report.warnings.join("\n");
        assert!(
            report.warnings.len() == 2 && warnings.contains("'lost.jsonl'") && warnings.contains("'gone.jsonl'"),
            "{warnings}"
        );
        assert!(warnings.contains("7 samples count as removed"), "{warnings}");
        let anew = Bench::new();
        write_tree(&anew.path, &read_tree(&bench.path));
        let anew = anew.commit(|_| {}).unwrap();
        let fields = |report: &commit::CommitReport| serde_json::to_value(&report.version).unwrap()["schema"].clone();
        assert_eq!(fields(&report), fields(&anew));
        if dry_run {
            continue;
        }
        assert_eq!(bench.tree_of("latest").unwrap(), read_tree(&bench.path));
        // The same two versions, compared.
        let samples = Some(diff::SampleOptions { patch: true, ..Default::default() });
        for (from, to) in [("latest~1", "latest"), ("latest", "latest~1")] {
            let options = diff::DiffOptions { from: Some(from.into()), to: Some(to.into()), samples, ..Default::default() };
            let report = diff::run(&bench.repo(), &options, &NoProgress).unwrap();
            let counts = report.samples.unwrap();
            let sides = [counts.added, counts.removed].map(|count| if from == "latest" { many * 2 + 6 - count } else { count });
            assert_eq!((sides, counts.modified), ([many - 1, many + 7], 1));
            assert_eq!(report.damaged.messages().len(), 2, "{:?}", report.damaged);
            assert_eq!(report.records.unwrap().len() as u64, many, "those that can be read");
        }
        let report = compare::run(&bench.repo(), "latest~1", "latest", &NoProgress).unwrap();
        assert_eq!((report.samples_added, report.samples_removed, report.samples_modified), counts);
        assert_eq!((report.sample_difference, report.damaged.messages().len()), (Some(-8), 2));
    }
}

#[test]
fn a_damaged_file_that_the_workspace_does_not_hold_stays_in_the_version() {
    let bench = Bench::new();
    bench.write("here.jsonl", records(0..5));
    bench.write("away/lost.jsonl", records(0..50));
    bench.commit(|_| {}).unwrap();
    let part = checkout::CheckoutOptions { revision: "latest".into(), include: vec!["here.jsonl".into()], ..Default::default() };
    checkout::run(&bench.repo(), &part, &NoProgress).unwrap();
    damage(&bench, ObjectKind::Chunk);
    bench.write("here.jsonl", records(0..6));
    let report = bench.commit(|_| {}).unwrap();
    assert_eq!((report.version.total_samples, report.version.file_count), (Some(56), 2), "{:?}", report.warnings);
    damage(&bench, ObjectKind::Node);
    bench.write("here.jsonl", records(0..7));
    let error = bench.commit(|_| {}).unwrap_err();
    assert_eq!(error.kind(), crate::error::ErrorKind::Damaged, "{error}");
}

#[test]
fn a_commit_goes_on_where_the_manifest_of_the_parent_is_damaged() {
    let bench = Bench::new();
    bench.write("a.jsonl", records(0..9));
    bench.write("b/c.jsonl", records(0..9));
    bench.commit(|_| {}).unwrap();
    damage(&bench, ObjectKind::Node);
    bench.write("a.jsonl", records(0..12));
    let report = bench.commit(|_| {}).unwrap();
    assert_eq!((report.version.total_samples, report.files.files_added), (Some(21), 2));
    assert_eq!(report.warnings.len(), 2, "{:?}", report.warnings);
    assert_eq!(bench.tree_of("latest").unwrap(), read_tree(&bench.path));
}

#[test]
fn a_commit_goes_on_whatever_of_the_parent_is_damaged() {
    use ObjectKind::{Chunk, Node, Recipe, RecipeNode, Schema, Verdict};
    for kind in [Schema, Verdict, Node, Recipe, RecipeNode, Chunk] {
        let bench = Bench::new();
        let config = fs::read_to_string(bench.path.join("helox.toml")).unwrap();
        bench.write("helox.toml", config + "\n[[dataset.ds.validation.rule]]\nkind = \"unique\"\nkey = \"/id\"\n");
        bench.write("a.jsonl", records(0..9));
        bench.write("b.jsonl", records(100..4_000));
        bench.commit(|_| {}).unwrap();
        damage(&bench, kind);
        bench.write("a.jsonl", records(0..12));
        bench.write("b.jsonl", records(100..4_001));
        let report = bench.commit(|_| {}).unwrap();
        assert_eq!(report.version.total_samples, Some(12 + 3_901), "{kind:?}");
        assert_eq!(report.version.validation_status, crate::object::version::ValidationStatus::Passed, "{kind:?}");
        // No recipe of so small a file has nodes below it.
        let is_read = kind != RecipeNode;
        assert_eq!(!report.warnings.is_empty(), is_read, "{kind:?}: {:?}", report.warnings);
        let anew = Bench::new();
        write_tree(&anew.path, &read_tree(&bench.path));
        anew.commit(|_| {}).unwrap();
        assert_eq!(schema(&bench), schema(&anew), "{kind:?}");
        assert_eq!(bench.tree_of("latest").unwrap(), read_tree(&bench.path), "{kind:?}");
        let options = verify::VerifyOptions { targets: vec!["latest".into()], ..Default::default() };
        let verified = verify::run(&bench.repo(), &options, &NoProgress).unwrap();
        assert!(verified.is_valid, "{kind:?}: {:?}", verified.problems);
    }
}

#[test]
fn one_damaged_object_leaves_the_others() {
    let bench = Bench::new();
    for n in 0..3 {
        bench.write("a", noise(n, 5_000));
        bench.commit(|_| {}).unwrap();
    }
    let first = fs::read_dir(bench.path.join(".helox/packs/data")).unwrap().next().unwrap().unwrap().path();
    fs::set_permissions(&first, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&first, "no pack").unwrap();
    let versions = ["1.0.0", "2.0.0", "3.0.0"];
    assert_eq!(versions.iter().filter(|version| bench.tree_of(version).is_ok()).count(), 2);
    let report = verify::run(&bench.repo(), &verify::VerifyOptions { all: true, ..Default::default() }, &NoProgress).unwrap();
    assert!(report.problems.iter().any(|problem| problem.kind == "content" && problem.versions.len() == 1), "{report:?}");
}

#[test]
fn lost_refs_are_told() {
    let bench = Bench::new();
    for text in ["1", "2", "3"] {
        bench.write("a.jsonl", text);
        bench.commit(|options| options.tags = vec![format!("tag-{text}")]).unwrap();
    }
    let refs = bench.path.join(".helox/refs");
    let lost = || reindex::run(&bench.repo(), &NoProgress).unwrap().lost;
    let is_valid =
        || verify::run(&bench.repo(), &verify::VerifyOptions { all: true, ..Default::default() }, &NoProgress).unwrap().is_valid;
    assert!(lost().is_empty() && is_valid());
    // One that a later version came from.
    let second = fs::read(refs.join("versions/ds/2.0.0")).unwrap();
    fs::remove_file(refs.join("versions/ds/2.0.0")).unwrap();
    assert!(
        lost()[0].ends_with(
            "1 version of ds whose refs are missing in REFS: 2.0.0"
                .replace("REFS", &refs.join("versions/ds").to_string_lossy())
                .as_str()
        )
    );
    fs::write(refs.join("versions/ds/2.0.0"), second).unwrap();
    // All of a dataset, and all facts.
    fs::remove_dir_all(refs.join("versions/ds")).unwrap();
    fs::remove_dir_all(refs.join("facts")).unwrap();
    let messages = lost();
    assert!(
        messages.len() == 2 && messages[0].contains("1.0.0, 2.0.0, 3.0.0") && messages[1].contains("3 facts"),
        "{messages:?}"
    );
    assert!(!is_valid());
    let report = log::run(&bench.repo(), &log::LogOptions::default()).unwrap();
    assert!(report.damaged.is_damaged() && report.damaged.messages().len() == 2, "{report:?}");
    let error = status::run(&bench.repo(), &status::StatusOptions::default(), &NoProgress).unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (crate::error::ErrorKind::Damaged, "the ref of ds@3.0.0, which is checked out, is missing")
    );
}

#[test]
fn a_command_that_was_interrupted_before_its_ref_lost_nothing() {
    let bench = Bench::new();
    bench.write("a.jsonl", "1");
    bench.commit(|options| options.tags = vec!["staging".to_owned()]).unwrap();
    let refs = bench.path.join(".helox/refs");
    let is_valid =
        || verify::run(&bench.repo(), &verify::VerifyOptions { all: true, ..Default::default() }, &NoProgress).unwrap().is_valid;
    for entry in fs::read_dir(refs.join("facts")).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    fs::remove_file(refs.join("newest-fact")).unwrap();
    assert!(reindex::run(&bench.repo(), &NoProgress).unwrap().lost.is_empty() && is_valid(), "the first fact");
    fs::remove_file(refs.join("versions/ds/1.0.0")).unwrap();
    fs::remove_file(refs.join("newest-version/ds")).unwrap();
    fs::remove_dir_all(bench.path.join(".helox/workspace")).unwrap();
    assert!(reindex::run(&bench.repo(), &NoProgress).unwrap().lost.is_empty() && is_valid(), "the first version");
    let again = bench.commit(|options| options.tags = vec!["staging".to_owned()]).unwrap();
    assert_eq!(again.version.version.to_string(), "1.0.0");
}

#[test]
fn a_folder_that_was_not_empty_is_not_created_again() {
    for (lost, named) in
        [("refs", "refs"), ("refs/versions", "refs/versions"), ("packs", "packs"), ("packs/structure", "packs/structure")]
    {
        let bench = Bench::new();
        bench.write("a.jsonl", "1");
        bench.commit(|_| {}).unwrap();
        let folder = bench.path.join(".helox").join(lost);
        fs::rename(&folder, bench.path.join("elsewhere")).unwrap();
        let error = Repo::open(&bench.path).unwrap_err();
        assert_eq!(error.kind(), crate::error::ErrorKind::Damaged, "{error}");
        assert!(error.message().contains(&format!("/.helox/{named} is missing")), "{error}");
        assert!(!folder.exists());
        fs::rename(bench.path.join("elsewhere"), &folder).unwrap();
        assert_eq!(bench.tree_of("latest").unwrap(), read_tree(&bench.path));
    }
}

#[test]
fn a_copy_without_its_empty_folders_opens() {
    fn prune(folder: &std::path::Path) {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
            prune(&entry);
            let _ = fs::remove_dir(entry);
        }
    }
    // A store without a version, one whose files are all empty, one that has everything.
    for files in [&[][..], &[("a", "")], &[("a", "1"), ("b", "")]] {
        let bench = Bench::new();
        files.iter().for_each(|(path, text)| bench.write(path, text));
        if !files.is_empty() {
            bench.commit(|_| {}).unwrap();
        }
        prune(&bench.path.join(".helox"));
        bench.write("c.jsonl", "2");
        bench.commit(|options| options.tags = vec!["new".into()]).unwrap();
        assert_eq!(bench.tree_of("new").unwrap(), read_tree(&bench.path));
    }
}

#[test]
fn a_list_goes_on_past_a_version_that_is_damaged() {
    let bench = Bench::new();
    for text in ["1", "2", "3"] {
        bench.write("a.jsonl", text);
        bench.commit(|options| options.version = Some(number(&format!("{text}.0.0")))).unwrap();
    }
    let refs = bench.path.join(".helox/refs/versions/ds");
    let record = bench.repo().numbered("ds", &number("2.0.0")).unwrap().unwrap().0;
    // The record of 2.0.0 alone: in its pack the block of versions.
    let key = crate::object::Key::from(record);
    let row = bench.repo().store().locate(&key).unwrap();
    let pack = Layout::new(bench.path.join(".helox")).packs(ObjectKind::Version).join(format!("{}.pack", row.pack));
    let mut bytes = fs::read(&pack).unwrap();
    bytes[(row.offset + row.len) as usize - 4] ^= 1;
    fs::set_permissions(&pack, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&pack, bytes).unwrap();
    assert!(refs.join("2.0.0").exists());
    let options = log::LogOptions { revision: Some("3.0.0".into()), ..Default::default() };
    let report = log::run(&bench.repo(), &options).unwrap();
    assert_eq!((report.versions.len(), report.damaged.messages().len()), (1, 1), "{report:?}");
    assert!(report.damaged.messages()[0].contains("a parent of ds@3.0.0"), "{report:?}");
    let query = Query { kind: Some("test".into()), ..Query::default() };
    let report = dataset::list(&bench.repo(), &query).unwrap();
    assert_eq!((report.datasets[0].versions, report.damaged.messages().len()), (2, 1), "{report:?}");
}

#[test]
fn a_store_without_its_format_is_named_and_completed_by_init() {
    let bench = Bench::new();
    bench.write("a", "a");
    bench.commit(|o| o.version = Some(number("1.0.0"))).unwrap();
    fs::remove_file(bench.path.join(".helox/format")).unwrap();
    let error = Repo::open(&bench.path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.message().ends_with(".helox/format is missing") && error.hint().unwrap().contains("hlx init"), "{error:?}");
    init::run(&init::InitOptions { dir: bench.path.clone(), name: None, kind: None, new: false }).unwrap();
    assert_eq!(bench.tree_of("1.0.0").unwrap()["a"], Node::File(b"a".to_vec(), false));
}
