//! The columns of a CSV file while its records come.

use crate::sample::{Columns, Csv, Finding, Format, Record, Records, Type};

/// What the records of one side stand under.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// Once the first row has been read.
    columns: Option<Columns>,
    /// The records before this line are comments and the header; `None` while each has to be asked in its turn.
    from: Option<u64>,
    /// Finds the first row.
    probe: Option<Csv>,
}

/// A reader of comma- or tab-separated values.
pub(super) fn reader(format: Format) -> Csv {
    if format == Format::Tsv { Csv::tab() } else { Csv::comma() }
}

fn delimiter(format: Format) -> u8 {
    if format == Format::Tsv { b'\t' } else { b',' }
}

impl Table {
    /// At the start of a file.
    pub fn new(format: Format) -> Table {
        Table { columns: None, from: None, probe: Some(reader(format)) }
    }

    /// With the columns that stand in the first bytes of a file; `None` if they do not stand whole in them.
    pub fn primed(format: Format, bytes: &[u8]) -> Option<Table> {
        let mut header = reader(format);
        header.feed(bytes, &mut |_| {});
        let mut columns = Columns::new(header.header()?, delimiter(format));
        let mut from = columns.names().map(|_| 0);
        if from.is_none() {
            reader(format).feed(bytes, &mut |record| {
                if from.is_none() {
                    let mut data = false;
                    columns.observe(record, &mut |_, _| data = true);
                    from = columns.names().map(|_| if data { record.line } else { record.line + 1 });
                }
            });
        }
        Some(Table { columns: Some(columns), from: Some(from?), probe: None })
    }

    /// Whether both stand under the same columns.
    pub fn agrees(&self, other: &Table) -> bool {
        self.columns == other.columns
    }

    /// The next bytes of the file, told before their records; without any, its end.
    pub fn feed(&mut self, format: Format, bytes: Option<&[u8]>) {
        let Some(probe) = &mut self.probe else { return };
        match bytes {
            Some(bytes) => probe.feed(bytes, &mut |_| {}),
            None => probe.finish(&mut |_| {}),
        }
        if let Some(header) = probe.header() {
            self.columns = Some(Columns::new(header, delimiter(format)));
            self.probe = None;
        }
    }

    /// Says what the record's fields are.
    pub fn observe(&mut self, record: Record<'_>, see: &mut dyn FnMut(&str, Type)) -> Option<Finding> {
        match &mut self.columns {
            Some(columns) if self.from.is_none_or(|from| record.line >= from) => columns.observe(record, see),
            _ => None,
        }
    }

    /// The names of the columns.
    pub fn names(&self) -> &[String] {
        self.columns.as_ref().and_then(Columns::names).unwrap_or_default()
    }
}
