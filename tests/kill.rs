//! Kills: a child `hlx` dies at varied moments of a commit and of a checkout. After each, every earlier version is whole,
//! and the same command again succeeds.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test lays out its own files and says what is wrong by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Moments that are tried for each command.
const MOMENTS: u32 = 16;

struct Work {
    dir: tempfile::TempDir,
}

impl Work {
    fn repo(&self) -> PathBuf {
        self.dir.path().join("repo")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hlx"));
        command.args(["-C", self.repo().to_str().unwrap(), "-q"]).args(arguments);
        command.env("HOME", self.dir.path()).env("HLX_AUTHOR", "tester").env_remove("HLX_COMPRESSION");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn succeeds(&self, arguments: &[&str]) {
        let output = self.command(arguments).stderr(Stdio::piped()).output().unwrap();
        assert!(output.status.success(), "hlx {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Starts a command and kills it after a while, unless it has ended.
    fn kill(&self, arguments: &[&str], after: Duration) {
        let mut child = self.command(arguments).spawn().unwrap();
        std::thread::sleep(after);
        let _ = child.kill();
        child.wait().unwrap();
    }

    /// What a version holds, through a checkout into a new folder.
    fn version(&self, number: &str) -> BTreeMap<String, Vec<u8>> {
        let out = self.dir.path().join("out");
        let _ = fs::remove_dir_all(&out);
        self.succeeds(&["checkout", &format!("ds@{number}"), "--into", out.to_str().unwrap()]);
        files(&out)
    }
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else {
                let path = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                if path != ".hlx.json" {
                    found.insert(path, fs::read(entry.path()).unwrap());
                }
            }
        }
    }
    found
}

fn noise(seed: u8, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut out);
    out
}

/// A repository with two versions, and changes on top of the second.
fn history() -> Work {
    let work = Work { dir: tempfile::tempdir().unwrap() };
    let data = work.repo().join("data");
    fs::create_dir_all(data.join("small")).unwrap();
    work.succeeds(&["init"]);
    work.succeeds(&["dataset", "add", "ds", "--type", "test", "--path", &data.display().to_string()]);
    fs::write(data.join("big"), noise(1, 3_000_000)).unwrap();
    (0..40).for_each(|n| fs::write(data.join(format!("small/{n}")), noise(n, 500)).unwrap());
    work.succeeds(&["commit", "ds", "-m", "one", "--version", "1.0.0"]);
    fs::write(data.join("big"), [noise(1, 1_500_000), noise(2, 300_000), noise(1, 3_000_000)].concat()).unwrap();
    fs::remove_file(data.join("small/7")).unwrap();
    work.succeeds(&["commit", "ds", "-m", "two", "--version", "1.1.0"]);
    fs::write(data.join("big"), noise(3, 2_000_000)).unwrap();
    fs::write(data.join("small/8"), "edited").unwrap();
    fs::write(data.join("new"), noise(4, 700_000)).unwrap();
    work
}

/// The moments to kill at, spread over the time that the command takes, and some beyond its end.
fn moments(run: impl Fn()) -> impl Iterator<Item = Duration> {
    let began = Instant::now();
    run();
    let whole = began.elapsed();
    (0..MOMENTS).map(move |n| whole * n / (MOMENTS - 4))
}

#[test]
fn a_killed_commit_leaves_every_version_whole() {
    let commit = ["commit", "ds", "-m", "three", "--version", "2.0.0", "--tag", "production"];
    for moment in moments(|| history().succeeds(&commit)).collect::<Vec<_>>() {
        let work = history();
        let (one, two) = (work.version("1.0.0"), work.version("1.1.0"));
        work.kill(&commit, moment);
        work.succeeds(&["verify", "--all"]);
        assert_eq!((work.version("1.0.0"), work.version("1.1.0")), (one, two), "killed after {moment:?}");
        work.succeeds(&commit);
        work.succeeds(&["verify", "--all"]);
        assert_eq!(work.version("production"), files(&work.repo().join("data")), "killed after {moment:?}");
        work.succeeds(&["status", "ds", "--exit-code"]);
    }
}

#[test]
fn a_killed_collection_leaves_every_version_whole() {
    let collect = ["gc", "--grace", "0"];
    let ready = || {
        let work = history();
        work.kill(&["commit", "ds", "-m", "three"], Duration::from_millis(60));
        work
    };
    for moment in moments(|| ready().succeeds(&collect)).collect::<Vec<_>>() {
        let work = ready();
        let (one, two) = (work.version("1.0.0"), work.version("1.1.0"));
        work.kill(&collect, moment);
        work.succeeds(&["verify", "--all"]);
        assert_eq!((work.version("1.0.0"), work.version("1.1.0")), (one, two), "killed after {moment:?}");
        // The first commit may have ended before it was killed.
        work.succeeds(&["commit", "ds", "-m", "three", "--version", "2.0.0", "--allow-empty"]);
        assert_eq!(work.version("2.0.0"), files(&work.repo().join("data")), "killed after {moment:?}");
        work.succeeds(&collect);
        assert_eq!(fs::read_dir(work.repo().join(".helox/tmp")).unwrap().count(), 0, "killed after {moment:?}");
        work.succeeds(&["verify", "--all"]);
    }
}

#[test]
fn a_killed_checkout_leaves_whole_files_and_can_be_repeated() {
    let checkout = ["checkout", "ds@1.0.0"];
    let ready = || {
        let work = history();
        work.succeeds(&["commit", "ds", "-m", "three", "--version", "2.0.0"]);
        work
    };
    for moment in moments(|| ready().succeeds(&checkout)).collect::<Vec<_>>() {
        let work = ready();
        let data = work.repo().join("data");
        let (old, new) = (files(&data), work.version("1.0.0"));
        work.kill(&checkout, moment);
        for (path, bytes) in files(&data) {
            let whole = [&old, &new].iter().any(|tree| tree.get(&path) == Some(&bytes));
            assert!(whole, "killed after {moment:?}, {path} is neither wholly old nor wholly new");
        }
        work.succeeds(&checkout);
        assert_eq!(files(&data), new, "killed after {moment:?}");
        work.succeeds(&["verify", "--all"]);
    }
}
