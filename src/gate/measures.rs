//! The measures of a version, as sums that subtract: those of the parent, plus added and less removed records.
//!
//! Threads count by themselves and are absorbed in any order. Invariants: the order never changes what comes out; memory
//! is bounded by [`MAX_LABELS`] whatever the data holds; the lists that verdicts keep are read back as they were written.
//!
//! Whether there are too many labels must not hang on the order either, although one thread may see labels go that
//! another sees come. A table of more than twice as many is more than the parent had and as many again that came, so
//! there it is certain; anything less is decided of the sum of all.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// Most labels of a rule that are counted; a field of more is none of labels.
pub const MAX_LABELS: usize = 1_024;
/// Bytes of the longest label that is kept as it is.
const MAX_LABEL: usize = 200;
/// Bytes of a longer one that are kept, before a hash of it.
const SHORT: usize = 180;
/// A sum of a rule.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sum {
    /// Records that the rule checked.
    Checked,
    /// Records with a finding.
    Failed,
    /// Records that the rule could not read.
    Unreadable,
    /// Samples.
    Samples,
    /// Texts whose lengths are measured.
    Texts,
    /// The characters of these texts.
    Characters,
}

/// The names of the sums in a list, in the order of [`Sum`]. Verdicts contain them.
const SUMS: [&str; 6] = ["checked", "failed", "unreadable", "samples", "texts", "characters"];
/// The name in a list that says that there are too many labels.
pub(super) const MANY: &str = "labels:many";
/// The start of the name of a label in a list.
pub(super) const LABEL: &str = "label:";

impl Sum {
    /// Returns the name in a list.
    pub fn name(self) -> &'static str {
        SUMS[self as usize]
    }
}

/// The sums of every rule.
#[derive(Clone, Debug)]
pub struct Measures {
    rules: Vec<RuleSums>,
    /// The label that was shortened last.
    short: String,
}

/// The sums of one rule.
#[derive(Clone, Debug, Default)]
pub(super) struct RuleSums {
    sums: [i64; SUMS.len()],
    labels: HashMap<String, i64, RandomState>,
    /// More labels than are counted; the table is empty then, and stays so.
    many: bool,
}

impl Measures {
    /// Creates the sums of this number of rules, all of them zero. A rule is named by its index below.
    pub fn new(rules: usize) -> Measures {
        Measures { rules: vec![RuleSums::default(); rules], short: String::new() }
    }

    /// Counts records that the rule looked at.
    pub fn checked(&mut self, rule: usize, sign: i64) {
        self.rules[rule].add(Sum::Checked, sign);
    }

    /// Counts records in which the rule found something.
    pub fn failed(&mut self, rule: usize, sign: i64) {
        self.rules[rule].add(Sum::Failed, sign);
    }

    /// Counts records that the rule could not look at.
    pub fn unreadable(&mut self, rule: usize, sign: i64) {
        self.rules[rule].add(Sum::Unreadable, sign);
    }

    /// Counts samples.
    pub fn sample(&mut self, rule: usize, sign: i64) {
        self.rules[rule].add(Sum::Samples, sign);
    }

    /// Counts a text of this length.
    pub fn length(&mut self, rule: usize, characters: u64, sign: i64) {
        let sums = &mut self.rules[rule];
        sums.add(Sum::Texts, sign);
        sums.add(Sum::Characters, sign.saturating_mul(i64::try_from(characters).unwrap_or(i64::MAX)));
    }

    /// Counts a label. One of more than 200 bytes is known by its beginning and a hash.
    pub fn label(&mut self, rule: usize, label: &str, sign: i64) {
        let sums = &mut self.rules[rule];
        if label.len() <= MAX_LABEL {
            return sums.label(label, sign);
        }
        if !sums.many {
            self.short.clear();
            let end = (0..=SHORT).rev().find(|n| label.is_char_boundary(*n)).unwrap_or(0);
            self.short.push_str(&label[..end]);
            self.short.push('…');
            self.short.push_str(&blake3::hash(label.as_bytes()).to_hex()[..16]);
            sums.label(&self.short, sign);
        }
    }

    /// Adds the sums of another count of the same rules.
    pub fn absorb(&mut self, other: Measures) {
        for (sums, other) in self.rules.iter_mut().zip(other.rules) {
            sums.sums.iter_mut().zip(other.sums).for_each(|(sum, other)| add(sum, other));
            if other.many {
                sums.drop_labels();
            }
            other.labels.iter().for_each(|(label, count)| sums.label(label, *count));
        }
    }

    /// Returns the bytes that they take besides themselves.
    pub fn heap_size(&self) -> usize {
        let label = |label: &String| label.capacity() + size_of::<(String, i64)>();
        let labels = self.rules.iter().flat_map(|sums| sums.labels.keys()).map(label).sum::<usize>();
        self.rules.capacity() * size_of::<RuleSums>() + labels + self.short.capacity()
    }

    /// Returns the sums of a rule.
    pub(super) fn of_rule(&self, rule: usize) -> &RuleSums {
        &self.rules[rule]
    }

    /// Returns the records that a rule looked at.
    pub fn records(&self, rule: usize) -> u64 {
        self.rules[rule].get(Sum::Checked)
    }

    /// Returns the records in which a rule found something that looks at one record alone.
    pub fn failures(&self, rule: usize) -> u64 {
        self.rules[rule].get(Sum::Failed)
    }

    /// Returns the records that a rule could not look at.
    pub fn unread(&self, rule: usize) -> u64 {
        self.rules[rule].get(Sum::Unreadable)
    }

    /// Returns the sums of a rule that are not zero, sorted by name, for the `measures` of a verdict.
    pub fn to_list(&self, rule: usize) -> Vec<(String, u64)> {
        let sums = &self.rules[rule];
        let plain = SUMS.into_iter().zip(sums.sums).chain([(MANY, i64::from(sums.is_many()))]);
        let plain = plain.map(|(name, sum)| (name.to_owned(), whole(sum)));
        let labels = sums.counted().map(|(label, count)| (format!("{LABEL}{label}"), count));
        let mut list: Vec<_> = plain.chain(labels).filter(|(_, sum)| *sum > 0).collect();
        list.sort_unstable();
        list
    }

    /// Reads lists that [`Measures::to_list`] made, one a rule; `None` if they hold anything else.
    pub fn from_lists(lists: &[&[(String, u64)]]) -> Option<Measures> {
        let mut measures = Measures::new(lists.len());
        for (sums, list) in measures.rules.iter_mut().zip(lists) {
            for (name, value) in *list {
                let value = i64::try_from(*value).ok()?;
                match SUMS.iter().position(|sum| sum == name) {
                    Some(sum) => add(&mut sums.sums[sum], value),
                    None if name == MANY => sums.drop_labels(),
                    None => sums.label(name.strip_prefix(LABEL)?, value),
                }
            }
        }
        Some(measures)
    }
}

impl RuleSums {
    fn add(&mut self, sum: Sum, more: i64) {
        add(&mut self.sums[sum as usize], more);
    }

    /// Returns a sum as a count.
    pub fn get(&self, sum: Sum) -> u64 {
        whole(self.sums[sum as usize])
    }

    /// Returns the count of a label.
    pub fn label_count(&self, label: &str) -> u64 {
        self.labels.get(label).map_or(0, |count| whole(*count))
    }

    fn label(&mut self, label: &str, sign: i64) {
        if self.many {
            return;
        }
        if let Some(count) = self.labels.get_mut(label) {
            return add(count, sign);
        }
        if self.labels.len() == 2 * MAX_LABELS {
            return self.drop_labels();
        }
        self.labels.insert(label.to_owned(), sign);
    }

    fn drop_labels(&mut self) {
        self.many = true;
        self.labels = HashMap::default();
    }

    /// Returns true if there are more labels than are counted.
    pub fn is_many(&self) -> bool {
        self.many || self.labels.values().filter(|count| **count > 0).count() > MAX_LABELS
    }

    /// Returns the labels that there are, in no order; none where there are too many.
    pub fn counted(&self) -> impl Iterator<Item = (&str, u64)> {
        let shown = !self.is_many();
        self.labels.iter().filter(move |_| shown).map(|(label, count)| (label.as_str(), whole(*count)))
    }
}

fn add(sum: &mut i64, more: i64) {
    *sum = sum.saturating_add(more);
}

/// Returns a sum as a count.
fn whole(sum: i64) -> u64 {
    u64::try_from(sum).unwrap_or(0)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lists(measures: &Measures) -> Vec<Vec<(String, u64)>> {
        (0..measures.rules.len()).map(|rule| measures.to_list(rule)).collect()
    }

    fn again(measures: &Measures) -> Measures {
        let lists = lists(measures);
        Measures::from_lists(&lists.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap()
    }

    /// Measures of one rule: samples, texts of one length, and labels with their counts.
    pub(in crate::gate) fn measures(samples: i64, lengths: &[u64], labels: &[(&str, i64)]) -> Measures {
        let mut measures = Measures::new(1);
        measures.sample(0, samples);
        lengths.iter().for_each(|length| measures.length(0, *length, 1));
        labels.iter().for_each(|(label, count)| measures.label(0, label, *count));
        measures
    }

    #[test]
    fn lists_are_sorted_and_leave_out_what_is_zero() {
        let mut all = measures(3, &[5, 0, 7], &[("b", 2), ("a", 1), ("gone", 0), ("many", 4)]);
        all.checked(0, 9);
        let list: Vec<(String, u64)> = all.to_list(0);
        let expected =
            [("characters", 12), ("checked", 9), ("label:a", 1), ("label:b", 2), ("label:many", 4), ("samples", 3), ("texts", 3)];
        assert_eq!(list, expected.map(|(name, sum)| (name.to_owned(), sum)));
        assert_eq!(all.records(0), 9);
        assert_eq!(Measures::new(2).to_list(1), []);
        for wrong in [("what", 1), ("label", 1), ("checked", u64::MAX)] {
            assert!(Measures::from_lists(&[&[(wrong.0.to_owned(), wrong.1)]]).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn too_many_labels_are_noticed_whatever_the_order() {
        let label = |n: usize| format!("label {n:04}");
        let of = |range: std::ops::Range<usize>, sign| {
            let mut measures = measures(1, &[], &[]);
            range.for_each(|n| measures.label(0, &label(n), sign));
            measures
        };
        let full = of(0..MAX_LABELS, 1);
        assert_eq!(full.to_list(0).len(), 1 + MAX_LABELS);
        // All labels go in one thread and as many others come in another: no more than before.
        for swapped in [false, true] {
            let (mut a, mut b) = (of(0..MAX_LABELS, -1), of(MAX_LABELS..2 * MAX_LABELS, 1));
            if swapped {
                std::mem::swap(&mut a, &mut b);
            }
            let mut now = again(&full);
            now.absorb(a);
            now.absorb(b);
            assert_eq!(now.to_list(0).len(), 1 + MAX_LABELS);
            now.label(0, "one more", 1);
            assert_eq!(now.to_list(0), [("labels:many".to_owned(), 1), ("samples".to_owned(), 3)]);
        }
        let many = of(0..10 * MAX_LABELS, 1);
        assert!(many.rules[0].labels.is_empty(), "memory is bounded");
        let mut less = again(&many);
        less.absorb(of(5..10 * MAX_LABELS, -1));
        let mut other = of(0..5, 1);
        other.absorb(less);
        assert_eq!(other.to_list(0)[0], ("labels:many".to_owned(), 1), "it is never forgotten");
    }

    #[test]
    fn long_labels_are_told_apart() {
        let (long, other) = ("ä".repeat(150), "ä".repeat(151));
        let all = measures(1, &[], &[(&long, 2), (&other, 1), (&long, 1), (&"x".repeat(200), 1)]);
        let list = all.to_list(0);
        assert_eq!(list.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [1, 1, 3, 1].map(|n| n as u64).to_vec());
        assert!(list.iter().all(|(name, _)| name.len() <= LABEL.len() + MAX_LABEL), "{list:?}");
        let mut none = again(&all);
        none.absorb(measures(-1, &[], &[(&long, -3), (&other, -1), (&"x".repeat(200), -1)]));
        assert_eq!(none.to_list(0), []);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Checked,
        Sample,
        Length(u64),
        Label(u8),
    }

    fn count(measures: &mut Measures, rule: usize, step: &Step, sign: i64) {
        match step {
            Step::Checked => measures.checked(rule, sign),
            Step::Sample => measures.sample(rule, sign),
            Step::Length(n) => measures.length(rule, *n, sign),
            Step::Label(n) => measures.label(rule, &n.to_string(), sign),
        }
    }

    fn steps() -> impl Strategy<Value = Vec<(usize, usize, Step)>> {
        let step = prop_oneof![
            Just(Step::Checked),
            Just(Step::Sample),
            (0u64..1_000).prop_map(Step::Length),
            (0u8..9).prop_map(Step::Label)
        ];
        prop::collection::vec((0usize..3, 0usize..2, step), 0..60)
    }

    proptest! {
        #[test]
        fn what_went_and_what_came_add_up(kept in steps(), went in steps(), came in steps()) {
            let mut before = Measures::new(2);
            kept.iter().chain(&went).for_each(|(_, rule, step)| count(&mut before, *rule, step, 1));
            let mut threads = vec![Measures::new(2); 3];
            went.iter().for_each(|(thread, rule, step)| count(&mut threads[*thread], *rule, step, -1));
            came.iter().for_each(|(thread, rule, step)| count(&mut threads[*thread], *rule, step, 1));
            let mut now = again(&before);
            threads.into_iter().for_each(|thread| now.absorb(thread));
            let mut anew = Measures::new(2);
            kept.iter().chain(&came).for_each(|(_, rule, step)| count(&mut anew, *rule, step, 1));
            prop_assert_eq!(lists(&now), lists(&anew));
            prop_assert_eq!(lists(&again(&now)), lists(&anew));
        }
    }
}
