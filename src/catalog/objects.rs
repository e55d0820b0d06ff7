//! Answers from the refs and the records alone.

use crate::catalog::query::{Query, VersionEntry, VersionRef};
use crate::error::{Error, Result, skip_damaged};
use crate::facts::FactsState;
use crate::refs::Versions;
use crate::store::Store;

/// Versions that are held beyond those that can be in an answer.
const SLACK: usize = 1024;

/// Returns the versions of these datasets that a query selects, in its order. The errors of those that cannot be read are
/// added to `damaged`.
pub(super) fn select(
    store: &Store,
    facts: &FactsState,
    query: &Query,
    datasets: &[String],
    damaged: &mut Vec<Error>,
) -> Result<Vec<VersionEntry>> {
    let (refs, mut entries) = (store.refs(), Vec::new());
    for dataset in datasets {
        for number in skip_damaged(refs.numbers(dataset), |e| damaged.push(e))?.unwrap_or_default().into_iter().rev() {
            if query.dataset.is_some() && entries.len() >= query.most() {
                break;
            }
            let read = || {
                let Some((id, version)) = store.numbered(dataset, &number)? else { return Ok(None) };
                if !query.selects_record(&version) {
                    return Ok(None);
                }
                VersionEntry::read(store, facts, id, version).map(Some)
            };
            let entry = skip_damaged(read(), |e| damaged.push(e))?.flatten();
            entries.extend(entry.filter(|entry| query.selects(entry)));
            if entries.len() >= query.most().saturating_add(SLACK) {
                keep_first(query, &mut entries);
            }
        }
    }
    keep_first(query, &mut entries);
    Ok(entries)
}

/// Keeps as many as the query asks for, in its order.
fn keep_first(query: &Query, entries: &mut Vec<VersionEntry>) {
    entries.sort_by(|a, b| query.order(&a.version, &b.version));
    entries.truncate(query.most());
}

/// Returns the versions of these datasets whose ids begin with these hex digits.
pub(super) fn with_prefix(refs: &Versions, datasets: &[String], hex: &str) -> Result<Vec<VersionRef>> {
    let mut versions = Vec::new();
    for dataset in datasets {
        for number in refs.numbers(dataset)? {
            let id = refs.get(dataset, &number)?.filter(|id| id.to_hex().starts_with(hex));
            versions.extend(id.map(|id| VersionRef { dataset: dataset.clone(), number, id }));
        }
    }
    Ok(versions)
}
