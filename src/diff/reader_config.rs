//! The reader configuration of a dataset: the formats of its files, and the fields by which records are compared.

use std::path::{Path, PathBuf};

use crate::diff::{FileSide, FileSource, Splits};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{Content, Id};
use crate::object::node::SampleCount;
use crate::sample::{Formats, Pointer, ReaderId, ReaderSpec};

/// The reader configuration of a dataset.
#[derive(Clone, Debug)]
pub struct ReaderConfig {
    pub(super) formats: Formats,
    /// The key as places in JSON and Parquet, and as columns of CSV.
    pub(super) pointers: Vec<Pointer>,
    pub(super) columns: Vec<String>,
    /// The fields that make no difference, as places and as columns.
    pub(super) ignored: Vec<Pointer>,
    pub(super) ignored_columns: Vec<String>,
    pub(super) splits: Splits,
    pub(super) depth: usize,
    pub(super) max_record: usize,
    pub(super) scratch: PathBuf,
}

impl ReaderConfig {
    /// Rules from globs with their readings, a key and ignored fields as JSON pointers and names, the depth of the schema,
    /// the longest length of a record in bytes, and the folder for what does not fit into memory.
    pub fn new<'a>(
        formats: impl IntoIterator<Item = (&'a str, &'a ReaderSpec)>,
        key: &[String],
        ignored: &[String],
        depth: usize,
        max_record: usize,
        scratch: &Path,
    ) -> Result<ReaderConfig> {
        // A name is the field at the top of a record, and such a field the column of its name.
        let column = |k: &String| match k.strip_prefix('/') {
            Some(name) if !name.contains('/') => name.replace("~1", "/").replace("~0", "~"),
            _ => k.clone(),
        };
        let pointer = |k: &String| Pointer::of_field(k).map_err(|e| Error::new(ErrorKind::Config, format!("field '{k}': {e}")));
        Ok(ReaderConfig {
            formats: Formats::new(formats)?,
            pointers: key.iter().map(pointer).collect::<Result<_>>()?,
            columns: key.iter().map(column).collect(),
            ignored: ignored.iter().map(pointer).collect::<Result<_>>()?,
            ignored_columns: ignored.iter().map(column).collect(),
            splits: Splits::default(),
            depth,
            max_record,
            scratch: scratch.to_owned(),
        })
    }

    /// Sets the declared splits.
    pub fn with_splits(self, splits: Splits) -> ReaderConfig {
        ReaderConfig { splits, ..self }
    }

    /// Returns the splits of the files.
    pub fn splits(&self) -> &Splits {
        &self.splits
    }

    /// Returns the declared formats of files, as globs with their reader specs.
    pub fn formats(&self) -> impl Iterator<Item = (&str, &ReaderSpec)> {
        self.formats.iter()
    }

    /// Returns the reader of the file of this path.
    pub fn spec_for(&self, path: &str) -> ReaderSpec {
        self.formats.spec_for(path)
    }

    /// Returns a side of a file, with the reader that follows from its path.
    pub fn file_side<'h>(&self, path: &'h str, content: Option<Id<Content>>, size: u64, bytes: FileSource<'h>) -> FileSide<'h> {
        FileSide { path, spec: self.spec_for(path), content, size, records: None, bytes }
    }

    /// Returns true if the same bytes in a file of this path get this reader now.
    pub fn is_current(&self, path: &str, reader: &ReaderId) -> bool {
        ReaderSpec::from_id(reader).is_some_and(|spec| spec.before_guess() == self.spec_for(path))
    }

    /// Reads a side of a file as it was read when these samples were counted; as it is read now where they were not, or
    /// that reader is no more.
    pub fn read_as_counted<'h>(&self, file: FileSide<'h>, samples: Option<&SampleCount>) -> Result<FileSide<'h>> {
        match samples.and_then(|samples| Some((ReaderSpec::from_id(&samples.reader)?, samples.count))) {
            Some((spec, count)) => Ok(FileSide { spec, records: Some(count), ..file }),
            None => FileSide { spec: self.spec_for(file.path), records: None, ..file }.with_guess(),
        }
    }

    /// Reads a side of a file as it is read now; the samples are those of the same bytes, where they were counted.
    pub fn read_as_configured<'h>(&self, file: FileSide<'h>, samples: Option<&SampleCount>) -> Result<FileSide<'h>> {
        let path = file.path;
        self.read_as_counted(file, samples.filter(|samples| self.is_current(path, &samples.reader)))
    }

    /// Returns true if the field at a place, as a JSON pointer, makes no difference.
    pub fn ignores(&self, place: &str) -> bool {
        let is_within = |place: &Pointer| self.ignored.iter().any(|ignored| place.steps().starts_with(ignored.steps()));
        !self.ignored.is_empty() && Pointer::parse(place).is_ok_and(|place| is_within(&place))
    }

    /// Returns the longest length of a record, in bytes.
    pub fn max_record(&self) -> usize {
        self.max_record
    }

    /// Returns the folder for temporary files.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// Returns the depth of the schema.
    pub fn depth(&self) -> usize {
        self.depth
    }
}
