//! Packs: heads of blocks, their content, and tables of contents. The first byte chooses the part.
#![no_main]

use helox::formats::{block, decompress, toc};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((part, bytes)) = input.split_first() else { return };
    if part % 2 == 0 {
        for parsed in [block::decode(bytes), block::head(bytes)] {
            let Ok((head, payload)) = parsed else { continue };
            let content = decompress(head.codec, &bytes[payload..], b"", head.raw_len());
            assert!(content.is_err() || content.is_ok_and(|raw| raw.len() == head.raw_len()));
        }
    } else if let Ok((len, hash)) = toc::footer(bytes) {
        let start = bytes.len().saturating_sub(len);
        let _ = toc::decode(&bytes[start..], &hash, start as u64);
    }
});
