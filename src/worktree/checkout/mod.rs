//! Makes a folder what a version says, touching only what differs.
//!
//! Two passes over the workspace: [`survey()`] reads and decides, and refuses before anything is touched; [`apply()`]
//! removes and writes. A file in place is written under a temporary name and moved over the old one; a folder that is
//! made anew is filled beside its place and then moved there.
//!
//! Invariant: no bytes go that the store does not hold, unless the user gives them up, whether `.hlxignore` hides them or
//! not. What is moved over or removed has the stamps that the first pass has seen; otherwise the checkout ends there.

mod apply;
mod inspect;
mod names;
mod survey;
mod torn;
mod write;

pub use apply::{CheckoutCounts, CheckoutTarget, apply, restore, staged};
pub use names::{check as check_names, check_written};
pub use survey::{below, survey, survey_selected};

use std::iter::Peekable;

use crate::error::Result;
use crate::manifest::{Entries, NodeSource};
use crate::object::node::Entry;
use crate::path::DataPath;
use crate::selection::Matcher;

/// The entries of a version that are selected, in order.
struct SelectedEntries<'a, S: NodeSource> {
    entries: Peekable<Entries<'a, S>>,
    selection: Option<&'a Matcher>,
}

impl<'a, S: NodeSource> SelectedEntries<'a, S> {
    fn new(entries: Entries<'a, S>, selection: Option<&'a Matcher>) -> Self {
        SelectedEntries { entries: entries.peekable(), selection }
    }

    /// Returns the path of the next entry.
    fn peek(&mut self) -> Result<Option<&DataPath>> {
        while let (Some(selection), Some(Ok(entry))) = (self.selection, self.entries.peek()) {
            if selection.selects(entry.path.as_str()) {
                break;
            }
            self.entries.next();
        }
        if self.entries.peek().is_some_and(Result::is_err) {
            self.entries.next().transpose()?;
        }
        Ok(self.entries.peek().and_then(|e| e.as_ref().ok()).map(|e| &e.path))
    }

    fn next(&mut self) -> Result<Option<Entry>> {
        self.peek()?;
        self.entries.next().transpose()
    }

    /// Returns the entry at a path; entries before it are passed over.
    fn at(&mut self, path: &DataPath) -> Result<Option<Entry>> {
        while self.peek()?.is_some_and(|next| next < path) {
            self.next()?;
        }
        if self.peek()? == Some(path) { self.next() } else { Ok(None) }
    }
}
