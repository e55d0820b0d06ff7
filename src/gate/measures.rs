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

use crate::path::printable;

/// Most labels of a rule that are counted; a field of more is none of labels.
pub const MAX_LABELS: usize = 1_024;
/// Bytes of the longest label that is kept as it is.
const MAX_LABEL: usize = 200;
/// Bytes of a longer one that are kept, before a hash of it.
const SHORT: usize = 180;
/// Millionths of a whole.
const ONE: u128 = 1_000_000;

/// The names of the sums in a list.
const CHECKED: &str = "checked";
const FAILED: &str = "failed";
const UNREADABLE: &str = "unreadable";
pub(super) const SAMPLES: &str = "samples";
pub(super) const TEXTS: &str = "texts";
pub(super) const CHARACTERS: &str = "characters";
pub(super) const MANY: &str = "labels:many";
pub(super) const LABEL: &str = "label:";

/// Sums of every rule.
#[derive(Clone, Debug)]
pub struct Measures {
    rules: Vec<RuleSums>,
    /// The label that was shortened last.
    short: String,
}

/// Sums of one rule.
#[derive(Clone, Debug, Default)]
struct RuleSums {
    checked: i64,
    failed: i64,
    unreadable: i64,
    samples: i64,
    texts: i64,
    characters: i64,
    labels: HashMap<String, i64, RandomState>,
    /// More labels than are counted; the table is empty then, and stays so.
    many: bool,
}

/// The greatest change from one version to the next, in millionths, as [`super::Check::Drift`] declares it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DriftLimits<'a> {
    /// The relative change of the number of samples.
    pub samples: Option<u32>,
    /// A field, and the relative change of the mean length of its texts.
    pub length: Option<(&'a str, u32)>,
    /// A field, and the absolute change of the share of any one of its labels.
    pub labels: Option<(&'a str, u32)>,
}

impl Measures {
    /// Sums of so many rules, all of them zero. A rule is named by its place below.
    pub fn new(rules: usize) -> Measures {
        Measures { rules: vec![RuleSums::default(); rules], short: String::new() }
    }

    /// Counts records that the rule looked at.
    pub fn checked(&mut self, rule: usize, sign: i64) {
        add(&mut self.rules[rule].checked, sign);
    }

    /// Counts records in which the rule found something.
    pub fn failed(&mut self, rule: usize, sign: i64) {
        add(&mut self.rules[rule].failed, sign);
    }

    /// Counts records that the rule could not look at.
    pub fn unreadable(&mut self, rule: usize, sign: i64) {
        add(&mut self.rules[rule].unreadable, sign);
    }

    /// Counts samples.
    pub fn sample(&mut self, rule: usize, sign: i64) {
        add(&mut self.rules[rule].samples, sign);
    }

    /// Counts a text of this length.
    pub fn length(&mut self, rule: usize, characters: u64, sign: i64) {
        let sums = &mut self.rules[rule];
        add(&mut sums.texts, sign);
        add(&mut sums.characters, sign.saturating_mul(i64::try_from(characters).unwrap_or(i64::MAX)));
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
            add(&mut sums.checked, other.checked);
            add(&mut sums.failed, other.failed);
            add(&mut sums.unreadable, other.unreadable);
            add(&mut sums.samples, other.samples);
            add(&mut sums.texts, other.texts);
            add(&mut sums.characters, other.characters);
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

    /// Returns the records that a rule looked at.
    pub fn records(&self, rule: usize) -> u64 {
        whole(self.rules[rule].checked)
    }

    /// Returns the records in which a rule found something that looks at one record alone.
    pub fn failures(&self, rule: usize) -> u64 {
        whole(self.rules[rule].failed)
    }

    /// Returns the records that a rule could not look at.
    pub fn unread(&self, rule: usize) -> u64 {
        whole(self.rules[rule].unreadable)
    }

    /// Returns the sums of a rule that are not zero, sorted by name, for the `measures` of a verdict.
    pub fn to_list(&self, rule: usize) -> Vec<(String, u64)> {
        let sums = &self.rules[rule];
        let plain = [
            (CHECKED, sums.checked),
            (FAILED, sums.failed),
            (UNREADABLE, sums.unreadable),
            (SAMPLES, sums.samples),
            (TEXTS, sums.texts),
            (CHARACTERS, sums.characters),
            (MANY, i64::from(sums.is_many())),
        ];
        let plain = plain.into_iter().map(|(name, sum)| (name.to_owned(), whole(sum)));
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
                match name.as_str() {
                    CHECKED => add(&mut sums.checked, value),
                    FAILED => add(&mut sums.failed, value),
                    UNREADABLE => add(&mut sums.unreadable, value),
                    SAMPLES => add(&mut sums.samples, value),
                    TEXTS => add(&mut sums.texts, value),
                    CHARACTERS => add(&mut sums.characters, value),
                    MANY => sums.drop_labels(),
                    label => sums.label(label.strip_prefix(LABEL)?, value),
                }
            }
        }
        Some(measures)
    }

    /// Returns the drift from `before` beyond the limits, as one phrase; `None` if there is none, or there were no samples.
    /// A change of exactly a limit is allowed. A field that was not measured before has not drifted.
    pub fn drift(&self, rule: usize, before: &Measures, limits: &DriftLimits<'_>) -> Option<String> {
        let (now, old) = (&self.rules[rule], &before.rules[rule]);
        if old.samples <= 0 {
            return None;
        }
        let samples = limits.samples.and_then(|limit| samples(now, old, limit));
        let length = limits.length.and_then(|(field, limit)| length(now, old, field, limit));
        let labels = limits.labels.and_then(|(field, limit)| labels(now, old, field, limit));
        let found: Vec<String> = samples.into_iter().chain(length).chain(labels).collect();
        (!found.is_empty()).then(|| found.join("; "))
    }
}

impl RuleSums {
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

    fn is_many(&self) -> bool {
        self.many || self.labels.values().filter(|count| **count > 0).count() > MAX_LABELS
    }

    /// Returns the labels that there are, in no order; none where there are too many.
    fn counted(&self) -> impl Iterator<Item = (&str, u64)> {
        let shown = !self.is_many();
        self.labels.iter().filter(move |_| shown).map(|(label, count)| (label.as_str(), whole(*count)))
    }
}

fn samples(now: &RuleSums, old: &RuleSums, limit: u32) -> Option<String> {
    let (new, had) = (whole(now.samples), whole(old.samples));
    let (changed, had) = (u128::from(new.abs_diff(had)), u128::from(had));
    exceeds(changed, had, limit).then(|| {
        let share = percent(changed, had);
        let decimals = decimals_needed(share, f64::from(limit) / 1e4, 1);
        format!("{share:.decimals$}% {} samples", if now.samples < old.samples { "fewer" } else { "more" })
    })
}

/// Returns the drift of the mean length. Without texts, the mean is 0.
fn length(now: &RuleSums, old: &RuleSums, field: &str, limit: u32) -> Option<String> {
    let of = |sums: &RuleSums| (u128::from(whole(sums.characters)), u128::from(whole(sums.texts)));
    let ((new, texts), (had, had_texts)) = (of(now), of(old));
    if had_texts == 0 {
        return None;
    }
    let texts = texts.max(1);
    let (left, right) = (new * had_texts, had * texts);
    exceeds(left.abs_diff(right), right, limit).then(|| {
        let (from, to) = (had as f64 / had_texts as f64, new as f64 / texts as f64);
        let decimals = decimals_needed(from, to, 0);
        format!("the mean length of {} changed from {from:.decimals$} to {to:.decimals$} characters", printable(field))
    })
}

/// Returns the label whose share changed most.
fn labels(now: &RuleSums, old: &RuleSums, field: &str, limit: u32) -> Option<String> {
    if now.is_many() {
        return Some(format!("{} has more than 1,024 values, too many for labels", printable(field)));
    }
    let total = |sums: &RuleSums| sums.counted().map(|(_, count)| u128::from(count)).sum::<u128>();
    let (all, had_all) = (total(now), total(old));
    if had_all == 0 {
        return None;
    }
    let all = all.max(1);
    let of = |sums: &RuleSums, label| u128::from(sums.labels.get(label).map_or(0, |count| whole(*count)));
    let names = old.counted().chain(now.counted()).map(|(label, _)| label);
    // Only sums beyond all data, such as a damaged list may hold, leave 128 bits.
    let scaled = |label| (of(now, label).saturating_mul(had_all), of(old, label).saturating_mul(all));
    let changed = names.map(|label| (scaled(label).0.abs_diff(scaled(label).1), label));
    let (change, label) = changed.max_by(|(a, x), (b, y)| a.cmp(b).then(y.cmp(x)))?;
    exceeds(change, all.saturating_mul(had_all), limit).then(|| {
        let (from, to) = (percent(of(old, label), had_all), percent(of(now, label), all));
        let decimals = decimals_needed(from, to, 1);
        let (label, field) = (printable(label), printable(field));
        format!("the share of \"{label}\" in {field} changed from {from:.decimals$}% to {to:.decimals$}%")
    })
}

/// Returns true if `part` of `whole` is more than so many millionths: exactly, unless the numbers are beyond all data.
fn exceeds(part: u128, whole: u128, limit: u32) -> bool {
    match (part.checked_mul(ONE), whole.checked_mul(limit.into())) {
        (Some(part), Some(most)) => part > most,
        _ => part as f64 / whole as f64 > f64::from(limit) / 1e6,
    }
}

fn percent(part: u128, whole: u128) -> f64 {
    part as f64 * 100.0 / whole as f64
}

/// Returns the decimals at which two numbers read differently: `least`, or some more where that does not do.
fn decimals_needed(a: f64, b: f64, least: usize) -> usize {
    (least..least + 4).find(|n| format!("{a:.n$}") != format!("{b:.n$}")).unwrap_or(least)
}

fn add(sum: &mut i64, more: i64) {
    *sum = sum.saturating_add(more);
}

/// Returns a sum as a count.
fn whole(sum: i64) -> u64 {
    u64::try_from(sum).unwrap_or(0)
}

#[cfg(test)]
mod tests {
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
    fn measures(samples: i64, lengths: &[u64], labels: &[(&str, i64)]) -> Measures {
        let mut measures = Measures::new(1);
        measures.sample(0, samples);
        lengths.iter().for_each(|length| measures.length(0, *length, 1));
        labels.iter().for_each(|(label, count)| measures.label(0, label, *count));
        measures
    }

    fn drift(now: &Measures, before: &Measures, samples: u32, length: u32, labels: u32) -> Option<String> {
        let limits = DriftLimits { samples: Some(samples), length: Some(("/text", length)), labels: Some(("/labels", labels)) };
        now.drift(0, before, &limits)
    }

    const NEVER: u32 = u32::MAX;

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
    fn what_drifts_is_told() {
        let old = measures(1_000, &[812], &[("renewal", 10), ("rent", 90)]);
        let new = measures(876, &[455], &[("renewal", 312), ("rent", 688)]);
        assert_eq!(
            drift(&new, &old, 100_000, 400_000, 200_000).unwrap(),
            "12.4% fewer samples; the mean length of /text changed from 812 to 455 characters; \
             the share of \"renewal\" in /labels changed from 10.0% to 31.2%"
        );
        assert_eq!(drift(&new, &old, 124_000, 440_000, 212_000), None, "at the limit, and within");
        assert_eq!(drift(&new, &old, 123_999, NEVER, NEVER).unwrap(), "12.4000% fewer samples", "a limit of 12.3999%");
        assert_eq!(
            drift(&new, &old, NEVER, NEVER, 211_999).unwrap(),
            "the share of \"renewal\" in /labels changed from 10.0% to 31.2%"
        );
        assert_eq!(drift(&measures(3_500, &[], &[]), &old, 2_000_000, NEVER, NEVER).unwrap(), "250.0% more samples");
        assert_eq!(new.drift(0, &old, &DriftLimits::default()), None);
        assert_eq!(drift(&new, &measures(0, &[1], &[("a", 1)]), 0, 0, 0), None, "no samples before");
    }

    #[test]
    fn small_changes_read_differently() {
        let (old, new) = (measures(10_000, &[3; 100], &[("a", 10_000)]), measures(10_004, &[3; 100], &[("a", 9_996), ("b", 4)]));
        assert_eq!(drift(&new, &old, 100, NEVER, NEVER).unwrap(), "0.04% more samples");
        assert_eq!(
            drift(&new, &old, NEVER, NEVER, 0).unwrap(),
            "the share of \"a\" in /labels changed from 100.00% to 99.96%",
            "of equal changes the first by name"
        );
        let longer = measures(10_000, &[[3; 99].as_slice(), &[13]].concat(), &[]);
        let found = drift(&longer, &old, NEVER, 0, NEVER).unwrap();
        assert_eq!(found, "the mean length of /text changed from 3.0 to 3.1 characters");
        assert_eq!(drift(&longer, &old, NEVER, 33_334, NEVER), None);
        assert!(drift(&longer, &old, NEVER, 33_333, NEVER).is_some(), "a third of a millionth above");
    }

    #[test]
    fn a_field_that_went_has_drifted_and_one_that_came_has_not() {
        let (with, without) = (measures(10, &[40, 60], &[("a", 6), ("b", 4)]), measures(10, &[], &[]));
        assert_eq!(
            drift(&without, &with, 0, 900_000, 500_000).unwrap(),
            "the mean length of /text changed from 50 to 0 characters; the share of \"a\" in /labels changed from 60.0% to 0.0%"
        );
        assert_eq!(drift(&with, &without, 0, 0, 0), None);
        assert!(drift(&measures(10, &[1], &[]), &measures(10, &[0], &[]), 0, NEVER, 0).is_some(), "from nothing");
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
        let found = "/labels has more than 1,024 values, too many for labels";
        assert_eq!(drift(&many, &full, NEVER, NEVER, NEVER).as_deref(), Some(found));
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

        #[test]
        fn no_sums_make_a_drift_panic(values in prop::collection::vec(any::<u64>().prop_map(|n| n >> (n % 64)), 12), limit in any::<u32>()) {
            let side = |v: &[u64]| {
                let names = ["samples", "texts", "characters", "label:a", "label:b", "label:c"];
                let list: Vec<_> = names.iter().zip(v).map(|(name, v)| ((*name).to_owned(), *v >> 1)).collect();
                Measures::from_lists(&[&list]).unwrap()
            };
            let (now, before) = (side(&values[..6]), side(&values[6..]));
            drift(&now, &before, limit, limit, limit);
            prop_assert_eq!(drift(&now, &now, limit, limit, limit), None);
        }
    }
}
