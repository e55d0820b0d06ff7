//! Files on the disk that a checkout or a restore would replace or remove.

use super::*;
use crate::error::ErrorKind;
use crate::ops::restore;

/// Every file below a folder but the store, links and special files as their kind.
fn disk(bench: &Bench) -> Vec<String> {
    fn walk(folder: &Path, prefix: &str, all: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            match entry.file_type().unwrap() {
                _ if matches!(name.as_str(), ".helox" | "helox.toml" | "helox.lock") => {}
                kind if kind.is_dir() => walk(&entry.path(), &format!("{name}/"), all),
                kind if kind.is_file() => all.push(format!("{name}={}", fs::read_to_string(entry.path()).unwrap())),
                kind => all.push(format!("{name}={}", if kind.is_symlink() { "link" } else { "special" })),
            }
        }
    }
    let mut all = Vec::new();
    walk(&bench.path, "", &mut all);
    all.sort();
    all
}

fn restore(bench: &Bench, path: &str, source: Option<&str>, force: bool) -> Result<restore::RestoreReport> {
    let options = restore::RestoreOptions { paths: vec![path.into()], source: source.map(str::to_owned), force };
    restore::run(&bench.repo(), &options, &NoProgress).map(|mut reports| reports.remove(0))
}

/// Holds that a checkout of 1.0.0 refuses, names the files and touches nothing; forced, it replaces them and no more.
#[track_caller]
fn refuses(bench: &Bench, lost: &[&str], after: &[&str]) {
    let before = disk(bench);
    let error = bench.checkout("1.0.0", false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DirtyWorkspace, "{error:?}");
    let named: Vec<&str> = error.message().lines().skip(1).map(str::trim).collect();
    assert_eq!(named, lost);
    assert_eq!(disk(bench), before);
    assert_eq!(bench.checkout("1.0.0", true).unwrap().discarded, lost.len() as u64);
    assert_eq!(disk(bench), after);
}

/// A repository with `a` in 1.0.0 and another `a` in 2.0.0, beside `ignored` patterns of the workspace alone.
fn two_versions(path: &str, ignored: &str) -> Bench {
    let bench = Bench::new();
    bench.write(path, "one");
    bench.write("same", "same");
    bench.commit(|_| {}).unwrap();
    fs::remove_file(bench.path.join(path)).unwrap();
    let _ = fs::remove_dir(bench.path.join(path).parent().unwrap());
    bench.commit(|_| {}).unwrap();
    bench.write(".hlxignore", ignored);
    bench
}

#[test]
fn uncommitted_work_is_named_and_untracked_files_stay() {
    let bench = Bench::new();
    bench.write("a", "one");
    bench.write("b", "one");
    bench.commit(|_| {}).unwrap();
    bench.write("a", "two");
    bench.write("c", "two");
    bench.commit(|_| {}).unwrap();
    bench.write("b", "edited");
    bench.write("c", "edited too");
    bench.write("new/file", "untracked");
    bench.write(".hlxignore", "*.tmp\n");
    bench.write("x.tmp", "ignored");
    refuses(&bench, &["b", "c"], &[".hlxignore=*.tmp\n", "a=one", "b=one", "new/file=untracked", "x.tmp=ignored"]);
}

#[test]
fn an_ignored_file_is_replaced_only_if_the_store_holds_its_bytes() {
    let bench = two_versions("a.log", "*.log\n");
    bench.write("a.log", "precious");
    refuses(&bench, &["a.log"], &[".hlxignore=*.log\n", "a.log=one", "same=same"]);

    let bench = two_versions("a.log", "*.log\n");
    bench.write("a.log", "same");
    assert_eq!(bench.checkout("1.0.0", false).unwrap().discarded, 0, "another file of a version has these bytes");
    assert_eq!(disk(&bench), [".hlxignore=*.log\n", "a.log=one", "same=same"]);

    let bench = two_versions("a.log", "*.log\n");
    bench.write("a.log", "one");
    bench.checkout("1.0.0", false).unwrap();
}

#[test]
fn files_in_the_way_of_folders_and_folders_in_the_way_of_files() {
    let bench = two_versions("cache/x", "cache\n");
    bench.write("cache", "precious");
    refuses(&bench, &["cache"], &[".hlxignore=cache\n", "cache/x=one", "same=same"]);

    let bench = two_versions("cache/x", "");
    bench.write("cache", "untracked");
    refuses(&bench, &["cache"], &[".hlxignore=", "cache/x=one", "same=same"]);

    let bench = two_versions("cache", "cache/\n");
    bench.write("cache/deep/er", "precious");
    bench.write("cache/held", "same");
    fs::create_dir(bench.path.join("cache/empty")).unwrap();
    refuses(&bench, &["cache/deep/er"], &[".hlxignore=cache/\n", "cache=one", "same=same"]);

    let bench = two_versions("cache", "cache/\n");
    bench.write("cache/.git/config", "a repository");
    assert!(bench.checkout("1.0.0", true).unwrap_err().hint().unwrap().contains(".git"), "never removed");
    assert!(bench.path.join("cache/.git/config").exists());
}

#[test]
fn links_and_special_files_in_the_way() {
    let bench = two_versions("d/x", "d\n");
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("x"), "outside").unwrap();
    symlink(elsewhere.path(), bench.path.join("d")).unwrap();
    refuses(&bench, &["d"], &[".hlxignore=d\n", "d/x=one", "same=same"]);
    assert_eq!(fs::read_to_string(elsewhere.path().join("x")).unwrap(), "outside");

    for ignored in ["", "x\n"] {
        let bench = two_versions("x", ignored);
        let _socket = std::os::unix::net::UnixListener::bind(bench.path.join("x")).unwrap();
        refuses(&bench, &["x"], &[&format!(".hlxignore={ignored}"), "same=same", "x=one"]);
    }

    let bench = two_versions("x", "");
    let _socket = std::os::unix::net::UnixListener::bind(bench.path.join("elsewhere")).unwrap();
    bench.checkout("1.0.0", false).unwrap();
    assert_eq!(disk(&bench), [".hlxignore=", "elsewhere=special", "same=same", "x=one"], "it is in nobody's way");
}

#[test]
fn what_is_ignored_below_a_folder_that_goes_stays() {
    let bench = Bench::new();
    bench.write("a", "one");
    bench.commit(|_| {}).unwrap();
    bench.write("d/a", "two");
    bench.write(".hlxignore", "*.tmp\n");
    bench.commit(|_| {}).unwrap();
    bench.write("d/x.tmp", "ignored");
    bench.checkout("1.0.0", false).unwrap();
    assert_eq!(disk(&bench), ["a=one", "d/x.tmp=ignored"]);
}

#[test]
fn a_selection_leaves_other_files_alone() {
    let bench = two_versions("train/a", "");
    bench.write("train/a", "precious");
    bench.write("other", "untracked");
    let include =
        |glob: &str| checkout::CheckoutOptions { revision: "1.0.0".into(), include: vec![glob.into()], ..Default::default() };
    assert_eq!(checkout::run(&bench.repo(), &include("train/**"), &NoProgress).unwrap_err().kind(), ErrorKind::DirtyWorkspace);
    let error = checkout::run(&bench.repo(), &include("tarin/**"), &NoProgress).unwrap_err();
    assert_eq!((error.kind(), error.message().contains("did you mean 'train'?")), (ErrorKind::PathNotFound, true), "{error}");
    assert_eq!(disk(&bench), [".hlxignore=", "other=untracked", "same=same", "train/a=precious"]);
    checkout::run(&bench.repo(), &include("same"), &NoProgress).unwrap();
    assert_eq!(disk(&bench), [".hlxignore=", "other=untracked", "same=same", "train/a=precious"]);
}

#[test]
fn restore_replaces_only_what_the_store_holds() {
    let bench = Bench::new();
    for path in ["d/a", "d/b", "d/c", "e"] {
        bench.write(path, "one");
    }
    bench.commit(|_| {}).unwrap();
    bench.write("d/a", "two");
    bench.write("d/new", "two");
    bench.commit(|_| {}).unwrap();
    bench.write("d/a", "changed");
    fs::remove_file(bench.path.join("d/b")).unwrap();
    bench.write("d/c", "two");
    bench.write("d/untracked", "mine");
    let error = restore(&bench, "d", None, false).unwrap_err();
    assert_eq!((error.kind(), error.message().lines().nth(1)), (ErrorKind::DirtyWorkspace, Some("  d/a")));
    assert!(!bench.path.join("d/b").exists(), "nothing was touched");
    let report = restore(&bench, "d/b", None, false).unwrap();
    assert_eq!((report.restored, report.discarded), (vec!["d/b".into()], 0));
    let report = restore(&bench, "d", None, true).unwrap();
    assert_eq!((report.restored, report.discarded), (vec!["d/a".into(), "d/c".into()], 1));
    bench.write("d/new", "edited");
    assert_eq!(restore(&bench, "d", Some("1.0.0"), false).unwrap_err().kind(), ErrorKind::DirtyWorkspace);
    bench.write("d/new", "two");
    let report = restore(&bench, "d", Some("1.0.0"), false).unwrap();
    assert_eq!((report.restored, report.removed), (vec!["d/a".into()], vec!["d/new".into()]));
    assert_eq!(disk(&bench), ["d/a=one", "d/b=one", "d/c=one", "d/untracked=mine", "e=one"]);
    assert_eq!(restore(&bench, "nowhere", None, false).unwrap_err().kind(), ErrorKind::PathNotFound);
    assert!(restore(&bench, "../x", None, false).is_err());
}

#[test]
fn checkout_of_paths_brings_just_these() {
    let bench = Bench::new();
    bench.write("a", "one");
    bench.write("b", "one");
    bench.commit(|_| {}).unwrap();
    bench.write("a", "two");
    bench.write("b", "two");
    bench.commit(|_| {}).unwrap();
    let paths = |path: &str, force| {
        let options =
            checkout::CheckoutOptions { revision: "1.0.0".into(), paths: vec![path.into()], force, ..Default::default() };
        checkout::run(&bench.repo(), &options, &NoProgress)
    };
    assert_eq!(paths("./a", false).unwrap().written, 1);
    assert_eq!(disk(&bench), ["a=one", "b=two"]);
    let status = crate::ops::status::run(&bench.repo(), &Default::default(), &NoProgress).unwrap();
    assert_eq!((status.version, status.modified, status.selection), (Some(number("2.0.0")), vec!["a".into()], None));
    bench.write("b", "edited");
    assert_eq!(paths("b", false).unwrap_err().kind(), ErrorKind::DirtyWorkspace);
    assert_eq!(paths("b", true).unwrap().discarded, 1);
    assert_eq!(paths("c", true).unwrap_err().kind(), ErrorKind::PathNotFound);
}

#[test]
fn a_file_that_changes_after_the_survey_is_left_as_it_is() {
    use crate::fs::openat::Root;
    use crate::worktree::checkout::{CheckoutTarget, apply, survey};
    use crate::worktree::{cache, scan::Scan};
    let bench = Bench::new();
    bench.write("edited", "one");
    bench.write("removed", "one");
    bench.commit(|_| {}).unwrap();
    for path in ["edited", "removed", "surplus"] {
        bench.write(path, "two");
    }
    fs::remove_file(bench.path.join("removed")).unwrap();
    bench.commit(|_| {}).unwrap();
    for path in ["edited", "surplus", "removed"] {
        let repo = bench.repo();
        let (store, head) = (repo.store(), crate::repo::revision::version(&repo, "2.0.0").unwrap().version.manifest);
        let manifest = crate::repo::revision::version(&repo, "1.0.0").unwrap().version.manifest;
        let (target, root) = (CheckoutTarget { manifest, selection: None }, Root::open(&bench.path).unwrap());
        let scan = || Scan::tolerant(&root, cache::CacheReader::open(&cache::path(store.layout(), "ds")));
        let surveyed = survey(store, &root, scan().unwrap(), Some(head), &[], &target, &NoProgress).unwrap();
        surveyed.refuse_loss(str::to_owned).unwrap();
        bench.write(path, "written meanwhile");
        let rows = cache::CacheWriter::create(store.layout(), "ds").unwrap();
        let error = apply(store, &root, scan, &surveyed, &target, rows, &NoProgress).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.message().contains(path), "{}", error.message());
        assert_eq!(fs::read_to_string(bench.path.join(path)).unwrap(), "written meanwhile");
        bench.checkout("2.0.0", true).unwrap();
        let _ = fs::remove_file(bench.path.join("removed"));
    }
}

#[test]
fn after_checkouts_that_were_interrupted_every_way_is_open() {
    use crate::worktree::state::WorkspaceState;
    let bench = Bench::new();
    for (number, text) in [("1.0.0", "one"), ("1.1.0", "two"), ("1.2.0", "three")] {
        bench.write("a", text);
        bench.write(&format!("only-{text}"), text);
        bench.commit(|options| options.version = Some(super::number(number))).unwrap();
        fs::remove_file(bench.path.join(format!("only-{text}"))).unwrap();
    }
    let id = |revision: &str| crate::repo::revision::version(&bench.repo(), revision).unwrap().id;
    bench.checkout("1.2.0", true).unwrap();
    // Killed on the way to 1.1.0, and again on the way back.
    bench.write("a", "two");
    bench.write("only-two", "two");
    assert_eq!(bench.checkout("1.2.0", false).unwrap_err().kind(), ErrorKind::DirtyWorkspace, "nobody says where that is from");
    let layout = bench.repo().store().layout().clone();
    let pending = vec![id("1.1.0"), id("1.2.0")];
    WorkspaceState { pending, ..WorkspaceState::load(&layout, "ds").unwrap() }.save(&layout, "ds").unwrap();
    for revision in ["1.2.0", "1.0.0", "1.1.0"] {
        bench.checkout(revision, false).unwrap();
        assert!(!bench.path.join("only-two").exists() || revision == "1.1.0", "{revision}: {:?}", disk(&bench));
    }
    assert_eq!(WorkspaceState::load(&layout, "ds").unwrap().pending, []);
    bench.write("a", "mine");
    assert_eq!(bench.checkout("1.0.0", false).unwrap_err().kind(), ErrorKind::DirtyWorkspace);
}

#[test]
fn what_a_power_cut_leaves_of_an_interrupted_checkout_is_replaced() {
    use crate::worktree::state::WorkspaceState;
    let bench = Bench::new();
    let whole = "{\"id\":1}\n".repeat(20_000);
    bench.write("a", "old");
    bench.commit(|_| {}).unwrap();
    bench.write("a", &whole);
    bench.commit(|_| {}).unwrap();
    bench.checkout("1.0.0", true).unwrap();
    let latest = crate::repo::revision::version(&bench.repo(), "latest").unwrap().id;
    let layout = bench.repo().store().layout().clone();
    let half = whole[..70_000].to_owned();
    let zeros = |len| "\0".repeat(len);
    for (left, is_torn) in [
        (String::new(), true),
        (half.clone(), true),
        (half.clone() + &zeros(100_000), true),
        (zeros(whole.len()), true),
        (half.clone() + &zeros(whole.len()), false),
        (half.clone() + "mine", false),
        (zeros(5) + "mine", false),
    ] {
        bench.write("a", &left);
        let pending = vec![latest];
        WorkspaceState { pending, ..WorkspaceState::load(&layout, "ds").unwrap() }.save(&layout, "ds").unwrap();
        let outcome = bench.checkout("2.0.0", false).map(drop);
        assert_eq!(outcome.is_ok(), is_torn, "{} bytes: {outcome:?}", left.len());
        let now = fs::read_to_string(bench.path.join("a")).unwrap();
        assert_eq!(now, if is_torn { &*whole } else { &*left });
        bench.checkout("1.0.0", true).unwrap();
        bench.write("a", &left);
        assert_eq!(bench.checkout("2.0.0", false).unwrap_err().kind(), ErrorKind::DirtyWorkspace, "none was interrupted");
    }
}

#[test]
fn into_a_symlink_is_refused() {
    let bench = Bench::new();
    bench.write("a", "1");
    bench.commit(|_| {}).unwrap();
    let dir = tempfile::tempdir().unwrap();
    symlink(dir.path(), dir.path().join("link")).unwrap();
    let into = Some(dir.path().join("link"));
    let options = checkout::CheckoutOptions { revision: "latest".into(), into, ..Default::default() };
    let error = checkout::run(&bench.repo(), &options, &NoProgress).unwrap_err();
    assert!(error.kind() == ErrorKind::Conflict && error.message().contains("is a symlink"), "{error}");
}
