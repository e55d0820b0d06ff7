//! Compression of blocks, alone or against a base, by zstd.
//!
//! A base is bytes that the reader will have: the same region of the parent version. It is given to zstd as a raw
//! prefix, so that what stands in both costs next to nothing.

use zstd::zstd_safe::{self, CCtx, CParameter, DCtx, ResetDirective};

/// How the bytes of a block are coded.
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
    /// The codec that a byte stands for.
    pub fn from_byte(byte: u8) -> Option<Codec> {
        [Codec::Stored, Codec::Zstd, Codec::Delta].into_iter().find(|c| *c as u8 == byte)
    }
}

/// Coded bytes.
#[derive(Debug)]
pub struct Coded {
    /// How they are coded.
    pub codec: Codec,
    /// The bytes that are stored.
    pub bytes: Vec<u8>,
}

/// What a block may come to uncompressed, in bytes: the most that a reader accepts.
pub const MAX_RAW: usize = 4 << 20;
/// What the base of a block may come to, in bytes.
pub const MAX_BASE: usize = 8 << 20;

/// Compresses blocks, reusing zstd's memory. One a thread.
pub struct Compressor {
    context: CCtx<'static>,
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compressor").finish_non_exhaustive()
    }
}

impl Default for Compressor {
    fn default() -> Self {
        Compressor { context: CCtx::create() }
    }
}

impl Compressor {
    /// Compresses a block at zstd's `level`; bytes that do not shrink are stored as they are.
    pub fn alone(&mut self, raw: &[u8], level: i32) -> Coded {
        if looks_random(raw) {
            return Coded { codec: Codec::Stored, bytes: raw.to_vec() };
        }
        let frame = compress(&mut self.context, raw, &[CParameter::CompressionLevel(level)]);
        match frame {
            Some(bytes) if bytes.len() < raw.len() => Coded { codec: Codec::Zstd, bytes },
            _ => Coded { codec: Codec::Stored, bytes: raw.to_vec() },
        }
    }

    /// Compresses a block against a base; falls back to the block alone where the base does not pay. With `old`, the
    /// base is not the parent's but an older version's, and a delta above a quarter of the block alone does not pay.
    pub fn against(&mut self, raw: &[u8], base: &[u8], old: bool, level: i32) -> Coded {
        let delta = delta(raw, base, level);
        if let Some(bytes) = delta {
            if bytes.len() < raw.len() / 32 {
                return Coded { codec: Codec::Delta, bytes };
            }
            let alone = self.alone(raw, level);
            let pays = if old { bytes.len() * 4 < alone.bytes.len() } else { bytes.len() < alone.bytes.len() * 9 / 10 };
            return if pays { Coded { codec: Codec::Delta, bytes } } else { alone };
        }
        self.alone(raw, level)
    }
}

/// One frame against a prefix. zstd ties a context to the life of its prefix, hence a context of its own.
fn delta(raw: &[u8], base: &[u8], level: i32) -> Option<Vec<u8>> {
    let mut context = CCtx::create();
    let window = usize::BITS - (raw.len() + base.len()).leading_zeros();
    // At its default, level 1 keeps too few positions of the base and loses most of the gain (docs/performance.md).
    let hash = window.saturating_sub(3).clamp(17, 19);
    let parameters =
        [CParameter::CompressionLevel(level), CParameter::WindowLog(window.clamp(18, 24)), CParameter::HashLog(hash)];
    for parameter in parameters {
        context.set_parameter(parameter).ok()?;
    }
    context.ref_prefix(base).ok()?;
    let mut out = Vec::with_capacity(zstd_safe::compress_bound(raw.len()));
    context.compress2(&mut out, raw).ok()?;
    out.shrink_to_fit();
    Some(out)
}

fn compress(context: &mut CCtx<'_>, raw: &[u8], parameters: &[CParameter]) -> Option<Vec<u8>> {
    context.reset(ResetDirective::SessionAndParameters).ok()?;
    for parameter in parameters {
        context.set_parameter(*parameter).ok()?;
    }
    let mut out = Vec::with_capacity(zstd_safe::compress_bound(raw.len()));
    context.compress2(&mut out, raw).ok()?;
    out.shrink_to_fit();
    Some(out)
}

/// Whether the bytes are so evenly spread that no compressor gains on them: media, archives, Parquet that is compressed
/// already. Judged by the byte counts of samples, so it costs next to nothing; matches at a distance go unseen, and
/// duplicates of whole chunks are found before anything is compressed.
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

/// What is wrong with coded bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undecodable;

/// Restores a block of exactly `raw_len` bytes; `base` is what it was compressed against, if anything.
pub fn decompress(codec: Codec, stored: &[u8], base: &[u8], raw_len: usize) -> Result<Vec<u8>, Undecodable> {
    if raw_len > MAX_RAW {
        return Err(Undecodable);
    }
    let raw = match codec {
        Codec::Stored => stored.to_vec(),
        Codec::Zstd | Codec::Delta => {
            let mut context = DCtx::create();
            if codec == Codec::Delta {
                context.ref_prefix(base).map_err(|_| Undecodable)?;
            }
            let mut raw = Vec::with_capacity(raw_len);
            context.decompress(&mut raw, stored).map_err(|_| Undecodable)?;
            raw
        }
    };
    if raw.len() == raw_len { Ok(raw) } else { Err(Undecodable) }
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
            let coded = compressor.alone(&raw, 1);
            assert_eq!(coded.codec, codec);
            assert_eq!(decompress(coded.codec, &coded.bytes, b"", raw.len()).unwrap(), raw);
        }
    }

    #[test]
    fn a_delta_costs_what_changed() {
        let base = text(1, 800_000);
        let mut raw = base.clone();
        raw.splice(400_000..400_100, *b"something else entirely");
        let mut compressor = Compressor::default();
        let coded = compressor.against(&raw, &base, false, 1);
        assert_eq!(coded.codec, Codec::Delta);
        assert!(coded.bytes.len() < 1_000, "{} bytes", coded.bytes.len());
        assert_eq!(decompress(Codec::Delta, &coded.bytes, &base, raw.len()).unwrap(), raw);
        assert_ne!(decompress(Codec::Delta, &coded.bytes, &text(2, 800_000), raw.len()), Ok(raw));
    }

    #[test]
    fn blocks_of_any_length_go_against_bases_of_any_length() {
        for (raw, base) in [(1, 1), (1, 2), (2, 1), (3, 4), (0, 1), (10, 100_000), (100_000, 1)] {
            let (raw, base) = (text(1, raw), text(1, base));
            let coded = Compressor::default().against(&raw, &base, false, 1);
            let back = decompress(coded.codec, &coded.bytes, &base, raw.len());
            assert_eq!(back.as_ref(), Ok(&raw), "{} bytes against {}, {:?}", raw.len(), base.len(), coded.codec);
        }
    }

    #[test]
    fn a_base_that_does_not_pay_is_not_used() {
        let coded = Compressor::default().against(&noise(100_000), &text(1, 100_000), false, 1);
        assert_eq!(coded.codec, Codec::Stored);
    }

    #[test]
    fn wrong_lengths_and_garbage_are_refused() {
        let raw = text(1, 10_000);
        let coded = Compressor::default().alone(&raw, 1);
        assert_eq!(decompress(Codec::Zstd, &coded.bytes, b"", raw.len() - 1), Err(Undecodable));
        assert_eq!(decompress(Codec::Zstd, &coded.bytes, b"", raw.len() + 1), Err(Undecodable));
        assert_eq!(decompress(Codec::Zstd, &noise(100), b"", 100), Err(Undecodable));
        assert_eq!(decompress(Codec::Stored, &[], b"", MAX_RAW + 1), Err(Undecodable));
    }
}
