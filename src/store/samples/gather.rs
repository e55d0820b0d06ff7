//! Where the records of a pair go that did not cancel.

use super::account::Account;
use super::table::Table;
use super::{MAX_FIELDS, Rules};
use crate::sample::{Canonical, Format, Identity, Record, Row, Side, Type};

/// A record in a second pass over what differs.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Whose it is.
    pub side: Side,
    /// What it is compared by.
    pub identity: Identity,
    /// The file it stands in.
    pub path: &'a str,
    /// Its line in it; 0 for the file itself.
    pub line: u64,
    /// What it is.
    pub text: Text<'a>,
}

/// A record as it can be shown.
#[derive(Clone, Copy, Debug)]
pub enum Text<'a> {
    /// As it stands there: JSON, unless it is none.
    Json(&'a [u8]),
    /// A row, its delimiter, and the names of its columns, where they are known.
    Fields(&'a [u8], u8, &'a [String]),
    /// A row of Parquet.
    Row(&'a Row<'a>),
    /// The file itself.
    File,
}

/// Who is told each record, if anybody is.
pub(super) type Visitor<'v> = Option<&'v mut dyn FnMut(Seen<'_>)>;

/// Takes the records of a pair.
pub(super) struct Gather<'r, 'v> {
    rules: &'r Rules,
    path: &'r str,
    format: Format,
    pub tables: [Table; 2],
    pub account: Account,
    canonical: Canonical,
    visitor: Visitor<'v>,
    /// What a row counts, before it is counted: the values of each column by their types.
    columns: Vec<(String, [i64; Type::ALL.len()])>,
}

impl<'r, 'v> Gather<'r, 'v> {
    pub fn new(rules: &'r Rules, path: &'r str, format: Format, tallied: bool, visitor: Visitor<'v>) -> Gather<'r, 'v> {
        let tables = [Table::new(format), Table::new(format)];
        let account = Account::new(rules, tallied);
        Gather { rules, path, format, tables, account, canonical: Canonical::default(), visitor, columns: Vec::new() }
    }

    fn counts(&self) -> bool {
        self.visitor.is_none()
    }

    /// A record that is on one side, perhaps.
    pub fn take(&mut self, side: Side, record: Record<'_>) {
        match self.format {
            Format::Csv | Format::Tsv => self.take_row(side, record),
            _ => self.take_json(side, record),
        }
    }

    fn take_json(&mut self, side: Side, record: Record<'_>) {
        if self.counts() {
            let observed = self.account.schema.observe_json(record.bytes, sign(side));
            if let (Err(invalid), Side::New) = (observed, side) {
                self.account.finding(self.path, record.line, format!("this is no JSON: {}", invalid.what));
            }
            self.account.prune();
        }
        if self.account.is_tallied() || !self.counts() {
            let identity = self.canonical.identity(record.bytes, &self.rules.pointers);
            self.tell(side, identity, record.line, Text::Json(record.bytes));
        }
    }

    fn take_row(&mut self, side: Side, record: Record<'_>) {
        let Gather { columns, tables, account, .. } = self;
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
        if let (Some(finding), Side::New) = (finding, side) {
            account.finding(self.path, finding.line, finding.message);
        }
        if self.columns.len() > MAX_FIELDS {
            self.count_columns();
        }
        if self.account.is_tallied() || !self.counts() {
            let table = &self.tables[side as usize];
            let identity = table.identity(self.format, record.bytes, &self.rules.columns);
            let delimiter = if self.format == Format::Tsv { b'\t' } else { b',' };
            match &mut self.visitor {
                Some(visitor) => {
                    let text = Text::Fields(record.bytes, delimiter, table.names());
                    visitor(Seen { side, identity, path: self.path, line: record.line, text });
                }
                None => self.account.tell(side, identity),
            }
        }
    }

    /// Moves what the columns count into the schema.
    fn count_columns(&mut self) {
        for (name, counts) in self.columns.drain(..) {
            for kind in Type::ALL.into_iter().filter(|&t| counts[t as usize] != 0) {
                self.account.schema.count(&[&name], kind, counts[kind as usize]);
            }
        }
        self.account.prune();
    }

    /// A row of a Parquet file.
    pub fn take_parquet(&mut self, side: Side, row: &Row<'_>) {
        if self.counts() {
            self.account.schema.count(&[], Type::Object, sign(side));
            for (column, kind, _) in row.values() {
                let at = self.columns.iter().position(|(path, _)| *path == column.path).unwrap_or_else(|| {
                    self.columns.push((column.path.clone(), Default::default()));
                    self.columns.len() - 1
                });
                self.columns[at].1[kind as usize] += sign(side);
            }
        }
        if self.account.is_tallied() || !self.counts() {
            self.tell(side, row.identity(&self.rules.paths), row.number, Text::Row(row));
        }
    }

    /// The end of a Parquet file.
    pub fn count_paths(&mut self) {
        for (path, counts) in self.columns.drain(..) {
            let steps: Vec<String> = path.split('/').skip(1).map(|s| s.replace("~1", "/").replace("~0", "~")).collect();
            let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
            for kind in Type::ALL.into_iter().filter(|&t| counts[t as usize] != 0) {
                self.account.schema.count(&steps, kind, counts[kind as usize]);
            }
        }
        self.account.prune();
    }

    /// A file that is one record.
    pub fn take_whole(&mut self, side: Side, content: &[u8; 32], finding: Option<(u64, String)>) {
        let mut id = [0; 16];
        id.copy_from_slice(&content[..16]);
        self.tell(side, Identity { id, key: None }, 0, Text::File);
        if let (Some((line, message)), Side::New) = (finding, side) {
            self.account.finding(self.path, line, message);
        }
    }

    fn tell(&mut self, side: Side, identity: Identity, line: u64, text: Text<'_>) {
        match &mut self.visitor {
            Some(visitor) => visitor(Seen { side, identity, path: self.path, line, text }),
            None => self.account.tell(side, identity),
        }
    }

    /// What was found.
    pub fn finish(mut self) -> Account {
        self.count_columns();
        self.account
    }
}

fn sign(side: Side) -> i64 {
    if side == Side::Old { -1 } else { 1 }
}
