//! The extension area of version records: what later versions of hlx add to them.
//!
//! Nothing is defined for it yet. Extensions are kept as they are, so that a record of a later hlx has the same id here.

use crate::codec::{ByteReader, ByteWriter, Malformed};
use crate::limits;

/// A named addition to a version record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// The name, which says how the value is read.
    pub name: String,
    /// The value.
    pub value: Vec<u8>,
}

/// Appends the extension area: nothing for a record without extensions.
pub(super) fn encode(extensions: &[Extension], out: &mut Vec<u8>) {
    if extensions.is_empty() {
        return;
    }
    out.put_varint(extensions.len() as u64);
    for extension in extensions {
        out.put_bytes(extension.name.as_bytes());
        out.put_bytes(&extension.value);
    }
}

/// Reads the extension area, which is all that remains of a record.
pub(super) fn decode(reader: &mut ByteReader<'_>) -> Result<Vec<Extension>, Malformed> {
    if reader.rest().is_empty() {
        return Ok(Vec::new());
    }
    let count = reader.count(3)?;
    if count == 0 {
        return Err(Malformed("the extension area is empty"));
    }
    (0..count).map(|_| Ok(Extension { name: reader.text()?.to_owned(), value: reader.bytes()?.to_vec() })).collect()
}

/// Fails unless a record can hold these extensions.
pub(super) fn check(extensions: &[Extension]) -> Result<(), Malformed> {
    let names = || extensions.iter().map(|extension| extension.name.as_str());
    match () {
        () if extensions.len() > limits::EXTENSIONS => Err(Malformed("the version has more than 64 extensions")),
        () if names().any(|name| name.is_empty() || name.len() > limits::NAME) => {
            Err(Malformed("the name of an extension must have 1 to 64 bytes"))
        }
        () if !names().is_sorted_by(|a, b| a < b) => Err(Malformed("the extensions are out of order or duplicated")),
        () if extensions.iter().map(|extension| extension.value.len()).sum::<usize>() > limits::EXTENSION_BYTES => {
            Err(Malformed("the extensions of the version have more than 1,048,576 bytes together"))
        }
        () => Ok(()),
    }
}
