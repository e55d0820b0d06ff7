//! The measures of `drift` rules in two versions, side by side.

use serde::Serialize;

use crate::gate::DriftSummary;
use crate::object::verdict::{RuleResult, Verdict};

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
    fn of(judged: &RuleResult) -> DriftSums {
        let DriftSummary { samples, texts, characters, labels, too_many_labels } = DriftSummary::of(&judged.measures);
        let all: u64 = labels.iter().fold(0, |all, (_, count)| all.saturating_add(*count));
        let label = |(label, count)| Label { label, count, share: count as f64 / all as f64 };
        DriftSums {
            samples,
            mean_length: (texts > 0).then(|| characters as f64 / texts as f64),
            labels: labels.into_iter().map(label).collect(),
            too_many_labels,
        }
    }
}

impl Drift {
    /// Returns the measures of each rule in two versions, by the names of the rules: those of the new one, then those that
    /// only the old one has.
    pub fn between(old: Option<&Verdict>, new: Option<&Verdict>) -> Vec<Drift> {
        let rules = |verdict: Option<&Verdict>| -> Vec<(String, DriftSums)> {
            let judged = verdict.into_iter().flat_map(|verdict| &verdict.results).filter(|judged| judged.kind == "drift");
            judged.map(|judged| (judged.name.clone(), DriftSums::of(judged))).collect()
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
