//! The paths in `.helox/`. `docs/formats/layout.md` shows the tree.

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::fs::{atomic, share};
use crate::object;
use crate::store::format;

/// The name of the folder.
pub const FOLDER: &str = crate::fs::STORE;

/// The folders of a store, each behind the one that it lies in.
const FOLDERS: [&str; 9] =
    ["tmp", "packs", "packs/data", "packs/structure", "index", "refs", "refs/versions", "refs/facts", "workspace"];

/// Returns true if a folder is missing or has no entry.
fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none())
}

/// The paths of a store.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Returns the layout of a store in this `.helox` folder.
    pub fn new(root: impl Into<PathBuf>) -> Layout {
        Layout { root: root.into() }
    }

    /// Makes what is missing, each folder synced into its parent; safe to repeat. The file `format` comes last, so that
    /// a folder with it is whole.
    pub fn create(&self) -> Result<()> {
        atomic::ensure_folder(&self.root)?;
        for folder in FOLDERS {
            atomic::ensure_folder(&self.root.join(folder))?;
        }
        atomic::sync_folder(&self.root)?;
        match atomic::read(&self.format())? {
            None => atomic::create_once(&self.tmp(), &self.format(), format::NEW).map(drop),
            Some(_) => self.check(),
        }
    }

    /// Creates the folders that a store lacks and that may have been empty: some tools copy none that are.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] where one is gone that was not empty: the refs of what the packs hold, or the packs of what the
    /// refs name. A folder that this user cannot create is left to whatever needs it.
    pub fn complete(&self) -> Result<()> {
        let (refs, packs) = (self.versions(), self.packs(object::ObjectKind::Version));
        for (lost, rest) in [(&refs, &packs), (&packs, &refs)] {
            if !lost.exists() && !is_empty(rest) {
                let lost = lost.ancestors().take_while(|folder| !folder.exists()).last().unwrap_or(lost);
                let (name, root) = (lost.strip_prefix(&self.root).unwrap_or(lost).display(), self.root.display());
                return Err(Error::damaged(format!("folder {} is missing, but {} is not empty", lost.display(), rest.display()))
                    .with_hint(format!(
                        "restore it from another copy of the repository: rsync -a OTHER/.helox/{name}/ {root}/{name}/\n\
                         to continue without its content: hlx init"
                    )));
            }
        }
        let missing = FOLDERS.iter().map(|folder| self.root.join(folder)).filter(|folder| !folder.is_dir());
        missing.for_each(|folder| drop(atomic::ensure_folder(&folder)));
        Ok(())
    }

    /// Has the group of `.helox` share it: what is there now, and what is created in it from now on.
    pub fn share(&self) -> Result<()> {
        let catalog = self.catalog();
        let is_lock = |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().ends_with(b"lock"));
        let is_sled = |path: &Path| path.starts_with(&catalog) && !path.ends_with("seal");
        share::tree(&self.root, |path| if is_lock(path) || is_sled(path) { share::WRITE } else { share::READ })
            .map_err(|e| e.with_hint("run 'hlx init' as its owner or root"))
    }

    /// Fails unless the folder holds a store of the format that this hlx reads.
    pub fn check(&self) -> Result<()> {
        match atomic::read(&self.format())? {
            Some(bytes) => format::check(&self.format(), &bytes),
            None => Err(Error::new(ErrorKind::RepositoryNotFound, format!("{} is an incomplete store", self.root.display()))
                .with_hint("complete it: hlx init")),
        }
    }

    /// `.helox` itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the file that names the format.
    pub fn format(&self) -> PathBuf {
        self.root.join("format")
    }

    /// Files that have no name yet.
    pub fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Returns the packs that hold objects of this kind.
    pub fn packs(&self, kind: object::ObjectKind) -> PathBuf {
        self.root.join(if kind == object::ObjectKind::Chunk { "packs/data" } else { "packs/structure" })
    }

    /// Returns the index tables.
    pub fn index(&self) -> PathBuf {
        self.root.join("index")
    }

    /// Returns the refs of all versions, a folder a dataset.
    pub fn versions(&self) -> PathBuf {
        self.root.join("refs/versions")
    }

    /// Returns the files that name the version whose ref was created last, one a dataset.
    pub fn newest_versions(&self) -> PathBuf {
        self.root.join("refs/newest-version")
    }

    /// Returns the sequence of the heads of the facts.
    pub fn facts(&self) -> PathBuf {
        self.root.join("refs/facts")
    }

    /// Returns the file that names the newest fact whose entry a command reported.
    pub fn newest_fact(&self) -> PathBuf {
        self.root.join("refs/newest-fact")
    }

    /// Returns the state of a dataset's workspace.
    pub fn workspace(&self, dataset: &str) -> PathBuf {
        self.root.join("workspace").join(dataset)
    }

    /// Returns the datasets that have a folder for the state of a workspace, in order.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the folders cannot be listed.
    pub fn workspaces(&self) -> Result<Vec<String>> {
        let folder = self.root.join("workspace");
        let fail = |e| Error::io("cannot read the folder", &folder, e);
        let entries = match std::fs::read_dir(&folder) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(fail)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry.map_err(fail)?.file_name().into_string());
        }
        names.sort();
        Ok(names)
    }

    /// Returns the folder of the evaluation caches of a dataset.
    pub fn gate(&self, dataset: &str) -> PathBuf {
        self.root.join("gate").join(dataset)
    }

    /// Returns the folder of what is known of a remote.
    pub fn remote(&self, name: &str) -> PathBuf {
        self.root.join("remotes").join(name)
    }

    /// Returns the catalog.
    pub fn catalog(&self) -> PathBuf {
        self.root.join("catalog")
    }

    /// Returns the lock that every writer shares and a collector of garbage holds alone.
    pub fn gc_lock(&self) -> PathBuf {
        self.root.join("gc.lock")
    }

    /// Returns the file that exists while contents are known to be damaged.
    pub fn damaged(&self) -> PathBuf {
        self.root.join("damaged")
    }

    /// Returns the folder of damaged files that a repair took out of use.
    pub fn quarantine(&self) -> PathBuf {
        self.root.join("quarantine")
    }

    /// Settings of this copy of the repository alone.
    pub fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }
}
