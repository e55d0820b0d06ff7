//! The git repository around the data: datasets are kept out of it.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::Result;
use crate::fs::atomic;

/// Whether a folder is within a git repository.
pub(super) fn is_around(dir: &Path) -> bool {
    dir.ancestors().any(|parent| parent.join(".git").exists())
}

/// Adds a folder to the `.gitignore` in `dir`, where that is within a git repository; false if it is there already.
/// `folder` is relative to `dir`.
pub(super) fn ignore(dir: &Path, folder: &str, tmp: &Path) -> Result<bool> {
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

/// Whether git has a file of a folder, or any for `.`; false where git cannot say.
pub(super) fn tracks(folder: &Path, name: &str) -> bool {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(["ls-files", "--", name]).stdin(Stdio::null()).stderr(Stdio::null());
    is_around(folder) && git.output().is_ok_and(|output| output.status.success() && !output.stdout.is_empty())
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
