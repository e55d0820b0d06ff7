//! Batches of Arrow as Parquet.

use arrow_array::cast::AsArray;
use arrow_array::types::ByteViewType;
use arrow_array::{Array, ArrayRef, GenericByteViewArray, RecordBatch, make_array};
use arrow_schema::{DataType, Fields, IntervalUnit, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::errors::Result as ParquetResult;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use crate::sample::parquet::Seconds;

/// Rows that are put over at once.
const ROWS: usize = 1024;
/// Most bytes that several rows may take together.
const MANY: u64 = 64 << 20;
/// Most bytes of one row.
const ONE: u64 = 1 << 30;

/// Returns the first rows of a batch from a place on that can be put over at once; `None` if the first of them is too
/// large.
pub(super) fn slice(batch: &RecordBatch, at: usize) -> Option<RecordBatch> {
    let mut rows = ROWS.min(batch.num_rows() - at);
    loop {
        let slice = batch.slice(at, rows);
        let size: u64 = slice.columns().iter().map(size).fold(0, u64::saturating_add);
        if size <= if rows > 1 { MANY } else { ONE } {
            return Some(slice);
        }
        if rows == 1 {
            return None;
        }
        rows = rows.div_ceil(2);
    }
}

/// Returns the bytes that the values of an array take one by one, or more: those that it refers to more than once count
/// as often.
fn size(array: &ArrayRef) -> u64 {
    let times = |values: &ArrayRef| (array.len() as u64).saturating_mul(longest(values));
    match array.data_type() {
        DataType::Utf8View => views(array.as_string_view()),
        DataType::BinaryView => views(array.as_binary_view()),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let values = dictionary.values();
            if values.is_empty() {
                return 0;
            }
            let sum =
                |length: &dyn Fn(usize) -> u64| dictionary.normalized_keys().into_iter().map(length).fold(0, u64::saturating_add);
            match values.data_type() {
                DataType::Utf8 => sum(&|key| values.as_string::<i32>().value_length(key) as u64),
                DataType::LargeUtf8 => sum(&|key| values.as_string::<i64>().value_length(key) as u64),
                DataType::Binary => sum(&|key| values.as_binary::<i32>().value_length(key) as u64),
                DataType::LargeBinary => sum(&|key| values.as_binary::<i64>().value_length(key) as u64),
                _ => times(values),
            }
        }
        DataType::Struct(_) => array.as_struct().columns().iter().map(size).fold(0, u64::saturating_add),
        DataType::Map(..) => {
            let map = array.as_map();
            let (from, to) = (map.value_offsets()[0] as usize, map.value_offsets()[map.len()] as usize);
            map.entries().columns().iter().map(|column| size(&column.slice(from, to - from))).fold(0, u64::saturating_add)
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let (from, to) = (list.value_offsets()[0] as usize, list.value_offsets()[list.len()] as usize);
            size(&list.values().slice(from, to - from))
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let (from, to) = (list.value_offsets()[0] as usize, list.value_offsets()[list.len()] as usize);
            size(&list.values().slice(from, to - from))
        }
        DataType::FixedSizeList(..) => size(array.as_fixed_size_list().values()),
        DataType::RunEndEncoded(..) => {
            let data = array.to_data();
            data.child_data().get(1).map_or(0, |values| times(&make_array(values.clone())))
        }
        DataType::ListView(_) => times(array.as_list_view::<i32>().values()),
        DataType::LargeListView(_) => times(array.as_list_view::<i64>().values()),
        _ => array.to_data().get_slice_memory_size().unwrap_or(usize::MAX) as u64,
    }
}

fn views<T: ByteViewType>(array: &GenericByteViewArray<T>) -> u64 {
    array.views().iter().map(|view| u64::from(*view as u32) + 16).fold(0, u64::saturating_add)
}

/// Returns the bytes of the longest value of an array, or more.
fn longest(values: &ArrayRef) -> u64 {
    let between = |from: usize, to: usize| (to - from) as u64;
    match values.data_type() {
        DataType::Utf8 => {
            values.as_string::<i32>().value_offsets().windows(2).map(|at| between(at[0] as usize, at[1] as usize)).max()
        }
        DataType::LargeUtf8 => {
            values.as_string::<i64>().value_offsets().windows(2).map(|at| between(at[0] as usize, at[1] as usize)).max()
        }
        kind => Some(kind.primitive_width().map_or_else(|| size(values), |width| width as u64)),
    }
    .unwrap_or(0)
}

/// Writes rows as a Parquet file.
pub(super) fn as_parquet(rows: &RecordBatch) -> ParquetResult<Vec<u8>> {
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_coerce_types(true)
        .build();
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new_with_options(&mut bytes, rows.schema(), options)?;
    writer.write(rows)?;
    writer.close()?;
    Ok(bytes)
}

/// Returns why these columns cannot be read, if one is of a type that Parquet does not have.
pub(super) fn unread_type(fields: &Fields) -> Option<String> {
    fields.iter().find_map(|field| {
        let name = field.name();
        let what = match field.data_type() {
            DataType::Union(..) => "a union",
            DataType::Interval(IntervalUnit::MonthDayNano) => "an interval of months, days and nanoseconds",
            DataType::Struct(fields) if fields.is_empty() => "a struct without fields",
            DataType::List(field)
            | DataType::LargeList(field)
            | DataType::ListView(field)
            | DataType::LargeListView(field)
            | DataType::FixedSizeList(field, _)
            | DataType::Map(field, _) => return unread_type(&Fields::from(vec![field.clone()])),
            DataType::Struct(fields) => return unread_type(fields),
            _ => return None,
        };
        Some(format!("column '{name}' of the Arrow file is {what}, which is not supported"))
    })
}

/// Returns which leaves of these columns, in their order, count seconds, for which Parquet has no type.
pub(super) fn seconds(fields: &Fields) -> Vec<Option<Seconds>> {
    let mut units = Vec::new();
    fields.iter().for_each(|field| put_seconds(field.data_type(), &mut units));
    units
}

fn put_seconds(kind: &DataType, units: &mut Vec<Option<Seconds>>) {
    match kind {
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => put_seconds(field.data_type(), units),
        DataType::Struct(fields) => fields.iter().for_each(|field| put_seconds(field.data_type(), units)),
        DataType::Dictionary(_, value) => put_seconds(value, units),
        DataType::RunEndEncoded(_, value) => put_seconds(value.data_type(), units),
        DataType::Timestamp(TimeUnit::Second, _) => units.push(Some(Seconds::Timestamp)),
        DataType::Time32(TimeUnit::Second) => units.push(Some(Seconds::Time)),
        _ => units.push(None),
    }
}
