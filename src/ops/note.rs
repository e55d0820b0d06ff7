//! `hlx note`: words on a version that came to somebody's mind later. A note is a fact; the version stays as it is.

use serde::Serialize;

use crate::error::{Error, Result};
use crate::facts::RecordedNote;
use crate::limits;
use crate::object::fact::Statement;
use crate::ops::fact_views::{NoteView, VersionNames};
use crate::repo::{Repo, revision};

pub use crate::ops::fact_views::ListOptions;

/// A note to record.
#[derive(Clone, Debug, Default)]
pub struct NoteOptions {
    /// The version.
    pub revision: String,
    /// The words.
    pub text: String,
    /// The author of the note.
    pub author: Option<String>,
}

/// Records a note on a version.
///
/// # Errors
/// `ErrorKind::VersionNotFound`; `Usage` for a text that is empty or longer than a note may be.
pub fn add(repo: &Repo, options: &NoteOptions) -> Result<NoteView> {
    let text = options.text.trim().to_owned();
    if text.is_empty() {
        return Err(Error::usage("the note is empty"));
    }
    if text.len() > limits::NOTE {
        return Err(Error::usage(format!("the note has {} bytes, more than the maximum of {}", text.len(), limits::NOTE)));
    }
    let resolved = revision::version(repo, &options.revision)?;
    // A fact relies on its version: whoever made that may have been killed before its ref was durable.
    repo.versions().sync(&resolved.version.dataset)?;
    let author = repo.author(options.author.as_deref());
    let ids = repo.facts().append(&author, &[Statement::Note { version: resolved.id, text: text.clone() }])?;
    let [id] = ids[..] else { return Err(Error::damaged("the note was not written")) };
    let time = repo.facts().get(id)?.time;
    let noted = RecordedNote { id, version: resolved.id, text, time, author };
    Ok(NoteView::of(&noted, Some((resolved.version.dataset, resolved.version.number))))
}

/// Notes.
#[derive(Clone, Debug, Serialize)]
pub struct NoteListReport {
    /// The first written first, as far as the facts say; what was written apart, in the order of the ids.
    pub notes: Vec<NoteView>,
}

/// Lists notes.
///
/// # Errors
/// `ErrorKind::DatasetNotFound` or `VersionNotFound`.
pub fn list(repo: &Repo, options: &ListOptions) -> Result<NoteListReport> {
    let state = repo.folded_facts()?;
    let mut names = VersionNames::of(repo);
    let notes = match &options.revision {
        Some(text) => state.notes_of(revision::version(repo, text)?.id),
        None => state.notes(),
    };
    let views = notes.iter().map(|note| NoteView::of(note, names.get(note.version)));
    let wanted = |view: &NoteView| options.wants(repo, view.dataset_name.as_deref());
    Ok(NoteListReport { notes: views.filter(wanted).collect() })
}
