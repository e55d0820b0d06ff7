//! Text in other encodings, as UTF-8.

use std::borrow::Cow;

use encoding_rs::{CoderResult, UTF_16BE, UTF_16LE, WINDOWS_1252, mem};

use super::tar::TarDecoder;
use super::{Decompressor, Encoding, FileIssue, ReaderSpec, RecordFormat};

/// Bytes of UTF-8 that are handed over at once.
const OUTPUT: usize = 64 << 10;

/// Turns a text that comes in pieces into UTF-8. A byte order mark stays, as that of UTF-8.
pub struct Transcoder {
    encoding: Encoding,
    decoder: Option<encoding_rs::Decoder>,
    output: Vec<u8>,
    malformed: bool,
}

impl Transcoder {
    /// Creates a transcoder at the start of a text.
    pub fn new(encoding: Encoding) -> Transcoder {
        let decoder = match encoding {
            Encoding::Utf16Le => Some(UTF_16LE.new_decoder_without_bom_handling()),
            Encoding::Utf16Be => Some(UTF_16BE.new_decoder_without_bom_handling()),
            Encoding::Windows1252 => Some(WINDOWS_1252.new_decoder_without_bom_handling()),
            Encoding::Utf8 | Encoding::Latin1 => None,
        };
        let output = if encoding == Encoding::Utf8 { Vec::new() } else { vec![0; OUTPUT] };
        Transcoder { encoding, decoder, output, malformed: false }
    }

    /// Takes the next bytes and hands over their text.
    pub fn feed(&mut self, bytes: &[u8], take: &mut dyn FnMut(&[u8])) {
        match self.encoding {
            Encoding::Utf8 => take(bytes),
            Encoding::Latin1 => {
                for piece in bytes.chunks(OUTPUT / 2) {
                    let written = mem::convert_latin1_to_utf8(piece, &mut self.output);
                    take(&self.output[..written]);
                }
            }
            _ => self.decode(bytes, false, take),
        }
    }

    /// The text ends here; returns whether some of its bytes were none of its encoding, and are told as U+FFFD.
    pub fn finish(&mut self, take: &mut dyn FnMut(&[u8])) -> bool {
        self.decode(b"", true, take);
        self.malformed
    }

    fn decode(&mut self, mut bytes: &[u8], last: bool, take: &mut dyn FnMut(&[u8])) {
        let Some(decoder) = &mut self.decoder else { return };
        loop {
            let (result, read, written, malformed) = decoder.decode_to_utf8(bytes, &mut self.output, last);
            self.malformed |= malformed;
            if written > 0 {
                take(&self.output[..written]);
            }
            bytes = &bytes[read..];
            if result == CoderResult::InputEmpty {
                return;
            }
        }
    }
}

/// Unpacks a file that comes in pieces, and turns its text into UTF-8, or its samples into JSON Lines.
#[derive(Debug)]
pub struct Decoder {
    unpacker: Decompressor,
    /// Of an archive.
    shard: Option<TarDecoder>,
    transcoder: Transcoder,
}

impl Decoder {
    /// Returns a decoder of files that are read so; `None` for those whose bytes are their text.
    pub fn of(spec: &ReaderSpec) -> Result<Option<Decoder>, String> {
        if spec.is_plain() {
            return Ok(None);
        }
        let transcoder = Transcoder::new(spec.dialect.encoding);
        let shard = (spec.format == RecordFormat::Tar).then(|| TarDecoder::new(spec.origin.stated));
        Ok(Some(Decoder { unpacker: Decompressor::new(spec.compression)?, shard, transcoder }))
    }

    /// Takes the next bytes of the file and hands over their text. The issue says why it is not read on.
    pub fn feed(&mut self, bytes: &[u8], take: &mut dyn FnMut(&[u8])) -> Result<(), FileIssue> {
        let Decoder { unpacker, shard, transcoder } = self;
        let mut read = Ok(());
        unpacker
            .feed(bytes, &mut |bytes| match shard {
                Some(shard) if read.is_ok() => read = shard.feed(bytes, take),
                Some(_) => {}
                None => transcoder.feed(bytes, take),
            })
            .map_err(FileIssue::damaged)?;
        read
    }

    /// The file ends here: hands over what is left, and returns whether some of its bytes were none of its encoding, and
    /// are told as U+FFFD. The issue says that unexpected end of data.
    pub fn finish(mut self, take: &mut dyn FnMut(&[u8])) -> Result<bool, FileIssue> {
        let malformed = self.transcoder.finish(take);
        self.unpacker.finish().map_err(FileIssue::damaged)?;
        self.shard.map_or(Ok(()), |mut shard| shard.finish(take)).map(|()| malformed)
    }
}

impl std::fmt::Debug for Transcoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transcoder").field("encoding", &self.encoding).finish_non_exhaustive()
    }
}

impl Encoding {
    /// Returns a whole text, or its beginning, as UTF-8.
    pub fn decode_all(self, bytes: &[u8]) -> Cow<'_, [u8]> {
        if self == Encoding::Utf8 {
            return Cow::Borrowed(bytes);
        }
        let mut text = Vec::new();
        Transcoder::new(self).feed(bytes, &mut |piece| text.extend_from_slice(piece));
        Cow::Owned(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(encoding: Encoding, bytes: &[u8], cut: usize) -> (String, bool) {
        let mut transcoder = Transcoder::new(encoding);
        let mut text = Vec::new();
        bytes.chunks(cut).for_each(|piece| transcoder.feed(piece, &mut |piece| text.extend_from_slice(piece)));
        let malformed = transcoder.finish(&mut |piece| text.extend_from_slice(piece));
        (String::from_utf8(text).unwrap(), malformed)
    }

    #[test]
    fn each_encoding_is_read() {
        assert_eq!(text(Encoding::Latin1, b"caf\xe9 \x80", 2), ("café \u{80}".to_owned(), false));
        assert_eq!(text(Encoding::Windows1252, b"caf\xe9 \x80", 2), ("café €".to_owned(), false));
        assert_eq!(text(Encoding::Utf16Be, b"\xfe\xff\0a", 1), ("\u{feff}a".to_owned(), false));
        assert_eq!(text(Encoding::Utf16Le, b"a\0\x3d\xd8b\0", 3), ("a\u{fffd}b".to_owned(), true));
        assert_eq!(text(Encoding::Utf16Le, b"a\0b", 3), ("a\u{fffd}".to_owned(), true));
    }

    proptest! {
        #[test]
        fn utf_16_comes_back_however_it_is_cut(original in "\\PC{0,40}", cut in 1usize..7) {
            let units: Vec<u8> = original.encode_utf16().flat_map(u16::to_le_bytes).collect();
            prop_assert_eq!(text(Encoding::Utf16Le, &units, cut), (original, false));
        }
    }
}
