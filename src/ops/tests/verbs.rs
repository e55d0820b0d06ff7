//! What single verbs promise.

use super::*;
use crate::error::ErrorKind;
use crate::object::version::ChangeType;
use crate::ops::commit::{Bump, CommitOutcome};
use crate::ops::{cat, diff, ls, reindex, status, tag, verify};
use crate::repo::revision;
use crate::store::Writer;

fn status_of(bench: &Bench) -> status::StatusReport {
    status::run(&bench.repo(), &status::StatusOptions::default(), &NoProgress).unwrap()
}

#[test]
fn numbers_follow_the_bytes_that_changed() {
    let bench = Bench::new();
    (0..20).for_each(|n| bench.write(&format!("f{n:02}"), lines(n, 100)));
    let first = bench.commit(|_| {}).unwrap();
    assert_eq!((first.version.version.to_string().as_str(), first.version.change_type), ("1.0.0", ChangeType::Major));
    bench.write("f00", lines(100, 100));
    assert_eq!(bench.commit(|_| {}).unwrap().version.version, number("1.0.1"));
    (0..4).for_each(|n| bench.write(&format!("f{n:02}"), lines(200 + n, 100)));
    assert_eq!(bench.commit(|_| {}).unwrap().version.version, number("1.1.0"));
    (0..15).for_each(|n| bench.write(&format!("f{n:02}"), lines(300 + n, 100)));
    let major = bench.commit(|_| {}).unwrap();
    assert_eq!((&major.version.version, major.version.change_type), (&number("2.0.0"), ChangeType::Major));
    bench.write("f00", "x");
    let asked = bench.commit(|o| o.bump = Bump::As(ChangeType::Major)).unwrap();
    assert_eq!(
        (&asked.version.version, asked.version.change_type),
        (&number("3.0.0"), ChangeType::Patch),
        "the type says what the content says"
    );
}

#[test]
fn nothing_new_makes_no_version() {
    let bench = Bench::new();
    bench.write("a", "one");
    bench.commit(|_| {}).unwrap();
    assert_eq!(bench.commit(|_| {}).unwrap().outcome, CommitOutcome::Unchanged);
    let again = bench.commit(|o| o.version = Some(number("1.0.0"))).unwrap();
    assert_eq!((again.outcome, again.version.version), (CommitOutcome::AlreadyThere, number("1.0.0")));
    let empty = bench.commit(|o| o.allow_empty = true).unwrap();
    assert_eq!((empty.outcome, empty.version.version), (CommitOutcome::Created, number("1.0.1")));
    bench.write("a", "two");
    let taken = bench.commit(|o| o.version = Some(number("1.0.0"))).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::VersionExists);
    assert!(taken.hint().unwrap().contains("2.0.0"), "{taken:?}");
    let low = bench.commit(|o| o.version = Some(number("0.9.0"))).unwrap_err();
    assert_eq!(low.kind(), ErrorKind::Conflict);
    assert_eq!(bench.commit(|o| o.dry_run = true).unwrap().outcome, CommitOutcome::DryRun);
    assert_eq!(bench.repo().versions().numbers("ds").unwrap().len(), 2);
}

#[test]
fn committing_a_folder_leaves_the_workspace_alone() {
    let bench = Bench::new();
    bench.write("a", "one");
    bench.commit(|_| {}).unwrap();
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("b"), "two").unwrap();
    let report = bench.commit(|o| o.from = Some(other.path().to_owned())).unwrap();
    assert_eq!(report.version.parent_version, Some(number("1.0.0")));
    assert_eq!(bench.tree_of("latest").unwrap().keys().collect::<Vec<_>>(), ["b"]);
    assert_eq!(status_of(&bench).version, Some(number("1.0.0")));
    assert!(status_of(&bench).clean);
}

#[test]
fn status_and_diff_name_what_differs() {
    let bench = Bench::new();
    for (path, bytes) in
        [("keep", "same"), ("edit", "old!"), ("gone", "bye"), ("old/name", "moved content"), ("touch", "touched")]
    {
        bench.write(path, bytes);
    }
    bench.commit(|_| {}).unwrap();
    assert!(status_of(&bench).clean);
    bench.write("edit", "new!");
    bench.write("touch", "touched");
    bench.write("fresh", "fresh");
    fs::remove_file(bench.path.join("gone")).unwrap();
    fs::rename(bench.path.join("old/name"), bench.path.join("new name")).unwrap();
    let report = status_of(&bench);
    assert_eq!((report.added, report.modified, report.removed), (vec!["fresh".into()], vec!["edit".into()], vec!["gone".into()]));
    assert_eq!((report.folders_added, report.folders_removed), (vec!["old".into()], vec![]), "an empty folder is not a file");
    assert_eq!((report.renamed[0].from.as_str(), report.renamed[0].to.as_str()), ("old/name", "new name"));
    bench.commit(|_| {}).unwrap();
    let options = diff::DiffOptions { from: Some("1.0.0".into()), to: Some("HEAD".into()), paths: vec![], samples: None };
    let report = diff::run(&bench.repo(), &options, &NoProgress).unwrap();
    assert_eq!((report.added.len(), report.modified.len(), report.removed.len(), report.renamed.len()), (1, 1, 1, 1));
    assert_eq!(report.folders_added, ["old"]);
    let narrow = diff::DiffOptions { paths: vec!["./gone".into()], ..options };
    assert_eq!(diff::run(&bench.repo(), &narrow, &NoProgress).unwrap().added.len(), 0);
}

#[test]
fn a_file_that_was_not_read_is_never_taken_for_an_empty_one() {
    let bench = Bench::new();
    for path in ["filled", "link", "tool", "moved/empty", "folder"] {
        bench.write(path, "");
    }
    bench.write("emptied", "text");
    bench.write("same size", "old!");
    bench.commit(|_| {}).unwrap();
    bench.write("filled", "text");
    bench.write("emptied", "");
    bench.write("same size", "new!");
    fs::remove_file(bench.path.join("link")).unwrap();
    symlink("filled", bench.path.join("link")).unwrap();
    fs::set_permissions(bench.path.join("tool"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(bench.path.join("moved/empty"), bench.path.join("moved/elsewhere")).unwrap();
    fs::remove_file(bench.path.join("folder")).unwrap();
    fs::create_dir(bench.path.join("folder")).unwrap();
    for _ in 0..2 {
        let report = status_of(&bench);
        assert_eq!(report.modified, ["emptied", "filled", "link", "same size", "tool"]);
        assert_eq!((report.added, report.mode_changed), (vec!["moved/elsewhere".into()], vec!["tool".into()]));
        assert_eq!((report.removed, report.renamed.len()), (vec!["folder".into(), "moved/empty".into()], 0));
        assert_eq!(report.folders_added, ["folder"]);
        let report = diff::run(&bench.repo(), &diff::DiffOptions::default(), &NoProgress).unwrap();
        assert_eq!(report.modified.iter().map(|f| (f.old_size, f.new_size)).collect::<Vec<_>>()[..2], [(4, 0), (0, 4)]);
    }
    let back = diff::DiffOptions { from: Some("WORK".into()), to: Some("HEAD".into()), ..Default::default() };
    let back = diff::run(&bench.repo(), &back, &NoProgress).unwrap();
    assert_eq!((back.folders_removed, back.mode_changed), (vec!["folder".into()], vec!["tool".into()]));
    assert_eq!(bench.commit(|_| {}).unwrap().outcome, CommitOutcome::Created);
    assert!(status_of(&bench).clean);
}

#[test]
fn a_moved_file_whose_mode_changed_too_is_a_rename() {
    let bench = Bench::new();
    bench.write("a", "text");
    bench.commit(|_| {}).unwrap();
    fs::rename(bench.path.join("a"), bench.path.join("b")).unwrap();
    fs::set_permissions(bench.path.join("b"), fs::Permissions::from_mode(0o755)).unwrap();
    let report = status_of(&bench);
    assert_eq!((report.renamed[0].from.as_str(), report.renamed[0].to.as_str()), ("a", "b"));
    assert!(report.added.is_empty() && report.removed.is_empty() && !report.clean);
    assert_eq!(report.mode_changed, ["b"]);
    let files = bench.commit(|_| {}).unwrap().files;
    assert_eq!((files.files_renamed, files.files_modified, files.files_mode_changed), (1, 0, 1));
}

#[test]
fn moves_modes_and_empty_folders_are_counts_of_their_own() {
    use crate::ops::{FileChanges, compare, log, show};
    let bench = Bench::new();
    for (path, bytes) in [("cat/1", "one"), ("cat/2", "two"), ("dog/1", "three"), ("empty", ""), ("tool", "run"), ("gone", "x")] {
        bench.write(path, bytes);
    }
    let first = bench.commit(|_| {}).unwrap();
    assert_eq!(first.files, FileChanges { files_added: 6, ..FileChanges::default() });
    symlink("tool", bench.path.join("first link")).unwrap();
    symlink("tool", bench.path.join("second link")).unwrap();
    let links = bench.commit(|_| {}).unwrap();
    assert_eq!(links.files, FileChanges { links_changed: 2, ..FileChanges::default() });
    fs::rename(bench.path.join("first link"), bench.path.join("third link")).unwrap();
    fs::remove_file(bench.path.join("second link")).unwrap();
    symlink("gone", bench.path.join("second link")).unwrap();
    for name in ["1", "2"] {
        fs::rename(bench.path.join("cat").join(name), bench.path.join("dog/moved").with_extension(name)).unwrap();
    }
    fs::rename(bench.path.join("empty"), bench.path.join("still empty")).unwrap();
    fs::set_permissions(bench.path.join("tool"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(bench.path.join("gone")).unwrap();
    bench.write("dog/1", "edited");
    bench.write("dog/copy", "one");
    let expected = FileChanges {
        files_added: 2,
        files_modified: 2,
        files_removed: 2,
        files_renamed: 2,
        files_mode_changed: 1,
        files_reread: 0,
        links_changed: 2,
        folders_added: 1,
        folders_removed: 0,
    };
    let second = bench.commit(|_| {}).unwrap();
    assert_eq!(second.files, expected);
    let repo = bench.repo();
    assert_eq!(compare::run(&repo, "HEAD~1", "HEAD", &NoProgress).unwrap().files, expected);
    assert_eq!(show::run(&repo, None).unwrap().files, Some(expected));
    let options = log::LogOptions { whole: true, ..Default::default() };
    let all: Vec<_> = log::run(&repo, &options).unwrap().versions.into_iter().map(|version| version.files).collect();
    assert_eq!(all, [Some(expected), Some(links.files), Some(first.files)]);
    let options = diff::DiffOptions { from: Some("HEAD~1".into()), to: Some("HEAD".into()), ..Default::default() };
    let lists = diff::run(&repo, &options, &NoProgress).unwrap();
    let lens = [lists.added.len(), lists.modified.len(), lists.removed.len(), lists.renamed.len(), lists.mode_changed.len()];
    assert_eq!(lens, [2, 3, 2, 3, 1], "the lists of diff and the counts agree, and have the links");
    assert_eq!(lists.folders_added, ["cat"]);
}

#[test]
fn a_changed_mode_weighs_nothing() {
    let bench = Bench::new();
    bench.write("a", lines(1, 10));
    bench.commit(|_| {}).unwrap();
    fs::set_permissions(bench.path.join("a"), fs::Permissions::from_mode(0o755)).unwrap();
    let report = bench.commit(|_| {}).unwrap();
    assert_eq!((report.bytes_changed, report.version.change_type), (0, ChangeType::Patch));
}

#[test]
fn a_same_size_edit_right_after_a_commit_is_seen() {
    let bench = Bench::new();
    bench.write("a", "00000000");
    bench.commit(|_| {}).unwrap();
    for n in 0..200 {
        let new = format!("{n:08}");
        bench.write("a", &new);
        assert_eq!(bench.commit(|o| o.allow_empty = true).unwrap().outcome, CommitOutcome::Created);
        assert_eq!(bench.tree_of("HEAD").unwrap()["a"], Node::File(new.into_bytes(), false), "round {n}");
    }
}

#[test]
fn a_selection_keeps_the_rest_of_the_version() {
    let bench = Bench::new();
    for path in ["train/1", "train/2", "test/1", "README"] {
        bench.write(path, path);
    }
    bench.commit(|_| {}).unwrap();
    let options = checkout::CheckoutOptions { revision: "HEAD".into(), include: vec!["train/**".into()], ..Default::default() };
    checkout::run(&bench.repo(), &options, &NoProgress).unwrap();
    assert_eq!(read_tree(&bench.path).keys().collect::<Vec<_>>(), ["train/1", "train/2"]);
    assert!(status_of(&bench).clean);
    bench.write("train/1", "edited");
    fs::remove_file(bench.path.join("train/2")).unwrap();
    bench.commit(|_| {}).unwrap();
    let tree = bench.tree_of("HEAD").unwrap();
    assert_eq!(tree.keys().collect::<Vec<_>>(), ["README", "test/1", "train/1"]);
    assert_eq!(tree["train/1"], Node::File(b"edited".to_vec(), false));
    bench.write("other", "outside");
    assert_eq!(status_of(&bench).outside, ["other"]);
    assert_eq!(bench.commit(|_| {}).unwrap_err().kind(), ErrorKind::Conflict);
    fs::remove_file(bench.path.join("other")).unwrap();
    bench.checkout("HEAD", false).unwrap();
    assert_eq!(read_tree(&bench.path), tree);
}

#[test]
fn files_and_folders_of_a_version_are_read_without_a_checkout() {
    let bench = Bench::new();
    bench.write("d/a", lines(1, 2_000));
    bench.write("b", "");
    bench.commit(|_| {}).unwrap();
    let mut out = Vec::new();
    cat::run(&bench.repo(), "1.0.0", "d/a", &mut out).unwrap();
    assert_eq!(out, lines(1, 2_000));
    assert_eq!(cat::run(&bench.repo(), "1", "d", &mut out).unwrap_err().kind(), ErrorKind::PathNotFound);
    let list = |path: Option<&str>, recursive| {
        let mut paths = Vec::new();
        let options = ls::LsOptions { revision: None, path: path.map(str::to_owned), recursive };
        ls::run(&bench.repo(), &options, &mut |item| {
            paths.push(item.path);
            Ok(())
        })
        .map(|()| paths)
    };
    assert_eq!(list(None, false).unwrap(), ["b", "d"]);
    assert_eq!(list(None, true).unwrap(), ["b", "d/a"]);
    assert_eq!(list(Some("d/"), false).unwrap(), ["d/a"]);
    assert_eq!(list(Some("c"), false).unwrap_err().kind(), ErrorKind::PathNotFound);
}

#[test]
fn tags_move_and_are_found() {
    let bench = Bench::new();
    bench.write("a", "one");
    bench.commit(|o| o.tags = vec!["production".into()]).unwrap();
    bench.write("a", "two");
    bench.commit(|_| {}).unwrap();
    let options = |revision: &str| tag::TagOptions {
        revision: revision.into(),
        tags: vec!["production".into()],
        moves: true,
        author: None,
    };
    let named =
        |text: &str| crate::repo::revision::version(&bench.repo(), text).map(|resolved| resolved.version.number.to_string());
    assert_eq!(named("production").unwrap(), "1.0.0");
    tag::add(&bench.repo(), &options("2.0.0")).unwrap();
    assert_eq!(named("ds@production").unwrap(), "2.0.0");
    assert_eq!(named("production~1").unwrap(), "1.0.0");
    assert_eq!(tag::add(&bench.repo(), &options("2.0.0")).unwrap().unchanged, ["production"]);
    tag::add(&bench.repo(), &options("1.0.0")).unwrap();
    assert_eq!(named("production").unwrap(), "1.0.0", "given again, it is the last to have received it");
    let stays = tag::TagOptions { moves: false, ..options("2.0.0") };
    assert_eq!(tag::add(&bench.repo(), &stays).unwrap_err().kind(), ErrorKind::Conflict);
    let moved = tag::add(&bench.repo(), &options("2.0.0")).unwrap().moved;
    assert_eq!((moved[0].tag.as_str(), moved[0].from.to_string()), ("production", "1.0.0".to_owned()));
    tag::add(&bench.repo(), &options("1.0.0")).unwrap();
    tag::remove(&bench.repo(), &options("1.0.0")).unwrap();
    assert_eq!(named("production").unwrap_err().kind(), ErrorKind::VersionNotFound);
    assert_eq!(tag::remove(&bench.repo(), &options("1.0.0")).unwrap_err().kind(), ErrorKind::VersionNotFound);
}

#[test]
fn damage_is_named_and_never_handed_out() {
    let bench = Bench::new();
    bench.write("good", lines(1, 2_000));
    bench.commit(|_| {}).unwrap();
    bench.write("bad", noise(5, 200_000));
    bench.commit(|_| {}).unwrap();
    let newest = fs::read_dir(bench.path.join(".helox/packs/data")).unwrap().map(|e| e.unwrap().path());
    let pack = newest.max_by_key(|p| p.metadata().unwrap().modified().unwrap()).unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    bytes[100_000] ^= 1;
    fs::write(&pack, bytes).unwrap();
    let report = verify::run(&bench.repo(), &verify::VerifyOptions { all: true, ..Default::default() }, &NoProgress).unwrap();
    assert!(!report.is_valid);
    let content = report.problems.iter().find(|p| p.kind == "content").unwrap();
    assert_eq!((content.path.as_deref(), content.versions.len()), (Some("bad"), 1));
    assert!(report.problems.iter().any(|p| p.kind == "pack-damaged"));
    assert_eq!(bench.tree_of("HEAD").unwrap_err().kind(), ErrorKind::Damaged);
    assert_eq!(bench.tree_of("1.0.0").unwrap().len(), 1, "the rest is read");
    let before = read_tree(&bench.path);
    fs::remove_file(bench.path.join("bad")).unwrap();
    assert!(bench.checkout("HEAD", false).is_err());
    assert_eq!(read_tree(&bench.path).len(), before.len() - 1);
}

#[test]
fn what_is_derived_can_be_lost() {
    let bench = Bench::new();
    bench.write("a", lines(1, 2_000));
    bench.commit(|_| {}).unwrap();
    let tree = read_tree(&bench.path);
    let tables =
        || fs::read_dir(bench.path.join(".helox/index")).unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().is_some());
    tables().for_each(|p| fs::remove_file(p).unwrap());
    fs::remove_file(bench.path.join(".helox/workspace/ds/stat.cache")).unwrap();
    assert_eq!(bench.tree_of("HEAD").unwrap(), tree);
    assert!(status_of(&bench).clean);
    bench.write("b", "more");
    bench.commit(|_| {}).unwrap();
    tables().for_each(|p| fs::write(p, "garbage").unwrap());
    assert_eq!(bench.tree_of("1.0.0").unwrap(), tree);
    let report = reindex::run(&bench.repo(), &NoProgress).unwrap();
    assert!(report.packs >= 4 && report.damaged.is_empty());
    assert_eq!(bench.tree_of("1.0.0").unwrap(), tree);
    assert!(tables().count() > 0);
}

#[test]
fn a_flipped_bit_in_a_table_hides_nothing() {
    let bench = Bench::new();
    bench.write("a", lines(1, 200));
    bench.commit(|_| {}).unwrap();
    let tree = read_tree(&bench.path);
    let tables =
        || fs::read_dir(bench.path.join(".helox/index")).unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().is_some());
    let path = tables().next().unwrap();
    let good = fs::read(&path).unwrap();
    for at in 16..16 + 56 * 3 {
        let mut bad = good.clone();
        bad[at] ^= 4;
        fs::remove_file(&path).unwrap();
        fs::write(&path, bad).unwrap();
        assert_eq!(bench.tree_of("HEAD").unwrap(), tree, "byte {at}");
        // A writer loads the tables again.
        let repo = bench.repo();
        let head = || revision::version(&repo, "HEAD").map(|resolved| resolved.version);
        let before = head().unwrap();
        drop(Writer::new(repo.store(), 1).unwrap());
        assert_eq!(head().unwrap(), before, "byte {at}");
    }
    for n in 0..4 {
        bench.write("b", lines(n, 10));
        bench.commit(|_| {}).unwrap();
    }
    assert_eq!(bench.tree_of("1.0.0").unwrap(), tree, "merging tables launders no damage");
}

#[test]
fn declaring_a_dataset_again_changes_nothing() {
    use crate::ops::dataset;
    let bench = Bench::new();
    fs::remove_file(bench.path.join("helox.toml")).unwrap();
    fs::create_dir(bench.path.join("a")).unwrap();
    let options = |kind: &str| dataset::AddOptions {
        name: "a".into(),
        kind: kind.into(),
        path: bench.path.join("a"),
        key: Vec::new(),
        formerly: Vec::new(),
    };
    dataset::add(&bench.repo(), &options("t")).unwrap();
    dataset::add(&bench.repo(), &options("t")).unwrap();
    assert_eq!(dataset::add(&bench.repo(), &options("other")).unwrap_err().kind(), ErrorKind::Conflict);
}

#[test]
fn verify_tells_which_version_a_folder_holds() {
    let bench = Bench::new();
    bench.write("a", "one");
    bench.commit(|_| {}).unwrap();
    let out = tempfile::tempdir().unwrap();
    fs::write(out.path().join("a"), "one").unwrap();
    let run = || {
        verify::run(
            &bench.repo(),
            &verify::VerifyOptions { targets: vec![out.path().display().to_string()], all: false },
            &NoProgress,
        )
        .unwrap()
    };
    assert!(run().is_valid);
    fs::write(out.path().join("a"), "two").unwrap();
    let report = run();
    assert!(!report.is_valid && report.expected_checksum != report.actual_checksum);
    assert_eq!(report.problems[0].path.as_deref(), Some("a"));
}
