//! The version that a folder gets, and its entries.

use std::iter::Peekable;

use crate::error::Result;
use crate::id::{Id, NodeId};
use crate::manifest::{Entries, NodeSource};
use crate::object::node::Entry;
use crate::path::DataPath;
use crate::selection::Matcher;
use crate::store::Store;

/// The version that the folder gets.
#[derive(Debug)]
pub struct CheckoutTarget<'a> {
    /// The manifest of the version.
    pub manifest: Id<NodeId>,
    /// The part of the version; all of it for `None`.
    pub selection: Option<&'a Matcher>,
}

impl<'a> CheckoutTarget<'a> {
    /// Returns the entries that the folder gets, in order.
    pub(super) fn entries(&self, store: &'a Store) -> Result<SelectedEntries<'a, Store>> {
        Ok(SelectedEntries::new(Entries::new(store, self.manifest)?, self.selection))
    }
}

/// The entries of a version that are selected, in order.
pub(super) struct SelectedEntries<'a, S: NodeSource> {
    entries: Peekable<Entries<'a, S>>,
    selection: Option<&'a Matcher>,
}

impl<'a, S: NodeSource> SelectedEntries<'a, S> {
    /// Returns the entries that a selection has; all for `None`.
    pub fn new(entries: Entries<'a, S>, selection: Option<&'a Matcher>) -> Self {
        SelectedEntries { entries: entries.peekable(), selection }
    }

    /// Returns the path of the next entry.
    pub fn peek(&mut self) -> Result<Option<&DataPath>> {
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

    /// Returns the next entry.
    pub fn next(&mut self) -> Result<Option<Entry>> {
        self.peek()?;
        self.entries.next().transpose()
    }

    /// Returns the entry at a path; entries before it are skipped.
    pub fn at(&mut self, path: &DataPath) -> Result<Option<Entry>> {
        while self.peek()?.is_some_and(|next| next < path) {
            self.next()?;
        }
        if self.peek()? == Some(path) { self.next() } else { Ok(None) }
    }
}
