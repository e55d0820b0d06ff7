//! The author: the one that was given, else git's user, else the account.

use crate::repo::git;

/// Returns the author: `said` on the command line, `HLX_AUTHOR`, git's user, `user@host`.
pub(super) fn author(said: Option<&str>) -> String {
    let given = |text: Option<String>| text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
    given(said.map(str::to_owned)).or_else(|| given(std::env::var("HLX_AUTHOR").ok())).or_else(git_user).unwrap_or_else(account)
}

fn git_user() -> Option<String> {
    match (git::setting("user.name"), git::setting("user.email")) {
        (Some(name), Some(email)) => Some(format!("{name} <{email}>")),
        (name, email) => name.or(email),
    }
}

fn account() -> String {
    let user = ["USER", "LOGNAME"].iter().find_map(|key| std::env::var(key).ok()).unwrap_or_else(|| "unknown".into());
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{user}@{host}")
}
