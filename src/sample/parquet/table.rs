//! Reading a Parquet file: its footer, then all columns side by side, row by row.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use bytes::Bytes;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, FileReader, Length, SerializedFileReader};

use super::column::{Column, Stored, columns};
use super::footer;
use super::guard::{damaged, guard};
use crate::codec::Put;
use crate::sample::canonical::digest_all;
use crate::sample::record::digest;
use crate::sample::render::{Rendering, list, put_string};
use crate::sample::{Identity, Type};

/// How many rows are decoded at once.
const BATCH: usize = 1024;

/// A file that can be read anywhere.
pub trait Ranges: Send + Sync {
    /// Its length in bytes.
    fn size(&self) -> u64;
    /// Fills `buffer` with the bytes from `at`.
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()>;
}

/// A Parquet file whose footer has been read.
pub struct Table {
    reader: SerializedFileReader<Source>,
    /// In the order of the file.
    columns: Vec<Column>,
    count: u64,
}

impl Table {
    /// Reads the footer. The error says what is wrong with the file.
    pub fn open(file: Arc<dyn Ranges>) -> Result<Table, String> {
        guard(|| {
            footer::check(&*file).map_err(ParquetError::General)?;
            let reader = SerializedFileReader::new(Source(file))?;
            let metadata = reader.metadata().file_metadata();
            let columns = columns(metadata.schema());
            let count = u64::try_from(metadata.num_rows())?;
            Ok(Table { reader, columns, count })
        })
    }

    /// The number of rows that the footer states.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The columns, in the order of the file.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Hands over every row. The error says what is wrong with the file; the rows before it have been handed over.
    pub fn rows(&self, take: &mut dyn FnMut(Row<'_>)) -> Result<(), String> {
        let mut number = 0;
        for group in 0..self.reader.num_row_groups() {
            self.group(group, &mut number, take)?;
        }
        if number == self.count { Ok(()) } else { Err(damaged(&format!("it holds {number} rows and states {}", self.count))) }
    }

    fn group(&self, group: usize, number: &mut u64, take: &mut dyn FnMut(Row<'_>)) -> Result<(), String> {
        let mut readers = guard(|| {
            let group = self.reader.get_row_group(group)?;
            (0..self.columns.len()).map(|i| group.get_column_reader(i)).collect::<ParquetResult<Vec<_>>>()
        })?;
        let mut by_path: Vec<usize> = (0..self.columns.len()).collect();
        by_path.sort_by_key(|&i| &self.columns[i].path);
        let mut batches: Vec<Batch> = self.columns.iter().map(|_| Batch::default()).collect();
        let mut bytes = Vec::new();
        let mut cells = Vec::new();
        loop {
            let mut rows = None;
            for ((reader, column), batch) in readers.iter_mut().zip(&self.columns).zip(&mut batches) {
                let read = guard(|| batch.fill(reader, column))?;
                if *rows.get_or_insert(read) != read {
                    return Err(damaged("its columns differ in length"));
                }
            }
            let rows = rows.unwrap_or(0);
            if rows == 0 {
                return Ok(());
            }
            for _ in 0..rows {
                *number += 1;
                bytes.clear();
                cells.clear();
                for &i in &by_path {
                    batches[i].put_row(i, &self.columns[i], &mut bytes, &mut cells);
                }
                take(Row { number: *number, columns: &self.columns, bytes: &bytes, cells: &cells });
            }
        }
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("columns", &self.columns).field("count", &self.count).finish_non_exhaustive()
    }
}

/// A row: its values, column after column.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Its place in the file, from 1.
    pub number: u64,
    columns: &'a [Column],
    bytes: &'a [u8],
    cells: &'a [Cell],
}

/// A value of a row, or the place where one is missing.
#[derive(Clone, Copy, Debug)]
struct Cell {
    column: usize,
    kind: Type,
    /// Where its bytes lie in the row's.
    start: usize,
    end: usize,
}

impl<'a> Row<'a> {
    /// What two rows have in common exactly when they hold equal values under the same paths: the first 16 bytes of the
    /// BLAKE3 of its columns by path, each with its path and its values, their place in lists and their types.
    pub fn canonical(&self) -> [u8; 16] {
        digest(b"", self.bytes)
    }

    /// What the row is compared by; its key are the values of the columns with these paths, none for no paths.
    pub fn identity(&self, key: &[String]) -> Identity {
        let value = |path: &String| self.values().find(|(c, kind, _)| c.path == *path && *kind != Type::Null).map(|v| v.2);
        let values: Option<Vec<_>> = key.iter().map(value).collect();
        Identity { id: self.canonical(), key: values.filter(|v| !v.is_empty()).map(|v| digest_all(&v)) }
    }

    /// The row as an object of its columns' paths; a column within lists has an array.
    pub fn render(&self) -> Rendering {
        let mut members: Vec<(&str, Vec<String>)> = Vec::new();
        for (column, kind, bytes) in self.values() {
            let mut value = String::new();
            column.render(kind, bytes, &mut value);
            match members.last_mut().filter(|(path, _)| *path == column.path) {
                Some((_, values)) => values.push(value),
                None => members.push((&column.path, vec![value])),
            }
        }
        let mut out = String::new();
        list(&mut out, ['{', '}'], members.iter(), |(path, values), out| {
            put_string(path.trim_start_matches('/'), out);
            out.push(':');
            match &values[..] {
                [value] if !path.contains("/*") => out.push_str(value),
                values => list(out, ['[', ']'], values.iter(), |value, out| out.push_str(value)),
            }
        });
        Rendering::of_json(out)
    }

    /// The values in the order of their paths: the column, what it is, and the bytes by which it is compared. An empty
    /// list and a missing value are null.
    pub fn values(&self) -> impl Iterator<Item = (&'a Column, Type, &'a [u8])> {
        let Row { columns, bytes, .. } = *self;
        self.cells.iter().map(move |cell| (&columns[cell.column], cell.kind, &bytes[cell.start..cell.end]))
    }
}

/// Some rows of one column.
#[derive(Default)]
struct Batch {
    levels: Vec<i16>,
    repeats: Vec<i16>,
    /// The values, one after another, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// How many levels and values have been taken.
    level: usize,
    value: usize,
}

impl Batch {
    /// Reads the next rows and says how many.
    fn fill(&mut self, reader: &mut ColumnReader, column: &Column) -> ParquetResult<usize> {
        match reader {
            ColumnReader::BoolColumnReader(reader) => self.fill_typed(reader, column),
            ColumnReader::Int32ColumnReader(reader) => self.fill_typed(reader, column),
            ColumnReader::Int64ColumnReader(reader) => self.fill_typed(reader, column),
            ColumnReader::Int96ColumnReader(reader) => self.fill_typed(reader, column),
            ColumnReader::FloatColumnReader(reader) => self.fill_typed(reader, column),
            ColumnReader::DoubleColumnReader(reader) => self.fill_typed(reader, column),
            ColumnReader::ByteArrayColumnReader(reader) => self.fill_typed(reader, column),
            ColumnReader::FixedLenByteArrayColumnReader(reader) => self.fill_typed(reader, column),
        }
    }

    fn fill_typed<T: DataType>(&mut self, reader: &mut ColumnReaderImpl<T>, column: &Column) -> ParquetResult<usize>
    where
        T::T: Stored,
    {
        *self = Batch::default();
        let mut values = Vec::new();
        let (rows, _, levels) = reader.read_records(BATCH, Some(&mut self.levels), Some(&mut self.repeats), &mut values)?;
        // A column that is never null and in no list has no levels.
        self.levels.resize(levels, column.top());
        self.repeats.resize(levels, 0);
        for value in &values {
            value.put(column, &mut self.bytes);
            self.ends.push(self.bytes.len());
        }
        let full = self.levels.iter().filter(|&&level| level == column.top()).count();
        if full == values.len() { Ok(rows) } else { Err(ParquetError::General("values are missing".to_owned())) }
    }

    /// Appends the column's part of the next row: the path, then for each value 1, at which list it begins, how far its
    /// path is there, and the type and the bytes if that is to its end; then 0.
    fn put_row(&mut self, index: usize, column: &Column, bytes: &mut Vec<u8>, cells: &mut Vec<Cell>) {
        bytes.put_bytes(column.path.as_bytes());
        let first = self.level;
        while self.level < self.levels.len() && (self.level == first || self.repeats[self.level] != 0) {
            let (depth, is_full) = column.depth(self.levels[self.level]);
            bytes.push(1);
            bytes.put_varint(self.repeats[self.level] as u64);
            bytes.put_varint(depth as u64);
            let mut value = &[][..];
            let mut kind = Type::Null;
            if is_full {
                let start = if self.value == 0 { 0 } else { self.ends[self.value - 1] };
                value = &self.bytes[start..self.ends[self.value]];
                kind = column.kind;
                self.value += 1;
                bytes.push(kind as u8);
                bytes.put_bytes(value);
            }
            cells.push(Cell { column: index, kind, start: bytes.len() - value.len(), end: bytes.len() });
            self.level += 1;
        }
        bytes.push(0);
    }
}

/// The file as the parquet crate reads it.
struct Source(Arc<dyn Ranges>);

impl Length for Source {
    fn len(&self) -> u64 {
        self.0.size()
    }
}

impl ChunkReader for Source {
    type T = BufReader<From>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(BufReader::new(From { file: Arc::clone(&self.0), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.len()) {
            return Err(ParquetError::EOF("it ends too early".to_owned()));
        }
        let mut bytes = vec![0; length];
        self.0.read_at(start, &mut bytes)?;
        Ok(bytes.into())
    }
}

/// The bytes of a file from some place on.
struct From {
    file: Arc<dyn Ranges>,
    at: u64,
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.file.size().saturating_sub(self.at);
        let n = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        self.file.read_at(self.at, &mut buffer[..n])?;
        self.at += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
    use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, FloatType, Int32Type, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;
    use proptest::prelude::*;

    struct Memory(Vec<u8>);

    impl Ranges for Memory {
        fn size(&self) -> u64 {
            self.0.len() as u64
        }

        fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
            let bytes = usize::try_from(at).ok().and_then(|at| self.0.get(at..)?.get(..buffer.len()));
            buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        }
    }

    /// What goes into a column: values, definition levels, repetition levels.
    enum Values {
        I32(Vec<i32>),
        I64(Vec<i64>),
        F32(Vec<f32>),
        F64(Vec<f64>),
        Bytes(Vec<&'static [u8]>),
    }
    type Written = (Values, Option<Vec<i16>>, Option<Vec<i16>>);

    fn file(schema: &str, compression: Compression, groups: &[Vec<Written>]) -> Vec<u8> {
        let schema = Arc::new(parse_message_type(&format!("message m {{ {schema} }}")).unwrap());
        let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
        for columns in groups {
            let mut group = writer.next_row_group().unwrap();
            for (values, def, rep) in columns {
                let (def, rep) = (def.as_deref(), rep.as_deref());
                let mut column = group.next_column().unwrap().unwrap();
                match values {
                    Values::I32(values) => column.typed::<Int32Type>().write_batch(values, def, rep),
                    Values::I64(values) => column.typed::<Int64Type>().write_batch(values, def, rep),
                    Values::F32(values) => column.typed::<FloatType>().write_batch(values, def, rep),
                    Values::F64(values) => column.typed::<DoubleType>().write_batch(values, def, rep),
                    Values::Bytes(values) => {
                        let values: Vec<ByteArray> = values.iter().map(|&value| value.into()).collect();
                        column.typed::<ByteArrayType>().write_batch(&values, def, rep)
                    }
                }
                .unwrap();
                column.close().unwrap();
            }
            group.close().unwrap();
        }
        writer.into_inner().unwrap()
    }

    fn one(schema: &str, columns: Vec<Written>) -> Vec<u8> {
        file(schema, Compression::UNCOMPRESSED, &[columns])
    }

    fn open(bytes: Vec<u8>) -> Result<Table, String> {
        Table::open(Arc::new(Memory(bytes)))
    }

    fn hashes(bytes: Vec<u8>) -> Result<Vec<[u8; 16]>, String> {
        let mut hashes = Vec::new();
        open(bytes)?.rows(&mut |row| hashes.push(row.canonical())).map(|()| hashes)
    }

    fn people(compression: Compression) -> Vec<u8> {
        let group = |n: i32| {
            let ids: Vec<i32> = (0..n).collect();
            let present = ids.iter().map(|id| (id % 3 != 0) as i16).collect::<Vec<_>>();
            let names = vec![&b"some name"[..]; present.iter().filter(|&&level| level == 1).count()];
            vec![(Values::I32(ids), None, None), (Values::Bytes(names), Some(present), None)]
        };
        file("required int32 id; optional binary name (UTF8);", compression, &[group(3000), group(1), group(500)])
    }

    #[test]
    fn counts_and_columns_stand_in_the_footer() {
        let table = open(people(Compression::SNAPPY)).unwrap();
        assert_eq!(table.count(), 3501);
        let columns: Vec<_> = table.columns().iter().map(|column| (column.path.as_str(), column.kind)).collect();
        assert_eq!(columns, [("/id", Type::Integer), ("/name", Type::String)]);
        let mut seen = Vec::new();
        table
            .rows(&mut |row| {
                if row.number == 3002 || row.number == 3003 {
                    seen.extend(row.values().map(|(column, kind, bytes)| (column.path.clone(), kind, bytes.to_vec())));
                }
            })
            .unwrap();
        assert_eq!(seen[0], ("/id".to_owned(), Type::Integer, vec![0; 16]));
        assert_eq!(seen[1], ("/name".to_owned(), Type::Null, vec![]));
        assert_eq!(seen[3], ("/name".to_owned(), Type::String, b"some name".to_vec()));
    }

    #[test]
    fn how_it_is_packed_is_no_difference() {
        let plain = hashes(people(Compression::UNCOMPRESSED)).unwrap();
        assert_eq!(plain.len(), 3501);
        for compression in [
            Compression::SNAPPY,
            Compression::GZIP(GzipLevel::default()),
            Compression::ZSTD(ZstdLevel::default()),
            Compression::BROTLI(BrotliLevel::default()),
            Compression::LZ4_RAW,
        ] {
            assert_eq!(hashes(people(compression)).unwrap(), plain, "{compression:?}");
        }
    }

    #[test]
    fn equal_values_are_equal_however_stored() {
        let all = |n: usize, level| Some(vec![level; n]);
        for (a, b) in [
            (
                one(
                    "required int32 x; required binary y;",
                    vec![(Values::I32(vec![5]), None, None), (Values::Bytes(vec![b"b"]), None, None)],
                ),
                one(
                    "required binary y; optional int64 x;",
                    vec![(Values::Bytes(vec![b"b"]), None, None), (Values::I64(vec![5]), all(1, 1), None)],
                ),
            ),
            (
                one("required int64 t (TIMESTAMP(MILLIS,true));", vec![(Values::I64(vec![-7]), None, None)]),
                one("required int64 t (TIMESTAMP(NANOS,true));", vec![(Values::I64(vec![-7_000_000]), None, None)]),
            ),
            (
                one("required int32 d (DECIMAL(9,2));", vec![(Values::I32(vec![-129, 128]), None, None)]),
                one("required binary d (DECIMAL(20,2));", vec![(Values::Bytes(vec![b"\xff\xff\x7f", b"\0\x80"]), None, None)]),
            ),
            (
                one("required float f;", vec![(Values::F32(vec![0.5, -0.0]), None, None)]),
                one("required double f;", vec![(Values::F64(vec![0.5, 0.0]), None, None)]),
            ),
        ] {
            assert_eq!(hashes(a).unwrap(), hashes(b).unwrap());
        }
    }

    #[test]
    fn types_and_scales_are_a_difference() {
        let hash = |schema: &str, value: i32| hashes(one(schema, vec![(Values::I32(vec![value]), None, None)])).unwrap()[0];
        let rows = [
            hash("required int32 x;", 150),
            hash("required int32 y;", 150),
            hash("required int32 x (DATE);", 150),
            hash("required int32 x (DECIMAL(9,2));", 150),
            hash("required int32 x (DECIMAL(9,1));", 15),
        ];
        for (i, row) in rows.iter().enumerate() {
            assert!(!rows[..i].contains(row), "{i}");
        }
    }

    #[test]
    fn lists_and_maps() {
        // null, [], [null], ["a", "b"]
        let list = |schema| {
            let levels = (Some(vec![0, 1, 2, 3, 3]), Some(vec![0, 0, 0, 0, 1]));
            one(schema, vec![(Values::Bytes(vec![b"a", b"b"]), levels.0, levels.1)])
        };
        let arrow = list("optional group l (LIST) { repeated group list { optional binary element (UTF8); } }");
        let spark = list("optional group l (LIST) { repeated group bag { optional binary array (UTF8); } }");
        let table = open(arrow.clone()).unwrap();
        assert_eq!(table.columns()[0].path, "/l/*");
        let mut rows = Vec::new();
        table
            .rows(&mut |row| rows.push(row.values().map(|(_, kind, bytes)| (kind, bytes.to_vec())).collect::<Vec<_>>()))
            .unwrap();
        let null = (Type::Null, vec![]);
        assert_eq!(rows[..3], [[null.clone()], [null.clone()], [null]]);
        assert_eq!(rows[3], [(Type::String, b"a".to_vec()), (Type::String, b"b".to_vec())]);
        let hashes = [hashes(arrow).unwrap(), hashes(spark).unwrap()];
        assert_eq!(hashes[0], hashes[1]);
        assert!((1..4).all(|i| !hashes[0][..i].contains(&hashes[0][i])));

        let map = one(
            "required group m (MAP) { repeated group key_value { required binary key (UTF8); required int32 value; } }
             repeated int32 bare; required group s { repeated group of { required int32 x; } }",
            vec![
                (Values::Bytes(vec![b"k"]), Some(vec![1]), Some(vec![0])),
                (Values::I32(vec![1]), Some(vec![1]), Some(vec![0])),
                (Values::I32(vec![2, 3]), Some(vec![1, 1]), Some(vec![0, 1])),
                (Values::I32(vec![]), Some(vec![0]), Some(vec![0])),
            ],
        );
        let table = open(map).unwrap();
        let paths: Vec<_> = table.columns().iter().map(|column| column.path.as_str()).collect();
        assert_eq!(paths, ["/m/*/key", "/m/*/value", "/bare/*", "/s/of/*/x"]);
        assert_eq!(table.rows(&mut |row| assert_eq!(row.values().count(), 5)), Ok(()));
    }

    #[test]
    fn every_early_end_is_found() {
        let whole = people(Compression::SNAPPY);
        for end in (0..whole.len()).step_by(7) {
            assert!(open(whole[..end].to_vec()).is_err(), "{end}");
        }
    }

    proptest! {
        #[test]
        fn damage_never_panics(at: prop::sample::Index, bytes in prop::collection::vec(any::<u8>(), 1..4), nested: bool) {
            let mut damaged = if nested {
                let columns = vec![(Values::Bytes(vec![b"a", b"b"]), Some(vec![0, 1, 2, 3, 3]), Some(vec![0, 0, 0, 0, 1]))];
                one("optional group l (LIST) { repeated group list { optional binary element (UTF8); } }", columns)
            } else {
                people(Compression::SNAPPY)
            };
            let at = at.index(damaged.len());
            let end = damaged.len().min(at + bytes.len());
            damaged[at..end].copy_from_slice(&bytes[..end - at]);
            let _ = hashes(damaged);
        }
    }
}
