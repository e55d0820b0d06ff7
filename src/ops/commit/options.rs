//! What a commit is asked for.

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::limits;
use crate::object::version::{ChangeType, Number, canonical_json, json_depth};
use crate::refs::names;

/// How the number follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bump {
    /// From what changed.
    Auto,
    /// As if that much had changed.
    As(ChangeType),
}

/// What to commit.
#[derive(Clone, Debug)]
pub struct Options {
    /// The dataset; may be left out where there is one, or where the user stands in one.
    pub dataset: Option<String>,
    /// What the version is, in the author's words.
    pub summary: String,
    /// The number, where the author chooses it.
    pub version: Option<Number>,
    /// How the number follows otherwise.
    pub bump: Bump,
    /// The version that comes before; HEAD, or the latest with `from`, otherwise.
    pub parent: Option<String>,
    /// Tags to put on it.
    pub tags: Vec<String>,
    /// Takes the tags off the versions of the dataset that have them.
    pub move_tags: bool,
    /// What to attach to it.
    pub metadata: Map<String, Value>,
    /// Who makes it.
    pub author: Option<String>,
    /// A folder to take instead of the dataset's; the workspace stays as it is.
    pub from: Option<PathBuf>,
    /// Makes a version also where nothing changed.
    pub allow_empty: bool,
    /// Makes it without asking the dataset's rules.
    pub no_validate: bool,
    /// Most findings of a rule in the report of a refusal; 10,000 where nothing is given.
    pub max_findings: Option<usize>,
    /// Finds out what would be committed and makes nothing.
    pub dry_run: bool,
}

impl Options {
    /// Fails unless a version can hold what it is told.
    pub(super) fn check(&self, author: &str) -> Result<()> {
        self.tags.iter().try_for_each(|tag| names::check_tag(tag))?;
        if self.summary.trim().is_empty() && !self.dry_run {
            return Err(Error::usage("the summary is empty").with_hint("say in a few words what the version is: -m SUMMARY"));
        }
        let metadata = Value::Object(self.metadata.clone());
        if json_depth(&metadata) > limits::METADATA_DEPTH {
            return Err(Error::usage(format!("the metadata nests more than {} levels", limits::METADATA_DEPTH)));
        }
        let length = |what: &str, bytes: usize, most: usize| match bytes > most {
            true => Err(Error::usage(format!("the {what} has {bytes} bytes; a version holds at most {most}"))
                .with_hint("commit a long text as a file of the dataset")),
            false => Ok(()),
        };
        length("summary", self.summary.len(), limits::SUMMARY)?;
        length("metadata", canonical_json(&metadata).len(), limits::METADATA)?;
        length("author", author.len(), limits::AUTHOR)?;
        if self.tags.len() > limits::VERSION_TAGS {
            let (tags, most) = (self.tags.len(), limits::VERSION_TAGS);
            return Err(Error::usage(format!("the commit has {tags} tags; a version takes at most {most} at once"))
                .with_hint("hlx tag adds further tags"));
        }
        Ok(())
    }
}
