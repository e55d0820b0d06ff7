//! The types that a value can have.

/// The type of a value. The codes are stored in encoded schemas and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Type {
    /// JSON's `null`, and the missing cell of a table.
    Null = 0,
    /// `true` or `false`.
    Boolean = 1,
    /// A number written without fraction and exponent.
    Integer = 2,
    /// Any other number: `1.0` is one, as it is for most readers of JSON.
    Number = 3,
    /// Text.
    String = 4,
    /// An ordered list of values.
    Array = 5,
    /// Values by name, and the row of a table.
    Object = 6,
    /// A day.
    Date = 7,
    /// A point in time.
    Timestamp = 8,
    /// Bytes that are no text.
    Binary = 9,
}

impl Type {
    /// Every type, by its code.
    pub const ALL: [Type; 10] = [
        Type::Null,
        Type::Boolean,
        Type::Integer,
        Type::Number,
        Type::String,
        Type::Array,
        Type::Object,
        Type::Date,
        Type::Timestamp,
        Type::Binary,
    ];

    /// Returns the name, as JSON output prints it.
    pub fn as_str(self) -> &'static str {
        match self {
            Type::Null => "null",
            Type::Boolean => "boolean",
            Type::Integer => "integer",
            Type::Number => "number",
            Type::String => "string",
            Type::Array => "array",
            Type::Object => "object",
            Type::Date => "date",
            Type::Timestamp => "timestamp",
            Type::Binary => "binary",
        }
    }
}
