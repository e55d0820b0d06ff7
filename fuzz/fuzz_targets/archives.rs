//! The readers of archives and of compressed files, through the rules. The first byte chooses the ending.
#![no_main]

mod shared;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| shared::validate_file(
    input,
    &["tar", "jsonl.gz", "csv.zst", "txt.bz2", "json.xz", "jsonl.lz4", "tar.gz"]
));
