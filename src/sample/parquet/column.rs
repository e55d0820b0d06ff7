//! The columns of a Parquet file: their paths, and what their stored numbers and bytes stand for.

use std::borrow::Cow;

use jiff::civil::Date;
use jiff::{Span, Timestamp};
use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{ByteArray, FixedLenByteArray, Int96};
use parquet::schema::types::{BasicTypeInfo, Type as Node};

use crate::codec::Put;
use crate::sample::render::{put_bytes, put_text};
use crate::sample::{Type, json};

/// A column: a value of every row, or several where a list lies on its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its path as a JSON Pointer, with `*` for the elements of a list: `/parties/*/name`.
    pub path: String,
    /// What its values are where they are not null.
    pub kind: Type,
    meaning: Meaning,
    /// For each definition level, how many of the nodes on the path are there. Unlike the level, it does not depend on
    /// which of them could have been missing.
    depths: Vec<usize>,
}

/// What the stored numbers and bytes of a column stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// What their physical type says.
    Plain,
    Unsigned,
    /// An integer over ten to the power of the scale.
    Decimal(i32),
    Date,
    /// A number of so many nanoseconds since midnight.
    Time(i64),
    /// A number of so many nanoseconds since 1970.
    Timestamp(i64),
    Text,
}

/// The columns in the order of the file.
pub(super) fn columns(schema: &Node) -> Vec<Column> {
    let mut columns = Vec::new();
    walk(schema, "", &[], Within::Fields, &mut columns);
    columns
}

/// How the names below a group enter the path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// As they are.
    Fields,
    /// The group is a list or a map: what repeats in it is `*`.
    Elements,
    /// The group is what repeats in a list: its only field is the element itself.
    Element,
}

/// Adds the columns below `group`, which has this path; `levels` are the definition levels from which on each node of
/// the path is there.
fn walk(group: &Node, path: &str, levels: &[usize], within: Within, columns: &mut Vec<Column>) {
    let fields = group.get_fields();
    for field in fields {
        let info = field.get_basic_info();
        let repetition = if info.has_repetition() { info.repetition() } else { Repetition::REQUIRED };
        let repeats = repetition == Repetition::REPEATED;
        let mut path = path.to_owned();
        let named = match within {
            Within::Fields => true,
            Within::Elements => !repeats,
            Within::Element => fields.len() > 1,
        };
        if named {
            path.push('/');
            path.push_str(&info.name().replace('~', "~0").replace('/', "~1"));
        }
        if repeats {
            path.push_str("/*");
        }
        let level = levels.last().copied().unwrap_or(0) + usize::from(repetition != Repetition::REQUIRED);
        let levels = [levels, &[level]].concat();
        if field.is_group() {
            let within = match (within, info.converted_type()) {
                (Within::Elements, _) if is_list(group) && repeats => Within::Element,
                (_, ConvertedType::LIST | ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE) => Within::Elements,
                _ => Within::Fields,
            };
            walk(field, &path, &levels, within, columns);
        } else {
            let meaning = meaning(info, field);
            let depths = (0..=level).map(|at| levels.iter().take_while(|&&from| from <= at).count()).collect();
            columns.push(Column { path, kind: kind(meaning, field.get_physical_type()), meaning, depths });
        }
    }
}

fn is_list(group: &Node) -> bool {
    group.get_basic_info().converted_type() == ConvertedType::LIST
}

/// The newer annotation counts before the older.
fn meaning(info: &BasicTypeInfo, field: &Node) -> Meaning {
    match info.logical_type_ref() {
        Some(LogicalType::String | LogicalType::Enum | LogicalType::Json) => return Meaning::Text,
        Some(LogicalType::Decimal(decimal)) => return Meaning::Decimal(decimal.scale),
        Some(LogicalType::Date) => return Meaning::Date,
        Some(LogicalType::Time(time)) => return Meaning::Time(nanoseconds(time.unit)),
        Some(LogicalType::Timestamp(timestamp)) => return Meaning::Timestamp(nanoseconds(timestamp.unit)),
        Some(LogicalType::Integer(integer)) if !integer.is_signed => return Meaning::Unsigned,
        _ => {}
    }
    match info.converted_type() {
        ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON => Meaning::Text,
        ConvertedType::DECIMAL => Meaning::Decimal(field.get_scale()),
        ConvertedType::DATE => Meaning::Date,
        ConvertedType::TIME_MILLIS => Meaning::Time(1_000_000),
        ConvertedType::TIME_MICROS => Meaning::Time(1_000),
        ConvertedType::TIMESTAMP_MILLIS => Meaning::Timestamp(1_000_000),
        ConvertedType::TIMESTAMP_MICROS => Meaning::Timestamp(1_000),
        ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64 => Meaning::Unsigned,
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
        (Meaning::Decimal(_), _) => Type::Number,
        (Meaning::Date, _) => Type::Date,
        (Meaning::Timestamp(_), _) | (_, Physical::INT96) => Type::Timestamp,
        (Meaning::Text, _) => Type::String,
        (_, Physical::BOOLEAN) => Type::Boolean,
        (_, Physical::INT32 | Physical::INT64) => Type::Integer,
        (_, Physical::FLOAT | Physical::DOUBLE) => Type::Number,
        (_, Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY) => Type::Binary,
    }
}

impl Column {
    /// A value as text, from its type in its row and the bytes by which it is compared: days and points in time as
    /// RFC 3339 has them, numbers in decimal digits, text as it is, other bytes as hex digits.
    pub fn text<'a>(&self, kind: Type, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let integer = || <[u8; 16]>::try_from(bytes).map(i128::from_le_bytes).ok();
        let text = match kind {
            Type::Null => return Cow::Borrowed(b"null"),
            Type::String => return Cow::Borrowed(bytes),
            Type::Boolean => Some((bytes == [1]).to_string()),
            Type::Number => match self.meaning {
                Meaning::Decimal(_) => decimal(bytes),
                _ => <[u8; 8]>::try_from(bytes).ok().map(|bytes| f64::from_le_bytes(bytes).to_string()),
            },
            Type::Date => integer().map(|days| day(days).unwrap_or_else(|| days.to_string())),
            Type::Timestamp => {
                integer().map(|time| Timestamp::from_nanosecond(time).map_or_else(|_| time.to_string(), |t| t.to_string()))
            }
            _ => integer().map(|n| n.to_string()),
        };
        Cow::Owned(text.unwrap_or_else(|| bytes.iter().map(|b| format!("{b:02x}")).collect()).into_bytes())
    }

    /// Appends a value as JSON: numbers in digits, days and points in time as text, bytes that are no text as such.
    pub(super) fn render(&self, kind: Type, bytes: &[u8], out: &mut String) {
        let text = self.text(kind, bytes);
        match kind {
            Type::Binary => put_bytes(bytes, out),
            Type::Null | Type::Boolean | Type::Integer => out.push_str(&String::from_utf8_lossy(&text)),
            Type::Number if json::check(&text).is_ok() => out.push_str(&String::from_utf8_lossy(&text)),
            _ => put_text(&text, out),
        }
    }

    /// How many of the nodes on the path are there at this definition level, and whether all of them, and so a value.
    pub(super) fn depth(&self, level: i16) -> (usize, bool) {
        let level = usize::try_from(level).unwrap_or(0).min(self.depths.len() - 1);
        (self.depths[level], level + 1 == self.depths.len())
    }

    /// The highest definition level.
    pub(super) fn top(&self) -> i16 {
        (self.depths.len() - 1) as i16
    }
}

/// A stored value, as the bytes by which it is compared.
pub(super) trait Stored {
    /// Appends the bytes: integers, days, and nanoseconds as 16 bytes, little-endian; floats as the 8 of a double; a
    /// decimal as its scale in 4 and its big-endian digits without needless sign bytes; text and binary as they are.
    fn put(&self, column: &Column, buffer: &mut Vec<u8>);
}

impl Stored for bool {
    fn put(&self, _: &Column, buffer: &mut Vec<u8>) {
        buffer.push(u8::from(*self));
    }
}

impl Stored for i32 {
    fn put(&self, column: &Column, buffer: &mut Vec<u8>) {
        match column.meaning {
            Meaning::Unsigned => i64::from(self.cast_unsigned()).put(column, buffer),
            _ => i64::from(*self).put(column, buffer),
        }
    }
}

impl Stored for i64 {
    fn put(&self, column: &Column, buffer: &mut Vec<u8>) {
        let value = match column.meaning {
            Meaning::Decimal(scale) => return put_decimal(&self.to_be_bytes(), scale, buffer),
            Meaning::Time(unit) | Meaning::Timestamp(unit) => i128::from(*self) * i128::from(unit),
            Meaning::Unsigned => i128::from(self.cast_unsigned()),
            Meaning::Plain | Meaning::Date | Meaning::Text => i128::from(*self),
        };
        buffer.extend_from_slice(&value.to_le_bytes());
    }
}

impl Stored for Int96 {
    fn put(&self, _: &Column, buffer: &mut Vec<u8>) {
        const DAY_OF_1970: i128 = 2_440_588;
        const NANOSECONDS_OF_A_DAY: i128 = 86_400_000_000_000;
        let &[low, high, day] = self.data() else { return };
        let time = u64::from(high) << 32 | u64::from(low);
        let value = (i128::from(day.cast_signed()) - DAY_OF_1970) * NANOSECONDS_OF_A_DAY + i128::from(time);
        buffer.extend_from_slice(&value.to_le_bytes());
    }
}

impl Stored for f32 {
    fn put(&self, column: &Column, buffer: &mut Vec<u8>) {
        f64::from(*self).put(column, buffer);
    }
}

impl Stored for f64 {
    fn put(&self, _: &Column, buffer: &mut Vec<u8>) {
        // One zero, one NaN.
        let value = if self.is_nan() { f64::NAN } else { *self + 0.0 };
        buffer.put_u64(value.to_bits());
    }
}

impl Stored for ByteArray {
    fn put(&self, column: &Column, buffer: &mut Vec<u8>) {
        match column.meaning {
            Meaning::Decimal(scale) => put_decimal(self.data(), scale, buffer),
            _ => buffer.extend_from_slice(self.data()),
        }
    }
}

impl Stored for FixedLenByteArray {
    fn put(&self, column: &Column, buffer: &mut Vec<u8>) {
        ByteArray::put(self, column, buffer);
    }
}

fn put_decimal(big_endian: &[u8], scale: i32, buffer: &mut Vec<u8>) {
    buffer.put_u32(scale.cast_unsigned());
    let mut digits = big_endian;
    while let [0x00, rest @ ..] | [0xff, rest @ ..] = digits
        && rest.first().is_some_and(|next| (next ^ digits[0]) < 0x80)
    {
        digits = rest;
    }
    buffer.extend_from_slice(digits);
}

/// The day so many days after 1970-01-01.
fn day(days: i128) -> Option<String> {
    let days = Span::new().try_days(i64::try_from(days).ok()?).ok()?;
    Date::constant(1970, 1, 1).checked_add(days).ok().map(|day| day.to_string())
}

/// A decimal, from what [`put_decimal`] wrote; `None` if it has more digits than 16 bytes hold.
fn decimal(bytes: &[u8]) -> Option<String> {
    let (scale, digits) = bytes.split_first_chunk::<4>()?;
    let scale = usize::try_from(u32::from_le_bytes(*scale).cast_signed()).ok().filter(|&scale| scale <= 64)?;
    let mut value = [if digits.first().is_some_and(|&b| b >= 0x80) { 0xff } else { 0 }; 16];
    let start = value.len().checked_sub(digits.len())?;
    value[start..].copy_from_slice(digits);
    let value = i128::from_be_bytes(value);
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let (sign, point) = (if value < 0 { "-" } else { "" }, if scale > 0 { "." } else { "" });
    Some(format!("{sign}{whole}{point}{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kind: Type, meaning: Meaning, put: impl FnOnce(&Column, &mut Vec<u8>)) -> String {
        let column = Column { path: "/x".into(), kind, meaning, depths: vec![1] };
        let mut bytes = Vec::new();
        put(&column, &mut bytes);
        String::from_utf8(column.text(kind, &bytes).into_owned()).unwrap()
    }

    #[test]
    fn values_as_text() {
        assert_eq!(text(Type::Integer, Meaning::Plain, |c, b| (-7i32).put(c, b)), "-7");
        assert_eq!(text(Type::Integer, Meaning::Unsigned, |c, b| (-1i64).put(c, b)), "18446744073709551615");
        assert_eq!(text(Type::Number, Meaning::Plain, |c, b| 1.5f32.put(c, b)), "1.5");
        assert_eq!(text(Type::Number, Meaning::Plain, |c, b| f64::NAN.put(c, b)), "NaN");
        assert_eq!(text(Type::Boolean, Meaning::Plain, |c, b| true.put(c, b)), "true");
        assert_eq!(text(Type::Date, Meaning::Date, |c, b| 19_782i32.put(c, b)), "2024-02-29");
        assert_eq!(text(Type::Date, Meaning::Date, |c, b| i32::MAX.put(c, b)), "2147483647");
        assert_eq!(text(Type::Timestamp, Meaning::Timestamp(1_000), |c, b| 1_500_000i64.put(c, b)), "1970-01-01T00:00:01.5Z");
        assert_eq!(text(Type::String, Meaning::Text, |c, b| ByteArray::from("x").put(c, b)), "x");
        assert_eq!(text(Type::Binary, Meaning::Plain, |c, b| ByteArray::from(vec![0xab, 1]).put(c, b)), "ab01");
        assert_eq!(text(Type::Null, Meaning::Text, |_, _| ()), "null");
    }

    #[test]
    fn decimals_keep_their_point() {
        let decimal = |scale, value: i64| text(Type::Number, Meaning::Decimal(scale), |c, b| value.put(c, b));
        assert_eq!([decimal(2, -5), decimal(2, 12_345), decimal(0, 7), decimal(3, 0)], ["-0.05", "123.45", "7", "0.000"]);
        assert_eq!(decimal(-1, 7), "ffffffff07");
        let wide = ByteArray::from([1; 17].to_vec());
        assert_eq!(text(Type::Number, Meaning::Decimal(0), |c, b| wide.put(c, b)).len(), 42);
    }
}
