//! The text of a file that is itself the record.

use crate::diff::{FileSide, RecordText};
use crate::error::Result;
use crate::sample::{Compression, is_of_another_kind};

/// The longest file that is read as one text.
const MAX_TEXT: usize = if cfg!(test) { 64 << 10 } else { 64 << 20 };
/// The reason for a file that is too long.
const TOO_LONG: &str = "the file is longer than 64 MiB";
/// The reason for a file that is not text.
const NOT_TEXT: &str = "the file is not text";
/// Bytes at the start of a file by which text is recognized.
const PROBE: usize = 8_000;

/// Passes on the record of `file`: with its text, if the file is itself the record and has one.
pub(super) fn with_text(record: &RecordText<'_>, file: &FileSide<'_>, pass: &mut dyn FnMut(&RecordText<'_>)) -> Result<()> {
    let RecordText::File { content, issue: None, .. } = record else {
        pass(record);
        return Ok(());
    };
    let bytes;
    let text = if !is_text(file.path, &file.text(PROBE)?) {
        Err(NOT_TEXT)
    } else {
        bytes = file.text(MAX_TEXT + 1)?;
        if bytes.len() > MAX_TEXT { Err(TOO_LONG) } else { Ok(&bytes[..]) }
    };
    pass(&RecordText::File { content, issue: None, text });
    Ok(())
}

/// Returns true if a file that is its own sample is text: by the ending of its name, or since no zero byte stands at its
/// start; not where that start is of an archive, a compression, an image.
fn is_text(path: &str, start: &[u8]) -> bool {
    const ENDINGS: [&str; 9] = [".txt", ".md", ".rst", ".html", ".htm", ".xml", ".tex", ".yaml", ".yml"];
    let name = path.to_ascii_lowercase();
    let name =
        name.rsplit_once('.').filter(|(_, ending)| Compression::of_ending(ending).is_some()).map_or(&name[..], |(stem, _)| stem);
    !is_of_another_kind(start) && (ENDINGS.iter().any(|ending| name.ends_with(ending)) || !start.contains(&0))
}
