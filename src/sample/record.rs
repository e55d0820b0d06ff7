//! What every reader has in common.

/// A record, whole, as it stands in the file (without the line end or the comma that follows it).
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// The line of the file on which it begins, from 1.
    pub line: u64,
}

/// Bytes that are no record of their format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The line on which they begin, from 1.
    pub line: u64,
    /// What is wrong, for a person.
    pub message: String,
}

/// Finds the records of a stream that comes in pieces. Cutting it elsewhere never changes what is found.
///
/// Two readers that compare equal find the same records in the same bytes from here on, apart from their line numbers:
/// the text of a record that has begun and not ended counts.
pub trait Records: PartialEq {
    /// Takes the next bytes and hands over every record that ends in them.
    fn feed(&mut self, bytes: &[u8], take: &mut dyn FnMut(Record<'_>));
    /// The stream ends here: hands over what has begun.
    fn finish(&mut self, take: &mut dyn FnMut(Record<'_>));
}

/// What a value is. The codes are stable: they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ValueType {
    /// None: JSON's `null`, an empty field.
    Null = 0,
    /// True or false.
    Boolean = 1,
    /// A whole number.
    Integer = 2,
    /// Any other number.
    Number = 3,
    /// Text.
    String = 4,
    /// A list.
    Array = 5,
    /// Values under names.
    Object = 6,
    /// A day.
    Date = 7,
    /// A moment, or a date with a time.
    Timestamp = 8,
    /// Bytes that are no text.
    Binary = 9,
}

/// The first 16 bytes of the BLAKE3 of a record's canonical bytes.
pub(super) fn digest(canonical: &[u8]) -> [u8; 16] {
    let mut digest = [0; 16];
    digest.copy_from_slice(&blake3::hash(canonical).as_bytes()[..16]);
    digest
}
