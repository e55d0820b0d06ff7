//! Verdicts: what the rules of a dataset said of a version. The format is specified in `docs/formats/verdict.md`.
//!
//! A verdict holds counts; the score follows from them in whole numbers, so that every machine finds the same.

use serde::Serialize;

use crate::codec::{ByteReader, ByteWriter, Malformed};
use crate::id::{Id, VerdictId};
use crate::limits;
use crate::object::version::ValidationStatus;

/// The first byte of every verdict.
const FORMAT: u8 = 2;
/// The score of a version in which no rule found anything.
pub const FULL_SCORE: u32 = 1_000_000;
/// The weight of a rule that has none of its own, in thousandths.
pub const DEFAULT_WEIGHT: u32 = 1_000;

/// The effect of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Severity {
    /// It only tells.
    Info = 0,
    /// It lowers the score.
    Warning = 1,
    /// It lowers the score, and the version does not pass.
    Error = 2,
}

/// The effect of records that a rule cannot read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum OpaquePolicy {
    /// They are counted.
    Allow = 0,
    /// They are counted, and told in a warning.
    #[default]
    Warn = 1,
    /// The version does not pass, unless the rule only tells.
    Error = 2,
}

/// The result of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleResult {
    /// The name of the rule; its kind, unless the team named it.
    pub name: String,
    /// Its kind, such as `required`.
    pub kind: String,
    /// The effect of its findings.
    pub severity: Severity,
    /// The weight of the rule, in thousandths.
    pub weight: u32,
    /// The records that it looked at; 1 for a rule over the version as a whole.
    pub checked: u64,
    /// Those of them in which it found something.
    pub failed: u64,
    /// The records at which it could not look; none of those that it looked at.
    pub unreadable: u64,
    /// The measures of the rule, by name, for comparison with the next version.
    pub measures: Vec<(String, u64)>,
}

/// Something that a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file; empty where it is about the version as a whole.
    pub path: String,
    /// The line on which the record begins, from 1; 0 where there is none.
    pub line: u64,
    /// The number of the record in the file, from 1; 0 where there is none.
    pub number: u64,
    /// The rule, by its place among the judged.
    pub rule: u32,
    /// The message, for a person.
    pub message: String,
}

/// The results of the rules of a dataset on a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// A hash of the rules as they were declared, and of all else that they depend on.
    pub rules: [u8; 32],
    /// The least score that passes, in millionths.
    pub min_score: u32,
    /// The effect of records that a rule cannot read.
    pub opaque: OpaquePolicy,
    /// Each rule, in the order of their declaration.
    pub results: Vec<RuleResult>,
    /// The number of findings.
    pub findings_count: u64,
    /// The first of them, errors first, then by rule and place; at most `limits::VERDICT_FINDINGS`.
    pub findings: Vec<Finding>,
    /// The first records at which a rule could not look, with the reason, in the same order; at most
    /// `limits::VERDICT_FINDINGS`.
    pub unread: Vec<Finding>,
}

impl RuleResult {
    /// Returns the share of the records in which it found nothing, in millionths, rounded down; `None` if it looked at
    /// none.
    pub fn share(&self) -> Option<u32> {
        let good = u128::from(self.checked.saturating_sub(self.failed)) * u128::from(FULL_SCORE);
        good.checked_div(u128::from(self.checked)).map(|share| share as u32)
    }
}

impl Verdict {
    /// Returns the score in millionths: the mean of the rules' shares by their weights, rounded down. Rules that only tell,
    /// and such as looked at nothing, do not count; where none counts it is [`FULL_SCORE`].
    pub fn score(&self) -> u32 {
        let (mut sum, mut weights) = (0u128, 0u128);
        for judged in self.results.iter().filter(|judged| judged.severity > Severity::Info) {
            if let Some(share) = judged.share() {
                sum += u128::from(share) * u128::from(judged.weight);
                weights += u128::from(judged.weight);
            }
        }
        sum.checked_div(weights).map_or(FULL_SCORE, |score| score as u32)
    }

    /// Returns true if the score suffices, no rule of severity [`Severity::Error`] has findings, and no rule failed to read
    /// records that it has to.
    pub fn passed(&self) -> bool {
        let blocks = |judged: &RuleResult| match judged.severity {
            Severity::Info => false,
            Severity::Warning => self.is_opaque(judged),
            Severity::Error => judged.failed > 0 || self.is_opaque(judged),
        };
        let blocked = self.results.iter().any(blocks);
        !blocked && self.score() >= self.min_score
    }

    fn is_opaque(&self, judged: &RuleResult) -> bool {
        self.opaque == OpaquePolicy::Error && judged.unreadable > 0
    }

    /// Returns the status of a version by it.
    pub fn status(&self) -> ValidationStatus {
        if self.passed() { ValidationStatus::Passed } else { ValidationStatus::Failed }
    }

    /// Returns the bytes that are stored and hashed.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        out.extend_from_slice(&self.rules);
        out.put_varint(self.min_score.into());
        out.push(self.opaque as u8);
        out.put_varint(self.results.len() as u64);
        for judged in &self.results {
            out.put_bytes(judged.name.as_bytes());
            out.put_bytes(judged.kind.as_bytes());
            out.push(judged.severity as u8);
            out.put_varint(judged.weight.into());
            out.put_varint(judged.checked);
            out.put_varint(judged.failed);
            out.put_varint(judged.unreadable);
            out.put_varint(judged.measures.len() as u64);
            for (name, value) in &judged.measures {
                out.put_bytes(name.as_bytes());
                out.put_varint(*value);
            }
        }
        out.put_varint(self.findings_count);
        for list in [&self.findings, &self.unread] {
            out.put_varint(list.len() as u64);
            for finding in list {
                out.put_bytes(finding.path.as_bytes());
                out.put_varint(finding.line);
                out.put_varint(finding.number);
                out.put_varint(finding.rule.into());
                out.put_bytes(finding.message.as_bytes());
            }
        }
        out
    }

    /// Reads what [`Verdict::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Verdict, Malformed> {
        let mut reader = ByteReader::new(bytes);
        if reader.u8()? != FORMAT {
            return Err(Malformed("unknown verdict format; use a newer hlx"));
        }
        let rules = reader.array()?;
        let min_score = reader.varint_max(FULL_SCORE.into())? as u32;
        let opaque = match reader.u8()? {
            0 => OpaquePolicy::Allow,
            1 => OpaquePolicy::Warn,
            2 => OpaquePolicy::Error,
            _ => return Err(Malformed("unknown setting for opaque files")),
        };
        let count = reader.count(8)?;
        let judged: Vec<RuleResult> = (0..count).map(|_| decode_result(&mut reader)).collect::<Result<_, _>>()?;
        let found = reader.varint()?;
        let mut list = || -> Result<Vec<Finding>, Malformed> {
            let count = reader.count(5)?;
            (0..count).map(|_| decode_finding(&mut reader)).collect()
        };
        let (findings, unread) = (list()?, list()?);
        reader.end()?;
        let verdict = Verdict { rules, min_score, opaque, results: judged, findings_count: found, findings, unread };
        verdict.check()?;
        Ok(verdict)
    }

    /// Fails unless an object can hold it: nothing longer and not more of anything than `limits.rs` allows.
    pub fn check(&self) -> Result<(), Malformed> {
        let measures = || self.results.iter().flat_map(|judged| &judged.measures);
        let told = || self.findings.iter().chain(&self.unread);
        let unreadable = self.results.iter().fold(0u64, |sum, judged| sum.saturating_add(judged.unreadable));
        match () {
            () if self.min_score > FULL_SCORE => Err(Malformed("the minimum score is greater than 1")),
            () if self.results.len() > limits::VERDICT_RULES => Err(Malformed("the verdict has more than 256 rules")),
            () if self.results.iter().any(|judged| judged.name.len().max(judged.kind.len()) > limits::NAME) => {
                Err(Malformed("the name of a rule is longer than 64 bytes"))
            }
            () if self.results.iter().any(|judged| judged.failed > judged.checked) => {
                Err(Malformed("a rule has more failed than checked records"))
            }
            () if self.results.iter().any(|judged| judged.measures.len() > limits::MEASURES) => {
                Err(Malformed("a rule measures more than 1,100 sums"))
            }
            () if measures().any(|(name, _)| name.len() > limits::MEASURE_NAME) => {
                Err(Malformed("the name of a sum is longer than 256 bytes"))
            }
            () if measures().map(|(name, _)| name.len()).sum::<usize>() > limits::VERDICT_MEASURES => {
                Err(Malformed("the names of the sums have more than 2,097,152 bytes together"))
            }
            () if self.findings.len() > limits::VERDICT_FINDINGS || self.findings_count < self.findings.len() as u64 => {
                Err(Malformed("the verdict has too many findings"))
            }
            () if self.unread.len() > limits::VERDICT_FINDINGS || unreadable < self.unread.len() as u64 => {
                Err(Malformed("the verdict has too many unreadable records"))
            }
            () if told().any(|finding| finding.path.len() > limits::PATH) => {
                Err(Malformed("the path of a finding is longer than 4,095 bytes"))
            }
            () if told().any(|finding| finding.message.len() > limits::FINDING) => {
                Err(Malformed("the message of a finding is longer than 1,024 bytes"))
            }
            () if told().any(|finding| finding.rule as usize >= self.results.len()) => {
                Err(Malformed("a finding refers to an unknown rule"))
            }
            () => Ok(()),
        }
    }

    /// Returns the verdict's id: the hash of its bytes.
    pub fn id(&self) -> Id<VerdictId> {
        Id::of(&self.encode())
    }
}

fn decode_finding(reader: &mut ByteReader<'_>) -> Result<Finding, Malformed> {
    let (path, line, number) = (reader.text()?.to_owned(), reader.varint()?, reader.varint()?);
    let rule = reader.varint_max(u32::MAX.into())? as u32;
    Ok(Finding { path, line, number, rule, message: reader.text()?.to_owned() })
}

fn decode_result(reader: &mut ByteReader<'_>) -> Result<RuleResult, Malformed> {
    let (name, kind) = (reader.text()?.to_owned(), reader.text()?.to_owned());
    let severity = match reader.u8()? {
        0 => Severity::Info,
        1 => Severity::Warning,
        2 => Severity::Error,
        _ => return Err(Malformed("unknown severity of a rule")),
    };
    let weight = reader.varint_max(u32::MAX.into())? as u32;
    let (checked, failed, unreadable) = (reader.varint()?, reader.varint()?, reader.varint()?);
    let count = reader.count(2)?;
    let measures = (0..count).map(|_| Ok((reader.text()?.to_owned(), reader.varint()?))).collect::<Result<_, _>>()?;
    Ok(RuleResult { name, kind, severity, weight, checked, failed, unreadable, measures })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(severity: Severity, weight: u32, checked: u64, failed: u64) -> RuleResult {
        let measures = vec![("samples".to_owned(), checked)];
        RuleResult { name: "ids".into(), kind: "unique".into(), severity, weight, checked, failed, unreadable: 2, measures }
    }

    fn verdict(judged: Vec<RuleResult>) -> Verdict {
        let finding = Finding { path: "a.jsonl".into(), line: 7, number: 6, rule: 0, message: "no".into() };
        let findings = if judged.is_empty() { vec![] } else { vec![finding] };
        Verdict {
            rules: [7; 32],
            min_score: 900_000,
            opaque: OpaquePolicy::Warn,
            results: judged,
            findings_count: findings.len() as u64,
            unread: findings.clone(),
            findings,
        }
    }

    #[test]
    fn the_score_is_the_mean_of_the_shares_by_weight() {
        let score = |judged| verdict(judged).score();
        assert_eq!(score(vec![]), FULL_SCORE);
        assert_eq!(score(vec![judged(Severity::Warning, 1_000, 0, 0)]), FULL_SCORE, "a rule that looked at nothing");
        assert_eq!(score(vec![judged(Severity::Info, 1_000, 10, 10)]), FULL_SCORE, "a rule that only tells");
        assert_eq!(score(vec![judged(Severity::Warning, 1_000, 3, 1)]), 666_666);
        let two = [judged(Severity::Warning, 3_000, 10, 0), judged(Severity::Error, 1_000, 10, 5)];
        assert_eq!(score(two.to_vec()), 875_000);
        assert_eq!(score(vec![judged(Severity::Warning, 1_000, u64::MAX, 1)]), 999_999, "one of very many is not a full score");
    }

    #[test]
    fn an_error_or_a_low_score_does_not_pass() {
        assert!(verdict(vec![judged(Severity::Warning, 1_000, 10, 1)]).passed());
        assert!(!verdict(vec![judged(Severity::Warning, 1_000, 10, 2)]).passed());
        assert!(!verdict(vec![judged(Severity::Error, 1_000, 1_000, 1)]).passed());
        assert!(verdict(vec![judged(Severity::Info, 1_000, 10, 10)]).passed());
    }

    #[test]
    fn verdicts_come_back_and_no_cut_or_flip_makes_it_panic() {
        let verdict = verdict(vec![judged(Severity::Error, 500, 12, 3), judged(Severity::Info, 1_000, 1, 0)]);
        let good = verdict.encode();
        assert_eq!(Verdict::decode(&good).unwrap(), verdict);
        for n in 0..good.len() {
            assert!(Verdict::decode(&good[..n]).is_err());
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[n] ^= 1 << bit;
                let _ = Verdict::decode(&bad);
            }
        }
    }
}
