//! Numbers, sizes, times and tables as people read them.

use std::fmt::Display;

use helox::ops::{FileChanges, PartialCheckout};
use helox::{Time, VersionNumber, printable};

use unicode_width::UnicodeWidthStr;

pub(crate) use helox::thousands;

/// Returns a count and its noun: `1 file`, `1,204 files`.
pub(crate) fn count(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(count), if count == 1 { "" } else { "s" })
}

/// `partial: 3 of 6 files`.
pub(crate) fn partial(part: PartialCheckout) -> String {
    format!("partial: {} of {}", thousands(part.files), count(part.of, "file"))
}

/// `3 files with uncommitted changes replaced or deleted`.
pub(crate) fn discarded(files: u64) -> String {
    format!("{} with uncommitted changes replaced or deleted", count(files, "file"))
}

/// Counts of the files in which two sides differ.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FileCounts {
    pub(crate) added: usize,
    /// Those of which only the mode differs are among them.
    pub(crate) modified: usize,
    pub(crate) mode_changed: usize,
    pub(crate) removed: usize,
    pub(crate) renamed: usize,
    pub(crate) reread: usize,
    pub(crate) folders_added: usize,
    pub(crate) folders_removed: usize,
}

impl FileCounts {
    /// Returns the counts in words, `3 added, 2 modified, 1 with a changed mode`, less those that are 0; empty where all
    /// are.
    pub(crate) fn count_words(&self) -> String {
        let number = |n: usize| thousands(n as u64);
        let groups = [
            (self.added, "added".to_owned()),
            (self.modified, "modified".to_owned()),
            (self.removed, "removed".to_owned()),
            (self.renamed, "renamed".to_owned()),
            (self.mode_changed, "with a changed mode".to_owned()),
            (self.reread, "with a changed format".to_owned()),
            (self.folders_added, "empty folders added".to_owned()),
            (self.folders_removed, "empty folders removed".to_owned()),
        ];
        let words = groups.iter().filter(|(n, _)| *n > 0).map(|(n, what)| match n {
            1 => format!("1 {}", what.replacen("folders", "folder", 1)),
            n => format!("{} {what}", number(*n)),
        });
        words.collect::<Vec<_>>().join(", ")
    }
}

/// Returns the changes that stand behind the counts of added, modified and removed files: `, 2 renamed, 1 with a changed
/// mode`.
pub(crate) fn also(files: &FileChanges) -> String {
    let groups = [
        (files.files_renamed, "renamed".to_owned()),
        (files.files_mode_changed, "with a changed mode".to_owned()),
        (files.files_reread, "with a changed format".to_owned()),
        (files.links_changed, if files.links_changed == 1 { "symlink changed" } else { "symlinks changed" }.to_owned()),
        (files.folders_added, format!("empty {} added", if files.folders_added == 1 { "folder" } else { "folders" })),
        (files.folders_removed, format!("empty {} removed", if files.folders_removed == 1 { "folder" } else { "folders" })),
    ];
    groups.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!(", {} {what}", thousands(*n))).collect()
}

/// Returns the path of an empty folder, as a line shows it.
pub(crate) fn empty_folder(path: &str) -> String {
    format!("{}/ (empty folder)", printable(path))
}

/// Returns a size in decimal units, two digits at least where the unit allows: `999 B`, `2.1 GB`, `31 MB`.
pub(crate) fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in ["kB", "MB", "GB", "TB", "PB", "EB"] {
        // What would be printed as 1,000 of a unit is 1.0 of the next.
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    if value < 9.95 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// Returns a time in seconds, minutes or hours: "40 seconds", "1 minute", "2 hours 5 minutes".
pub(crate) fn duration(seconds: u64) -> String {
    let minutes = seconds.div_ceil(60);
    match (seconds, minutes / 60, minutes % 60) {
        (0..=90, ..) => count(seconds, "second"),
        (_, 0, minutes) => count(minutes, "minute"),
        (_, hours, 0) => count(hours, "hour"),
        (_, hours, minutes) => format!("{} {}", count(hours, "hour"), count(minutes, "minute")),
    }
}

/// Returns a difference with its sign: `+117`, `-3`, `0`.
pub(crate) fn difference(of: i64, show: impl Fn(u64) -> String) -> String {
    let sign = match of {
        0 => "",
        1.. => "+",
        _ => "-",
    };
    format!("{sign}{}", show(of.unsigned_abs()))
}

/// Returns the day of a moment: `2026-11-22`.
pub(crate) fn day(time: &Time) -> String {
    time.to_string().chars().take_while(|c| *c != 'T').collect()
}

/// Returns a moment to the second: `2026-11-22 09:30:00 UTC`.
pub(crate) fn moment(time: &Time) -> String {
    let text = time.to_string();
    match text.split_once('T') {
        Some((day, clock)) => format!("{day} {} UTC", clock.chars().take(8).collect::<String>()),
        None => text,
    }
}

/// Returns the first twelve digits of an id.
pub(crate) fn short(id: impl Display) -> String {
    id.to_string().chars().take(12).collect()
}

/// Returns the first line of a text, fit for a terminal.
pub(crate) fn first_line(text: &str) -> String {
    printable(text.lines().next().unwrap_or_default()).into_owned()
}

/// `leases@1.1.0`, or the first digits of the id of a version that is not here.
pub(crate) fn version_name(dataset: Option<&str>, number: Option<&VersionNumber>, id: impl Display) -> String {
    match (dataset, number) {
        (Some(dataset), Some(number)) => format!("{}@{number}", printable(dataset)),
        _ => short(id),
    }
}

/// Returns a number in the fewest digits that tell it from every other: `0.31`, `12`, `1e300`.
pub(crate) fn number(value: f64) -> String {
    let plain = value == 0.0 || (1e-5..1e16).contains(&value.abs());
    if plain { value.to_string() } else { format!("{value:e}") }
}

/// Characters of the widest column that others are aligned to. A longer cell pushes the rest of its row on.
const WIDEST: usize = 160;

/// Rows in columns that begin one below the other, two spaces apart.
pub(crate) fn columns<R: AsRef<[String]>>(rows: &[R]) -> Vec<String> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (n, cell) in row.as_ref().iter().enumerate() {
            let width = cell.width().min(WIDEST);
            match widths.get_mut(n) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    let line = |row: &R| {
        let mut line = String::new();
        for (cell, width) in row.as_ref().iter().zip(&widths) {
            // The width of a format is at most 65,535.
            let rest = width.saturating_sub(cell.width());
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', rest + 2));
        }
        line.truncate(line.trim_end().len());
        line
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_columns() {
        let rows = [["契約".to_owned(), "x".to_owned()], ["lease".to_owned(), "y".to_owned()]];
        assert_eq!(columns(&rows), ["契約   x", "lease  y"]);
    }

    #[test]
    fn sizes_have_two_digits_and_a_decimal_unit() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (9_949, "9.9 kB"),
            (9_950, "10 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (31_000_000, "31 MB"),
            (2_100_000_000, "2.1 GB"),
            (u64::MAX, "18 EB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn durations_have_one_or_two_units() {
        for (seconds, text) in
            [(1, "1 second"), (90, "90 seconds"), (91, "2 minutes"), (3_600, "1 hour"), (7_500, "2 hours 5 minutes")]
        {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn differences_bear_their_sign() {
        assert_eq!(difference(1_204, thousands), "+1,204");
        assert_eq!(difference(-31_000_000, size), "-31 MB");
        assert_eq!(difference(0, thousands), "0");
        assert_eq!(difference(i64::MIN, size), "-9.2 EB");
    }

    #[test]
    fn times_lose_what_nobody_reads() {
        let time = Time::from_millis(1_795_339_800_007);
        assert_eq!(day(&time), "2026-11-22");
        assert_eq!(moment(&time), "2026-11-22 09:30:00 UTC");
    }

    #[test]
    fn numbers_have_no_digit_too_many() {
        for (value, text) in [(0.31, "0.31"), (12.0, "12"), (-0.5, "-0.5"), (1e300, "1e300"), (2.5e-9, "2.5e-9"), (0.0, "0")] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn columns_are_aligned_without_trailing_space() {
        let rows = [["a".to_owned(), "bb".to_owned()], ["ccc".to_owned(), String::new()]];
        assert_eq!(columns(&rows), ["a    bb", "ccc"]);
        let long = "x".repeat(70_000);
        let rows = [[long.clone(), "b".to_owned()], ["a".to_owned(), "b".to_owned()]];
        let lines = columns(&rows);
        assert_eq!(lines[0], format!("{long}  b"));
        assert_eq!(lines[1].len(), WIDEST + 3);
    }
}
