//! The records in which two versions of a file differ, found from the pieces that differ.
//!
//! A caller goes through both versions in step. What stands in both is told by [`RecordComparer::same`]; what lies between is a
//! *gap*, told by [`RecordComparer::feed`] in pieces of either side, best by turns. Records of a gap that are equal byte for byte
//! cancel; the others go to the sink. A gap lasts until both readers stand at the same place in the same record again, so
//! that what begins in it and ends in shared bytes is compared too.
//!
//! Memory is bounded: when [`FLUSH`](super::gap::FLUSH) bytes of a gap are held, what is unmatched among them goes to the
//! sink, and its match may follow. A record that moved from one gap to another arrives on both sides as well. So a sink
//! counts with a tally, in which these meet.

use crate::diff::gap::Gap;
use crate::sample::{Record, RecordReader, Side};

/// Shared bytes between the first two looks at whether the readers have met; then twice as many each time.
const STEP: usize = if cfg!(test) { 1 } else { 4 << 10 };

/// Compares one file with its later version.
#[derive(Debug)]
pub struct RecordComparer<R> {
    old: R,
    new: R,
    gap: Gap,
    /// While the readers may be apart.
    apart: Option<ResyncState>,
    /// Records of the new side so far.
    count: u64,
}

#[derive(Debug)]
struct ResyncState {
    /// Shared bytes until the next look.
    until: usize,
    /// Those between that and the one after it.
    step: usize,
}

impl<R: RecordReader + PartialEq> RecordComparer<R> {
    /// Starts with readers that stand at the same place.
    pub fn new(old: R, new: R) -> RecordComparer<R> {
        RecordComparer { old, new, gap: Gap::default(), apart: None, count: 0 }
    }

    /// The next bytes of one side within a gap.
    pub fn feed(&mut self, side: Side, bytes: &[u8], sink: &mut dyn FnMut(Side, Record<'_>)) {
        self.apart = Some(ResyncState { until: 0, step: STEP });
        let (reader, one) = if side == Side::Old { (&mut self.old, 0) } else { (&mut self.new, 1) };
        reader.feed(bytes, &mut |record| {
            self.count += one;
            self.gap.put(side, record, sink);
        });
    }

    /// The next bytes of both sides.
    pub fn same(&mut self, mut bytes: &[u8], sink: &mut dyn FnMut(Side, Record<'_>)) {
        while let Some(apart) = &mut self.apart
            && !bytes.is_empty()
        {
            if apart.until == 0 {
                if self.old == self.new {
                    self.apart = None;
                    self.gap.flush(sink);
                    break;
                }
                *apart = ResyncState { until: apart.step, step: apart.step * 2 };
            }
            let (piece, rest) = bytes.split_at(bytes.len().min(apart.until));
            apart.until -= piece.len();
            self.old.feed(piece, &mut |record| self.gap.put(Side::Old, record, sink));
            self.new.feed(piece, &mut |record| {
                self.count += 1;
                self.gap.put(Side::New, record, sink);
            });
            bytes = rest;
        }
        self.old.feed(bytes, &mut |_| {});
        self.new.feed(bytes, &mut |_| self.count += 1);
    }

    /// Returns the readers, to take from them what is no record.
    pub fn readers_mut(&mut self) -> [&mut R; 2] {
        [&mut self.old, &mut self.new]
    }

    /// Returns the readers: of the old side, and of the new.
    pub fn readers(&self) -> (&R, &R) {
        (&self.old, &self.new)
    }

    /// Returns true if the next shared bytes must be fed. Otherwise a caller may leave them out and
    /// [`RecordComparer::restart`] before the next gap, if it can make readers that stand there.
    pub fn resync_needed(&self) -> bool {
        self.apart.is_some()
    }

    /// Goes on further down, where these readers stand: for JSONL, [`Jsonl::within`](crate::sample::Jsonl::within) the line that
    /// is unfinished there. Allowed only while no resync is needed.
    pub fn restart(&mut self, old: R, new: R) {
        debug_assert!(self.apart.is_none(), "the readers have not met");
        (self.old, self.new) = (old, new);
    }

    /// Both files end here. Returns the readers, which may have found what they read to be broken: then this comparison
    /// is void, and each file one record; and how many records the new side told.
    pub fn finish(mut self, sink: &mut dyn FnMut(Side, Record<'_>)) -> (R, R, u64) {
        self.old.finish(&mut |record| self.gap.put(Side::Old, record, sink));
        self.new.finish(&mut |record| {
            self.count += 1;
            self.gap.put(Side::New, record, sink);
        });
        self.gap.flush(sink);
        (self.old, self.new, self.count)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::sample::{Array, Jsonl, found};

    /// How often each record is on the new side more than on the old one, zeros left out.
    type Net = BTreeMap<Vec<u8>, i64>;

    fn tell(net: &mut Net, side: Side, bytes: &[u8]) {
        let count = net.entry(bytes.to_vec()).or_default();
        *count += if side == Side::Old { -1 } else { 1 };
        if *count == 0 {
            net.remove(bytes);
        }
    }

    fn naive<R: RecordReader>(reader: impl Fn() -> R, old: &[u8], new: &[u8]) -> Net {
        let mut net = Net::new();
        found(&mut reader(), [old]).iter().for_each(|(bytes, _)| tell(&mut net, Side::Old, bytes));
        found(&mut reader(), [new]).iter().for_each(|(bytes, _)| tell(&mut net, Side::New, bytes));
        net
    }

    /// Shared bytes, and the gap that follows them on both sides.
    type Part = (Vec<u8>, Vec<u8>, Vec<u8>);

    fn scripts() -> impl Strategy<Value = Vec<Part>> {
        let bytes = |most| prop::collection::vec(prop::sample::select(b"aab\n\n \r\xef\xbb\xbf".to_vec()), 0..most);
        prop::collection::vec((bytes(20), bytes(8), bytes(8)), 0..8)
    }

    fn sides(script: &[Part]) -> (Vec<u8>, Vec<u8>) {
        let side =
            |of: fn(&Part) -> &Vec<u8>| script.iter().flat_map(|part| [&part.0[..], of(part)].concat()).collect::<Vec<_>>();
        (side(|part| &part.1), side(|part| &part.2))
    }

    #[test]
    fn records_that_moved_within_a_gap_cancel() {
        let mut compare = RecordComparer::new(Jsonl::new(), Jsonl::new());
        let mut left = Vec::new();
        let mut sink = |side, r: Record<'_>| left.push((side, r.line, String::from_utf8_lossy(r.bytes).into_owned()));
        compare.same(b"zero\non", &mut sink);
        assert!(!compare.resync_needed());
        compare.feed(Side::Old, b"e\ntwo\nthree\nthree\nfo", &mut sink);
        compare.feed(Side::New, b"e\nthree\nTWO\ntwo\nFO", &mut sink);
        assert!(compare.resync_needed());
        compare.same(b"ur\nfive\nsi", &mut sink);
        assert!(!compare.resync_needed());
        compare.restart(Jsonl::new().within(b"nin", 9, 40), Jsonl::new().within(b"nin", 9, 41));
        compare.feed(Side::New, b"E", &mut sink);
        compare.same(b"e\n", &mut sink);
        compare.finish(&mut sink);
        let line = |side, line, text: &str| (side, line, text.to_owned());
        left.sort_by_key(|&(side, line, _)| (line, side == Side::New));
        assert_eq!(
            left,
            [
                line(Side::New, 4, "TWO"),
                line(Side::Old, 5, "three"),
                line(Side::Old, 6, "four"),
                line(Side::New, 6, "FOur"),
                line(Side::Old, 9, "nine"),
                line(Side::New, 9, "ninEe"),
            ]
        );
    }

    proptest! {
        #[test]
        fn finds_the_difference_of_jsonl(script in scripts(), skip in any::<bool>(), new_first in any::<bool>()) {
            let (old, new) = sides(&script);
            let mut net = Net::new();
            let mut sink = |side, r: Record<'_>| tell(&mut net, side, r.bytes);
            let mut compare = RecordComparer::new(Jsonl::new(), Jsonl::new());
            for (same, old, new) in &script {
                let tail = same.iter().rposition(|&b| b == b'\n').map(|at| &same[at + 1..]);
                match tail {
                    Some(tail) if skip && !compare.resync_needed() && !(old.is_empty() && new.is_empty()) => {
                        compare.restart(Jsonl::new().within(tail, 1, 0), Jsonl::new().within(tail, 1, 0));
                    }
                    _ => compare.same(same, &mut sink),
                }
                if new_first {
                    compare.feed(Side::New, new, &mut sink);
                    compare.feed(Side::Old, old, &mut sink);
                } else {
                    compare.feed(Side::Old, old, &mut sink);
                    compare.feed(Side::New, new, &mut sink);
                }
            }
            compare.finish(&mut sink);
            prop_assert_eq!(net, naive(Jsonl::new, &old, &new));
        }

        #[test]
        fn finds_the_difference_of_arrays(
            old in prop::collection::vec("[1-9]{1,3}|\"[a-b]{0,4}\"", 0..30),
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0..3), 0..3),
            (head, tail) in (0usize..100, 0usize..100),
        ) {
            let mut new = old.clone();
            for (at, edit) in edits {
                match (edit, new.len()) {
                    (0, n @ 1..) => new[at.index(n)] = "7".to_owned(),
                    (1, n @ 1..) => { new.remove(at.index(n)); }
                    (_, n) => new.insert(at.index(n + 1), "[\"a\"]".to_owned()),
                }
            }
            let text = |elements: &[String]| format!("[{}]", elements.join(",")).into_bytes();
            let (old, new) = (text(&old), text(&new));
            let least = old.len().min(new.len());
            let head = (0..least.min(head)).take_while(|&at| old[at] == new[at]).count();
            let tail = (1..=tail.min(least - head)).take_while(|&at| old[old.len() - at] == new[new.len() - at]).count();
            let mut net = Net::new();
            let mut sink = |side, r: Record<'_>| tell(&mut net, side, r.bytes);
            let mut compare = RecordComparer::new(Array::new(), Array::new());
            compare.same(&old[..head], &mut sink);
            compare.feed(Side::Old, &old[head..old.len() - tail], &mut sink);
            compare.feed(Side::New, &new[head..new.len() - tail], &mut sink);
            compare.same(&old[old.len() - tail..], &mut sink);
            let (a, b, _) = compare.finish(&mut sink);
            prop_assert!(a.broken().is_none() && b.broken().is_none());
            prop_assert_eq!(net, naive(Array::new, &old, &new));
        }
    }
}
