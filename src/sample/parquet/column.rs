//! The columns of a Parquet file: their paths, and what their stored numbers and bytes stand for.

use std::borrow::Cow;
use std::fmt::Write;

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::data_type::{ByteArray, FixedLenByteArray, Int96};
use parquet::schema::types::Type as Node;

use super::text;
use crate::sample::Type;

/// A column: a value of every row, or several where a list lies on its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its path as a JSON Pointer, with `*` for the elements of a list: `/parties/*/name`.
    pub path: String,
    /// The type of its values other than null.
    pub kind: Type,
    meaning: Meaning,
    /// The definition level of a value that is not null.
    pub(super) full: i16,
}

/// A unit of seconds, for which Parquet has no type and Arrow has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seconds {
    /// Those since 1970.
    Timestamp,
    /// Those since midnight.
    Time,
}

/// The meaning of the stored numbers and bytes of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// That of its physical type.
    Plain,
    Unsigned,
    /// An integer over ten to the power of the scale.
    Decimal(i32),
    /// A float of two bytes.
    Half,
    Date,
    /// A number of so many nanoseconds since midnight.
    Time(i64),
    /// A number of so many nanoseconds since 1970.
    Timestamp(i64),
    Interval,
    Uuid,
    Text,
}

impl Column {
    /// Returns the column of a leaf of the schema.
    pub(super) fn new(leaf: &Node, path: String, full: i16) -> Column {
        let physical = leaf.get_physical_type();
        let meaning = meaning(leaf, physical);
        Column { path, kind: kind(meaning, physical), meaning, full }
    }

    /// Says that its integers count seconds.
    pub(super) fn set_seconds(&mut self, seconds: Seconds) {
        (self.meaning, self.kind) = match seconds {
            Seconds::Timestamp => (Meaning::Timestamp(1_000_000_000), Type::Timestamp),
            Seconds::Time => (Meaning::Time(1_000_000_000), Type::String),
        };
    }

    /// Returns a value as text, from its type in its row and the bytes that [`StoredValue::put`] made of it: days and
    /// points in time as RFC 3339 has them, numbers in decimal digits, text as it is, other bytes as hex digits.
    pub fn text<'a>(&self, kind: Type, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        match kind {
            Type::Null => Cow::Borrowed(b"null"),
            Type::Binary => {
                let mut hex = String::with_capacity(2 * bytes.len());
                for byte in bytes {
                    // Writing to a string does not fail.
                    let _ = write!(hex, "{byte:02x}");
                }
                Cow::Owned(hex.into_bytes())
            }
            _ => Cow::Borrowed(bytes),
        }
    }
}

/// The newer annotation counts before the older. One that does not fit the bytes is none.
fn meaning(leaf: &Node, physical: Physical) -> Meaning {
    let info = leaf.get_basic_info();
    let length = match leaf {
        Node::PrimitiveType { type_length, .. } if physical == Physical::FIXED_LEN_BYTE_ARRAY => *type_length,
        _ => 0,
    };
    match info.logical_type_ref() {
        Some(LogicalType::String | LogicalType::Enum | LogicalType::Json) => return Meaning::Text,
        Some(LogicalType::Decimal(decimal)) => return Meaning::Decimal(decimal.scale),
        Some(LogicalType::Date) => return Meaning::Date,
        Some(LogicalType::Time(time)) => return Meaning::Time(nanoseconds(time.unit)),
        Some(LogicalType::Timestamp(timestamp)) => return Meaning::Timestamp(nanoseconds(timestamp.unit)),
        Some(LogicalType::Integer(integer)) if !integer.is_signed => return Meaning::Unsigned,
        Some(LogicalType::Float16) if length == 2 => return Meaning::Half,
        Some(LogicalType::Uuid) if length == 16 => return Meaning::Uuid,
        _ => {}
    }
    match info.converted_type() {
        ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON => Meaning::Text,
        ConvertedType::DECIMAL => Meaning::Decimal(leaf.get_scale()),
        ConvertedType::DATE => Meaning::Date,
        ConvertedType::TIME_MILLIS => Meaning::Time(1_000_000),
        ConvertedType::TIME_MICROS => Meaning::Time(1_000),
        ConvertedType::TIMESTAMP_MILLIS => Meaning::Timestamp(1_000_000),
        ConvertedType::TIMESTAMP_MICROS => Meaning::Timestamp(1_000),
        ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64 => Meaning::Unsigned,
        ConvertedType::INTERVAL if length == 12 => Meaning::Interval,
        _ => Meaning::Plain,
    }
}

fn nanoseconds(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::MILLIS => 1_000_000,
        TimeUnit::MICROS => 1_000,
        TimeUnit::NANOS => 1,
    }
}

fn kind(meaning: Meaning, physical: Physical) -> Type {
    match (meaning, physical) {
        (Meaning::Decimal(_) | Meaning::Half, _) => Type::Number,
        (Meaning::Date, _) => Type::Date,
        (Meaning::Timestamp(_), _) | (_, Physical::INT96) => Type::Timestamp,
        (Meaning::Text | Meaning::Time(_) | Meaning::Interval | Meaning::Uuid, _) => Type::String,
        (_, Physical::BOOLEAN) => Type::Boolean,
        (_, Physical::INT32 | Physical::INT64) => Type::Integer,
        (_, Physical::FLOAT | Physical::DOUBLE) => Type::Number,
        (_, Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY) => Type::Binary,
    }
}

/// A stored value.
pub(super) trait StoredValue {
    /// Appends what it stands for as text, and bytes that stand for themselves as they are. Two values of a type are
    /// equal when these are, numbers when they are equal as decimals.
    fn put(&self, column: &Column, out: &mut Vec<u8>);
}

/// Appends text to bytes.
fn put(out: &mut Vec<u8>, write: impl FnOnce(&mut String)) {
    let mut text = String::new();
    write(&mut text);
    out.extend_from_slice(text.as_bytes());
}

impl StoredValue for bool {
    fn put(&self, _: &Column, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl StoredValue for i32 {
    fn put(&self, column: &Column, out: &mut Vec<u8>) {
        match column.meaning {
            Meaning::Unsigned => i64::from(self.cast_unsigned()).put(column, out),
            _ => i64::from(*self).put(column, out),
        }
    }
}

impl StoredValue for i64 {
    fn put(&self, column: &Column, out: &mut Vec<u8>) {
        use std::io::Write;
        match column.meaning {
            Meaning::Decimal(scale) => put(out, |out| text::put_decimal(&self.to_be_bytes(), scale, out)),
            Meaning::Time(unit) => put(out, |out| text::put_time(i128::from(*self) * i128::from(unit), out)),
            Meaning::Timestamp(unit) => put(out, |out| text::put_timestamp(i128::from(*self) * i128::from(unit), out)),
            Meaning::Date => put(out, |out| text::put_day(*self, out)),
            // Writing to memory does not fail.
            Meaning::Unsigned => drop(write!(out, "{}", self.cast_unsigned())),
            _ => drop(write!(out, "{self}")),
        }
    }
}

impl StoredValue for Int96 {
    fn put(&self, _: &Column, out: &mut Vec<u8>) {
        const DAY_OF_1970: i128 = 2_440_588;
        const NANOSECONDS_OF_A_DAY: i128 = 86_400_000_000_000;
        let &[low, high, day] = self.data() else { return };
        let time = (u64::from(high) << 32 | u64::from(low)).cast_signed();
        let value = (i128::from(day.cast_signed()) - DAY_OF_1970) * NANOSECONDS_OF_A_DAY + i128::from(time);
        put(out, |out| text::put_timestamp(value, out));
    }
}

impl StoredValue for f32 {
    fn put(&self, column: &Column, out: &mut Vec<u8>) {
        f64::from(*self).put(column, out);
    }
}

impl StoredValue for f64 {
    fn put(&self, _: &Column, out: &mut Vec<u8>) {
        put(out, |out| text::put_float(*self, out));
    }
}

impl StoredValue for ByteArray {
    fn put(&self, column: &Column, out: &mut Vec<u8>) {
        let bytes = self.data();
        match (column.meaning, bytes) {
            (Meaning::Decimal(scale), _) => put(out, |out| text::put_decimal(bytes, scale, out)),
            (Meaning::Half, &[low, high]) => put(out, |out| text::put_float(text::half(u16::from_le_bytes([low, high])), out)),
            (Meaning::Interval, _) if let Ok(bytes) = bytes.try_into() => put(out, |out| text::put_interval(bytes, out)),
            (Meaning::Uuid, _) if let Ok(bytes) = bytes.try_into() => put(out, |out| text::put_uuid(bytes, out)),
            _ => out.extend_from_slice(bytes),
        }
    }
}

impl StoredValue for FixedLenByteArray {
    fn put(&self, column: &Column, out: &mut Vec<u8>) {
        ByteArray::put(self, column, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kind: Type, meaning: Meaning, put: impl FnOnce(&Column, &mut Vec<u8>)) -> String {
        let column = Column { path: "/x".into(), kind, meaning, full: 0 };
        let mut bytes = Vec::new();
        put(&column, &mut bytes);
        String::from_utf8(column.text(kind, &bytes).into_owned()).unwrap()
    }

    #[test]
    fn values_as_text() {
        assert_eq!(text(Type::Integer, Meaning::Plain, |c, b| (-7i32).put(c, b)), "-7");
        assert_eq!(text(Type::Integer, Meaning::Unsigned, |c, b| (-1i64).put(c, b)), "18446744073709551615");
        assert_eq!(text(Type::Integer, Meaning::Unsigned, |c, b| (-1i32).put(c, b)), "4294967295");
        assert_eq!(text(Type::Number, Meaning::Plain, |c, b| 1.5f32.put(c, b)), "1.5");
        assert_eq!(text(Type::Number, Meaning::Plain, |c, b| f64::NAN.put(c, b)), "NaN");
        assert_eq!(text(Type::Number, Meaning::Half, |c, b| ByteArray::from(vec![0, 0x38]).put(c, b)), "0.5");
        assert_eq!(text(Type::Boolean, Meaning::Plain, |c, b| true.put(c, b)), "true");
        assert_eq!(text(Type::Date, Meaning::Date, |c, b| 19_782i32.put(c, b)), "2024-02-29");
        assert_eq!(text(Type::Timestamp, Meaning::Timestamp(1_000), |c, b| 1_500_000i64.put(c, b)), "1970-01-01T00:00:01.5Z");
        assert_eq!(text(Type::String, Meaning::Time(1_000_000), |c, b| 1_500i32.put(c, b)), "00:00:01.5");
        assert_eq!(text(Type::String, Meaning::Text, |c, b| ByteArray::from("x").put(c, b)), "x");
        assert_eq!(text(Type::Binary, Meaning::Plain, |c, b| ByteArray::from(vec![0xab, 1]).put(c, b)), "ab01");
        assert_eq!(text(Type::Number, Meaning::Decimal(2), |c, b| 12_345i64.put(c, b)), "123.45");
        assert_eq!(text(Type::Null, Meaning::Text, |_, _| ()), "null");
    }
}
