//! The measures of `drift` rules, for people: a small table a rule.

use std::io::{self, Write};

use helox::ops::{Drift, DriftSums};
use helox::printable;

use crate::cli::format::{columns, count, thousands};
use crate::cli::output::Output;

/// Most labels that are listed, those first whose share changed most.
const LISTED: usize = 20;

/// Prints a table for each rule.
pub(super) fn print(drifts: &[Drift], out: &mut Output) -> io::Result<()> {
    for drift in drifts {
        writeln!(out)?;
        columns(&rows(drift)).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    Ok(())
}

/// Returns the rows of a rule: its name, the samples, the mean length, and the labels.
fn rows(drift: &Drift) -> Vec<[String; 3]> {
    let Drift { rule, old, new } = drift;
    let sides = [old.as_ref(), new.as_ref()];
    let row = |name: &str, value: &dyn Fn(&DriftSums) -> Option<String>| -> [String; 3] {
        let [old, new] = sides.map(|side| side.and_then(value).unwrap_or_else(|| "-".to_owned()));
        [name.to_owned(), old, new]
    };
    let mut rows = vec![[printable(rule).into_owned(), "old".to_owned(), "new".to_owned()]];
    rows.push(row("samples", &|sums| Some(thousands(sums.samples))));
    if sides.iter().flatten().any(|sums| sums.mean_length.is_some()) {
        rows.push(row("mean length", &|sums| sums.mean_length.map(|mean| format!("{mean:.1}"))));
    }
    if sides.iter().flatten().any(|sums| sums.too_many_labels) {
        rows.push(row("labels", &|sums| {
            Some(if sums.too_many_labels { "too many".to_owned() } else { thousands(sums.labels.len() as u64) })
        }));
    }
    let share = |side: Option<&DriftSums>, label: &str| {
        let found = side?.labels.iter().find(|own| own.label == label)?;
        Some((found.share, format!("{} ({:.1}%)", thousands(found.count), found.share * 100.0)))
    };
    let mut names: Vec<&str> = sides.iter().flatten().flat_map(|sums| &sums.labels).map(|label| label.label.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let change = |label: &str| {
        let [old, new] = sides.map(|side| share(side, label).map_or(0.0, |(share, _)| share));
        (old - new).abs()
    };
    // Of equal changes the names stay in order.
    names.sort_by(|a, b| change(b).total_cmp(&change(a)));
    for label in names.iter().take(LISTED) {
        rows.push(row(&format!("\"{}\"", printable(label)), &|sums| share(Some(sums), label).map(|(_, text)| text)));
    }
    if names.len() > LISTED {
        rows.push([count((names.len() - LISTED) as u64, "more label"), String::new(), String::new()]);
    }
    rows
}

#[cfg(test)]
mod tests {
    use helox::ops::Label;

    use super::*;

    fn sums(samples: u64, mean_length: Option<f64>, labels: &[(&str, u64, f64)]) -> DriftSums {
        let label = |&(label, count, share): &(&str, u64, f64)| Label { label: label.to_owned(), count, share };
        DriftSums { samples, mean_length, labels: labels.iter().map(label).collect(), too_many_labels: false }
    }

    #[test]
    fn old_and_new_stand_side_by_side() {
        let old = sums(1_000, Some(120.25), &[("rent", 900, 0.9), ("term", 100, 0.1)]);
        let new = sums(1_100, Some(98.0), &[("other", 110, 0.1), ("rent", 880, 0.8), ("term", 110, 0.1)]);
        let drift = Drift { rule: "mix".to_owned(), old: Some(old), new: Some(new) };
        let lines = [
            ["mix", "old", "new"],
            ["samples", "1,000", "1,100"],
            ["mean length", "120.2", "98.0"],
            ["\"other\"", "-", "110 (10.0%)"],
            ["\"rent\"", "900 (90.0%)", "880 (80.0%)"],
            ["\"term\"", "100 (10.0%)", "110 (10.0%)"],
        ];
        assert_eq!(rows(&drift)[..3], lines[..3].iter().map(|row| row.map(str::to_owned)).collect::<Vec<_>>());
        assert_eq!(rows(&drift).len(), lines.len());
        assert!(lines.iter().all(|line| rows(&drift).contains(&line.map(str::to_owned))), "{:?}", rows(&drift));
        let first = Drift { rule: "mix".to_owned(), old: None, new: Some(sums(3, None, &[])) };
        assert_eq!(rows(&first)[1..], [["samples", "-", "3"].map(str::to_owned)]);
    }

    #[test]
    fn of_many_labels_those_that_changed_most_are_listed() {
        let names: Vec<String> = (0..30).map(|n| format!("l{n:02}")).collect();
        let labels: Vec<_> = names.iter().enumerate().map(|(n, name)| (name.as_str(), 1, n as f64 / 100.0)).collect();
        let drift = Drift { rule: "mix".to_owned(), old: None, new: Some(sums(30, None, &labels)) };
        let rows = rows(&drift);
        assert_eq!((rows[2][0].as_str(), rows[21][0].as_str()), ("\"l29\"", "\"l10\""));
        assert_eq!(rows[22][0], "10 more labels");
    }
}
