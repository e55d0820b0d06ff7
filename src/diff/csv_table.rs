//! The columns of a CSV file while its records come.

use crate::sample::{Columns, Csv, Header, ParseIssue, ReaderSpec, Record, RecordReader, Type};

/// The columns of the records of one side.
#[derive(Clone, Debug)]
pub(super) struct CsvTable {
    spec: ReaderSpec,
    /// Once the first row has been read.
    columns: Option<Columns>,
    /// The records before this line are comments and the header; `None` while each has to be asked in its turn.
    from: Option<u64>,
    /// Finds the first row.
    probe: Option<Csv>,
}

impl CsvTable {
    /// At the start of a file.
    pub fn new(spec: &ReaderSpec) -> CsvTable {
        let probe = (spec.is_table() && spec.dialect.header).then(|| Csv::of(spec));
        CsvTable { spec: spec.clone(), columns: None, from: None, probe }
    }

    /// With the columns that stand in the first bytes of a file; `None` if they do not stand whole in them.
    pub fn primed(spec: &ReaderSpec, bytes: &[u8]) -> Option<CsvTable> {
        let syntax = spec.row_syntax();
        if !spec.dialect.header {
            let mut columns = None;
            Csv::of(spec).feed(bytes, &mut |record| {
                columns.get_or_insert_with(|| Columns::numbered(record.bytes, syntax));
            });
            return Some(CsvTable { spec: spec.clone(), columns: Some(columns?), from: Some(0), probe: None });
        }
        let mut header = Csv::of(spec);
        header.feed(bytes, &mut |_| {});
        let mut columns = Columns::new(header.header()?, syntax);
        let mut from = columns.names().map(|_| 0);
        if from.is_none() {
            Csv::of(spec).feed(bytes, &mut |record| {
                if from.is_none() {
                    let mut data = false;
                    columns.observe(record, &mut |_, _| data = true);
                    from = columns.names().map(|_| if data { record.line } else { record.line + 1 });
                }
            });
        }
        Some(CsvTable { spec: spec.clone(), columns: Some(columns), from: Some(from?), probe: None })
    }

    /// Returns true if both have the same columns.
    pub fn agrees(&self, other: &CsvTable) -> bool {
        self.columns == other.columns
    }

    /// The next bytes of the file, told before their records; without any, its end.
    pub fn feed(&mut self, bytes: Option<&[u8]>) {
        let Some(probe) = &mut self.probe else { return };
        match bytes {
            Some(bytes) => probe.feed(bytes, &mut |_| {}),
            None => probe.finish(&mut |_| {}),
        }
        if let Some(header) = probe.header() {
            self.columns = Some(Columns::new(header, self.spec.row_syntax()));
            self.probe = None;
        }
    }

    /// Says what the record's fields are.
    pub fn observe(&mut self, record: Record<'_>, each: &mut dyn FnMut(&str, Type)) -> Option<ParseIssue> {
        if self.columns.is_none() && !self.spec.dialect.header {
            self.columns = Some(Columns::numbered(record.bytes, self.spec.row_syntax()));
        }
        match &mut self.columns {
            Some(columns) if self.from.is_none_or(|from| record.line >= from) => columns.observe(record, each),
            _ => None,
        }
    }

    /// Returns the header.
    pub fn header(&self) -> Option<&Header> {
        self.columns.as_ref().and_then(Columns::header)
    }
}
