//! Finds the files that a run made and hashes them.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{ErrorKind as IoErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::limits;
use crate::object::fact::Artifact;
use crate::parallel;
use crate::path::printable;
use crate::progress::{Progress, Stage};

/// Returns the artifacts at these paths, in the order of the paths: files, and of folders every file in them. Symlinks are
/// followed, since checkpoints are often kept so.
pub(super) fn hash(paths: &[PathBuf], progress: &dyn Progress) -> Result<Vec<Artifact>> {
    let mut found = ArtifactFiles::default();
    for path in paths {
        found.take(path)?;
    }
    progress.begin(Stage::Verify, found.files.len() as u64, found.bytes);
    let mut artifacts = Vec::with_capacity(found.files.len());
    parallel::ordered(
        found.files.into_iter().map(Ok),
        2 * parallel::threads(),
        || vec![0; 1 << 20],
        |buffer, (name, path)| read(name, &path, buffer, progress),
        |artifact| {
            artifacts.push(artifact);
            Ok(())
        },
    )?;
    Ok(artifacts)
}

#[derive(Default)]
struct ArtifactFiles {
    /// The files by their names.
    files: BTreeMap<String, PathBuf>,
    bytes: u64,
    /// The folders that are being read, outermost first, where they really are.
    open: Vec<PathBuf>,
}

impl ArtifactFiles {
    fn take(&mut self, path: &Path) -> Result<()> {
        let meta = fs::metadata(path).map_err(|e| match e.kind() {
            IoErrorKind::NotFound | IoErrorKind::NotADirectory => {
                Error::new(ErrorKind::PathNotFound, format!("artifact {} does not exist", shown(path)))
            }
            _ => Error::io("cannot read the artifact", path, e),
        })?;
        if meta.is_dir() {
            return self.take_folder(path);
        }
        if !meta.is_file() {
            let message = format!("artifact {} is neither a file nor a folder", shown(path));
            return Err(Error::new(ErrorKind::UnsupportedInput, message));
        }
        let Some(name) = path.to_str() else {
            let message = format!("the name of the artifact {} is not UTF-8", shown(path));
            return Err(Error::new(ErrorKind::UnsupportedInput, message));
        };
        if self.files.insert(name.to_owned(), path.to_owned()).is_none() {
            self.bytes += meta.len();
        }
        if self.files.len() > limits::RUN_ITEMS {
            return Err(Error::usage(format!("a run can have at most {} artifacts", limits::RUN_ITEMS))
                .with_hint("record fewer files, or put them into one archive"));
        }
        Ok(())
    }

    fn take_folder(&mut self, path: &Path) -> Result<()> {
        let fail = |e| Error::io("cannot read the folder", path, e);
        let real = path.canonicalize().map_err(fail)?;
        if self.open.contains(&real) {
            let message = format!("the artifact {} is a symlink to a folder that contains it", shown(path));
            return Err(Error::new(ErrorKind::UnsupportedInput, message));
        }
        self.open.push(real);
        let mut entries = fs::read_dir(path).map_err(fail)?.collect::<Result<Vec<_>, _>>().map_err(fail)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        entries.iter().try_for_each(|entry| self.take(&entry.path()))?;
        self.open.pop();
        Ok(())
    }
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}

/// Hashes a file that nobody writes meanwhile.
fn read(name: String, path: &Path, buffer: &mut [u8], progress: &dyn Progress) -> Result<Artifact> {
    let fail = |e| Error::io("cannot read the artifact", path, e);
    let stamp = |meta: Metadata| (meta.len(), meta.modified().ok());
    let mut file = File::open(path).map_err(fail)?;
    let before = stamp(file.metadata().map_err(fail)?);
    let mut hasher = blake3::Hasher::new();
    loop {
        progress.check()?;
        match file.read(buffer) {
            Ok(0) => break,
            Ok(n) => {
                hasher.update(&buffer[..n]);
                progress.advance(0, n as u64);
            }
            Err(e) if e.kind() == IoErrorKind::Interrupted => {}
            Err(e) => return Err(fail(e)),
        }
    }
    progress.advance(1, 0);
    let size = hasher.count();
    if stamp(file.metadata().map_err(fail)?) != before || size != before.0 {
        return Err(Error::new(ErrorKind::Conflict, format!("the artifact {} changed while it was read", shown(path)))
            .with_hint("stop other programs from writing to it and run the command again"));
    }
    Ok(Artifact { path: name, size, content: Id::from_bytes(*hasher.finalize().as_bytes()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::NoProgress;
    use std::os::unix::fs::symlink;

    #[test]
    fn folders_are_read_through_and_symlinks_followed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("out/deep")).unwrap();
        fs::write(at("out/deep/b"), "b").unwrap();
        fs::write(at("out/a"), "a").unwrap();
        symlink("a", at("out/link")).unwrap();
        let found = hash(&[at("out"), at("out/a")], &NoProgress).unwrap();
        let names: Vec<_> = found.iter().map(|a| a.path.strip_prefix(dir.path().to_str().unwrap()).unwrap()).collect();
        assert_eq!(names, ["/out/a", "/out/deep/b", "/out/link"]);
        assert_eq!((found[1].size, found[1].content, found[2].content), (1, Id::of(b"b"), Id::of(b"a")));

        assert_eq!(hash(&[at("none")], &NoProgress).unwrap_err().kind(), ErrorKind::PathNotFound);
        symlink("..", at("out/deep/up")).unwrap();
        assert_eq!(hash(&[at("out")], &NoProgress).unwrap_err().kind(), ErrorKind::UnsupportedInput);
        (0..=limits::RUN_ITEMS).for_each(|n| fs::write(at(&format!("{n}")), "").unwrap());
        fs::remove_dir_all(at("out")).unwrap();
        assert_eq!(hash(&[dir.path().to_owned()], &NoProgress).unwrap_err().kind(), ErrorKind::Usage);
    }
}
