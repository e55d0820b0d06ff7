//! The git repository around the data: its settings, the commit of the code, and datasets that are kept out of it.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::Result;
use crate::fs::atomic;

/// A commit of git, as it is checked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitCheckout {
    /// The id of the commit.
    pub commit: String,
    /// True if tracked files differ from it.
    pub is_dirty: bool,
}

/// Returns true if a folder is within a git repository.
pub fn is_around(dir: &Path) -> bool {
    dir.ancestors().any(|parent| parent.join(".git").exists())
}

/// Adds a folder to the `.gitignore` in `dir`, where that is within a git repository; false if it is there already.
/// `folder` is relative to `dir`.
pub fn ignore(dir: &Path, folder: &str, tmp: &Path) -> Result<bool> {
    if !is_around(dir) {
        return Ok(false);
    }
    let path = dir.join(".gitignore");
    let mut text = atomic::read(&path)?.unwrap_or_default();
    let is_rule = |line: &[u8]| {
        let line = line.trim_ascii();
        let line = line.strip_prefix(b"/").unwrap_or(line);
        line.strip_suffix(b"/").unwrap_or(line) == folder.as_bytes()
    };
    if text.split(|b| *b == b'\n').any(is_rule) {
        return Ok(false);
    }
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    // A rule with a slash in its middle holds from here on; one without needs the slash at its start.
    let rule = if folder.starts_with('.') { format!("{folder}/\n") } else { format!("/{folder}/\n") };
    text.extend_from_slice(rule.as_bytes());
    atomic::replace(tmp, &path, &text)?;
    Ok(true)
}

/// Returns true if git has a file of a folder, or any for `.`; false where git cannot say.
pub fn tracks(folder: &Path, name: &str) -> bool {
    is_around(folder) && ask(folder, &["ls-files", "--", name]).is_some_and(|files| !files.is_empty())
}

/// Asks git for the commit that is checked out in a folder. `None` where no folder above has a `.git`, git is not installed
/// or there is no commit yet.
pub fn checkout(folder: &Path) -> Option<GitCheckout> {
    let commit = is_around(folder).then(|| ask(folder, &["rev-parse", "--verify", "HEAD"]))??;
    let is_dirty = !ask(folder, &["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Some(GitCheckout { commit, is_dirty })
}

/// Returns a setting of git as it holds in the current folder, if it has one.
pub fn setting(key: &str) -> Option<String> {
    ask(Path::new("."), &["config", "--get", key]).filter(|value| !value.is_empty())
}

/// Returns what git prints in a folder, without space around it; `None` where it is not installed or fails.
fn ask(folder: &Path, arguments: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    git.current_dir(folder).arg("--no-optional-locks").args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
    let output = git.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_ignored_once() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::create_dir(root.join("tmp")).unwrap();
        let add = |folder: &str| ignore(root, folder, &root.join("tmp")).unwrap();
        assert!(!add("data"), "there is no git here");
        std::fs::create_dir(root.join(".git")).unwrap();
        std::fs::write(root.join(".gitignore"), "*.pyc").unwrap();
        assert!(add(".helox") && add("data/leases") && !add("data/leases") && !add(".helox"));
        assert_eq!(std::fs::read_to_string(root.join(".gitignore")).unwrap(), "*.pyc\n.helox/\n/data/leases/\n");
        assert!(!tracks(root, "."));
    }
}
