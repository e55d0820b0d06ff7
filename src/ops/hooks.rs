//! `hlx install-hooks`: a hook of git that validates the data before each commit of the code.

use std::io::{ErrorKind as IoErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::fs::atomic::{self, Created, TempFile};
use crate::repo::Repo;

/// The hook that was installed.
#[derive(Clone, Debug, Serialize)]
pub struct HookReport {
    /// The file of the hook.
    pub path: PathBuf,
    /// True if it was created just now.
    pub created: bool,
}

/// Creates the hook `pre-commit` in the git repository around the repository. A hook that is there is never replaced.
///
/// # Errors
/// `ErrorKind::Usage` outside of a git repository; `Conflict` if there is another hook.
pub fn install(repo: &Repo) -> Result<HookReport> {
    if repo.config().datasets().all(|dataset| dataset.validation.is_none()) {
        return Err(Error::usage("no dataset has validation rules")
            .with_hint("add rules to helox.toml: [[dataset.NAME.validation.rule]]"));
    }
    let (top, hooks) = (git(repo.root(), &["--show-toplevel"])?, git(repo.root(), &["--git-path", "hooks"])?);
    let (top, folder) = (repo.root().join(top), repo.root().join(hooks));
    let text = script(repo.root(), &top);
    let path = folder.join("pre-commit");
    match atomic::read(&path)? {
        Some(bytes) if bytes == text.as_bytes() => return Ok(HookReport { path, created: false }),
        Some(_) => return Err(occupied(&path)),
        None => {}
    }
    atomic::ensure_folder(&folder)?;
    let temp = TempFile::create_with_mode(&folder, 0o777)?;
    temp.file().write_all(text.as_bytes()).map_err(|e| Error::io("cannot write", &path, e))?;
    temp.sync()?;
    match temp.link(&path)? {
        Created::New => Ok(HookReport { path, created: true }),
        Created::Exists => Err(occupied(&path)),
    }
}

fn occupied(path: &Path) -> Error {
    Error::new(ErrorKind::Conflict, format!("git already has a hook: {}", path.display()))
        .with_hint("add this line to it: hlx validate || exit 1")
}

/// Returns the hook, which git runs at the top of its work tree.
fn script(root: &Path, top: &Path) -> String {
    let within = root.strip_prefix(top).ok().filter(|path| !path.as_os_str().is_empty());
    let place = within.map(|path| format!("-C '{}' ", path.to_string_lossy().replace('\'', "'\\''"))).unwrap_or_default();
    format!(
        "#!/bin/sh\n\
         # Created by 'hlx install-hooks'. Delete this file to remove the hook; 'git commit --no-verify' skips it once.\n\
         hlx {place}validate && exit 0\n\
         status=$?\n\
         echo \"hint: list all findings: hlx {place}validate --report FILE; skip this hook once: git commit --no-verify\" >&2\n\
         exit $status\n"
    )
}

/// Asks git about the repository in a folder.
fn git(folder: &Path, question: &[&str]) -> Result<PathBuf> {
    let output = Command::new("git").arg("rev-parse").args(question).current_dir(folder).stdin(Stdio::null()).output();
    let output = output.map_err(|e| match e.kind() {
        IoErrorKind::NotFound => Error::new(ErrorKind::Io, "git is not installed or not in PATH").with_hint("install git"),
        _ => Error::io("cannot run git in", folder, e),
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    match output.status.success() {
        true => Ok(PathBuf::from(text.trim_end_matches('\n'))),
        false => Err(Error::usage(format!("{} is not in a git repository", folder.display()))
            .with_hint("create a git repository first: git init")),
    }
}
