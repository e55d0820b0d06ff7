//! Sets of keys against a plain map, damage, and faults of the disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::error::ErrorKind;
use crate::fs::fault;

type Model = BTreeMap<([u8; 16], u64, u8), u64>;

/// A folder of sets, and one for what is temporary.
struct Place(TempDir);

impl Place {
    fn new() -> Place {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("tmp")).unwrap();
        Place(dir)
    }

    fn tmp(&self) -> PathBuf {
        self.0.path().join("tmp")
    }

    fn set(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn merge(&self, changes: &[KeyChange], before: Option<&Path>, into: &Path) -> Result<Vec<KeyGroup>> {
        let mut shown = Vec::new();
        let outcome = self.gather(changes).and_then(|gathering| {
            gathering.merge(before, into, &mut |group| {
                shown.push(group.clone());
                Ok(())
            })
        });
        assert_eq!(fs::read_dir(self.tmp()).unwrap().count(), 0, "nothing temporary is left");
        outcome.map(|()| shown)
    }

    fn gather(&self, changes: &[KeyChange]) -> Result<KeyCollector> {
        let mut gathering = KeyCollector::new(&self.tmp(), 2);
        changes.chunks(7).try_for_each(|some| gathering.add(some))?;
        Ok(gathering)
    }
}

fn told(key: u8, raw: u64, split: u8, sign: i8) -> KeyChange {
    let mut bytes = [0; 16];
    // Half of the keys differ in their first byte, half in their last.
    bytes[if key.is_multiple_of(2) { 0 } else { 15 }] = key;
    KeyChange { key: bytes, raw, split, sign }
}

fn read(path: &Path) -> Model {
    let mut reader = KeySetReader::open(path).unwrap();
    let mut model = Model::new();
    while let Some((row, count)) = reader.next().unwrap() {
        model.insert((row.key.to_be_bytes(), row.raw, row.split), count);
    }
    model
}

/// What a merge shows that leads from one multiset to another.
fn expected(before: &Model, now: &Model) -> Vec<KeyGroup> {
    let mut keys: Vec<[u8; 16]> = now.keys().map(|(key, ..)| *key).collect();
    keys.dedup();
    let of = |model: &Model, key| -> Vec<(u64, u8, u64)> {
        let rows = model.range((key, 0, 0)..=(key, u64::MAX, u8::MAX));
        rows.map(|((_, raw, split), count)| (*raw, *split, *count)).collect()
    };
    let groups = keys.into_iter().map(|key| {
        let (had, has) = (of(before, key), of(now, key));
        let sum = |split| has.iter().filter(|row| row.1 == split).map(|row| row.2).sum::<u64>();
        let hashes = has.iter().map(|row| row.0).take(MAX_GROUP_HASHES).collect();
        KeyGroup { key, hashes, changed: had != has, counts: [0, 1].map(sum) }
    });
    groups.filter(|group| group.counts.iter().sum::<u64>() > 1).collect()
}

/// What happens from one version to the next: records that come, and positions of those that go.
type Step = (Vec<(u8, u64, u8)>, Vec<prop::sample::Index>);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let came = prop::collection::vec((0u8..5, 0u64..6, 0u8..2), 0..90);
    let went = prop::collection::vec(any::<prop::sample::Index>(), 0..60);
    prop::collection::vec((came, went), 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn agrees_with_a_map_over_several_versions(steps in steps(), seed in any::<u64>()) {
        let place = Place::new();
        let (mut records, mut model, mut before) = (Vec::new(), Model::new(), None);
        for (n, (came, went)) in steps.into_iter().enumerate() {
            let mut changes: Vec<KeyChange> = came.into_iter().map(|(key, raw, split)| told(key, raw, split, 1)).collect();
            records.extend(changes.iter().copied());
            // Among them such as came just now.
            for index in went {
                if !records.is_empty() {
                    changes.push(KeyChange { sign: -1, ..records.swap_remove(index.index(records.len())) });
                }
            }
            changes.sort_by_key(|t| blake3::hash(format!("{seed}{t:?}").as_bytes()).as_bytes()[0]);
            let mut now = Model::new();
            records.iter().for_each(|t| *now.entry((t.key, t.raw, t.split)).or_default() += 1);
            let into = place.set(&n.to_string());
            prop_assert_eq!(place.merge(&changes, before.as_deref(), &into).unwrap(), expected(&model, &now));
            prop_assert_eq!(&read(&into), &now);
            place.merge(&records, None, &place.set("anew")).unwrap();
            prop_assert_eq!(fs::read(&into).unwrap(), fs::read(place.set("anew")).unwrap(), "one multiset, one form");
            (model, before) = (now, Some(into));
        }
    }
}

#[test]
fn a_set_may_take_the_place_of_the_one_before() {
    let place = Place::new();
    let set = place.set("set");
    assert_eq!(place.merge(&[], None, &set).unwrap(), []);
    assert_eq!(fs::metadata(&set).unwrap().len(), 40, "an empty set");
    place.merge(&[told(2, 7, 0, 1), told(4, 9, 0, 1)], Some(&set), &set).unwrap();
    let shown = place.merge(&[told(2, 8, 1, 1)], Some(&set), &set).unwrap();
    let group = KeyGroup { key: told(2, 0, 0, 1).key, hashes: vec![7, 8], changed: true, counts: [1, 1] };
    assert_eq!(shown, std::slice::from_ref(&group));
    let shown = place.merge(&[told(4, 9, 0, -1), told(4, 9, 0, 1)], Some(&set), &set).unwrap();
    assert_eq!(shown, [KeyGroup { changed: false, ..group }]);
}

#[test]
fn many_members_are_counted_and_the_first_shown() {
    let place = Place::new();
    let all: Vec<KeyChange> = (0..100).rev().map(|raw| told(3, raw, (raw % 2) as u8, 1)).collect();
    let shown = place.merge(&all, None, &place.set("set")).unwrap();
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].hashes, (0..MAX_GROUP_HASHES as u64).collect::<Vec<_>>());
    assert_eq!(shown[0].counts, [50, 50]);
}

#[test]
fn a_record_that_was_not_there_cannot_go() {
    let place = Place::new();
    let (set, next) = (place.set("set"), place.set("next"));
    place.merge(&[told(2, 7, 0, 1)], None, &set).unwrap();
    for gone in [told(2, 7, 1, -1), told(2, 8, 0, -1), told(9, 7, 0, -1)] {
        for before in [None, Some(set.as_path())] {
            assert_eq!(place.merge(&[gone], before, &next).unwrap_err().kind(), ErrorKind::Damaged);
        }
    }
    assert!(!next.exists());
    assert_eq!(place.merge(&[], Some(&next), &next).unwrap_err().kind(), ErrorKind::Io, "there is no such set");
}

#[test]
fn every_cut_and_every_flip_is_noticed() {
    let place = Place::new();
    let (set, next) = (place.set("set"), place.set("next"));
    // More than one buffer, with counts of one byte and of two.
    let all: Vec<KeyChange> = (0..200).map(|n| told(n % 4, if n < 90 { 1 } else { u64::from(n) % 9 }, n % 2, 1)).collect();
    place.merge(&all, None, &set).unwrap();
    let good = fs::read(&set).unwrap();
    assert!(good.len() > 300);
    let damaged = |bytes: &[u8]| {
        // A file that is cut and written again is flushed at once by some file systems; a new one is not.
        fs::remove_file(&set).unwrap();
        fs::write(&set, bytes).unwrap();
        assert_eq!(place.merge(&[told(2, 1, 0, 1)], Some(&set), &next).unwrap_err().kind(), ErrorKind::Damaged);
        assert!(!next.exists());
    };
    (0..good.len()).for_each(|n| damaged(&good[..n]));
    damaged(&[&good[..], b"x"].concat());
    for n in 0..good.len() {
        let mut bad = good.clone();
        bad[n] ^= 1 << (n % 8);
        damaged(&bad);
    }
    // With a right checksum: no magic, a row twice, a count of zero, half a row.
    let row = &good[8..8 + 25];
    let zero = [&row[..24], &[0]].concat();
    for rows in [&[row, row].concat()[..], &zero, &row[..24], &[row, &[0x80]].concat()] {
        let body = [&b"HLXKEYS1"[..], rows].concat();
        damaged(&[&body[..], blake3::hash(&body).as_bytes()].concat());
    }
    let body = [b"HLXKEYS2", row].concat();
    damaged(&[&body[..], blake3::hash(&body).as_bytes()].concat());
}

#[test]
fn a_fault_of_the_disk_leaves_the_set_as_it_was() {
    let place = Place::new();
    let set = place.set("set");
    place.merge(&[told(2, 7, 0, 1)], None, &set).unwrap();
    let old = fs::read(&set).unwrap();
    let more: Vec<KeyChange> = (0..100).map(|n| told(n % 5, u64::from(n), 0, 1)).collect();
    for n in 1.. {
        let armed = fault::arm(place.0.path(), n);
        let outcome = place.merge(&more, Some(&set), &set);
        if armed.fired().is_none() {
            outcome.unwrap();
            assert!(n > 10, "runs are made and written, then the set");
            break;
        }
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Io);
        assert_eq!(fs::read(&set).unwrap(), old);
    }
}

#[test]
fn what_the_caller_finds_wrong_stops_the_merge() {
    let place = Place::new();
    let set = place.set("set");
    let gathering = place.gather(&[told(2, 7, 0, 1), told(2, 7, 1, 1)]).unwrap();
    let error = gathering.merge(None, &set, &mut |_| Err(Error::interrupted())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert!(!set.exists());
}
