//! The measures of `drift` rules in two versions, side by side.

use serde::Serialize;

use super::measures::{LABEL, MANY, Sum};
use crate::object::verdict::Verdict;

/// A label, and how often a version has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Label {
    /// The label.
    pub label: String,
    /// The number of records with the label.
    pub count: u64,
    /// The share of it among all labels.
    pub share: f64,
}

/// The measures of one version.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DriftSums {
    /// Records.
    pub samples: u64,
    /// The mean length of the texts, in characters; null where there is none.
    pub mean_length: Option<f64>,
    /// The labels, sorted.
    pub labels: Vec<Label>,
    /// True if there are too many labels to be counted.
    pub too_many_labels: bool,
}

/// The measures of a rule in two versions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Drift {
    /// The name of the rule.
    pub rule: String,
    /// The sums of the old version, where it was judged by the rule.
    pub old: Option<DriftSums>,
    /// The sums of the new one.
    pub new: Option<DriftSums>,
}

impl DriftSums {
    /// Reads the sums from a list of a verdict; unknown names are skipped.
    fn of(measures: &[(String, u64)]) -> DriftSums {
        let sum = |sum: Sum| measures.iter().find(|(name, _)| name == sum.name()).map_or(0, |(_, sum)| *sum);
        let labels = || measures.iter().filter_map(|(name, count)| Some((name.strip_prefix(LABEL)?, *count)));
        let all = labels().fold(0_u64, |all, (_, count)| all.saturating_add(count));
        let (texts, characters) = (sum(Sum::Texts), sum(Sum::Characters));
        DriftSums {
            samples: sum(Sum::Samples),
            mean_length: (texts > 0).then(|| characters as f64 / texts as f64),
            labels: labels()
                .map(|(label, count)| Label { label: label.to_owned(), count, share: count as f64 / all as f64 })
                .collect(),
            too_many_labels: measures.iter().any(|(name, _)| name == MANY),
        }
    }
}

impl Drift {
    /// Returns the measures of each rule in two versions, by the names of the rules: those of the new one, then those that
    /// only the old one has.
    pub fn between(old: Option<&Verdict>, new: Option<&Verdict>) -> Vec<Drift> {
        let rules = |verdict: Option<&Verdict>| -> Vec<(String, DriftSums)> {
            let judged = verdict.into_iter().flat_map(|verdict| &verdict.results).filter(|judged| judged.kind == "drift");
            judged.map(|judged| (judged.name.clone(), DriftSums::of(&judged.measures))).collect()
        };
        let mut before = rules(old);
        let mut drifts: Vec<Drift> = Vec::new();
        for (rule, sums) in rules(new) {
            let old = before.iter().position(|(name, _)| *name == rule).map(|at| before.remove(at).1);
            drifts.push(Drift { rule, old, new: Some(sums) });
        }
        drifts.extend(before.into_iter().map(|(rule, sums)| Drift { rule, old: Some(sums), new: None }));
        drifts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Measures;

    #[test]
    fn the_list_of_a_rule_is_read_back() {
        let mut measures = Measures::new(1);
        measures.checked(0, 3);
        measures.sample(0, 3);
        [4, 6].into_iter().for_each(|length| measures.length(0, length, 1));
        ["samples", "b", "b", "b"].into_iter().for_each(|label| measures.label(0, label, 1));
        let label = |label: &str, count, share| Label { label: label.to_owned(), count, share };
        let labels = vec![label("b", 3, 0.75), label("samples", 1, 0.25)];
        let sums = DriftSums { samples: 3, mean_length: Some(5.0), labels, too_many_labels: false };
        assert_eq!(DriftSums::of(&measures.to_list(0)), sums);
        (0..2_000).for_each(|label| measures.label(0, &label.to_string(), 1));
        let many = DriftSums::of(&measures.to_list(0));
        assert!(many.too_many_labels && many.labels.is_empty());
    }
}
