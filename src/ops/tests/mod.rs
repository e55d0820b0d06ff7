//! The verbs together, as the library's callers use them: round trips, faults at every disk call, random histories.

mod altered;
mod arrow;
mod damage;
mod dialects;
mod facts;
mod faults;
mod fsck;
mod gate;
mod gate_cache;
mod gc;
mod model;
mod numbers;
mod opaque;
mod overwrite;
mod packed;
mod parquet;
mod posix;
mod progress;
mod queries;
mod recompress;
mod refs;
mod remote;
mod rules;
mod samples;
mod shards;
mod verbs;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::object::version::VersionNumber;
use crate::ops::{checkout, commit, init};
use crate::progress::NoProgress;
use crate::repo::Repo;

/// A file, a symlink or an empty folder, as a test compares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    File(Vec<u8>, bool),
    Symlink(PathBuf),
    Folder,
}

pub(super) type Tree = BTreeMap<String, Node>;

/// Everything below a folder that can be part of a dataset.
pub(super) fn read_tree(folder: &Path) -> Tree {
    fn walk(folder: &Path, prefix: &str, tree: &mut Tree) -> bool {
        let mut any = false;
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            let beside = prefix.is_empty() && matches!(name.as_str(), "helox.toml" | "helox.lock" | ".hlx.json");
            if beside || matches!(name.as_str(), ".helox" | ".git") {
                continue;
            }
            any = true;
            let path = format!("{prefix}{name}");
            let meta = entry.path().symlink_metadata().unwrap();
            if meta.is_symlink() {
                tree.insert(path, Node::Symlink(fs::read_link(entry.path()).unwrap()));
            } else if meta.is_dir() {
                if !walk(&entry.path(), &format!("{path}/"), tree) {
                    tree.insert(path, Node::Folder);
                }
            } else {
                tree.insert(path, Node::File(fs::read(entry.path()).unwrap(), meta.permissions().mode() & 0o100 != 0));
            }
        }
        any
    }
    let mut tree = Tree::new();
    walk(folder, "", &mut tree);
    tree
}

/// Makes a folder hold exactly a tree.
pub(super) fn write_tree(folder: &Path, tree: &Tree) {
    for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
        if !matches!(entry.file_name().to_str(), Some(".helox" | "helox.toml" | "helox.lock")) {
            if entry.path().symlink_metadata().unwrap().is_dir() {
                fs::remove_dir_all(entry.path())
            } else {
                fs::remove_file(entry.path())
            }
            .unwrap();
        }
    }
    for (path, node) in tree {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match node {
            Node::Folder => fs::create_dir_all(&path).unwrap(),
            Node::Symlink(target) => symlink(target, &path).unwrap(),
            Node::File(bytes, executable) => {
                fs::write(&path, bytes).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(if *executable { 0o755 } else { 0o644 })).unwrap();
            }
        }
    }
}

/// A repository in a temporary folder whose whole folder is the dataset `ds`.
pub(super) struct Bench {
    _dir: tempfile::TempDir,
    pub path: PathBuf,
}

impl Bench {
    pub fn new() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("work");
        init::run(&init::InitOptions { dir: path.clone(), name: Some("ds".into()), kind: Some("test".into()), new: false })
            .unwrap();
        Bench { _dir: dir, path }
    }

    /// A copy of it elsewhere.
    pub fn copy(&self) -> Bench {
        fn copy(from: &Path, to: &Path) {
            fs::create_dir_all(to).unwrap();
            for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
                let (path, to) = (entry.path(), to.join(entry.file_name()));
                let meta = path.symlink_metadata().unwrap();
                if meta.is_symlink() {
                    symlink(fs::read_link(&path).unwrap(), to).unwrap();
                } else if meta.is_dir() {
                    copy(&path, &to);
                } else {
                    fs::copy(&path, to).unwrap();
                }
            }
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("work");
        copy(&self.path, &path);
        Bench { _dir: dir, path }
    }

    pub fn repo(&self) -> Repo {
        Repo::open(&self.path).unwrap()
    }

    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub fn commit(&self, change: impl FnOnce(&mut commit::CommitOptions)) -> Result<commit::CommitReport> {
        let mut options = commit_options();
        change(&mut options);
        commit::run(&Repo::open(&self.path)?, &options, &NoProgress)
    }

    pub fn checkout(&self, revision: &str, force: bool) -> Result<checkout::CheckoutReport> {
        let options = checkout::CheckoutOptions { revision: revision.into(), force, ..Default::default() };
        checkout::run(&Repo::open(&self.path)?, &options, &NoProgress)
    }

    /// What a version holds, read back through a checkout into a new folder.
    pub fn tree_of(&self, revision: &str) -> Result<Tree> {
        let dir = tempfile::tempdir().map_err(|e| Error::io("cannot create", Path::new("tmp"), e))?;
        let into = dir.path().join("out");
        let options = checkout::CheckoutOptions { revision: revision.into(), into: Some(into.clone()), ..Default::default() };
        checkout::run(&Repo::open(&self.path)?, &options, &NoProgress)?;
        Ok(read_tree(&into))
    }
}

pub(super) fn commit_options() -> commit::CommitOptions {
    commit::CommitOptions {
        dataset: None,
        summary: "a version".into(),
        version: None,
        bump: commit::Bump::Auto,
        parent: None,
        tags: Vec::new(),
        move_tags: false,
        metadata: serde_json::Map::new(),
        author: Some("tester".into()),
        from: None,
        allow_empty: false,
        no_validate: false,
        reason: None,
        max_findings: None,
        dry_run: false,
    }
}

pub(super) fn number(text: &str) -> VersionNumber {
    VersionNumber::parse(text).unwrap()
}

/// Bytes that look random and are the same everywhere.
pub(super) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut out);
    out
}

/// Lines of text that compress somewhat.
pub(super) fn lines(seed: u64, count: usize) -> Vec<u8> {
    let line = |n: usize| {
        let id = blake3::hash(&[seed.to_le_bytes(), (n as u64).to_le_bytes()].concat()).to_hex();
        format!("{{\"id\":{n},\"text\":\"the tenant shall pay {} to the landlord\",\"hash\":\"{}\"}}\n", &id[..6], &id[6..40])
    };
    (0..count).flat_map(|n| line(n).into_bytes()).collect()
}
