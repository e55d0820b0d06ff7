//! The draft of a commit's summary: the file that an editor opens, in `.helox`. It stays until a commit succeeds, so that
//! what was written is there again after one that failed.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::fs::atomic;
use crate::repo::Repo;

/// The name of the file, the one that editors know from git: they set the width of its lines by it.
const NAME: &str = "COMMIT_EDITMSG";

/// The draft of a repository.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    tmp: PathBuf,
}

impl Draft {
    /// Writes the draft: the summary of the last one, if its commit failed, and comments below it.
    ///
    /// # Errors
    /// `ErrorKind::Io`.
    pub fn create(repo: &Repo, comments: &str) -> Result<Draft> {
        let layout = repo.store().layout();
        let draft = Draft { path: layout.root().join(NAME), tmp: layout.tmp() };
        let mut text = draft.summary()?;
        text.push('\n');
        for line in comments.lines() {
            text.push_str(&format!("# {line}").trim_end().replace('\0', " "));
            text.push('\n');
        }
        atomic::replace(&draft.tmp, &draft.path, text.as_bytes())?;
        Ok(draft)
    }

    /// Returns the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the summary: all lines but those that begin with `#`, without space around them.
    pub fn summary(&self) -> Result<String> {
        let bytes = atomic::read(&self.path)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).map(str::trim_end).collect();
        Ok(lines.join("\n").trim().to_owned())
    }

    /// Removes the file after its commit succeeded.
    pub fn remove(self) -> Result<()> {
        atomic::remove_file(&self.path)
    }
}
