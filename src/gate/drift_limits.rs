//! The limits of a `drift` rule, and the drift beyond them.

use super::measures::{Measures, RuleSums, Sum};
use crate::path::printable;

/// Millionths of a whole.
const ONE: u128 = 1_000_000;

/// The greatest change from one version to the next, in millionths, as [`Check::Drift`](super::Check::Drift) declares it.
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
    /// Returns the drift from `before` beyond the limits, as one phrase; `None` if there is none, or there were no samples.
    /// A change of exactly a limit is allowed. A field that was not measured before has not drifted.
    pub fn drift(&self, rule: usize, before: &Measures, limits: &DriftLimits<'_>) -> Option<String> {
        let (now, old) = (self.of_rule(rule), before.of_rule(rule));
        if old.get(Sum::Samples) == 0 {
            return None;
        }
        let samples = limits.samples.and_then(|limit| samples(now, old, limit));
        let length = limits.length.and_then(|(field, limit)| length(now, old, field, limit));
        let labels = limits.labels.and_then(|(field, limit)| labels(now, old, field, limit));
        let found: Vec<String> = samples.into_iter().chain(length).chain(labels).collect();
        (!found.is_empty()).then(|| found.join("; "))
    }
}

/// Returns the drift of the number of samples.
fn samples(now: &RuleSums, old: &RuleSums, limit: u32) -> Option<String> {
    let (new, had) = (now.get(Sum::Samples), old.get(Sum::Samples));
    let (is_fewer, changed, had) = (new < had, u128::from(new.abs_diff(had)), u128::from(had));
    exceeds(changed, had, limit).then(|| {
        let share = percent(changed, had);
        let decimals = decimals_needed(share, f64::from(limit) / 1e4, 1);
        format!("{share:.decimals$}% {} samples", if is_fewer { "fewer" } else { "more" })
    })
}

/// Returns the drift of the mean length. Without texts, the mean is 0.
fn length(now: &RuleSums, old: &RuleSums, field: &str, limit: u32) -> Option<String> {
    let of = |sums: &RuleSums| (u128::from(sums.get(Sum::Characters)), u128::from(sums.get(Sum::Texts)));
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
    let of = |sums: &RuleSums, label| u128::from(sums.label_count(label));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gate::measures::MAX_LABELS;
    use crate::gate::measures::tests::measures;

    fn drift(now: &Measures, before: &Measures, samples: u32, length: u32, labels: u32) -> Option<String> {
        let limits = DriftLimits { samples: Some(samples), length: Some(("/text", length)), labels: Some(("/labels", labels)) };
        now.drift(0, before, &limits)
    }

    const NEVER: u32 = u32::MAX;

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
    fn too_many_labels_have_drifted() {
        let (mut many, full) = (measures(1, &[], &[]), measures(1, &[], &[("a", 1)]));
        (0..=MAX_LABELS).for_each(|n| many.label(0, &n.to_string(), 1));
        let found = "/labels has more than 1,024 values, too many for labels";
        assert_eq!(drift(&many, &full, NEVER, NEVER, NEVER).as_deref(), Some(found));
    }

    proptest! {
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
