//! The options of a commit.

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::gate::SkipPolicy;
use crate::limits;
use crate::object::version::{ChangeType, VersionNumber, canonical_json, json_depth};
use crate::ops::tag_plan;
use crate::ops::view::SKIP_REASON;
use crate::repo::Dataset;

/// The rule by which the number follows from the parent's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bump {
    /// From what changed.
    Auto,
    /// As if that much had changed.
    As(ChangeType),
}

/// The options of a commit.
#[derive(Clone, Debug)]
pub struct CommitOptions {
    /// The dataset; may be left out where there is one, or where the user stands in one.
    pub dataset: Option<String>,
    /// The summary.
    pub summary: String,
    /// The number, where the author chooses it.
    pub version: Option<VersionNumber>,
    /// The rule by which the number follows otherwise.
    pub bump: Bump,
    /// The version that comes before; HEAD, or the latest with `from`, otherwise.
    pub parent: Option<String>,
    /// Tags to put on it.
    pub tags: Vec<String>,
    /// Takes the tags off the versions of the dataset that have them.
    pub move_tags: bool,
    /// The metadata.
    pub metadata: Map<String, Value>,
    /// The author.
    pub author: Option<String>,
    /// A folder to take instead of the dataset's; the workspace stays as it is.
    pub from: Option<PathBuf>,
    /// Makes a version also where nothing changed.
    pub allow_empty: bool,
    /// Makes it without asking the dataset's rules.
    pub no_validate: bool,
    /// The reason for skipping validation; stored in the version.
    pub reason: Option<String>,
    /// Most findings of a rule in the report of a refusal; 10,000 where nothing is given.
    pub max_findings: Option<usize>,
    /// Finds out what would be committed and makes nothing.
    pub dry_run: bool,
}

impl CommitOptions {
    /// Returns all that is attached to the version.
    pub(super) fn metadata(&self) -> Map<String, Value> {
        let mut metadata = self.metadata.clone();
        if let Some(reason) = &self.reason {
            metadata.insert(SKIP_REASON.to_owned(), Value::String(reason.trim().to_owned()));
        }
        metadata
    }

    /// Fails if the rules of the dataset may not be left out so.
    pub(super) fn check_skip(&self, dataset: &Dataset) -> Result<()> {
        let skip = dataset.validation.as_ref().map_or(SkipPolicy::Allow, |spec| spec.skip);
        let what = match skip {
            _ if !self.no_validate => return Ok(()),
            SkipPolicy::Allow => return Ok(()),
            SkipPolicy::Reason if self.reason.is_some() => return Ok(()),
            SkipPolicy::Reason => "dataset '{}' requires a reason for --no-validate",
            SkipPolicy::Never => "dataset '{}' does not allow --no-validate",
        };
        let (word, instead) = match skip {
            SkipPolicy::Never => ("never", "to see what to fix: hlx validate"),
            _ => ("reason", "add --reason TEXT"),
        };
        let hint = format!("{instead}; helox.toml has skip = \"{word}\" in [dataset.{}.validation]", dataset.name);
        Err(Error::usage(what.replace("{}", &dataset.name)).with_hint(hint))
    }

    /// Fails unless a version can hold what it is told.
    pub(super) fn check(&self, author: &str) -> Result<()> {
        self.tags.iter().try_for_each(|tag| tag_plan::check_name(tag, "hlx commit -m SUMMARY --tag"))?;
        if self.summary.trim().is_empty() && !self.dry_run {
            return Err(Error::usage("the summary is empty").with_hint("describe the version: -m SUMMARY"));
        }
        if self.reason.is_some() && !self.no_validate {
            return Err(Error::usage("--reason requires --no-validate").with_hint("hlx commit --no-validate --reason TEXT"));
        }
        if self.reason.as_ref().is_some_and(|reason| reason.trim().is_empty()) {
            return Err(Error::usage("the reason is empty").with_hint("give the reason for skipping validation: --reason TEXT"));
        }
        if self.reason.is_some() && self.metadata.contains_key(SKIP_REASON) {
            return Err(Error::usage(format!("--meta {SKIP_REASON} is also set by --reason")).with_hint("use one of the two"));
        }
        let metadata = Value::Object(self.metadata());
        if json_depth(&metadata) > limits::METADATA_DEPTH {
            return Err(Error::usage(format!("the metadata is nested deeper than {} levels", limits::METADATA_DEPTH)));
        }
        let length = |what: &str, bytes: usize, most: usize| match bytes > most {
            true => Err(Error::usage(format!("the {what} has {bytes} bytes, more than the maximum of {most}"))
                .with_hint("commit a long text as a file of the dataset")),
            false => Ok(()),
        };
        length("summary", self.summary.len(), limits::SUMMARY)?;
        length("metadata", canonical_json(&metadata).len(), limits::METADATA)?;
        length("author", author.len(), limits::AUTHOR)?;
        if self.tags.len() > limits::VERSION_TAGS {
            let (tags, most) = (self.tags.len(), limits::VERSION_TAGS);
            return Err(Error::usage(format!("the commit has {tags} tags, more than the maximum of {most}"))
                .with_hint("add further tags afterwards: hlx tag add REV TAG"));
        }
        Ok(())
    }
}
