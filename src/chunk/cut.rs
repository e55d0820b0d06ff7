//! Content-defined cutting: FastCDC in its 2020 form, with normalisation level 1 and no seed.
//!
//! The cut points are part of the format: two stores share chunks only if they cut alike. Xia et al., "The Design of
//! Fast Content-Defined Chunking for Data Deduplication Based Storage Systems", IEEE TPDS 31(9), 2020.

use fastcdc::v2020;

use crate::limits;

/// No chunk is smaller, except a file's last.
pub const MIN: usize = limits::RECIPE_ITEM as usize;
/// The average length of a chunk.
pub const AVERAGE: usize = 64 << 10;
/// No chunk is larger.
pub const MAX: usize = 256 << 10;

/// Returns the length of the first chunk of `bytes`, which must either hold at least [`MAX`] bytes or reach to the file's
/// end.
pub fn first(bytes: &[u8]) -> usize {
    if bytes.len() <= MIN {
        return bytes.len();
    }
    v2020::cut(bytes, MIN, AVERAGE, MAX, MASK_SMALL, MASK_LARGE, MASK_SMALL << 1, MASK_LARGE << 1).1
}

/// The mask before the average size is reached: one bit more than the average asks for.
const MASK_SMALL: u64 = v2020::MASKS[17];
/// The mask after it: one bit fewer.
const MASK_LARGE: u64 = v2020::MASKS[15];

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that look random and are the same everywhere.
    fn noise(len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        blake3::Hasher::new().update(b"noise").finalize_xof().fill(&mut out);
        out
    }

    fn cut_all(mut bytes: &[u8]) -> Vec<usize> {
        let mut out = Vec::new();
        while !bytes.is_empty() {
            let n = first(bytes);
            out.push(n);
            bytes = &bytes[n..];
        }
        out
    }

    #[test]
    fn cut_points_are_those_of_the_format() {
        let data = noise(1 << 20);
        let ours = cut_all(&data);
        let theirs: Vec<usize> = v2020::FastCDC::new(&data, MIN, AVERAGE, MAX).map(|c| c.length).collect();
        assert_eq!(ours, theirs);
        // Worked example of docs/formats/chunk.md: a change here is a change of the format.
        assert_eq!(ours.iter().sum::<usize>(), data.len());
        assert_eq!(ours[..3], [74_076, 101_526, 32_578][..]);
    }

    #[test]
    fn looks_no_further_than_the_longest_chunk() {
        let data = noise(2 * MAX);
        assert_eq!(first(&data), first(&data[..MAX]));
        assert_eq!(first(&vec![0; 2 * MAX]), MAX);
        assert_eq!(first(b""), 0);
        assert_eq!(first(&data[..MIN]), MIN);
    }
}
