//! Symlinks of a dataset whose data a version does not hold.

use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use crate::fs::openat::Root;
use crate::path::DataPath;

/// The number of symlinks of a version, and where they point. A version stores a symlink's target, never the data behind
/// it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Links {
    /// All symlinks.
    pub total: u64,
    /// Those that point outside of the dataset, by `..` or as an absolute path.
    pub outside: u64,
    /// Those that point at nothing.
    pub dangling: u64,
    /// The path of the first that points outside or at nothing.
    pub example: Option<String>,
}

impl Links {
    /// Counts a symlink of a folder. One that went away since it was read points nowhere that could be told.
    pub(super) fn add(&mut self, root: &Root, path: &DataPath) {
        let name = path.as_str();
        let Ok(target) = root.cursor().read_link(name) else {
            self.total += 1;
            return;
        };
        let target = String::from_utf8_lossy(&target);
        let is_outside = inside(path, Path::new(&*target)).is_none();
        let is_dangling = !root.path().join(path.as_path()).exists();
        self.total += 1;
        self.outside += u64::from(is_outside);
        self.dangling += u64::from(is_dangling);
        if is_outside || is_dangling {
            self.example.get_or_insert_with(|| name.to_owned());
        }
    }
}

/// Returns the path within the dataset that a symlink points at, by its words alone; `None` if it leads outside.
fn inside(link: &DataPath, target: &Path) -> Option<PathBuf> {
    let mut at: PathBuf = link.split().0.map(PathBuf::from).unwrap_or_default();
    for part in target.components() {
        match part {
            Component::Normal(name) => at.push(name),
            Component::ParentDir => drop(at.pop().then_some(())?),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_inside_or_leads_outside() {
        let inside = |link: &str, target: &str| inside(&DataPath::new(link).unwrap(), Path::new(target)).is_some();
        for target in ["b", "./b", "../a/b", "..", "missing/b"] {
            assert!(inside("a/link", target), "{target}");
        }
        for target in ["../../b", "/b", "../a/../../b"] {
            assert!(!inside("a/link", target), "{target}");
        }
        assert!(!inside("link", "../b") && inside("link", "b"));
    }

    #[test]
    fn links_are_counted_by_where_they_point() {
        let dir = tempfile::tempdir().unwrap();
        let (blobs, data) = (dir.path().join("blobs"), dir.path().join("data"));
        std::fs::create_dir(&blobs).and_then(|()| std::fs::create_dir(&data)).unwrap();
        std::fs::write(data.join("file"), "x").unwrap();
        let root = Root::open(&data).unwrap();
        let mut links = Links::default();
        let absolute = blobs.display().to_string();
        for (name, target) in [("in", "file"), ("loose", "nothing"), ("out", "../blobs"), ("abs", &absolute), ("gone", "../x")] {
            std::os::unix::fs::symlink(target, data.join(name)).unwrap();
            links.add(&root, &DataPath::new(name).unwrap());
        }
        links.add(&root, &DataPath::new("vanished").unwrap());
        assert_eq!(links, Links { total: 6, outside: 3, dangling: 2, example: Some("loose".into()) });
    }
}
