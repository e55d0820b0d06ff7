//! The dialect of a file: the encoding of its text, and the details of its format.

use std::sync::Arc;

/// The encoding of the text of a file. The codes are stored in reader ids and never change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8 = 0,
    /// UTF-16, the lower byte first.
    Utf16Le = 1,
    /// UTF-16, the higher byte first.
    Utf16Be = 2,
    /// ISO 8859-1.
    Latin1 = 3,
    /// Windows-1252.
    Windows1252 = 4,
}

impl Encoding {
    /// Every encoding, by its code.
    pub const ALL: [Encoding; 5] =
        [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be, Encoding::Latin1, Encoding::Windows1252];
}

/// The details of a format, by `helox.toml` or by the first bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dialect {
    /// The encoding of the text.
    pub encoding: Encoding,
    /// The delimiter of the fields of a row, where it is not that of the format.
    pub delimiter: Option<u8>,
    /// True if quotes enclose fields; where they do not, they are text.
    pub quotes: bool,
    /// True if the first row has the names of the columns.
    pub header: bool,
    /// The byte with which rows begin that are comments.
    pub comment: Option<u8>,
    /// The location of the list of records in a JSON document, as a JSON pointer.
    pub records: Option<Arc<str>>,
    /// True if a `.json` file holds a document on every line.
    pub lines: bool,
}

impl Dialect {
    /// The dialect of a format without declarations and guesses.
    pub const PLAIN: Dialect = Dialect {
        encoding: Encoding::Utf8,
        delimiter: None,
        quotes: true,
        header: true,
        comment: None,
        records: None,
        lines: false,
    };
}

/// The origin of the dialect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Origin {
    /// `helox.toml` names the format, so that nothing but the encoding is guessed.
    pub stated: bool,
    /// The encoding follows from the file's byte order mark.
    pub guessed_encoding: bool,
    /// The compression follows from the file's first bytes.
    pub guessed_compression: bool,
    /// The rest follows from the file's first bytes.
    pub guessed_form: bool,
}
