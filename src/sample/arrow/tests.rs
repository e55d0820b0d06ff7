use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::types::Int8Type;
use arrow_array::*;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{DataType, Field, Schema, UnionFields};
use proptest::prelude::*;

use super::*;

/// One column of every type that is read, three rows each.
fn every_type() -> RecordBatch {
    let mut lists = ListBuilder::new(Int32Builder::new());
    lists.append_value([Some(1), None]);
    lists.append_value([]);
    lists.append_null();
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    maps.keys().append_value("k");
    maps.values().append_value(7);
    maps.append(true).unwrap();
    maps.append(true).unwrap();
    maps.append(false).unwrap();
    let point: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(UInt64Array::from(vec![u64::MAX, 1, 0]))),
        ("text", Arc::new(LargeStringArray::from(vec![Some("a \"b\""), None, Some("")]))),
        ("view", Arc::new(StringViewArray::from(vec!["short", "longer than twelve bytes", "x"]))),
        ("label", Arc::new(vec![Some("cat"), None, Some("cat")].into_iter().collect::<DictionaryArray<Int8Type>>())),
        ("half", Arc::new(Float16Array::from(vec![half(0x3800), half(0x3c00), half(0xc000)]))),
        ("price", Arc::new(Decimal128Array::from(vec![1050, -5, 0]).with_precision_and_scale(9, 2).unwrap())),
        ("day", Arc::new(Date32Array::from(vec![19_782, 0, -1]))),
        ("day64", Arc::new(Date64Array::from(vec![86_400_000, 0, -86_400_000]))),
        ("seconds", Arc::new(TimestampSecondArray::from(vec![1, 0, -1]).with_timezone("UTC"))),
        ("micros", Arc::new(TimestampMicrosecondArray::from(vec![1_500_000, 0, -1]))),
        ("time", Arc::new(Time32SecondArray::from(vec![1, 0, 3600]))),
        ("bytes", Arc::new(BinaryArray::from(vec![&b"\xff\0"[..], b"", b"x"]))),
        ("fixed", Arc::new(FixedSizeBinaryArray::try_from_iter([b"ab", b"cd", b"\xff\xff"].into_iter()).unwrap())),
        ("nothing", Arc::new(NullArray::new(3))),
        ("lists", Arc::new(lists.finish())),
        ("maps", Arc::new(maps.finish())),
        ("point", Arc::new(StructArray::from(vec![(Arc::new(Field::new("x", DataType::Int64, true)), point)]))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn half(bits: u16) -> <types::Float16Type as types::ArrowPrimitiveType>::Native {
    <types::Float16Type as types::ArrowPrimitiveType>::Native::from_bits(bits)
}

fn stream(batches: &[RecordBatch], compression: Option<CompressionType>) -> Vec<u8> {
    let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &batches[0].schema(), options).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

fn file(batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = FileWriter::try_new(Vec::new(), &batches[0].schema()).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

fn rows(bytes: &[u8]) -> Result<Vec<String>, FileIssue> {
    let arrow = Arrow::open(Arc::new(bytes.to_vec()))?;
    let mut rows = Vec::new();
    for slice in arrow.slices() {
        let slice = slice?;
        let before = rows.len() as u64;
        arrow.rows_of(&slice, &mut |row| {
            assert_eq!(row.number, rows.len() as u64 + 1);
            rows.push(row.render().plain().into_owned());
        })?;
        assert_eq!(before + slice.count(), rows.len() as u64);
    }
    Ok(rows)
}

#[test]
fn every_type_is_rendered_as_in_parquet() {
    let batch = every_type();
    let read = rows(&stream(std::slice::from_ref(&batch), None)).unwrap();
    assert_eq!(
        read[0],
        concat!(
            r#"{"id":18446744073709551615,"text":"a \"b\"","view":"short","label":"cat","half":0.5,"price":10.50,"#,
            r#""day":"2024-02-29","day64":"1970-01-02","seconds":"1970-01-01T00:00:01Z","micros":"1970-01-01T00:00:01.5Z","#,
            r#""time":"00:00:01","bytes":{"$bytes":"/wA="},"fixed":{"$bytes":"YWI="},"nothing":null,"lists":[1,null],"#,
            r#""maps":[{"key":"k","value":7}],"point":{"x":1}}"#
        )
    );
    assert_eq!(
        read[2],
        concat!(
            r#"{"id":0,"text":"","view":"x","label":"cat","half":-2.0,"price":0.00,"day":"1969-12-31","day64":"1969-12-31","#,
            r#""seconds":"1969-12-31T23:59:59Z","micros":"1969-12-31T23:59:59.999999Z","time":"01:00:00","#,
            r#""bytes":{"$bytes":"eA=="},"fixed":{"$bytes":"//8="},"nothing":null,"lists":null,"maps":null,"point":{"x":3}}"#
        )
    );
    // But for seconds, the crate's own Parquet has the same rows.
    let plain: Vec<usize> =
        (0..batch.num_columns()).filter(|&at| !matches!(batch.schema().field(at).name().as_str(), "seconds" | "time")).collect();
    let batch = batch.project(&plain).unwrap();
    let mut parquet = Vec::new();
    let table = ParquetFile::open(Arc::new(batch::as_parquet(&batch).unwrap())).unwrap();
    table.rows(&|_| true, &mut |row| parquet.push(row.render().plain().into_owned())).unwrap();
    assert_eq!(rows(&file(&[batch])).unwrap(), parquet);
}

#[test]
fn every_form_has_the_same_rows() {
    let batches = [every_type(), every_type().slice(0, 0), every_type().slice(1, 2)];
    let plain = rows(&stream(&batches, None)).unwrap();
    assert_eq!(plain.len(), 5);
    assert_eq!(rows(&stream(&batches, Some(CompressionType::LZ4_FRAME))).unwrap(), plain);
    assert_eq!(rows(&stream(&batches, Some(CompressionType::ZSTD))).unwrap(), plain);
    assert_eq!(rows(&file(&batches)).unwrap(), plain);
    // A stream may end without a mark.
    let bytes = stream(&batches, None);
    assert_eq!(rows(&bytes[..bytes.len() - 8]).unwrap(), plain);
}

#[test]
fn many_rows_are_put_over_in_parts() {
    let numbers = Int64Array::from_iter_values(0..5_000);
    let texts = (0..5_000).map(|_| Some("x".repeat(100_000))).take(3).collect::<StringArray>();
    let batch = RecordBatch::try_from_iter([("n", Arc::new(numbers) as ArrayRef)]).unwrap();
    let read = rows(&stream(&[batch.clone(), batch], None)).unwrap();
    assert_eq!((read.len(), read[9_999].as_str()), (10_000, r#"{"n":4999}"#));
    // A dictionary's value counts as often as it is referred to.
    let keys = Int8Array::from(vec![0; 5_000]);
    let label = DictionaryArray::new(keys, Arc::new(texts));
    let batch = RecordBatch::try_from_iter([("label", Arc::new(label) as ArrayRef)]).unwrap();
    assert!(batch::slice(&batch, 0).unwrap().num_rows() < 1_024);
    assert_eq!(rows(&file(&[batch.slice(0, 700)])).unwrap().len(), 700);
}

#[test]
fn a_buffer_must_account_for_what_it_unpacks_to() {
    let zeros = RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![0; 1 << 20])) as ArrayRef)]).unwrap();
    assert_eq!(
        rows(&stream(std::slice::from_ref(&zeros.slice(0, 1 << 10)), Some(CompressionType::ZSTD))).unwrap().len(),
        1 << 10
    );
    let issue = rows(&stream(&[zeros], Some(CompressionType::ZSTD))).unwrap_err();
    assert!(issue.cause().contains("bytes decompresses to 8388608, beyond the maximum ratio"), "{}", issue.cause());
}

#[test]
fn all_dictionaries_take_a_bounded_number_of_bytes() {
    let label: ArrayRef = Arc::new(vec!["cat", "dog"].into_iter().collect::<DictionaryArray<Int8Type>>());
    let bytes = stream(&[RecordBatch::try_from_iter([("label", label)]).unwrap()], None);
    let arrow = Arrow::open(Arc::new(bytes)).unwrap();
    let schema = arrow.message(0, &mut Dictionaries::default()).unwrap();
    let known = |id, size| Dictionaries(HashMap::from([(id, size)]));
    let dictionary = |mut known: Dictionaries| arrow.message(schema.len() as u64, &mut known).map(|_| known.0);
    // Its own is replaced, those of others are not.
    assert!(dictionary(known(0, limits::DICTIONARIES)).unwrap()[&0] < 1_000);
    assert!(
        dictionary(known(7, limits::DICTIONARIES)).unwrap_err().cause().contains("the dictionaries of the Arrow file are larger")
    );
}

#[test]
fn a_row_beyond_the_longest_length_is_that_of_parquet() {
    let batch = every_type().project(&[0, 1]).unwrap();
    let (mut words, mut parquet_words) = (Vec::new(), Vec::new());
    let arrow = Arrow::open(Arc::new(stream(std::slice::from_ref(&batch), None))).unwrap().with_limit(10);
    for slice in arrow.slices() {
        arrow.rows_of(&slice.unwrap(), &mut |row| words.extend(row.excess().map(str::to_owned))).unwrap();
    }
    let parquet = ParquetFile::open(Arc::new(batch::as_parquet(&batch).unwrap())).unwrap().with_limit(10);
    parquet.rows(&|_| true, &mut |row| parquet_words.extend(row.excess().map(str::to_owned))).unwrap();
    assert_eq!(words.len(), 1);
    assert_eq!(words, parquet_words);
}

#[test]
fn what_is_wrong_is_named() {
    let cause = |bytes: &[u8]| rows(bytes).unwrap_err().cause().to_owned();
    let bytes = file(&[every_type()]);
    assert_eq!(cause(b""), "the Arrow file is damaged: it has no schema");
    assert!(cause(b"FEA1....").contains("Feather version 1"));
    assert!(cause(&bytes[..bytes.len() - 1]).contains("it has no footer"));
    let bytes = stream(&[every_type()], None);
    assert!(cause(&bytes[..bytes.len() - 100]).contains("unexpected end of data"));
    let fields: UnionFields = [(0, Arc::new(Field::new("a", DataType::Int32, false)))].into_iter().collect();
    let union = UnionArray::try_new(fields, vec![0].into(), None, vec![Arc::new(Int32Array::from(vec![1]))]).unwrap();
    let schema = Schema::new(vec![Field::new("u", union.data_type().clone(), false)]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(union)]).unwrap();
    assert_eq!(cause(&stream(&[batch], None)), "column 'u' of the Arrow file is a union, which is not supported");
}

proptest! {
    #[test]
    fn damage_never_panics(at: prop::sample::Index, mask in 1u8.., packed: bool, cut: prop::sample::Index) {
        let mut bytes = if packed { stream(&[every_type()], Some(CompressionType::LZ4_FRAME)) } else { file(&[every_type()]) };
        let _ = rows(&bytes[..cut.index(bytes.len())]);
        let at = at.index(bytes.len());
        bytes[at] ^= mask;
        let _ = rows(&bytes);
    }
}
