//! The golden repositories: what was written in a released format opens, lists, verifies and checks out for ever.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use helox::id::{Content, Id};
use helox::object::checksum::DataChecksum;
use serde_json::Value;

use crate::sandbox::{Sandbox, copy_repository, paths};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden")
}

/// The regular files below a folder, by their paths.
fn files(root: &Path, folder: &Path, found: &mut Vec<(String, PathBuf)>) {
    for path in paths(folder) {
        let kind = path.symlink_metadata().unwrap().file_type();
        if kind.is_dir() {
            files(root, &path, found);
        } else if kind.is_file() && path.file_name().unwrap().as_bytes() != b".helox-version.json" {
            found.push((path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), path));
        }
    }
}

fn data_checksum(folder: &Path) -> String {
    let (mut found, mut sum) = (Vec::new(), DataChecksum::default());
    files(folder, folder, &mut found);
    found.sort();
    for (name, path) in found {
        sum.add(&name, &Id::<Content>::of(&fs::read(path).unwrap()));
    }
    sum.finish().to_string()
}

fn check(repository: &Path) {
    let s = Sandbox::new();
    copy_repository(repository, &s.path(""));
    let expected: Value = serde_json::from_str(&s.read("expected.json")).unwrap();
    let versions = expected["versions"].as_object().unwrap();
    assert!(!versions.is_empty());
    assert_eq!(s.json("log")["versions"].as_array().unwrap().len(), versions.len());
    for (name, version) in versions {
        let shown = s.json(&format!("show {name}"));
        for field in ["id", "manifest", "data_checksum"] {
            assert_eq!(shown[field], version[field], "{field} of {name} in {}", repository.display());
        }
        assert_eq!(s.json(&format!("ls -r {name}"))["items"].as_array().unwrap().len() as u64, version["entries"]);
        s.ok(&format!("checkout {name} --into out/{name}"));
        assert_eq!(data_checksum(&s.path("out").join(name)), version["data_checksum"]);
        s.ok(&format!("verify {name} out/{name}"));
    }
    for (name, id) in expected["tags"].as_object().unwrap() {
        assert_eq!(s.json(&format!("show {name}"))["id"], *id, "{name}");
    }
    s.ok("verify --all");
    let audit = s.json("audit --verify");
    assert_eq!(audit["is_valid"], true);
    let listed = s.json("audit")["entries"].as_array().unwrap().len() as u64;
    assert_eq!(listed, expected["facts"].as_u64().unwrap() + versions.len() as u64);
}

#[test]
fn golden_repositories_are_read_for_ever() {
    let repositories: Vec<_> = paths(&golden()).iter().flat_map(|format| paths(format)).collect();
    assert!(repositories.len() >= 2);
    repositories.iter().for_each(|repository| check(repository));
}
