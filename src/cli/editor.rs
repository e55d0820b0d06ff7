//! The editor in which the summary of a commit is written, chosen as git does.

use std::io::{IsTerminal, stderr, stdin};
use std::path::Path;
use std::process::Command;

use helox::{Error, ErrorKind, Result};

use super::failure;
use super::interrupt::ListenerGuard;

/// The editor of a terminal on which none is named: POSIX has it.
const DEFAULT: &str = "vi";

/// Returns the editor's command, as a shell reads it; `None` where none is named and nobody sits at a terminal.
pub(crate) fn command() -> Option<String> {
    let named = ["VISUAL", "EDITOR"].into_iter().filter_map(|name| std::env::var(name).ok());
    let has_terminal = stdin().is_terminal() && stderr().is_terminal();
    named.into_iter().find(|command| !command.trim().is_empty()).or_else(|| has_terminal.then(|| DEFAULT.to_owned()))
}

/// Opens a file in the editor, and returns when it is closed.
pub(crate) fn open(editor: &str, file: &Path) -> Result<()> {
    let hint = "set VISUAL or EDITOR, or give the summary: -m SUMMARY";
    let _ignored = ListenerGuard::ignoring();
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{editor} \"$@\"")).arg("sh").arg(file);
    let status = shell.status().map_err(|source| {
        let message = format!("cannot start the editor '{editor}': {}", failure::reason(&source));
        Error::new(ErrorKind::Io, message).with_hint(hint).with_source(source)
    })?;
    match status.success() {
        true => Ok(()),
        false => {
            Err(Error::new(ErrorKind::Io, format!("the editor '{editor}' failed ({status}); no version created")).with_hint(hint))
        }
    }
}
