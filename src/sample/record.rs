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
