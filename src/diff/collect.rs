//! The destination of the records of a pair that did not cancel.

use super::csv_table::CsvTable;
use super::record_diff::{DiffDetail, RecordDiff};
use super::{ReaderConfig, RecordRef, RecordText, SplitId};
use crate::limits;
use crate::parallel;
use crate::sample::{Canonicalizer, ColumnarRow, FileIssue, Header, ParseIssue, ReaderSpec, Record, Side, SkippedRow, Type};

/// A callback that receives each record, where there is one.
pub(super) type Visitor<'v> = Option<&'v mut dyn FnMut(RecordRef<'_>)>;

/// Lends a visitor out.
pub(super) fn reborrow<'s>(visitor: &'s mut Visitor<'_>) -> Visitor<'s> {
    match visitor {
        Some(visitor) => Some(&mut **visitor),
        None => None,
    }
}

/// Takes the records of a pair.
pub(super) struct RecordCollector<'r, 'v> {
    config: &'r ReaderConfig,
    path: &'r str,
    split: SplitId,
    spec: ReaderSpec,
    pub tables: [CsvTable; 2],
    pub diff: RecordDiff,
    canonical: Canonicalizer,
    visitor: Visitor<'v>,
    /// The first name that several columns of a Parquet or Arrow file have.
    duplicate: Option<String>,
    /// The counts of each column by type, before they are added to the schema.
    columns: Vec<(String, [i64; Type::ALL.len()])>,
}

impl<'r, 'v> RecordCollector<'r, 'v> {
    pub fn new(
        config: &'r ReaderConfig,
        path: &'r str,
        spec: &ReaderSpec,
        detail: DiffDetail,
        visitor: Visitor<'v>,
    ) -> RecordCollector<'r, 'v> {
        let tables = [CsvTable::new(spec), CsvTable::new(spec)];
        let diff = RecordDiff::new(config, detail);
        RecordCollector {
            config,
            path,
            split: config.splits().of(path),
            spec: spec.clone(),
            tables,
            diff,
            canonical: Canonicalizer::default(),
            visitor,
            duplicate: None,
            columns: Vec::new(),
        }
    }

    fn counts(&self) -> bool {
        self.diff.detail() != DiffDetail::Nothing
    }

    /// A record that is on one side, perhaps.
    pub fn take(&mut self, side: Side, record: Record<'_>) {
        if let Some(words) = record.excess() {
            self.take_excess(side, record.line, record.at, words);
        } else if self.spec.is_table() {
            self.take_row(side, record);
        } else {
            self.take_json(side, record);
        }
    }

    /// A record beyond the longest length.
    fn take_excess(&mut self, side: Side, line: u64, at: u64, words: &str) {
        if side == Side::New {
            self.diff.add_issue(self.path, line, words.to_owned());
        }
        self.report(side, line, at, RecordText::Excess(words));
    }

    fn take_json(&mut self, side: Side, record: Record<'_>) {
        if self.counts() {
            let observed = self.diff.schema.observe_json(record.bytes, sign(side));
            let finding = match observed {
                Ok(None) => None,
                Ok(Some(key)) => Some(format!("duplicate key \"{key}\" in an object; the last value is used")),
                Err(invalid) => Some(format!("invalid JSON: {}", invalid.what)),
            };
            if let (Some(message), Side::New) = (finding, side) {
                self.diff.add_issue(self.path, record.line, message);
            }
            self.diff.prune();
        }
        self.report(side, record.line, record.at, RecordText::Json(record.bytes));
    }

    fn take_row(&mut self, side: Side, record: Record<'_>) {
        let RecordCollector { columns, tables, diff: account, .. } = self;
        let table = &mut tables[side as usize];
        let mut at = 0;
        let finding = table.observe(record, &mut |name, kind| {
            // Most often the fields come in the order of the last row.
            if columns.get(at).is_none_or(|(known, _)| known != name) {
                at = columns.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
                    columns.push((name.to_owned(), Default::default()));
                    columns.len() - 1
                });
            }
            columns[at].1[kind as usize] += sign(side);
            at += 1;
        });
        if at > 0 {
            account.schema.count(&[], Type::Object, sign(side));
        }
        if let (Some(finding), Side::New) = (&finding, side) {
            account.add_issue(self.path, finding.line, finding.message.clone());
        }
        if self.columns.len() > limits::SCHEMA_FIELDS {
            self.count_columns();
        }
        let RecordCollector { tables, diff: account, visitor, canonical, config: rules, split, .. } = self;
        let text = RecordText::Fields {
            row: record.bytes,
            syntax: self.spec.row_syntax(),
            // A comment, and a header after one, have no columns of their own.
            header: tables[side as usize].header().filter(|_| at > 0),
            wrong: finding.as_ref().map(|finding| finding.message.as_str()),
        };
        let seen = RecordRef { side, path: self.path, line: record.line, at: record.at, text };
        report(seen, *split, rules, account, canonical, visitor);
    }

    /// A row of a Parquet or Arrow file.
    pub fn take_columnar(&mut self, side: Side, row: &ColumnarRow<'_>) {
        if let Some(words) = row.excess() {
            return self.take_excess(side, row.number, row.number - 1, words);
        }
        if side == Side::New && self.duplicate.is_none() {
            self.duplicate = row.duplicate_name().map(str::to_owned);
        }
        if self.counts() {
            self.diff.schema.count(&[], Type::Object, sign(side));
            let mut at = 0;
            for (column, kind, _) in row.values() {
                // The columns come in the order of the last row, a column in a list several times.
                let is_here = |columns: &[(String, _)], at: usize| columns.get(at).is_some_and(|(path, _)| *path == column.path);
                if !is_here(&self.columns, at) {
                    at += 1;
                    if !is_here(&self.columns, at) {
                        at = self.columns.iter().position(|(path, _)| *path == column.path).unwrap_or_else(|| {
                            self.columns.push((column.path.clone(), Default::default()));
                            self.columns.len() - 1
                        });
                    }
                }
                self.columns[at].1[kind as usize] += sign(side);
            }
        }
        self.report(side, row.number, row.number - 1, RecordText::Row(row));
    }

    /// Moves the counts of the columns into the schema: those of a table by their names, those of Parquet and Arrow by their
    /// paths.
    fn count_columns(&mut self) {
        for (name, counts) in self.columns.drain(..) {
            let steps: Vec<String> = match self.spec.is_table() {
                true => vec![name],
                false => name.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect(),
            };
            let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
            for kind in Type::ALL.into_iter().filter(|&kind| counts[kind as usize] != 0) {
                self.diff.schema.count(&steps, kind, counts[kind as usize]);
            }
        }
        self.diff.prune();
    }

    /// Reads the parts of a Parquet or Arrow file, on as many cores as are free where nobody is shown the rows. What it comes
    /// to is that of the parts one after the other, up to the first error.
    pub fn in_parts<P: Send, E: Send>(
        &mut self,
        mut parts: impl Iterator<Item = std::result::Result<P, E>>,
        read: impl Fn(P, &mut RecordCollector<'_, '_>) -> std::result::Result<(), E> + Sync,
    ) -> std::result::Result<(), E> {
        if self.visitor.is_some() {
            let read = parts.try_for_each(|part| read(part?, self));
            self.count_columns();
            return read;
        }
        let (config, path, spec, detail) = (self.config, self.path, self.spec.clone(), self.diff.detail());
        let work = |part: std::result::Result<P, E>| {
            let mut own = RecordCollector::new(config, path, &spec, detail, None);
            read(part?, &mut own)?;
            own.count_columns();
            Ok((own.diff, own.duplicate))
        };
        parallel::windows(parts, work, |read| {
            let (diff, duplicate) = read?;
            self.diff.absorb(diff);
            self.duplicate = self.duplicate.take().or(duplicate);
            Ok(())
        })
    }

    /// Rows that are no records.
    pub fn take_skipped_rows(&mut self, side: Side, notes: Vec<SkippedRow>) {
        let Some(visitor) = &mut self.visitor else { return };
        for SkippedRow { bytes, line, at } in &notes {
            visitor(RecordRef { side, path: self.path, line: *line, at: *at, text: RecordText::SkippedRow(bytes) });
        }
    }

    /// Adds the issue of a file all of whose records were read.
    pub fn take_remark(&mut self, side: Side, remark: Option<ParseIssue>) {
        if let (Some(ParseIssue { line, message }), Side::New) = (remark, side) {
            self.diff.add_issue(self.path, line, message);
        }
    }

    /// A file that is one record.
    pub fn take_whole(&mut self, side: Side, content: &[u8; 32], issue: Option<FileIssue>) {
        self.report(side, 0, 0, RecordText::File { content, issue: issue.as_ref(), text: Err("the file was not read") });
        if let (Some(issue), Side::New) = (issue, side) {
            self.diff.add_issue(self.path, issue.line(), issue.cause().to_owned());
        }
    }

    fn report(&mut self, side: Side, line: u64, at: u64, text: RecordText<'_>) {
        let record = RecordRef { side, path: self.path, line, at, text };
        report(record, self.split, self.config, &mut self.diff, &mut self.canonical, &mut self.visitor);
    }

    /// Returns the diff of a part of a file.
    pub fn into_account(mut self) -> RecordDiff {
        self.count_columns();
        self.diff
    }

    /// Returns the diff, and the visitor for the records that follow.
    pub fn finish(mut self) -> (RecordDiff, Visitor<'v>) {
        self.count_columns();
        let header = self.tables[Side::New as usize].header();
        if self.counts()
            && let Some(name) = header.and_then(Header::duplicate).or(self.duplicate.as_deref())
        {
            let message = format!("several columns are named '{name}': they are compared by position");
            self.diff.add_issue(self.path, 1, message);
        }
        (self.diff, self.visitor)
    }
}

/// Tells who looks at the records themselves, and the account, where records are compared.
fn report(
    record: RecordRef<'_>,
    split: SplitId,
    config: &ReaderConfig,
    diff: &mut RecordDiff,
    canonical: &mut Canonicalizer,
    visitor: &mut Visitor<'_>,
) {
    if let Some(visitor) = visitor {
        visitor(record);
    }
    if diff.is_tallied() {
        diff.add(record.side, record.identity(config, canonical), split);
    }
}

fn sign(side: Side) -> i64 {
    if side == Side::Old { -1 } else { 1 }
}
