//! Files of the catalog cut, garbled and replaced: what the user gets stays the same, and no panic comes through.

use std::fs;
use std::path::{Path, PathBuf};

use crate::catalog::seal::CatalogFolder;
use crate::catalog::tests::samples::{answer, folder, indexed, repository, some_versions};

/// Places of each file that are damaged.
const PLACES: usize = 6;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to.join("blobs")).unwrap();
    for path in files(from) {
        fs::copy(&path, to.join(path.strip_prefix(from).unwrap())).unwrap();
    }
}

/// Every way to spoil a file of the catalog, a few bytes or all of them.
fn spoil(folder: &Path, mut then: impl FnMut(&str)) {
    let good = tempfile::tempdir().unwrap();
    copy(folder, good.path());
    for file in files(good.path()) {
        let bytes = fs::read(&file).unwrap();
        let name = file.strip_prefix(good.path()).unwrap().to_owned();
        let mut bad: Vec<(String, Vec<u8>)> =
            vec![("empty".into(), Vec::new()), ("half".into(), bytes[..bytes.len() / 2].to_vec())];
        let used = bytes.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
        for n in 0..PLACES {
            let at = used * n / PLACES;
            let mut flipped = bytes.clone();
            let mut garbled = bytes.clone();
            if let Some(byte) = flipped.get_mut(at) {
                *byte ^= 1 << (n % 8);
            }
            for (k, byte) in garbled.iter_mut().skip(at).take(700).enumerate() {
                *byte = (k * 31 + n * 7) as u8;
            }
            bad.push((format!("a bit at {at}"), flipped));
            bad.push((format!("garbage at {at}"), garbled));
        }
        for (how, bytes) in bad {
            copy(good.path(), folder);
            fs::write(folder.join(&name), bytes).unwrap();
            then(&format!("{}: {how}", name.display()));
        }
    }
}

#[test]
fn damage_never_changes_an_answer() {
    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    some_versions(&repo);
    let expected = answer(&repo);
    spoil(&folder(dir.path()), |what| {
        assert_eq!(answer(&repo), expected, "{what}");
        assert_eq!(indexed(&repo, "leases").unwrap(), expected, "{what}: it comes back");
    });
}

#[test]
fn damage_under_a_seal_neither_panics_nor_invents() {
    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    some_versions(&repo);
    let expected = answer(&repo);
    indexed(&repo, "leases").unwrap();
    let sealed = CatalogFolder::of(repo.store().layout());
    let mut wrong = Vec::new();
    spoil(&folder(dir.path()), |what| {
        // As if the medium had changed bytes that nobody wrote.
        sealed.seal().unwrap();
        let answer = answer(&repo);
        if answer != expected {
            wrong.push(what.to_owned());
        }
        for entry in &answer {
            assert_eq!(entry.version.id(), entry.id, "{what}");
        }
    });
    assert_eq!(wrong, [""; 0]);
}
