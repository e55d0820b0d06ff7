//! The commit of the code beside the data, where that is in git.

use std::path::Path;
use std::process::{Command, Stdio};

/// A commit of git, as it is checked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// The id of the commit.
    pub commit: String,
    /// Whether tracked files differ from it.
    pub is_dirty: bool,
}

/// Asks git for the commit that is checked out in a folder. `None` where no folder above has a `.git`, git is not installed
/// or there is no commit yet.
pub fn checkout(folder: &Path) -> Option<Checkout> {
    folder.ancestors().find(|above| above.join(".git").exists())?;
    let ask = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(folder).arg("--no-optional-locks").args(arguments);
        let output = git.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = ask(&["rev-parse", "--verify", "HEAD"])?;
    let is_dirty = !ask(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Some(Checkout { commit, is_dirty })
}
