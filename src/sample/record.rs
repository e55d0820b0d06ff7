//! The types that all readers share.

/// A record as it stands in the file (without the line end or the comma that follows it).
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its bytes, or [`Record::excess`].
    pub bytes: &'a [u8],
    /// True if the bytes are all of it.
    pub is_whole: bool,
    /// The line of the file on which it begins, from 1.
    pub line: u64,
    /// The byte of the unpacked stream at which it begins, from 0: its place, which no other record of the file has.
    pub at: u64,
}

impl<'a> Record<'a> {
    /// Returns the length and hash of a record beyond the longest length, in words.
    pub fn excess(&self) -> Option<&'a str> {
        if self.is_whole { None } else { std::str::from_utf8(self.bytes).ok() }
    }
}

/// Bytes that are no record of their format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseIssue {
    /// The line on which they begin, from 1.
    pub line: u64,
    /// The error, for a person.
    pub message: String,
}

/// One of two versions that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The earlier one: what it alone has was removed.
    Old,
    /// The later one: what it alone has was added.
    New,
}

/// Finds the records of a stream that comes in pieces. Cutting it elsewhere never changes what is found.
///
/// Two readers that compare equal find the same records in the same bytes from here on, apart from their line numbers:
/// the text of a record that has begun and not ended counts.
pub trait RecordReader {
    /// Takes the next bytes and hands over every record that ends in them.
    fn feed(&mut self, bytes: &[u8], take: &mut dyn FnMut(Record<'_>));
    /// The stream ends here: hands over what has begun.
    fn finish(&mut self, take: &mut dyn FnMut(Record<'_>));
}

/// Returns the first 16 bytes of the BLAKE3 of a mark and a canonical form.
pub fn digest(mark: &[u8], form: &[u8]) -> [u8; 16] {
    let hash = blake3::Hasher::new().update(mark).update(form).finalize();
    let mut half = [0; 16];
    half.copy_from_slice(&hash.as_bytes()[..16]);
    half
}

#[cfg(test)]
pub(crate) mod tests {
    //! Cutting streams, for the tests of the readers.

    use proptest::prelude::*;

    use super::*;

    /// Places to cut a stream at.
    #[derive(Clone, Debug)]
    pub struct Cuts(Vec<prop::sample::Index>);

    /// Any few of them.
    pub fn pieces() -> impl Strategy<Value = Cuts> {
        prop::collection::vec(any::<prop::sample::Index>(), 0..8).prop_map(Cuts)
    }

    impl Cuts {
        /// The pieces of this stream.
        pub fn of<'a>(&self, stream: &'a [u8]) -> Vec<&'a [u8]> {
            let mut at: Vec<_> = self.0.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            at.extend([0, stream.len()]);
            at.sort();
            at.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect()
        }
    }

    /// What a reader finds in these pieces: bytes and lines. Each record stands at the place that it names, or is beyond
    /// the longest length.
    pub fn found<'a>(reader: &mut impl RecordReader, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<(Vec<u8>, u64)> {
        let pieces: Vec<&[u8]> = pieces.into_iter().collect();
        let stream = pieces.concat();
        let mut records = Vec::new();
        let mut take = |r: Record<'_>| {
            assert!(!r.is_whole || stream[r.at as usize..].starts_with(r.bytes), "{r:?}");
            records.push((r.bytes.to_vec(), r.line));
        };
        pieces.iter().for_each(|piece| reader.feed(piece, &mut take));
        reader.finish(&mut take);
        records
    }
}
