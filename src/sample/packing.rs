//! Unpacking gzip and zstd as the bytes come.
//!
//! Invariants: memory is bounded by the window (128 MiB for zstd, 32 KiB for gzip) and one output buffer; whatever the
//! stream holds, the answer is its content or what is wrong with it.

use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Decoder, Operation};

use super::Packing;

/// The largest zstd window that is accepted, as a power of two: what `zstd -d` accepts without `--long`.
const WINDOW_LOG_MAX: u32 = 27;
const OUTPUT: usize = 128 << 10;

/// Unpacks a stream that comes in pieces.
pub struct Unpacker {
    stream: Stream,
    output: Vec<u8>,
}

enum Stream {
    Plain,
    Gzip(Gzip),
    Zstd { decoder: Decoder<'static>, whole: bool },
}

/// Where in a gzip stream the next byte stands.
enum Gzip {
    /// Before the first member.
    Start,
    /// In a member.
    Member(Box<Decompress>),
    /// After a member.
    Between,
    /// In the zeros that some tapes and tools leave after the last.
    Padding,
}

impl Unpacker {
    /// An unpacker of such a stream, at its start. Fails if zstd cannot have its memory.
    pub fn new(packing: Packing) -> Result<Unpacker, String> {
        let stream = match packing {
            Packing::None => Stream::Plain,
            Packing::Gzip => Stream::Gzip(Gzip::Start),
            Packing::Zstd => {
                let mut decoder = Decoder::new().map_err(|why| why.to_string())?;
                decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX)).map_err(|why| why.to_string())?;
                Stream::Zstd { decoder, whole: false }
            }
        };
        let output = if packing == Packing::None { Vec::new() } else { vec![0; OUTPUT] };
        Ok(Unpacker { stream, output })
    }

    /// Takes the next packed bytes and hands over what they unpack to. The error says what is wrong with the stream,
    /// which is over then.
    pub fn feed(&mut self, bytes: &[u8], take: &mut dyn FnMut(&[u8])) -> Result<(), String> {
        match &mut self.stream {
            Stream::Plain => take(bytes),
            Stream::Gzip(gzip) => gzip.feed(bytes, &mut self.output, take)?,
            Stream::Zstd { decoder, whole } => {
                let mut rest = bytes;
                loop {
                    let status = decoder.run_on_buffers(rest, &mut self.output).map_err(|why| of_zstd(&why))?;
                    if status.bytes_read == 0 && status.bytes_written == 0 {
                        break;
                    }
                    *whole = status.remaining == 0;
                    rest = &rest[status.bytes_read..];
                    take(&self.output[..status.bytes_written]);
                }
            }
        }
        Ok(())
    }

    /// The stream ends here: says so if that is too early.
    pub fn finish(self) -> Result<(), String> {
        match self.stream {
            Stream::Gzip(Gzip::Start | Gzip::Member(_)) => Err("the gzip stream ends too early".to_owned()),
            Stream::Zstd { whole: false, .. } => Err("the zstd stream ends too early".to_owned()),
            _ => Ok(()),
        }
    }
}

impl std::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unpacker").finish_non_exhaustive()
    }
}

impl Gzip {
    fn feed(&mut self, mut rest: &[u8], output: &mut [u8], take: &mut dyn FnMut(&[u8])) -> Result<(), String> {
        loop {
            match self {
                Gzip::Member(member) => {
                    let (read, written) = (member.total_in(), member.total_out());
                    let status = member
                        .decompress(rest, output, FlushDecompress::None)
                        .map_err(|why| format!("the gzip stream is damaged: {why}"))?;
                    let (read, written) = ((member.total_in() - read) as usize, (member.total_out() - written) as usize);
                    rest = &rest[read..];
                    take(&output[..written]);
                    if status == Status::StreamEnd {
                        *self = Gzip::Between;
                    } else if read == 0 && written == 0 {
                        return Ok(());
                    }
                }
                Gzip::Start | Gzip::Between => match rest.first() {
                    None => return Ok(()),
                    Some(0x1f) => *self = Gzip::Member(Box::new(Decompress::new_gzip(15))),
                    Some(0) if matches!(self, Gzip::Between) => *self = Gzip::Padding,
                    Some(_) if matches!(self, Gzip::Between) => return Err("something else follows the gzip stream".to_owned()),
                    Some(_) => return Err("this is no gzip stream".to_owned()),
                },
                Gzip::Padding if rest.iter().all(|&byte| byte == 0) => return Ok(()),
                Gzip::Padding => return Err("something else follows the gzip stream".to_owned()),
            }
        }
    }
}

/// What zstd says is wrong with its stream.
fn of_zstd(why: &std::io::Error) -> String {
    match why.to_string().as_str() {
        "Frame requires too much memory for decoding" => "the zstd stream needs a window above 128 MiB".to_owned(),
        why => format!("the zstd stream is damaged: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn pack(packing: Packing, bytes: &[u8]) -> Vec<u8> {
        match packing {
            Packing::None => bytes.to_vec(),
            Packing::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Packing::Zstd => zstd::encode_all(bytes, 1).unwrap(),
        }
    }

    fn unpack(packing: Packing, bytes: &[u8], cut: usize) -> Result<Vec<u8>, String> {
        let mut unpacker = Unpacker::new(packing).unwrap();
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
        for packing in [Packing::None, Packing::Gzip, Packing::Zstd] {
            let parts = [text(), Vec::new(), b"tail".to_vec()];
            let packed = parts.iter().map(|part| pack(packing, part)).collect::<Vec<_>>().concat();
            for cut in [1, 7, 4096, usize::MAX] {
                assert!(unpack(packing, &packed, cut) == Ok(parts.concat()), "{packing:?} {cut}");
            }
        }
    }

    #[test]
    fn an_output_that_fills_the_buffer_exactly() {
        for packing in [Packing::Gzip, Packing::Zstd] {
            let bytes = vec![b'a'; 2 * OUTPUT];
            assert!(unpack(packing, &pack(packing, &bytes), usize::MAX) == Ok(bytes));
        }
    }

    #[test]
    fn every_early_end_is_found() {
        for (packing, says) in
            [(Packing::Gzip, "the gzip stream ends too early"), (Packing::Zstd, "the zstd stream ends too early")]
        {
            let packed = pack(packing, b"some text, some text");
            for end in 0..packed.len() {
                assert_eq!(unpack(packing, &packed[..end], 5).unwrap_err(), says, "{end}");
            }
        }
    }

    #[test]
    fn what_follows_is_padding_or_a_finding() {
        let packed = pack(Packing::Gzip, b"text");
        assert_eq!(unpack(Packing::Gzip, &[&packed[..], &[0; 1000]].concat(), 9), Ok(b"text".to_vec()));
        for tail in [&b"x"[..], b"\0\0x", b"\x1fx", b"\0\x1f\x8b"] {
            assert!(unpack(Packing::Gzip, &[&packed[..], tail].concat(), 9).is_err());
        }
        assert!(unpack(Packing::Zstd, &[&pack(Packing::Zstd, b"text")[..], b"garbage"].concat(), 9).is_err());
        assert_eq!(unpack(Packing::Gzip, b"plain", 9).unwrap_err(), "this is no gzip stream");
    }

    #[test]
    fn a_window_above_the_limit_is_refused() {
        let long = |log| {
            let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
            encoder.set_parameter(zstd::zstd_safe::CParameter::WindowLog(log)).unwrap();
            encoder.write_all(&text()).unwrap();
            encoder.finish().unwrap()
        };
        assert!(unpack(Packing::Zstd, &long(27), 4096).is_ok());
        assert_eq!(unpack(Packing::Zstd, &long(28), 4096).unwrap_err(), "the zstd stream needs a window above 128 MiB");
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, flip in any::<prop::sample::Index>(), mask: u8) {
            for packing in [Packing::Gzip, Packing::Zstd] {
                let _ = unpack(packing, &bytes, 3);
                let mut packed = pack(packing, &bytes);
                let at = flip.index(packed.len());
                packed[at] ^= mask;
                let _ = unpack(packing, &packed, 3);
            }
        }
    }
}
