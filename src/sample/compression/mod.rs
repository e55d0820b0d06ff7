//! Unpacking gzip, zstd, bzip2, xz and lz4 as the bytes come.
//!
//! Invariants: memory is bounded by the window (128 MiB for zstd and xz, 4 MiB and less for the others) and one output
//! buffer; whatever the stream holds, the answer is its content or what is wrong with it.

mod lz4;

use flate2::{Decompress, FlushDecompress};
use liblzma::stream as xz;
use zstd::stream::raw::{DParameter, Decoder, Operation};

use self::lz4::Lz4;

/// The largest zstd window that is accepted, as a power of two: what `zstd -d` accepts without `--long`.
const WINDOW_LOG_MAX: u32 = 27;
/// Most memory of an xz decoder: a dictionary of 128 MiB, which is twice what `xz -9` makes, and what goes with it.
const XZ_MEMORY: u64 = 129 << 20;
const OUTPUT: usize = 128 << 10;

/// The compression around a file. The codes are stored in reader ids and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Compression {
    /// Nothing.
    None = 0,
    /// gzip, RFC 1952, of one or more members.
    Gzip = 1,
    /// Zstandard, RFC 8878, of one or more frames.
    Zstd = 2,
    /// bzip2, of one or more streams.
    Bzip2 = 3,
    /// xz, of one or more streams.
    Xz = 4,
    /// lz4, of one or more frames.
    Lz4 = 5,
}

impl Compression {
    /// Every compression, by its code.
    pub const ALL: [Compression; 6] =
        [Compression::None, Compression::Gzip, Compression::Zstd, Compression::Bzip2, Compression::Xz, Compression::Lz4];

    /// Returns the compression with this ending of a file's name, in any case.
    pub fn of_ending(ending: &str) -> Option<Compression> {
        Some(match ending.to_ascii_lowercase().as_str() {
            "gz" => Compression::Gzip,
            "zst" => Compression::Zstd,
            "bz2" => Compression::Bzip2,
            "xz" => Compression::Xz,
            "lz4" => Compression::Lz4,
            _ => return None,
        })
    }

    /// Returns the ending of its files' names.
    pub fn ending(self) -> &'static str {
        match self {
            Compression::None => "",
            Compression::Gzip => "gz",
            Compression::Zstd => "zst",
            Compression::Bzip2 => "bz2",
            Compression::Xz => "xz",
            Compression::Lz4 => "lz4",
        }
    }

    /// Returns the compression whose streams begin with these bytes.
    pub fn of_magic(bytes: &[u8]) -> Option<Compression> {
        Some(match bytes {
            [0x1f, 0x8b, 8, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => Compression::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
            [0x04, 0x22, 0x4d, 0x18, ..] => Compression::Lz4,
            _ => return None,
        })
    }

    /// Returns the name of the format, as messages have it.
    pub fn name(self) -> &'static str {
        match self {
            Compression::None => "plain",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Bzip2 => "bzip2",
            Compression::Xz => "xz",
            Compression::Lz4 => "lz4",
        }
    }
}

/// Unpacks a stream that comes in pieces.
pub struct Decompressor {
    stream: PackedStream,
    output: Vec<u8>,
}

enum PackedStream {
    Plain,
    Members(Members),
    Zstd { decoder: Decoder<'static>, whole: bool },
    Xz(xz::Stream),
    Lz4(Box<Lz4>),
}

/// A stream of gzip or bzip2: one or more members.
struct Members {
    compression: Compression,
    state: MemberState,
}

/// The state at the next byte of a stream of members.
enum MemberState {
    /// Before the first member.
    Start,
    /// In a member.
    Member(MemberDecoder),
    /// After a member.
    Between,
    /// In the zeros that some tapes and tools leave after the last.
    Padding,
}

enum MemberDecoder {
    Gzip(Box<Decompress>),
    Bzip2(bzip2::Decompress),
}

impl Decompressor {
    /// Creates an unpacker of such a stream, at its start. Fails if it cannot have its memory.
    pub fn new(compression: Compression) -> Result<Decompressor, String> {
        let stream = match compression {
            Compression::None => PackedStream::Plain,
            Compression::Gzip | Compression::Bzip2 => PackedStream::Members(Members { compression, state: MemberState::Start }),
            Compression::Zstd => {
                let mut decoder = Decoder::new().map_err(|why| why.to_string())?;
                decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX)).map_err(|why| why.to_string())?;
                PackedStream::Zstd { decoder, whole: false }
            }
            Compression::Xz => PackedStream::Xz(xz::Stream::new_stream_decoder(XZ_MEMORY, xz::CONCATENATED).map_err(of_xz)?),
            Compression::Lz4 => PackedStream::Lz4(Box::default()),
        };
        let output = if matches!(compression, Compression::None | Compression::Lz4) { Vec::new() } else { vec![0; OUTPUT] };
        Ok(Decompressor { stream, output })
    }

    /// Takes the next packed bytes and hands over what they unpack to. The error says what is wrong with the stream,
    /// which is over then.
    pub fn feed(&mut self, bytes: &[u8], take: &mut dyn FnMut(&[u8])) -> Result<(), String> {
        let mut rest = bytes;
        match &mut self.stream {
            PackedStream::Plain => take(bytes),
            PackedStream::Members(members) => members.feed(bytes, &mut self.output, take)?,
            PackedStream::Zstd { decoder, whole } => loop {
                let status = decoder.run_on_buffers(rest, &mut self.output).map_err(|why| of_zstd(&why))?;
                if status.bytes_read == 0 && status.bytes_written == 0 {
                    break;
                }
                *whole = status.remaining == 0;
                rest = &rest[status.bytes_read..];
                take(&self.output[..status.bytes_written]);
            },
            PackedStream::Xz(stream) => loop {
                let (read, written) = (stream.total_in(), stream.total_out());
                stream.process(rest, &mut self.output, xz::Action::Run).map_err(of_xz)?;
                let (read, written) = ((stream.total_in() - read) as usize, (stream.total_out() - written) as usize);
                if read == 0 && written == 0 {
                    break;
                }
                rest = &rest[read..];
                take(&self.output[..written]);
            },
            PackedStream::Lz4(stream) => stream.feed(bytes, take)?,
        }
        Ok(())
    }

    /// The stream ends here: says so if that is too early.
    pub fn finish(mut self) -> Result<(), String> {
        let (whole, compression) = match &mut self.stream {
            PackedStream::Plain => return Ok(()),
            PackedStream::Members(Members { compression, state }) => {
                (matches!(state, MemberState::Between | MemberState::Padding), *compression)
            }
            PackedStream::Zstd { whole, .. } => (*whole, Compression::Zstd),
            PackedStream::Xz(stream) => {
                let status = stream.process(b"", &mut self.output, xz::Action::Finish).map_err(of_xz)?;
                (status == xz::Status::StreamEnd, Compression::Xz)
            }
            PackedStream::Lz4(stream) => (stream.is_whole(), Compression::Lz4),
        };
        if whole { Ok(()) } else { Err(format!("unexpected end of the {} stream", compression.name())) }
    }
}

impl std::fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unpacker").finish_non_exhaustive()
    }
}

impl Members {
    fn feed(&mut self, mut rest: &[u8], output: &mut [u8], take: &mut dyn FnMut(&[u8])) -> Result<(), String> {
        let name = self.compression.name();
        let trailing = || Err(format!("unexpected data after the {name} stream"));
        loop {
            match &mut self.state {
                MemberState::Member(member) => {
                    let (read, written) = member.total();
                    let ended = member.unpack(rest, output).map_err(|why| format!("the {name} stream is damaged: {why}"))?;
                    let (read, written) = ((member.total().0 - read) as usize, (member.total().1 - written) as usize);
                    rest = &rest[read..];
                    take(&output[..written]);
                    if ended {
                        self.state = MemberState::Between;
                    } else if read == 0 && written == 0 {
                        return Ok(());
                    }
                }
                MemberState::Start | MemberState::Between => match (self.compression, rest.first()) {
                    (_, None) => return Ok(()),
                    (Compression::Gzip, Some(0x1f)) => {
                        self.state = MemberState::Member(MemberDecoder::Gzip(Box::new(Decompress::new_gzip(15))));
                    }
                    (Compression::Bzip2, Some(b'B')) => {
                        self.state = MemberState::Member(MemberDecoder::Bzip2(bzip2::Decompress::new(false)));
                    }
                    (_, Some(0)) if matches!(self.state, MemberState::Between) => self.state = MemberState::Padding,
                    (..) if matches!(self.state, MemberState::Between) => return trailing(),
                    (..) => return Err(format!("invalid {name} stream")),
                },
                MemberState::Padding if rest.iter().all(|&byte| byte == 0) => return Ok(()),
                MemberState::Padding => return trailing(),
            }
        }
    }
}

impl MemberDecoder {
    /// Returns the bytes that were read, and those that were written.
    fn total(&self) -> (u64, u64) {
        match self {
            MemberDecoder::Gzip(member) => (member.total_in(), member.total_out()),
            MemberDecoder::Bzip2(member) => (member.total_in(), member.total_out()),
        }
    }

    /// Unpacks some bytes; returns whether the member ends with them.
    fn unpack(&mut self, bytes: &[u8], output: &mut [u8]) -> Result<bool, String> {
        Ok(match self {
            MemberDecoder::Gzip(member) => {
                let status = member.decompress(bytes, output, FlushDecompress::None).map_err(|why| why.to_string())?;
                status == flate2::Status::StreamEnd
            }
            MemberDecoder::Bzip2(member) => {
                member.decompress(bytes, output).map_err(|why| why.to_string())? == bzip2::Status::StreamEnd
            }
        })
    }
}

/// Returns the message for an error of zstd.
fn of_zstd(why: &std::io::Error) -> String {
    match why.to_string().as_str() {
        "Frame requires too much memory for decoding" => "the zstd stream requires a window larger than 128 MiB".to_owned(),
        why => format!("the zstd stream is damaged: {why}"),
    }
}

/// Returns the message for an error of liblzma.
fn of_xz(why: xz::Error) -> String {
    match why {
        xz::Error::Format => "invalid xz stream",
        xz::Error::MemLimit => {
            "the xz stream requires a dictionary larger than 128 MiB; compress the file again with 'xz -9' or less"
        }
        xz::Error::Mem => "not enough memory for the dictionary of the xz stream",
        xz::Error::Options | xz::Error::UnsupportedCheck => "the xz stream uses unsupported options",
        _ => "the xz stream is damaged or followed by other data",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    const COMPRESSIONS: [Compression; 5] =
        [Compression::Gzip, Compression::Zstd, Compression::Bzip2, Compression::Xz, Compression::Lz4];

    fn pack(compression: Compression, bytes: &[u8]) -> Vec<u8> {
        match compression {
            Compression::None => bytes.to_vec(),
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Zstd => zstd::encode_all(bytes, 1).unwrap(),
            Compression::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Lz4 => {
                let info = lz4_flex::frame::FrameInfo::new().block_mode(lz4_flex::frame::BlockMode::Linked);
                let info = info.content_checksum(true).block_checksums(true);
                let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
        }
    }

    fn unpack(compression: Compression, bytes: &[u8], cut: usize) -> Result<Vec<u8>, String> {
        let mut unpacker = Decompressor::new(compression).unwrap();
        let mut out = Vec::new();
        for piece in bytes.chunks(cut) {
            unpacker.feed(piece, &mut |bytes| out.extend_from_slice(bytes))?;
        }
        unpacker.finish().map(|()| out)
    }

    /// Text of three times the output buffer.
    fn text() -> Vec<u8> {
        (0..3 * OUTPUT / 8).flat_map(|n| format!("{n:07}\n").into_bytes()).collect()
    }

    #[test]
    fn members_and_frames_follow_one_another() {
        for compression in [Compression::None].into_iter().chain(COMPRESSIONS) {
            let parts = [text(), Vec::new(), b"tail".to_vec()];
            let packed = parts.iter().map(|part| pack(compression, part)).collect::<Vec<_>>().concat();
            for cut in [1, 7, 4096, usize::MAX] {
                assert!(unpack(compression, &packed, cut) == Ok(parts.concat()), "{compression:?} {cut}");
            }
        }
    }

    #[test]
    fn an_output_that_fills_the_buffer_exactly() {
        for compression in COMPRESSIONS {
            let bytes = vec![b'a'; 2 * OUTPUT];
            assert!(unpack(compression, &pack(compression, &bytes), usize::MAX) == Ok(bytes));
        }
    }

    #[test]
    fn every_early_end_is_found() {
        for compression in COMPRESSIONS {
            let says = format!("unexpected end of the {} stream", compression.name());
            let packed = pack(compression, b"some text, some text");
            assert_eq!(Compression::of_magic(&packed), Some(compression));
            for end in 0..packed.len() {
                assert_eq!(unpack(compression, &packed[..end], 5).unwrap_err(), says, "{end}");
            }
        }
    }

    #[test]
    fn what_follows_is_padding_or_a_finding() {
        let packed = pack(Compression::Gzip, b"text");
        assert_eq!(unpack(Compression::Gzip, &[&packed[..], &[0; 1000]].concat(), 9), Ok(b"text".to_vec()));
        for tail in [&b"x"[..], b"\0\0x", b"\x1fx", b"\0\x1f\x8b"] {
            assert!(unpack(Compression::Gzip, &[&packed[..], tail].concat(), 9).is_err());
        }
        for compression in COMPRESSIONS {
            assert!(unpack(compression, &[&pack(compression, b"text")[..], b"garbage"].concat(), 9).is_err(), "{compression:?}");
            if compression != Compression::Zstd {
                assert_eq!(
                    unpack(compression, b"plain text, longer than a header", 9).unwrap_err(),
                    format!("invalid {} stream", compression.name())
                );
            }
        }
    }

    #[test]
    fn a_window_above_the_limit_is_refused() {
        let long = |log| {
            let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
            encoder.set_parameter(zstd::zstd_safe::CParameter::WindowLog(log)).unwrap();
            encoder.write_all(&text()).unwrap();
            encoder.finish().unwrap()
        };
        assert!(unpack(Compression::Zstd, &long(27), 4096).is_ok());
        assert_eq!(
            unpack(Compression::Zstd, &long(28), 4096).unwrap_err(),
            "the zstd stream requires a window larger than 128 MiB"
        );
    }

    #[test]
    fn a_dictionary_above_the_limit_is_refused() {
        let packed = |size| {
            let mut options = xz::LzmaOptions::new_preset(0).unwrap();
            options.dict_size(size);
            let stream = xz::Stream::new_stream_encoder(xz::Filters::new().lzma2(&options), xz::Check::Crc32).unwrap();
            let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
            encoder.write_all(&text()).unwrap();
            encoder.finish().unwrap()
        };
        assert!(unpack(Compression::Xz, &packed(1 << 27), 4096).is_ok());
        assert!(unpack(Compression::Xz, &packed(3 << 26), 4096).unwrap_err().contains("a dictionary larger than 128 MiB"));
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, flip in any::<prop::sample::Index>(), mask: u8) {
            for compression in COMPRESSIONS {
                let _ = unpack(compression, &bytes, 3);
                let mut packed = pack(compression, &bytes);
                let at = flip.index(packed.len());
                packed[at] ^= mask;
                let _ = unpack(compression, &packed, 3);
            }
        }
    }
}
