//! The size of a change, by the samples and the schema.

use crate::diff::schema::{ChangeKind, SchemaChange};
use crate::diff::{RecordDiff, SampleCounts, SplitMove, Splits};
use crate::error::{Result, counted, thousands};
use crate::object::version::ChangeType;
use crate::sample::Type;

/// The shares of the parent's samples above which a change is MAJOR or MINOR.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// Above it a change is MAJOR.
    pub major_above: f64,
    /// Above it a change is at least MINOR.
    pub minor_above: f64,
    /// The loss of a field is MAJOR where more than this share of the samples had it.
    pub field_share: f64,
}

impl Default for Thresholds {
    fn default() -> Thresholds {
        Thresholds { major_above: 0.5, minor_above: 0.1, field_share: 0.001 }
    }
}

/// Changes of the schema that are told in words.
const MAX_LISTED: usize = 3;

/// The changes of the samples from one version to another.
#[derive(Clone, Debug)]
pub struct SampleChanges {
    pub counts: SampleCounts,
    /// Samples that moved between splits.
    pub moved: Vec<SplitMove>,
    /// True if the splits are declared, so that it counts as a change of the samples.
    pub moves_count: bool,
    /// Samples of the old version.
    pub before: u64,
    pub schema: Vec<SchemaChange>,
}

impl SampleChanges {
    /// Returns the changes of a tallied diff.
    pub fn of(diff: RecordDiff, splits: &Splits, before: u64, schema: Vec<SchemaChange>) -> Result<SampleChanges> {
        let (counts, moves) = diff.tally.map_or(Ok(Default::default()), |tally| tally.counts())?;
        Ok(SampleChanges { counts, moved: splits.named(&moves), moves_count: splits.are_declared(), before, schema })
    }

    fn changed(&self) -> u64 {
        let moved: u64 = self.moved.iter().filter(|_| self.moves_count).map(|moved| moved.count).sum();
        self.counts.added.max(self.counts.removed) + self.counts.modified + moved
    }

    /// MAJOR above the greater share, or when what reads the old records may fail on the new ones; MINOR above the lesser,
    /// or when fields were added.
    pub fn kind(&self, thresholds: &Thresholds) -> ChangeType {
        let (changed, before) = (self.changed() as f64, self.before as f64);
        if changed > before * thresholds.major_above || self.schema.iter().any(|change| change.breaking) {
            ChangeType::Major
        } else if changed > before * thresholds.minor_above || self.schema.iter().any(|c| c.kind == ChangeKind::Added) {
            ChangeType::Minor
        } else {
            ChangeType::Patch
        }
    }

    /// `samples: 40 added, 25 modified, 8 removed (12.4% of 590); field /rent/currency added; field /note removed, which had 1 value`.
    pub fn describe(&self) -> String {
        let SampleCounts { added, removed, modified } = self.counts;
        let mut words = match (self.changed(), self.before) {
            (0, before) => format!("samples: 0 of {} changed", thousands(before)),
            (_, 0) => format!("samples: {} added to an empty version", thousands(added)),
            (changed, before) => {
                let (share, before) = (percent(changed, before), thousands(before));
                let [added, modified, removed] = [added, modified, removed].map(thousands);
                format!("samples: {added} added, {modified} modified, {removed} removed ({share} of {before})")
            }
        };
        self.moved.iter().for_each(|moved| words.push_str(&format!("; {moved}")));
        // What breaks is told first.
        let mut changes: Vec<&SchemaChange> = self.schema.iter().collect();
        changes.sort_by_key(|change| !change.breaking);
        for change in changes.iter().take(MAX_LISTED) {
            words.push_str("; ");
            words.push_str(&describe_change(change));
        }
        if changes.len() > MAX_LISTED {
            let more = counted((changes.len() - MAX_LISTED) as u64, "more change");
            words.push_str(&format!("; {more} to fields"));
        }
        words
    }
}

/// Returns a change of the schema as a phrase.
fn describe_change(change: &SchemaChange) -> String {
    let field = if change.path.is_empty() { "the record".to_owned() } else { format!("field {}", change.path) };
    let types = |types: &[Type]| types.iter().map(|t| t.as_str()).collect::<Vec<_>>().join("|");
    match change.kind {
        ChangeKind::Added => format!("{field} added"),
        ChangeKind::Removed => {
            let values = counted(u64::try_from(change.old_present).unwrap_or(0), "value");
            format!("{field} removed ({values})")
        }
        ChangeKind::TypeChanged => format!("{field} changed from {} to {}", types(&change.old), types(&change.new)),
    }
}

/// `12.4%`; what is not nothing is at least `<0.1%`.
pub fn percent(part: u64, whole: u64) -> String {
    match (part, part as f64 * 100.0 / whole as f64) {
        (_, _) if whole == 0 => "all".to_owned(),
        (1.., share) if share < 0.1 => "<0.1%".to_owned(),
        (_, share) => format!("{share:.1}%"),
    }
}
