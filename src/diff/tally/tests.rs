use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::diff::RecordChange;

/// Record 0 to 39; a third of them have no key, the others share four.
fn identity(n: u8) -> Identity {
    let hash = |n: u8| *blake3::hash(&[n]).as_bytes().first_chunk().unwrap();
    Identity { id: hash(n), key: (!n.is_multiple_of(3)).then(|| hash(100 + n % 4)) }
}

/// The counts by their definition.
fn naive(old: &[u8], new: &[u8]) -> SampleCounts {
    let mut left: BTreeMap<u8, i64> = BTreeMap::new();
    old.iter().for_each(|&n| *left.entry(n).or_default() -= 1);
    new.iter().for_each(|&n| *left.entry(n).or_default() += 1);
    let mut counts = SampleCounts::default();
    for key in 0..5 {
        let of = |n: u8| if n.is_multiple_of(3) { 4 } else { n % 4 };
        let sum = |sign: i64| left.iter().filter(|(n, _)| of(**n) == key).map(|(_, c)| (c * sign).max(0) as u64).sum::<u64>();
        let both = if key == 4 { 0 } else { sum(1).min(sum(-1)) };
        counts.modified += both;
        counts.added += sum(1) - both;
        counts.removed += sum(-1) - both;
    }
    counts
}

#[test]
fn what_shares_a_key_is_modified() {
    let folder = tempfile::tempdir().unwrap();
    let mut tally = Tally::new(folder.path());
    tally.add_record(Side::Old, identity(1), 0);
    tally.add_record(Side::Old, identity(5), 0);
    tally.add_record(Side::New, identity(2), 0);
    tally.add_record(Side::New, identity(1), 0);
    tally.add_record(Side::New, identity(1), 0);
    let mut left = tally.finish().unwrap();
    assert_eq!(left.counts(), SampleCounts { added: 1, removed: 0, modified: 1 });
    for _ in 0..2 {
        let mut fate = |side, n| left.change(side, identity(n)).unwrap();
        assert_eq!(fate(Side::Old, 1), None);
        assert_eq!(fate(Side::Old, 5), Some(RecordChange::Modified));
        assert_eq!(fate(Side::New, 1), Some(RecordChange::Modified));
        assert_eq!(fate(Side::New, 1), None);
        assert_eq!(fate(Side::New, 2), Some(RecordChange::Added));
        left.restart();
    }
}

proptest! {
    #[test]
    fn equals_a_naive_model(
        calls in prop::collection::vec((0u8..40, any::<bool>(), any::<prop::sample::Index>()), 0..150),
        files in 1usize..4,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut shuffled = Vec::new();
        calls.iter().for_each(|call| shuffled.insert(call.2.index(shuffled.len() + 1), call));
        let of = |side| calls.iter().filter(|c| c.1 == side).map(|c| c.0).collect::<Vec<_>>();
        let (old, new) = (of(false), of(true));
        let mut tallies: Vec<_> = (0..files).map(|_| Tally::new(folder.path())).collect();
        for (at, (n, side, _)) in shuffled.into_iter().enumerate() {
            tallies[at % files].add_record(if *side { Side::New } else { Side::Old }, identity(*n), (at % 3) as u16);
        }
        let mut tally = Tally::new(folder.path());
        tallies.into_iter().for_each(|other| tally.absorb(other));
        let (counts, moves) = tally.counts().unwrap();
        prop_assert_eq!(counts, naive(&old, &new));

        let mut left = tally.finish().unwrap();
        prop_assert_eq!((left.counts(), left.moves()), (counts, &moves));
        let mut again = [0; 3];
        for fate in old.iter().filter_map(|&n| left.change(Side::Old, identity(n)).unwrap()) {
            again[fate as usize] += 1;
        }
        prop_assert_eq!(again[RecordChange::Modified as usize], counts.modified);
        for fate in new.iter().filter_map(|&n| left.change(Side::New, identity(n)).unwrap()) {
            again[fate as usize] += 1;
        }
        prop_assert_eq!(again, [counts.added, counts.removed, 2 * counts.modified]);
        drop(left);
        prop_assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_at_the_end() {
    let mut tally = Tally::new(Path::new("/nowhere"));
    (0..40).for_each(|n| tally.add_record(Side::New, identity(n), 0));
    assert!(tally.counts().unwrap_err().message().contains("/nowhere"));
}
