//! The readers of columnar formats, through the rules. The first byte chooses the ending.
#![no_main]

mod shared;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| shared::validate_file(input, &["parquet", "arrow"]));
