//! The versions of a dataset in the order of their times, so that the newest can be read without the rest.
//!
//! A row holds neighbours in that order, under the key of the first of them. Few and long rows, as in
//! [`crate::catalog::postings`], because opening sled takes time for every page and its pages hold sixteen rows.

use std::ops::Bound;

use bincode::{Decode, Encode};

use crate::catalog::guard::fault;
use crate::catalog::tables::{decode, encode, within};
use crate::error::Result;

/// Most entries of a row.
const ENTRIES: usize = 32;

/// A version and its time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(super) struct Moment {
    /// The time, as [`crate::catalog::tables::time_key`] has it.
    pub time: [u8; 8],
    /// The key of the version.
    pub place: Vec<u8>,
}

/// The key of a row, or of where a moment would be.
fn key(dataset: &str, moment: &Moment) -> Vec<u8> {
    let mut key = within(dataset);
    key.extend_from_slice(&moment.time);
    key.extend_from_slice(&moment.place);
    key
}

/// The row that a moment belongs to: the last one that begins with it or before.
fn row(tree: &sled::Tree, dataset: &str, moment: &Moment) -> Result<Option<(sled::IVec, Vec<Moment>)>> {
    let before = tree.range(within(dataset)..=key(dataset, moment)).next_back().transpose().map_err(fault)?;
    before.map(|(at, row)| Ok((at, decode(&row)?))).transpose()
}

/// The key of the row after the one that a moment belongs to, if the dataset has one.
fn next(tree: &sled::Tree, dataset: &str, moment: &Moment) -> Result<Option<sled::IVec>> {
    let at = key(dataset, moment);
    let next = tree.range((Bound::Excluded(at), Bound::Unbounded)).next().transpose().map_err(fault)?;
    Ok(next.map(|(at, _)| at).filter(|at| at.starts_with(&within(dataset))))
}

/// Whether a moment belongs before the row with this key.
fn is_before(dataset: &str, moment: &Moment, next: &Option<sled::IVec>) -> bool {
    next.as_ref().is_none_or(|next| key(dataset, moment).as_slice() < next.as_ref())
}

/// What has to be written to add moments of a dataset.
pub(super) fn add(tree: &sled::Tree, dataset: &str, mut new: Vec<Moment>) -> Result<sled::Batch> {
    new.sort_unstable();
    let (mut batch, mut new) = (sled::Batch::default(), new.into_iter().peekable());
    while let Some(first) = new.peek() {
        let next = next(tree, dataset, first)?;
        let mut moments = match row(tree, dataset, first)? {
            Some((old, moments)) => {
                batch.remove(old);
                moments
            }
            None => Vec::new(),
        };
        while let Some(moment) = new.next_if(|moment| is_before(dataset, moment, &next)) {
            moments.push(moment);
        }
        moments.sort_unstable();
        moments.dedup();
        // What comes last is mostly the newest: rows that are full stay so. Elsewhere there will be more between.
        let rows = moments.len().div_ceil(ENTRIES).max(1);
        let each = if next.is_none() { ENTRIES } else { moments.len().div_ceil(rows) };
        for moments in moments.chunks(each.max(1)) {
            batch.insert(key(dataset, &moments[0]), encode(&moments));
        }
    }
    Ok(batch)
}

/// What has to be written to remove moments of a dataset.
pub(super) fn remove(tree: &sled::Tree, dataset: &str, mut gone: Vec<Moment>) -> Result<sled::Batch> {
    gone.sort_unstable();
    let (mut batch, mut gone) = (sled::Batch::default(), gone.into_iter().peekable());
    while let Some(first) = gone.peek() {
        let (next, row) = (next(tree, dataset, first)?, row(tree, dataset, first)?);
        let mut here = Vec::new();
        while let Some(moment) = gone.next_if(|moment| is_before(dataset, moment, &next)) {
            here.push(moment);
        }
        let Some((at, mut moments)) = row else { continue };
        batch.remove(at);
        moments.retain(|moment| here.binary_search(moment).is_err());
        if let Some(first) = moments.first() {
            batch.insert(key(dataset, first), encode(&moments));
        }
    }
    Ok(batch)
}

/// The moments of a dataset between two times, these included, the newest first; of one time, the highest place first.
pub(super) fn newest<'t>(
    tree: &'t sled::Tree,
    dataset: &str,
    since: Option<[u8; 8]>,
    until: Option<[u8; 8]>,
) -> impl Iterator<Item = Result<Moment>> + use<'t> {
    let lowest = within(dataset);
    let mut highest = lowest.clone();
    highest.extend_from_slice(&until.unwrap_or([u8::MAX; 8]));
    // No place begins so.
    highest.push(u8::MAX);
    let rows = tree.range(lowest..=highest).rev();
    let moments = rows.flat_map(|row| {
        let moments = row.map_err(fault).and_then(|(_, row)| decode::<Vec<Moment>>(&row));
        let (moments, error) = match moments {
            Ok(moments) => (moments, None),
            Err(e) => (Vec::new(), Some(Err(e))),
        };
        moments.into_iter().rev().map(Ok).chain(error)
    });
    let late = move |moment: &Result<Moment>| matches!(moment, Ok(m) if until.is_some_and(|until| m.time > until));
    let early = move |moment: &Result<Moment>| matches!(moment, Ok(m) if since.is_some_and(|since| m.time < since));
    moments.skip_while(late).take_while(move |moment| !early(moment))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn moment(time: u16, place: u8) -> Moment {
        Moment { time: u64::from(time).to_be_bytes(), place: vec![b'a', 0, 1, place] }
    }

    fn all(tree: &sled::Tree, dataset: &str) -> Vec<Moment> {
        newest(tree, dataset, None, None).collect::<Result<_>>().unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn it_holds_what_a_sorted_set_holds(
            rounds in prop::collection::vec((any::<bool>(), prop::collection::vec((0..300u16, 0..3u8), 1..120)), 1..8),
            (since, until) in (0..300u16, 0..300u16),
        ) {
            let db = sled::Config::new().temporary(true).open().unwrap();
            let tree = db.open_tree("times").unwrap();
            tree.apply_batch(add(&tree, "a", vec![moment(7, 7)]).unwrap()).unwrap();
            tree.apply_batch(add(&tree, "c", vec![moment(7, 7)]).unwrap()).unwrap();
            let mut model = BTreeSet::new();
            for (adds, moments) in rounds {
                let moments: Vec<Moment> = moments.into_iter().map(|(time, place)| moment(time, place)).collect();
                if adds {
                    model.extend(moments.iter().cloned());
                    tree.apply_batch(add(&tree, "b", moments).unwrap()).unwrap();
                } else {
                    moments.iter().for_each(|moment| { model.remove(moment); });
                    tree.apply_batch(remove(&tree, "b", moments).unwrap()).unwrap();
                }
                prop_assert_eq!(all(&tree, "b"), model.iter().rev().cloned().collect::<Vec<_>>());
            }
            let (lowest, highest) = (moment(since, 0).time, moment(until, 0).time);
            let between = newest(&tree, "b", Some(lowest), Some(highest)).collect::<Result<Vec<_>>>().unwrap();
            let spans = |m: &&Moment| (lowest..=highest).contains(&m.time);
            prop_assert_eq!(between, model.iter().rev().filter(spans).cloned().collect::<Vec<_>>());
            prop_assert_eq!(all(&tree, "a"), [moment(7, 7)]);
            prop_assert_eq!(all(&tree, "c"), [moment(7, 7)]);
        }
    }

    #[test]
    fn rows_are_filled_when_moments_come_in_order() {
        let db = sled::Config::new().temporary(true).open().unwrap();
        let tree = db.open_tree("times").unwrap();
        for n in 0..100 {
            tree.apply_batch(add(&tree, "a", vec![moment(n, 0)]).unwrap()).unwrap();
        }
        assert_eq!(tree.len(), 4);
    }

    #[test]
    fn a_row_that_cannot_be_read_is_an_error() {
        let db = sled::Config::new().temporary(true).open().unwrap();
        let tree = db.open_tree("times").unwrap();
        tree.insert(key("a", &moment(1, 1)), &[200, 1, 2][..]).unwrap();
        assert!(newest(&tree, "a", None, None).next().unwrap().is_err());
        assert!(add(&tree, "a", vec![moment(2, 2)]).is_err());
    }
}
