//! Compression of blocks, alone or against a base, by zstd.
//!
//! A base is bytes that the reader will have: the same region of the parent version. It is given to zstd as a raw
//! prefix, so that what stands in both costs next to nothing.

use zstd::zstd_safe::{self, CCtx, CParameter, DCtx, ResetDirective};

use crate::limits;

/// The encoding of the bytes of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Codec {
    /// As they are.
    Stored = 0,
    /// One zstd frame.
    Zstd = 1,
    /// One zstd frame against a base as raw prefix.
    Delta = 2,
}

impl Codec {
    /// Returns the codec that a byte stands for.
    pub fn from_byte(byte: u8) -> Option<Codec> {
        [Codec::Stored, Codec::Zstd, Codec::Delta].into_iter().find(|c| *c as u8 == byte)
    }
}

/// Compresses blocks, reusing zstd's memory. One a thread.
pub struct Compressor {
    context: CCtx<'static>,
    frame: Vec<u8>,
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compressor").finish_non_exhaustive()
    }
}

impl Default for Compressor {
    fn default() -> Self {
        Compressor { context: CCtx::create(), frame: Vec::new() }
    }
}

impl Compressor {
    /// Compresses a block at zstd's `level`; bytes that do not shrink are stored as they are. Returns what is to be
    /// stored.
    pub fn standalone<'a>(&'a mut self, raw: &'a [u8], level: i32) -> (Codec, &'a [u8]) {
        let shrunk = !looks_random(raw) && self.frame(raw, level).is_some_and(|frame| frame.len() < raw.len());
        if shrunk { (Codec::Zstd, &self.frame) } else { (Codec::Stored, raw) }
    }

    /// One frame that stands alone. Valid until the next call.
    fn frame(&mut self, raw: &[u8], level: i32) -> Option<&[u8]> {
        self.context.reset(ResetDirective::SessionAndParameters).ok()?;
        self.context.set_parameter(CParameter::CompressionLevel(level)).ok()?;
        compress(&mut self.context, raw, &mut self.frame)
    }
}

/// Bytes that are compressed against a base of their own.
#[derive(Debug)]
pub struct Delta<'a> {
    /// The bytes.
    pub raw: &'a [u8],
    /// The bytes that the reader will have.
    pub base: &'a [u8],
    /// The base is not the parent's but an older version's: a delta above a quarter of the run alone does not pay.
    pub old: bool,
}

impl Compressor {
    /// Compresses runs, each into a frame against its base; `None` where the base does not pay.
    pub fn deltas(&mut self, runs: &[Delta<'_>], level: i32) -> Vec<Option<Vec<u8>>> {
        let mut frames = delta_frames(runs, level);
        for (frame, run) in frames.iter_mut().zip(runs) {
            frame.take_if(|frame| !self.is_worthwhile(run, frame.len(), level));
        }
        frames
    }

    /// Returns true if a delta of so many bytes is worth that the base must be read.
    fn is_worthwhile(&mut self, run: &Delta<'_>, delta: usize, level: i32) -> bool {
        if delta < run.raw.len() / 16 {
            return true;
        }
        let alone = self.frame(run.raw, level).map_or(usize::MAX, <[u8]>::len);
        delta < if run.old { alone / 4 } else { alone / 10 * 9 }
    }
}

/// Compresses runs, each into a frame against its base; `None` where there is no base.
pub(crate) fn delta_frames(runs: &[Delta<'_>], level: i32) -> Vec<Option<Vec<u8>>> {
    // zstd ties a context to the life of its prefixes, hence one that lives no longer than the bases.
    let (mut context, mut frame) = (CCtx::create(), Vec::new());
    runs.iter().map(|run| delta(&mut context, run, level, &mut frame).map(<[u8]>::to_vec)).collect()
}

/// One frame against a prefix.
fn delta<'s, 'b>(context: &mut CCtx<'b>, run: &Delta<'b>, level: i32, out: &'s mut Vec<u8>) -> Option<&'s [u8]> {
    if run.base.is_empty() {
        return None;
    }
    let window = usize::BITS - (run.raw.len() + run.base.len()).leading_zeros();
    context.set_parameter(CParameter::CompressionLevel(level)).ok()?;
    context.set_parameter(CParameter::WindowLog(window.clamp(18, 24))).ok()?;
    if level < FULL_HASH {
        // At its default, level 1 keeps too few positions of the base and loses most of the gain (docs/performance.md).
        context.set_parameter(CParameter::HashLog(window.saturating_sub(3).clamp(17, 19))).ok()?;
    }
    context.ref_prefix(run.base).ok()?;
    compress(context, run.raw, out)
}

/// The level of zstd from which its own hash log keeps as many positions of a base.
const FULL_HASH: i32 = 7;

/// Compresses into `out`, replacing what it holds.
fn compress<'s>(context: &mut CCtx<'_>, raw: &[u8], out: &'s mut Vec<u8>) -> Option<&'s [u8]> {
    out.clear();
    out.reserve(zstd_safe::compress_bound(raw.len()));
    context.compress2(out, raw).ok()?;
    Some(out)
}

/// Returns true if the bytes are so evenly spread that no compressor gains on them: media, archives, Parquet that is
/// compressed already. Judged by the byte counts of samples, so it costs next to nothing; matches at a distance go unseen,
/// and duplicates of whole chunks are found before anything is compressed.
fn looks_random(raw: &[u8]) -> bool {
    const SAMPLE: usize = 1 << 10;
    const SAMPLES: usize = 16;
    if raw.len() < SAMPLE * SAMPLES {
        return false;
    }
    let mut counts = [0u32; 256];
    for sample in raw.chunks(raw.len() / SAMPLES).filter_map(|c| c.get(..SAMPLE)) {
        for byte in sample {
            counts[usize::from(*byte)] += 1;
        }
    }
    let total = f64::from(counts.iter().sum::<u32>());
    let entropy: f64 = counts.iter().filter(|&&n| n > 0).map(|&n| f64::from(n) / total).map(|p| -p * p.log2()).sum();
    // 16 KiB of random bytes show 7.988 bits a byte; compressed text and images at least 7.9.
    entropy > 7.97
}

/// The error of compressed bytes that cannot be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecompressError;

/// Restores a block of exactly `raw_len` bytes; `base` is what it was compressed against, if anything.
pub fn decompress(codec: Codec, stored: &[u8], base: &[u8], raw_len: usize) -> Result<Vec<u8>, DecompressError> {
    if raw_len > limits::OBJECT {
        return Err(DecompressError);
    }
    let raw = match codec {
        Codec::Stored => stored.to_vec(),
        Codec::Zstd | Codec::Delta => {
            let mut context = DCtx::create();
            if codec == Codec::Delta {
                context.ref_prefix(base).map_err(|_| DecompressError)?;
            }
            let mut raw = Vec::with_capacity(raw_len);
            context.decompress(&mut raw, stored).map_err(|_| DecompressError)?;
            raw
        }
    };
    if raw.len() == raw_len { Ok(raw) } else { Err(DecompressError) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(seed: u8, len: usize) -> Vec<u8> {
        let mut noise = vec![0; (len / 8 + 1) * 2];
        blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut noise);
        noise.chunks(2).flat_map(|b| format!("{:x}{:x} of the ", b[0], b[1]).into_bytes()).take(len).collect()
    }

    fn noise(len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        blake3::Hasher::new().finalize_xof().fill(&mut out);
        out
    }

    #[test]
    fn blocks_come_back() {
        let mut compressor = Compressor::default();
        for (raw, codec) in [(text(1, 100_000), Codec::Zstd), (noise(100_000), Codec::Stored), (vec![], Codec::Stored)] {
            let (used, bytes) = compressor.standalone(&raw, 1);
            assert_eq!(used, codec);
            assert_eq!(decompress(codec, bytes, b"", raw.len()).unwrap(), raw);
        }
    }

    /// Codes one run and checks that it comes back, if its base pays.
    fn against(raw: &[u8], base: &[u8], old: bool) -> Option<Vec<u8>> {
        let frame = Compressor::default().deltas(&[Delta { raw, base, old }], 1).pop().unwrap();
        if let Some(frame) = &frame {
            assert_eq!(decompress(Codec::Delta, frame, base, raw.len()).as_deref(), Ok(raw));
        }
        frame
    }

    #[test]
    fn a_delta_costs_what_changed() {
        let base = text(1, 800_000);
        let mut raw = base.clone();
        raw.splice(400_000..400_100, *b"something else entirely");
        let frame = against(&raw, &base, false).unwrap();
        assert!(frame.len() < 1_000, "{} bytes", frame.len());
        assert_ne!(decompress(Codec::Delta, &frame, &text(2, 800_000), raw.len()), Ok(raw));
    }

    #[test]
    fn runs_of_any_length_go_against_bases_of_any_length() {
        for (raw, base) in [(1, 1), (1, 2), (2, 1), (3, 4), (0, 1), (10, 100_000), (100_000, 1), (10, 0)] {
            against(&text(1, raw), &text(1, base), false);
        }
    }

    #[test]
    fn one_context_serves_runs_of_different_bases() {
        let texts: Vec<Vec<u8>> = (0..6).map(|n| text(n, 300_000)).collect();
        let again = texts[3].clone();
        let runs: Vec<Delta<'_>> = texts
            .windows(2)
            .map(|pair| Delta { raw: &pair[0], base: &pair[1], old: false })
            .chain([Delta { raw: &texts[3], base: &again, old: true }])
            .collect();
        let frames = Compressor::default().deltas(&runs, 1);
        for (frame, run) in frames.iter().zip(&runs).filter_map(|(frame, run)| Some((frame.as_ref()?, run))) {
            assert_eq!(decompress(Codec::Delta, frame, run.base, run.raw.len()).as_deref(), Ok(run.raw));
        }
        assert!(frames[5].as_ref().unwrap().len() < 200);
    }

    #[test]
    fn a_base_that_does_not_pay_is_not_used() {
        assert!(against(&noise(100_000), &text(1, 100_000), false).is_none());
        let (raw, mut near) = (text(1, 100_000), text(1, 100_000));
        near.truncate(50_000);
        assert!(against(&raw, &near, false).is_some(), "half of it pays");
        assert!(against(&raw, &near, true).is_none(), "but not where the base is old");
    }

    #[test]
    fn wrong_lengths_and_garbage_are_refused() {
        let raw = text(1, 10_000);
        let mut compressor = Compressor::default();
        let (_, frame) = compressor.standalone(&raw, 1);
        assert_eq!(decompress(Codec::Zstd, frame, b"", raw.len() - 1), Err(DecompressError));
        assert_eq!(decompress(Codec::Zstd, frame, b"", raw.len() + 1), Err(DecompressError));
        assert_eq!(decompress(Codec::Zstd, &noise(100), b"", 100), Err(DecompressError));
        assert_eq!(decompress(Codec::Stored, &[], b"", limits::OBJECT + 1), Err(DecompressError));
    }
}
