//! The small files of a repository and its derived files: refs, format, settings, states, caches, tables. Any bytes in the
//! place of one are refused or passed over, and no command fails with an error of the program.
//!
//! The first byte chooses the file; the second, whether the rest replaces it or changes bytes of it: two bytes of a place, and
//! the bits to flip.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use helox::ops::{commit, fsck, init, log, status, validate};
use helox::{ErrorKind, NoProgress, Repo, Result};
use libfuzzer_sys::fuzz_target;

const RULES: &str = "\n[[dataset.ds.validation.rule]]\nkind = \"unique\"\nfields = \"/id\"\n";

struct Bench {
    folder: tempfile::TempDir,
    /// The files, with their contents.
    files: Vec<(PathBuf, Vec<u8>)>,
}

static BENCH: OnceLock<Bench> = OnceLock::new();

fn create() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let name = Some("ds".to_owned());
    init::run(&init::InitOptions { dir: root.to_owned(), name, kind: Some("fuzz".to_owned()), new: false }).unwrap();
    let config = fs::read_to_string(root.join("helox.toml")).unwrap();
    fs::write(root.join("helox.toml"), config + RULES).unwrap();
    fs::write(root.join("a.jsonl"), "{\"id\": 1}\n{\"id\": 2}\n").unwrap();
    for (number, tag) in [("1.0.0", "first"), ("1.1.0", "second")] {
        fs::write(root.join("b.txt"), number).unwrap();
        let options = commit::CommitOptions {
            dataset: None,
            summary: number.to_owned(),
            version: helox::VersionNumber::parse(number).ok(),
            bump: commit::Bump::Auto,
            parent: None,
            tags: vec![tag.to_owned()],
            move_tags: false,
            metadata: Default::default(),
            author: Some("fuzz".to_owned()),
            from: None,
            allow_empty: false,
            no_validate: false,
            reason: None,
            max_findings: None,
            dry_run: false,
        };
        commit::run(&Repo::open(root).unwrap(), &options, &NoProgress).unwrap();
    }
    fs::write(root.join(".helox/config.toml"), "[store]\ncompression = 3\n").unwrap();
    let mut files = Vec::new();
    collect(&root.join(".helox"), &mut files);
    files.sort();
    Bench { folder, files }
}

/// Adds the files below a folder, but for packs, which have their own target, the database, and empty ones.
fn collect(folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && name != "packs" && name != "catalog" {
            collect(&path, files);
        } else if path.is_file() && fs::metadata(&path).unwrap().len() > 0 {
            files.push((path.clone(), fs::read(path).unwrap()));
        }
    }
}

fn is_no_defect<T>(outcome: Result<T>) {
    if let Err(e) = outcome {
        assert_ne!(e.kind(), ErrorKind::Internal, "{e}");
    }
}

fuzz_target!(|input: &[u8]| {
    let [file, mode, rest @ ..] = input else { return };
    let bench = BENCH.get_or_init(create);
    let (path, content) = &bench.files[usize::from(*file) % bench.files.len()];
    let mut bytes = content.clone();
    if mode % 2 == 0 {
        bytes = rest.to_vec();
    } else {
        for change in rest.chunks_exact(3) {
            let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % bytes.len();
            bytes[at] ^= change[2];
        }
    }
    fs::write(path, bytes).unwrap();
    if let Ok(repo) = Repo::open(bench.folder.path()) {
        is_no_defect(status::run(&repo, &status::StatusOptions::default(), &NoProgress));
        is_no_defect(log::run(&repo, &log::LogOptions::default()));
        is_no_defect(validate::run(&repo, &validate::ValidateOptions::default(), &NoProgress));
        is_no_defect(fsck::run(&repo, &fsck::FsckOptions::default(), &NoProgress));
    }
    for (path, content) in &bench.files {
        if fs::read(path).ok().as_ref() != Some(content) {
            fs::write(path, content).unwrap();
        }
    }
});
