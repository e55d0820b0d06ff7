//! `helox.toml`: any text is a configuration or an error.
#![no_main]

use helox::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("helox.toml");
    std::fs::write(&path, text).unwrap();
    let _ = Config::load(&path, &folder.path().join("config.toml"));
});
