//! Findings with their positions, and the part of them that a verdict contains.

use std::collections::{BTreeMap, BTreeSet};

use super::cache::RecordPosition;
use crate::limits;
use crate::object::verdict;

/// The longest message that a verdict contains, in bytes.
const MAX_MESSAGE: usize = 300;

/// A finding of a rule, with its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocatedFinding {
    /// The file; empty for the version as a whole.
    pub path: String,
    /// The record; zeros for the version as a whole.
    pub position: RecordPosition,
    /// The rule, by its index in the rule set.
    pub rule: u32,
    /// The message.
    pub message: String,
}

impl LocatedFinding {
    /// Creates a finding about the version as a whole.
    pub fn of_version(rule: u32, message: String) -> LocatedFinding {
        LocatedFinding { path: String::new(), position: RecordPosition::default(), rule, message }
    }
}

/// Returns the findings of a list that a verdict holds: the first ones, but some of each rule.
pub(super) fn first(all: &[LocatedFinding]) -> Vec<verdict::Finding> {
    let rules = all.iter().map(|finding| finding.rule).collect::<BTreeSet<_>>().len();
    let share = limits::VERDICT_FINDINGS / rules.max(1);
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    let mut is_taken: Vec<bool> = all
        .iter()
        .map(|finding| {
            let count = counts.entry(finding.rule).or_default();
            *count += 1;
            *count <= share
        })
        .collect();
    let room = limits::VERDICT_FINDINGS.saturating_sub(is_taken.iter().filter(|taken| **taken).count());
    is_taken.iter_mut().filter(|taken| !**taken).take(room).for_each(|taken| *taken = true);
    all.iter().zip(is_taken).filter(|(_, taken)| *taken).map(|(finding, _)| verdict_finding(finding)).collect()
}

/// Returns a finding as a verdict holds it.
fn verdict_finding(finding: &LocatedFinding) -> verdict::Finding {
    verdict::Finding {
        path: finding.path.clone(),
        line: finding.position.line,
        number: finding.position.number,
        rule: finding.rule,
        message: shortened(&finding.message),
    }
}

/// Returns a message of no more than [`MAX_MESSAGE`] bytes.
pub(super) fn shortened(message: &str) -> String {
    if message.len() <= MAX_MESSAGE {
        return message.to_owned();
    }
    let end = (0..=MAX_MESSAGE).rev().find(|&at| message.is_char_boundary(at)).unwrap_or(0);
    format!("{}…", &message[..end])
}
