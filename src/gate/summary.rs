//! The sums of a version that a rule of the kind `drift` keeps in the verdict, by what they are sums of.

use super::measures::{CHARACTERS, LABEL, MANY, SAMPLES, TEXTS};

/// The sums of one version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DriftSummary {
    /// Records.
    pub samples: u64,
    /// Texts of the field whose lengths are measured.
    pub texts: u64,
    /// Their characters.
    pub characters: u64,
    /// The labels and how often each stands there, sorted by label.
    pub labels: Vec<(String, u64)>,
    /// True if there are more labels than are counted; then none is listed.
    pub too_many_labels: bool,
}

impl DriftSummary {
    /// Reads the list that a verdict holds; names that are unknown are passed over.
    pub fn of(measures: &[(String, u64)]) -> DriftSummary {
        let mut summary = DriftSummary::default();
        for (name, sum) in measures {
            match (name.as_str(), name.strip_prefix(LABEL)) {
                (SAMPLES, _) => summary.samples = *sum,
                (TEXTS, _) => summary.texts = *sum,
                (CHARACTERS, _) => summary.characters = *sum,
                (MANY, _) => summary.too_many_labels = true,
                (_, Some(label)) => summary.labels.push((label.to_owned(), *sum)),
                _ => {}
            }
        }
        summary
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
        ["samples", "b", "b"].into_iter().for_each(|label| measures.label(0, label, 1));
        let labels = vec![("b".to_owned(), 2), ("samples".to_owned(), 1)];
        let summary = DriftSummary { samples: 3, texts: 2, characters: 10, labels, too_many_labels: false };
        assert_eq!(DriftSummary::of(&measures.to_list(0)), summary);
        (0..2_000).for_each(|label| measures.label(0, &label.to_string(), 1));
        let many = DriftSummary::of(&measures.to_list(0));
        assert!(many.too_many_labels && many.labels.is_empty());
    }
}
